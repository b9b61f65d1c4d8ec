//! The parameters of a circuit: derived from it by hashing to the curve, without any trusted setup, and trusted only
//! under the digest that this release pins.

use std::{
    io::{Read, Write},
    sync::OnceLock,
};

use assay_core::field::to_hex;

use crate::{
    engine::{self, ProvingKey, Public, VerifyingKey},
    error::Error,
    pins::Pin,
    program::Program,
    step::FoldStep,
};

/// Public parameters of one circuit, with the keys that follow from them.
pub struct Keys<P: Program> {
    shape: &'static P::Shape,
    public: Public<P>,
    digest: String,
    // made when first asked for and apart: the verifying key holds a padded copy of the constraints, which a prover
    // at the peak of its memory can do without
    proving_key: OnceLock<ProvingKey<P>>,
    verifying_key: OnceLock<VerifyingKey<P>>,
}

impl<P: Program> Keys<P> {
    /// Derives the parameters from the circuit. Seconds for small circuits, tens of seconds for the largest.
    ///
    /// # Errors
    /// [`Error::Nova`] if the circuit cannot be written down, which is a defect of the program.
    pub fn derive(shape: &'static P::Shape) -> Result<Self, Error> {
        Ok(Self::from_public(shape, engine::derive(&FoldStep::<P>::blank(shape))?))
    }

    fn from_public(shape: &'static P::Shape, public: Public<P>) -> Self {
        let digest = to_hex(&public.digest());
        Self { shape, public, digest, proving_key: OnceLock::new(), verifying_key: OnceLock::new() }
    }

    /// Reads what [`Keys::write_to`] wrote. The content is trusted only because its digest is the pinned one.
    ///
    /// # Errors
    /// [`Error::Malformed`] for bytes that are no parameters, [`Error::ParameterDigest`] for other parameters.
    pub fn read_from(shape: &'static P::Shape, reader: &mut impl Read) -> Result<Self, Error> {
        let refuse =
            |reason: String| Error::Malformed(format!("these are no parameters of {}: {reason}", P::circuit(shape)));
        let public = engine::read::<P>(reader).map_err(|e| refuse(e.to_string()))?;
        match reader.read(&mut [0]) {
            Ok(0) => {}
            Ok(_) => return Err(refuse("more bytes follow them".to_owned())),
            Err(e) => return Err(refuse(e.to_string())),
        }
        let keys = Self::from_public(shape, public);
        keys.check_pin()?;
        Ok(keys)
    }

    /// Writes the parameters, to be read again.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the writer's error.
    pub fn write_to(&self, writer: &mut impl Write) -> Result<(), Error> {
        engine::write(&self.public, writer).map_err(|e| {
            Error::Malformed(format!("the parameters of {} cannot be written: {e}", P::circuit(self.shape)))
        })
    }

    /// Compares the digest with the pinned one.
    ///
    /// # Errors
    /// [`Error::ParameterDigest`] if they differ.
    pub fn check_pin(&self) -> Result<(), Error> {
        let pinned = Pin::of::<P>(self.shape)?.parameter_digest;
        if self.digest == pinned {
            return Ok(());
        }
        Err(Error::ParameterDigest { circuit: P::circuit(self.shape).to_owned(), found: self.digest.clone(), pinned })
    }

    /// The shape.
    pub fn shape(&self) -> &'static P::Shape {
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

    pub(crate) fn public(&self) -> &Public<P> {
        &self.public
    }

    pub(crate) fn proving_key(&self) -> Result<&ProvingKey<P>, Error> {
        if let Some(key) = self.proving_key.get() {
            return Ok(key);
        }
        let (key, _) = engine::keys(&self.public)?;
        Ok(self.proving_key.get_or_init(|| key))
    }

    pub(crate) fn verifying_key(&self) -> Result<&VerifyingKey<P>, Error> {
        if let Some(key) = self.verifying_key.get() {
            return Ok(key);
        }
        let (_, key) = engine::keys(&self.public)?;
        Ok(self.verifying_key.get_or_init(|| key))
    }
}
