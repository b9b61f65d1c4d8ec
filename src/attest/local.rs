//! Inclusion from an attestation directory: the private files in, one customer's inclusion file out.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use assay_core::{
    field::{F, from_hex},
    sealed::{MAX_STATEMENT_BYTES, Sealed},
    tree::UpperTree,
};
use assay_programs::ledger::{inclusion::verify_inclusion, shape::Shape};
use assay_verifier::{attestation::STATEMENT_FILE, files::read_bounded};

use super::{
    batch::Batch,
    error::AttestError,
    lookup::AccountTree,
    private_files::{
        BATCH_ROOTS_FILE, PAGES_COUNT_BYTES, PAGES_FILE, PRIVATE_DIR, SECRET_REFERENCE_FILE, SecretReference,
    },
    record::{IDENTITY_BYTES, record_bytes},
};
use crate::home::Home;

/// The inclusion file of `account`, as JSON, after checking it against the statement.
///
/// # Errors
/// [`AttestError::Usage`] if the attestation has no such account, [`AttestError::NotValid`] if it was made with another
/// master secret or is damaged; [`AttestError::File`], [`AttestError::Unreadable`].
pub fn inclusion(out: &Path, account: &str, home: &Home) -> Result<Vec<u8>, AttestError> {
    let statement = Sealed::parse(&read_bounded(&out.join(STATEMENT_FILE), MAX_STATEMENT_BYTES)?)?;
    let tree = AccountTree::new(statement)?;
    let private = out.join(PRIVATE_DIR);
    let secret = home.existing_secret()?;
    SecretReference::read(&private.join(SECRET_REFERENCE_FILE))?.check(&secret, home)?;

    let mut pages = PagesFile::open(private.join(PAGES_FILE), tree.shape(), tree.statement().shards.len())?;
    let upper = upper_trees(&private.join(BATCH_ROOTS_FILE), &tree)?;
    tree.set_starts(&pages.starts()?)?;
    let owner = tree.owner(&secret, account);
    let mut lookup = tree.lookup(&owner);
    while let Some(number) = lookup.wanted() {
        let records = pages.batch(number)?;
        let each = tree.shape().max_steps() as u64;
        let path = upper[(number / each) as usize].path((number % each) as usize);
        let batch = Batch::new(tree.shape(), tree.root_of(number)?, number, records, &path)?;
        lookup.feed(Arc::new(batch))?;
    }
    let id = &tree.statement().snapshot.id;
    let found =
        lookup.finish().ok_or_else(|| AttestError::Usage(format!("snapshot {id} has no account `{account}`")))?;
    let json = tree.inclusion(&owner, &found)?;
    let report = verify_inclusion(Ok(tree.statement()), &json, Some(account));
    if let Some(failed) = report.checks.iter().find(|c| !c.passed) {
        return Err(AttestError::NotValid(format!("the private files are damaged: {}", failed.detail)));
    }
    Ok(json)
}

/// The upper tree of every shard over the batch roots in the file at `path`, one a line, shard after shard. Their roots must
/// be the statement's.
fn upper_trees(path: &Path, tree: &AccountTree) -> Result<Vec<UpperTree>, AttestError> {
    let text = fs::read_to_string(path).map_err(AttestError::file(path))?;
    let damaged = |e| AttestError::NotValid(format!("{}: {e}", path.display()));
    let roots: Vec<F> = text.lines().map(|line| from_hex(line).map_err(damaged)).collect::<Result<_, _>>()?;
    let foreign = || AttestError::NotValid("the private files are not those of this attestation".to_owned());
    if roots.len() as u64 != tree.statement().all_steps() {
        return Err(foreign());
    }
    let (mut roots, mut uppers) = (roots.into_iter(), Vec::new());
    for (shard, stated) in (0u64..).zip(&tree.statement().shards) {
        let own = roots.by_ref().take(usize::try_from(stated.steps).unwrap_or(usize::MAX)).collect();
        let upper = UpperTree::build(tree.shape().depths, own);
        if upper.root() != tree.root_of(shard * tree.shape().max_steps() as u64)? {
            return Err(foreign());
        }
        uppers.push(upper);
    }
    Ok(uppers)
}

/// The file with the records of all pages: the number of pages of each shard, then the records, shard after shard.
struct PagesFile {
    path: PathBuf,
    file: File,
    shape: &'static Shape,
    counts: Vec<u64>,
}

impl PagesFile {
    /// Opens the file and checks its length.
    fn open(path: PathBuf, shape: &'static Shape, shards: usize) -> Result<Self, AttestError> {
        let mut file = File::open(&path).map_err(AttestError::file(&path))?;
        let mut header = vec![0u8; shards * PAGES_COUNT_BYTES];
        file.read_exact(&mut header).map_err(AttestError::file(&path))?;
        let count = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let counts: Vec<u64> = header.chunks(PAGES_COUNT_BYTES).map(count).collect();
        let bytes = file.metadata().map_err(AttestError::file(&path))?.len();
        let pages = counts.iter().try_fold(0u64, |sum, count| sum.checked_add(*count));
        let needed = pages.and_then(|p| p.checked_mul(record_bytes(shape) as u64)?.checked_add(header.len() as u64));
        let fit = counts.iter().all(|count| *count <= shape.capacity() as u64);
        if needed != Some(bytes) || !fit {
            return Err(AttestError::NotValid(format!(
                "{}: damaged, {} pages do not take {bytes} bytes",
                path.display(),
                pages.map_or_else(|| "too many".to_owned(), |pages| pages.to_string())
            )));
        }
        Ok(Self { path, file, shape, counts })
    }

    /// Fills `bytes` from the file, beginning at the record of page `index` of a shard.
    fn read(&mut self, shard: usize, index: u64, bytes: &mut [u8]) -> Result<(), AttestError> {
        let before: u64 = self.counts[..shard].iter().sum();
        let header = (self.counts.len() * PAGES_COUNT_BYTES) as u64;
        let at = SeekFrom::Start(header + (before + index) * record_bytes(self.shape) as u64);
        self.file.seek(at).and_then(|_| self.file.read_exact(bytes)).map_err(AttestError::file(&self.path))
    }

    /// The number of each batch that has pages, with the identity of its first page.
    fn starts(&mut self) -> Result<Vec<(u64, [u8; IDENTITY_BYTES])>, AttestError> {
        let mut starts = Vec::new();
        for shard in 0..self.counts.len() {
            let first = (shard * self.shape.max_steps()) as u64;
            for (number, index) in (first..).zip((0..self.counts[shard]).step_by(self.shape.batch())) {
                let mut start = [0; IDENTITY_BYTES];
                self.read(shard, index, &mut start)?;
                starts.push((number, start));
            }
        }
        Ok(starts)
    }

    /// The records of batch `number`, counted over the trees of all shards.
    fn batch(&mut self, number: u64) -> Result<Vec<u8>, AttestError> {
        let (each, batches) = (self.shape.batch() as u64, self.shape.max_steps() as u64);
        let shard = (number / batches) as usize;
        let count = self.counts.get(shard).copied().unwrap_or(0);
        let first = (number % batches * each).min(count);
        let mut records = vec![0; each.min(count - first) as usize * record_bytes(self.shape)];
        self.read(shard, first, &mut records)?;
        Ok(records)
    }
}
