//! Signs checkpoints: one process at a time, whenever the log has grown.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use assay_verifier::log::{
    checkpoint::Checkpoint,
    note::{KeyKind, Note, SignatureLine, VerifierKey},
};
use ed25519_dalek::SigningKey;

use super::{
    judge::{SigningError, Standing, judge},
    mark::Mark,
    proofs::stored_root,
};
use crate::{
    clock::Clock,
    store::{
        Session, Store,
        log::{CheckpointRow, SignerSession, add_checkpoint, damaged_hash, try_signer},
    },
    tokens::KeyRing,
};

/// How often the log is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait after a refusal, and for another process to give up the right to sign.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// Why this process signs nothing, for those who watch the service; `None` while all is well or another process signs.
#[derive(Debug, Clone, Default)]
pub struct SignerHealth(Arc<Mutex<Option<String>>>);

impl SignerHealth {
    /// The reason.
    pub fn refusal(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes a reason, or that there is none; returns whether that is new.
    fn set(&self, refusal: Option<String>) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *noted != refusal;
        *noted = refusal;
        is_new
    }
}

/// What one look at the log came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// A checkpoint of this many entries was signed.
    Now(u64),
    /// The newest checkpoint has all entries.
    Before(u64),
}

/// The signer of one log.
pub struct Signer {
    /// Name of the log.
    pub origin: String,
    /// The database.
    pub store: Store,
    /// The keys.
    pub keys: Arc<KeyRing>,
    /// The file with the mark.
    pub mark: Mark,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Told why nothing is signed.
    pub health: SignerHealth,
}

impl Signer {
    /// Signs whenever the log has grown, while no other process does.
    pub async fn run(self) -> Infallible {
        let mut session = None;
        loop {
            let wait = match self.look(&mut session).await {
                Ok(signed) => {
                    if self.health.set(None) {
                        tracing::info!("the transparency log is signed again");
                    }
                    if let Some(Signed::Now(size)) = signed {
                        tracing::info!(origin = self.origin, size, "a checkpoint of the transparency log was signed");
                    }
                    if signed.is_some() { LOOK_EVERY } else { REFUSED_FOR }
                }
                Err(error) => {
                    // the right to sign goes to another process, whose home directory may be the right one
                    session = None;
                    if self.health.set(Some(error.to_string())) {
                        tracing::error!(%error, "the transparency log is not signed");
                    }
                    REFUSED_FOR
                }
            };
            metrics::gauge!("assay_log_refused").set(u32::from(self.health.refusal().is_some()));
            tokio::time::sleep(wait).await;
        }
    }

    /// One look; `None` while another process signs.
    async fn look(&self, session: &mut Option<SignerSession>) -> Result<Option<Signed>, SigningError> {
        if session.is_none() {
            *session = self.begin().await?;
        }
        match session {
            Some(session) => self.sign(session).await.map(Some),
            None => Ok(None),
        }
    }

    /// Takes the right to sign, and compares all stored hashes with the entries; `None` while another process has the right.
    ///
    /// # Errors
    /// [`SigningError`].
    pub async fn begin(&self) -> Result<Option<SignerSession>, SigningError> {
        let Some(session) = try_signer(&self.store).await? else { return Ok(None) };
        match damaged_hash(&session).await? {
            Some((height, position)) => Err(SigningError::Damaged { height, position }),
            None => Ok(Some(session)),
        }
    }

    /// Signs a checkpoint of all entries, if the newest one has fewer. It is marked before it is stored, so it is never seen by anybody
    /// before it is marked.
    ///
    /// # Errors
    /// [`SigningError`]; then nothing was signed, or a checkpoint was marked that the next call signs again, byte for byte.
    pub async fn sign(&self, session: &SignerSession) -> Result<Signed, SigningError> {
        let now = self.clock.now();
        let own = self.keys.log_key(now)?;
        let standing = judge(session, &self.origin, own.as_ref().map(SigningKey::verifying_key), &self.mark).await?;
        self.raise_mark(&standing)?;
        metrics::gauge!("assay_log_size").set(u32::try_from(standing.size).unwrap_or(u32::MAX));
        if let Some(newest) = standing.newest.as_ref().filter(|newest| newest.checkpoint().size == standing.size) {
            return Ok(Signed::Before(newest.checkpoint().size));
        }
        let key = own.ok_or(SigningError::NoKey)?;
        let root = stored_root(session, standing.size).await?;
        let text = Checkpoint::new(&self.origin, standing.size, root).to_string();
        let line = SignatureLine::sign(&text, &self.origin, &key)?;
        let note = Note::new(text, vec![line]).to_string();
        self.mark.write(&note)?;
        self.store_checkpoint(session, standing.size, root, note).await?;
        Ok(Signed::Now(standing.size))
    }

    async fn store_checkpoint(
        &self,
        session: &impl Session,
        size: u64,
        root: [u8; 32],
        note: String,
    ) -> Result<(), SigningError> {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        Ok(add_checkpoint(session, &self.origin, &CheckpointRow { size, root, note }, self.clock.now()).await?)
    }

    /// On a machine that has never signed, and with a home directory from an older backup, the stored checkpoint is newer than the mark.
    fn raise_mark(&self, standing: &Standing) -> Result<(), SigningError> {
        let marked = standing.marked.as_ref().map(|marked| marked.checkpoint().size);
        match &standing.newest {
            Some(newest) if marked.is_none_or(|marked| marked < newest.checkpoint().size) => {
                Ok(self.mark.write(&newest.note().to_string())?)
            }
            _ => Ok(()),
        }
    }
}

/// The verifier key of the log `origin`, if its key is here.
///
/// # Errors
/// [`SigningError`].
pub fn verifier_key(keys: &KeyRing, origin: &str, clock: &dyn Clock) -> Result<Option<VerifierKey>, SigningError> {
    let key = keys.log_key(clock.now())?;
    Ok(key.map(|key| VerifierKey::new(origin, KeyKind::Log, key.verifying_key())).transpose()?)
}
