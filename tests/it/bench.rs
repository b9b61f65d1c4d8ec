//! Measuring the machine, and what the figures decide.

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use assay::{
    attest::{MachineRates, Rates},
    home::Home,
};
use assay_programs::ledger::shape::Shape;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Ledger, Run, assay_in, parameters, started, text};

/// A home of its own with the parameters of all tests.
fn own_home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    symlink(parameters(), home.path().join("parameters")).unwrap();
    home
}

fn run(home: &Path, arguments: &[&str]) -> Run {
    assay_in(home, arguments).output().unwrap().into()
}

fn shape_of(attestation: &Path) -> Option<String> {
    let statement: Value = serde_json::from_slice(&fs::read(attestation.join("statement.json")).ok()?).ok()?;
    statement["shape"].as_str().map(str::to_owned)
}

/// Starts `assay prove` on one thread with the shape that it chooses, and kills it once `until` exists in the unfinished run.
fn begin(home: &Path, ledger: &Ledger, out: &Path, until: &str) {
    let dir = ledger.dir();
    let arguments = ["prove", text(&dir), "--out", text(out), "--threads", "1", "--checkpoint-seconds", "0"];
    let mut child = started(assay_in(home, &arguments), &out.with_extension("partial").join(until));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_machine_is_measured_and_its_figures_are_kept() {
    let home = own_home();
    let bench = ["bench", "--shape", "solvency-64", "--seconds", "3600", "--threads", "1", "--accounts", "1000"];
    let report = run(home.path(), &[&bench[..], &["--json"]].concat()).expect(0).json();
    let shape = &report["shapes"][0];
    assert_eq!((&report["threads"], &shape["shape"]), (&1.into(), &"solvency-64".into()));
    for figure in ["parameters", "step", "compression", "verification", "forecast"] {
        assert_eq!(shape[figure]["basis"], "measured", "{report}");
        assert!(shape[figure]["microseconds"].as_u64().unwrap() > 0, "{report}");
    }
    assert_eq!((&shape["forecast"]["pages"], &shape["forecast"]["steps"]), (&1_875.into(), &30.into()));

    let kept = MachineRates::read(&Home::new(home.path().to_owned()), 1);
    let rates = kept.of(Shape::named("solvency-64").unwrap()).unwrap();
    assert_eq!(rates.step.as_micros(), u128::from(shape["step"]["microseconds"].as_u64().unwrap()));
    // nothing else is left behind: no secret, no sample
    let mut names: Vec<_> = fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["bench.json", "parameters"]);
}

#[test]
fn measured_figures_choose_the_shape_and_a_resumed_run_keeps_its_own() {
    let (home, ledger) = (own_home(), Ledger::new(400));
    let [out, other] = ["out", "other"].map(|name| ledger.root.path().join(name));
    begin(home.path(), &ledger, &out, "private/checkpoint-0.bin");
    assert_eq!(shape_of(&out.with_extension("partial")).unwrap(), "solvency-64");

    // from now on the large shape is said to be faster
    let rates = |step, compression| {
        let [step, compression] = [step, compression].map(Duration::from_secs);
        Rates { parameters: step, step, compression, verification: step }
    };
    let figures = [("solvency-64", rates(10, 100)), ("solvency-512", rates(20, 1))];
    let figures = figures.map(|(name, rates)| (Shape::named(name).unwrap(), rates));
    MachineRates::from_iter(figures).write(&Home::new(home.path().to_owned()), 1).unwrap();
    begin(home.path(), &ledger, &other, "statement.json");
    assert_eq!(shape_of(&other.with_extension("partial")).unwrap(), "solvency-512");

    let dir = ledger.dir();
    run(home.path(), &["prove", text(&dir), "--out", text(&out), "--threads", "1", "--resume"]).expect(0);
    assert_eq!(shape_of(&out).unwrap(), "solvency-64");
}
