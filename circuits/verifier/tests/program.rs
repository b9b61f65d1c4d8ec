//! The auditor's program on the frozen attestations.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use assay_core::signature::{Jws, thumbprint};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;

/// Where all test programs keep the circuits' parameters, so that they are derived once.
fn parameters() -> PathBuf {
    let default = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../assay-parameters");
    std::env::var_os("TEST_PARAMETERS").map_or(default, PathBuf::from)
}

fn run(arguments: &[&str]) -> (i32, String) {
    run_with(&parameters(), arguments)
}

fn run_with(cache: &Path, arguments: &[&str]) -> (i32, String) {
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
    let mut files = fs::read_dir(parameters()).unwrap().map(|entry| entry.unwrap().path());
    let of_shape =
        |path: &Path| path.extension().is_some_and(|e| e == "bin") && path.to_str().unwrap().contains("solvency-64-");
    let kept = files.find(|path| of_shape(path)).unwrap();
    let damaged = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(&kept).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let copy = damaged.path().join(kept.file_name().unwrap());
    fs::write(&copy, &bytes).unwrap();
    assert_eq!(run_with(damaged.path(), &[honest.to_str().unwrap()]).0, 0);
    assert!(fs::read(copy).unwrap() != bytes, "the damaged parameters are still there");

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

/// A list of one public key.
fn jwks(name: &str, key: &SigningKey) -> String {
    let public = key.verifying_key();
    let (kid, x) = (thumbprint(&public), URL_SAFE_NO_PAD.encode(public.as_bytes()));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}]}}"#)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_signature_is_claimed_only_where_a_given_key_made_it() {
    let (exchange, stranger) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let trusted = jwks("exchange.json", &exchange);
    let other = jwks("stranger.json", &stranger);
    let unsigned = frozen("solvency-64");
    let [statement, proof] = ["statement.json", "proof.bin"].map(|name| fs::read(unsigned.join(name)).unwrap());
    let jws = Jws::sign(&statement, &exchange).to_bytes();
    let files = [("statement.json", &statement), ("proof.bin", &proof), ("attestation.jws", &jws)];

    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("signed");
    fs::create_dir_all(&directory).unwrap();
    let bundle = directory.with_extension("zip");
    let mut writer = zip::ZipWriter::new(File::create(&bundle).unwrap());
    for (name, bytes) in files {
        fs::write(directory.join(name), bytes).unwrap();
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap();

    for place in [&directory, &bundle].map(|path| path.to_str().unwrap()) {
        let (code, report) = run(&[place, "--jwks", &trusted]);
        assert!(code == 0 && report.contains("✓ the statement is signed by a key in the given list"), "{report}");
        let (code, report) = run(&[place, "--jwks", &other]);
        assert!(code == 1 && report.contains("✗ the statement is signed by a key in the given list"), "{report}");
        assert!(report.lines().last().unwrap().starts_with("NOT VALID"), "{report}");
        let (code, report) = run(&[place]);
        assert!(code == 0 && report.starts_with("attestation.jws was not checked"), "{report}");
        assert!(!report.contains("is signed by"), "{report}");
    }
    let unsigned = unsigned.to_str().unwrap();
    let (code, report) = run(&[unsigned, "--jwks", &trusted]);
    assert!(code == 1 && report.contains("there is no attestation.jws"), "{report}");
    assert!(!run(&[unsigned]).1.contains("attestation.jws"));
    assert_eq!(run(&[unsigned, "--jwks", "/nowhere/at/all"]).0, 3);
    assert_eq!(run(&[unsigned, "--jwks", &format!("{unsigned}/statement.json")]).0, 3);
    assert_eq!(run(&[unsigned, "--jwks"]).0, 2);
}

/// Files that belong to no attestation here: each has its own verdict in the last line, and the exit code says the same.
#[test]
fn an_inclusion_reserve_lines_and_a_disclosure_of_something_else_are_not_valid() {
    let attestation = frozen("solvency-64");
    let attestation = attestation.to_str().unwrap();
    let disclosure =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/disclosures/disclosure-4-v1/disclosure.json");
    let disclosure = disclosure.to_str().unwrap();
    for (option, verdict) in [
        ("--inclusion", "NOT INCLUDED"),
        ("--reserves", "NOT VALID: a check above failed"),
        ("--disclosure", "NOT SHOWN"),
    ] {
        let (code, report) = run(&[attestation, option, disclosure]);
        assert_eq!(code, 1, "{report}");
        assert!(report.contains("✓ the zero-knowledge proof verifies"), "{report}");
        assert!(report.lines().any(|line| line.starts_with(verdict)), "{option}: {report}");
        assert_eq!(run(&[attestation, option, "/nowhere/at/all"]).0, 3);
    }
}

#[test]
fn options_that_do_not_go_together_are_usage() {
    for arguments in [
        &["a", "b"][..],
        &["a", "--inclusion", "f", "--reserves", "f"],
        &["a", "--account", "alice"],
        &["a", "--for", "somebody"],
        &["a", "b", "--disclosure", "f", "--jwks", "k"],
        &["a", "--inclusion"],
    ] {
        assert_eq!(run(arguments).0, 2, "{arguments:?}");
    }
}

/// The build for customers and their phones: nothing of the proof system is in it.
#[test]
fn without_the_proof_system_no_prover_no_curve_engine_and_no_threads_are_linked() {
    let tree = |features: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--package", "assay-verifier", "--edges", "normal", "--prefix", "none", "--locked"])
            .args(features)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect::<Vec<_>>()
    };
    let (light, full) = (tree(&["--no-default-features", "--features", "light"]), tree(&[]));
    for heavy in ["nova-snark", "assay-fold", "bellpepper", "bellpepper-core", "rayon", "tokio", "postgres"] {
        assert!(!light.iter().any(|name| name == heavy), "{heavy} is in the light build");
    }
    // the same question finds them where they are
    for heavy in ["nova-snark", "assay-fold", "bellpepper-core", "rayon"] {
        assert!(full.iter().any(|name| name == heavy), "{heavy} is in the full build");
    }
}
