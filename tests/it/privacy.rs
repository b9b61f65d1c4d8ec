//! What must not be seen by whom.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::support::{Ledger, assay, assay_in, home, parameters, text};

fn statement(ledger: &Ledger) -> serde_json::Value {
    serde_json::from_slice(&fs::read(ledger.out().join("statement.json")).unwrap()).unwrap()
}

fn root(ledger: &Ledger) -> serde_json::Value {
    let root = statement(ledger)["shards"][0]["root"].clone();
    assert!(root.is_string());
    root
}

#[test]
fn s1_the_same_ledger_twice_has_another_root_and_other_leaves() {
    let (first, second) = (Ledger::named(4, "q1"), Ledger::named(4, "q2"));
    first.prove(&[]).expect(0);
    second.prove(&[]).expect(0);
    assert_eq!(statement(&first)["columns"], statement(&second)["columns"]);
    assert_ne!(root(&first), root(&second));
    assert_ne!(statement(&first)["reserves"]["root"], statement(&second)["reserves"]["root"]);
    let salt =
        |l: &Ledger| assay(&["inclusion", text(&l.out()), "--account", "customer-1"]).expect(0).json()["salt"].clone();
    assert_ne!(salt(&first), salt(&second));
    // another master secret, another root; the same secret, the same statement
    let again = Ledger::named(4, "q1");
    again.prove(&[]).expect(0);
    assert_eq!(statement(&first), statement(&again));
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(parameters(), elsewhere.path().join("parameters")).unwrap();
    let other = Ledger::named(4, "q1");
    let own = other.prove_arguments();
    let arguments: Vec<&str> = own.iter().map(String::as_str).collect();
    assert!(assay_in(elsewhere.path(), &arguments).status().unwrap().success());
    assert_ne!(root(&first), root(&other));
    // whoever has another secret cannot make inclusion files, and is told why
    let run = assay(&["inclusion", text(&other.out()), "--account", "customer-1"]).expect(1);
    assert!(run.stderr.contains("another"), "{}", run.stderr);
}

#[test]
fn a_snapshot_id_stands_for_one_ledger() {
    let first = Ledger::named(3, "reused-id");
    first.prove(&[]).expect(0);
    let changed = Ledger::named(4, "reused-id");
    let run = changed.prove(&[]).expect(1);
    assert!(run.stderr.contains("`reused-id` was used for another ledger"), "{}", run.stderr);
    assert!(!changed.out().exists());
    // the same ledger again is the same statement again
    let again = Ledger::named(3, "reused-id");
    again.prove(&[]).expect(0);
    assert_eq!(statement(&first), statement(&again));
}

fn files_below(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

#[test]
fn s2_no_salt_secret_or_account_is_in_a_public_file_or_a_log() {
    let ledger = Ledger::new(6);
    let run = ledger.prove(&[]).expect(0);
    let secret_file = home().join("master.secret");
    assert_eq!(fs::metadata(&secret_file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = fs::read_to_string(&secret_file).unwrap().trim().to_owned();
    let mut needles = vec![secret.clone().into_bytes(), hex::decode(&secret).unwrap()];
    for a in 0..6 {
        let account = format!("customer-{a}");
        let file = assay(&["inclusion", text(&ledger.out()), "--account", &account]).expect(0).json();
        let salt = file["salt"].as_str().unwrap();
        needles.extend([salt.as_bytes().to_vec(), hex::decode(salt).unwrap(), account.into_bytes()]);
    }
    let mut public = Vec::new();
    files_below(&ledger.out(), &mut public);
    let private = ledger.out().join("private");
    assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o700);
    let mut contents = vec![run.stdout.into_bytes(), run.stderr.into_bytes()];
    for path in public {
        if path.starts_with(&private) {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
            // not even the private part holds the master secret
            needles[..2].iter().for_each(|n| assert!(!contains(&fs::read(&path).unwrap(), n)));
        } else {
            contents.push(fs::read(&path).unwrap());
        }
    }
    assert!(contents.len() >= 6);
    for content in &contents {
        for needle in &needles {
            assert!(!contains(content, needle), "{}", String::from_utf8_lossy(needle));
        }
    }
}

fn contains(content: &[u8], needle: &[u8]) -> bool {
    content.windows(needle.len()).any(|w| w == needle)
}

#[test]
fn a_master_secret_that_others_may_read_is_refused() {
    let own = tempfile::tempdir().unwrap();
    let secret = own.path().join("master.secret");
    fs::write(&secret, format!("{}\n", "ab".repeat(32))).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let ledger = Ledger::new(2);
    let arguments = ledger.prove_arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run: crate::support::Run = assay_in(own.path(), &arguments).output().unwrap().into();
    let run = run.expect(3);
    assert!(run.stderr.contains("chmod 600"), "{}", run.stderr);
    fs::write(&secret, "short\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let run: crate::support::Run =
        assay_in(own.path(), &[arguments.as_slice(), &["--resume"]].concat()).output().unwrap().into();
    assert!(run.expect(3).stderr.contains("not a master secret"));
}
