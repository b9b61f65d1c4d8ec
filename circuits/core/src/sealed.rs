//! A document with its canonical bytes and their digest. It is parsed and judged once, where it arrives; inside, functions
//! take `&Sealed<T>` and never bytes.

use std::{fmt, ops::Deref};

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{canonical, error::Error, text::lower_hex};

/// Largest statement that is read, in bytes.
pub const MAX_STATEMENT_BYTES: usize = 8 << 20;

/// A kind of document.
pub trait Document: Serialize + DeserializeOwned {
    /// What an error calls it, e.g. `the statement`.
    const NAME: &'static str;
    /// Largest document that is read, in bytes.
    const MAX_BYTES: usize;

    /// Whether the document keeps every rule of its format.
    ///
    /// # Errors
    /// The first rule that it breaks.
    fn validate(&self) -> Result<(), Error>;
}

/// SHA-256 of the canonical bytes of what is claimed: it names a statement in proofs, inclusion files, disclosures and
/// addresses. Printed as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementDigest(pub [u8; 32]);

impl StatementDigest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`Error::Malformed`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bytes = lower_hex(text).and_then(|bytes| bytes.try_into().ok());
        let malformed = || Error::Malformed(format!("`{text}` is not a digest of 64 lower-case hexadecimal digits"));
        bytes.map(Self).ok_or_else(malformed)
    }
}

impl fmt::Display for StatementDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for StatementDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A document that was parsed or made here, with its canonical bytes and their digest. The value cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed<T> {
    value: T,
    bytes: Vec<u8>,
    digest: StatementDigest,
}

impl<T: Document> Sealed<T> {
    /// Seals a document that was made here.
    ///
    /// # Errors
    /// Those of [`Document::validate`]; [`Error::Malformed`] if its bytes are too many.
    pub fn seal(value: T) -> Result<Self, Error> {
        value.validate()?;
        let bytes = canonical::to_bytes(&value)?;
        check_length::<T>(&bytes)?;
        Ok(Self { value, digest: StatementDigest::of(&bytes), bytes })
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] unless the bytes are a complete document in its one spelling that keeps every rule of its
    /// format; also those of [`Document::validate`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        check_length::<T>(bytes)?;
        let value: T =
            serde_json::from_slice(bytes).map_err(|e| Error::Malformed(format!("{} cannot be read: {e}", T::NAME)))?;
        value.validate()?;
        if canonical::to_bytes(&value)? != bytes {
            return Err(Error::Malformed(format!("the bytes of {} are not in canonical form", T::NAME)));
        }
        Ok(Self { value, digest: StatementDigest::of(bytes), bytes: bytes.to_vec() })
    }
}

fn check_length<T: Document>(bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() > T::MAX_BYTES {
        return Err(Error::Malformed(format!("{} has more than {} bytes", T::NAME, T::MAX_BYTES)));
    }
    Ok(())
}

impl<T> Sealed<T> {
    /// The canonical bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of the canonical bytes.
    pub fn digest(&self) -> StatementDigest {
        self.digest
    }

    /// The same bytes with another reading of them, such as a claim together with the statements it names.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn try_map<U>(self, read: impl FnOnce(T) -> Result<U, Error>) -> Result<Sealed<U>, Error> {
        Ok(Sealed { value: read(self.value)?, bytes: self.bytes, digest: self.digest })
    }

    /// The value without its bytes.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> Deref for Sealed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Note {
        text: String,
        count: u32,
    }

    impl Document for Note {
        const NAME: &'static str = "the note";
        const MAX_BYTES: usize = 40;

        fn validate(&self) -> Result<(), Error> {
            if self.count == 0 { Err(Error::Malformed("the note counts nothing".to_owned())) } else { Ok(()) }
        }
    }

    fn note(count: u32) -> Note {
        Note { text: "a".to_owned(), count }
    }

    #[test]
    fn what_is_sealed_is_parsed_back_to_the_same() {
        let sealed = Sealed::seal(note(1)).unwrap();
        assert_eq!(sealed.bytes(), br#"{"count":1,"text":"a"}"#);
        assert_eq!(Sealed::<Note>::parse(sealed.bytes()).unwrap(), sealed);
        assert_eq!(sealed.digest(), StatementDigest::of(sealed.bytes()));
        assert_eq!(sealed.count, 1);
    }

    #[test]
    fn other_spellings_long_documents_and_broken_rules_are_refused() {
        for bytes in [
            &br#"{"count": 1,"text":"a"}"#[..],
            br#"{"text":"a","count":1}"#,
            br#"{"count":1,"text":"\u0061"}"#,
            br#"{"count":1,"text":"a"} "#,
            br#"{"count":0,"text":"a"}"#,
            br#"{"count":1}"#,
            br#"{"count":1,"text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#,
        ] {
            assert!(Sealed::<Note>::parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
        assert!(Sealed::seal(note(0)).is_err());
        assert!(Sealed::seal(Note { text: "a".repeat(40), count: 1 }).is_err());
    }

    #[test]
    fn a_digest_has_one_spelling() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(StatementDigest::parse(&text).unwrap().to_string(), text);
        for wrong in [&text.to_uppercase()[..], &text[1..], "", &format!("{text}00")] {
            assert!(StatementDigest::parse(wrong).is_err(), "{wrong}");
        }
    }
}
