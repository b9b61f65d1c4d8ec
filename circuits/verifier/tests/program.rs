//! The auditor's program on the frozen attestations.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn run(arguments: &[&str]) -> (i32, String) {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parameters");
    let output = Command::new(env!("CARGO_BIN_EXE_assay-verify"))
        .args(arguments)
        .args(["--cache", cache.to_str().unwrap()])
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn frozen(shape: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../vectors/attestations/{shape}-v1"))
}

#[test]
fn the_frozen_attestation_is_valid_and_an_altered_one_is_not() {
    let honest = frozen("solvency-64");
    let (code, report) = run(&[honest.to_str().unwrap()]);
    assert_eq!(code, 0, "{report}");
    assert!(report.lines().last().unwrap().starts_with("VALID"), "{report}");
    // the second time the parameters come from the cache, and a damaged cache is not believed
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parameters");
    let kept = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&kept).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&kept, bytes).unwrap();
    assert_eq!(run(&[honest.to_str().unwrap()]).0, 0);

    let altered = Path::new(env!("CARGO_TARGET_TMPDIR")).join("altered");
    fs::create_dir_all(&altered).unwrap();
    fs::copy(honest.join("proof.bin"), altered.join("proof.bin")).unwrap();
    let statement = fs::read_to_string(honest.join("statement.json")).unwrap();
    fs::write(altered.join("statement.json"), statement.replace("Test Exchange", "Best Exchange")).unwrap();
    let (code, report) = run(&[altered.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(report.contains('✗') && report.ends_with("NOT VALID: nothing is proved.\n"), "{report}");
}

#[test]
fn a_shape_for_tests_a_missing_file_and_a_wrong_option_have_their_exit_codes() {
    assert_eq!(run(&[frozen("solvency-8").to_str().unwrap()]).0, 1);
    assert_eq!(run(&["/nowhere/at/all"]).0, 3);
    assert_eq!(run(&["--colour"]).0, 2);
    assert_eq!(run(&[]).0, 2);
    let (code, help) = run(&["--help"]);
    assert!(code == 0 && help.contains("--inclusion FILE"));
}
