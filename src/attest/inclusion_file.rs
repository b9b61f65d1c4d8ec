//! Writes a customer's inclusion file. api-spec/inclusion.md describes the format.

use assay_core::{identity::SECRET_BYTES, sealed::Sealed};
use assay_programs::ledger::{
    inclusion::{INCLUSION_PROTOCOL, IncludedEntry},
    page::Page,
    statement::Statement,
};
use serde::{Serialize, Serializer};

use super::{
    error::AttestError,
    path::{Digits, Siblings},
};

/// The written form of [`Inclusion`](assay_programs::ledger::inclusion::Inclusion).
#[derive(Serialize)]
struct File<'a> {
    protocol: &'static str,
    statement_digest: String,
    snapshot: &'a str,
    account: &'a str,
    salt: String,
    class: u8,
    shard: u64,
    pages: Vec<FilePage>,
}

/// The written form of [`IncludedPage`](assay_programs::ledger::inclusion::IncludedPage).
#[derive(Serialize)]
pub struct FilePage {
    index: u64,
    entries: Vec<IncludedEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    capped: Vec<IncludedEntry>,
    #[serde(serialize_with = "write_path")]
    path: Siblings,
}

impl FilePage {
    /// The page at `index` of its shard's tree, with its path to the root.
    pub fn new(index: u64, page: &Page, path: Siblings) -> Self {
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

/// The file: one line of JSON, padded with spaces. Its length reveals the number of the account's pages but nothing of
/// their contents, so anyone who sees only the size of an encrypted response learns no balance.
///
/// # Errors
/// [`AttestError::NotValid`] if JSON cannot be written, which would be a defect.
pub fn inclusion_file(
    statement: &Sealed<Statement>,
    account: &str,
    salt: &[u8; SECRET_BYTES],
    class: u8,
    shard: u64,
    pages: Vec<FilePage>,
) -> Result<Vec<u8>, AttestError> {
    let snapshot = statement.snapshot.id.as_str();
    let file = File {
        protocol: INCLUSION_PROTOCOL,
        statement_digest: statement.digest().to_string(),
        snapshot,
        account,
        salt: hex::encode(salt),
        class,
        shard,
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

/// The file with the proof that its statement is in a transparency log. The proof is public and the same for all accounts, so its
/// length reveals nothing.
pub fn with_log_proof(mut file: Vec<u8>, proof: &str) -> Vec<u8> {
    if let Some(end) = file.iter().rposition(|b| *b == b'}') {
        let member = format!(",\"log\":{}", serde_json::Value::from(proof));
        file.splice(end..end, member.into_bytes());
    }
    file
}

/// Number of spaces that make up for every number in the file that is shorter than the largest `u64`.
fn padding(file: &File<'_>) -> usize {
    let digits = |number: u64| number.checked_ilog10().unwrap_or(0) as usize + 1;
    let most = digits(u64::MAX);
    let page = |page: &FilePage| {
        let entries = page.entries.iter().chain(&page.capped);
        let missing = entries.map(|e| 2 * most - digits(u64::from(e.column)) - e.quantity.len().min(most));
        most - digits(page.index) + missing.sum::<usize>()
    };
    2 * most - digits(u64::from(file.class)) - digits(file.shard) + file.pages.iter().map(page).sum::<usize>()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_core::{
        field::F,
        tree::{UpperTree, batch_levels},
    };
    use assay_programs::{
        ledger::{
            inclusion::{IncludedPage, Inclusion},
            page::{CappedEntry, Entry},
            shape::{MEASURES, Shape},
        },
        testing::{batch_roots, test_pages, test_statement},
    };
    use ff::Field;

    use super::*;
    use crate::attest::path::Paths;

    fn sealed(shape: &Shape, pages: &[Page]) -> Sealed<Statement> {
        Sealed::seal(test_statement(shape, &"0".repeat(64), pages)).unwrap()
    }

    #[test]
    fn s3_the_length_of_the_file_is_independent_of_what_is_held() {
        let shape = Shape::named("solvency-8").unwrap();
        let statement = sealed(shape, &test_pages(shape, 1, 1));
        let page = |column, quantity| {
            let entries = vec![Entry { column, quantity }; 6];
            let capped = vec![CappedEntry { column: 8192 + column, quantity, slack: 0 }; 2];
            let (identity, class) = (F::ONE, column as u8);
            Page { identity, first: true, remaining: 0, class, entries, capped, measures: [0; MEASURES] }
        };
        let length = |index, page: Page| {
            let pages = vec![FilePage::new(index, &page, vec![[[b'0'; 64]; 7]; 6])];
            inclusion_file(&statement, "alice", &[7; 32], page.class, index % 4096, pages).unwrap().len()
        };
        let poor = length(3, page(0, 0));
        assert_eq!(poor, length(1_234_567, page(200, u64::MAX)));
        assert_eq!(poor, length(99, page(17, 1_000)));
    }

    #[test]
    fn what_is_written_is_what_the_format_says() {
        let shape = Shape::named("compliance-8").unwrap();
        let pages = test_pages(shape, 3, 1);
        let statement = sealed(shape, &pages);
        let upper = UpperTree::build(shape.depths, batch_roots(shape, &pages));
        let leaves: Vec<F> = pages[8..16].iter().map(|page| page.leaf()).collect();
        assert_eq!(batch_levels(&leaves)[1][0], upper.levels()[0][1]);
        let paths = Paths::new(shape.depths, upper.root(), 1, &leaves, &upper.path(1)).unwrap();
        let mut path = vec![std::array::from_fn(|j| leaves[j])];
        path.extend(upper.path(1));
        let mut expected = Inclusion {
            protocol: INCLUSION_PROTOCOL.to_owned(),
            statement_digest: statement.digest().to_string(),
            snapshot: "test".to_owned(),
            account: "a \"b\" ü".to_owned(),
            salt: "07".repeat(32),
            class: 9,
            shard: 3,
            pages: Vec::new(),
            log: None,
        };
        for index in 8..16 {
            expected.pages = vec![IncludedPage::new(index, &pages[index as usize], &path)];
            let page = FilePage::new(index, &pages[index as usize], paths.of(index));
            let file = inclusion_file(&statement, &expected.account, &[7; 32], 9, 3, vec![page]).unwrap();
            assert_eq!(serde_json::from_slice::<Inclusion>(&file).unwrap(), expected);
            let logged = Inclusion { log: Some("a proof\n\n\u{2014} \"x\"\n".to_owned()), ..expected.clone() };
            let file = with_log_proof(file, logged.log.as_ref().unwrap());
            assert_eq!(serde_json::from_slice::<Inclusion>(&file).unwrap(), logged);
        }
    }
}
