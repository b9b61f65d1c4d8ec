//! The README's commands for a ledger work as they are printed.

use std::{fs, process::Command};

use crate::support::home;

/// The README's second and third block of commands, as one script; the program is built already.
fn script() -> String {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(2).take(2).map(|block| block.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).filter(|l| !l.starts_with("cargo ") && !l.starts_with("export PATH="));
    "set -eu\n".to_owned() + &lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_readmes_commands_work_in_their_order() {
    let script = script();
    for command in ["prove", "verify", "explain", "inclusion", "verify-inclusion", "disclose", "verify-disclosure"] {
        assert!(script.contains(&format!("\nassay {command} ")), "the README does not show `assay {command}`");
    }
    let place = tempfile::tempdir().unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_assay"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.path())
        .env("PATH", &path)
        .env("ASSAY_HOME", home())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
