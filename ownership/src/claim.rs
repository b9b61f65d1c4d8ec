//! What a chain is asked: whether the key of an address made these signatures of a message.

use crate::{defect::Defect, key::Key, verdict::Reason};

/// The question.
#[derive(Debug)]
pub struct Claim<'a> {
    /// The chain as written in the line.
    pub chain: &'a str,
    /// The exchange, for forms that name the website that asks.
    pub domain: &'a str,
    /// The address as written.
    pub address: &'a str,
    /// What was signed.
    pub message: &'a [u8],
    /// At least one.
    pub signatures: &'a [SignatureText<'a>],
    /// What the line states beside the address.
    pub key: &'a Key<'a>,
}

/// A signature as it stands in the line.
#[derive(Debug, Clone, Copy)]
pub struct SignatureText<'a> {
    /// Which of the line, from 1.
    pub number: usize,
    /// What is written before the colon.
    pub scheme: Option<&'a str>,
    /// The signature.
    pub text: &'a str,
}

/// The answer, if nothing is false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The address' key signed the message, in a form that is made for messages.
    Signed,
    /// The address' key signed the message in an exchange's own form, or in one that does not show the signer the text. Such forms are
    /// read where they were published and never asked for.
    Imported,
    /// Nothing is false, and nothing is shown.
    Unproven(Reason),
}

impl<'a> Claim<'a> {
    /// The one signature that this address can have.
    pub fn only(&self) -> Result<&SignatureText<'a>, Defect> {
        match self.signatures {
            [one] => Ok(one),
            several => Err(Defect::TooMany { given: several.len(), most: 1 }),
        }
    }

    /// The one signature, and its scheme among those of the chain, of which the first is the default.
    pub fn only_in(&self, schemes: &[&'static str]) -> Result<(&SignatureText<'a>, &'static str), Defect> {
        let signature = self.only()?;
        Ok((signature, self.scheme(signature, schemes)?))
    }

    /// A signature's scheme among those of the chain, of which the first is the default.
    pub fn scheme(&self, signature: &SignatureText<'_>, schemes: &[&'static str]) -> Result<&'static str, Defect> {
        let written = signature.scheme.or(schemes.first().copied()).unwrap_or_default();
        schemes.iter().copied().find(|known| *known == written).ok_or_else(|| Defect::Scheme {
            number: signature.number,
            scheme: written.to_owned(),
            chain: self.chain.to_owned(),
            known: schemes.join(", "),
        })
    }

    /// The chain gives the key with the signature: the line states none.
    pub fn no_key(&self) -> Result<(), Defect> {
        match self.key {
            Key::Absent => Ok(()),
            _ => Err(Defect::Key { why: "must be empty: the signature gives the key of this address" }),
        }
    }

    /// The public key that the line must state, of `N` bytes.
    pub fn public_key<const N: usize>(&self) -> Result<Option<[u8; N]>, Defect> {
        match self.key {
            Key::Absent => Ok(None),
            Key::Public(bytes) => match bytes[..].try_into() {
                Ok(key) => Ok(Some(key)),
                Err(_) => Err(Defect::Key { why: "is not a public key of this chain's length" }),
            },
            _ => Err(Defect::Key { why: "must be a public key in hexadecimal digits" }),
        }
    }

    /// An address that is a key: a stated key must be the same.
    pub fn key_of_address(&self, key: &[u8; 32]) -> Result<(), Defect> {
        match self.public_key::<32>()? {
            Some(stated) if stated != *key => Err(Defect::Key { why: "is not the key of the address" }),
            _ => Ok(()),
        }
    }

    /// The address, with what is wrong with it.
    pub fn address_defect(&self, why: &'static str) -> Defect {
        Defect::Address { chain: self.chain.to_owned(), address: self.address.to_owned(), why }
    }
}

impl SignatureText<'_> {
    /// This signature is false.
    pub fn false_by(&self, why: &'static str) -> Defect {
        Defect::False { number: self.number, why }
    }

    /// This text is no signature.
    pub fn unreadable(&self, why: &'static str) -> Defect {
        Defect::Unreadable { number: self.number, why }
    }
}
