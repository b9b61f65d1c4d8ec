//! What readers fetch, made from the database: the signed checkpoint with its cosignatures, proofs of logging, and tiles.

use std::{cmp::Reverse, collections::BTreeMap};

use assay_verifier::log::{
    checkpoint::{SignedCheckpoint, parse_decimal},
    note::{MAX_SIGNATURES, Note, SignatureLine},
    proof::LogProof,
    tree::{self, Node, TreeHash},
};

use crate::store::{
    Result, Session, StoreError,
    log::{self, Place},
};

/// Hashes of a full tile, and entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// Longest signature line that is given out, so that the lines of a checkpoint always fit into a note.
const MAX_LINE_BYTES: usize = 1 << 10;

/// A tile, or a bundle of entries: a part of the tree that never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Level of the tile; `None` for a bundle of entries.
    pub level: Option<u8>,
    /// Position among the tiles of this level.
    pub index: u64,
    /// Hashes or entries, from 1 to [`TILE_WIDTH`].
    pub width: u64,
}

impl Tile {
    /// Reads the end of a path: `x001/x234/067`, with `.p/WIDTH` for a tile that is not full; `None` for anything else.
    pub fn parse(level: Option<&str>, path: &str) -> Option<Self> {
        let level = match level {
            Some(text) => {
                Some(parse_decimal(text).and_then(|level| u8::try_from(level).ok()).filter(|level| *level < 64)?)
            }
            None => None,
        };
        let (digits, width) = match path.split_once(".p/") {
            Some((digits, width)) => (digits, parse_decimal(width).filter(|width| (1..TILE_WIDTH).contains(width))?),
            None => (path, TILE_WIDTH),
        };
        let groups: Vec<&str> = digits.split('/').collect();
        let (last, above) = groups.split_last()?;
        // one spelling only: no group of zeros before the others
        if above.first().is_some_and(|first| *first == "x000") {
            return None;
        }
        let three = |group: &str| {
            (group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()))
                .then_some(())
                .and_then(|()| group.parse::<u64>().ok())
        };
        let mut index = 0_u64;
        for group in above {
            index = index.checked_mul(1000)?.checked_add(three(group.strip_prefix('x')?)?)?;
        }
        let index = index.checked_mul(1000)?.checked_add(three(last)?)?;
        Some(Self { level, index, width })
    }

    /// Entries that a log must have to have this tile, and the positions of the hashes or entries; `None` beyond any log.
    fn range(&self) -> Option<(u64, u64, u64)> {
        let first = self.index.checked_mul(TILE_WIDTH)?;
        let behind = first.checked_add(self.width)?;
        let each = 1_u64.checked_shl(8 * u32::from(self.level.unwrap_or(0)))?;
        Some((behind.checked_mul(each)?, first, behind))
    }
}

/// The newest signed checkpoint of the log `origin`, with the cosignatures of its witnesses.
///
/// # Errors
/// [`StoreError::NotFound`] if none was signed yet; [`StoreError::Corrupt`] for a checkpoint that cannot be read.
pub async fn checkpoint(client: &impl Session, origin: &str) -> Result<SignedCheckpoint> {
    let row = log::newest_checkpoint(client, origin).await?.ok_or(StoreError::NotFound)?;
    let corrupt = |e: String| StoreError::Corrupt(format!("the stored checkpoint of {} entries: {e}", row.size));
    let mut note = Note::parse(row.note.as_bytes(), 1).map_err(|e| corrupt(e.to_string()))?;
    let rows = log::cosignatures(client, origin, row.size).await?;
    let room = MAX_SIGNATURES.saturating_sub(note.signatures().len());
    let lines = newest_lines(&rows, |line| note.signatures().iter().all(|own| own.key() != line.key()));
    note.add(lines.into_iter().take(room));
    SignedCheckpoint::parse(note.to_string().as_bytes()).map_err(|e| corrupt(e.to_string()))
}

/// The newest cosignature of each key among `rows` that `may_stand` beside the log's own signatures, the newest first. A row that is no
/// cosignature is left out: whatever is stored, the log's own signature must reach its readers.
fn newest_lines(rows: &[String], may_stand: impl Fn(&SignatureLine) -> bool) -> Vec<SignatureLine> {
    let mut newest: BTreeMap<(String, u32), (u64, SignatureLine)> = BTreeMap::new();
    let mut unreadable = 0;
    for row in rows {
        let line = SignatureLine::parse(row, 1).ok().filter(|line| row.len() <= MAX_LINE_BYTES && may_stand(line));
        let Some((time, line)) = line.and_then(|line| Some((line.cosigned_at()?, line))) else {
            unreadable += 1;
            continue;
        };
        let (name, id) = line.key();
        let key = (name.to_owned(), id);
        if newest.get(&key).is_none_or(|(known, _)| *known < time) {
            newest.insert(key, (time, line));
        }
    }
    if unreadable > 0 {
        tracing::warn!(unreadable, "rows of log_cosignatures are no cosignatures");
    }
    let mut found: Vec<_> = newest.into_values().collect();
    found.sort_by_key(|(time, _)| Reverse(*time));
    found.into_iter().map(|(_, line)| line).collect()
}

/// The proof that the attestation `id` is in the log, for the newest signed checkpoint.
///
/// # Errors
/// [`StoreError::NotFound`] without the attestation, or while no checkpoint contains it; [`StoreError::Corrupt`] if the stored hashes
/// are not those of the checkpoint.
pub async fn log_proof(client: &impl Session, origin: &str, id: &[u8; 32]) -> Result<LogProof> {
    let (position, entry) = log::entry_of(client, id).await?;
    let checkpoint = checkpoint(client, origin).await?;
    let (index, size) = (u64::try_from(position).map_err(|_| StoreError::NotFound)?, checkpoint.checkpoint().size);
    let path = computed(client, |node| tree::prove_inclusion(index, size, &mut |asked| node(asked))).await?;
    // the entry may be newer than the checkpoint
    let path = path.map_err(|_| StoreError::NotFound)?;
    let proof = LogProof { extra: None, index, path, checkpoint };
    match proof.verify(&tree::leaf_hash(&entry)) {
        Ok(()) => Ok(proof),
        Err(e) => Err(StoreError::Corrupt(format!("the log in the database is not the one that was signed: {e}"))),
    }
}

/// The bytes of a tile, or of a bundle of entries. Only what a signed checkpoint contains is given out.
///
/// # Errors
/// [`StoreError::NotFound`] for any other tile.
pub async fn tile(client: &impl Session, origin: &str, tile: Tile) -> Result<Vec<u8>> {
    let (needs, first, behind) = tile.range().ok_or(StoreError::NotFound)?;
    let newest = log::newest_checkpoint(client, origin).await?.ok_or(StoreError::NotFound)?;
    let signed = |number: u64| i64::try_from(number).map_err(|_| StoreError::NotFound);
    if signed(needs)? > newest.size {
        return Err(StoreError::NotFound);
    }
    let Some(level) = tile.level else {
        return Ok(bundle(log::entries_between(client, signed(first)?, signed(behind)?).await?));
    };
    let hashes = log::hashes_between(client, i16::from(level) * 8, signed(first)?, signed(behind)?).await?;
    if hashes.len() as u64 != tile.width {
        return Err(StoreError::Corrupt(format!("the log's tile {} of level {level} has gaps", tile.index)));
    }
    Ok(hashes.concat())
}

/// Entries, each after its length in 16 bits, big-endian.
fn bundle(entries: Vec<Vec<u8>>) -> Vec<u8> {
    let framed = |entry: Vec<u8>| {
        // the table admits no longer entry
        let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
        [length.to_be_bytes().to_vec(), entry].concat()
    };
    entries.into_iter().flat_map(framed).collect()
}

/// The root of the first `size` entries in the database.
///
/// # Errors
/// [`StoreError::Corrupt`] if hashes are missing.
pub async fn stored_root(client: &impl Session, size: u64) -> Result<TreeHash> {
    computed(client, |node| tree::root(size, &mut |asked| node(asked))).await
}

/// The consistency proof from the first `old` to the first `new` entries in the database.
///
/// # Errors
/// [`StoreError::NotFound`] if `old` is larger; [`StoreError::Corrupt`] if hashes are missing.
pub async fn stored_consistency(client: &impl Session, old: u64, new: u64) -> Result<Vec<TreeHash>> {
    let proof = computed(client, |node| tree::prove_consistency(old, new, &mut |asked| node(asked))).await?;
    proof.map_err(|_| StoreError::NotFound)
}

/// What `run` computes from stored hashes: it runs once to learn which ones it asks for, and once with them.
async fn computed<T>(client: &impl Session, run: impl Fn(&mut dyn FnMut(Node) -> TreeHash) -> T) -> Result<T> {
    let place = |node: &Node| -> Option<Place> { Some((i16::from(node.height), i64::try_from(node.position).ok()?)) };
    let asked = tree::nodes(|node| run(node));
    let places: Vec<Place> = asked.iter().filter_map(place).collect();
    let found = log::hashes(client, &places).await?;
    Ok(run(&mut |node| place(&node).and_then(|place| found.get(&place).copied()).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_needs_the_entries_below_it_and_nothing_overflows() {
        let range = |level, index, width| Tile { level, index, width }.range();
        assert_eq!(range(None, 2, 5), Some((517, 512, 517)));
        assert_eq!(range(Some(0), 0, 256), Some((256, 0, 256)));
        assert_eq!(range(Some(1), 0, 1), Some((256, 0, 1)));
        assert_eq!(range(Some(2), 1, 1), Some((257 << 16, 256, 257)));
        for (level, index) in [(Some(63), 1), (Some(8), 0), (Some(7), 1), (None, u64::MAX), (Some(0), 1 << 56)] {
            assert_eq!(range(level, index, 256), None, "{level:?} {index}");
        }
    }

    #[test]
    fn a_path_has_one_spelling() {
        let read = |level, path| Tile::parse(level, path).map(|tile| (tile.level, tile.index, tile.width));
        assert_eq!(read(Some("0"), "000"), Some((Some(0), 0, 256)));
        assert_eq!(read(Some("63"), "x001/x234/067"), Some((Some(63), 1_234_067, 256)));
        assert_eq!(read(None, "273.p/112"), Some((None, 273, 112)));
        assert_eq!(read(None, "x001/000.p/255"), Some((None, 1000, 255)));
        for (level, path) in [
            (Some("64"), "000"),
            (Some("00"), "000"),
            (Some("+1"), "000"),
            (Some(""), "000"),
            (Some("0"), ""),
            (Some("0"), "0"),
            (Some("0"), "0000"),
            (Some("0"), "x000/001"),
            (Some("0"), "001/001"),
            (Some("0"), "x001"),
            (Some("0"), "x001/x002"),
            (Some("0"), "001/"),
            (Some("0"), "000.p/0"),
            (Some("0"), "000.p/256"),
            (Some("0"), "000.p/01"),
            (Some("0"), "000.p/"),
            (Some("0"), "000.p/1.p/1"),
            (Some("0"), "+01"),
            (None, &*"x999/".repeat(7)),
            (None, &*format!("{}999", "x999/".repeat(7))),
        ] {
            assert_eq!(read(level, path), None, "{level:?} {path}");
        }
    }

    #[test]
    fn entries_of_a_bundle_follow_their_lengths() {
        assert_eq!(bundle(vec![b"ab".to_vec(), vec![7; 258]])[..7], [0, 2, b'a', b'b', 1, 2, 7]);
        assert_eq!(bundle(Vec::new()), Vec::<u8>::new());
    }
}
