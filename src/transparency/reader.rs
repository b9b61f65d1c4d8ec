//! Reads a log over the network, as a monitor does. Nothing that is read is believed before it leads to a signed checkpoint.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::{Duration, Instant},
};

use assay_verifier::log::{
    checkpoint::{CheckpointError, SignedCheckpoint},
    note::MAX_NOTE_BYTES,
    tree::{Node, TreeHash, nodes, prove_consistency, verify_consistency},
};

use sha2::{Digest, Sha256};

use super::proofs::TILE_WIDTH;

/// For one request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest bundle of entries: 256 entries with their lengths.
const MAX_BUNDLE_BYTES: u64 = 256 * (2 + 65_535);
/// Largest bundle of an attestation: the statement, and a proof of some ten kilobytes for each of at most 4,096 shards.
const MAX_ATTESTATION_BYTES: u64 = 256 << 20;
/// For such a bundle.
const BUNDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// After this many requests in a row without an answer, the service beside the log is asked nothing more.
const MAX_UNANSWERED: u32 = 3;
/// The service, and the log for its entries, are waited for so long in all, and for one request that began before.
const WAIT_FOR: Duration = Duration::from_secs(600);
/// Why the service is asked nothing more.
pub(super) const GIVEN_UP: &str =
    "it was not asked, because the service did not answer three times in a row or took more than ten minutes in all";

/// Most entries that are read at once: a log that claims more would fill the memory of whoever follows it.
const MAX_NEW_ENTRIES: u64 = 1 << 20;
/// Most bytes of them.
const MAX_NEW_BYTES: usize = 256 << 20;

/// Why a log cannot be read; `Display` is a sentence.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be reached, or its answer does not arrive.
    #[error("{url}: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
    },
    /// It answers with an error.
    #[error("{url}: answered with {status}")]
    Status {
        /// What was asked.
        url: String,
        /// The status of the answer.
        status: u16,
    },
    /// It was not asked.
    #[error("{url}: {GIVEN_UP}")]
    GivenUp {
        /// What was not asked.
        url: String,
    },
    /// Its entries take too long.
    #[error("{url}: the entries from {first} on take more than {} minutes", WAIT_FOR.as_secs() / 60)]
    TooSlow {
        /// The log's address.
        url: String,
        /// The first one that was not read yet.
        first: u64,
    },
    /// Its checkpoint is none.
    #[error("{url}: {source}")]
    Checkpoint {
        /// What was asked.
        url: String,
        /// Why.
        source: CheckpointError,
    },
    /// It claims far more entries than can be read.
    #[error("{url} claims {claimed} entries, which are more than {MAX_NEW_ENTRIES} that were not read yet")]
    TooMany {
        /// The log's address.
        url: String,
        /// Entries by its checkpoint.
        claimed: u64,
    },
    /// Its entries are far larger than can be read.
    #[error("{url}: the entries from {first} on are larger than can be read at once")]
    TooLarge {
        /// The log's address.
        url: String,
        /// The first one that was not read yet.
        first: u64,
    },
    /// A tile or a bundle of entries does not follow the format.
    #[error("{url}: {reason}")]
    Malformed {
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
    },
}

/// A log by its address, such as `https://assay.example/log`.
pub struct Reader {
    agent: ureq::Agent,
    patient: ureq::Agent,
    base: String,
    patience: Patience,
}

/// How far the service beside a log has been waited for.
#[derive(Debug, Default)]
struct Patience {
    unanswered: Cell<u32>,
    waited: Cell<Duration>,
    given_up: Cell<bool>,
    is_bounded: Cell<bool>,
}

impl Reader {
    /// The log at `base`.
    pub fn new(base: &str) -> Self {
        let agent = |timeout: Duration| {
            let config = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .timeout_global(Some(timeout));
            config.build().into()
        };
        let (agent, patient) = (agent(TIMEOUT), agent(BUNDLE_TIMEOUT));
        Self { agent, patient, base: base.trim_end_matches('/').to_owned(), patience: Patience::default() }
    }

    /// The newest checkpoint. Its signatures are not verified.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn checkpoint(&self) -> Result<SignedCheckpoint, ReadError> {
        let (url, bytes) = self.get("checkpoint", MAX_NOTE_BYTES as u64)?;
        SignedCheckpoint::parse(&bytes).map_err(|source| ReadError::Checkpoint { url, source })
    }

    /// The entries from position `first` to before `size`, of a log with `size` entries.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn entries(&self, first: u64, size: u64) -> Result<Vec<Vec<u8>>, ReadError> {
        self.entries_within(first, size, MAX_NEW_BYTES)
    }

    fn entries_within(&self, first: u64, size: u64, max_bytes: usize) -> Result<Vec<Vec<u8>>, ReadError> {
        if size.saturating_sub(first) > MAX_NEW_ENTRIES {
            return Err(ReadError::TooMany { url: self.base.clone(), claimed: size });
        }
        let (mut found, mut read) = (Vec::new(), 0_usize);
        let (mut at, begun) = (first, Instant::now());
        while at < size {
            if self.patience.is_bounded.get() && begun.elapsed() > WAIT_FOR {
                return Err(ReadError::TooSlow { url: self.base.clone(), first });
            }
            let index = at / TILE_WIDTH;
            let width = (size - index * TILE_WIDTH).min(TILE_WIDTH);
            let (url, bytes) = self.get(&format!("tile/entries/{}", path_of(index, width)), MAX_BUNDLE_BYTES)?;
            read = read.saturating_add(bytes.len());
            if read > max_bytes {
                return Err(ReadError::TooLarge { url: self.base.clone(), first });
            }
            let entries = unbundled(&bytes).filter(|entries| entries.len() as u64 == width);
            let reason = format!("not a bundle of {width} entries");
            let entries = entries.ok_or(ReadError::Malformed { url, reason })?;
            let skipped = usize::try_from(at % TILE_WIDTH).unwrap_or(usize::MAX);
            found.extend(entries.into_iter().skip(skipped));
            at = (index + 1) * TILE_WIDTH;
        }
        Ok(found)
    }

    /// Whether the log that `new` is of continues that of `old`, by the tiles that the log gives out.
    ///
    /// # Errors
    /// [`ReadError`] if the tiles cannot be read.
    pub fn continues(&self, old: (u64, &TreeHash), new: (u64, &TreeHash)) -> Result<Result<(), String>, ReadError> {
        if old.0 > new.0 {
            return Ok(Err(format!("the log had {} entries, and has {} now", old.0, new.0)));
        }
        let run = |node: &mut dyn FnMut(Node) -> TreeHash| prove_consistency(old.0, new.0, &mut |asked| node(asked));
        let tiles = Tiles { reader: self, size: new.0, read: RefCell::default() };
        let mut found = BTreeMap::new();
        for node in nodes(|node| run(node)) {
            found.insert(node, tiles.node(node)?);
        }
        let proof = run(&mut |node| found.get(&node).copied().unwrap_or_default());
        let outcome = proof.and_then(|proof| verify_consistency(old, new, &proof));
        Ok(outcome.map_err(|e| e.to_string()))
    }

    /// The bytes at `path` below the log's address.
    ///
    /// # Errors
    /// [`ReadError::Unreachable`].
    pub fn get(&self, path: &str, limit: u64) -> Result<(String, Vec<u8>), ReadError> {
        let url = format!("{}/{path}", self.base);
        let bytes = get(&self.agent, &url, limit)?;
        Ok((url, bytes))
    }

    /// The note that the log `origin` has ended.
    ///
    /// # Errors
    /// [`ReadError::Unreachable`], also if it has not.
    pub fn retirement(&self, origin: &str) -> Result<Vec<u8>, ReadError> {
        let digest = hex::encode(Sha256::digest(origin));
        self.get(&format!("retired/{digest}"), MAX_NOTE_BYTES as u64).map(|(_, bytes)| bytes)
    }

    /// The bytes of a statement, from the service beside whose log this is.
    ///
    /// # Errors
    /// [`ReadError::Unreachable`].
    pub fn statement(&self, id: &str) -> Result<Vec<u8>, ReadError> {
        let limit = assay_core::sealed::MAX_STATEMENT_BYTES as u64;
        self.ask(&self.agent, &format!("{}/v1/attestations/{id}/statement", self.service()), limit)
    }

    /// The bundle of an attestation: a .zip file with statement, proof and signature.
    ///
    /// # Errors
    /// [`ReadError::Unreachable`].
    pub fn bundle(&self, id: &str) -> Result<Vec<u8>, ReadError> {
        self.ask(&self.patient, &format!("{}/v1/attestations/{id}/bundle.zip", self.service()), MAX_ATTESTATION_BYTES)
    }

    /// Whether the service was asked nothing more, since it answers too seldom or too slowly.
    pub fn has_given_up(&self) -> bool {
        self.patience.given_up.get()
    }

    /// From now on the service is asked no more after three requests in a row without an answer, or ten minutes of waiting in all, and the
    /// log's entries take no more than ten minutes. What was before counts for nothing. Without this there is no such bound.
    pub fn bound(&self) {
        let Patience { unanswered, waited, given_up, is_bounded } = &self.patience;
        unanswered.set(0);
        waited.set(Duration::ZERO);
        given_up.set(false);
        is_bounded.set(true);
    }

    /// [`get`] from the service, as long as it answers.
    fn ask(&self, agent: &ureq::Agent, url: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        let Patience { unanswered, waited, given_up, is_bounded } = &self.patience;
        if is_bounded.get() && (unanswered.get() >= MAX_UNANSWERED || waited.get() >= WAIT_FOR) {
            given_up.set(true);
            return Err(ReadError::GivenUp { url: url.to_owned() });
        }
        let begun = Instant::now();
        let answer = get(agent, url, limit);
        waited.set(waited.get() + begun.elapsed());
        // an answer that there is nothing is one
        let is_answer = matches!(answer, Ok(_) | Err(ReadError::Status { .. }));
        unanswered.set(if is_answer { 0 } else { unanswered.get() + 1 });
        answer
    }

    /// The service beside whose log this is.
    fn service(&self) -> &str {
        self.base.strip_suffix("/log").unwrap_or(&self.base)
    }
}

impl Reader {
    /// What was signed about an attestation, from the same service.
    ///
    /// # Errors
    /// [`ReadError::Unreachable`].
    pub fn signatures(&self, id: &str) -> Result<Vec<u8>, ReadError> {
        let service = self.base.strip_suffix("/log").unwrap_or(&self.base);
        let limit = assay_core::signatures::MAX_SIGNATURES_BYTES as u64;
        self.ask(&self.agent, &format!("{service}/v1/attestations/{id}/signatures"), limit)
    }
}

fn get(agent: &ureq::Agent, url: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
    let unreachable = |reason: String| ReadError::Unreachable { url: url.to_owned(), reason };
    let mut answer = agent.get(url).call().map_err(|e| unreachable(e.to_string()))?;
    if answer.status() != 200 {
        return Err(ReadError::Status { url: url.to_owned(), status: answer.status().as_u16() });
    }
    answer.body_mut().with_config().limit(limit).read_to_vec().map_err(|e| unreachable(e.to_string()))
}

/// The tiles of a log with `size` entries, each read once.
struct Tiles<'r> {
    reader: &'r Reader,
    size: u64,
    read: RefCell<BTreeMap<(u8, u64), Vec<TreeHash>>>,
}

impl Tiles<'_> {
    /// A complete subtree, from the hashes of the tile that it is in.
    fn node(&self, node: Node) -> Result<TreeHash, ReadError> {
        let (level, within) = (node.height / 8, u32::from(node.height % 8));
        let first = node.position << within;
        let hashes = self.tile(level, first / TILE_WIDTH)?;
        let start = (first % TILE_WIDTH) as usize;
        let own = hashes.get(start..start + (1 << within)).unwrap_or_default();
        let mut tree = assay_verifier::log::tree::Tree::default();
        own.iter().for_each(|hash| tree.push(*hash));
        // a tile that is too short leads to no root
        Ok(if own.is_empty() { [0; 32] } else { tree.root() })
    }

    fn tile(&self, level: u8, index: u64) -> Result<Vec<TreeHash>, ReadError> {
        if let Some(hashes) = self.read.borrow().get(&(level, index)) {
            return Ok(hashes.clone());
        }
        let all = self.size.checked_shr(8 * u32::from(level)).unwrap_or(0);
        let width = all.saturating_sub(index * TILE_WIDTH).clamp(1, TILE_WIDTH);
        let (url, bytes) = self.reader.get(&format!("tile/{level}/{}", path_of(index, width)), 32 * TILE_WIDTH)?;
        if bytes.len() as u64 != 32 * width {
            let reason = format!("not a tile of {width} hashes");
            return Err(ReadError::Malformed { url, reason });
        }
        let hashes: Vec<TreeHash> = bytes.as_chunks::<32>().0.to_vec();
        self.read.borrow_mut().insert((level, index), hashes.clone());
        Ok(hashes)
    }
}

/// The end of a tile's path.
fn path_of(index: u64, width: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut above = index / 1000;
    while above > 0 {
        path = format!("x{:03}/{path}", above % 1000);
        above /= 1000;
    }
    if width == TILE_WIDTH { path } else { format!("{path}.p/{width}") }
}

/// The entries of a bundle.
pub(super) fn unbundled(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry.to_vec());
        bytes = rest;
    }
    bytes.is_empty().then_some(entries)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        io::{BufRead, BufReader, Write},
        net::TcpListener,
    };

    use super::*;
    use crate::transparency::proofs::Tile;

    #[test]
    fn paths_are_those_that_the_service_reads() {
        assert_eq!(path_of(1_234_067, 256), "x001/x234/067");
        for (index, width) in [(0, 256), (273, 112), (999, 1), (1000, 255), (u64::MAX >> 8, 256)] {
            assert_eq!(Tile::parse(Some("3"), &path_of(index, width)), Some(Tile { level: Some(3), index, width }));
        }
    }

    #[test]
    fn a_log_of_large_entries_is_not_read_beyond_the_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bundle = [0, 2, 7, 7].repeat(256);
        let size = bundle.len();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let head = BufReader::new(connection.try_clone().unwrap()).lines();
                head.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
                write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n").unwrap();
                connection.write_all(&bundle).unwrap();
            }
        });
        let reader = Reader::new(&url);
        assert_eq!(reader.entries_within(0, 512, 2 * size).unwrap().len(), 512);
        let refused = reader.entries_within(0, 512, 2 * size - 1).unwrap_err();
        assert!(matches!(refused, ReadError::TooLarge { first: 0, .. }), "{refused}");
    }

    #[test]
    fn a_service_that_does_not_answer_is_left_and_one_that_has_nothing_is_not() {
        let reader = Reader::new("http://127.0.0.1:1/log");
        let is_asked = |reader: &Reader| !matches!(reader.statement("00"), Err(ReadError::GivenUp { .. }));
        assert!((0..9).all(|_| is_asked(&reader)), "without a bound");
        for _ in 0..2 {
            reader.bound();
            let asked: Vec<bool> = (0..5).map(|_| is_asked(&reader)).collect();
            assert_eq!(asked, [true, true, true, false, false]);
            assert!(reader.has_given_up());
        }
        reader.bound();
        assert!(!reader.has_given_up());
        reader.patience.waited.set(WAIT_FOR);
        assert!(!is_asked(&reader) && reader.has_given_up());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let reader = Reader::new(&format!("http://{}/log", listener.local_addr().unwrap()));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let head = BufReader::new(connection.try_clone().unwrap()).lines();
                head.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
                connection
                    .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .unwrap();
            }
        });
        reader.bound();
        for _ in 0..5 {
            assert!(matches!(reader.statement("00"), Err(ReadError::Status { status: 404, .. })));
        }
        assert!(!reader.has_given_up());
    }

    #[test]
    fn a_bundle_that_is_cut_off_is_none() {
        assert_eq!(unbundled(&[0, 1, 7, 0, 0]), Some(vec![vec![7], vec![]]));
        for cut in [&[0][..], &[0, 2, 7], &[0, 1, 7, 0]] {
            assert_eq!(unbundled(cut), None);
        }
    }
}
