//! Generators that nobody chose: the points that follow from a label by hashing to the curve, as nova derives them. SHAKE-256 of the
//! label gives a message of 32 bytes for each; RFC 9380 makes a point of it, by SHA-256 and the map of Shallue and
//! van de Woestijne.
//!
//! What is done for many at once is the inversions and, on the vector path, the square roots.

use ff::{BatchInverter, Field, FromUniformBytes, PrimeField};
use halo2curves::{CurveAffine, CurveExt, group::Curve as _};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use sha3::{
    Shake256,
    digest::{ExtendableOutput, Update, XofReader},
};

use crate::curve::Curve;
#[cfg(target_arch = "x86_64")]
use crate::{
    bases::{Path, path},
    ifma::{self, Vector},
};

/// What nova puts before the curve's own domain.
const PREFIX: &[u8] = b"from_uniform_bytes";
/// Messages that share their inversions.
const CHUNK: usize = 256;

/// The first `count` generators of a label.
pub(crate) fn of_label<C: Curve>(label: &[u8], count: usize) -> Vec<C::Affine> {
    let mut reader = Shake256::default().chain(label).finalize_xof();
    let mut messages = vec![[0; 32]; count];
    for message in &mut messages {
        reader.read(message);
    }
    let mut points = vec![C::Affine::default(); count];
    let map = Map::<C>::new();
    // the path is chosen before many threads ask for it
    #[cfg(target_arch = "x86_64")]
    path();
    points.par_chunks_mut(CHUNK).zip(messages.par_chunks(CHUNK)).for_each(|(points, messages)| {
        let numbers: Vec<_> = messages.iter().flat_map(numbers::<C>).collect();
        let mapped = map.points(&numbers);
        let sums: Vec<_> = mapped.chunks_exact(2).map(|pair| pair[0] + pair[1]).collect();
        C::Point::batch_normalize(&sums, points);
    });
    points
}

/// The two field elements of a message: `hash_to_field` with `expand_message_xmd` of 96 bytes.
fn numbers<C: Curve>(message: &[u8; 32]) -> [C::Base; 2] {
    let length = [(PREFIX.len() + C::DOMAIN.len()) as u8];
    let block = |head: &[u8], number: u8| {
        let hash = Sha256::new().chain_update(head).chain_update([number]);
        <[u8; 32]>::from(hash.chain_update(PREFIX).chain_update(C::DOMAIN).chain_update(length).finalize())
    };
    let head = [&[0; 64], &message[..], &[0, 96]].concat();
    let first = block(&head, 0);
    let mut uniform = [0; 96];
    let mut before = [0; 32];
    for (i, place) in uniform.chunks_exact_mut(32).enumerate() {
        let head: [u8; 32] = std::array::from_fn(|j| first[j] ^ before[j]);
        before = block(&head, i as u8 + 1);
        place.copy_from_slice(&before);
    }
    // numbers are written with their highest byte first
    uniform.reverse();
    let element = |bytes: &[u8]| C::Base::from_uniform_bytes(&std::array::from_fn(|i| bytes[i]));
    [element(&uniform[48..]), element(&uniform[..48])]
}

/// The map to a curve y² = g(x) = x³ + b, with Z = 1 (RFC 9380, section 6.6.1).
struct Map<C: Curve> {
    b: C::Base,
    /// g(1).
    c1: C::Base,
    /// −1/2.
    c2: C::Base,
    /// The even root of −3·g(1).
    c3: C::Base,
    /// −4·g(1)/3.
    c4: C::Base,
}

impl<C: Curve> Map<C> {
    fn new() -> Self {
        let b = <C::Point as CurveExt>::b();
        let three = C::Base::from(3);
        let c1 = C::Base::ONE + b;
        let root = (-c1 * three).sqrt().expect("Z = 1 is fit for the curve");
        let c3 = if bool::from(root.is_odd()) { -root } else { root };
        let c4 = -c1.double().double() * three.invert().expect("3 is not 0");
        Self { b, c1, c2: -C::Base::TWO_INV, c3, c4 }
    }

    /// The point of each number.
    fn points(&self, numbers: &[C::Base]) -> Vec<C::Affine> {
        let one = C::Base::ONE;
        let weights: Vec<_> = numbers.iter().map(|u| u.square() * self.c1).collect();
        let mut inverses: Vec<_> = weights.iter().map(|t| (one - t) * (one + t)).collect();
        // what is 0 stays 0, as the map asks
        BatchInverter::invert_with_external_scratch(&mut inverses, &mut weights.clone());
        let candidates: Vec<[C::Base; 3]> = numbers
            .iter()
            .zip(&weights)
            .zip(&inverses)
            .map(|((u, t), inverse)| {
                let away = *u * (one - t) * inverse * self.c3;
                let third = ((one + t).square() * inverse).square() * self.c4 + one;
                [self.c2 - away, self.c2 + away, third]
            })
            .collect();
        // the first candidate that is a point's x
        let mut points = vec![C::Affine::default(); numbers.len()];
        let mut open: Vec<usize> = (0..numbers.len()).collect();
        for candidate in 0..3 {
            let heights: Vec<_> = open
                .iter()
                .map(|i| {
                    let x = candidates[*i][candidate];
                    x.square() * x + self.b
                })
                .collect();
            let mut roots = roots::<C>(&heights).into_iter();
            open.retain(|i| {
                let Some(root) = roots.next().flatten() else { return true };
                let same = bool::from(root.is_odd()) == bool::from(numbers[*i].is_odd());
                let y = if same { root } else { -root };
                points[*i] = Option::from(C::Affine::from_xy(candidates[*i][candidate], y)).expect("y² = g(x)");
                false
            });
        }
        assert!(open.is_empty(), "one of three candidates is the x of a point");
        points
    }
}

/// A square root of each, where there is one.
fn roots<C: Curve>(squares: &[C::Base]) -> Vec<Option<C::Base>> {
    #[cfg(target_arch = "x86_64")]
    if C::MODULUS[0] % 4 == 3
        && path() == Path::Vector
        && let Some(kernel) = Vector::<C>::detect()
    {
        let candidates = ifma::roots::candidates(kernel, squares);
        return candidates.into_iter().zip(squares).map(|(root, x)| (root.square() == *x).then_some(root)).collect();
    }
    squares.iter().map(|x| Option::from(x.sqrt())).collect()
}

#[cfg(test)]
mod tests {
    use nova_snark::provider::traits::DlogGroup;

    use super::*;
    use crate::curve::{Bn254, Grumpkin};

    /// On the path of this processor, and so on each that CI has.
    #[test]
    fn generators_are_novas() {
        for count in [0, 1, 7, 256, 257, 3000] {
            assert_eq!(of_label::<Bn254>(b"ck", count), <Bn254 as Curve>::Point::from_label(b"ck", count));
        }
        assert_eq!(of_label::<Grumpkin>(b"ipa", 300), <Grumpkin as Curve>::Point::from_label(b"ipa", 300));
    }

    #[test]
    fn roots_are_found_where_there_are_any() {
        let numbers: Vec<_> = (0..100).map(<Bn254 as Curve>::Base::from).collect();
        let expected: Vec<_> = numbers.iter().map(|x| bool::from(x.sqrt().is_some())).collect();
        let found = roots::<Bn254>(&numbers);
        assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), expected);
        assert!(found.iter().zip(&numbers).all(|(root, x)| root.is_none_or(|root| root.square() == *x)));
    }

    /// Where 1 − u²·g(1) = 0 or 1 + u²·g(1) = 0 the map inverts 0: then −1/2 is tried, and 1.
    fn exceptional<C: Curve>() -> usize {
        let map = Map::<C>::new();
        let inverse = map.c1.invert().unwrap();
        let roots = [inverse, -inverse].into_iter().filter_map(|x| Option::<C::Base>::from(x.sqrt()));
        let numbers: Vec<_> = roots.flat_map(|u| [u, -u]).collect();
        let g = |x: C::Base| x.square() * x + map.b;
        let x = if bool::from(g(map.c2).sqrt().is_some()) { map.c2 } else { C::Base::ONE };
        for (u, point) in numbers.iter().zip(map.points(&numbers)) {
            let at = point.coordinates().unwrap();
            assert_eq!((*at.x(), at.y().square()), (x, g(x)));
            assert_eq!(bool::from(at.y().is_odd()), bool::from(u.is_odd()));
        }
        numbers.len()
    }

    #[test]
    fn exceptional_numbers_have_the_points_of_the_standard() {
        assert_eq!((exceptional::<Bn254>(), exceptional::<Grumpkin>()), (2, 4));
    }
}
