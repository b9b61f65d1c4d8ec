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
    const PAGE: usize = 4096;
    let range = memory.as_mut_ptr_range();
    let (start, end) = (range.start.cast::<u8>(), range.end.cast::<u8>());
    let before = start.align_offset(PAGE);
    let length = (end as usize - start as usize).saturating_sub(before) / PAGE * PAGE;
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
    unsafe {
        if FAR { _mm_prefetch::<_MM_HINT_T1>(place) } else { _mm_prefetch::<_MM_HINT_T0>(place) }
    }
}

/// Without an instruction for it, nothing.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn prefetch<const FAR: bool, T>(_: &[T], _: usize) {}
