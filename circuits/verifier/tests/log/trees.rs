//! Trees and proofs against a second implementation.

use assay_verifier::log::tree::{
    Node, Tree, TreeError, empty_root, leaf_hash, prove_consistency, prove_inclusion, root, verify_consistency,
    verify_inclusion,
};
use tlog_tiles::tlog::{
    Error, Hash, HashReader, check_record, check_tree, prove_record, prove_tree, record_hash, split_stored_hash_index,
    stored_hashes, tree_hash,
};

const LARGEST: u64 = 300;

struct Stored(Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        Ok(indexes.iter().map(|i| self.0[usize::try_from(*i).unwrap()]).collect())
    }
}

fn entry(i: u64) -> Vec<u8> {
    format!("entry {i}").into_bytes()
}

/// The same leaves in our tree and in the other one.
fn both() -> (Tree, Stored) {
    let (mut ours, mut theirs) = (Tree::default(), Stored(Vec::new()));
    for i in 0..LARGEST {
        let hashes = stored_hashes(i, &entry(i), &theirs).unwrap();
        theirs.0.extend(hashes);
        assert_eq!(leaf_hash(&entry(i)), record_hash(&entry(i)).0);
        ours.push(leaf_hash(&entry(i)));
    }
    (ours, theirs)
}

fn plain(hashes: &[Hash]) -> Vec<[u8; 32]> {
    hashes.iter().map(|hash| hash.0).collect()
}

fn wrapped(hashes: &[[u8; 32]]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash(*hash)).collect()
}

#[test]
fn every_complete_subtree_is_the_one_of_the_second_implementation() {
    let (ours, theirs) = both();
    for (index, hash) in (0..).zip(&theirs.0) {
        let (height, position) = split_stored_hash_index(index);
        assert_eq!(ours.node(Node { height, position }), hash.0, "{height} {position}");
    }
}

#[test]
fn roots_and_inclusion_proofs_are_those_of_the_second_implementation() {
    let (ours, theirs) = both();
    let mut node = |n| ours.node(n);
    assert_eq!(root(0, &mut node), tree_hash(0, &theirs).unwrap().0);
    for size in 1..=LARGEST {
        let own = root(size, &mut node);
        assert_eq!(own, tree_hash(size, &theirs).unwrap().0, "{size}");
        for index in 0..size {
            let path = prove_inclusion(index, size, &mut node).unwrap();
            assert_eq!(path, plain(&prove_record(size, index, &theirs).unwrap()), "{index} of {size}");
            let leaf = leaf_hash(&entry(index));
            verify_inclusion(&leaf, index, size, &path, &own).unwrap();
            check_record(&wrapped(&path), size, Hash(own), index, Hash(leaf)).unwrap();
        }
    }
}

#[test]
fn consistency_proofs_are_those_of_the_second_implementation() {
    let (ours, theirs) = both();
    let mut node = |n| ours.node(n);
    let roots: Vec<_> = (0..=LARGEST).map(|size| root(size, &mut node)).collect();
    for new in 1..=LARGEST {
        for old in 1..=new {
            let proof = prove_consistency(old, new, &mut node).unwrap();
            assert_eq!(proof, plain(&prove_tree(new, old, &theirs).unwrap()), "{old} to {new}");
            let [old_root, new_root] = [old, new].map(|size| roots[usize::try_from(size).unwrap()]);
            verify_consistency((old, &old_root), (new, &new_root), &proof).unwrap();
            check_tree(&wrapped(&proof), new, Hash(new_root), old, Hash(old_root)).unwrap();
        }
    }
}

#[test]
fn a_proof_for_another_place_size_or_root_is_refused() {
    let (ours, _) = both();
    let mut node = |n| ours.node(n);
    for size in 1..=40_u64 {
        let own = root(size, &mut node);
        for index in 0..size {
            let path = prove_inclusion(index, size, &mut node).unwrap();
            let leaf = leaf_hash(&entry(index));
            for other in (0..size).filter(|other| *other != index) {
                assert!(verify_inclusion(&leaf, other, size, &path, &own).is_err(), "{index} as {other} of {size}");
            }
            assert!(verify_inclusion(&leaf_hash(b"other"), index, size, &path, &own).is_err());
            let mut longer = path.clone();
            longer.push([7; 32]);
            assert!(verify_inclusion(&leaf, index, size, &longer, &own).is_err());
            if let Some((_, shorter)) = path.split_last() {
                assert!(verify_inclusion(&leaf, index, size, shorter, &own).is_err());
            }
        }
        for old in 1..size {
            let proof = prove_consistency(old, size, &mut node).unwrap();
            let old_root = root(old, &mut node);
            for (i, _) in proof.iter().enumerate() {
                let mut altered = proof.clone();
                altered[i][i % 32] ^= 1;
                assert!(verify_consistency((old, &old_root), (size, &own), &altered).is_err(), "{old} to {size}");
                let mut shorter = proof.clone();
                shorter.remove(i);
                assert!(verify_consistency((old, &old_root), (size, &own), &shorter).is_err(), "{old} to {size}");
            }
            assert!(verify_consistency((old, &[1; 32]), (size, &own), &proof).is_err());
            assert!(verify_consistency((old, &old_root), (size, &[1; 32]), &proof).is_err());
        }
    }
}

#[test]
fn a_forked_a_shrunk_and_an_empty_tree_are_told_apart() {
    let (ours, _) = both();
    let mut node = |n| ours.node(n);
    let mut forked = Tree::default();
    (0..7).for_each(|i| forked.push(leaf_hash(&entry(i + 100))));
    let [seven, ten] = [7, 10].map(|size| root(size, &mut node));
    let proof = prove_consistency(7, 10, &mut node).unwrap();
    assert_eq!(verify_consistency((7, &forked.root()), (10, &ten), &proof), Err(TreeError::Forked));
    assert_eq!(verify_consistency((7, &forked.root()), (7, &seven), &[]), Err(TreeError::Forked));
    assert_eq!(verify_consistency((10, &ten), (7, &seven), &proof), Err(TreeError::Shrunk { old: 10, new: 7 }));
    assert_eq!(verify_consistency((0, &empty_root()), (7, &seven), &[]), Ok(()));
    assert_eq!(verify_consistency((0, &[1; 32]), (7, &seven), &[]), Err(TreeError::Forked));
    assert_eq!(verify_consistency((0, &empty_root()), (0, &[1; 32]), &[]), Err(TreeError::Forked));
    assert!(matches!(verify_consistency((0, &empty_root()), (7, &seven), &proof), Err(TreeError::Length { .. })));
    assert!(matches!(verify_consistency((7, &seven), (10, &ten), &[]), Err(TreeError::Length { hashes: 0 })));
    assert!(verify_inclusion(&leaf_hash(b""), 0, 0, &[], &empty_root()).is_err());
    // sizes near the end of what a number can hold
    assert!(verify_inclusion(&[0; 32], u64::MAX - 1, u64::MAX, &[[0; 32]; 64], &[0; 32]).is_err());
    assert!(verify_consistency((u64::MAX - 1, &[0; 32]), (u64::MAX, &[0; 32]), &[[0; 32]; 64]).is_err());
}
