//! What breaks while proving: kills, signals, full disks, damaged checkpoints, hostile ledgers. After each, nothing looks
//! finished that is not, and nothing is lost.

use std::{
    fs,
    io::Write,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{Ledger, assay, assay_in, home, started, text};

/// A proof of 400 pages in 50 steps, begun, with a checkpoint on disk after every step.
fn begun(ledger: &Ledger) -> Child {
    let own = ledger.prove_arguments();
    let arguments: Vec<&str> = own.iter().map(String::as_str).chain(["--checkpoint-seconds", "0"]).collect();
    started(assay_in(home(), &arguments), &ledger.partial().join("private/checkpoint-0.bin"))
}

fn signal(child: &Child, name: &str) {
    // the shell has a kill of its own; a bare machine has no other
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_killed_proof_goes_on_from_its_checkpoint() {
    let ledger = Ledger::new(400);
    let mut child = begun(&ledger);
    signal(&child, "KILL");
    child.wait().unwrap();
    assert!(!ledger.out().exists());

    let refused = ledger.prove(&[]).expect(2);
    assert!(refused.stderr.contains("--resume"), "{}", refused.stderr);
    let statement = fs::read(ledger.partial().join("statement.json")).unwrap();

    ledger.prove(&["--resume"]).expect(0);
    assert_eq!(fs::read(ledger.out().join("statement.json")).unwrap(), statement);
    ledger.verify().expect(0);
    assert!(!ledger.partial().exists());
    assert!(!ledger.out().join("private/checkpoint-0.bin").exists());
    // there is nothing left to resume, and nothing is overwritten
    ledger.prove(&["--resume"]).expect(2);
}

#[test]
fn an_interrupted_proof_stops_at_a_checkpoint_and_says_how_to_go_on() {
    let ledger = Ledger::new(400);
    let child = begun(&ledger);
    // a second prover keeps away
    let second = ledger.prove(&["--resume"]).expect(2);
    assert!(second.stderr.contains("another process"), "{}", second.stderr);
    // a caller may have ignored SIGINT, as a shell does for what it starts in the background
    signal(&child, "TERM");
    let run: crate::support::Run = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("--resume"), "{}", run.stderr);
    ledger.prove(&["--resume"]).expect(0);
    ledger.verify().expect(0);
}

#[test]
fn a_signal_that_the_caller_ignores_stays_ignored() {
    let ledger = Ledger::new(40);
    // as nohup does
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP INT; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_assay")]);
    command.args(ledger.prove_arguments()).args(["--checkpoint-seconds", "0"]).env("ASSAY_HOME", home());
    let child = started(command, &ledger.partial().join("statement.json"));
    signal(&child, "HUP");
    signal(&child, "INT");
    let run: crate::support::Run = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains("Stopping"), "{}", run.stderr);
    ledger.verify().expect(0);
}

#[test]
fn nothing_is_written_into_a_ledger() {
    let ledger = Ledger::new(5);
    let (dir, before) = (ledger.dir(), fs::read_dir(ledger.dir()).unwrap().count());
    let inside = dir.join("new/attestation");
    for arguments in [
        &["prove", text(&dir), "--out", text(&inside), "--shape", "solvency-8", "--test-shapes"][..],
        &["sample", "--accounts", "1", "--out", text(&inside)],
    ] {
        let run = assay(arguments).expect(2);
        assert!(run.stderr.contains("is inside the ledger"), "{}", run.stderr);
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), before);
}

#[test]
fn a_damaged_or_foreign_checkpoint_is_refused_and_nothing_is_lost() {
    let ledger = Ledger::new(400);
    let mut child = begun(&ledger);
    signal(&child, "KILL");
    child.wait().unwrap();
    let checkpoint = ledger.partial().join("private/checkpoint-0.bin");
    let honest = fs::read(&checkpoint).unwrap();

    let mut damaged = honest.clone();
    damaged[5_000] ^= 1;
    fs::write(&checkpoint, &damaged).unwrap();
    let run = ledger.prove(&["--resume"]).expect(1);
    assert!(run.stderr.contains("checkpoint") && run.stderr.contains("damaged"), "{}", run.stderr);
    assert_eq!(fs::read(&checkpoint).unwrap(), damaged);

    // another ledger under the same name
    fs::write(&checkpoint, &honest).unwrap();
    let balances = fs::read_to_string(ledger.dir().join("balances.csv")).unwrap();
    ledger.write("balances.csv", &balances.replace("customer-7,BTC,0.00000008", "customer-7,BTC,0.00000009"));
    let run = ledger.prove(&["--resume"]).expect(1);
    assert!(run.stderr.contains("another statement"), "{}", run.stderr);
    assert_eq!(fs::read(&checkpoint).unwrap(), honest);

    // the checkpoint of another ledger
    ledger.write("balances.csv", &balances);
    let other = Ledger::new(300);
    let mut child = begun(&other);
    signal(&child, "KILL");
    child.wait().unwrap();
    fs::copy(other.partial().join("private/checkpoint-0.bin"), &checkpoint).unwrap();
    let run = ledger.prove(&["--resume"]).expect(1);
    assert!(run.stderr.contains("another statement"), "{}", run.stderr);

    fs::write(&checkpoint, &honest).unwrap();
    ledger.prove(&["--resume"]).expect(0);
    ledger.verify().expect(0);
}

#[test]
fn a_full_disk_while_proving_leaves_nothing_that_looks_finished() {
    let ledger = Ledger::new(60);
    // parameters first, so that the limit meets the proof
    Ledger::new(1).prove(&[]).expect(0);
    // files may grow to so many blocks of 1,024 bytes: first not even the pages fit, then not the checkpoint
    for (blocks, file) in [(4, "pages.bin"), (100, "checkpoint-0.bin")] {
        let own = ledger.prove_arguments().join("' '");
        let program = env!("CARGO_BIN_EXE_assay");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec '{program}' '{own}' --resume");
        let run: crate::support::Run = Command::new("bash")
            .args(["-c", &script])
            .env("ASSAY_HOME", home())
            .stdin(Stdio::null())
            .output()
            .unwrap()
            .into();
        assert_eq!(run.code, 3, "{}", run.stderr);
        assert!(run.stderr.contains(file), "{}", run.stderr);
        assert!(!ledger.out().exists());
        let left = fs::read_dir(ledger.partial().join("private")).unwrap();
        let names: Vec<String> = left.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        assert!(!names.iter().any(|n| n.ends_with(".partial") || n == file), "{names:?}");
    }
    ledger.prove(&["--resume"]).expect(0);
    ledger.verify().expect(0);
}

#[test]
fn a_name_with_a_slash_at_its_end_is_the_same_directory() {
    let ledger = Ledger::new(2);
    let out = format!("{}/", ledger.out().display());
    let dir = ledger.dir();
    assay(&["prove", text(&dir), "--out", &out, "--shape", "solvency-8", "--test-shapes"]).expect(0);
    ledger.verify().expect(0);
    assay(&["prove", text(&dir), "--out", ".."]).expect(2);
}

#[test]
fn a_refused_ledger_leaves_nothing_behind() {
    let ledger = Ledger::new(2);
    let assets = fs::read_to_string(ledger.dir().join("assets.csv")).unwrap();
    ledger.write("assets.csv", "symbol,scale,price,quote\nBTC,8,1,USD\n");
    let run = ledger.prove(&[]).expect(1);
    assert!(run.stdout.contains("balances.csv line 3: asset \"USDT\" is not in assets.csv"), "{}", run.stdout);
    assert!(run.stderr.contains("the ledger is not valid"), "{}", run.stderr);
    assert!(!ledger.partial().exists() && !ledger.out().exists());
    ledger.write("assets.csv", &assets);
    ledger.prove(&[]).expect(0);
}

#[test]
fn a_place_that_cannot_be_written_or_read_is_named() {
    let ledger = Ledger::new(2);
    let file = ledger.root.path().join("a-file");
    fs::write(&file, "").unwrap();
    let inside = file.join("out");
    let run = assay(&["prove", text(&ledger.dir()), "--out", text(&inside)]).expect(3);
    assert!(run.stderr.contains("a-file"), "{}", run.stderr);
    let missing = ledger.root.path().join("nowhere");
    let run = assay(&["check", text(&missing)]).expect(3);
    assert!(run.stderr.contains("nowhere"), "{}", run.stderr);
    assay(&["verify", text(&missing)]).expect(3);
    let run = assay(&["prove", text(&missing), "--out", text(&ledger.out())]).expect(3);
    assert!(run.stderr.contains("nowhere"), "{}", run.stderr);
    assert!(!ledger.out().exists());
}

#[test]
fn a_directory_without_rights_is_named() {
    let ledger = Ledger::new(2);
    Command::new("chmod").args(["000", text(&ledger.dir())]).status().unwrap();
    let dir = ledger.dir();
    let mut command = assay_in(home(), &["check", text(&dir)]);
    // root may enter everything: only another user can be kept out
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if root {
        command.uid(65_534);
    }
    let result = command.output();
    Command::new("chmod").args(["700", text(&dir)]).status().unwrap();
    match result {
        Ok(output) => {
            let run = crate::support::Run::from(output).expect(3);
            assert!(run.stderr.contains("ermission denied"), "{}", run.stderr);
        }
        // where the program itself lies out of that user's reach
        Err(e) => assert!(root && e.kind() == std::io::ErrorKind::PermissionDenied, "{e}"),
    }
}

#[test]
fn a_truncated_ledger_is_refused_with_file_and_line() {
    let ledger = Ledger::new(3);
    let balances = fs::read_to_string(ledger.dir().join("balances.csv")).unwrap();
    ledger.write("balances.csv", &balances[..balances.len() - 4]);
    for run in [assay(&["check", text(&ledger.dir())]), ledger.prove(&[])] {
        let run = run.expect(1);
        assert!(format!("{}{}", run.stdout, run.stderr).contains("balances.csv line"), "{}", run.stderr);
    }
    assert!(!ledger.out().exists());
    let run = assay(&["check", text(&ledger.dir()), "--json"]).expect(1).json();
    assert_eq!(run["valid"], false);
    assert_eq!(run["findings"][0]["file"], "balances.csv");
}

#[test]
fn a_decompression_bomb_is_refused_quickly() {
    let ledger = Ledger::new(3);
    fs::remove_file(ledger.dir().join("balances.csv")).unwrap();
    // 10 GB of zeros: one compressed member again and again
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0u8; 10 << 20]).unwrap();
    let member = encoder.finish().unwrap();
    let bomb: Vec<u8> = std::iter::repeat_n(member, 1_000).flatten().collect();
    fs::write(ledger.dir().join("balances.csv.gz"), bomb).unwrap();
    let start = Instant::now();
    let run = assay(&["check", text(&ledger.dir())]).expect(1);
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(format!("{}{}", run.stdout, run.stderr).contains("balances.csv.gz"), "{}", run.stderr);
}
