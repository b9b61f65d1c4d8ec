//! What a sum of many points needs of the code that adds them: one trait, for the vector code and for the portable.

use crate::curve::Curve;

/// One addition: the operands lie at `at` and `at + 1` of the source, the sum goes to `to`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Op {
    pub at: u32,
    pub to: u32,
}

/// An entry, as the first pass of sorting leaves it, is an index of the table above this bit, a sign in the bit below, and a
/// bucket's number in its part in the lowest eight.
pub(crate) const INDEX_SHIFT: u32 = 9;

/// Table entries that will be added soon, to be fetched into the cache while others are added.
#[derive(Default)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) struct Upcoming<'a> {
    pub entries: &'a [u32],
    pub at: usize,
    pub end: usize,
}

impl Upcoming<'_> {
    /// Names the next `count` indices to `prefetch`.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn fetch(&mut self, count: usize, prefetch: impl Fn(usize)) {
        let to = (self.at + count).min(self.end);
        for entry in self.entries.get(self.at..to).unwrap_or_default() {
            prefetch((entry >> INDEX_SHIFT) as usize);
        }
        self.at = to.max(self.at);
    }
}

/// Adds points of one curve in batches.
pub(crate) trait Kernel: Copy + Send + Sync {
    type Curve: Curve;
    /// A point in the form that is added.
    type Point: Copy + Send + Sync;
    /// Memory that is used again.
    type Scratch: Default;

    fn identity(&self) -> Self::Point;
    fn is_identity(&self, point: &Self::Point) -> bool;
    /// The table of n points: the points, then their images under the endomorphism.
    fn prepare(&self, points: &[<Self::Curve as Curve>::Affine]) -> Vec<Self::Point>;
    fn to_affine(&self, point: Self::Point) -> <Self::Curve as Curve>::Affine;
    fn negative(&self, point: Self::Point) -> Self::Point;

    /// Adds points of a table: an entry is an index, shifted by one, and a sign in the lowest bit. `ops` is a multiple of
    /// eight. False, with nothing written, if two operands have the same x. No operand may be the identity.
    fn add_signed(
        &self,
        table: &[Self::Point],
        entries: &[u32],
        ops: &[Op],
        sums: &mut [Self::Point],
        scratch: &mut Self::Scratch,
        upcoming: &mut Upcoming,
    ) -> bool;

    /// The same of points that lie side by side.
    fn add_neighbours(
        &self,
        points: &[Self::Point],
        ops: &[Op],
        sums: &mut [Self::Point],
        scratch: &mut Self::Scratch,
    ) -> bool;

    /// points[i] += points[j] for each pair (i, j), whatever they are. Targets differ from each other and from all sources.
    fn add_any(&self, points: &mut [Self::Point], pairs: &[(u32, u32)], scratch: &mut Self::Scratch);
}
