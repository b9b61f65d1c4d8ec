//! Square roots in a field whose modulus is 3 modulo 4: x^((p + 1)/4), eight at a time.

use core::arch::x86_64::*;

use halo2curves::serde::SerdeObject;

use super::{
    lanes::{Lanes, Modulus},
    points::{PRODUCT, Product, Vector, reduce_once},
};
use crate::curve::Curve;

/// Bits of the exponent that are taken at a time.
const WINDOW: usize = 4;

/// For each x a root of x, or of −x if x has none.
pub(crate) fn candidates<C: Curve>(_: Vector<C>, squares: &[C::Base]) -> Vec<C::Base> {
    let mut roots = Vec::with_capacity(squares.len());
    for squares in squares.chunks(8) {
        // SAFETY: a `Vector` exists only where `available` found the instructions that the function needs
        #[allow(unsafe_code)]
        let eight = unsafe { eight::<C>(squares) };
        roots.extend_from_slice(&eight[..squares.len()]);
    }
    roots
}

/// (p + 1)/4 in digits of WINDOW bits, lowest first.
fn exponent<C: Curve>() -> impl DoubleEndedIterator<Item = usize> {
    let p = C::MODULUS;
    // p/4 rounded down, and one more: p is 3 modulo 4
    let quarter: [u64; 4] = std::array::from_fn(|i| p[i] >> 2 | p.get(i + 1).map_or(0, |next| next << 62));
    let mut digits = [0; 64];
    for (i, digit) in digits.iter_mut().enumerate() {
        *digit = (quarter[i / 16] >> (WINDOW * (i % 16)) & 15) as usize;
    }
    // the carry ends at once, for both curves' moduli: their lowest digit is not 15 after the shift
    digits[0] += 1;
    assert!(digits[0] < 16);
    digits.into_iter()
}

vector! {
    fn eight<C: Curve>(squares: &[C::Base]) -> [C::Base; 8] {
        let mut columns = [[0u64; 8]; 4];
        for (lane, square) in squares.iter().enumerate() {
            let bytes = square.to_raw_bytes();
            for (limb, bytes) in columns.iter_mut().zip(bytes.as_chunks().0) {
                limb[lane] = u64::from_le_bytes(*bytes);
            }
        }
        let [a, b, c, d] = columns;
        let words: [__m512i; 4] = [bytemuck::cast(a), bytemuck::cast(b), bytemuck::cast(c), bytemuck::cast(d)];
        let x: Lanes<C, 32> = Lanes::from_64(words);
        let x: Product<C> = x.times(&Lanes::<C, 32>::splat(&Modulus::<C>::FROM_256)).carried();
        let mut powers = [Product::<C>::splat(&Modulus::<C>::ONE); 1 << WINDOW];
        for i in 1..1 << WINDOW {
            powers[i] = powers[i - 1].times(&x).carried();
        }
        let mut power = powers[0];
        for digit in exponent::<C>().rev() {
            for _ in 0..WINDOW {
                power = power.squared().carried();
            }
            power = power.times(&powers[digit]).carried();
        }
        let back = power.times::<32, PRODUCT>(&Lanes::<C, 32>::splat(&Modulus::<C>::TO_256)).reduced();
        let [a, b, c, d] = back.words();
        let limbs: [[u64; 8]; 4] = [bytemuck::cast(a), bytemuck::cast(b), bytemuck::cast(c), bytemuck::cast(d)];
        let mut roots = [C::Base::default(); 8];
        for (lane, root) in roots.iter_mut().enumerate() {
            let mut words = [limbs[0][lane], limbs[1][lane], limbs[2][lane], limbs[3][lane]];
            reduce_once::<C>(&mut words);
            let bytes: [u8; 32] = bytemuck::cast(words);
            *root = C::Base::from_raw_bytes_unchecked(&bytes);
        }
        roots
    }
}
