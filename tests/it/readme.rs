//! The README's commands work as they stand there.

use std::{fs, process::Command};

use crate::support::home;

/// The lines of the README's second block of commands that call the program.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let block = readme.split("```sh").nth(2).unwrap().split("```").next().unwrap();
    let without_comment = |line: &str| line.split(" #").next().unwrap().trim().to_owned();
    block.lines().map(without_comment).filter(|l| l.starts_with("assay ")).collect()
}

#[test]
fn the_readmes_commands_work_in_their_order() {
    let place = tempfile::tempdir().unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_assay"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let commands = commands();
    assert_eq!(commands.len(), 8);
    for command in commands {
        let accounts = fs::read_to_string(place.path().join("ledger/accounts.csv")).unwrap_or_default();
        let account = accounts.lines().nth(1).and_then(|l| l.split(',').next()).unwrap_or_default();
        let command = command.replace("REF", account);
        let output = Command::new("bash")
            .args(["-c", &command])
            .current_dir(place.path())
            .env("PATH", &path)
            .env("ASSAY_HOME", home())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
