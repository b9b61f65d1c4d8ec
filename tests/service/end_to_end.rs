//! From a ledger that is handed over to a customer who is inside, a regulator who reads, and an auditor who verifies offline.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use assay_core::sealed::Sealed;
use assay_programs::ledger::inclusion::verify_inclusion;
use assay_verifier::attestation::Attestation;
use serde_json::json;

use crate::support::{Service, SmallLedger, assay, run};

const ACCOUNTS: usize = 50;

#[test]
fn a_ledger_is_attested_and_everybody_finds_what_concerns_them() {
    let service = Service::start();
    let publisher = service.token("publisher", "ops");
    let ledger = SmallLedger::new("end-to-end", ACCOUNTS, 0);
    let snapshot = service.upload(&ledger, &publisher);
    let job = service.prove(&snapshot, &publisher);
    let id = service.published(&job, &publisher);

    let late = service.try_request("DELETE", &format!("/v1/jobs/{job}"), Some(&publisher), &[], &[]).unwrap();
    assert_eq!(late.expect(409).json()["type"], "/problems/job-ended");

    // what is published is public, immutable, and can be asked for in parts
    let attestation = format!("/v1/attestations/{id}");
    let shown = service.get(&attestation, None).expect(200).json();
    assert_eq!(shown["id"], id.as_str());
    assert_eq!(shown["valid"], true, "{shown}");
    let statement = service.get(&format!("{attestation}/statement"), None).expect(200);
    assert!(statement.header("cache-control").contains("immutable"));
    let tag = statement.header("etag").to_owned();
    let again = service.try_request("GET", &format!("{attestation}/statement"), None, &[("if-none-match", &tag)], &[]);
    assert_eq!(again.unwrap().status, 304);
    let part = service.try_request("GET", &format!("{attestation}/statement"), None, &[("range", "bytes=2-9")], &[]);
    let part = part.unwrap().expect(206);
    assert_eq!(part.body, &statement.body[2..10]);
    let list = service.get("/v1/attestations", None).expect(200).json();
    assert_eq!(list.to_string().matches(id.as_str()).count(), 1, "{list}");

    // every customer is inside, and sees nobody else
    let mut leaves = BTreeSet::new();
    for a in 0..ACCOUNTS {
        let reference = format!("customer-{a}");
        let token = service.token("customer", &reference);
        let answer = service.get(&format!("{attestation}/inclusion"), Some(&token)).expect(200);
        assert!(answer.header("cache-control").contains("no-store"));
        let report = verify_inclusion(Sealed::parse(&statement.body).as_ref(), &answer.body, Some(&reference));
        assert!(report.is_valid(), "{:?}", report.checks);
        assert!(report.holdings.iter().any(|h| h.asset == "BTC" && h.units == a as u128 + 1));
        let text = String::from_utf8(answer.body).unwrap();
        for other in (0..ACCOUNTS).filter(|other| *other != a) {
            assert!(!text.contains(&format!("\"customer-{other}\"")));
        }
        leaves.insert(report.account);
    }
    assert_eq!(leaves.len(), ACCOUNTS);

    // they say so, and are counted once each
    for (a, included) in [(1, true), (2, true), (2, true), (3, false)] {
        let token = service.token("customer", &format!("customer-{a}"));
        service.post(&format!("{attestation}/verification"), &token, &json!({"included": included})).expect(204);
    }

    // a regulator reads policy and evidence
    let regulator = service.token("regulator", "authority");
    let compliance = service.get(&format!("/v1/compliance/{id}"), Some(&regulator)).expect(200).json();
    assert!(compliance["not_proven"].as_array().unwrap().len() > 3, "{compliance}");
    assert!(compliance.to_string().contains("\"included\":2"), "{compliance}");

    everything_downloaded_verifies_offline(&service, &id, &regulator);
    a_monitor_verifies_each_attestation_once(&service, &id);
    nothing_private_is_in_the_logs(&service);
    let (code, took) = service.process.unwrap().terminate();
    assert_eq!(code, Some(0));
    assert!(took.as_secs() < 30);
}

fn everything_downloaded_verifies_offline(service: &Service, id: &str, regulator: &str) {
    let place = tempfile::tempdir().unwrap();
    let bundle = place.path().join("bundle.zip");
    fs::write(&bundle, service.get(&format!("/v1/attestations/{id}/bundle.zip"), None).expect(200).body).unwrap();
    let keys = place.path().join("keys.json");
    fs::write(&keys, service.get("/.well-known/jwks.json", None).expect(200).body).unwrap();
    let verify = |arguments: &[&str]| {
        let own = [arguments, &["--test-shapes"]].concat();
        run(assay(service.home.path(), &service.database, &own))
    };
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let said = verify(&["verify", &text(&bundle), "--jwks", &text(&keys)]);
    assert!(said.contains("signed by a key in the given list"), "{said}");
    assert!(Attestation::read(&bundle).is_ok());

    // and it is in the log, of which nobody but the log's own key speaks here
    let policy = place.path().join("policy");
    fs::write(&policy, service.get("/.well-known/assay-log", None).expect(200).body).unwrap();
    let proof = place.path().join("attestation.tlog-proof");
    let answer = (0..100).find_map(|_| {
        let answer = service.get(&format!("/v1/attestations/{id}/log-proof"), None);
        std::thread::sleep(std::time::Duration::from_millis(100));
        (answer.status == 200).then_some(answer)
    });
    fs::write(&proof, answer.expect("a checkpoint is signed within seconds").body).unwrap();
    let logged = ["verify", &text(&bundle), "--log-policy", &text(&policy), "--log-proof", &text(&proof)];
    let said = verify(&logged);
    assert!(said.contains("entry 0 of 127.0.0.1") && said.contains("cosigned by no witness"), "{said}");

    let reserves = place.path().join("reserves.json");
    let answer = service.get(&format!("/v1/reserves/{id}?asset=USDT"), Some(regulator)).expect(200);
    fs::write(&reserves, answer.body).unwrap();
    let said = verify(&["verify-reserves", &text(&reserves), "--attestation", &text(&bundle)]);
    assert!(said.contains("9000001"), "{said}");
    // one altered amount, and the lines are not those of the statement
    let forged = fs::read_to_string(&reserves).unwrap().replace("9000000", "9000009");
    fs::write(&reserves, forged).unwrap();
    let mut command = assay(
        service.home.path(),
        &service.database,
        &["verify-reserves", &text(&reserves), "--attestation", &text(&bundle), "--test-shapes"],
    );
    assert_eq!(command.output().unwrap().status.code(), Some(1));

    // the auditor's small program needs no home of ours
    let program = Path::new(env!("CARGO_BIN_EXE_assay")).with_file_name("assay-verify");
    assert!(program.exists(), "build it first: cargo build --release --workspace");
    let output = Command::new(program).arg(&bundle).env("ASSAY_HOME", place.path()).output().unwrap();
    // shapes for tests are refused by every release
    assert_eq!(output.status.code(), Some(1));
}

fn a_monitor_verifies_each_attestation_once(service: &Service, id: &str) {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("policy"), service.get("/.well-known/assay-log", None).expect(200).body).unwrap();
    fs::write(at("keys"), service.get("/.well-known/jwks.json", None).expect(200).body).unwrap();
    let monitor = |state: &str, more: &[&str]| {
        let url = format!("http://127.0.0.1:{}/log", service.port);
        let own = ["log", "monitor", &url, "--log-policy", &at("policy"), "--state", &at(state), "--test-shapes"];
        let output = assay(service.home.path(), &service.database, &[&own[..], more].concat()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), said)
    };
    let noted = |state: &str| fs::read_to_string(at(&format!("{state}/verified"))).unwrap();
    let bundle = |state: &str| at(&format!("{state}/bundle-{id}.zip"));

    let (code, said) = monitor("state", &["--verify"]);
    assert!(code == Some(0) && said.contains("verifying"), "{said}");
    assert_eq!(noted("state"), format!("{id} proved\n"));
    let (code, said) = monitor("state", &["--verify"]);
    assert!(code == Some(0) && !said.contains("verifying"), "what was verified is not verified again: {said}");
    // its signature was not checked yet
    let signed = ["--verify", "--jwks", &at("keys")];
    let (code, said) = monitor("state", &signed);
    assert!(code == Some(0) && said.contains("verifying"), "{said}");
    assert_eq!(noted("state"), format!("{id} proved\n{id} signed\n"));
    assert!(!Path::new(&bundle("state")).exists());

    // a proof with one other byte was given out once: that the service gives out the right one now does not help it
    let right = service.get(&format!("/v1/attestations/{id}/bundle.zip"), None).expect(200).body;
    let proof = service.get(&format!("/v1/attestations/{id}/proof"), None).expect(200).body;
    let mut wrong = right.clone();
    // bundles are not compressed
    let middle = right.windows(proof.len()).position(|part| part == proof).unwrap() + proof.len() / 2;
    wrong[middle] ^= 1;
    fs::create_dir_all(at("other")).unwrap();
    fs::write(bundle("other"), &wrong).unwrap();
    for _ in 0..2 {
        let (code, said) = monitor("other", &signed);
        assert!(code == Some(1) && said.contains("✗ proof: entry 0") && said.contains("does not verify"), "{said}");
        assert_eq!(fs::read(bundle("other")).unwrap(), wrong);
        assert_eq!(noted("other"), "");
    }
    fs::write(bundle("other"), right).unwrap();
    assert_eq!(monitor("other", &signed).0, Some(0));
    assert_eq!(noted("other"), format!("{id} signed\n"));
    // keys that signed nothing
    let others = run(assay(service.home.path(), &service.database, &["keys", "show", "--home", &at("other-home")]));
    fs::write(at("keys"), others).unwrap();
    let (code, said) = monitor("unsigned", &signed);
    assert!(code == Some(1) && said.contains("signed by a key in the given list"), "{said}");
}

/// S2, A8: the log of a whole run holds no balance, salt, token or account reference.
fn nothing_private_is_in_the_logs(service: &Service) {
    let log = service.log();
    assert!(log.lines().count() > 10, "{log}");
    for line in log.lines() {
        for private in ["customer-", "eyJ", "\"salt\"", "Bearer"] {
            assert!(!line.contains(private), "{line}");
        }
    }
}

#[test]
fn a_refused_ledger_shows_every_finding_with_its_line_and_nothing_is_published() {
    let service = Service::start();
    let publisher = service.token("publisher", "ops");
    let mut ledger = SmallLedger::new("refused", 5, 0);
    ledger.files[2].1.push_str("customer-1,DOGE,5,0\ncustomer-77,BTC,1,0\n");
    let snapshot = service.upload(&ledger, &publisher);
    let job = service.prove(&snapshot, &publisher);
    let ended = service.finished(&job, &publisher, 60);
    assert_eq!(ended["state"], "refused");
    let findings = ended["findings"].to_string();
    assert!(findings.contains("DOGE") && findings.contains("balances.csv"), "{ended}");
    let list = service.get("/v1/attestations", None).expect(200).json();
    assert!(!list.to_string().contains("refused"), "{list}");
    // a corrected ledger is another snapshot: the files of this one are sealed
    service.put(&format!("/v1/snapshots/{snapshot}/files/balances.csv"), &publisher, b"x").expect(409);
}

#[test]
fn a_broken_policy_is_said_by_the_job_and_by_everything_that_shows_the_attestation() {
    let service = Service::start();
    let publisher = service.token("publisher", "ops");
    let mut ledger = SmallLedger::new("short", 5, 0);
    ledger.files[3].1 = ledger.files[3].1.replace("bc1qone,1000,", "bc1qone,0.00000001,");
    let job = service.prove(&service.upload(&ledger, &publisher), &publisher);
    let ended = service.finished(&job, &publisher, 120);
    assert_eq!(ended["state"], "published");
    let detail = ended["detail"].as_str().unwrap();
    assert!(detail.contains("will not be valid") && detail.contains("too little of BTC"), "{detail}");
    let shown = |path: &str| service.get(path, None).expect(200).json();
    let id = ended["attestation"].as_str().unwrap();
    for shown in [
        shown("/v1/attestations")["attestations"][0].clone(),
        shown("/v1/attestations/latest"),
        shown(&format!("/v1/attestations/{id}")),
    ] {
        assert_eq!((shown["id"].as_str(), shown["valid"].as_bool()), (Some(id), Some(false)), "{shown}");
        assert_eq!(shown["not_met"][0]["check"], "coverage", "{shown}");
        assert_eq!(shown["not_met"][0]["found"], "too little of BTC", "{shown}");
    }
}
