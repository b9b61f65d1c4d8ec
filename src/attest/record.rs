//! What is stored of an attestation to make inclusion files: one record for each page that belongs to an account, in the order
//! of the tree, and the nodes of the upper tree. `pages.bin` and the database hold the same records.
//!
//! A record is the identity (32 bytes), whether the page is the account's first (u8, 0 or 1), how many of the account's pages
//! follow (u8), and the class (u8); then each open entry as column (u16) and quantity (u64), each capped entry as column
//! (u16), quantity and slack (u64 each), and in shapes with measures two i128. Numbers are little-endian; all records of a
//! shape have one length.

use assay_core::{
    field::F,
    tree::{Depths, UpperTree},
};
use assay_programs::ledger::{
    page::{CappedEntry, Entry, Page},
    shape::{MEASURES, Shape},
};
use ff::PrimeField;

/// Bytes of an identity, which begins every record.
pub const IDENTITY_BYTES: usize = 32;

/// Bytes of an open entry.
const OPEN_BYTES: usize = 10;
/// Bytes of a capped entry.
const CAPPED_BYTES: usize = 18;
/// Bytes of a measure.
const MEASURE_BYTES: usize = 16;

/// A node of the upper tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredNode {
    /// Levels above the batch roots.
    pub height: u32,
    /// Index within its level, over the trees of all shards.
    pub position: u64,
    /// Its digest, in the byte order of identities: lowest byte first.
    pub digest: [u8; 32],
}

/// Every node of the upper tree of shard `shard` that is not the root of an empty subtree. The trees of all shards are
/// numbered one after the other: on each level, shard s begins where s whole trees end.
pub fn upper_nodes(depths: Depths, shard: u32, tree: &UpperTree) -> impl Iterator<Item = StoredNode> + Send {
    (0u32..).zip(tree.levels()).flat_map(move |(height, level)| {
        let first = u64::from(shard) * (depths.max_batches() as u64 >> (3 * height));
        let node = move |(position, digest): (u64, &F)| StoredNode { height, position, digest: bytes_of(digest) };
        (first..).zip(level).map(node)
    })
}

/// The stored form of a field element, lowest byte first.
pub fn bytes_of(value: &F) -> [u8; 32] {
    value.to_repr().into()
}

/// The field element with these bytes; `None` if they are not its canonical form.
pub fn element(bytes: &[u8; 32]) -> Option<F> {
    F::from_repr((*bytes).into()).into()
}

/// Bytes of one record.
pub fn record_bytes(shape: &Shape) -> usize {
    IDENTITY_BYTES + 3 + OPEN_BYTES * shape.entries() + CAPPED_BYTES * shape.capped + MEASURE_BYTES * shape.measures
}

/// The record of a page.
pub fn record(page: &Page) -> Vec<u8> {
    let mut record = bytes_of(&page.identity).to_vec();
    record.extend([u8::from(page.first), page.remaining, page.class]);
    for entry in &page.entries {
        record.extend(entry.column.to_le_bytes());
        record.extend(entry.quantity.to_le_bytes());
    }
    for entry in &page.capped {
        record.extend(entry.column.to_le_bytes());
        record.extend(entry.quantity.to_le_bytes());
        record.extend(entry.slack.to_le_bytes());
    }
    for measure in page.measures.iter().filter(|_| !page.capped.is_empty()) {
        record.extend(measure.to_le_bytes());
    }
    record
}

/// The page of a record; `None` if the record is not well-formed for the shape.
pub fn page_of(shape: &Shape, record: &[u8]) -> Option<Page> {
    let (identity, rest) = record.split_first_chunk::<IDENTITY_BYTES>()?;
    let ([first, remaining, class], rest) = rest.split_first_chunk::<3>()?;
    let (entries, rest) = rest.split_at_checked(OPEN_BYTES * shape.entries())?;
    let (capped, measures) = rest.split_at_checked(CAPPED_BYTES * shape.capped)?;
    let u64_at = |bytes: &[u8], at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let column = |bytes: &[u8]| Some(u16::from_le_bytes(bytes.get(..2)?.try_into().ok()?));
    let entry = |bytes: &[u8]| Some(Entry { column: column(bytes)?, quantity: u64_at(bytes, 2)? });
    let capped_entry = |bytes: &[u8]| {
        Some(CappedEntry { column: column(bytes)?, quantity: u64_at(bytes, 2)?, slack: u64_at(bytes, 10)? })
    };
    if measures.len() != MEASURE_BYTES * shape.measures {
        return None;
    }
    let first = match first {
        0 => false,
        1 => true,
        _ => return None,
    };
    let mut page = Page {
        identity: element(identity)?,
        first,
        remaining: *remaining,
        class: *class,
        entries: entries.chunks(OPEN_BYTES).map(entry).collect::<Option<_>>()?,
        capped: capped.chunks(CAPPED_BYTES).map(capped_entry).collect::<Option<_>>()?,
        measures: [0; MEASURES],
    };
    for (measure, bytes) in page.measures.iter_mut().zip(measures.chunks(MEASURE_BYTES)) {
        *measure = i128::from_le_bytes(bytes.try_into().ok()?);
    }
    Some(page)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::testing::test_pages;

    use super::*;

    #[test]
    fn a_record_is_read_back_as_its_page_in_every_shape() {
        for shape in Shape::catalogue() {
            for page in test_pages(shape, 5, 1) {
                let record = record(&page);
                assert_eq!(record.len(), record_bytes(shape), "{}", shape.name);
                assert_eq!(page_of(shape, &record), Some(page), "{}", shape.name);
            }
        }
    }

    #[test]
    fn a_record_of_another_length_is_no_page() {
        for shape in ["solvency-8", "compliance-8"].map(|name| Shape::named(name).unwrap()) {
            let whole = record(&Page::padding(shape));
            for length in 0..whole.len() {
                assert_eq!(page_of(shape, &whole[..length]), None);
            }
            assert_eq!(page_of(shape, &[&whole[..], &[0]].concat()), None);
        }
    }

    #[test]
    fn a_first_page_is_said_by_0_or_1_alone() {
        let shape = Shape::named("solvency-8").unwrap();
        let mut record = record(&Page::padding(shape));
        for (byte, is_read) in [(0, true), (1, true), (2, false), (0xff, false)] {
            record[IDENTITY_BYTES] = byte;
            assert_eq!(page_of(shape, &record).is_some(), is_read, "{byte}");
        }
    }

    #[test]
    fn an_identity_beyond_the_field_is_no_page() {
        let shape = Shape::named("solvency-8").unwrap();
        let mut record = record(&Page::padding(shape));
        record[..IDENTITY_BYTES].fill(0xff);
        assert_eq!(page_of(shape, &record), None);
    }

    #[test]
    fn the_nodes_are_those_of_the_tree_without_the_empty_ones() {
        let shape = Shape::named("solvency-8").unwrap();
        let tree = UpperTree::build(shape.depths, (1..=9).map(F::from).collect());
        let nodes: Vec<StoredNode> = upper_nodes(shape.depths, 0, &tree).collect();
        let places: Vec<_> = nodes.iter().map(|n| (n.height, n.position)).collect();
        let expected: Vec<_> = (0..9).map(|i| (0, i)).chain([(1, 0), (1, 1), (2, 0)]).collect();
        assert_eq!(places, expected);
        assert_eq!(element(&nodes[11].digest), Some(tree.root()));
        // the sixth tree begins where five whole ones end
        let places: Vec<_> = upper_nodes(shape.depths, 5, &tree).map(|n| (n.height, n.position)).collect();
        let expected: Vec<_> = (320..329).map(|i| (0, i)).chain([(1, 40), (1, 41), (2, 5)]).collect();
        assert_eq!(places, expected);
    }
}
