//! Poseidon over the BN254 scalar field: the one hash of leaves, tree and chains. Its circuit is `gadget::hash`.
//!
//! The function is the sponge that nova-snark uses (x^5, capacity 1, `Strength::Standard`, simplex): absorb as many
//! elements as the arity, permute once, squeeze one. Our own code, because the circuit is written against bellpepper,
//! and because a constant capacity element makes three constraints of each hash free; `agrees_with_nova` ties it to
//! nova's implementation on random input, and `known_answers` to the published vectors.
//!
//! Constants follow the Poseidon paper (Grassi et al., USENIX Security 2021): round constants from the Grain LFSR, the
//! matrix `M[i][j] = 1/(i + t + j)`.

use std::sync::OnceLock;

use ff::{Field, PrimeField};

use crate::field::F;

/// What a hash is used for: the domain separator that enters the capacity element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Domain {
    /// A page.
    Leaf = 1,
    /// Eight children of the tree.
    Node = 2,
    /// The chain over the public part of the columns.
    Book = 3,
    /// The chain over the private part of the columns.
    Private = 4,
}

/// The largest number of inputs a hash here takes.
pub const MAX_ARITY: usize = 8;

const FULL_ROUNDS: usize = 8;

/// Partial rounds by width t = arity + 1 for 128-bit security with the paper's margin (its round-number formula).
const fn partial_rounds(width: usize) -> usize {
    match width {
        3 => 55,
        4..=7 => 56,
        _ => 57,
    }
}

/// Round constants and matrix for one width.
pub(crate) struct Constants {
    pub(crate) width: usize,
    pub(crate) rounds: Vec<Vec<F>>,
    pub(crate) matrix: Vec<Vec<F>>,
}

impl Constants {
    fn derive(width: usize) -> Self {
        let partial = partial_rounds(width);
        let mut grain = Grain::new(width as u128, FULL_ROUNDS as u128, partial as u128);
        let rounds = (0..FULL_ROUNDS + partial).map(|_| (0..width).map(|_| grain.element()).collect()).collect();
        let entry = |i: usize, j: usize| {
            let sum = F::from((i + width + j) as u64);
            Option::<F>::from(sum.invert()).expect("small and not zero, hence invertible")
        };
        let matrix = (0..width).map(|i| (0..width).map(|j| entry(i, j)).collect()).collect();
        Self { width, rounds, matrix }
    }

    pub(crate) fn of(arity: usize) -> &'static Self {
        static BY_ARITY: [OnceLock<Constants>; MAX_ARITY + 1] = [const { OnceLock::new() }; MAX_ARITY + 1];
        assert!((2..=MAX_ARITY).contains(&arity), "hash arity {arity} is not in 2..={MAX_ARITY}");
        BY_ARITY[arity].get_or_init(|| Self::derive(arity + 1))
    }

    pub(crate) fn is_full(&self, round: usize) -> bool {
        let half = FULL_ROUNDS / 2;
        round < half || round >= self.rounds.len() - half
    }
}

/// The Grain LFSR of the paper's appendix, in self-shrinking mode.
struct Grain(u128);

impl Grain {
    fn new(width: u128, full: u128, partial: u128) -> Self {
        // prime field (2 bits), x^5 (4), field size 254 (12), width (12), rounds (10 + 10), thirty ones
        let fields = [(2, 1), (4, 1), (12, 254), (12, width), (10, full), (10, partial), (30, (1 << 30) - 1)];
        let state = fields.iter().fold(0u128, |s, (bits, value)| (s << bits) | value);
        let mut grain = Self(state);
        for _ in 0..160 {
            grain.step();
        }
        grain
    }

    /// The register's oldest bit is bit 79, its newest bit 0.
    fn step(&mut self) -> bool {
        let tap = |i: u32| (self.0 >> (79 - i)) & 1;
        let bit = tap(62) ^ tap(51) ^ tap(38) ^ tap(23) ^ tap(13) ^ tap(0);
        self.0 = ((self.0 << 1) | bit) & ((1 << 80) - 1);
        bit == 1
    }

    fn bit(&mut self) -> bool {
        while !self.step() {
            self.step();
        }
        self.step()
    }

    /// The next 254 bits that are a number below p.
    fn element(&mut self) -> F {
        loop {
            let mut repr = [0u8; 32];
            for i in (0..254).rev() {
                repr[i / 8] |= u8::from(self.bit()) << (i % 8);
            }
            if let Some(x) = F::from_repr_vartime(repr.into()) {
                return x;
            }
        }
    }
}

/// The capacity element: the sponge's input-output pattern (absorb `arity`, squeeze 1) and the domain, hashed to 128
/// bits as in the SAFE sponge API.
pub(crate) fn tag(arity: usize, domain: Domain) -> F {
    let base = 0u128.wrapping_sub(159);
    let words = [arity as u128 + (1 << 31), 1, domain as u128];
    let (mut power, mut sum) = (1u128, 0u128);
    for word in words {
        power = power.wrapping_mul(base);
        sum = sum.wrapping_add(power.wrapping_mul(word));
    }
    F::from_u128(sum)
}

/// x^5 and the two powers on the way, in the order in which the circuit allocates them.
pub(crate) fn fifth_power(x: F) -> [F; 3] {
    let square = x.square();
    let fourth = square.square();
    [square, fourth, fourth * x]
}

/// The permutation; `sbox` sees every S-box's (round, element, powers).
pub(crate) fn permute(constants: &Constants, state: &mut [F], mut sbox: impl FnMut(usize, usize, [F; 3])) {
    let mut mixed = [F::ZERO; MAX_ARITY + 1];
    for (r, keys) in constants.rounds.iter().enumerate() {
        let boxes = if constants.is_full(r) { constants.width } else { 1 };
        for (i, (x, key)) in state.iter_mut().zip(keys).enumerate() {
            *x += key;
            if i < boxes {
                let powers = fifth_power(*x);
                *x = powers[2];
                sbox(r, i, powers);
            }
        }
        for (row, out) in constants.matrix.iter().zip(&mut mixed) {
            *out = row.iter().zip(state.iter()).map(|(m, x)| *m * x).sum();
        }
        state.copy_from_slice(&mixed[..constants.width]);
    }
}

/// The hash of 2 to [`MAX_ARITY`] elements in `domain`.
///
/// # Panics
/// If the number of inputs is outside these bounds.
pub fn hash(domain: Domain, inputs: &[F]) -> F {
    let constants = Constants::of(inputs.len());
    let mut buffer = [F::ZERO; MAX_ARITY + 1];
    let state = &mut buffer[..constants.width];
    state[0] = tag(inputs.len(), domain);
    state[1..].copy_from_slice(inputs);
    permute(constants, state, |_, _, _| {});
    state[1]
}

/// Constraints of one hash: three for each S-box, but for the first S-box of the constant capacity element.
pub const fn hash_constraints(arity: usize) -> usize {
    3 * (FULL_ROUNDS * (arity + 1) + partial_rounds(arity + 1)) - 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::to_hex;

    /// Published answers for domain separator 0, which no use of ours has: hence through the permutation directly.
    #[test]
    fn known_answers() {
        let zero_domain = |n: usize| {
            let constants = Constants::of(n);
            let base = 0u128.wrapping_sub(159);
            let t = base.wrapping_mul(n as u128 + (1 << 31)).wrapping_add(base.wrapping_mul(base));
            let mut state = vec![F::from_u128(t)];
            state.extend((1..=n as u64).map(F::from));
            permute(constants, &mut state, |_, _, _| {});
            to_hex(&state[1])
        };
        assert_eq!(zero_domain(2), "2b716e9ae15aef432cb331ac5796f2ff0f431c85615dbc230702a30e0f8826dd");
        assert_eq!(zero_domain(4), "20f08deaf61525a93db62791aa19a5738e51d2b8d44b4266f18ae25b547040bf");
        assert_eq!(zero_domain(5), "1d99df854e40669083577fd73aa13068fbf439af7af814e34b3111a1b8853a2c");
        assert_eq!(zero_domain(8), "19fb3f5770ec7faf31aa66600c40b9e75ce6d9e5726fe70833fc3f4092ecbfdb");
    }
}
