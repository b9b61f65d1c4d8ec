//! The runner on targets in which a bug is planted, and the corpus on all others.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{fs, path::Path, process::Command};

use assay_fuzz::{
    mutate::{MAX_INPUT_BYTES, Mutator},
    runner::attempt,
    seeds,
    targets::{TARGETS, Verdict},
};

/// Exit code, what was printed on standard error, and the inputs that were kept.
fn fuzz(target: &str, seconds: &str) -> (Option<i32>, String, Vec<Vec<u8>>) {
    let crashes = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fuzz"))
        .args([target, "--seconds", seconds, "--seed", "7", "--limit-seconds", "1", "--crashes"])
        .arg(crashes.path())
        .output()
        .unwrap();
    let kept = fs::read_dir(crashes.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    (output.status.code(), String::from_utf8(output.stderr).unwrap(), kept)
}

#[test]
fn a_planted_bug_is_found_reported_and_kept() {
    for (target, reason) in [
        ("planted-panic", "the planted bug"),
        ("planted-abort", "ended the process"),
        ("planted-hang", "more than 1 seconds"),
    ] {
        let (code, told, kept) = fuzz(target, "60");
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains(reason) && told.contains("seed 7") && told.contains("--replay"), "{told}");
        let [input] = &kept[..] else { panic!("{} inputs kept", kept.len()) };
        assert!(input.windows(3).any(|word| word == b"BUG"), "{input:?}");
    }
}

#[test]
fn a_run_without_a_failure_keeps_nothing() {
    let (code, told, kept) = fuzz("manifest", "0");
    assert_eq!((code, told.as_str(), kept.len()), (Some(0), "", 0));
}

#[test]
fn the_same_seed_gives_the_same_inputs() {
    let inputs = |seed| {
        let mut mutator = Mutator::new(seed, vec![br#"{"a":[1,"b"]}"#.to_vec()], &["BUG"]);
        (0..1000).map(|_| mutator.next_input()).collect::<Vec<_>>()
    };
    assert_eq!(inputs(1), inputs(1));
    assert_ne!(inputs(1), inputs(2));
    assert!(inputs(3).iter().all(|input| input.len() <= MAX_INPUT_BYTES));
}

/// After a change of a format: `fuzz --write-corpus`.
#[test]
fn the_corpus_is_what_our_own_code_makes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, name, content) in seeds::all() {
        assert!(fs::read(corpus.join(target).join(name)).unwrap() == content, "corpus/{target}/{name} is another");
    }
}

#[test]
fn every_target_accepts_what_holds_and_refuses_what_is_hostile() {
    for (target, name, content) in seeds::all() {
        let target = TARGETS.iter().find(|known| known.name == target).unwrap();
        // a key that is not on the list signs nothing for us
        let holds = !name.starts_with("hostile-") && name != "a-stranger" && name != "nothing";
        let expected = if holds { Verdict::Accepted } else { Verdict::Refused };
        assert_eq!(attempt(target, &content), Ok(expected), "{}: {name}", target.name);
    }
}

#[test]
fn each_target_has_a_program_for_cargo_fuzz() {
    for target in TARGETS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz_targets/{}.rs", target.name));
        assert!(fs::read_to_string(path).unwrap().contains(&format!("targets::{}(data)", target.name)));
    }
}
