//! Memory for tables that are read at random: in pages of 2 MiB where the system has them, which saves most of the misses
//! of address translation, and fetched ahead.

use std::{
    sync::{Mutex, PoisonError},
    thread,
};

/// `length` copies of a value.
pub(crate) fn filled<T: Copy>(length: usize, value: T) -> Vec<T> {
    let mut elements = Vec::with_capacity(length);
    #[cfg(target_os = "linux")]
    advise(elements.spare_capacity_mut());
    elements.resize(length, value);
    elements
}

/// Asks for large pages before the memory is first written. A refusal costs time and nothing else.
#[cfg(target_os = "linux")]
fn advise<T>(memory: &mut [std::mem::MaybeUninit<T>]) {
    use rustix::mm::{Advice, madvise};
    let page = rustix::param::page_size();
    let range = memory.as_mut_ptr_range();
    let (start, end) = (range.start.cast::<u8>(), range.end.cast::<u8>());
    let before = start.align_offset(page);
    let length = (end as usize - start as usize).saturating_sub(before) / page * page;
    if length < 2 << 20 {
        return;
    }
    // SAFETY: whole pages inside memory that is ours alone; the advice changes how they are backed, not what they hold
    #[allow(unsafe_code)]
    let _ = unsafe { madvise(start.wrapping_add(before).cast(), length, Advice::LinuxHugepage) };
}

/// Asks the first-level cache for an element, or the second-level cache with `FAR`. Any index may be named.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn prefetch<const FAR: bool, T>(elements: &[T], index: usize) {
    use core::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
    let place = elements.as_ptr().wrapping_add(index).cast();
    // SAFETY: a prefetch reads nothing and faults on no address
    #[allow(unsafe_code)]
    if FAR { unsafe { _mm_prefetch::<_MM_HINT_T1>(place) } } else { unsafe { _mm_prefetch::<_MM_HINT_T0>(place) } }
}

/// Without an instruction for it, nothing.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn prefetch<const FAR: bool, T>(_: &[T], _: usize) {}

/// Does `work` for parts of three slices of one length, in as many threads of the system as rayon has of its own. Where the
/// system gives none, this thread does it all.
pub(crate) fn in_threads<A: Sync, B: Send>(
    source: &[A],
    first: &mut [B],
    second: &mut [B],
    work: impl Fn(&[A], &mut [B], &mut [B]) + Sync,
) {
    const PART: usize = 4096;
    let threads = rayon::current_num_threads().min(source.len().div_ceil(PART));
    let parts = source.chunks(PART).zip(first.chunks_mut(PART)).zip(second.chunks_mut(PART));
    let parts = Mutex::new(parts);
    // a part that panicked is not tried again, and its panic goes on when its thread is joined
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(((source, first), second)) = next() {
            work(source, first, second);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_worked_on_once() {
        for length in [0, 1, 4095, 4096, 4097, 50_000] {
            let source: Vec<u64> = (0..length).collect();
            let (mut first, mut second) = (filled(source.len(), 0), filled(source.len(), 0));
            in_threads(&source, &mut first, &mut second, |source, first, second| {
                for ((x, a), b) in source.iter().zip(first).zip(second) {
                    (*a, *b) = (*a + x, *b + 2 * x);
                }
            });
            assert_eq!(first, source);
            assert!(second.iter().zip(&source).all(|(b, x)| *b == 2 * x));
        }
    }
}
