//! The private files of an attestation.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use assay_core::field::{F, from_hex, to_hex};
use assay_programs::ledger::{
    page::{CappedEntry, Entry, Page},
    shape::{MEASURES, Shape},
};
use ff::PrimeField;

use super::AttestError;
use crate::durable::{self, Access, Writer};

/// What is never published.
pub const PRIVATE_DIR: &str = "private";
/// The fold in progress.
pub const CHECKPOINT_FILE: &str = "checkpoint.bin";
/// The pages, in the order of the tree, without padding.
pub const PAGES_FILE: &str = "pages.bin";
/// The root of every batch, one a line.
pub const BATCH_ROOTS_FILE: &str = "batch-roots.txt";
/// How to recognise the master secret that the salts come from.
pub const SECRET_REFERENCE_FILE: &str = "secret-reference.json";
/// The reserves' lines in their committed order.
pub const RESERVES_FILE: &str = "reserves.csv";

/// Makes a directory that only its owner may enter, if it is not there yet.
///
/// # Errors
/// [`AttestError::File`].
pub fn create_private_dir(path: &Path) -> Result<(), AttestError> {
    durable::create_private_directory(path).map_err(AttestError::file(path))
}

/// [`durable::replace`].
///
/// # Errors
/// [`AttestError::File`]; whatever stood at `path` before still stands there.
pub fn write_whole(path: &Path, access: Access, bytes: &[u8]) -> Result<(), AttestError> {
    durable::replace(path, access, bytes).map_err(AttestError::file(path))
}

/// [`durable::replace_with`].
///
/// # Errors
/// As [`write_whole`].
pub fn write_with(
    path: &Path,
    access: Access,
    content: impl FnOnce(&mut Writer<'_>) -> std::io::Result<()>,
) -> Result<(), AttestError> {
    durable::replace_with(path, access, content).map_err(AttestError::file(path))
}

/// Bytes before the first page: the number of pages.
const PAGES_HEADER: u64 = 8;

/// Bytes of one page's record.
pub(crate) fn record_bytes(shape: &Shape) -> usize {
    32 + 3 + 10 * shape.entries() + 18 * shape.capped + 16 * shape.measures
}

/// One page as a fixed-size record.
pub(crate) fn write_page(writer: &mut impl Write, page: &Page) -> std::io::Result<()> {
    writer.write_all(page.identity.to_repr().as_ref())?;
    writer.write_all(&[u8::from(page.first), page.remaining, page.class])?;
    for entry in &page.entries {
        writer.write_all(&entry.column.to_le_bytes())?;
        writer.write_all(&entry.quantity.to_le_bytes())?;
    }
    for entry in &page.capped {
        writer.write_all(&entry.column.to_le_bytes())?;
        writer.write_all(&entry.quantity.to_le_bytes())?;
        writer.write_all(&entry.slack.to_le_bytes())?;
    }
    for measure in page.measures.iter().filter(|_| !page.capped.is_empty()) {
        writer.write_all(&measure.to_le_bytes())?;
    }
    Ok(())
}

/// The pages file, read page by page.
pub struct PagesFile {
    path: PathBuf,
    file: File,
    shape: &'static Shape,
    count: u64,
}

impl PagesFile {
    /// Opens the file and checks its length.
    ///
    /// # Errors
    /// [`AttestError::File`], or [`AttestError::NotValid`] for a file of another length.
    pub fn open(path: PathBuf, shape: &'static Shape) -> Result<Self, AttestError> {
        let mut file = File::open(&path).map_err(AttestError::file(&path))?;
        let mut count = [0u8; 8];
        file.read_exact(&mut count).map_err(AttestError::file(&path))?;
        let count = u64::from_le_bytes(count);
        let bytes = file.metadata().map_err(AttestError::file(&path))?.len();
        if count.checked_mul(record_bytes(shape) as u64).and_then(|b| b.checked_add(PAGES_HEADER)) != Some(bytes) {
            return Err(AttestError::NotValid(format!(
                "{}: damaged, {count} pages do not take {bytes} bytes",
                path.display()
            )));
        }
        Ok(Self { path, file, shape, count })
    }

    /// The page at `index`; padding beyond the last.
    ///
    /// # Errors
    /// [`AttestError::File`], or [`AttestError::NotValid`] for a damaged record.
    pub fn page(&mut self, index: u64) -> Result<Page, AttestError> {
        if index >= self.count {
            return Ok(Page::padding(self.shape));
        }
        let mut record = vec![0u8; record_bytes(self.shape)];
        self.file
            .seek(SeekFrom::Start(PAGES_HEADER + index * record.len() as u64))
            .and_then(|_| self.file.read_exact(&mut record))
            .map_err(AttestError::file(&self.path))?;
        parse_page(self.shape, &record)
            .ok_or_else(|| AttestError::NotValid(format!("{}: page {index} is damaged", self.path.display())))
    }

    /// The first page of the account with this identity.
    ///
    /// # Errors
    /// As [`PagesFile::page`].
    pub fn find(&mut self, identity: F) -> Result<Option<u64>, AttestError> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.page(middle)?.identity < identity {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let found = low < self.count && self.page(low)?.identity == identity;
        Ok(found.then_some(low))
    }
}

/// The page of one record; `None` unless it has the shape's form.
pub(crate) fn parse_page(shape: &Shape, record: &[u8]) -> Option<Page> {
    let (identity, rest) = record.split_first_chunk::<32>()?;
    let ([first, remaining, class], rest) = rest.split_first_chunk::<3>()?;
    let (entries, rest) = rest.split_at_checked(10 * shape.entries())?;
    let (capped, measures) = rest.split_at_checked(18 * shape.capped)?;
    let u64_at = |bytes: &[u8], at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let column = |bytes: &[u8]| Some(u16::from_le_bytes(bytes.get(..2)?.try_into().ok()?));
    let entry = |bytes: &[u8]| Some(Entry { column: column(bytes)?, quantity: u64_at(bytes, 2)? });
    let capped_entry = |bytes: &[u8]| {
        Some(CappedEntry { column: column(bytes)?, quantity: u64_at(bytes, 2)?, slack: u64_at(bytes, 10)? })
    };
    let mut page = Page {
        identity: Option::from(F::from_repr((*identity).into()))?,
        first: *first == 1,
        remaining: *remaining,
        class: *class,
        entries: entries.chunks(10).map(entry).collect::<Option<_>>()?,
        capped: capped.chunks(18).map(capped_entry).collect::<Option<_>>()?,
        measures: [0; MEASURES],
    };
    for (measure, bytes) in page.measures.iter_mut().zip(measures.chunks(16)) {
        *measure = i128::from_le_bytes(bytes.try_into().ok()?);
    }
    Some(page)
}

/// Writes the pages of a plan, `steps` batches, without the padding at the end.
///
/// # Errors
/// [`AttestError::File`].
pub fn write_pages(
    path: &Path,
    count: u64,
    steps: usize,
    batch: impl Fn(usize) -> Vec<Page>,
) -> Result<(), AttestError> {
    write_with(path, Access::Private, |writer| {
        writer.write_all(&count.to_le_bytes())?;
        let mut left = count;
        for step in 0..steps {
            for page in batch(step).iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
                write_page(writer, page)?;
                left -= 1;
            }
        }
        Ok(())
    })
}

/// Writes the roots of all batches.
///
/// # Errors
/// [`AttestError::File`].
pub fn write_batch_roots(path: &Path, roots: &[F]) -> Result<(), AttestError> {
    write_with(path, Access::Private, |writer| roots.iter().try_for_each(|root| writeln!(writer, "{}", to_hex(root))))
}

/// Reads what [`write_batch_roots`] wrote.
///
/// # Errors
/// [`AttestError::File`], or [`AttestError::NotValid`] for a damaged file.
pub fn read_batch_roots(path: &Path) -> Result<Vec<F>, AttestError> {
    let text = fs::read_to_string(path).map_err(AttestError::file(path))?;
    let damaged = |e| AttestError::NotValid(format!("{}: {e}", path.display()));
    text.lines().map(|line| from_hex(line).map_err(damaged)).collect()
}
