//! The paths of a batch's leaves to the root, and the check that they lead there. Every inclusion file takes its paths from
//! here, whether its pages come from an attestation directory or from the database.

use assay_core::{
    field::F,
    tree::{Depths, TREE_ARITY, batch_levels, empty_roots, node},
};

use super::{
    error::AttestError,
    record::{StoredNode, bytes_of, element},
};

/// A digest as it is written: 64 hexadecimal digits.
pub type Digits = [u8; 64];

/// The siblings on a path, level by level from the leaf up.
pub type Siblings = Vec<[Digits; TREE_ARITY - 1]>;

/// Eight nodes with one parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Levels above the batch roots.
    pub height: u32,
    /// Position of the first of the eight.
    pub first: u64,
}

/// The groups of the upper tree on the path of batch `number`, from its own level up. Batches and nodes are counted over the
/// trees of all shards.
pub fn groups(depths: Depths, number: u64) -> Vec<Group> {
    let arity = TREE_ARITY as u64;
    let group = |height: u32| Group { height, first: number / arity.pow(height + 1) * arity };
    (0..depths.upper as u32).map(group).collect()
}

/// The digests in each of the [`groups`] of batch `number`. `nodes` has those that are not roots of empty subtrees.
///
/// # Errors
/// [`AttestError::NotValid`] for a node of another path, or a digest that is no field element.
pub fn children(depths: Depths, number: u64, nodes: &[StoredNode]) -> Result<Vec<[F; TREE_ARITY]>, AttestError> {
    let empty = empty_roots(depths.total());
    let mut levels: Vec<[F; TREE_ARITY]> = (0..depths.upper).map(|k| [empty[depths.batch + k]; TREE_ARITY]).collect();
    let groups = groups(depths, number);
    for node in nodes {
        let place = groups.iter().position(|group| group.height == node.height).and_then(|level| {
            let child = usize::try_from(node.position.checked_sub(groups[level].first)?).ok()?;
            levels[level].get_mut(child)
        });
        let place = place.ok_or_else(|| damaged(number, "a node of another path"))?;
        *place = element(&node.digest).ok_or_else(|| damaged(number, "a node is no field element"))?;
    }
    Ok(levels)
}

/// The nodes between the leaves of one batch and the root. [`Paths::new`] checks once that they lead to the root, so
/// single paths need no check of their own. Digests are kept as hexadecimal digits, because writing them is most of the
/// work of giving out a path.
pub struct Paths {
    levels: Vec<Vec<Digits>>,
    upper: Siblings,
}

impl Paths {
    /// Hashes the `leaves` of batch `number`, padding included, and follows `upper`, the children on the batch's path from
    /// its own level up, to `root`.
    ///
    /// # Errors
    /// [`AttestError::NotValid`] if the path does not end in the root, or has another form than the tree.
    pub fn new(
        depths: Depths,
        root: F,
        number: u64,
        leaves: &[F],
        upper: &[[F; TREE_ARITY]],
    ) -> Result<Self, AttestError> {
        let whole = leaves.len() == TREE_ARITY.pow(depths.batch as u32) && upper.len() == depths.upper;
        if !whole || number >= depths.max_batches() as u64 {
            return Err(damaged(number, "it has another form than its shape"));
        }
        let levels = batch_levels(leaves);
        let mut value = levels[depths.batch][0];
        let mut position = number as usize;
        let mut siblings = Siblings::new();
        for children in upper {
            if children[position % TREE_ARITY] != value {
                return Err(damaged(number, "its pages are not those of the tree"));
            }
            siblings.push(others(position, |j| digits(&children[j])));
            value = node(children);
            position /= TREE_ARITY;
        }
        if value != root {
            return Err(damaged(number, "its path does not end in the statement's root"));
        }
        let written = |level: &Vec<F>| level.iter().map(digits).collect();
        Ok(Self { levels: levels[..depths.batch].iter().map(written).collect(), upper: siblings })
    }

    /// The siblings on the path of the leaf at `index` of the whole tree, which must lie in this batch.
    pub fn of(&self, index: u64) -> Siblings {
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

    /// Approximate size in memory, in bytes.
    pub fn weight(&self) -> usize {
        let digests = self.levels.iter().map(Vec::len).sum::<usize>() + self.upper.len() * TREE_ARITY;
        digests * size_of::<Digits>()
    }
}

/// The error for a batch that is not the one that the statement commits to.
pub fn damaged(number: u64, what: &str) -> AttestError {
    AttestError::NotValid(format!("batch {number} of the tree is damaged: {what}"))
}

/// The values of `child` for the seven siblings of `position`, by their places 0 to 7 in the group.
fn others(position: usize, child: impl Fn(usize) -> Digits) -> [Digits; TREE_ARITY - 1] {
    let own = position % TREE_ARITY;
    std::array::from_fn(|j| child(if j < own { j } else { j + 1 }))
}

fn digits(value: &F) -> Digits {
    let mut bytes = bytes_of(value);
    bytes.reverse();
    let mut digits = [0; 64];
    hex::encode_to_slice(bytes, &mut digits).expect("32 bytes are 64 digits");
    digits
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_core::tree::UpperTree;
    use assay_programs::ledger::shape::Shape;
    use ff::Field;

    use super::*;
    use crate::attest::record::upper_nodes;

    fn depths() -> Depths {
        Shape::named("solvency-8").unwrap().depths
    }

    fn leaves() -> Vec<F> {
        (0..8).map(|i| F::from(100 + i)).collect()
    }

    #[test]
    fn a_batch_whose_pages_are_not_those_of_the_tree_is_refused() {
        let own = batch_levels(&leaves())[1][0];
        let upper = UpperTree::build(depths(), vec![F::from(7), own]);
        let make = |number, leaves: &[F]| Paths::new(depths(), upper.root(), number, leaves, &upper.path(1));
        assert!(make(1, &leaves()).is_ok());
        let mut altered = leaves();
        altered[3] += F::ONE;
        assert!(make(1, &altered).is_err());
        assert!(make(0, &leaves()).is_err());
        assert!(make(64, &leaves()).is_err());
        assert!(make(1, &leaves()[..7]).is_err());
        assert!(Paths::new(depths(), F::from(1), 1, &leaves(), &upper.path(1)).is_err());
        assert!(Paths::new(depths(), upper.root(), 1, &leaves(), &upper.path(1)[1..]).is_err());
    }

    #[test]
    fn stored_nodes_give_the_children_that_the_tree_gives() {
        for count in [1u64, 2, 8, 9, 20, 64] {
            let tree = UpperTree::build(depths(), (1..=count).map(F::from).collect());
            let nodes: Vec<StoredNode> = upper_nodes(depths(), 0, &tree).collect();
            for number in 0..count {
                let groups = groups(depths(), number);
                let on_path = |node: &&StoredNode| {
                    let here = |group: &Group| {
                        group.height == node.height && (group.first..group.first + 8).contains(&node.position)
                    };
                    groups.iter().any(here)
                };
                let own: Vec<StoredNode> = nodes.iter().filter(on_path).copied().collect();
                assert_eq!(
                    children(depths(), number, &own).unwrap(),
                    tree.path(number as usize),
                    "{number} of {count}"
                );
            }
        }
    }

    #[test]
    fn nodes_of_another_path_and_digests_beyond_the_field_are_refused() {
        let node = |height, position| StoredNode { height, position, digest: [0; 32] };
        assert!(children(depths(), 9, &[node(0, 8), node(1, 1)]).is_ok());
        for foreign in [node(0, 7), node(0, 16), node(1, 8), node(2, 0), node(0, u64::MAX)] {
            assert!(children(depths(), 9, &[foreign]).is_err(), "{foreign:?}");
        }
        assert!(children(depths(), 9, &[StoredNode { digest: [0xff; 32], ..node(0, 8) }]).is_err());
    }
}
