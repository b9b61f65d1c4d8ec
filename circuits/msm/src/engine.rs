//! nova's engines over BN254 and Grumpkin with Pedersen commitments on [`Bases`]: the same generators, commitments,
//! transcripts and bytes as nova's own.

use std::{
    cell::Cell,
    fmt,
    marker::PhantomData,
    ops::{Add, Mul, MulAssign, Range},
    sync::Arc,
};

use ff::Field;
use halo2curves::{
    group::{Curve as _, Group as _},
    serde::SerdeObject,
};
use nova_snark::{
    errors::NovaError,
    gadgets::utils::to_bignat_repr,
    provider::{
        bn256_grumpkin::{bn256, grumpkin},
        keccak::Keccak256Transcript,
        pedersen::CommitmentKeyExtTrait,
        poseidon::{PoseidonRO, PoseidonROCircuit},
        traits::{DlogGroup, DlogGroupExt},
    },
    traits::{
        AbsorbInRO2Trait, AbsorbInROTrait, Engine, ROTrait, TranscriptReprTrait,
        commitment::{CommitmentEngineTrait, CommitmentTrait, Len},
    },
};
use num_integer::Integer;
use num_traits::ToPrimitive;
use rayon::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    bases::{Bases, fold},
    curve::{Bn254, Curve, Grumpkin},
    generators::of_label,
};

/// An engine whose commitments are made here.
pub trait MsmEngine: Engine<GE = <Self::Curve as Curve>::Point> {
    /// Its curve.
    type Curve: Curve<Base = Self::Base, Scalar = Self::Scalar>;
}

/// BN254, as nova's `Bn256EngineIPA`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Bn254Engine;

/// Grumpkin, as nova's `GrumpkinEngine`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct GrumpkinEngine;

impl Engine for Bn254Engine {
    type Base = bn256::Base;
    type Scalar = bn256::Scalar;
    type GE = bn256::Point;
    type RO = PoseidonRO<Self::Base>;
    type ROCircuit = PoseidonROCircuit<Self::Base>;
    type RO2 = PoseidonRO<Self::Scalar>;
    type RO2Circuit = PoseidonROCircuit<Self::Scalar>;
    type TE = Keccak256Transcript<Self>;
    type CE = Commitments<Self>;
}

impl Engine for GrumpkinEngine {
    type Base = grumpkin::Base;
    type Scalar = grumpkin::Scalar;
    type GE = grumpkin::Point;
    type RO = PoseidonRO<Self::Base>;
    type ROCircuit = PoseidonROCircuit<Self::Base>;
    type RO2 = PoseidonRO<Self::Scalar>;
    type RO2Circuit = PoseidonROCircuit<Self::Scalar>;
    type TE = Keccak256Transcript<Self>;
    type CE = Commitments<Self>;
}

impl MsmEngine for Bn254Engine {
    type Curve = Bn254;
}

impl MsmEngine for GrumpkinEngine {
    type Curve = Grumpkin;
}

type Affine<E> = <<E as MsmEngine>::Curve as Curve>::Affine;

/// Some of the points of a table.
#[derive(Clone)]
struct Part<C: Curve> {
    bases: Arc<Bases<C>>,
    range: Range<usize>,
}

impl<C: Curve> Part<C> {
    fn points(&self) -> &[C::Affine] {
        &self.bases.points()[self.range.clone()]
    }
}

/// Generators. Parts of a key, and keys made of several, share the points and tables of the whole.
#[derive(Clone)]
pub struct CommitmentKey<E: MsmEngine> {
    parts: Vec<Part<E::Curve>>,
    /// The generator of blinds.
    h: Affine<E>,
}

impl<E: MsmEngine> fmt::Debug for CommitmentKey<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitmentKey").field("generators", &self.length()).finish_non_exhaustive()
    }
}

impl<E: MsmEngine> CommitmentKey<E> {
    fn new(points: Vec<Affine<E>>, h: Affine<E>) -> Self {
        let range = 0..points.len();
        Self { parts: vec![Part { bases: Arc::new(Bases::new(points)), range }], h }
    }

    fn points(&self) -> Vec<Affine<E>> {
        self.parts.iter().flat_map(Part::points).copied().collect()
    }

    /// Some of the generators, in their order.
    fn part(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.length(), "no such generators");
        let mut parts = Vec::new();
        let mut before = 0;
        for Part { bases, range: own } in &self.parts {
            let start = range.start.max(before).min(before + own.len());
            let end = range.end.max(before).min(before + own.len());
            if start < end {
                let range = own.start + start - before..own.start + end - before;
                parts.push(Part { bases: bases.clone(), range });
            }
            before += own.len();
        }
        Self { parts, h: self.h }
    }

    fn product(&self, scalars: &[E::Scalar]) -> E::GE {
        assert!(scalars.len() <= self.length(), "more scalars than generators");
        let mut left = scalars;
        self.parts.iter().fold(E::GE::identity(), |sum, Part { bases, range }| {
            let own;
            (own, left) = left.split_at(range.len().min(left.len()));
            sum + bases.msm(range.start, own)
        })
    }

    fn blinded(&self, product: E::GE, blind: &E::Scalar) -> Commitment<E> {
        let blind = if bool::from(blind.is_zero()) { E::GE::identity() } else { E::GE::from(self.h) * *blind };
        Commitment { comm: product + blind }
    }
}

impl<E: MsmEngine> Len for CommitmentKey<E> {
    fn length(&self) -> usize {
        self.parts.iter().map(|part| part.range.len()).sum()
    }
}

/// A key as nova writes it.
#[derive(Serialize, Deserialize)]
#[serde(rename = "CommitmentKey")]
struct Written<P, H> {
    ck: P,
    h: H,
}

thread_local! {
    static PLAIN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, in which this thread writes and reads the generators of keys with both coordinates, in the form in which they lie
/// in memory. nova's form has one coordinate: half as long, and each point costs a square root to read. Every point that
/// is read is checked to lie on its curve.
pub fn plain_keys<T>(work: impl FnOnce() -> T) -> T {
    /// Sets back what was, also when `work` panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            PLAIN.set(self.0);
        }
    }
    let _before = Before(PLAIN.replace(true));
    work()
}

/// The coordinates of a point in Montgomery form, 64 bits at a time.
fn words<A: SerdeObject>(point: &A) -> [u64; 8] {
    let bytes = point.to_raw_bytes();
    std::array::from_fn(|i| bytes[8 * i..8 * i + 8].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)))
}

/// The point of such words, if they are coordinates below the modulus and of a point of the curve.
fn point_of<A: SerdeObject>(words: &[u64; 8]) -> Option<A> {
    A::from_raw_bytes(&words.map(u64::to_le_bytes).concat())
}

impl<E: MsmEngine> Serialize for CommitmentKey<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let h = self.h;
        if PLAIN.get() {
            let points = self.points();
            // by this thread alone: a thread of rayon's might take other work up meanwhile, and that would be written plainly too
            let ck: Vec<_> = points.iter().map(words).collect();
            return Written { ck, h }.serialize(serializer);
        }
        match &self.parts[..] {
            [part] => Written { ck: part.points(), h }.serialize(serializer),
            _ => Written { ck: self.points(), h }.serialize(serializer),
        }
    }
}

impl<'de, E: MsmEngine> Deserialize<'de> for CommitmentKey<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if PLAIN.get() {
            let Written { ck, h } = Written::<Vec<[u64; 8]>, Affine<E>>::deserialize(deserializer)?;
            let points: Option<_> = ck.iter().map(point_of).collect();
            let points = points.ok_or_else(|| D::Error::custom("a generator is no point of its curve"))?;
            return Ok(Self::new(points, h));
        }
        let Written { ck, h } = Written::<Vec<Affine<E>>, Affine<E>>::deserialize(deserializer)?;
        Ok(Self::new(ck, h))
    }
}

/// The generator of blinds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct DerandKey<E: MsmEngine> {
    h: Affine<E>,
}

/// A commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Commitment<E: MsmEngine> {
    comm: E::GE,
}

impl<E: MsmEngine> Default for Commitment<E> {
    fn default() -> Self {
        Self { comm: E::GE::identity() }
    }
}

impl<E: MsmEngine> CommitmentTrait<E> for Commitment<E> {
    fn to_coordinates(&self) -> (E::Base, E::Base, bool) {
        DlogGroup::to_coordinates(&self.comm)
    }
}

impl<E: MsmEngine> TranscriptReprTrait<E::GE> for Commitment<E> {
    fn to_transcript_bytes(&self) -> Vec<u8> {
        let (x, y, is_infinity) = self.to_coordinates();
        let bytes = <E::Base as TranscriptReprTrait<E::GE>>::to_transcript_bytes;
        [bytes(&x), bytes(&y), vec![u8::from(is_infinity)]].concat()
    }
}

impl<E: MsmEngine> AbsorbInROTrait<E> for Commitment<E> {
    fn absorb_in_ro(&self, ro: &mut E::RO) {
        let (x, y, is_infinity) = self.to_coordinates();
        ro.absorb(x);
        ro.absorb(y);
        ro.absorb(if is_infinity { E::Base::ONE } else { E::Base::ZERO });
    }
}

impl<E: MsmEngine> AbsorbInRO2Trait<E> for Commitment<E> {
    fn absorb_in_ro2(&self, ro: &mut E::RO2) {
        let (x, y, is_infinity) = self.to_coordinates();
        for limb in to_bignat_repr::<E::Base, E::Scalar>(&x).into_iter().chain(to_bignat_repr(&y)) {
            ro.absorb(limb);
        }
        ro.absorb(if is_infinity { E::Scalar::ONE } else { E::Scalar::ZERO });
    }
}

impl<E: MsmEngine> MulAssign<E::Scalar> for Commitment<E> {
    fn mul_assign(&mut self, scalar: E::Scalar) {
        self.comm = self.comm * scalar;
    }
}

impl<E: MsmEngine> Mul<E::Scalar> for Commitment<E> {
    type Output = Self;

    fn mul(self, scalar: E::Scalar) -> Self {
        Self { comm: self.comm * scalar }
    }
}

impl<E: MsmEngine> Add for Commitment<E> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { comm: self.comm + other.comm }
    }
}

/// Pedersen commitments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitments<E>(PhantomData<E>);

impl<E: MsmEngine> CommitmentEngineTrait<E> for Commitments<E> {
    type CommitmentKey = CommitmentKey<E>;
    type DerandKey = DerandKey<E>;
    type Commitment = Commitment<E>;

    fn setup(label: &'static [u8], n: usize) -> Result<CommitmentKey<E>, NovaError> {
        let mut points = of_label::<E::Curve>(label, n.next_power_of_two() + 1);
        let h = points.remove(0);
        Ok(CommitmentKey::new(points, h))
    }

    fn derand_key(ck: &CommitmentKey<E>) -> DerandKey<E> {
        DerandKey { h: ck.h }
    }

    fn commit(ck: &CommitmentKey<E>, v: &[E::Scalar], r: &E::Scalar) -> Commitment<E> {
        ck.blinded(ck.product(v), r)
    }

    fn commit_small<T: Integer + Into<u64> + Copy + Sync + ToPrimitive>(
        ck: &CommitmentKey<E>,
        v: &[T],
        r: &E::Scalar,
    ) -> Commitment<E> {
        ck.blinded(E::GE::vartime_multiscalar_mul_small(v, &ck.part(0..v.len()).points()), r)
    }

    fn commit_small_range<T: Integer + Into<u64> + Copy + Sync + ToPrimitive>(
        ck: &CommitmentKey<E>,
        v: &[T],
        r: &E::Scalar,
        range: Range<usize>,
        max_num_bits: usize,
    ) -> Commitment<E> {
        let points = ck.part(range.clone()).points();
        ck.blinded(E::GE::vartime_multiscalar_mul_small_with_max_num_bits(&v[range], &points, max_num_bits), r)
    }

    fn commit_sparse_binary(ck: &CommitmentKey<E>, non_zero_indices: &[usize], r: &E::Scalar) -> Commitment<E> {
        let ones = vec![E::Scalar::ONE; non_zero_indices.len()];
        Self::commit_sparse(ck, non_zero_indices, &ones, r)
    }

    fn commit_sparse(ck: &CommitmentKey<E>, indices: &[usize], scalars: &[E::Scalar], r: &E::Scalar) -> Commitment<E> {
        assert_eq!(indices.len(), scalars.len(), "indices without a scalar");
        let points: Vec<_> = indices.iter().map(|i| ck.part(*i..*i + 1).points()[0]).collect();
        ck.blinded(E::GE::vartime_multiscalar_mul(scalars, &points), r)
    }

    fn derandomize(dk: &DerandKey<E>, commit: &Commitment<E>, r: &E::Scalar) -> Commitment<E> {
        Commitment { comm: commit.comm - E::GE::from(dk.h) * *r }
    }

    fn ck_to_coordinates(ck: &CommitmentKey<E>) -> Vec<(E::Base, E::Base)> {
        let coordinates = |point: &E::GE| {
            let (x, y, _) = DlogGroup::to_coordinates(point);
            (x, y)
        };
        Self::ck_to_group_elements(ck).par_iter().map(coordinates).collect()
    }

    fn ck_to_group_elements(ck: &CommitmentKey<E>) -> Vec<E::GE> {
        let points: Vec<_> = ck.points().into_iter().map(E::GE::from).collect();
        assert!(!points.contains(&E::GE::identity()), "a generator is the identity");
        points
    }

    fn ck_derive_by_address(
        ck: &CommitmentKey<E>,
        addresses: &[usize],
        table_size: usize,
    ) -> Result<CommitmentKey<E>, NovaError> {
        if addresses.len() > ck.length() {
            return Err(NovaError::InvalidCommitmentKeyLength);
        }
        if addresses.iter().any(|&j| j >= table_size) {
            return Err(NovaError::InvalidIndex);
        }
        let mut sums = vec![E::GE::identity(); table_size];
        for (point, j) in ck.points().into_iter().zip(addresses) {
            sums[*j] += point;
        }
        Ok(CommitmentKey::new(sums.into_par_iter().map(|sum| sum.to_affine()).collect(), ck.h))
    }
}

impl<E: MsmEngine<CE = Commitments<E>>> CommitmentKeyExtTrait<E> for CommitmentKey<E> {
    fn split_at(&self, n: usize) -> (Self, Self) {
        (self.part(0..n), self.part(n..self.length()))
    }

    fn combine(&self, other: &Self) -> Self {
        Self { parts: [&self.parts[..], &other.parts].concat(), h: self.h }
    }

    fn fold(&self, w1: &E::Scalar, w2: &E::Scalar) -> Self {
        let points = self.points();
        let (left, right) = points.split_at(points.len() / 2);
        Self::new(fold::<E::Curve>(w1, w2, left, &right[..left.len()]), self.h)
    }

    fn scale(&self, r: &E::Scalar) -> Self {
        let scaled = self.points().into_par_iter().map(|point| (E::GE::from(point) * *r).to_affine());
        Self::new(scaled.collect(), self.h)
    }

    fn reinterpret_commitments_as_ck(c: &[Commitment<E>]) -> Result<Self, NovaError> {
        // what is made of commitments commits without blinds
        let points = c.par_iter().map(|c| c.comm.to_affine()).collect();
        Ok(Self::new(points, E::GE::identity().to_affine()))
    }
}
