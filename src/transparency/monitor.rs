//! Follows a log: keeps all its entries and the last checkpoint, checks that each new checkpoint continues it, and reads the entries.
//!
//! What is kept is two files of a directory: `entries`, in the form of the log's bundles, and `checkpoint`. The entries are written first,
//! so after a crash there may be more of them than the checkpoint has; these are read again.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use assay_core::text::visible;
use assay_verifier::log::{
    checkpoint::SignedCheckpoint,
    policy::{NotMet, Policy},
    tree::{Tree, empty_root},
};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::{
    ends,
    entries::read_entries,
    evidence::{self, Kept, Known},
    finding::{MonitorFinding, finding},
    reader::{ReadError, Reader, unbundled},
};
use crate::durable::{self, Access};

/// Why a log cannot be followed; `Display` is a sentence.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
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
    /// Why the log cannot be read, if it cannot; a finding says so too.
    #[serde(skip)]
    pub failure: Option<ReadError>,
}

/// What the log gave out at this run.
struct Look {
    followed: Followed,
    /// Name of the log: the one that was followed before, else the one that it has given itself.
    own: String,
    /// Entries of the newest checkpoint that its key signed; 0 if there is none.
    signed: u64,
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

    /// Reads the log's newest checkpoint and the entries since the last one, and looks at them. What is found of the entries before, and of
    /// what the log signed before, is found again: an unexplained finding does not go away. A log that cannot be read is a finding, and
    /// [`Followed::failure`] says why.
    ///
    /// # Errors
    /// [`MonitorError`].
    pub fn follow(&mut self, reader: &Reader, asked: &Asked, now: OffsetDateTime) -> Result<Followed, MonitorError> {
        let Look { mut followed, own, signed } = self.look(reader, asked, now)?;
        let known = Known { dir: &self.dir, policy: &self.policy, origin: &own, entries: &self.entries, signed };
        let kept = evidence::findings(&known).map_err(file(&self.dir))?;
        // what was found just now says more of a file that is there already
        let is_new = |kept: &MonitorFinding| !followed.findings.iter().any(|new| new.has_subject_of(kept));
        let kept: Vec<_> = kept.into_iter().filter(is_new).collect();
        // a log that does not say so has not ended, unless it did before
        if let Ok(note) = reader.retirement(&own) {
            ends::keep(&known, &note).map_err(file(&self.dir))?;
        }
        let ends = ends::findings(&known).map_err(file(&self.dir))?;
        followed.findings.splice(0..0, ends.into_iter().chain(kept));
        Ok(followed)
    }

    fn look(&mut self, reader: &Reader, asked: &Asked, now: OffsetDateTime) -> Result<Look, MonitorError> {
        reader.bound();
        let known = self.entries.len() as u64;
        let own = self.last.as_ref().map(|last| last.checkpoint().origin.clone());
        let begun = |own: String, size: u64, signed: u64| {
            let followed = Followed {
                origin: visible(&own),
                known,
                size,
                findings: Vec::new(),
                is_complete: false,
                failure: None,
            };
            Look { followed, own, signed }
        };
        let unreadable = |what: &str, error: ReadError, mut look: Look| {
            look.followed.findings.push(finding("unreadable", format!("the log's {what}: {error}")).about(what));
            look.followed.failure = Some(error);
            look
        };
        let signed = match reader.checkpoint() {
            Ok(signed) => signed,
            Err(e) => {
                let listed = self.policy.logs().first().map(|log| log.key.name().to_owned());
                return Ok(unreadable("checkpoint", e, begun(own.or(listed).unwrap_or_default(), known, 0)));
            }
        };
        let size = signed.checkpoint().size;
        let mut look = begun(own.unwrap_or_else(|| signed.checkpoint().origin.clone()), size, 0);
        look.followed.origin = visible(&signed.checkpoint().origin);
        let unmet = |e: NotMet| finding("policy", e.to_string());
        if let Err(e) = self.policy.check_log(&signed) {
            look.followed.findings.push(unmet(e));
            return Ok(look);
        }
        // the log's own signature holds: what it signed is evidence against it, whoever cosigned
        look.followed.findings.extend(self.policy.check(&signed).err().map(unmet));
        let is_unwitnessed = !look.followed.findings.is_empty();
        if let Some(contradiction) = self.contradiction(&signed) {
            look.followed.findings.push(self.keep_evidence(&signed, contradiction)?);
            return Ok(look);
        }
        look.signed = size;
        // before its entries are asked for, which the log may withhold
        if size > known {
            evidence::keep(&self.dir, &signed, Kept::Unread).map_err(file(&self.dir))?;
        }
        let new = match reader.entries(known, size) {
            Ok(new) => new,
            Err(e) => return Ok(unreadable("entries", e, look)),
        };
        let all: Vec<Vec<u8>> = self.entries.iter().cloned().chain(new).collect();
        if Tree::of(&all).root() != signed.checkpoint().root {
            let reason =
                format!("its {size} entries, of which {known} were known, do not lead to the root that it signed");
            look.followed.findings.push(self.keep_evidence(&signed, Contradiction::Entries(reason))?);
            return Ok(look);
        }
        if is_unwitnessed {
            return Ok(look);
        }
        self.entries = all;
        let signed = self.store(signed)?;
        evidence::was_read(&self.dir, &signed).map_err(file(&self.dir))?;
        look.followed.findings.extend(self.compare(asked));
        let (exchange, cadence) = (asked.exchange.as_deref(), asked.cadence);
        look.followed.findings.extend(read_entries(&self.entries, reader, exchange, cadence, now));
        look.followed.is_complete = !reader.has_given_up();
        Ok(look)
    }

    /// The directory.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// All entries that are known.
    pub(super) fn entries(&self) -> &[Vec<u8>] {
        &self.entries
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
        if Tree::of(first).root() == new.root {
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
        let path = evidence::keep(&self.dir, signed, Kept::Contradicts).map_err(file(&self.dir))?;
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

    fn store(&mut self, signed: SignedCheckpoint) -> Result<SignedCheckpoint, MonitorError> {
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
        self.last = Some(signed.clone());
        Ok(signed)
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
                (Ok(()), Some(entries)) if Tree::of(entries).root() != checkpoint.root => {
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
    if entries.len() as u64 != size || Tree::of(&entries).root() != root {
        return Err(state("entries", "these are not the entries of the checkpoint beside them"));
    }
    Ok((last, entries))
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
