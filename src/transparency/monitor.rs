//! Follows a log: keeps all its entries and the last checkpoint, checks that each new checkpoint continues it, and reads the entries.
//!
//! What is kept is two files of a directory: `entries`, in the form of the log's bundles, and `checkpoint`. The entries are written first,
//! so after a crash there may be more of them than the checkpoint has; these are read again.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use assay_core::{
    sealed::{Sealed, StatementDigest},
    text::{shown, visible},
    time::parse_instant,
};
use assay_programs::ledger::statement::Statement;
use assay_verifier::log::{
    checkpoint::SignedCheckpoint,
    entry::{ATTESTATION_KIND, Entry, LATER_KINDS, LaterEntry},
    policy::{NotMet, Policy},
    tree::{Tree, empty_root, leaf_hash},
};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::{
    finding::{MonitorFinding, finding},
    later::LaterEntries,
    reader::{ReadError, Reader, unbundled},
    retirement::Retirement,
};
use crate::durable::{self, Access};

/// Why a log cannot be followed; `Display` is a sentence.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The directory cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The parameters that a proof is verified with cannot be had.
    #[error("the parameters of a circuit cannot be had, so nothing more was verified: {0}")]
    Parameters(String),
    /// The directory does not hold what a monitor wrote.
    #[error("{}: {reason}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What following the log came to.
#[derive(Debug, Serialize)]
pub struct Followed {
    /// Name of the log.
    pub origin: String,
    /// Entries before.
    pub known: u64,
    /// Entries now.
    pub size: u64,
    /// What was found; empty if all is well.
    pub findings: Vec<MonitorFinding>,
    /// Whether all entries were looked at. Otherwise what is not found may be there.
    #[serde(skip)]
    pub is_complete: bool,
}

/// What the reader asks for beside consistency.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Only what concerns this exchange.
    pub exchange: Option<String>,
    /// Longest time between two snapshots of an exchange.
    pub cadence: Option<Duration>,
    /// Other checkpoints that must be of the same log, with their names.
    pub others: Vec<(String, SignedCheckpoint)>,
}

/// Why a checkpoint does not follow the last one.
enum Contradiction {
    /// Two roots of one size: the two checkpoints prove that the log was forked.
    TwoRoots { size: u64 },
    /// Its entries are others than those that were read. Who does not have them cannot know that from the checkpoints.
    Entries(String),
    /// An older checkpoint of the same log.
    Older { old: u64, new: u64 },
    /// A checkpoint of another log.
    Renamed { old: String, new: String },
}

/// A monitor and its directory, which belongs to this process while it lives.
pub struct Monitor {
    dir: PathBuf,
    _lock: File,
    policy: Policy,
    entries: Vec<Vec<u8>>,
    last: Option<SignedCheckpoint>,
}

impl Monitor {
    /// Opens the directory, or begins one.
    ///
    /// # Errors
    /// [`MonitorError::File`], [`MonitorError::State`].
    pub fn open(dir: &Path, policy: Policy) -> Result<Self, MonitorError> {
        durable::create_private_directory(dir).map_err(file(dir))?;
        let lock = File::open(dir).map_err(file(dir))?;
        if lock.try_lock().is_err() {
            return Err(file(dir)(io::Error::other("another monitor uses this directory")));
        }
        durable::remove_partial_files(dir).map_err(file(dir))?;
        let (last, entries) = read_state(dir)?;
        Ok(Self { dir: dir.to_owned(), _lock: lock, policy, entries, last })
    }

    /// Reads the log's newest checkpoint and the entries since the last one, and looks at them. What is found of the entries before is
    /// found again: an unexplained finding does not go away.
    ///
    /// # Errors
    /// [`MonitorError`].
    pub fn follow(&mut self, reader: &Reader, asked: &Asked, now: OffsetDateTime) -> Result<Followed, MonitorError> {
        let signed = reader.checkpoint()?;
        let (origin, size, known) =
            (visible(&signed.checkpoint().origin), signed.checkpoint().size, self.entries.len() as u64);
        let mut followed = Followed { origin, known, size, findings: Vec::new(), is_complete: false };
        let own = self.last.as_ref().map_or(&signed.checkpoint().origin, |last| &last.checkpoint().origin);
        followed.findings.extend(self.end_of(reader, own));
        let ended = followed.findings.len();
        let unmet = |e: NotMet| finding("policy", e.to_string());
        if let Err(e) = self.policy.check_log(&signed) {
            followed.findings.push(unmet(e));
            return Ok(followed);
        }
        // the log's own signature holds: what it signed is evidence against it, whoever cosigned
        followed.findings.extend(self.policy.check(&signed).err().map(unmet));
        let is_unwitnessed = followed.findings.len() > ended;
        if let Some(contradiction) = self.contradiction(&signed) {
            followed.findings.push(self.keep_evidence(&signed, contradiction)?);
            return Ok(followed);
        }
        let new = match reader.entries(known, size) {
            Err(_) if is_unwitnessed => return Ok(followed),
            new => new?,
        };
        let all: Vec<Vec<u8>> = self.entries.iter().cloned().chain(new).collect();
        if tree_of(&all).root() != signed.checkpoint().root {
            let reason =
                format!("its {size} entries, of which {known} were known, do not lead to the root that it signed");
            followed.findings.push(self.keep_evidence(&signed, Contradiction::Entries(reason))?);
            return Ok(followed);
        }
        if is_unwitnessed {
            return Ok(followed);
        }
        self.entries = all;
        self.store(signed)?;
        followed.findings.extend(self.compare(asked));
        followed.findings.extend(self.read_entries(reader, asked, now)?);
        followed.is_complete = true;
        Ok(followed)
    }

    /// The directory.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// All entries that are known.
    pub(super) fn entries(&self) -> &[Vec<u8>] {
        &self.entries
    }

    /// Whether the log has ended, by its own word.
    fn end_of(&self, reader: &Reader, origin: &str) -> Option<MonitorFinding> {
        // a log that does not say so has not ended
        let ended = reader.retirement(origin).ok().and_then(|note| Retirement::of_policy(&self.policy, &note))?;
        let Retirement { last, successor, reason } = ended;
        let (name, successor) = (visible(&last.origin), visible(&successor));
        let detail = format!(
            "the log {name} is retired, with {} entries: {reason}. After it comes {successor}, which has another key",
            last.size
        );
        (last.origin == origin).then(|| finding("retired", detail))
    }

    /// Why the checkpoint does not follow the last one.
    fn contradiction(&self, new: &SignedCheckpoint) -> Option<Contradiction> {
        let (old, new) = (self.last.as_ref()?.checkpoint(), new.checkpoint());
        if old.origin != new.origin {
            return Some(Contradiction::Renamed { old: visible(&old.origin), new: visible(&new.origin) });
        }
        if new.size == old.size {
            return (new.root != old.root).then_some(Contradiction::TwoRoots { size: new.size });
        }
        let first = usize::try_from(new.size).ok().and_then(|size| self.entries.get(..size))?;
        if tree_of(first).root() == new.root {
            return Some(Contradiction::Older { old: old.size, new: new.size });
        }
        Some(Contradiction::Entries(format!(
            "its {} entries are not the first ones of the {} known",
            new.size, old.size
        )))
    }

    /// A finding about a checkpoint, which is kept beside the last one.
    fn keep_evidence(
        &self,
        signed: &SignedCheckpoint,
        contradiction: Contradiction,
    ) -> Result<MonitorFinding, MonitorError> {
        let path = self.dir.join(format!(
            "evidence-{}-{}.checkpoint",
            signed.checkpoint().size,
            hex::encode(&signed.checkpoint().root[..4])
        ));
        durable::replace(&path, Access::Private, signed.note().to_string().as_bytes()).map_err(file(&path))?;
        let (kept, dir) = (path.display(), self.dir.display());
        let last = self.dir.join("checkpoint");
        let last = last.display();
        let kept_as = path.file_name().unwrap_or_default().to_string_lossy();
        let found = match contradiction {
            Contradiction::TwoRoots { size } => finding(
                "inconsistent",
                format!("the log was forked: it signed two roots of {size} entries. {last} and {kept} prove it"),
            ),
            Contradiction::Entries(reason) => finding(
                "inconsistent",
                format!(
                    "the log was forked or rewritten, or gives out wrong entries: {reason}. Keep a copy of {dir}: {kept} and the entries \
                     show it to who gets the same entries from the log"
                ),
            ),
            Contradiction::Older { old, new } => finding(
                "older",
                format!(
                    "the log has {new} entries now, and had {old}: an older checkpoint is given out. {kept} is a copy"
                ),
            ),
            Contradiction::Renamed { old, new } => {
                finding("other-log", format!("it is the log {new} now, and was {old}. {kept} is its checkpoint"))
            }
        };
        Ok(found.about(kept_as))
    }

    fn store(&mut self, signed: SignedCheckpoint) -> Result<(), MonitorError> {
        let mut bytes = Vec::new();
        for entry in &self.entries {
            // entries were read with lengths of 16 bits
            bytes.extend(u16::try_from(entry.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend(entry);
        }
        for (name, bytes) in [("entries", bytes), ("checkpoint", signed.note().to_string().into_bytes())] {
            let path = self.dir.join(name);
            durable::replace(&path, Access::Private, &bytes).map_err(file(&path))?;
        }
        self.last = Some(signed);
        Ok(())
    }

    /// Whether checkpoints from elsewhere are of this log.
    fn compare(&self, asked: &Asked) -> Vec<MonitorFinding> {
        let mut found = Vec::new();
        for (name, other) in &asked.others {
            let checkpoint = other.checkpoint();
            let known = usize::try_from(checkpoint.size).ok().and_then(|size| self.entries.get(..size));
            let own = self.last.as_ref().map(|last| &last.checkpoint().origin);
            let reason = match (self.policy.check_log(other), known) {
                (Err(e), _) => e.to_string(),
                (Ok(()), _) if own.is_some_and(|own| *own != checkpoint.origin) => {
                    format!("it is of the log {}, which is another one", visible(&checkpoint.origin))
                }
                (Ok(()), None) => {
                    format!("it has {} entries, and the log shows {}", checkpoint.size, self.entries.len())
                }
                (Ok(()), Some(entries)) if tree_of(entries).root() != checkpoint.root => {
                    format!(
                        "its {} entries are not the first ones of the log: somebody is shown another log",
                        checkpoint.size
                    )
                }
                (Ok(()), Some(_)) => continue,
            };
            let other = format!("{} {} {}", checkpoint.origin, checkpoint.size, hex::encode(checkpoint.root));
            found.push(finding("other-checkpoint", format!("{}: {reason}", visible(name))).about(other));
        }
        found
    }

    /// What the entries say, and whether the statements are there.
    fn read_entries(
        &self,
        reader: &Reader,
        asked: &Asked,
        now: OffsetDateTime,
    ) -> Result<Vec<MonitorFinding>, MonitorError> {
        let mut found = Vec::new();
        let mut later = LaterEntries { size: self.entries.len() as u64, ..LaterEntries::default() };
        // per exchange, the statements by instant, and the newest instant so far
        let mut seen: BTreeMap<String, BTreeMap<OffsetDateTime, String>> = BTreeMap::new();
        for (position, bytes) in self.entries.iter().enumerate() {
            let entry = match Sealed::<Entry>::parse(bytes) {
                Ok(entry) => entry,
                Err(e) if kind_of(bytes).is_none_or(|kind| kind == ATTESTATION_KIND) => {
                    found.push(finding("malformed", format!("entry {position}: {e}")));
                    continue;
                }
                Err(_) => {
                    match later_entry(bytes) {
                        Some(Ok(entry))
                            if asked.exchange.as_ref().is_none_or(|exchange| *exchange == entry.exchange) =>
                        {
                            later.entries.push((position, entry));
                        }
                        Some(Err(e)) => found.push(finding("malformed", format!("entry {position}: {e}"))),
                        _ => {}
                    }
                    continue;
                }
            };
            if asked.exchange.as_ref().is_some_and(|exchange| *exchange != entry.exchange) {
                continue;
            }
            later.statements.insert(entry.statement.clone());
            // checked when it was parsed
            let Ok(instant) = parse_instant(&entry.taken_at) else { continue };
            let of_exchange = seen.entry(entry.exchange.clone()).or_default();
            let label =
                format!("entry {position}, {} of {} for {}", shown(&entry.snapshot), entry.exchange, entry.taken_at);
            if let Some(other) = of_exchange.get(&instant) {
                found.push(finding(
                    "duplicate",
                    format!("{label}: another statement for this instant is in the log, {other}"),
                ));
            } else if of_exchange.last_key_value().is_some_and(|(newest, _)| *newest > instant) {
                found.push(finding("backwards", format!("{label}: a later instant was published before")));
            }
            of_exchange.entry(instant).or_insert_with(|| entry.statement.clone());
            found.extend(statement_finding(reader, &entry, &label)?);
        }
        found.extend(later.compare(reader));
        if let Some(cadence) = asked.cadence {
            let late = |(exchange, instants): (&String, &BTreeMap<OffsetDateTime, String>)| {
                let (newest, _) = instants.last_key_value()?;
                let days = (now - *newest).whole_days();
                let late = || finding("late", format!("{exchange}: the newest snapshot is {days} days old"));
                // whoever is late twice is late after two snapshots
                (now - *newest > cadence).then(|| late().about(format!("{exchange} {newest}")))
            };
            found.extend(seen.iter().filter_map(late));
            if let Some(exchange) = asked.exchange.as_ref().filter(|exchange| !seen.contains_key(*exchange)) {
                found.push(finding("late", format!("{}: there is no snapshot", visible(exchange))));
            }
        }
        Ok(found)
    }
}

/// What a monitor keeps in its directory: the last checkpoint, and exactly its entries.
///
/// # Errors
/// [`MonitorError::File`], [`MonitorError::State`].
pub(super) fn read_state(dir: &Path) -> Result<(Option<SignedCheckpoint>, Vec<Vec<u8>>), MonitorError> {
    let state = |name: &str, reason: &str| MonitorError::State { path: dir.join(name), reason: reason.to_owned() };
    let last = read_if_there(&dir.join("checkpoint"))?;
    let last = last.map(|bytes| SignedCheckpoint::parse(&bytes)).transpose();
    let last = last.map_err(|e| state("checkpoint", &e.to_string()))?;
    let bytes = read_if_there(&dir.join("entries"))?.unwrap_or_default();
    let mut entries = unbundled(&bytes).ok_or_else(|| state("entries", "not the entries that a monitor wrote"))?;
    let size = last.as_ref().map_or(0, |last| last.checkpoint().size);
    entries.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let root = last.as_ref().map_or_else(empty_root, |last| last.checkpoint().root);
    if entries.len() as u64 != size || tree_of(&entries).root() != root {
        return Err(state("entries", "these are not the entries of the checkpoint beside them"));
    }
    Ok((last, entries))
}

/// Whether the service gives out the statement of an entry, and it says the same.
fn statement_finding(
    reader: &Reader,
    entry: &Sealed<Entry>,
    label: &str,
) -> Result<Option<MonitorFinding>, MonitorError> {
    let missing =
        |reason: String| Some(finding("statement", format!("{label}: {reason}")).about(entry.statement.as_str()));
    let bytes = match reader.statement(&entry.statement) {
        Ok(bytes) => bytes,
        Err(e) => return Ok(missing(e.to_string())),
    };
    if StatementDigest::of(&bytes).to_string() != entry.statement {
        return Ok(missing("the service gives out another statement under its digest".to_owned()));
    }
    let own = Sealed::<Statement>::parse(&bytes).and_then(|statement| Entry::of(&statement));
    Ok(match own {
        Ok(own) if own.bytes() == entry.bytes() => None,
        Ok(_) => missing("the statement is of another exchange, snapshot or instant".to_owned()),
        Err(e) => missing(e.to_string()),
    })
}

/// The entry of what was signed later; nothing of a kind that this program does not know.
fn later_entry(bytes: &[u8]) -> Option<Result<Sealed<LaterEntry>, assay_core::Error>> {
    let is_later = kind_of(bytes).is_some_and(|kind| LATER_KINDS.contains(&kind.as_str()));
    is_later.then(|| Sealed::parse(bytes))
}

/// The member `kind` of an entry that is a JSON object.
fn kind_of(entry: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(entry).ok()?;
    value.get("kind")?.as_str().map(str::to_owned)
}

pub(super) fn tree_of(entries: &[Vec<u8>]) -> Tree {
    let mut tree = Tree::default();
    entries.iter().for_each(|entry| tree.push(leaf_hash(entry)));
    tree
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, MonitorError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(file(path)(e)),
    }
}

pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> MonitorError + use<> {
    let path = path.to_owned();
    move |source| MonitorError::File { path, source }
}
