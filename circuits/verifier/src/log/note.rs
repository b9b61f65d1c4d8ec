//! Signed notes (C2SP signed-note) and the keys that verify them.
//!
//! Two kinds of keys are known: Ed25519 keys of logs (type 0x01) and keys of witnesses, whose cosignatures contain the time
//! (`cosignature/v1`, type 0x04). Other types are refused where the reader lists them, and ignored in a note.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// Largest note that is read, in bytes.
pub const MAX_NOTE_BYTES: usize = 256 << 10;
/// Most signatures of a note that is read.
pub const MAX_SIGNATURES: usize = 64;
/// What a signature line starts with.
const DASH: &str = "\u{2014} ";

/// Why a note or a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// More bytes than are read.
    #[error("the note is longer than {MAX_NOTE_BYTES} bytes")]
    TooLong,
    /// Not UTF-8, or a control character.
    #[error("line {line}: the note contains {what}")]
    Character {
        /// Its line.
        line: usize,
        /// What is not allowed.
        what: String,
    },
    /// The text is not followed by an empty line and signatures.
    #[error("line {line}: the note ends without an empty line and signature lines after its text")]
    Unsigned {
        /// The last line.
        line: usize,
    },
    /// A line after the empty line is no signature.
    #[error("line {line}: not a signature line: {reason}")]
    SignatureLine {
        /// The line.
        line: usize,
        /// Why.
        reason: &'static str,
    },
    /// More signatures than are read.
    #[error("line {line}: the note has more than {MAX_SIGNATURES} signatures")]
    TooManySignatures {
        /// The first line too many.
        line: usize,
    },
    /// A key in the form of a verifier key does not follow its rules.
    #[error("the verifier key {text} {reason}")]
    Key {
        /// The key as written.
        text: String,
        /// Why.
        reason: String,
    },
    /// A signature by a known key does not verify.
    #[error("the signature by {name} does not verify")]
    FalseSignature {
        /// Name of the key.
        name: String,
    },
}

/// What a key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A log's checkpoints.
    Log,
    /// Checkpoints of logs that a witness saw.
    Witness,
}

impl KeyKind {
    /// The byte that stands for it in keys and key ids.
    fn byte(self) -> u8 {
        match self {
            Self::Log => 0x01,
            Self::Witness => 0x04,
        }
    }
}

/// A public key with its name, as `name+id+base64` (a verifier key).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    kind: KeyKind,
    key: VerifyingKey,
}

impl VerifierKey {
    /// The key of this name.
    ///
    /// # Errors
    /// [`NoteError::Key`] if the name is empty or contains a space or a plus sign.
    pub fn new(name: &str, kind: KeyKind, key: VerifyingKey) -> Result<Self, NoteError> {
        let id = key_id(name, kind, &key);
        let refused = |reason: &str| NoteError::Key { text: assay_core::text::shown(name), reason: reason.to_owned() };
        name_defect(name).map_or(Ok(Self { name: name.to_owned(), id, kind, key }), |defect| Err(refused(defect)))
    }

    /// Reads a verifier key.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let refused = |reason: String| NoteError::Key { text: assay_core::text::shown(text), reason };
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refused("is not NAME+ID+KEY".to_owned()));
        };
        let lower = id.len() == 8 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let Some(id) = lower.then(|| u32::from_str_radix(id, 16).ok()).flatten() else {
            return Err(refused("has an id that is not 8 lower-case hexadecimal digits".to_owned()));
        };
        let bytes = STANDARD.decode(key).map_err(|_| refused("has a key that is not base64".to_owned()))?;
        let kind = match bytes.first() {
            Some(0x01) => KeyKind::Log,
            Some(0x04) => KeyKind::Witness,
            Some(other) => {
                return Err(refused(format!(
                    "is of type {other:#04x}; only 0x01 (Ed25519) and 0x04 (cosignature/v1) are known"
                )));
            }
            None => return Err(refused("has no key".to_owned())),
        };
        let key = <[u8; 32]>::try_from(&bytes[1..]).ok().and_then(|b| VerifyingKey::from_bytes(&b).ok());
        let Some(key) = key.filter(|key| !key.is_weak()) else {
            return Err(refused("does not hold an Ed25519 public key".to_owned()));
        };
        let found = Self::new(name, kind, key)?;
        if found.id != id {
            return Err(refused(format!("has the id of another name or key: this one's is {:08x}", found.id)));
        }
        Ok(found)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it may sign.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key itself.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The 32 bytes of the key.
    pub fn bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether `line` says that this key signed.
    pub fn made(&self, line: &SignatureLine) -> bool {
        line.name == self.name && line.id == self.id
    }

    /// When the key signed `text`, for the key of a witness.
    fn verify(&self, text: &str, line: &SignatureLine) -> Option<Option<u64>> {
        let holds = |message: &[u8], signature: &[u8]| {
            let signature = Signature::from_slice(signature).ok()?;
            self.key.verify_strict(message, &signature).ok()
        };
        match self.kind {
            KeyKind::Log => holds(text.as_bytes(), &line.signature).map(|()| None),
            KeyKind::Witness => {
                let (time, signature) = line.signature.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                // the largest that the format allows
                i64::try_from(time).ok()?;
                holds(cosigned_text(time, text).as_bytes(), signature).map(|()| Some(time))
            }
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.byte()];
        key.extend(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

/// One signature of a note. Nothing is known about it until it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    name: String,
    id: u32,
    signature: Vec<u8>,
}

impl SignatureLine {
    /// The signature of the log `name` under `text`.
    ///
    /// # Errors
    /// [`NoteError::Key`] if the name cannot be a key's name.
    pub fn sign(text: &str, name: &str, key: &SigningKey) -> Result<Self, NoteError> {
        let public = VerifierKey::new(name, KeyKind::Log, key.verifying_key())?;
        Ok(Self { name: public.name, id: public.id, signature: key.sign(text.as_bytes()).to_bytes().to_vec() })
    }

    /// The cosignature of the witness `name` under `text`, at `time` in seconds since 1970.
    ///
    /// # Errors
    /// [`NoteError::Key`] if the name cannot be a key's name.
    pub fn cosign(text: &str, time: u64, name: &str, key: &SigningKey) -> Result<Self, NoteError> {
        let public = VerifierKey::new(name, KeyKind::Witness, key.verifying_key())?;
        let mut signature = time.to_be_bytes().to_vec();
        signature.extend(key.sign(cosigned_text(time, text).as_bytes()).to_bytes());
        Ok(Self { name: public.name, id: public.id, signature })
    }

    /// Reads a line without its end; `number` is its number.
    ///
    /// # Errors
    /// [`NoteError::SignatureLine`].
    pub fn parse(line: &str, number: usize) -> Result<Self, NoteError> {
        let refused = |reason| NoteError::SignatureLine { line: number, reason };
        let rest =
            line.strip_prefix(DASH).ok_or_else(|| refused("it does not start with a dash (U+2014) and a space"))?;
        let (name, signature) = rest.split_once(' ').ok_or_else(|| refused("it has no key name and signature"))?;
        if name_defect(name).is_some() {
            return Err(refused("its key name is empty or contains a space or a plus sign"));
        }
        let bytes = STANDARD.decode(signature).map_err(|_| refused("its signature is not base64"))?;
        let (id, signature) = bytes.split_first_chunk::<4>().ok_or_else(|| refused("its signature has no key id"))?;
        if signature.is_empty() {
            return Err(refused("its signature is empty"));
        }
        Ok(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), signature: signature.to_vec() })
    }

    /// The name of its key, by its own word.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name and id of its key, by its own word.
    pub fn key(&self) -> (&str, u32) {
        (&self.name, self.id)
    }

    /// When a witness signed, in seconds since 1970, by its own word; `None` if this is no cosignature by its length.
    pub fn cosigned_at(&self) -> Option<u64> {
        let (time, signature) = self.signature.split_first_chunk::<8>()?;
        (signature.len() == Signature::BYTE_SIZE).then(|| u64::from_be_bytes(*time))
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_be_bytes().to_vec();
        bytes.extend(&self.signature);
        write!(f, "{DASH}{} {}", self.name, STANDARD.encode(bytes))
    }
}

/// A text with its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    /// The note of `text`, which ends with a line end, and its signatures.
    pub fn new(text: String, signatures: Vec<SignatureLine>) -> Self {
        Self { text, signatures }
    }

    /// Reads a note that begins in line `first_line` of its file.
    ///
    /// # Errors
    /// [`NoteError`] with the line.
    pub fn parse(bytes: &[u8], first_line: usize) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong);
        }
        let note = checked_text(bytes, first_line)?;
        let line_of = |offset: usize| first_line + note[..offset].matches('\n').count();
        let unsigned = || NoteError::Unsigned { line: line_of(note.trim_end_matches('\n').len()) };
        let middle = note.rfind("\n\n").ok_or_else(unsigned)?;
        let (text, rest) = (&note[..=middle], &note[middle + 2..]);
        if rest.is_empty() {
            return Err(unsigned());
        }
        let first = line_of(middle + 2);
        let complete = rest
            .strip_suffix('\n')
            .ok_or(NoteError::SignatureLine { line: line_of(note.len()), reason: "it does not end with a line end" })?;
        let mut signatures = Vec::new();
        for (i, line) in complete.split('\n').enumerate() {
            if i == MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures { line: first + i });
            }
            signatures.push(SignatureLine::parse(line, first + i)?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The signed text, with its last line end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, none of which is verified.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds signatures that are not there yet.
    pub fn add(&mut self, lines: impl IntoIterator<Item = SignatureLine>) {
        for line in lines {
            if !self.signatures.contains(&line) {
                self.signatures.push(line);
            }
        }
    }

    /// Whether `key` signed, and when in seconds since 1970 if it is a witness's: the newest time of all its signatures. A false
    /// signature by a known key makes the whole note worthless.
    ///
    /// # Errors
    /// [`NoteError::FalseSignature`].
    pub fn signed_by(&self, key: &VerifierKey) -> Result<Option<Option<u64>>, NoteError> {
        let mut found = None;
        for line in self.signatures.iter().filter(|line| key.made(line)) {
            let time = key
                .verify(&self.text, line)
                .ok_or_else(|| NoteError::FalseSignature { name: assay_core::text::visible(key.name()) })?;
            found = found.max(Some(time));
        }
        Ok(found)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// What a witness signs of `text` at `time`.
fn cosigned_text(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

fn key_id(name: &str, kind: KeyKind, key: &VerifyingKey) -> u32 {
    let digest =
        Sha256::new().chain_update(name).chain_update([b'\n', kind.byte()]).chain_update(key.as_bytes()).finalize();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// Why `name` cannot be the name of a key.
fn name_defect(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("has no name")
    } else if name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+') {
        Some("has a name with a space, a control character or a plus sign")
    } else {
        None
    }
}

/// `bytes` as text without control characters.
pub(super) fn checked_text(bytes: &[u8], first_line: usize) -> Result<&str, NoteError> {
    let line_of = |offset: usize| first_line + bytes[..offset].iter().filter(|b| **b == b'\n').count();
    let text = std::str::from_utf8(bytes).map_err(|e| NoteError::Character {
        line: line_of(e.valid_up_to()),
        what: "bytes that are not UTF-8".to_owned(),
    })?;
    match text.bytes().position(|b| b < 0x20 && b != b'\n') {
        Some(offset) => Err(NoteError::Character {
            line: line_of(offset),
            what: format!("the control character U+{:04X}", bytes[offset]),
        }),
        None => Ok(text),
    }
}
