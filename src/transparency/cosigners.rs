//! The witnesses of the service's own log: each is asked to cosign the newest checkpoint, and before the first signature after a start
//! how far it has seen the log.

use std::{collections::BTreeMap, time::Duration};

use assay_verifier::log::{
    checkpoint::parse_decimal,
    note::{KeyKind, Note, NoteError, SignatureLine, VerifierKey},
    tree::TreeHash,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use time::{Duration as TimeDuration, OffsetDateTime};

/// For one request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A few signature lines, or a size.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// Longest name of a witness, so that its lines fit into a checkpoint.
const MAX_NAME_BYTES: usize = 512;

/// Why a witness did not cosign; `Display` is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The setting is no witness.
    #[error("transparency.witnesses: {text}: {reason}; a witness is its verifier key, a space, and its address")]
    Setting {
        /// The setting.
        text: String,
        /// Why.
        reason: String,
    },
    /// It cannot be reached.
    #[error("the witness {name} at {url}: {reason}")]
    Unreachable {
        /// Name of its key.
        name: String,
        /// Its address.
        url: String,
        /// Why.
        reason: String,
    },
    /// It answers something else than a cosignature.
    #[error("the witness {name} refused the checkpoint with {status}: {reason}")]
    Refused {
        /// Name of its key.
        name: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        reason: String,
    },
}

/// A witness that the service asks.
#[derive(Debug, Clone)]
pub struct Cosigner {
    key: VerifierKey,
    url: String,
}

/// What a witness answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cosigning {
    /// Its cosignature.
    Line(SignatureLine),
    /// It has cosigned a checkpoint of this size, and asks for a proof from there.
    Seen(u64),
}

impl Cosigner {
    /// Reads a setting: a verifier key of type 0x04, a space, and the prefix of the witness's address.
    ///
    /// # Errors
    /// [`WitnessError::Setting`].
    pub fn parse(text: &str) -> Result<Self, WitnessError> {
        let refused = |reason: String| WitnessError::Setting { text: assay_core::text::shown(text), reason };
        let (key, url) = text.split_once(' ').ok_or_else(|| refused("it has no address".to_owned()))?;
        let key = VerifierKey::parse(key).map_err(|e: NoteError| refused(e.to_string()))?;
        if key.kind() != KeyKind::Witness {
            return Err(refused("the key is that of a log".to_owned()));
        }
        if key.name().len() > MAX_NAME_BYTES {
            return Err(refused(format!("the name is longer than {MAX_NAME_BYTES} bytes")));
        }
        let valid = url.starts_with("https://") || url.starts_with("http://");
        if !valid || url.contains(char::is_whitespace) {
            return Err(refused("the address does not start with https:// or http://".to_owned()));
        }
        Ok(Self { key, url: url.trim_end_matches('/').to_owned() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.key.name()
    }

    /// Asks for a cosignature of `note`, with a consistency proof from the first `old` entries. Waits for a few seconds at most.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub fn ask(&self, old: u64, proof: &[TreeHash], note: &Note) -> Result<Cosigning, WitnessError> {
        let unreachable =
            |reason: String| WitnessError::Unreachable { name: self.name().to_owned(), url: self.url.clone(), reason };
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(TIMEOUT));
        let agent: ureq::Agent = config.build().into();
        let proof: String = proof.iter().map(|hash| format!("{}\n", STANDARD.encode(hash))).collect();
        let request = agent.post(format!("{}/add-checkpoint", self.url)).content_type("text/plain; charset=utf-8");
        let mut answer = request.send(format!("old {old}\n{proof}\n{note}")).map_err(|e| unreachable(e.to_string()))?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string();
        let body = body.map_err(|e| unreachable(e.to_string()))?;
        let refused = |reason: String| WitnessError::Refused { name: self.name().to_owned(), status, reason };
        match status {
            200 => {
                let line = self.own_line(&body, note).map(Cosigning::Line);
                line.ok_or_else(|| refused("no valid cosignature by its key".to_owned()))
            }
            409 => {
                let size = body.strip_suffix('\n').and_then(parse_decimal);
                size.map(Cosigning::Seen).ok_or_else(|| refused("no size".to_owned()))
            }
            _ => Err(refused(assay_core::text::visible(body.trim()))),
        }
    }

    /// The newest line of `body` that is a valid cosignature of `note` by its key. Others are not kept: a checkpoint has room for a few.
    fn own_line(&self, body: &str, note: &Note) -> Option<SignatureLine> {
        let lines = body.lines().filter_map(|line| SignatureLine::parse(line, 1).ok());
        let holds = |line: &SignatureLine| {
            let alone = Note::new(note.text().to_owned(), vec![line.clone()]);
            matches!(alone.signed_by(&self.key), Ok(Some(Some(_))))
        };
        lines.filter(holds).max_by_key(SignatureLine::cosigned_at)
    }
}

/// What is known of each witness since the start, by its verifier key: at another address it is the same witness.
#[derive(Debug, Default)]
pub struct Rounds(BTreeMap<String, Round>);

#[derive(Debug, Default)]
struct Round {
    seen: u64,
    cosigned: Option<(u64, OffsetDateTime)>,
    failed_at: Option<OffsetDateTime>,
}

/// A witness that did not cosign is asked again after this time.
const AGAIN_AFTER: TimeDuration = TimeDuration::minutes(1);
/// A log that does not grow is cosigned again after this time, so that readers see that it still is the newest one.
const REFRESH_AFTER: TimeDuration = TimeDuration::days(1);

impl Rounds {
    fn of(&mut self, cosigner: &Cosigner) -> &mut Round {
        self.0.entry(cosigner.key.to_string()).or_default()
    }

    /// How far the witness has seen the log; 0 if that is not known.
    pub fn seen(&self, cosigner: &Cosigner) -> u64 {
        self.0.get(&cosigner.key.to_string()).map_or(0, |round| round.seen)
    }

    /// Notes how far it has seen the log.
    pub fn saw(&mut self, cosigner: &Cosigner, size: u64) {
        self.of(cosigner).seen = size;
    }

    /// Notes that it has cosigned the checkpoint of `size` entries.
    pub fn cosigned(&mut self, cosigner: &Cosigner, size: u64, now: OffsetDateTime) {
        *self.of(cosigner) = Round { seen: size, cosigned: Some((size, now)), failed_at: None };
    }

    /// Notes that it did not.
    pub fn failed(&mut self, cosigner: &Cosigner, now: OffsetDateTime) {
        self.of(cosigner).failed_at = Some(now);
    }

    /// Whether it has cosigned the checkpoint of `size` entries.
    pub fn has_cosigned(&self, cosigner: &Cosigner, size: u64) -> bool {
        let cosigned = self.0.get(&cosigner.key.to_string()).and_then(|round| round.cosigned);
        cosigned.is_some_and(|(cosigned, _)| cosigned == size)
    }

    /// Whether it is to be asked to cosign the checkpoint of `size` entries now.
    pub fn is_due(&self, cosigner: &Cosigner, size: u64, now: OffsetDateTime) -> bool {
        let Some(round) = self.0.get(&cosigner.key.to_string()) else { return true };
        let rests = round.failed_at.is_some_and(|at| now - at < AGAIN_AFTER);
        let done = round.cosigned.is_some_and(|(cosigned, at)| cosigned == size && now - at < REFRESH_AFTER);
        !rests && !done
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ed25519_dalek::SigningKey;
    use time::macros::datetime;

    use super::*;

    fn key() -> String {
        let key = SigningKey::from_bytes(&[2; 32]).verifying_key();
        VerifierKey::new("witness.example/2", KeyKind::Witness, key).unwrap().to_string()
    }

    #[test]
    fn a_setting_that_is_no_witness_is_refused_with_its_reason() {
        let key = key();
        assert_eq!(Cosigner::parse(&format!("{key} https://w.example/")).unwrap().url, "https://w.example");
        let long = VerifierKey::parse(&key).unwrap();
        let long = VerifierKey::new(&"w".repeat(513), KeyKind::Witness, *long.key()).unwrap();
        let log = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        for (text, reason) in [
            (key.clone(), "has no address"),
            (format!("{key} ftp://w.example"), "does not start with https://"),
            (format!("{key} https://w.example x"), "does not start with"),
            (format!("{log} https://w.example"), "is that of a log"),
            (format!("{long} https://w.example"), "longer than 512 bytes"),
            ("x https://w.example".to_owned(), "is not NAME+ID+KEY"),
        ] {
            let refused = Cosigner::parse(&text).unwrap_err().to_string();
            assert!(refused.contains(reason) && refused.starts_with("transparency.witnesses: "), "{refused}");
        }
    }

    #[test]
    fn a_witness_is_asked_for_each_size_once_a_day_after_that_and_a_minute_after_a_failure() {
        let witness = Cosigner::parse(&format!("{} http://w", key())).unwrap();
        let (mut rounds, start) = (Rounds::default(), datetime!(2026-11-28 0:00 UTC));
        assert!(rounds.is_due(&witness, 3, start));
        rounds.failed(&witness, start);
        assert!(!rounds.is_due(&witness, 3, start + TimeDuration::seconds(59)));
        assert!(rounds.is_due(&witness, 3, start + TimeDuration::seconds(60)));
        rounds.cosigned(&witness, 3, start);
        assert!(rounds.has_cosigned(&witness, 3) && rounds.seen(&witness) == 3);
        assert!(!rounds.is_due(&witness, 3, start + TimeDuration::hours(23)));
        assert!(rounds.is_due(&witness, 3, start + TimeDuration::hours(24)));
        let moved = Cosigner::parse(&format!("{} http://elsewhere", key())).unwrap();
        assert!(rounds.has_cosigned(&moved, 3) && !rounds.is_due(&moved, 3, start));
        assert!(rounds.is_due(&witness, 4, start) && !rounds.has_cosigned(&witness, 4));
    }
}
