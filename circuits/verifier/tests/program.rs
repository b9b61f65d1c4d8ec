//! The auditor's program on the frozen attestations.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use assay_core::signature::{Jws, thumbprint};
use assay_verifier::{
    attestation::Attestation,
    log::{
        checkpoint::Checkpoint,
        entry::Entry,
        note::{KeyKind, Note, SignatureLine, VerifierKey},
        tree::leaf_hash,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};

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
    assert!(
        report.contains('✗') && report.lines().last().unwrap().starts_with("NOT VALID: nothing is proved."),
        "{report}"
    );
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
        let last = report.lines().last().unwrap();
        assert!(code == 0 && last.starts_with("VALID") && last.contains("SIGNATURE NOT CHECKED"), "{report}");
        assert!(!report.contains("is signed by"), "{report}");
        let (code, report) = run(&[place, "--require-signature"]);
        assert!(code == 1 && report.contains("no list of keys was given"), "{report}");
        let (code, report) = run(&[place, "--require-signature", "--jwks", &trusted]);
        let last = report.lines().last().unwrap();
        assert!(
            code == 0 && last.contains(&format!("Signed by {}", thumbprint(&exchange.verifying_key()))),
            "{report}"
        );
    }
    let unsigned = unsigned.to_str().unwrap();
    let (code, report) = run(&[unsigned, "--jwks", &trusted]);
    assert!(code == 1 && report.contains("there is no attestation.jws"), "{report}");
    let (code, report) = run(&[unsigned]);
    assert!(
        code == 0 && report.lines().last().unwrap().contains("NOT SIGNED: there is no attestation.jws"),
        "{report}"
    );
    assert_eq!(run(&[unsigned, "--require-signature"]).0, 1);
    assert_eq!(run(&[unsigned, "--jwks", "/nowhere/at/all"]).0, 3);
    assert_eq!(run(&[unsigned, "--jwks", &format!("{unsigned}/statement.json")]).0, 3);
    assert_eq!(run(&[unsigned, "--jwks"]).0, 2);
}

/// A `.zip` of these files at this place in the test's directory.
fn zipped(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut writer = zip::ZipWriter::new(File::create(&path).unwrap());
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap();
    path
}

#[test]
fn a_zip_of_the_folder_is_read_and_one_with_two_statements_or_very_many_files_is_not() {
    let [statement, proof] =
        ["statement.json", "proof.bin"].map(|name| fs::read(frozen("solvency-64").join(name)).unwrap());
    let folder = zipped(
        "folder.zip",
        &[
            ("attestation/statement.json", &statement),
            ("__MACOSX/attestation/._statement.json", b"\0"),
            ("__MACOSX/attestation/statement.json", b"\0"),
            ("attestation/proof.bin", &proof),
        ],
    );
    assert_eq!(run(&[folder.to_str().unwrap()]).0, 0);
    let two = zipped("two.zip", &[("a/statement.json", &statement), ("b/statement.json", &statement)]);
    assert_eq!(run(&[two.to_str().unwrap()]).0, 3);
    let names: Vec<String> = (0..50_000).map(|k| format!("{k:030}")).collect();
    let mut files: Vec<(&str, &[u8])> = vec![("statement.json", &statement), ("proof.bin", &proof)];
    files.extend(names.iter().map(|name| (name.as_str(), &b""[..])));
    assert_eq!(run(&[zipped("many.zip", &files).to_str().unwrap()]).0, 3);
}

#[test]
fn what_proves_nothing_does_not_make_an_attestation_false_and_what_does_is_listed() {
    let [statement, proof] =
        ["statement.json", "proof.bin"].map(|name| fs::read(frozen("solvency-64").join(name)).unwrap());
    let digest = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    let (s, p) = (digest(&statement), digest(&proof));
    let readme = digest(b"Read me\n");
    for (manifest, valid, detail) in [
        (
            format!("{s}  statement.json\n{p}  proof.bin\n{readme}  README.txt\n"),
            true,
            "README.txt has other line ends",
        ),
        (format!("{s}  statement.json\r\n{p}  proof.bin\r\n"), true, "2 files"),
        (format!("{} *statement.json\n{p} *./proof.bin\n", s.to_uppercase()), true, "2 files"),
        (format!("SHA256 (statement.json) = {s}\nSHA256 (proof.bin) = {p}\n\n"), true, "2 files"),
        (format!("{s}  statement.json\n{p}  proof.bin\n{s}  README.txt\n"), true, "README.txt does not match"),
        (format!("{s}  statement.json\n{p}  proof.bin\n{s}  gone.txt\n"), true, "there is no such file"),
        (format!("{s}  statement.json\n"), false, "does not list proof.bin"),
        (format!("{readme}  README.txt\n"), false, "does not list statement.json"),
        (format!("{p}  statement.json\n{p}  proof.bin\n"), false, "statement.json does not match"),
        (format!("{s}  statement.json\n{p}  proof.bin\n{s}  ../statement.json\n"), false, "outside the attestation"),
        (format!("{s}  statement.json\n{p}  proof.bin\n{s}  proof.bin\n"), false, "twice"),
    ] {
        let attestation = zipped(
            "manifest.zip",
            &[
                ("statement.json", &statement),
                ("proof.bin", &proof),
                ("README.txt", b"Read me\r\n"),
                ("MANIFEST.sha256", manifest.as_bytes()),
            ],
        );
        let check = Attestation::read(&attestation).unwrap().check_manifest().unwrap();
        assert!(check.passed == valid && check.detail.contains(detail), "{manifest}{}", check.detail);
    }
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

/// The frozen attestation with the proof that its statement is the only entry of a log, and a policy that asks for one witness.
fn logged(name: &str) -> (PathBuf, PathBuf, String) {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(dir.join("log")).unwrap();
    for file in ["statement.json", "proof.bin"] {
        fs::copy(frozen("solvency-64").join(file), dir.join(file)).unwrap();
    }
    let [log, witness] = [1, 2].map(|seed| SigningKey::from_bytes(&[seed; 32]));
    let entry = Entry::of(Attestation::read(&dir).unwrap().statement().unwrap()).unwrap();
    let text = Checkpoint::new("assay.example/log", 1, leaf_hash(entry.bytes())).to_string();
    let lines = [
        SignatureLine::sign(&text, "assay.example/log", &log).unwrap(),
        SignatureLine::cosign(&text, 1_700_000_000, "w.example", &witness).unwrap(),
    ];
    let proof = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{}", Note::new(text, lines.to_vec()));
    fs::write(dir.join("log/attestation.tlog-proof"), &proof).unwrap();
    let key = |name, kind, key: &SigningKey| VerifierKey::new(name, kind, key.verifying_key()).unwrap();
    let policy = format!(
        "log {}\nwitness w {}\nquorum w\n",
        key("assay.example/log", KeyKind::Log, &log),
        key("w.example", KeyKind::Witness, &witness)
    );
    fs::write(dir.join("policy"), policy).unwrap();
    (dir.clone(), dir.join("policy"), proof)
}

#[test]
fn a_statement_in_a_trusted_log_is_said_to_be_and_nothing_fails_without_a_policy() {
    let (dir, policy, _) = logged("logged");
    let [out, policy] = [&dir, &policy].map(|path| path.to_str().unwrap());
    let (code, report) = run(&[out, "--log-policy", policy]);
    assert_eq!(code, 0, "{report}");
    assert!(
        report.contains("entry 0 of assay.example/log, which has 1; cosigned by w (2023-11-14T22:13:20Z)"),
        "{report}"
    );
    assert!(report.contains("\nLogged: everybody"), "{report}");
    let (code, report) = run(&[out]);
    assert!(code == 0 && report.contains("\nLOG NOT CHECKED: ") && !report.contains("transparency log,"), "{report}");
}

#[test]
fn another_entry_a_missing_proof_and_a_policy_that_is_not_met_are_not_valid() {
    let (dir, policy, proof) = logged("logged-otherwise");
    let [out, policy] = [&dir, &policy].map(|path| path.to_str().unwrap());
    let file = |name: &str, text: &str| {
        fs::write(dir.join(name), text).unwrap();
        dir.join(name).to_str().unwrap().to_owned()
    };
    let stricter =
        fs::read_to_string(policy).unwrap().replace("quorum w", "witness v VKEY\ngroup both all v w\nquorum both");
    let other =
        VerifierKey::new("v.example", KeyKind::Witness, SigningKey::from_bytes(&[3; 32]).verifying_key()).unwrap();
    let stricter = file("stricter", &stricter.replace("VKEY", &other.to_string()));
    let beyond = file("beyond", &proof.replace("index 0", "index 1"));
    let not_proof = file("not-proof", &proof.replace("index 0", "index zero"));
    for (arguments, reason) in [
        (vec!["--log-policy", &stricter], "quorum \"both\"; it is cosigned by w"),
        (vec!["--log-policy", policy, "--log-proof", &beyond], "entry 1 is not in a log of 1 entries"),
        (vec!["--log-policy", policy, "--log-proof", &not_proof], "the proof of logging: line 2: expected `index`"),
    ] {
        let (code, report) = run(&[&[out], &arguments[..]].concat());
        assert!(code == 1 && report.contains(reason) && report.contains("\nLOG REFUSED: "), "{reason}: {report}");
    }
    fs::remove_file(dir.join("log/attestation.tlog-proof")).unwrap();
    let (code, report) = run(&[out, "--log-policy", policy]);
    assert!(code == 1 && report.contains("there is no log/attestation.tlog-proof, and no proof"), "{report}");
    // a policy that cannot be read, and a proof without a policy
    assert_eq!(run(&[out, "--log-policy", out]).0, 3);
    assert_eq!(run(&[out, "--log-proof", &beyond]).0, 2);
}
