//! The kernel for processors with AVX-512 IFMA: eight field elements side by side, in limbs of 52 bits.
//!
//! In: points and scalars of a [`Curve`](crate::curve::Curve). Out: sums of points, by additions in batches and by folds
//! of generators. It must never run where the processor lacks an instruction: its functions are reached through
//! [`Vector`] alone, and a `Vector` can only be had by asking the processor.

/// A function, safe to call only where the processor has all of these instructions.
macro_rules! vector {
    ($($item:item)*) => { $(
        #[target_feature(enable = "avx512f,avx512ifma,avx512vl,avx512dq,avx512bw,avx512vbmi2,bmi2,adx")]
        #[inline]
        $item
    )* };
}

pub(crate) mod fold;
mod lanes;
mod points;
mod processor;
pub(crate) mod roots;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod twin;

pub(crate) use points::Vector;
