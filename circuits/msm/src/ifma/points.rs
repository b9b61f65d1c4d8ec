//! Sums of points in affine coordinates, eight at a time, with one inversion for a whole batch (Montgomery's trick).
//!
//! λ = (yb − ya) / (xb − xa), x = λ² − xa − xb, y = λ·(xa − x) − ya: right for any two points whose x differ. A batch in
//! which some x are equal is found by its product of differences, which is 0, and nothing of it is written; the caller
//! sends it through [`Kernel::add_any`], where equal, opposite and absent points are set apart and added exactly.

use core::{arch::x86_64::*, marker::PhantomData};

use ff::{Field, PrimeField};
use halo2curves::{group::Curve as _, serde::SerdeObject};

use super::lanes::{Lanes, Loose, Modulus, REDUCED, V, splat};
use super::processor::available;
use crate::{
    curve::{Curve, difference, doubled, element, limbs},
    kernel::{Kernel, Op, Upcoming},
    pages::{filled, in_threads, prefetch},
};

/// A point: x in the low half and y in the high half, limbs of 64 bits, Montgomery form of R = 2^260, below 1.0625·p.
/// Zeros are the identity, which no point of either curve is.
pub(crate) type Point = __m512i;

/// A coordinate.
pub(crate) type Coordinate<C> = Lanes<C, REDUCED>;
/// A product of any two of these kinds, carried.
pub(crate) type Product<C> = Lanes<C, PRODUCT>;
pub(crate) const PRODUCT: u32 = 78;
/// xb − xa, carried.
pub(crate) type Gap<C> = Lanes<C, 98>;
/// y or 2p − y.
pub(crate) type Signed<C> = Lanes<C, 65>;

/// What the way back through a batch needs of one group of eight additions.
#[derive(Clone, Copy)]
pub(crate) struct Group<C> {
    gap: Gap<C>,
    /// The product of the gaps of all groups before.
    before: Product<C>,
    xa: Coordinate<C>,
}

/// The kernel; having one means that the processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vector<C>(PhantomData<C>);

impl<C: Curve> Vector<C> {
    pub(crate) fn detect() -> Option<Self> {
        available().then_some(Self(PhantomData))
    }
}

pub(crate) fn to_array(point: Point) -> [u64; 8] {
    bytemuck::cast(point)
}

pub(crate) fn from_array(limbs: [u64; 8]) -> Point {
    bytemuck::cast(limbs)
}

/// A point as halo2curves keeps it: the limbs of x and y in Montgomery form of R = 2^256.
pub(crate) fn raw<C: Curve>(point: &C::Affine) -> Point {
    let mut bytes = [0; 64];
    #[allow(clippy::unwrap_used)] // 64 bytes are what it writes
    point.write_raw(&mut &mut bytes[..]).unwrap();
    bytemuck::cast(bytes)
}

/// The form of R = 2^260, taken for that of 2^256, stands for 16 times the number.
fn to_affine<C: Curve>(point: Point) -> C::Affine {
    use halo2curves::CurveAffine;
    let mut limbs = to_array(point);
    if limbs == [0; 8] {
        return C::Affine::default();
    }
    let sixteenth = C::Base::TWO_INV.square().square();
    let [x, y] = limbs.as_chunks_mut().0 else { unreachable!("eight limbs are two coordinates") };
    let coordinate = |limbs: &mut [u64; 4]| {
        reduce_once::<C>(limbs);
        C::Base::from_raw_bytes_unchecked(&bytemuck::cast::<_, [u8; 32]>(*limbs)) * sixteenth
    };
    let point = C::Affine::from_xy(coordinate(x), coordinate(y));
    Option::from(point).expect("sums of points of the curve lie on it")
}

fn from_affine<C: Curve>(point: &C::Affine) -> Point {
    use halo2curves::CurveAffine;
    let sixteen = C::Base::from(16);
    let coordinates = Option::<halo2curves::Coordinates<_>>::from(point.coordinates());
    let Some(point) = coordinates.map(|at| [*at.x() * sixteen, *at.y() * sixteen]) else {
        return from_array([0; 8]);
    };
    let mut bytes = [0; 64];
    for (place, coordinate) in bytes.chunks_exact_mut(32).zip(point) {
        place.copy_from_slice(&coordinate.to_raw_bytes());
    }
    bytemuck::cast(bytes)
}

/// Any two points.
#[cold]
fn add_exactly<C: Curve>(a: Point, b: Point) -> Point {
    from_affine::<C>(&(to_affine::<C>(a) + to_affine::<C>(b)).to_affine())
}

// SAFETY of every block below: a `Vector` exists only where `available` found the instructions that the functions need.
#[allow(unsafe_code)]
impl<C: Curve> Kernel for Vector<C> {
    type Curve = C;
    type Point = Point;
    type Scratch = Vec<Group<C>>;

    fn identity(&self) -> Point {
        from_array([0; 8])
    }

    fn is_identity(&self, point: &Point) -> bool {
        to_array(*point) == [0; 8]
    }

    fn prepare(&self, points: &[C::Affine]) -> Vec<Point> {
        let n = points.len();
        let mut prepared = filled(2 * n, self.identity());
        let (own, images) = prepared.split_at_mut(n);
        in_threads(points, own, images, |points, own, images| {
            // SAFETY: see the head of this implementation
            unsafe { prepare::<C>(points, own, images) };
        });
        prepared
    }

    fn to_affine(&self, point: Point) -> C::Affine {
        to_affine::<C>(point)
    }

    fn negative(&self, point: Point) -> Point {
        let point = to_array(point);
        if point == [0; 8] {
            return from_array(point);
        }
        let [x0, x1, x2, x3, y @ ..] = point;
        let (mut negative, _) = difference(&doubled(&C::MODULUS), &y);
        // 2p − y may be above the bound of 1.0625·p
        reduce_once::<C>(&mut negative);
        let [y0, y1, y2, y3] = negative;
        from_array([x0, x1, x2, x3, y0, y1, y2, y3])
    }

    fn add_signed(
        &self,
        table: &[Point],
        entries: &[u32],
        ops: &[Op],
        sums: &mut [Point],
        scratch: &mut Vec<Group<C>>,
        upcoming: &mut Upcoming,
    ) -> bool {
        // SAFETY: see the head of this implementation
        unsafe { add_batch::<C, true>(table, entries, ops, sums, scratch, upcoming) }
    }

    fn add_neighbours(&self, points: &[Point], ops: &[Op], sums: &mut [Point], scratch: &mut Vec<Group<C>>) -> bool {
        // SAFETY: see the head of this implementation
        unsafe { add_batch::<C, false>(points, &[], ops, sums, scratch, &mut Upcoming::default()) }
    }

    fn add_any(&self, points: &mut [Point], pairs: &[(u32, u32)], scratch: &mut Vec<Group<C>>) {
        // SAFETY: see the head of this implementation
        unsafe { add_any::<C>(points, pairs, scratch) }
    }
}

/// Takes p off a number below 2p, in limbs of 64 bits, unless it is less.
pub(crate) fn reduce_once<C: Curve>(limbs: &mut [u64; 4]) {
    let (less, below) = difference(limbs, &C::MODULUS);
    if !below {
        *limbs = less;
    }
}

vector! {
    /// 1 over each of eight elements by one inversion; `None` if one of them is 0.
    pub(crate) fn inverted<C: Curve>(a: &Product<C>) -> Option<Product<C>> {
        let by_1 = a.exchanged::<1>();
        let pairs: Product<C> = a.times(&by_1).carried();
        let by_2 = pairs.exchanged::<2>();
        let fours: Product<C> = pairs.times(&by_2).carried();
        let by_4 = fours.exchanged::<4>();
        let all: Product<C> = fours.times(&by_4).carried();
        let [w0, w1, w2, w3] = all.words();
        let words = [lowest(w0), lowest(w1), lowest(w2), lowest(w3)];
        // the inverse of x·2^260 is to be 2^260 / x
        let inverse = Option::<C::Base>::from(element::<C::Base>(&words).invert())?;
        let form = C::Base::from(2).pow_vartime([520]);
        let inverse = Product::<C>::splat(&super::lanes::to_52(&limbs(&(inverse * form))));
        let inverse: Product<C> = inverse.times(&by_4).carried();
        let inverse: Product<C> = inverse.times(&by_2).carried();
        Some(inverse.times(&by_1).carried())
    }

    fn lowest(x: V) -> u64 {
        _mm_cvtsi128_si64(_mm512_castsi512_si128(x)) as u64
    }

    /// x and y of the sum of a and b, whose x differ, from 1 / (xb − xa).
    pub(crate) fn chord<C: Curve>(
        inverse: &Product<C>,
        gap: &Gap<C>,
        xa: &Coordinate<C>,
        ya: &Signed<C>,
        yb: &Signed<C>,
    ) -> (Coordinate<C>, Coordinate<C>) {
        let rise: Lanes<C, 161> = yb.minus(ya).carried();
        let slope: Product<C> = inverse.times(&rise).carried();
        // the gap is xb − xa + 2p, so with xa it is xb + 2p
        let xb: Loose<C, 98> = gap.plus::<REDUCED, 132>(xa).known_below();
        let both: Loose<C, 132> = xb.plus(&xa.loose());
        let x = slope.squared::<PRODUCT>().minus::<132, 238>(&both).reduced();
        let run: Gap<C> = xa.minus(&x).carried();
        let y = slope.times::<98, PRODUCT>(&run).minus::<65, 174>(&ya.loose()).reduced();
        (x, y)
    }

    /// Eight rows of x and y as two columns.
    pub(crate) fn load<C: Curve, const B: u32>(rows: [V; 8]) -> (Lanes<C, B>, Lanes<C, B>) {
        (load_x(rows), load_y(rows))
    }

    fn load_x<C: Curve, const B: u32>(rows: [V; 8]) -> Lanes<C, B> {
        let halves = |a, b| _mm512_inserti64x4::<1>(a, _mm512_castsi512_si256(b));
        Lanes::from_64(columns([
            halves(rows[0], rows[4]), halves(rows[1], rows[5]), halves(rows[2], rows[6]), halves(rows[3], rows[7]),
        ]))
    }

    fn load_y<C: Curve, const B: u32>(rows: [V; 8]) -> Lanes<C, B> {
        let halves = |a, b| _mm512_shuffle_i64x2::<0b11_10_11_10>(a, b);
        Lanes::from_64(columns([
            halves(rows[0], rows[4]), halves(rows[1], rows[5]), halves(rows[2], rows[6]), halves(rows[3], rows[7]),
        ]))
    }

    /// Rows 0 to 3 in the low halves and rows 4 to 7 in the high halves, transposed.
    fn columns(rows: [V; 4]) -> [V; 4] {
        let even_low = _mm512_unpacklo_epi64(rows[0], rows[1]);
        let odd_low = _mm512_unpackhi_epi64(rows[0], rows[1]);
        let even_high = _mm512_unpacklo_epi64(rows[2], rows[3]);
        let odd_high = _mm512_unpackhi_epi64(rows[2], rows[3]);
        let first = _mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0);
        let second = _mm512_set_epi64(15, 14, 7, 6, 11, 10, 3, 2);
        [
            _mm512_permutex2var_epi64(even_low, first, even_high),
            _mm512_permutex2var_epi64(odd_low, first, odd_high),
            _mm512_permutex2var_epi64(even_low, second, even_high),
            _mm512_permutex2var_epi64(odd_low, second, odd_high),
        ]
    }

    /// Two columns as eight rows of x and y.
    pub(crate) fn store<C: Curve>(x: &Coordinate<C>, y: &Coordinate<C>) -> [V; 8] {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (x.words(), y.words());
        transposed([a0, a1, a2, a3, b0, b1, b2, b3])
    }

    fn transposed(r: [V; 8]) -> [V; 8] {
        let pair = |a, b| (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
        let ((a0, a1), (a2, a3)) = (pair(r[0], r[1]), pair(r[2], r[3]));
        let ((a4, a5), (a6, a7)) = (pair(r[4], r[5]), pair(r[6], r[7]));
        // blocks of 128 bits: 0 and 2, or 1 and 3, of both
        let even = |a, b| _mm512_shuffle_i64x2::<0x88>(a, b);
        let odd = |a, b| _mm512_shuffle_i64x2::<0xdd>(a, b);
        let (b0, b1, b2, b3) = (even(a0, a2), odd(a0, a2), even(a1, a3), odd(a1, a3));
        let (b4, b5, b6, b7) = (even(a4, a6), odd(a4, a6), even(a5, a7), odd(a5, a7));
        [
            even(b0, b4), even(b2, b6), even(b1, b5), even(b3, b7),
            odd(b0, b4), odd(b2, b6), odd(b1, b5), odd(b3, b7),
        ]
    }

    /// sums[op.to] = the points at op.at and op.at + 1 of the source, added. With `TABLE` the source is `entries`, each
    /// an index into `points` and a sign. False if the x of some pair are equal: then nothing is written.
    fn add_batch<C: Curve, const TABLE: bool>(
        points: &[Point],
        entries: &[u32],
        ops: &[Op],
        sums: &mut [Point],
        scratch: &mut Vec<Group<C>>,
        upcoming: &mut Upcoming,
    ) -> bool {
        let at = |at: usize| if TABLE { points[(entries[at] >> 1) as usize] } else { points[at] };
        let one = Product::<C>::splat(&Modulus::<C>::ONE);
        let zero = _mm512_setzero_si512();
        scratch.clear();
        let mut all = one;
        for (k, group) in ops.chunks_exact(8).enumerate() {
            if TABLE && let Some(next) = ops.get(8 * k + 32..8 * k + 40) {
                for op in next {
                    for entry in &entries[op.at as usize..op.at as usize + 2] {
                        prefetch::<false, _>(points, (*entry >> 1) as usize);
                    }
                }
            }
            let (mut a, mut b) = ([zero; 8], [zero; 8]);
            for (j, op) in group.iter().enumerate() {
                a[j] = at(op.at as usize);
                b[j] = at(op.at as usize + 1);
            }
            let xa: Coordinate<C> = load_x(a);
            let gap: Gap<C> = load_x::<C, REDUCED>(b).minus(&xa).carried();
            scratch.push(Group { gap, before: all, xa });
            all = all.times(&gap).carried();
        }
        let Some(mut inverse) = inverted::<C>(&all) else { return false };
        for (group, kept) in ops.chunks_exact(8).zip(scratch.iter()).rev() {
            let (mut a, mut b) = ([zero; 8], [zero; 8]);
            let (mut negative_a, mut negative_b) = (0, 0);
            for (j, op) in group.iter().enumerate() {
                let op_at = op.at as usize;
                a[j] = at(op_at);
                b[j] = at(op_at + 1);
                if TABLE {
                    negative_a |= (entries[op_at] & 1) << j;
                    negative_b |= (entries[op_at + 1] & 1) << j;
                }
            }
            upcoming.fetch(10, |index| prefetch::<true, _>(points, index));
            let (ya, yb): (Coordinate<C>, Coordinate<C>) = (load_y(a), load_y(b));
            let own: Product<C> = inverse.times(&kept.before).carried();
            inverse = inverse.times(&kept.gap).carried();
            let (ya, yb): (Signed<C>, Signed<C>) = if TABLE {
                (ya.negated(negative_a as u8), yb.negated(negative_b as u8))
            } else {
                (ya.widened(), yb.widened())
            };
            let (x, y) = chord::<C>(&own, &kept.gap, &kept.xa, &ya, &yb);
            for (op, sum) in group.iter().zip(store(&x, &y)) {
                sums[op.to as usize] = sum;
            }
        }
        true
    }

    /// points[i] += points[j] for each pair (i, j). The targets differ from each other and from all sources; what is
    /// added may be equal, opposite or the identity.
    fn add_any<C: Curve>(points: &mut [Point], pairs: &[(u32, u32)], scratch: &mut Vec<Group<C>>) {
        let one = Product::<C>::splat(&Modulus::<C>::ONE);
        let zero = _mm512_setzero_si512();
        scratch.clear();
        let mut exact: Vec<(u32, Point)> = Vec::new();
        let mut all = one;
        for pairs in pairs.chunks(8) {
            let (mut a, mut b) = ([zero; 8], [zero; 8]);
            for (j, (to, from)) in pairs.iter().enumerate() {
                a[j] = points[*to as usize];
                b[j] = points[*from as usize];
            }
            let (xa, xb): (Coordinate<C>, Coordinate<C>) = (load_x(a), load_x(b));
            let gap: Gap<C> = xb.minus(&xa).carried();
            // those that may be exceptions, by the lowest limb: a gap of p, 2p or 3p, or an x of 0
            let mut apart = _mm512_cmpeq_epi64_mask(xa.0[0], zero) | _mm512_cmpeq_epi64_mask(xb.0[0], zero);
            for multiple in &Modulus::<C>::MULTIPLES[1..4] {
                apart |= _mm512_cmpeq_epi64_mask(gap.0[0], splat(multiple[0]));
            }
            let gap = gap.or_where(apart, &Gap::splat(&Modulus::<C>::ONE));
            for (j, (to, _)) in pairs.iter().enumerate() {
                if apart >> j & 1 == 1 {
                    let identity = |point| to_array(point) == [0; 8];
                    let sum = match (identity(a[j]), identity(b[j])) {
                        (true, _) => b[j],
                        (_, true) => a[j],
                        _ => add_exactly::<C>(a[j], b[j]),
                    };
                    exact.push((*to, sum));
                }
            }
            scratch.push(Group { gap, before: all, xa });
            all = all.times(&gap).carried();
        }
        let mut inverse = inverted::<C>(&all).expect("no gap is 0");
        for (pairs, kept) in pairs.chunks(8).zip(scratch.iter()).rev() {
            let (mut a, mut b) = ([zero; 8], [zero; 8]);
            for (j, (to, from)) in pairs.iter().enumerate() {
                a[j] = points[*to as usize];
                b[j] = points[*from as usize];
            }
            let (ya, yb): (Coordinate<C>, Coordinate<C>) = (load_y(a), load_y(b));
            let own: Product<C> = inverse.times(&kept.before).carried();
            inverse = inverse.times(&kept.gap).carried();
            let (x, y) = chord::<C>(&own, &kept.gap, &kept.xa, &ya.widened(), &yb.widened());
            for ((to, _), sum) in pairs.iter().zip(store(&x, &y)) {
                points[*to as usize] = sum;
            }
        }
        for (to, sum) in exact {
            points[to as usize] = sum;
        }
    }

    /// Points as the kernel keeps them, and their images under the endomorphism.
    fn prepare<C: Curve>(points: &[C::Affine], own: &mut [Point], images: &mut [Point]) {
        let form = Lanes::<C, 32>::splat(&Modulus::<C>::FROM_256);
        let beta = Lanes::<C, 32>::splat(&Modulus::<C>::BETA);
        for ((points, own), images) in points.chunks(8).zip(own.chunks_mut(8)).zip(images.chunks_mut(8)) {
            let mut rows = [_mm512_setzero_si512(); 8];
            for (row, point) in rows.iter_mut().zip(points) {
                *row = raw::<C>(point);
            }
            let (x, y): (Lanes<C, 32>, Lanes<C, 32>) = load(rows);
            let x = x.times::<32, PRODUCT>(&form).reduced();
            let y = y.times::<32, PRODUCT>(&form).reduced();
            let image = x.times::<32, PRODUCT>(&beta).reduced();
            let length = points.len();
            // an identity may have become p: the kernel knows it by zeros
            let identity = x.zeros() & y.zeros();
            let none = _mm512_setzero_si512();
            let (points, beside) = (store(&x, &y), store(&image, &y));
            for j in 0..length {
                (own[j], images[j]) = if identity >> j & 1 == 1 { (none, none) } else { (points[j], beside[j]) };
            }
        }
    }
}
