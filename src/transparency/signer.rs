//! Signs checkpoints: one process at a time, whenever the log has grown.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use assay_verifier::log::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    note::{KeyKind, Note, SignatureLine, VerifierKey},
    tree::{TreeHash, empty_root},
};
use ed25519_dalek::SigningKey;
use futures_util::future::join_all;

use super::{
    cosigners::{Cosigner, Cosigning, Rounds, WitnessError},
    judge::{OwnLog, SigningError, Standing, judge},
    mark::Mark,
    proofs::{stored_consistency, stored_root},
    retirement::keep_end,
};
use crate::{
    clock::Clock,
    store::{
        Session, Store, StoreError,
        log::{
            CheckpointRow, SignerSession, add_checkpoint, add_cosignature, damaged_between, damaged_hash,
            newest_checkpoint, try_signer,
        },
    },
    tokens::KeyRing,
};

/// How often the log is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait for another process to give up the right to sign, or for the database to return.
const OTHERS_FOR: Duration = Duration::from_secs(5);
/// How long to wait after a refusal. Then all stored hashes are compared again, so this is not short.
const REFUSED_FOR: Duration = Duration::from_secs(15);

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
    /// Whether the settings give it this name.
    pub is_named: bool,
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
    /// The witnesses that are asked to cosign.
    pub cosigners: Vec<Cosigner>,
}

/// The right to sign.
struct Held {
    session: SignerSession,
    /// Whether the database and the witnesses were asked since the right was taken and since the last refusal.
    examined: bool,
}

impl Signer {
    /// Signs whenever the log has grown, while no other process does.
    pub async fn run(self) -> Infallible {
        let (mut held, mut rounds) = (None, Rounds::default());
        loop {
            let wait = match self.look(&mut held, &mut rounds).await {
                Ok(signed) => {
                    if self.health.set(None) {
                        tracing::info!("the transparency log is signed again");
                    }
                    if let Some(Signed::Now(size)) = signed {
                        tracing::info!(origin = self.origin, size, "a checkpoint of the transparency log was signed");
                    }
                    if signed.is_some() { LOOK_EVERY } else { OTHERS_FOR }
                }
                // says nothing about the log
                Err(SigningError::Store(StoreError::Unavailable(reason))) => {
                    held = None;
                    tracing::warn!(reason, "the transparency log cannot be looked at");
                    OTHERS_FOR
                }
                Err(error) => {
                    if !error.holds_everywhere() {
                        // the right to sign goes to another process, whose home directory may be the right one
                        held = None;
                    } else if let Some(held) = &mut held {
                        held.examined = false;
                    }
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
    async fn look(&self, held: &mut Option<Held>, rounds: &mut Rounds) -> Result<Option<Signed>, SigningError> {
        let held = match held {
            Some(held) => held,
            None => match try_signer(&self.store).await? {
                Some(session) => held.insert(Held { session, examined: false }),
                None => {
                    self.follow().await?;
                    return Ok(None);
                }
            },
        };
        if !held.examined {
            self.examine(&held.session).await?;
            self.ask_how_far(&held.session, rounds).await?;
            held.examined = true;
        }
        let signed = self.sign(&held.session).await?;
        self.gather(&held.session, rounds).await?;
        Ok(Some(signed))
    }

    /// While another process signs: marks what it signed, so that this home directory protects the log as well.
    ///
    /// # Errors
    /// [`SigningError`] as if this process signed.
    pub async fn follow(&self) -> Result<(), SigningError> {
        let client = self.store.read().await?;
        let own = self.keys.log_key(self.clock.now())?;
        let standing = self.judge(&client, own.as_ref()).await?;
        self.raise_mark(&standing)
    }

    /// Asks every witness how far it has seen the log, with the newest stored checkpoint and never with a new one: a machine without the
    /// mark and with an older database learns here that it would fork the log.
    ///
    /// # Errors
    /// [`SigningError::WitnessAhead`], [`SigningError::WitnessDiffers`]. A witness that does not answer is no error: the mark is there as well.
    pub async fn ask_how_far(&self, session: &SignerSession, rounds: &mut Rounds) -> Result<(), SigningError> {
        let stored = newest_checkpoint(session, &self.origin).await?;
        let (size, note) = match stored {
            Some(row) => (u64::try_from(row.size).unwrap_or(0), Note::parse(row.note.as_bytes(), 1)?),
            None => match self.keys.log_key(self.clock.now())? {
                // every tree continues the empty one
                Some(key) => (0, signed_note(&Checkpoint::new(&self.origin, 0, empty_root()), &key)?),
                None => return Ok(()),
            },
        };
        let mut asked: Vec<(Cosigner, u64)> = self.cosigners.iter().map(|cosigner| (cosigner.clone(), 0)).collect();
        // a witness that has seen as many entries is asked once more, whether they are the same ones
        for _ in 0..2 {
            let requests = asked.drain(..).map(|(cosigner, old)| (cosigner, old, Vec::new(), note.clone()));
            for (cosigner, old, answer) in ask_all(requests.collect()).await {
                let witness = || cosigner.name().to_owned();
                match answer {
                    Ok(Cosigning::Seen(seen)) if seen > size => {
                        return Err(SigningError::WitnessAhead { witness: witness(), seen, size });
                    }
                    Ok(Cosigning::Seen(seen)) if seen == size && old == size => {
                        return Err(SigningError::WitnessDiffers { witness: witness(), size });
                    }
                    Ok(Cosigning::Seen(seen)) => {
                        rounds.saw(&cosigner, seen);
                        if seen == size {
                            asked.push((cosigner, size));
                        }
                    }
                    Ok(Cosigning::Line(_)) => rounds.saw(&cosigner, size),
                    Err(error) => tracing::warn!(%error, "a witness does not say how far it has seen the log"),
                }
            }
        }
        Ok(())
    }

    /// Asks the witnesses whose turn it is to cosign the newest checkpoint, and stores what they sign.
    ///
    /// # Errors
    /// [`SigningError::WitnessAhead`], [`SigningError::WitnessDiffers`]; those of the database.
    pub async fn gather(&self, session: &SignerSession, rounds: &mut Rounds) -> Result<(), SigningError> {
        let Some(row) = newest_checkpoint(session, &self.origin).await? else { return Ok(()) };
        let (size, now) = (u64::try_from(row.size).unwrap_or(0), self.clock.now());
        let note = Note::parse(row.note.as_bytes(), 1)?;
        // a witness that has seen another size than we remember says so, and is asked once more
        for is_last in [false, true] {
            let mut requests = Vec::new();
            for cosigner in self.cosigners.iter().filter(|cosigner| rounds.is_due(cosigner, size, now)) {
                let old = rounds.seen(cosigner).min(size);
                let proof = stored_consistency(session, old, size).await?;
                requests.push((cosigner.clone(), old, proof, note.clone()));
            }
            for (cosigner, old, answer) in ask_all(requests).await {
                match answer {
                    Ok(Cosigning::Line(line)) => {
                        add_cosignature(session, &self.origin, row.size, &line.to_string()).await?;
                        rounds.cosigned(&cosigner, size, now);
                    }
                    Ok(Cosigning::Seen(seen)) if seen > size => {
                        return Err(SigningError::WitnessAhead { witness: cosigner.name().to_owned(), seen, size });
                    }
                    Ok(Cosigning::Seen(seen)) if seen == size && old == size => {
                        return Err(SigningError::WitnessDiffers { witness: cosigner.name().to_owned(), size });
                    }
                    Ok(Cosigning::Seen(seen)) => {
                        rounds.saw(&cosigner, seen);
                        // it does not take a proof from the size that it has named
                        if is_last || seen == old {
                            let name = cosigner.name();
                            tracing::warn!(
                                name,
                                seen,
                                old,
                                "a witness did not cosign: it asks for a proof from another size again"
                            );
                            rounds.failed(&cosigner, now);
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a witness did not cosign");
                        rounds.failed(&cosigner, now);
                    }
                }
            }
        }
        let missing = self.cosigners.iter().filter(|cosigner| !rounds.has_cosigned(cosigner, size)).count();
        metrics::gauge!("assay_log_unwitnessed").set(u32::try_from(missing).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Compares all stored hashes with the entries.
    ///
    /// # Errors
    /// [`SigningError::Damaged`]; those of the database.
    pub async fn examine(&self, session: &SignerSession) -> Result<(), SigningError> {
        match damaged_hash(session).await? {
            Some((height, position)) => Err(SigningError::Damaged { height, position }),
            None => Ok(()),
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
        let standing = self.judge(session, own.as_ref()).await?;
        self.raise_mark(&standing)?;
        metrics::gauge!("assay_log_size").set(u32::try_from(standing.size).unwrap_or(u32::MAX));
        if let Some(newest) = standing.newest.as_ref().filter(|newest| newest.checkpoint().size == standing.size) {
            return Ok(Signed::Before(newest.checkpoint().size));
        }
        let key = own.ok_or(SigningError::NoKey)?;
        // what is signed already was compared when it was judged
        let signed = standing.newest.as_ref().map_or(0, |newest| newest.checkpoint().size);
        if let Some((height, position)) = damaged_between(session, signed, standing.size).await? {
            return Err(SigningError::Damaged { height, position });
        }
        let root = stored_root(session, standing.size).await?;
        let note = signed_note(&Checkpoint::new(&self.origin, standing.size, root), &key)?.to_string();
        // read again as readers will read it
        self.mark.raise(&SignedCheckpoint::parse(note.as_bytes())?)?;
        self.store_checkpoint(session, standing.size, root, note).await?;
        Ok(Signed::Now(standing.size))
    }

    async fn judge(&self, client: &impl Session, key: Option<&SigningKey>) -> Result<Standing, SigningError> {
        let key = key.map(SigningKey::verifying_key);
        let judged = judge(client, OwnLog { origin: &self.origin, is_named: self.is_named, key }, &self.mark).await;
        if matches!(judged, Err(SigningError::Retired { .. })) {
            keep_end(client, &self.origin, &self.mark).await?;
        }
        judged
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

    /// On a machine that does not sign or has never signed, and with a home directory from an older backup, the stored checkpoint is newer
    /// than the mark.
    fn raise_mark(&self, standing: &Standing) -> Result<(), SigningError> {
        let marked = standing.marked.as_ref().map(|marked| marked.checkpoint().size);
        match &standing.newest {
            Some(newest) if marked.is_none_or(|marked| marked < newest.checkpoint().size) => {
                Ok(self.mark.raise(newest)?)
            }
            _ => Ok(()),
        }
    }
}

fn signed_note(checkpoint: &Checkpoint, key: &SigningKey) -> Result<Note, SigningError> {
    let text = checkpoint.to_string();
    let line = SignatureLine::sign(&text, &checkpoint.origin, key)?;
    Ok(Note::new(text, vec![line]))
}

/// Asks witnesses side by side; gives the old sizes of the requests back with the answers.
async fn ask_all(
    requests: Vec<(Cosigner, u64, Vec<TreeHash>, Note)>,
) -> Vec<(Cosigner, u64, Result<Cosigning, WitnessError>)> {
    let ask = |(cosigner, old, proof, note): (Cosigner, u64, Vec<TreeHash>, Note)| {
        tokio::task::spawn_blocking(move || {
            let answer = cosigner.ask(old, &proof, &note);
            (cosigner, old, answer)
        })
    };
    join_all(requests.into_iter().map(ask)).await.into_iter().filter_map(Result::ok).collect()
}

/// The verifier key of the log `origin`, if its key is here.
///
/// # Errors
/// [`SigningError`].
pub fn verifier_key(keys: &KeyRing, origin: &str, clock: &dyn Clock) -> Result<Option<VerifierKey>, SigningError> {
    let key = keys.log_key(clock.now())?;
    Ok(key.map(|key| VerifierKey::new(origin, KeyKind::Log, key.verifying_key())).transpose()?)
}
