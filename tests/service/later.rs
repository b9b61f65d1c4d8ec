//! What others sign about an attestation and what its exchange says later: made by the commands, judged by both verifiers.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Service, SmallLedger, assay, database, run};

const AUDITOR: &str = "Example Audit LLP";

/// An auditor at another machine, with a key, a token and copies of what is published.
struct Desk {
    place: TempDir,
}

impl Desk {
    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn keep(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.path(name), bytes).unwrap();
        self.text(name)
    }

    /// Makes a key; returns its public list.
    fn make_key(&self, name: &str, options: &[&str]) -> Value {
        let mut command = self.command(&["keys", "make"]);
        command.args(options).args(["--out", &self.text(name)]);
        serde_json::from_str(&run(command)).unwrap()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        command.args(words).env_remove("HOME").env_remove("ASSAY_HOME").stdin(Stdio::null());
        command
    }
}

/// Exit code and standard output.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

#[track_caller]
fn expect(output: &Output, code: i32, says: &str) {
    let (found, text) = said(output);
    assert_eq!(found, Some(code), "{text}");
    assert!(text.contains(says), "{says}: {text}");
}

/// What both verifiers say; the light one accepts no shape for tests, so it ends with 1.
fn verified(service: &Service, desk: &Desk, bundle: &str, options: &[&str]) -> [(Option<i32>, String); 2] {
    let own = [&["verify", bundle, "--test-shapes"][..], options].concat();
    let full = assay(service.home.path(), &service.database, &own).output().unwrap();
    let light = Command::new(Path::new(env!("CARGO_BIN_EXE_assay")).with_file_name("assay-verify"))
        .arg(bundle)
        .args(options)
        .env("ASSAY_HOME", desk.place.path())
        .output()
        .unwrap();
    [said(&full), said(&light)]
}

#[test]
fn an_auditor_signs_what_the_commands_verified_and_a_withdrawal_ends_it() {
    let desk = Desk { place: tempfile::tempdir().unwrap() };
    let auditor = desk.make_key("auditor.json", &["--purpose", "opinion", "--auditor", AUDITOR]);
    let regulator = desk.make_key("regulator.json", &["--purpose", "attestation"]);
    let keys = serde_json::json!({ "keys": [auditor["keys"][0], regulator["keys"][0]] });
    let list = desk.keep("countersigners.json", keys.to_string().as_bytes());
    let auditors = desk.keep("auditors.json", auditor.to_string().as_bytes());
    expect(
        &desk.command(&["keys", "make", "--purpose", "opinion", "--out", &desk.text("auditor.json")]).output().unwrap(),
        3,
        "auditor.json",
    );

    let settings = [("ASSAY_COUNTERSIGNERS__JWKS_FILE", list.as_str())];
    let service = Service::on(database(), &["serve", "--worker"], &settings);
    let publisher = service.token("publisher", "ops");
    let [first, second] = [("one", 0), ("two", 1)].map(|(name, day)| {
        let snapshot = service.upload(&SmallLedger::new(name, 12, day), &publisher);
        service.published(&service.prove(&snapshot, &publisher), &publisher)
    });
    let token = desk.keep("token", service.token("auditor", "audit").as_bytes());
    let own_token = desk.keep("own-token", publisher.as_bytes());
    let exchange_keys = desk.keep("exchange.json", &service.get("/.well-known/jwks.json", None).expect(200).body);
    let get = |path: &str| service.get(&format!("/v1/attestations/{first}/{path}"), None).expect(200).body;
    let bundle = desk.keep("bundle.zip", &get("bundle.zip"));

    // nothing is signed that is not valid, or with the wrong kind of key
    let sign = |command: &str, bundle: &str, key: &str, more: &[&str]| {
        let key = desk.text(key);
        let own = [&[command, bundle, "--key", &key, "--test-shapes"][..], more].concat();
        assay(service.home.path(), &service.database, &own).output().unwrap()
    };
    let to = ["--to", &service.url(""), "--token-file", &token];
    let opinion = ["--criteria", "ISAE 3000 (Revised)", "--procedure", "proof", "--procedure", "ownership"];
    let unmodified = [&opinion[..], &["--result", "unmodified"]].concat();
    let wrong_keys = [&unmodified[..], &["--jwks", list.as_str()]].concat();
    let unsigned = sign("opinion", &bundle, "auditor.json", &[&wrong_keys[..], &to[..]].concat());
    expect(&unsigned, 1, "not signed: the attestation is not valid");
    expect(&sign("countersign", &bundle, "auditor.json", &to), 2, "is a key of the purpose opinion");
    expect(&sign("opinion", &bundle, "regulator.json", &[&unmodified[..], &to[..]].concat()), 2, "purpose attestation");
    let named = [&unmodified[..], &to[..], &["--auditor", "Another"]].concat();
    expect(&sign("opinion", &bundle, "auditor.json", &named), 2, "in the name of");
    let adverse = [&opinion[..], &to[..], &["--result", "adverse"]].concat();
    expect(&sign("opinion", &bundle, "auditor.json", &adverse), 2, "no finding that says why");

    let good = [&unmodified[..], &to[..], &["--report", &bundle, "--jwks", &exchange_keys]].concat();
    expect(&sign("opinion", &bundle, "auditor.json", &good), 0, "is published with attestation");
    // another one by the same key; the same one in the same second would be answered again
    let other = [&good[..], &["--procedure", "sampling:60"]].concat();
    expect(&sign("opinion", &bundle, "auditor.json", &other), 2, "answered 409");
    let out = desk.text("countersignature.jws");
    expect(&sign("countersign", &bundle, "regulator.json", &["--out", &out]), 0, "countersignature.jws");
    expect(&sign("countersign", &bundle, "regulator.json", &["--out", &out]), 2, "exists already");
    expect(&sign("countersign", &bundle, "regulator.json", &to), 0, "is published with attestation");

    // what readers see, with the file that has everything
    let evidence = desk.keep("evidence.zip", &get("evidence.zip"));
    let trusting = ["--auditors", &auditors, "--jwks", &exchange_keys];
    let [full, light] = verified(&service, &desk, &evidence, &trusting);
    assert_eq!(full.0, Some(0), "{}", full.1);
    for (_, text) in [&full, &light] {
        assert!(text.contains("✓ an auditor in the given list examined it") && text.contains(AUDITOR), "{text}");
    }
    // the regulator's key alone stands behind the statement as well
    let regulators = desk.keep("regulators.json", regulator.to_string().as_bytes());
    let [full, _] = verified(&service, &desk, &evidence, &["--jwks", &regulators]);
    assert_eq!(full.0, Some(0), "{}", full.1);
    // other auditors did not sign
    let other = desk.make_key("other.json", &["--purpose", "opinion"]);
    let others = desk.keep("others.json", other.to_string().as_bytes());
    let [full, light] = verified(&service, &desk, &evidence, &["--auditors", &others]);
    assert_eq!(full.0, Some(1), "{}", full.1);
    for (_, text) in [&full, &light] {
        assert!(text.contains("✗ an auditor in the given list") && text.contains("counts for nothing"), "{text}");
    }
    // the bundle alone knows nothing of it
    let [full, _] = verified(&service, &desk, &bundle, &[]);
    assert_eq!(full.0, Some(0), "{}", full.1);

    let older = get("signatures");
    // the exchange withdraws
    let notice = |id: &str, more: &[&str]| {
        let own = ["notice", id, "--to", &service.url(""), "--token-file", &own_token];
        desk.command(&[&own[..], more].concat()).output().unwrap()
    };
    expect(&notice(&first, &["--kind", "withdrawn", "--reason", "r", "--by", &second]), 2, "--by goes with");
    expect(&notice("abc", &["--kind", "withdrawn", "--reason", "r"]), 2, "not a digest");
    expect(&notice(&first, &["--kind", "withdrawn", "--reason", "A file was left out."]), 0, "is withdrawn");
    expect(&notice(&first, &["--kind", "withdrawn", "--reason", "Again."]), 2, "answered 409");
    let done = notice(&first, &["--kind", "superseded", "--by", &second, "--reason", "Corrected.", "--json"]);
    expect(&done, 0, "\"superseded\"");
    let evidence = desk.keep("evidence.zip", &get("evidence.zip"));
    let signatures = desk.keep("signatures.json", &get("signatures"));
    for (bundle, options) in [
        (&evidence, &[][..]),
        (&evidence, &["--jwks", &exchange_keys][..]),
        (&bundle, &["--signatures", &signatures][..]),
    ] {
        for (code, text) in verified(&service, &desk, bundle, options) {
            assert_eq!(code, Some(1), "{text}");
            assert!(
                text.contains("WITHDRAWN: the exchange said at") && text.contains("A file was left out."),
                "{text}"
            );
        }
    }
    let json = assay(service.home.path(), &service.database, &["verify", &evidence, "--test-shapes", "--json"]);
    let json: Value = serde_json::from_slice(&{ json }.output().unwrap().stdout).unwrap();
    assert_eq!((&json["valid"], &json["notices"][0]["state"]), (&false.into(), &"unchecked".into()), "{json}");
    // a reader whose list does not have the key, such as one from before it was replaced, is told all the same
    let [full, _] = verified(&service, &desk, &evidence, &["--jwks", &regulators]);
    assert!(full.0 == Some(1) && full.1.contains("not on the list: ask the exchange"), "{}", full.1);
    // a file from before the withdrawal does not hide the one in the evidence
    let older = desk.keep("older.json", &older);
    let [full, _] = verified(&service, &desk, &evidence, &["--signatures", &older]);
    assert!(full.0 == Some(1) && full.1.contains("WITHDRAWN"), "{}", full.1);
    // a notice about another attestation withdraws nothing
    let path = format!("/v1/attestations/{second}/bundle.zip");
    let other = desk.keep("second.zip", &service.get(&path, None).expect(200).body);
    let [full, _] = verified(&service, &desk, &other, &["--signatures", &signatures]);
    assert!(full.0 == Some(1) && full.1.contains("about another statement"), "{}", full.1);

    // who follows the log is told
    let policy = desk.keep("policy", &service.get("/.well-known/assay-log", None).expect(200).body);
    let state = desk.text("monitor");
    let follow = ["log", "monitor", &service.url("/log"), "--log-policy", &policy, "--state", &state];
    let told = crate::support::wait_for("the notice in the log", 30, || {
        let (code, text) = said(&desk.command(&follow).output().unwrap());
        text.contains("✗ withdrawn").then_some((code, text))
    });
    assert_eq!(told.0, Some(1), "{}", told.1);
    assert!(told.1.contains("A file was left out.") && !told.1.contains("✗ later"), "{}", told.1);
}
