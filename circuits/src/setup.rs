//! The parameters of a shape: derived from the circuit by hashing to the curve, without any trusted setup, and trusted
//! only under the digest that this release pins.

use std::{
    io::{Read, Write},
    sync::OnceLock,
};

use nova_snark::{
    nova::{CompressedSNARK, ProverKey, PublicParams, RecursiveSNARK, VerifierKey},
    provider::{Bn256EngineIPA, GrumpkinEngine, ipa_pc::EvaluationEngine},
    spartan::snark::RelaxedR1CSSNARK,
    traits::snark::RelaxedR1CSSNARKTrait,
};
use serde::Deserialize;

use crate::{bridge::FoldStep, error::Error, field::to_hex, shape::Shape};

type E1 = Bn256EngineIPA;
type E2 = GrumpkinEngine;
type S1 = RelaxedR1CSSNARK<E1, EvaluationEngine<E1>>;
type S2 = RelaxedR1CSSNARK<E2, EvaluationEngine<E2>>;

pub(crate) type Public = PublicParams<E1, E2, FoldStep>;
pub(crate) type Recursive = RecursiveSNARK<E1, E2, FoldStep>;
pub(crate) type Compressed = CompressedSNARK<E1, E2, FoldStep, S1, S2>;
type ProvingKey = ProverKey<E1, E2, FoldStep, S1, S2>;
type VerifyingKey = VerifierKey<E1, E2, FoldStep, S1, S2>;

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
    let text = match shape.name {
        "solvency-8" => include_str!("../pins/solvency-8.json"),
        "solvency-64" => include_str!("../pins/solvency-64.json"),
        "solvency-512" => include_str!("../pins/solvency-512.json"),
        "compliance-8" => include_str!("../pins/compliance-8.json"),
        "compliance-64" => include_str!("../pins/compliance-64.json"),
        "compliance-512" => include_str!("../pins/compliance-512.json"),
        other => return Err(Error::Malformed(format!("this release pins no parameters for {other}"))),
    };
    serde_json::from_str(text).map_err(|e| Error::Malformed(format!("pin of {}: {e}", shape.name)))
}

/// Parameters of one shape.
pub struct Parameters {
    shape: &'static Shape,
    public: Public,
    digest: String,
    // made when first asked for and apart: the verifying key holds a padded copy of the constraints, which a prover
    // at the peak of its memory can do without
    proving_key: OnceLock<ProvingKey>,
    verifying_key: OnceLock<VerifyingKey>,
}

impl Parameters {
    /// Derives the parameters from the circuit. Seconds for small shapes, tens of seconds for the largest.
    ///
    /// # Errors
    /// [`Error::Nova`] if the circuit cannot be written down, which is a defect of this crate.
    pub fn derive(shape: &'static Shape) -> Result<Self, Error> {
        let public = Public::setup(&FoldStep::blank(shape), &*S1::ck_floor(), &*S2::ck_floor())?;
        Ok(Self::from_public(shape, public))
    }

    fn from_public(shape: &'static Shape, public: Public) -> Self {
        let digest = to_hex(&public.digest());
        Self { shape, public, digest, proving_key: OnceLock::new(), verifying_key: OnceLock::new() }
    }

    /// Reads what [`Parameters::write_to`] wrote. The content is trusted only because its digest is the pinned one.
    ///
    /// # Errors
    /// [`Error::Malformed`] for bytes that are no parameters, [`Error::ParameterDigest`] for other parameters.
    pub fn read_from(shape: &'static Shape, reader: &mut impl Read) -> Result<Self, Error> {
        let public: Public = bincode::serde::decode_from_std_read(reader, encoding())
            .map_err(|e| Error::Malformed(format!("these are no parameters of {}: {e}", shape.name)))?;
        let parameters = Self::from_public(shape, public);
        parameters.check_pin()?;
        Ok(parameters)
    }

    /// Writes the parameters for [`Parameters::read_from`].
    ///
    /// # Errors
    /// [`Error::Malformed`] with the writer's error.
    pub fn write_to(&self, writer: &mut impl Write) -> Result<(), Error> {
        bincode::serde::encode_into_std_write(&self.public, writer, encoding())
            .map(|_| ())
            .map_err(|e| Error::Malformed(format!("the parameters of {} cannot be written: {e}", self.shape.name)))
    }

    /// Compares the digest with the pinned one.
    ///
    /// # Errors
    /// [`Error::ParameterDigest`] if they differ.
    pub fn check_pin(&self) -> Result<(), Error> {
        let pinned = pin(self.shape)?.parameter_digest;
        if self.digest == pinned {
            return Ok(());
        }
        Err(Error::ParameterDigest { shape: self.shape.name.to_owned(), found: self.digest.clone(), pinned })
    }

    /// The shape.
    pub fn shape(&self) -> &'static Shape {
        self.shape
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

    pub(crate) fn public(&self) -> &Public {
        &self.public
    }

    pub(crate) fn proving_key(&self) -> Result<&ProvingKey, Error> {
        if let Some(key) = self.proving_key.get() {
            return Ok(key);
        }
        let (key, _) = Compressed::setup(&self.public)?;
        Ok(self.proving_key.get_or_init(|| key))
    }

    pub(crate) fn verifying_key(&self) -> Result<&VerifyingKey, Error> {
        if let Some(key) = self.verifying_key.get() {
            return Ok(key);
        }
        let (_, key) = Compressed::setup(&self.public)?;
        Ok(self.verifying_key.get_or_init(|| key))
    }
}

/// Fixed-width integers: one spelling for each value.
pub(crate) fn encoding() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding()
}
