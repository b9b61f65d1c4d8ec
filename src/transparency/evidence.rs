//! Checkpoints that a monitor keeps beside the last one: the log signed them, and the entries that are known do not explain them.
//!
//! Each is a file `evidence-SIZE-ROOT.checkpoint` of the monitor's directory. It is compared with the known entries at each run, so a fork
//! is found again although the log looks right later. Who has explained it deletes the file.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use assay_verifier::log::{
    checkpoint::{CheckpointError, SignedCheckpoint},
    policy::Policy,
    tree::{Tree, TreeHash},
};

use super::finding::{MonitorFinding, finding};
use crate::durable::{self, Access};

/// The end of each name.
const SUFFIX: &str = ".checkpoint";
/// Before that, if its entries were not read.
const UNREAD: &str = "-unread";

/// Why a checkpoint is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It contradicts what was known.
    Contradicts,
    /// Its entries were not read yet.
    Unread,
}

/// What a kept checkpoint is compared with.
pub(super) struct Known<'a> {
    /// The monitor's directory.
    pub(super) dir: &'a Path,
    /// Whose checkpoints count.
    pub(super) policy: &'a Policy,
    /// Name of the log.
    pub(super) origin: &'a str,
    /// Its entries.
    pub(super) entries: &'a [Vec<u8>],
    /// Entries of the checkpoint that it gives out now; 0 if it gives out none.
    pub(super) signed: u64,
}

/// The root of the first `size` entries, if there are so many.
pub(super) fn root_of_first(entries: &[Vec<u8>], size: u64) -> Option<TreeHash> {
    let first = usize::try_from(size).ok().and_then(|size| entries.get(..size))?;
    Some(Tree::of(first).root())
}

/// Keeps a checkpoint. Returns the file.
///
/// # Errors
/// Those of the system.
pub(super) fn keep(dir: &Path, signed: &SignedCheckpoint, why: Kept) -> io::Result<PathBuf> {
    let path = path_of(dir, signed, why);
    durable::replace(&path, Access::Private, signed.note().to_string().as_bytes())?;
    if why == Kept::Contradicts {
        was_read(dir, signed)?;
    }
    Ok(path)
}

fn path_of(dir: &Path, signed: &SignedCheckpoint, why: Kept) -> PathBuf {
    let (size, root) = (signed.checkpoint().size, hex::encode(&signed.checkpoint().root[..4]));
    let end = match why {
        Kept::Contradicts => "",
        Kept::Unread => UNREAD,
    };
    dir.join(format!("evidence-{size}-{root}{end}{SUFFIX}"))
}

/// Deletes the checkpoint that was kept until its entries are read.
///
/// # Errors
/// Those of the system.
pub(super) fn was_read(dir: &Path, signed: &SignedCheckpoint) -> io::Result<()> {
    match fs::remove_file(path_of(dir, signed, Kept::Unread)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// What the kept checkpoints show.
///
/// # Errors
/// Those of the system.
pub(super) fn findings(known: &Known<'_>) -> io::Result<Vec<MonitorFinding>> {
    let (mut found, mut kept) = (Vec::new(), Vec::new());
    for (name, read) in read(known.dir)? {
        match read {
            Ok(signed) => kept.push((name, signed)),
            Err(e) => {
                let path = known.dir.join(&name);
                found.push(finding("unreadable", format!("{}: {e}", path.display())).about(name));
            }
        }
    }
    // of other logs and other keys they say nothing
    kept.retain(|(_, signed)| known.origin == signed.checkpoint().origin && known.policy.check_log(signed).is_ok());
    for (name, signed) in &kept {
        let (size, root) = (signed.checkpoint().size, signed.checkpoint().root);
        let twin = kept.iter().find(|(_, other)| other.checkpoint().size == size && other.checkpoint().root != root);
        let shows = shows(known, signed, name, twin.map(|(name, _)| name.as_str()));
        found.extend(shows.map(|(kind, detail)| finding(kind, detail).about(name.as_str())));
    }
    Ok(found)
}

/// Kind and detail of what one checkpoint shows. `twin` is the file of another one with as many entries.
fn shows(
    known: &Known<'_>,
    signed: &SignedCheckpoint,
    name: &str,
    twin: Option<&str>,
) -> Option<(&'static str, String)> {
    let (size, kept, dir) = (signed.checkpoint().size, known.dir.join(name), known.dir.display());
    let kept = kept.display();
    if let Some(twin) = twin {
        let twin = known.dir.join(twin);
        let twin = twin.display();
        return Some((
            "inconsistent",
            format!("the log was forked: it signed two roots of {size} entries. {kept} and {twin} prove it"),
        ));
    }
    match root_of_first(known.entries, size) {
        Some(root) if root == signed.checkpoint().root => None,
        Some(_) => Some((
            "inconsistent",
            format!(
                "the log was forked: it signed a root of {size} entries that is not that of the first {size} that it gave out. Keep a copy \
                 of {dir}: {kept}, the checkpoint and the entries show it"
            ),
        )),
        None if !name.ends_with(&format!("{UNREAD}{SUFFIX}")) => Some((
            "inconsistent",
            format!(
                "the log was forked or rewritten, or gave out wrong entries: what it gave out as its {size} entries was not what it had \
                 signed and given out before. Keep a copy of {dir}: {kept} and the entries show it"
            ),
        )),
        None if known.signed < size => Some((
            "older",
            format!(
                "the log signed a checkpoint of {size} entries, did not give them out, and gives out no such checkpoint now. {kept} is a copy"
            ),
        )),
        None => None,
    }
}

/// The kept checkpoints with the names of their files, in the order of the names.
fn read(dir: &Path) -> io::Result<Vec<(String, Result<SignedCheckpoint, CheckpointError>)>> {
    let mut found = Vec::new();
    for file in fs::read_dir(dir)? {
        let file = file?;
        let Ok(name) = file.file_name().into_string() else { continue };
        if name.starts_with("evidence-") && name.ends_with(SUFFIX) {
            found.push((name, SignedCheckpoint::parse(&fs::read(file.path())?)));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}
