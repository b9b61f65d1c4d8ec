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
        BATCH_ROOTS_FILE, PAGES_FILE, PAGES_HEADER_BYTES, PRIVATE_DIR, SECRET_REFERENCE_FILE, SecretReference,
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

    let mut pages = PagesFile::open(private.join(PAGES_FILE), tree.shape())?;
    let upper = upper_tree(&private.join(BATCH_ROOTS_FILE), &tree)?;
    let tree = tree.with_starts(&pages.starts()?)?;
    let owner = tree.owner(&secret, account);
    let mut lookup = tree.lookup(&owner);
    while let Some(number) = lookup.wanted() {
        let records = pages.batch(number)?;
        let batch = Batch::new(tree.shape(), tree.root(), number, records, &upper.path(number as usize))?;
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

/// The upper tree over the batch roots in the file at `path`, one a line. Its root must be the statement's.
fn upper_tree(path: &Path, tree: &AccountTree) -> Result<UpperTree, AttestError> {
    let text = fs::read_to_string(path).map_err(AttestError::file(path))?;
    let damaged = |e| AttestError::NotValid(format!("{}: {e}", path.display()));
    let roots: Vec<F> = text.lines().map(|line| from_hex(line).map_err(damaged)).collect::<Result<_, _>>()?;
    let foreign = || AttestError::NotValid("the private files are not those of this attestation".to_owned());
    if roots.len() as u64 != tree.statement().steps {
        return Err(foreign());
    }
    let upper = UpperTree::build(tree.shape().depths, roots);
    if upper.root() == tree.root() { Ok(upper) } else { Err(foreign()) }
}

/// The file with the records of all pages.
struct PagesFile {
    path: PathBuf,
    file: File,
    shape: &'static Shape,
    count: u64,
}

impl PagesFile {
    /// Opens the file and checks its length.
    fn open(path: PathBuf, shape: &'static Shape) -> Result<Self, AttestError> {
        let mut file = File::open(&path).map_err(AttestError::file(&path))?;
        let mut count = [0u8; PAGES_HEADER_BYTES as usize];
        file.read_exact(&mut count).map_err(AttestError::file(&path))?;
        let count = u64::from_le_bytes(count);
        let bytes = file.metadata().map_err(AttestError::file(&path))?.len();
        if count.checked_mul(record_bytes(shape) as u64).and_then(|b| b.checked_add(PAGES_HEADER_BYTES)) != Some(bytes)
        {
            return Err(AttestError::NotValid(format!(
                "{}: damaged, {count} pages do not take {bytes} bytes",
                path.display()
            )));
        }
        Ok(Self { path, file, shape, count })
    }

    /// Fills `bytes` from the file, beginning at the record of page `index`.
    fn read(&mut self, index: u64, bytes: &mut [u8]) -> Result<(), AttestError> {
        let at = SeekFrom::Start(PAGES_HEADER_BYTES + index * record_bytes(self.shape) as u64);
        self.file.seek(at).and_then(|_| self.file.read_exact(bytes)).map_err(AttestError::file(&self.path))
    }

    /// The identity of each batch's first page.
    fn starts(&mut self) -> Result<Vec<[u8; IDENTITY_BYTES]>, AttestError> {
        let mut starts = Vec::new();
        for index in (0..self.count).step_by(self.shape.batch()) {
            let mut start = [0; IDENTITY_BYTES];
            self.read(index, &mut start)?;
            starts.push(start);
        }
        Ok(starts)
    }

    /// The records of batch `number`.
    fn batch(&mut self, number: u64) -> Result<Vec<u8>, AttestError> {
        let each = self.shape.batch() as u64;
        let first = number.saturating_mul(each).min(self.count);
        let count = each.min(self.count - first) as usize;
        let mut records = vec![0; count * record_bytes(self.shape)];
        self.read(first, &mut records)?;
        Ok(records)
    }
}
