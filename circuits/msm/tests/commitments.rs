//! Commitments, keys and their bytes against those of nova's own engines.
#![allow(clippy::unwrap_used, missing_docs)]

use assay_msm::engine::{Bn254Engine, Commitments, GrumpkinEngine, MsmEngine, plain_keys};
use ff::Field;
use nova_snark::{
    provider::{
        Bn256EngineIPA, GrumpkinEngine as NovaGrumpkin,
        pedersen::{CommitmentEngine, CommitmentKeyExtTrait},
        traits::DlogGroupExt,
    },
    traits::{
        AbsorbInRO2Trait, AbsorbInROTrait, Engine, ROTrait, TranscriptReprTrait,
        commitment::{CommitmentEngineTrait, CommitmentTrait, Len},
    },
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::Serialize;

fn bytes(value: &impl Serialize) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, bincode::config::standard().with_fixed_int_encoding()).unwrap()
}

fn hashed<E: Engine>(commitment: &impl AbsorbInROTrait<E>, constants: u64) -> E::Base {
    let mut ro = E::RO::new(<E::RO as ROTrait<E::Base>>::Constants::default());
    ro.absorb(E::Base::from(constants));
    commitment.absorb_in_ro(&mut ro);
    ro.squeeze(250, false)
}

fn hashed_2<E: Engine>(commitment: &impl AbsorbInRO2Trait<E>) -> E::Scalar {
    let mut ro = E::RO2::new(<E::RO2 as ROTrait<E::Scalar>>::Constants::default());
    commitment.absorb_in_ro2(&mut ro);
    ro.squeeze(250, false)
}

fn like_novas<E, N>()
where
    E: MsmEngine<CE = Commitments<E>>,
    N: Engine<Base = E::Base, Scalar = E::Scalar, GE = E::GE, CE = CommitmentEngine<N>>,
    E::GE: DlogGroupExt,
{
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (own, nova) = (E::CE::setup(b"test", 300).unwrap(), N::CE::setup(b"test", 300).unwrap());
    assert_eq!((own.length(), bytes(&own)), (nova.length(), bytes(&nova)));
    let (read, _) =
        bincode::serde::decode_from_slice(&bytes(&own), bincode::config::standard().with_fixed_int_encoding()).unwrap();
    let own: assay_msm::engine::CommitmentKey<E> = read;
    assert_eq!(bytes(&E::CE::derand_key(&own)), bytes(&N::CE::derand_key(&nova)));
    assert_eq!(E::CE::ck_to_coordinates(&own), N::CE::ck_to_coordinates(&nova));
    assert_eq!(E::CE::ck_to_group_elements(&own), N::CE::ck_to_group_elements(&nova));

    let scalars: Vec<_> = (0..512).map(|_| E::Scalar::random(&mut rng)).collect();
    let blinds = [E::Scalar::ZERO, E::Scalar::random(&mut rng)];
    for blind in blinds {
        for n in [0, 1, 63, 64, 300, 512] {
            let (a, b) = (E::CE::commit(&own, &scalars[..n], &blind), N::CE::commit(&nova, &scalars[..n], &blind));
            assert_eq!(bytes(&a), bytes(&b), "{n}");
            assert_eq!(a.to_coordinates(), b.to_coordinates());
            assert_eq!(a.to_transcript_bytes(), b.to_transcript_bytes());
            assert_eq!(hashed::<E>(&a, 5), hashed::<N>(&b, 5));
            assert_eq!(hashed_2::<E>(&a), hashed_2::<N>(&b));
            let c = scalars[7];
            assert_eq!(bytes(&(a * c + a)), bytes(&(b * c + b)));
            let plain = E::CE::derandomize(&E::CE::derand_key(&own), &a, &blind);
            assert_eq!(bytes(&plain), bytes(&E::CE::commit(&own, &scalars[..n], &E::Scalar::ZERO)));
        }
        let small: Vec<u64> = (0..200).map(|i| i * i).collect();
        let (a, b) = (E::CE::commit_small(&own, &small, &blind), N::CE::commit_small(&nova, &small, &blind));
        assert_eq!(bytes(&a), bytes(&b));
        let a = E::CE::commit_small_range(&own, &small, &blind, 50..120, 16);
        assert_eq!(bytes(&a), bytes(&N::CE::commit_small_range(&nova, &small, &blind, 50..120, 16)));
        let indices = [3, 99, 100, 511];
        let (a, b) = (
            E::CE::commit_sparse(&own, &indices, &scalars[..4], &blind),
            N::CE::commit_sparse(&nova, &indices, &scalars[..4], &blind),
        );
        assert_eq!(bytes(&a), bytes(&b));
        let a = E::CE::commit_sparse_binary(&own, &indices, &blind);
        assert_eq!(bytes(&a), bytes(&N::CE::commit_sparse_binary(&nova, &indices, &blind)));
    }
    assert_eq!(
        bytes(&assay_msm::engine::Commitment::<E>::default()),
        bytes(&<N::CE as CommitmentEngineTrait<N>>::Commitment::default())
    );

    // keys that are split, joined, folded and scaled, and what they commit to
    let (left, right) = own.split_at(200);
    let (nova_left, nova_right) = nova.split_at(200);
    let (joined, nova_joined) = (right.combine(&left), nova_right.combine(&nova_left));
    for (own, nova) in [(&left, &nova_left), (&right, &nova_right), (&joined, &nova_joined)] {
        assert_eq!(bytes(own), bytes(nova));
        let scalars = &scalars[..own.length()];
        assert_eq!(bytes(&E::CE::commit(own, scalars, &blinds[1])), bytes(&N::CE::commit(nova, scalars, &blinds[1])));
        assert_eq!(bytes(&own.fold(&scalars[0], &scalars[1])), bytes(&nova.fold(&scalars[0], &scalars[1])));
    }
    let (inner, nova_inner) = (joined.split_at(250).1.split_at(200).0, nova_joined.split_at(250).1.split_at(200).0);
    assert_eq!(bytes(&inner), bytes(&nova_inner));
    assert_eq!(bytes(&left.scale(&scalars[2])), bytes(&nova_left.scale(&scalars[2])));
    let commitments = [1, 2, 3].map(|n| E::CE::commit(&own, &scalars[..n], &blinds[0]));
    let nova_commitments = [1, 2, 3].map(|n| N::CE::commit(&nova, &scalars[..n], &blinds[0]));
    let key = <E::CE as CommitmentEngineTrait<E>>::CommitmentKey::reinterpret_commitments_as_ck(&commitments).unwrap();
    let nova_key = <N::CE as CommitmentEngineTrait<N>>::CommitmentKey::reinterpret_commitments_as_ck(&nova_commitments);
    assert_eq!(bytes(&key), bytes(&nova_key.unwrap()));
    let addresses: Vec<usize> = (0..100).map(|i| i * i % 10).collect();
    let (a, b) = (
        E::CE::ck_derive_by_address(&own, &addresses, 12).unwrap(),
        N::CE::ck_derive_by_address(&nova, &addresses, 12).unwrap(),
    );
    assert_eq!(bytes(&a), bytes(&b));
    assert!(E::CE::ck_derive_by_address(&own, &addresses, 9).is_err());
}

#[test]
fn bn254_is_like_novas() {
    like_novas::<Bn254Engine, Bn256EngineIPA>();
}

#[test]
fn grumpkin_is_like_novas() {
    like_novas::<GrumpkinEngine, NovaGrumpkin>();
}

/// Keys are read as they were written, and not if a point is off its curve or has a second spelling.
#[test]
fn plain_keys_are_read_back_and_only_with_points_of_the_curve() {
    type Key = <<Bn254Engine as Engine>::CE as CommitmentEngineTrait<Bn254Engine>>::CommitmentKey;
    let key = <Bn254Engine as Engine>::CE::setup(b"test", 8).unwrap();
    let plain = plain_keys(|| bytes(&key));
    assert_eq!(plain.len(), 8 + 8 * 64 + 32);
    assert_eq!(bytes(&key).len(), 8 + 8 * 32 + 32, "the form does not outlast the call");
    let read = |bytes: &[u8]| {
        let configuration = bincode::config::standard().with_fixed_int_encoding();
        plain_keys(|| bincode::serde::decode_from_slice::<Key, _>(bytes, configuration)).map(|(key, _)| key)
    };
    assert_eq!(bytes(&read(&plain).unwrap()), bytes(&key));
    for bit in [0, 64, 255, 256, 511] {
        let mut wrong = plain.clone();
        wrong[8 + bit / 8] ^= 1 << (bit % 8);
        assert!(read(&wrong).is_err(), "bit {bit}");
    }
    // x + p is the same coordinate
    let p = [0x3c20_8c16_d87c_fd47u64, 0x9781_6a91_6871_ca8d, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];
    let mut again = plain.clone();
    let mut carry = 0u128;
    for (word, p) in again[8..40].chunks_exact_mut(8).zip(p) {
        carry += u128::from(u64::from_le_bytes(word.try_into().unwrap())) + u128::from(p);
        word.copy_from_slice(&(carry as u64).to_le_bytes());
        carry >>= 64;
    }
    assert!(read(&again).is_err(), "a coordinate above the modulus");
    // a length that lies costs no memory
    let mut long = plain;
    long[..8].copy_from_slice(&(u64::MAX / 64).to_le_bytes());
    assert!(read(&long).is_err());
}

#[test]
#[should_panic(expected = "more scalars than generators")]
fn a_key_that_is_too_short_is_not_cut() {
    let key = <Bn254Engine as Engine>::CE::setup(b"test", 4).unwrap();
    let scalars = vec![<Bn254Engine as Engine>::Scalar::ONE; 5];
    <Bn254Engine as Engine>::CE::commit(&key, &scalars, &<Bn254Engine as Engine>::Scalar::ZERO);
}
