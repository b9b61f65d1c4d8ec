//! A database from an older dump, and a log that was signed further: refused, completed, and signed again.

use std::{
    fs,
    io::{Cursor, Read, Write},
    path::Path,
};

use assay_core::signature::Jws;
use ed25519_dalek::SigningKey;

use crate::support::{Service, SmallLedger, assay, copy_of, wait_for};

/// Publishes a ledger, and waits until a checkpoint has its attestation.
fn publish(service: &Service, name: &str, day: u32) -> String {
    let publisher = service.token("publisher", "ops");
    let snapshot = service.upload(&SmallLedger::new(name, 20, day), &publisher);
    let id = service.published(&service.prove(&snapshot, &publisher), &publisher);
    let proof = format!("/v1/attestations/{id}/log-proof");
    wait_for("a proof of logging", 30, || (service.get(&proof, None).status == 200).then_some(()));
    id
}

/// A file of a bundle.
fn part(bundle: &[u8], name: &str) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bundle)).unwrap();
    let mut bytes = Vec::new();
    zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// The bundle with another file of this name.
fn with_part(bundle: &[u8], name: &str, content: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for own in ["statement.json", "proof.bin", "attestation.jws"] {
        zip.start_file(own, zip::write::SimpleFileOptions::default()).unwrap();
        let bytes = if own == name { content.to_vec() } else { part(bundle, own) };
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_database_from_an_older_dump_is_completed_and_its_log_signed_again() {
    let mut service = Service::start();
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let run = |service: &Service, arguments: &[&str]| {
        let mut command = assay(service.home.path(), &service.database, arguments);
        let output = command.arg("--test-shapes").env("ASSAY_PUBLIC_URL", service.url("")).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    };
    let first = publish(&service, "first", 0);
    // the dump
    service.process = None;
    let older = copy_of(&service.database);
    service.restart(&["serve", "--worker"], &[]);
    let later = [publish(&service, "second", 1), publish(&service, "third", 2)];
    let all = [&first, &later[0], &later[1]];
    let notice = serde_json::json!({ "kind": "superseded", "by": later[0], "reason": "Corrected." });
    let publisher = service.token("publisher", "ops");
    service.post(&format!("/v1/attestations/{first}/notices"), &publisher, &notice).expect(201);
    let signed = || String::from_utf8(service.get("/log/checkpoint", None).body).unwrap();
    wait_for("a checkpoint with the notice", 30, || signed().contains("\n4\n").then_some(()));
    let signatures = |service: &Service| service.get(&format!("/v1/attestations/{first}/signatures"), None).body;
    let signed_about_first = signatures(&service);
    let evidence = service.get(&format!("/v1/attestations/{first}/evidence.zip"), None).expect(200).body;
    let bundle =
        |service: &Service, id: &str| service.get(&format!("/v1/attestations/{id}/bundle.zip"), None).expect(200).body;
    let bundles: Vec<_> = all.iter().map(|id| bundle(&service, id)).collect();
    let checkpoint = service.get("/log/checkpoint", None).expect(200).body;
    fs::write(at("policy"), service.get("/.well-known/assay-log", None).expect(200).body).unwrap();
    let log = service.url("/log");
    let monitor = ["log", "monitor", &log, "--log-policy", &at("policy"), "--state", &at("state"), "--verify"];
    let (code, said) = run(&service, &monitor);
    assert!(code == Some(0) && said.contains("4 entries"), "{said}");

    // restored
    service.process = None;
    service.database = older;
    service.restart(&["serve"], &[]);
    wait_for("the refusal", 30, || service.log().contains("the database is older than the log").then_some(()));
    assert_eq!(service.get("/readyz", None).status, 503);
    let repair = ["log", "repair", "--from", &at("state")];
    let (code, said) = run(&service, &repair);
    assert!(code == Some(3) && said.contains("stop every `assay serve` first"), "{said}");
    service.process = None;
    let bundles_dir = at("bundles");
    let with_bundles = [&repair[..], &["--bundles", &bundles_dir]].concat();
    let repair_until = |reason: &str, service: &Service| {
        // the server notices that the signer has ended
        wait_for(reason, 20, || {
            let (code, said) = run(service, &with_bundles);
            said.contains(reason).then_some((code, said))
        })
    };
    let (code, said) = repair_until("--bundles has no", &service);
    assert_eq!(code, Some(3), "{said}");
    // the bundle of another attestation, one with the proof of another, and one with a signature that somebody added
    fs::create_dir(at("bundles")).unwrap();
    let store = |id: &str, bytes: &[u8]| fs::write(Path::new(&at("bundles")).join(format!("{id}.zip")), bytes).unwrap();
    store(&later[0], &bundles[1]);
    store(&later[1], &bundles[1]);
    let (code, said) = run(&service, &with_bundles);
    assert!(code == Some(3) && said.contains("not that of entry 2"), "{said}");
    let mut signed = Jws::parse(&part(&bundles[2], "attestation.jws")).unwrap();
    signed.countersign(&SigningKey::from_bytes(&[7; 32])).unwrap();
    let proof = part(&bundles[1], "proof.bin");
    for (name, content, reason) in [
        ("proof.bin", proof, "the bundle of attestation"),
        ("attestation.jws", signed.to_bytes(), "not the exchange's"),
    ] {
        store(&later[1], &with_part(&bundles[2], name, &content));
        let (code, said) = run(&service, &with_bundles);
        assert!(code == Some(3) && said.contains(reason) && said.contains(&later[1]), "{said}");
    }
    assert_eq!(
        service.sql().query_one("SELECT size FROM log_size", &[]).unwrap().get::<_, i64>(0),
        1,
        "nothing was changed"
    );
    store(&later[1], &bundles[2]);
    // what was signed later is in the evidence alone
    for without in [None, Some(&bundles[0])] {
        without.iter().for_each(|bundle| store(&first, bundle));
        let (code, said) = run(&service, &with_bundles);
        assert!(code == Some(3) && said.contains("--bundles has no evidence of it"), "{said}");
    }
    store(&first, &evidence);
    let (code, said) = run(&service, &with_bundles);
    assert!(code == Some(0) && said.contains("2 attestations were restored; the log has 4 entries"), "{said}");
    assert!(said.contains("What was signed later was restored as well: 1 entries"), "{said}");
    assert_eq!(said.matches("no inclusion file can be made").count(), 2, "{said}");
    let (code, said) = run(&service, &with_bundles);
    assert!(code == Some(0) && said.contains("Nothing is missing"), "{said}");

    service.restart(&["serve", "--worker"], &[]);
    let same = || service.get("/log/checkpoint", None).body == checkpoint;
    wait_for("the same checkpoint", 30, || same().then_some(()));
    wait_for("readiness", 30, || (service.get("/readyz", None).status == 200).then_some(()));
    for (id, before) in all.iter().zip(&bundles) {
        assert_eq!(bundle(&service, id), *before, "{id}");
        let path = at(&format!("{id}.zip"));
        fs::write(&path, before).unwrap();
        assert_eq!(run(&service, &["verify", &path]).0, Some(0), "{id}");
    }
    let (code, said) = run(&service, &monitor);
    assert!(code == Some(0) && said.contains("4 entries, 4 were known. Nothing was found."), "{said}");
    assert_eq!(signatures(&service), signed_about_first);
    // the ledger of the first one was in the dump
    let customer = service.token("customer", "customer-1");
    let inclusion = |id: &str| service.get(&format!("/v1/attestations/{id}/inclusion"), Some(&customer));
    assert_eq!(inclusion(&first).status, 200);
    assert!(inclusion(&later[0]).expect(404).json()["detail"].as_str().unwrap().contains("does not have the ledger"));
    // and the log goes on
    publish(&service, "fourth", 3);
    let (code, said) = run(&service, &monitor);
    assert!(code == Some(0) && said.contains("5 entries, 4 were known. Nothing was found."), "{said}");
}
