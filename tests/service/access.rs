//! Who may do what, tried over HTTP on the running program.

use serde_json::json;

use crate::support::{Service, SmallLedger};

#[test]
fn a3_tokens_that_are_none_are_refused_and_scopes_are_kept() {
    let service = Service::without_worker();
    let publisher = service.token("publisher", "ops");
    let ledger = SmallLedger::new("access", 3, 0);
    let snapshot = service.upload(&ledger, &publisher);
    let path = format!("/v1/snapshots/{snapshot}/attestation");

    // nobody, somebody else's role, another exchange, a token that was touched
    let anonymous = service.try_request("POST", &path, None, &[("content-type", "application/json")], b"{}").unwrap();
    assert_eq!(anonymous.status, 401);
    assert!(anonymous.header("www-authenticate").starts_with("Bearer"));
    for role in ["customer", "regulator", "auditor"] {
        let token = service.token(role, "somebody");
        assert_eq!(service.post(&path, &token, &json!({})).status, 403, "{role}");
    }
    let stranger = service.token_for("publisher", "ops", "other.example");
    assert_eq!(service.post(&path, &stranger, &json!({})).status, 404);
    let mut touched = publisher.clone();
    let last = touched.pop().unwrap();
    touched.push(if last == 'A' { 'B' } else { 'A' });
    for bad in [touched.as_str(), "", "x.y.z", &publisher[..publisher.len() / 2]] {
        assert_eq!(service.post(&path, bad, &json!({})).status, 401, "{bad}");
    }
    // an answer to a wrong call is a problem document that holds neither token nor reason to guess
    let problem = service.post(&path, "x.y.z", &json!({})).json();
    assert!(problem["type"].as_str().unwrap().contains("problems"), "{problem}");
    assert!(!problem.to_string().contains("x.y.z"));
}

#[test]
fn a1_a2_one_epoch_has_one_snapshot_and_time_does_not_stand_in_the_future() {
    let service = Service::without_worker();
    let publisher = service.token("publisher", "ops");
    let ledger = SmallLedger::new("epoch-1", 3, 0);
    service.post("/v1/snapshots", &publisher, &ledger.metadata).expect(201);
    // the same epoch under another name, and the same name for another epoch
    let mut twin = ledger.metadata.clone();
    twin["snapshot"]["id"] = "epoch-1b".into();
    service.post("/v1/snapshots", &publisher, &twin).expect(409);
    let mut renamed = SmallLedger::new("epoch-1", 3, 1).metadata;
    service.post("/v1/snapshots", &publisher, &renamed).expect(409);
    renamed["snapshot"]["id"] = "epoch-future".into();
    renamed["snapshot"]["taken_at"] = "2126-01-01T00:00:00Z".into();
    service.post("/v1/snapshots", &publisher, &renamed).expect(422);
    renamed["snapshot"]["taken_at"] = "yesterday".into();
    let refused = service.post("/v1/snapshots", &publisher, &renamed);
    assert!((400..500).contains(&refused.status), "{}", refused.status);
}

#[test]
fn a6_an_idempotency_key_gives_the_same_answer_and_never_another_body_s() {
    let service = Service::without_worker();
    let publisher = service.token("publisher", "ops");
    let ledger = SmallLedger::new("idempotent", 3, 0);
    let body = ledger.metadata.to_string();
    let call = |key: &str, body: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        service.try_request("POST", "/v1/snapshots", Some(&publisher), &headers, body.as_bytes()).unwrap()
    };
    let first = call("key-1", &body).expect(201);
    let again = call("key-1", &body).expect(201);
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_eq!(first.header("location"), again.header("location"));
    let other = SmallLedger::new("idempotent-2", 3, 1).metadata.to_string();
    call("key-1", &other).expect(422);
    // another subject's key is another key
    let colleague = service.token("publisher", "colleague");
    let headers = [("content-type", "application/json"), ("idempotency-key", "key-1")];
    let theirs = service.try_request("POST", "/v1/snapshots", Some(&colleague), &headers, other.as_bytes()).unwrap();
    assert_eq!(theirs.status, 201);
}

#[test]
fn a7_oversized_bombs_and_strange_files_are_refused_and_leave_nothing() {
    let service = Service::on(
        crate::support::database(),
        &["serve"],
        &[("ASSAY_UPLOAD_MAX_BYTES", "200000"), ("ASSAY_UPLOAD_MAX_DECOMPRESSED_BYTES", "50000000")],
    );
    let publisher = service.token("publisher", "ops");
    let ledger = SmallLedger::new("uploads", 3, 0);
    let id = service.post("/v1/snapshots", &publisher, &ledger.metadata).expect(201).json()["id"].clone();
    let file = |name: &str| format!("/v1/snapshots/{}/files/{name}", id.as_str().unwrap());
    service.put(&file("balances.csv"), &publisher, &vec![b'x'; 200_001]).expect(413);
    // 100 MB of zeros in a few kilobytes
    let bomb = zstd::encode_all(&vec![0u8; 100_000_000][..], 3).unwrap();
    assert!(bomb.len() < 200_000);
    let refused = service.put(&file("balances.csv.zst"), &publisher, &bomb);
    assert!([413, 422].contains(&refused.status), "{}", refused.status);
    for name in ["manifest.toml", "..%2Fsecret.csv", "balances.exe", "private.csv", "balances.csv.bz2"] {
        let status = service.put(&file(name), &publisher, b"a").status;
        assert!((400..500).contains(&status), "{name}: {status}");
    }
    let headers = [("content-type", "application/json")];
    let long = format!("{{\"exchange\":{{\"name\":\"{}\"}}}}", "x".repeat(2 << 20));
    let status = service.try_request("POST", "/v1/snapshots", Some(&publisher), &headers, long.as_bytes()).unwrap();
    assert_eq!(status.status, 413);
    let files: i64 = service.sql().query_one("SELECT count(*) FROM snapshot_files", &[]).unwrap().get(0);
    assert_eq!(files, 0);
}
