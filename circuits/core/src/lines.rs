//! The evidence tree over the reserve lines: one root in the statement, single lines disclosed with a proof.
//!
//! * leaf = SHA-256(`0x00` ‖ `assay/reserve-line/v2` ‖ 32-byte blind ‖ for each of the ten fields: length as u32 LE ‖ bytes).
//!   The blind keeps a line that was not disclosed from being guessed; lengths keep fields from running into each other.
//! * node = SHA-256(`0x01` ‖ left ‖ right). The last node of a layer with an odd number of nodes has no sibling and moves up
//!   as it is; it is not paired with itself, so no two lists of lines share a tree.
//! * root = SHA-256(`0x02` ‖ `assay/reserve-root/v1` ‖ number of lines as u64 LE ‖ topmost node). Without the number, a path
//!   could be read in trees of several sizes, and the size decides what "all lines of this asset" means.
//! * no lines: root = 32 zero bytes.
//!
//! The three prefixes keep a line, a node and a root from being offered for one another.

use rs_merkle::{Hasher, MerkleProof, MerkleTree};
use sha2::{Digest, Sha256};

/// Bytes of a hash and of a blind.
pub const HASH_BYTES: usize = 32;

/// The root where there are no lines.
pub const EMPTY_ROOT: [u8; HASH_BYTES] = [0; HASH_BYTES];

/// Most lines a tree can have; what a hostile proof claims beyond is refused before anything is calculated.
pub const MAX_LINES: usize = 1 << 31;

const LEAF: u8 = 0;
const NODE: u8 = 1;
const ROOT: u8 = 2;
const LEAF_DOMAIN: &[u8] = b"assay/reserve-line/v2";
const ROOT_DOMAIN: &[u8] = b"assay/reserve-root/v1";

/// How rs_merkle is to hash: nodes with their prefix. Leaves are hashed before it sees them.
#[derive(Clone)]
struct Prefixed;

impl Hasher for Prefixed {
    type Hash = [u8; HASH_BYTES];

    fn hash(data: &[u8]) -> Self::Hash {
        Sha256::digest(data).into()
    }

    fn concat_and_hash(left: &Self::Hash, right: Option<&Self::Hash>) -> Self::Hash {
        match right {
            Some(right) => Sha256::new().chain_update([NODE]).chain_update(left).chain_update(right).finalize().into(),
            None => *left,
        }
    }
}

/// The columns of a line, in the order in which they are hashed.
pub const LINE_COLUMNS: [&str; 10] =
    ["asset", "chain", "address", "amount", "height", "message", "signature", "token", "kind", "key"];

/// The fields of a line as written, in the order of [`LINE_COLUMNS`].
pub type LineFields = [String; LINE_COLUMNS.len()];

/// The tree over all lines of a snapshot.
pub struct ReserveTree {
    tree: MerkleTree<Prefixed>,
}

impl ReserveTree {
    /// Builds the tree over `lines` in their order. `blind` gives each line's 32 secret bytes by its position; a verifier
    /// who is shown a line is shown its blind too.
    #[must_use]
    pub fn over<'a>(
        lines: impl IntoIterator<Item = &'a LineFields>,
        blind: impl Fn(usize) -> [u8; HASH_BYTES],
    ) -> Self {
        let leaves: Vec<_> =
            lines.into_iter().enumerate().map(|(position, fields)| leaf(fields, &blind(position))).collect();
        Self { tree: MerkleTree::from_leaves(&leaves) }
    }

    /// The root that goes into the statement.
    #[must_use]
    pub fn root(&self) -> [u8; HASH_BYTES] {
        match self.tree.root() {
            Some(top) => root(self.tree.leaves_len(), &top),
            None => EMPTY_ROOT,
        }
    }

    /// The hashes that prove the lines at `indices`, 32 bytes each, for [`verify_multiproof`]. `None` unless the indices
    /// are at least one, strictly increasing and below the number of lines.
    #[must_use]
    pub fn multiproof(&self, indices: &[usize]) -> Option<Vec<u8>> {
        well_formed(indices, self.tree.leaves_len()).then(|| self.tree.proof(indices).to_bytes())
    }
}

/// Whether `lines` (fields and blind) are the lines at `indices` of the `line_count` lines under `root`. All arguments may
/// come from an adversary: nothing panics, and the work is bounded by the sizes of the lists.
///
/// False also for no lines at all, for indices not strictly increasing or not below `line_count`, and for a proof with a
/// byte more or less than needed, so that there is exactly one proof for a claim.
#[must_use]
pub fn verify_multiproof(
    expected_root: &[u8; HASH_BYTES],
    line_count: usize,
    indices: &[usize],
    lines: &[(LineFields, [u8; HASH_BYTES])],
    proof: &[u8],
) -> bool {
    if lines.len() != indices.len() || !well_formed(indices, line_count) {
        return false;
    }
    let (hashes, rest) = proof.as_chunks::<HASH_BYTES>();
    if !rest.is_empty() {
        return false;
    }
    let leaves: Vec<_> = lines.iter().map(|(fields, blind)| leaf(fields, blind)).collect();
    let top =
        |hashes: &[[u8; HASH_BYTES]]| MerkleProof::<Prefixed>::new(hashes.to_vec()).root(indices, &leaves, line_count);
    // rs_merkle ignores hashes beyond those it needs. If one fewer is enough, there is one too many.
    if let Some((_, fewer)) = hashes.split_last()
        && top(fewer).is_ok()
    {
        return false;
    }
    top(hashes).is_ok_and(|top| root(line_count, &top) == *expected_root)
}

fn well_formed(indices: &[usize], line_count: usize) -> bool {
    let increasing = indices.windows(2).all(|pair| pair[0] < pair[1]);
    let below = indices.last().is_some_and(|last| *last < line_count);
    increasing && below && line_count <= MAX_LINES
}

fn leaf(fields: &LineFields, blind: &[u8; HASH_BYTES]) -> [u8; HASH_BYTES] {
    let mut hash = Sha256::new().chain_update([LEAF]).chain_update(LEAF_DOMAIN).chain_update(blind);
    for field in fields {
        // A longer field than 4 GiB cannot be told from one of 4 GiB here, but it would still be hashed in full.
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        hash.update(length.to_le_bytes());
        hash.update(field.as_bytes());
    }
    hash.finalize().into()
}

fn root(line_count: usize, top: &[u8; HASH_BYTES]) -> [u8; HASH_BYTES] {
    Sha256::new()
        .chain_update([ROOT])
        .chain_update(ROOT_DOMAIN)
        .chain_update((line_count as u64).to_le_bytes())
        .chain_update(top)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    type Shown = Vec<(LineFields, [u8; HASH_BYTES])>;

    fn blind(position: usize) -> [u8; HASH_BYTES] {
        Sha256::digest(position.to_le_bytes()).into()
    }

    fn lines(count: usize) -> Vec<LineFields> {
        (0..count)
            .map(|i| {
                let fields = ["BTC", "bitcoin", &format!("address {i}"), "1.5", "800000", "", "", "", "", ""];
                fields.map(str::to_owned)
            })
            .collect()
    }

    fn shown(lines: &[LineFields], indices: &[usize]) -> Shown {
        indices.iter().map(|i| (lines[*i].clone(), blind(*i))).collect()
    }

    /// A tree of `count` lines and a valid proof for `indices`.
    fn case(count: usize, indices: &[usize]) -> ([u8; HASH_BYTES], Shown, Vec<u8>) {
        let lines = lines(count);
        let tree = ReserveTree::over(&lines, blind);
        (tree.root(), shown(&lines, indices), tree.multiproof(indices).unwrap())
    }

    #[test]
    fn no_lines_have_the_zero_root_and_prove_nothing() {
        let tree = ReserveTree::over(&[], blind);
        assert_eq!(tree.root(), EMPTY_ROOT);
        assert!(tree.multiproof(&[]).is_none());
        assert!(tree.multiproof(&[0]).is_none());
        assert!(!verify_multiproof(&EMPTY_ROOT, 0, &[], &[], &[]));
        assert!(!verify_multiproof(&EMPTY_ROOT, 0, &[0], &shown(&lines(1), &[0]), &[]));
    }

    #[test]
    fn the_hashes_are_the_documented_ones() {
        let lines = lines(3);
        let sha = |parts: &[&[u8]]| -> [u8; 32] { Sha256::digest(parts.concat()).into() };
        let leaves: Vec<[u8; 32]> = lines
            .iter()
            .enumerate()
            .map(|(i, line)| {
                let mut bytes = [&[0u8][..], b"assay/reserve-line/v2", &blind(i)].concat();
                for field in line {
                    bytes.extend((field.len() as u32).to_le_bytes());
                    bytes.extend(field.as_bytes());
                }
                sha(&[&bytes])
            })
            .collect();
        let left = sha(&[&[1], &leaves[0], &leaves[1]]);
        let top = sha(&[&[1], &left, &leaves[2]]);
        let root = sha(&[&[2], b"assay/reserve-root/v1", &3u64.to_le_bytes(), &top]);
        assert_eq!(ReserveTree::over(&lines, blind).root(), root);
    }

    #[test]
    fn an_empty_list_of_lines_never_passes() {
        let (root, _, proof) = case(5, &[0]);
        assert!(!verify_multiproof(&root, 5, &[], &[], &proof));
        assert!(!verify_multiproof(&root, 5, &[], &[], &[]));
        assert!(!verify_multiproof(&root, 5, &[], &[], &root));
    }

    #[test]
    fn indices_out_of_range_repeated_or_unsorted_never_pass() {
        let (root, shown, proof) = case(5, &[1, 3]);
        assert!(verify_multiproof(&root, 5, &[1, 3], &shown, &proof));
        let swapped = vec![shown[1].clone(), shown[0].clone()];
        for (indices, lines) in [
            (vec![3, 1], &swapped),
            (vec![3, 1], &shown),
            (vec![1, 3], &swapped),
            (vec![1, 1], &shown),
            (vec![1, 5], &shown),
            (vec![1, usize::MAX], &shown),
            (vec![1], &shown),
            (vec![1, 3, 4], &shown),
            (vec![0, 3], &shown),
        ] {
            assert!(!verify_multiproof(&root, 5, &indices, lines, &proof), "{indices:?}");
        }
    }

    #[test]
    fn a_wrong_line_count_never_passes() {
        let (root, shown, proof) = case(5, &[1, 3]);
        for count in [0, 1, 4, 6, 7, 8, 9, 1 << 20, MAX_LINES, MAX_LINES + 1, usize::MAX] {
            assert!(!verify_multiproof(&root, count, &[1, 3], &shown, &proof), "{count}");
        }
    }

    #[test]
    fn an_inner_node_cannot_be_offered_as_a_line() {
        // The tree of two lines whose topmost node, read as one line, would have to hash to the same root.
        let lines = lines(2);
        let tree = ReserveTree::over(&lines, blind);
        let concatenated = [leaf(&lines[0], &blind(0)), leaf(&lines[1], &blind(1))].concat();
        let naive: [u8; 32] = Sha256::digest(&concatenated).into();
        let prefixed: [u8; 32] = Prefixed::hash(&[&[NODE][..], &concatenated].concat());
        assert_ne!(root(1, &naive), tree.root());
        assert_ne!(root(1, &prefixed), tree.root());
        assert_eq!(root(2, &prefixed), tree.root());
    }

    #[test]
    fn fields_cannot_run_into_each_other() {
        let one = ["BTC", "a", "bc", "1", "", "", "", "", "", ""].map(str::to_owned);
        let other = ["BTC", "ab", "c", "1", "", "", "", "", "", ""].map(str::to_owned);
        assert_ne!(leaf(&one, &[7; 32]), leaf(&other, &[7; 32]));
    }

    #[test]
    fn a_line_alone_in_its_tree_is_proved_without_hashes() {
        let (root, shown, proof) = case(1, &[0]);
        assert!(proof.is_empty());
        assert!(verify_multiproof(&root, 1, &[0], &shown, &proof));
        assert!(!verify_multiproof(&root, 2, &[0], &shown, &proof));
    }

    proptest! {
        #[test]
        fn every_honest_proof_passes_and_no_altered_one_does(
            count in 1usize..40, picks in prop::collection::btree_set(0usize..40, 1..12), byte: prop::sample::Index, bit in 0u8..8
        ) {
            let indices: Vec<usize> = picks.into_iter().filter(|i| *i < count).collect();
            prop_assume!(!indices.is_empty());
            let (root, shown, proof) = case(count, &indices);
            prop_assert!(verify_multiproof(&root, count, &indices, &shown, &proof));

            let mut longer = proof.clone();
            longer.extend([0; 32]);
            prop_assert!(!verify_multiproof(&root, count, &indices, &shown, &longer));
            prop_assert!(!verify_multiproof(&root, count, &indices, &shown, &[&proof[..], &[0]].concat()));
            if !proof.is_empty() {
                let mut flipped = proof.clone();
                let at = byte.index(flipped.len());
                flipped[at] ^= 1 << bit;
                prop_assert!(!verify_multiproof(&root, count, &indices, &shown, &flipped));
                prop_assert!(!verify_multiproof(&root, count, &indices, &shown, &proof[..proof.len() - 32]));
            }
            let mut other_amount = shown.clone();
            other_amount[0].0[3] = "1.6".to_owned();
            prop_assert!(!verify_multiproof(&root, count, &indices, &other_amount, &proof));
            let mut other_blind = shown.clone();
            other_blind[0].1[0] ^= 1;
            prop_assert!(!verify_multiproof(&root, count, &indices, &other_blind, &proof));
        }

        #[test]
        fn no_bytes_make_the_verifier_panic(
            count: usize, indices in prop::collection::vec(any::<usize>(), 0..4), small in prop::collection::vec(0usize..9, 0..4),
            proof in prop::collection::vec(any::<u8>(), 0..200)
        ) {
            let lines = shown(&lines(4), &[0, 1, 2, 3]);
            for (count, indices) in [(count, &indices), (count, &small), (8, &small)] {
                let lines = &lines[..indices.len()];
                prop_assert!(!verify_multiproof(&[1; 32], count, indices, lines, &proof));
            }
        }
    }
}
