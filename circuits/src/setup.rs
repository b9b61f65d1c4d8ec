//! The parameters of a circuit: derived from it by hashing to the curve, without any trusted setup, and trusted
//! only under the digest that this release pins.

use std::{
    io::{Read, Write},
    ops::Deref,
    sync::OnceLock,
};

use nova_snark::{
    nova::{CompressedSNARK, ProverKey, PublicParams, RecursiveSNARK, VerifierKey},
    provider::{Bn256EngineIPA, GrumpkinEngine, ipa_pc::EvaluationEngine},
    spartan::snark::RelaxedR1CSSNARK,
    traits::{circuit::StepCircuit, snark::RelaxedR1CSSNARKTrait},
};
use serde::Deserialize;

use crate::{
    bridge::FoldStep,
    disclosure::DISCLOSURE_CIRCUIT,
    error::Error,
    field::{F, to_hex},
    shape::Shape,
};

type E1 = Bn256EngineIPA;
type E2 = GrumpkinEngine;
type S1 = RelaxedR1CSSNARK<E1, EvaluationEngine<E1>>;
type S2 = RelaxedR1CSSNARK<E2, EvaluationEngine<E2>>;

pub(crate) type Recursive<C = FoldStep> = RecursiveSNARK<E1, E2, C>;
pub(crate) type Compressed<C = FoldStep> = CompressedSNARK<E1, E2, C, S1, S2>;

/// What `make pins` writes for each shape and every release trusts.
#[derive(Debug, Clone, Deserialize)]
pub struct Pin {
    /// Name of the shape.
    pub shape: String,
    /// Digest of all parameters: the constraints of both curves and the commitment keys.
    pub parameter_digest: String,
    /// Constraints of one step on the primary curve, nova's own included.
    pub step_constraints: usize,
    /// Bytes of a compressed proof.
    pub proof_bytes: usize,
}

/// The pin of a shape.
///
/// # Errors
/// [`Error::Malformed`] if this release pins none.
pub fn pin(shape: &Shape) -> Result<Pin, Error> {
    pin_of(shape.name)
}

/// The pin of the circuit called `name`: a shape, or that of disclosures.
///
/// # Errors
/// [`Error::Malformed`] if this release pins none.
pub fn pin_of(name: &str) -> Result<Pin, Error> {
    let text = match name {
        "solvency-8" => include_str!("../pins/solvency-8.json"),
        "solvency-64" => include_str!("../pins/solvency-64.json"),
        "solvency-512" => include_str!("../pins/solvency-512.json"),
        "compliance-8" => include_str!("../pins/compliance-8.json"),
        "compliance-64" => include_str!("../pins/compliance-64.json"),
        "compliance-512" => include_str!("../pins/compliance-512.json"),
        DISCLOSURE_CIRCUIT => include_str!("../pins/disclosure-4.json"),
        other => return Err(Error::Malformed(format!("this release pins no parameters for {other}"))),
    };
    serde_json::from_str(text).map_err(|e| Error::Malformed(format!("pin of {name}: {e}")))
}

/// Public parameters of one circuit, with the keys that follow from them.
pub struct Keys<C: StepCircuit<F>> {
    /// Name under which the circuit is pinned.
    name: &'static str,
    public: PublicParams<E1, E2, C>,
    digest: String,
    // made when first asked for and apart: the verifying key holds a padded copy of the constraints, which a prover
    // at the peak of its memory can do without
    proving_key: OnceLock<ProverKey<E1, E2, C, S1, S2>>,
    verifying_key: OnceLock<VerifierKey<E1, E2, C, S1, S2>>,
}

impl<C: StepCircuit<F>> Keys<C> {
    /// Derives the parameters from the circuit. Seconds for small circuits, tens of seconds for the largest.
    ///
    /// # Errors
    /// [`Error::Nova`] if the circuit cannot be written down, which is a defect of this crate.
    pub(crate) fn derive(name: &'static str, circuit: &C) -> Result<Self, Error> {
        let public = PublicParams::setup(circuit, &*S1::ck_floor(), &*S2::ck_floor())?;
        Ok(Self::from_public(name, public))
    }

    fn from_public(name: &'static str, public: PublicParams<E1, E2, C>) -> Self {
        let digest = to_hex(&public.digest());
        Self { name, public, digest, proving_key: OnceLock::new(), verifying_key: OnceLock::new() }
    }

    /// Reads what [`Keys::write_to`] wrote. The content is trusted only because its digest is the pinned one.
    ///
    /// # Errors
    /// [`Error::Malformed`] for bytes that are no parameters, [`Error::ParameterDigest`] for other parameters.
    pub(crate) fn read_from(name: &'static str, reader: &mut impl Read) -> Result<Self, Error> {
        let public = bincode::serde::decode_from_std_read(reader, encoding())
            .map_err(|e| Error::Malformed(format!("these are no parameters of {name}: {e}")))?;
        let keys = Self::from_public(name, public);
        keys.check_pin()?;
        Ok(keys)
    }

    /// Writes the parameters, to be read again.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the writer's error.
    pub fn write_to(&self, writer: &mut impl Write) -> Result<(), Error> {
        bincode::serde::encode_into_std_write(&self.public, writer, encoding())
            .map(|_| ())
            .map_err(|e| Error::Malformed(format!("the parameters of {} cannot be written: {e}", self.name)))
    }

    /// Compares the digest with the pinned one.
    ///
    /// # Errors
    /// [`Error::ParameterDigest`] if they differ.
    pub fn check_pin(&self) -> Result<(), Error> {
        let pinned = pin_of(self.name)?.parameter_digest;
        if self.digest == pinned {
            return Ok(());
        }
        Err(Error::ParameterDigest { shape: self.name.to_owned(), found: self.digest.clone(), pinned })
    }

    /// The digest, as 64 hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Constraints of one step on the primary and on the secondary curve.
    pub fn constraints(&self) -> (usize, usize) {
        self.public.num_constraints()
    }

    /// Variables of one step on the primary and on the secondary curve.
    pub fn variables(&self) -> (usize, usize) {
        self.public.num_variables()
    }

    pub(crate) fn public(&self) -> &PublicParams<E1, E2, C> {
        &self.public
    }

    pub(crate) fn proving_key(&self) -> Result<&ProverKey<E1, E2, C, S1, S2>, Error> {
        if let Some(key) = self.proving_key.get() {
            return Ok(key);
        }
        let (key, _) = CompressedSNARK::<E1, E2, C, S1, S2>::setup(&self.public)?;
        Ok(self.proving_key.get_or_init(|| key))
    }

    pub(crate) fn verifying_key(&self) -> Result<&VerifierKey<E1, E2, C, S1, S2>, Error> {
        if let Some(key) = self.verifying_key.get() {
            return Ok(key);
        }
        let (_, key) = CompressedSNARK::<E1, E2, C, S1, S2>::setup(&self.public)?;
        Ok(self.verifying_key.get_or_init(|| key))
    }
}

/// Parameters of one shape of the fold.
pub struct Parameters {
    shape: &'static Shape,
    keys: Keys<FoldStep>,
}

impl Parameters {
    /// Derives the parameters of a shape; see [`Keys`].
    ///
    /// # Errors
    /// [`Error::Nova`] if the circuit cannot be written down, which is a defect of this crate.
    pub fn derive(shape: &'static Shape) -> Result<Self, Error> {
        Ok(Self { shape, keys: Keys::derive(shape.name, &FoldStep::blank(shape))? })
    }

    /// Reads what [`Keys::write_to`] wrote. The content is trusted only because its digest is the pinned one.
    ///
    /// # Errors
    /// [`Error::Malformed`] for bytes that are no parameters, [`Error::ParameterDigest`] for other parameters.
    pub fn read_from(shape: &'static Shape, reader: &mut impl Read) -> Result<Self, Error> {
        Ok(Self { shape, keys: Keys::read_from(shape.name, reader)? })
    }

    /// The shape.
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }
}

impl Deref for Parameters {
    type Target = Keys<FoldStep>;

    fn deref(&self) -> &Self::Target {
        &self.keys
    }
}

/// Fixed-width integers: one spelling for each value.
pub(crate) fn encoding() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding()
}
