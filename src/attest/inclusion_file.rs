//! One customer's inclusion file. The account's identity leads to its pages, a page's batch is hashed again, and the upper
//! tree joins it to the root. Here is what the command line (from the private files) and the service (from its database,
//! `serve_inclusion`) have in common, and the former.

use std::path::Path;

use assay_core::{
    field::{F, to_hex},
    identity::{SECRET_BYTES, identity},
    sealed::{MAX_STATEMENT_BYTES, Sealed},
    tree::{UpperTree, batch_levels, node},
};
use assay_programs::ledger::{
    inclusion::{INCLUSION_PROTOCOL, IncludedEntry, verify_inclusion},
    page::Page,
    shape::{Shape, TREE_ARITY},
    statement::Statement,
};
use assay_verifier::{attestation::STATEMENT_FILE, files::read_bounded};
use ff::PrimeField;
use serde::{Serialize, Serializer};

use super::{
    AttestError, Home,
    files::{BATCH_ROOTS_FILE, PAGES_FILE, PRIVATE_DIR, PagesFile, SECRET_REFERENCE_FILE, read_batch_roots},
    prove::SecretReference,
};

/// The inclusion file of `account`, as JSON. It has been checked against the statement before it is returned.
///
/// # Errors
/// [`AttestError::Usage`] if the attestation has no such account, [`AttestError::NotValid`] if it was made with another
/// master secret or is damaged; [`AttestError::File`], [`AttestError::Unreadable`].
pub fn inclusion(out: &Path, account: &str, home: &Home) -> Result<Vec<u8>, AttestError> {
    let bytes = read_bounded(&out.join(STATEMENT_FILE), MAX_STATEMENT_BYTES)?;
    let statement = Sealed::<Statement>::parse(&bytes)?;
    let shape = statement.shape()?;
    let private = out.join(PRIVATE_DIR);
    let secret = home.existing_secret()?;
    SecretReference::read(&private.join(SECRET_REFERENCE_FILE))?.check(&secret, home)?;

    let salt = secret.salt(&statement.snapshot.id, account);
    let own = identity(&salt, &statement.snapshot.id, account);
    let mut pages = PagesFile::open(private.join(PAGES_FILE), shape)?;
    let first = pages
        .find(own)?
        .ok_or_else(|| AttestError::Usage(format!("snapshot {} has no account `{account}`", statement.snapshot.id)))?;
    let foreign = || AttestError::NotValid("the private files are not those of this attestation".to_owned());
    let roots = read_batch_roots(&private.join(BATCH_ROOTS_FILE))?;
    if roots.len() as u64 != statement.steps {
        return Err(foreign());
    }
    let upper = UpperTree::build(shape.depths, roots);
    if to_hex(&upper.root()) != statement.root {
        return Err(foreign());
    }

    let Page { remaining, class, .. } = pages.page(first)?;
    let count = u64::from(remaining) + 1;
    let mut included = Vec::new();
    let mut batch: Option<Batch> = None;
    for index in first..first + count {
        let number = index / shape.batch() as u64;
        let held = match batch.take() {
            Some(held) if held.number == number => held,
            _ => {
                let leaves = batch_leaves(&mut pages, shape, number)?;
                Batch::new(shape, upper.root(), number, &leaves, &upper.path(number as usize))?
            }
        };
        included.push(FilePage::new(index, &pages.page(index)?, held.path(index)));
        batch = Some(held);
    }
    let json = inclusion_file(&statement, &statement.digest().to_string(), account, &salt, class, included)?;
    let report = verify_inclusion(Ok(&statement), &json, Some(account));
    if let Some(failed) = report.checks.iter().find(|c| !c.passed) {
        return Err(AttestError::NotValid(format!("the private files are damaged: {}", failed.detail)));
    }
    Ok(json)
}

fn batch_leaves(pages: &mut PagesFile, shape: &Shape, batch: u64) -> Result<Vec<F>, AttestError> {
    let start = batch * shape.batch() as u64;
    (start..start + shape.batch() as u64).map(|i| Ok(pages.page(i)?.leaf())).collect()
}

/// A digest as it is written: 64 hexadecimal digits.
type Digits = [u8; 64];

/// The siblings on a way, level by level from the leaf up.
type Siblings = Vec<[Digits; TREE_ARITY - 1]>;

/// Everything between the leaves of one batch and the root. That it leads there is checked when it is made, once for all
/// leaves: a path from a `Batch` needs no check of its own. Digests are kept as they are written, which is the most work in
/// handing out a path.
pub(super) struct Batch {
    number: u64,
    levels: Vec<Vec<Digits>>,
    upper: Siblings,
}

impl Batch {
    /// Hashes the `leaves` of batch `number`, padding included, and follows `upper`, the children on the batch's path from
    /// its own level up, to `root`.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if the path does not end in the root, or has another form than the shape's.
    pub(super) fn new(
        shape: &Shape,
        root: F,
        number: u64,
        leaves: &[F],
        upper: &[[F; TREE_ARITY]],
    ) -> Result<Self, AttestError> {
        let damaged = |what: &str| AttestError::NotValid(format!("batch {number} of the tree is damaged: {what}"));
        if leaves.len() != shape.batch() || upper.len() != shape.depths.upper || number >= shape.max_steps() as u64 {
            return Err(damaged("it has another form than its shape"));
        }
        let levels = batch_levels(leaves);
        let mut value = levels[shape.depths.batch][0];
        let mut position = number as usize;
        let mut siblings = Siblings::new();
        for children in upper {
            if children[position % TREE_ARITY] != value {
                return Err(damaged("its pages are not those of the tree"));
            }
            siblings.push(others(position, |j| digits(&children[j])));
            value = node(children);
            position /= TREE_ARITY;
        }
        if value != root {
            return Err(damaged("its path does not end in the statement's root"));
        }
        let written = |level: &Vec<F>| level.iter().map(digits).collect();
        Ok(Self { number, levels: levels[..shape.depths.batch].iter().map(written).collect(), upper: siblings })
    }

    /// The siblings on the way of the leaf at `index` of the whole tree, which is one of this batch.
    pub(super) fn path(&self, index: u64) -> Siblings {
        let mut position = (index % self.levels[0].len() as u64) as usize;
        let mut siblings = Siblings::with_capacity(self.levels.len() + self.upper.len());
        for level in &self.levels {
            let group = position / TREE_ARITY;
            siblings.push(others(position, |j| level[group * TREE_ARITY + j]));
            position = group;
        }
        siblings.extend(&self.upper);
        siblings
    }

    /// Bytes that it takes in memory, about.
    pub(super) fn weight(&self) -> usize {
        let digests = self.levels.iter().map(Vec::len).sum::<usize>() + self.upper.len() * TREE_ARITY;
        digests * size_of::<Digits>()
    }
}

/// What `child` gives for the seven places beside that of `position`.
fn others(position: usize, child: impl Fn(usize) -> Digits) -> [Digits; TREE_ARITY - 1] {
    let own = position % TREE_ARITY;
    std::array::from_fn(|j| child(if j < own { j } else { j + 1 }))
}

fn digits(value: &F) -> Digits {
    let mut bytes: [u8; 32] = value.to_repr().into();
    bytes.reverse();
    let mut digits = [0; 64];
    hex::encode_to_slice(bytes, &mut digits).expect("32 bytes are 64 digits");
    digits
}

/// [`Inclusion`](assay_programs::ledger::inclusion::Inclusion) as it is written.
#[derive(Serialize)]
struct File<'a> {
    protocol: &'static str,
    statement_digest: &'a str,
    snapshot: &'a str,
    account: &'a str,
    salt: String,
    class: u8,
    pages: Vec<FilePage>,
}

/// [`IncludedPage`](assay_programs::ledger::inclusion::IncludedPage) as it is written.
#[derive(Serialize)]
pub(super) struct FilePage {
    index: u64,
    entries: Vec<IncludedEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    capped: Vec<IncludedEntry>,
    #[serde(serialize_with = "write_path")]
    path: Siblings,
}

impl FilePage {
    /// A page as the planner made it, at `index`, with its way to the root.
    pub(super) fn new(index: u64, page: &Page, path: Siblings) -> Self {
        let entry = |column, quantity: u64| IncludedEntry { column, quantity: quantity.to_string() };
        Self {
            index,
            entries: page.entries.iter().map(|e| entry(e.column, e.quantity)).collect(),
            capped: page.capped.iter().map(|e| entry(e.column, e.quantity)).collect(),
            path,
        }
    }
}

fn write_path<S: Serializer>(path: &Siblings, serializer: S) -> Result<S::Ok, S::Error> {
    let text = |digits| std::str::from_utf8(digits).unwrap_or_default();
    serializer.collect_seq(path.iter().map(|level| level.each_ref().map(|digits: &Digits| text(digits))))
}

/// The file itself, one line of JSON, padded so that its length tells how many pages the account has and nothing else of
/// what is on them: whoever sees only how long an encrypted answer is learns no balance from it.
///
/// # Errors
/// [`AttestError::NotValid`] if JSON cannot be written, which is a defect.
pub(super) fn inclusion_file(
    statement: &Statement,
    statement_digest: &str,
    account: &str,
    salt: &[u8; SECRET_BYTES],
    class: u8,
    pages: Vec<FilePage>,
) -> Result<Vec<u8>, AttestError> {
    let snapshot = statement.snapshot.id.as_str();
    let file = File {
        protocol: INCLUSION_PROTOCOL,
        statement_digest,
        snapshot,
        account,
        salt: hex::encode(salt),
        class,
        pages,
    };
    let levels: usize = file.pages.iter().map(|page| page.path.len()).sum();
    let mut json = Vec::with_capacity(1024 + 512 * (levels + file.pages.len()));
    serde_json::to_writer(&mut json, &file)
        .map_err(|e| AttestError::NotValid(format!("the inclusion file cannot be written: {e}")))?;
    json.resize(json.len() + padding(&file), b' ');
    json.push(b'\n');
    Ok(json)
}

/// Digits that longer numbers in the same places would have taken.
fn padding(file: &File<'_>) -> usize {
    let digits = |number: u64| number.checked_ilog10().unwrap_or(0) as usize + 1;
    let most = digits(u64::MAX);
    let page = |page: &FilePage| {
        let entries = page.entries.iter().chain(&page.capped);
        let missing = entries.map(|e| 2 * most - digits(u64::from(e.column)) - e.quantity.len().min(most));
        most - digits(page.index) + missing.sum::<usize>()
    };
    most - digits(u64::from(file.class)) + file.pages.iter().map(page).sum::<usize>()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::ledger::inclusion::{IncludedPage, Inclusion};
    use assay_programs::ledger::page::{CappedEntry, Entry};
    use assay_programs::ledger::shape::MEASURES;
    use ff::Field;

    use super::*;

    fn shape() -> &'static Shape {
        Shape::named("solvency-8").unwrap()
    }

    fn leaves() -> Vec<F> {
        (0..8).map(|i| F::from(100 + i)).collect()
    }

    #[test]
    fn a_batch_whose_pages_are_not_those_of_the_tree_is_refused() {
        let own = batch_levels(&leaves())[1][0];
        let upper = UpperTree::build(shape().depths, vec![F::from(7), own]);
        let make = |number, leaves: &[F]| Batch::new(shape(), upper.root(), number, leaves, &upper.path(1));
        assert!(make(1, &leaves()).is_ok());
        let mut altered = leaves();
        altered[3] += F::ONE;
        assert!(make(1, &altered).is_err());
        assert!(make(0, &leaves()).is_err());
        assert!(make(1, &leaves()[..7]).is_err());
        assert!(Batch::new(shape(), F::from(1), 1, &leaves(), &upper.path(1)).is_err());
        assert!(Batch::new(shape(), upper.root(), 1, &leaves(), &upper.path(1)[1..]).is_err());
    }

    #[test]
    fn s3_the_length_of_the_file_is_independent_of_what_is_held() {
        let shape = shape();
        let pages = assay_programs::testing::test_pages(shape, 1, 1);
        let statement = assay_programs::testing::test_statement(shape, &"0".repeat(64), &pages);
        let page = |column, quantity| {
            let entries = vec![Entry { column, quantity }; 6];
            let capped = vec![CappedEntry { column: 8192 + column, quantity, slack: 0 }; 2];
            Page {
                identity: F::ONE,
                first: true,
                remaining: 0,
                class: column as u8,
                entries,
                capped,
                measures: [0; MEASURES],
            }
        };
        let digest = "0".repeat(64);
        let length = |index, page: Page| {
            let pages = vec![FilePage::new(index, &page, vec![[[b'0'; 64]; 7]; 6])];
            inclusion_file(&statement, &digest, "alice", &[7; 32], page.class, pages).unwrap().len()
        };
        let poor = length(3, page(0, 0));
        assert_eq!(poor, length(1_234_567, page(200, u64::MAX)));
        assert_eq!(poor, length(99, page(17, 1_000)));
    }

    #[test]
    fn what_is_written_is_what_the_format_says() {
        let shape = Shape::named("compliance-8").unwrap();
        let pages = assay_programs::testing::test_pages(shape, 3, 1);
        let statement = assay_programs::testing::test_statement(shape, &"0".repeat(64), &pages);
        let upper = UpperTree::build(shape.depths, assay_programs::testing::batch_roots(shape, &pages));
        let leaves: Vec<F> = pages[8..16].iter().map(|page| page.leaf()).collect();
        let batch = Batch::new(shape, upper.root(), 1, &leaves, &upper.path(1)).unwrap();
        let mut path = vec![std::array::from_fn(|j| leaves[j])];
        path.extend(upper.path(1));
        let mut expected = Inclusion {
            protocol: INCLUSION_PROTOCOL.to_owned(),
            statement_digest: "0".repeat(64),
            snapshot: "test".to_owned(),
            account: "a \"b\" ü".to_owned(),
            salt: "07".repeat(32),
            class: 9,
            pages: Vec::new(),
        };
        for index in 8..16 {
            expected.pages = vec![IncludedPage::new(index, &pages[index as usize], &path)];
            let page = FilePage::new(index, &pages[index as usize], batch.path(index));
            let file = inclusion_file(&statement, &"0".repeat(64), &expected.account, &[7; 32], 9, vec![page]).unwrap();
            assert_eq!(serde_json::from_slice::<Inclusion>(&file).unwrap(), expected);
        }
    }
}
