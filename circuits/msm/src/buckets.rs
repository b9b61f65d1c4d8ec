//! The buckets of one window: for every size of a digit, the sum of the points that have it.
//!
//! Entries are sorted by bucket in two passes, so that neighbours belong together. Blocks of them are then summed as
//! trees: each level adds neighbours, in batches that share one inversion.

use crate::{
    digits::Digits,
    kernel::{INDEX_SHIFT, Kernel, Op, Upcoming},
    pages::filled,
};

/// Buckets that are sorted together, as many as an entry can name.
const PART: usize = 256;
/// Points that a table may have, images included.
pub(crate) const MOST_POINTS: usize = 1 << (32 - INDEX_SHIFT);
/// Entries that are summed together, about what the second-level cache holds.
const BLOCK: usize = 16384;
/// Additions that share an inversion.
const BATCH: usize = 2048;

/// Points of one bucket that lie side by side.
#[derive(Clone, Copy)]
struct Run {
    bucket: u32,
    at: u32,
    length: u32,
}

/// The sums of one window, bucket b at b − 1. `table` has points and their images; the first scalar belongs to the point
/// at `from`.
pub(crate) fn fill<K: Kernel>(
    kernel: K,
    table: &[K::Point],
    from: usize,
    digits: &Digits,
    window: usize,
) -> Vec<K::Point> {
    let buckets = 1 << (digits.width - 1);
    let parts = usize::div_ceil(buckets, PART);
    let (entries, starts) = by_part(digits, window, [from, table.len() / 2 + from], parts);
    let mut trees = Trees::new(kernel, table, buckets);
    let mut upcoming = Upcoming { entries: &entries, at: 0, end: 0 };
    // entries with their bucket's neighbours, and the runs in them
    let (mut sorted, mut runs) = (Vec::new(), Vec::new());
    for part in 0..parts {
        // what is fetched ahead is never more than a block away
        upcoming.at = upcoming.at.max(starts[part + 1]);
        upcoming.end = (starts[part + 1] + BLOCK).min(entries.len());
        let own = &entries[starts[part]..starts[part + 1]];
        let base = sorted.len();
        let bounds = sort(own, &mut sorted);
        // full blocks are summed; what is left stays for the next part
        let mut done = 0;
        let mut end = base;
        for bucket in 0..PART {
            let (mut at, to) = (base + bounds[bucket], base + bounds[bucket + 1]);
            while at < to {
                let length = (to - at).min(done + BLOCK - end);
                let bucket = (part * PART + bucket) as u32;
                runs.push(Run { bucket, at: at as u32, length: length as u32 });
                at += length;
                end += length;
                if end == done + BLOCK {
                    trees.sum(&sorted, &mut runs, &mut upcoming);
                    done = end;
                }
            }
        }
        sorted.drain(..done);
        for run in &mut runs {
            run.at -= done as u32;
        }
    }
    trees.sum(&sorted, &mut runs, &mut upcoming);
    trees.buckets
}

/// The entries that are not 0 by parts of the buckets, and where each part begins. `from` says which point and which image belong to
/// the first scalar.
fn by_part(digits: &Digits, window: usize, from: [usize; 2], parts: usize) -> (Vec<u32>, Vec<usize>) {
    // zeros go to a part after the last
    let part = |digit: i16| (usize::from(digit.unsigned_abs().wrapping_sub(1)) / PART).min(parts);
    // neighbours count in turns, so that equal digits do not wait for each other
    let mut counts = vec![[0usize; 2]; parts + 1];
    for (_, _, run) in digits.window(window) {
        for (i, digit) in run.iter().enumerate() {
            counts[part(*digit)][i & 1] += 1;
        }
    }
    let mut starts = vec![0];
    for counts in &counts[..parts] {
        starts.push(starts[starts.len() - 1] + counts[0] + counts[1]);
    }
    let mut entries = filled(starts[parts], 0);
    let mut next = starts.clone();
    for (half, first, run) in digits.window(window) {
        let first = from[half] + first;
        for (i, digit) in run.iter().enumerate() {
            if *digit == 0 {
                continue;
            }
            let bucket = usize::from(digit.unsigned_abs()) - 1;
            let place = &mut next[bucket / PART];
            let sign = u32::from(*digit < 0);
            entries[*place] = ((first + i) as u32) << INDEX_SHIFT | sign << 8 | (bucket % PART) as u32;
            *place += 1;
        }
    }
    (entries, starts)
}

/// Appends a part's entries by bucket, as index and sign; returns where each bucket begins, from where the part does.
fn sort(own: &[u32], sorted: &mut Vec<u32>) -> [usize; PART + 1] {
    let mut bounds = [0; PART + 1];
    for entry in own {
        bounds[(entry & 0xff) as usize + 1] += 1;
    }
    for bucket in 0..PART {
        bounds[bucket + 1] += bounds[bucket];
    }
    let base = sorted.len();
    sorted.resize(base + own.len(), 0);
    let (place, mut next) = (&mut sorted[base..], bounds);
    for entry in own {
        let slot = &mut next[(entry & 0xff) as usize];
        place[*slot] = entry >> 8;
        *slot += 1;
    }
    bounds
}

/// Sums runs into buckets.
struct Trees<'a, K: Kernel> {
    kernel: K,
    table: &'a [K::Point],
    buckets: Vec<K::Point>,
    scratch: K::Scratch,
    ops: Vec<Op>,
    /// A level and the one above it, with a place at the end for what rounds a batch up.
    levels: [Vec<K::Point>; 2],
}

impl<'a, K: Kernel> Trees<'a, K> {
    fn new(kernel: K, table: &'a [K::Point], buckets: usize) -> Self {
        // a level has half the entries and one for each run
        let room = BLOCK / 2 + BLOCK.min(buckets) + 1;
        let level = || vec![kernel.identity(); room];
        Self {
            kernel,
            table,
            buckets: vec![kernel.identity(); buckets],
            scratch: K::Scratch::default(),
            ops: Vec::new(),
            levels: [level(), level()],
        }
    }

    /// Adds `runs` of `entries`, BLOCK at most, to their buckets. Empties `runs`.
    fn sum(&mut self, entries: &[u32], runs: &mut Vec<Run>, upcoming: &mut Upcoming) {
        // once a pair has needed care, sums in the same block may be the identity
        let mut careful = false;
        let kernel = self.kernel;
        let point = |table: &[K::Point], entry: u32| {
            let point = table[(entry >> 1) as usize];
            if entry & 1 == 1 { kernel.negative(point) } else { point }
        };
        let [below, above] = &mut self.levels;
        let single = |at: u32| point(self.table, entries[at as usize]);
        pair_up(runs, &mut self.ops, below, single, &mut self.buckets, kernel, &mut self.scratch);
        round_up(&mut self.ops, below.len());
        for ops in self.ops.chunks(BATCH) {
            let (table, scratch) = (self.table, &mut self.scratch);
            careful |= careful || !kernel.add_signed(table, entries, ops, below, scratch, upcoming);
            if careful {
                let operands = |at: u32| point(table, entries[at as usize]);
                add_carefully(kernel, ops, operands, below, scratch);
            }
        }
        while !runs.is_empty() {
            let points = &*below;
            pair_up(runs, &mut self.ops, above, |at| points[at as usize], &mut self.buckets, kernel, &mut self.scratch);
            round_up(&mut self.ops, above.len());
            for ops in self.ops.chunks(BATCH) {
                careful |= careful || !kernel.add_neighbours(points, ops, above, &mut self.scratch);
                if careful {
                    add_carefully(kernel, ops, |at| points[at as usize], above, &mut self.scratch);
                }
            }
            std::mem::swap(below, above);
        }
    }
}

/// Plans a level: neighbours of each run are paired, one that is left over goes up alone, and a run of one goes to its
/// bucket. `runs` become those of the level.
fn pair_up<K: Kernel>(
    runs: &mut Vec<Run>,
    ops: &mut Vec<Op>,
    level: &mut [K::Point],
    point: impl Fn(u32) -> K::Point,
    buckets: &mut [K::Point],
    kernel: K,
    scratch: &mut K::Scratch,
) {
    ops.clear();
    let mut to = 0;
    runs.retain_mut(|run| {
        if run.length == 1 {
            // a bucket that several blocks share has a sum already
            let mut both = [buckets[run.bucket as usize], point(run.at)];
            if kernel.is_identity(&both[0]) {
                both[0] = both[1];
            } else {
                kernel.add_any(&mut both, &[(0, 1)], scratch);
            }
            buckets[run.bucket as usize] = both[0];
            return false;
        }
        let pairs = run.length / 2;
        ops.extend((0..pairs).map(|k| Op { at: run.at + 2 * k, to: to + k }));
        if run.length % 2 == 1 {
            level[(to + pairs) as usize] = point(run.at + run.length - 1);
        }
        *run = Run { bucket: run.bucket, at: to, length: run.length.div_ceil(2) };
        to += run.length;
        true
    });
}

/// A multiple of eight additions: the last again, into the last place.
fn round_up(ops: &mut Vec<Op>, places: usize) {
    if let Some(last) = ops.last().copied() {
        let whole = ops.len().next_multiple_of(8);
        ops.resize(whole, Op { at: last.at, to: places as u32 - 1 });
    }
}

/// The additions of a batch in which there are equal or opposite points, or the identity.
fn add_carefully<K: Kernel>(
    kernel: K,
    ops: &[Op],
    operand: impl Fn(u32) -> K::Point,
    sums: &mut [K::Point],
    scratch: &mut K::Scratch,
) {
    let mut points: Vec<_> = ops.iter().flat_map(|op| [operand(op.at), operand(op.at + 1)]).collect();
    let pairs: Vec<_> = (0..ops.len() as u32).map(|k| (2 * k, 2 * k + 1)).collect();
    kernel.add_any(&mut points, &pairs, scratch);
    for (k, op) in ops.iter().enumerate() {
        sums[op.to as usize] = points[2 * k];
    }
}
