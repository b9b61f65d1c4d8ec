//! Memory for tables that are read at random: in pages of 2 MiB where the system has them, which saves most of the misses
//! of address translation, and fetched ahead.

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

/// Does `work` for parts of three slices of one length, in as many threads of the system as rayon has of its own.
pub(crate) fn in_threads<A: Sync, B: Send>(
    source: &[A],
    first: &mut [B],
    second: &mut [B],
    work: impl Fn(&[A], &mut [B], &mut [B]) + Sync,
) {
    /// What is worth a thread.
    const LEAST: usize = 4096;
    let share = source.len().div_ceil(rayon::current_num_threads()).next_multiple_of(8).max(LEAST);
    let mut parts = source.chunks(share).zip(first.chunks_mut(share)).zip(second.chunks_mut(share));
    let Some(((source, first), second)) = parts.next() else { return };
    std::thread::scope(|scope| {
        for ((source, first), second) in parts {
            let work = &work;
            scope.spawn(move || work(source, first, second));
        }
        work(source, first, second);
    });
}
