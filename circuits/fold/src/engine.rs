//! The proof system: the only file that names curves, engine and commitment scheme. Another commitment back end is plugged
//! in here.

use std::io::{Read, Write};

use assay_msm::engine::{Bn254Engine, GrumpkinEngine, plain_keys};
use bincode::error::{DecodeError, EncodeError};
use nova_snark::{
    nova::{CompressedSNARK, ProverKey, PublicParams, RecursiveSNARK, VerifierKey},
    provider::ipa_pc::EvaluationEngine,
    spartan::snark::RelaxedR1CSSNARK,
    traits::{Engine, snark::RelaxedR1CSSNARKTrait},
};

use crate::{codec::encoding, error::Error, program::Program, step::FoldStep};

/// The engine of the curve that steps are proved on: BN254 with an inner-product argument, no trusted setup.
pub type Primary = Bn254Engine;
/// The engine of the other curve of the cycle: Grumpkin.
pub type Secondary = GrumpkinEngine;
type PrimarySnark = RelaxedR1CSSNARK<Primary, EvaluationEngine<Primary>>;
type SecondarySnark = RelaxedR1CSSNARK<Secondary, EvaluationEngine<Secondary>>;

pub(crate) type Public<P> = PublicParams<Primary, Secondary, FoldStep<P>>;
pub(crate) type Recursive<P> = RecursiveSNARK<Primary, Secondary, FoldStep<P>>;
pub(crate) type Compressed<P> = CompressedSNARK<Primary, Secondary, FoldStep<P>, PrimarySnark, SecondarySnark>;
pub(crate) type ProvingKey<P> = ProverKey<Primary, Secondary, FoldStep<P>, PrimarySnark, SecondarySnark>;
pub(crate) type VerifyingKey<P> = VerifierKey<Primary, Secondary, FoldStep<P>, PrimarySnark, SecondarySnark>;

// the circuits are written over the field of `assay_core`
const _: fn(<Primary as Engine>::Scalar) -> assay_core::field::F = |x| x;

/// Parameters of a circuit, large enough for its step and for the compression.
pub(crate) fn derive<P: Program>(circuit: &FoldStep<P>) -> Result<Public<P>, Error> {
    Ok(PublicParams::setup(circuit, &*PrimarySnark::ck_floor(), &*SecondarySnark::ck_floor())?)
}

/// The keys that follow from parameters.
pub(crate) fn keys<P: Program>(public: &Public<P>) -> Result<(ProvingKey<P>, VerifyingKey<P>), Error> {
    Ok(CompressedSNARK::setup(public)?)
}

/// Parameters as they are kept in a file: all that their digest covers, with generators in a form that is read fast.
pub(crate) fn write<P: Program>(public: &Public<P>, writer: &mut impl Write) -> Result<(), EncodeError> {
    plain_keys(|| bincode::serde::encode_into_std_write(public, writer, encoding())).map(|_| ())
}

/// Parameters from such a file, whatever their digest is.
pub(crate) fn read<P: Program>(reader: &mut impl Read) -> Result<Public<P>, DecodeError> {
    plain_keys(|| bincode::serde::decode_from_std_read(reader, encoding()))
}
