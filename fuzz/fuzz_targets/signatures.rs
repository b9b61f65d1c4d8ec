//! cargo-fuzz's program for the target `signatures`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    assay_fuzz::targets::signatures(data);
});
