//! What is signed about an attestation after its publication: taken in from those who may, logged, and shown everywhere.

use std::{fs, path::Path};

use actix_web::{
    App,
    dev::ServiceResponse,
    http::header,
    test::{TestRequest, call_service, init_service, read_body},
};
use assay::{
    api,
    attest::statement,
    store::{
        Conflict, StoreError,
        later::{NewNotice, NewSignature, SignatureKind, add_notice, add_signature, notices, signatures},
        log::{entries_between, entry_of, size},
    },
    tokens::{Role, SignerKey, SignerPurpose},
};
use assay_core::{
    later::Later,
    notice::NoticeKind,
    opinion::{Auditor, AuditorKeys, OPINION_PROTOCOL, Opinion, OpinionResult},
    sealed::{Sealed, StatementDigest},
    signature::{Jwks, Jws},
    signatures::Signatures,
    signed::SignedDocument,
    time::format_instant,
};
use assay_verifier::log::entry::LaterEntry;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    api::{EXCHANGE, NOW, Place, Published, app, get, header_of, json_of, post, publish},
    support::{Database, conflict, day, published},
};

const AUDITOR: &str = "Example Audit LLP";

/// Keys of an auditor and of a countersigner, and the list of both.
struct Others {
    auditor: SignerKey,
    regulator: SignerKey,
    dir: tempfile::TempDir,
}

impl Others {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str, purpose, auditor| SignerKey::create(&dir.path().join(name), purpose, auditor).unwrap();
        let auditor = make("auditor.json", SignerPurpose::Opinion, Some(AUDITOR));
        let regulator = make("regulator.json", SignerPurpose::Countersignature, None);
        let others = Self { auditor, regulator, dir };
        fs::write(others.list(), others.keys().to_string()).unwrap();
        others
    }

    fn list(&self) -> std::path::PathBuf {
        self.dir.path().join("countersigners.json")
    }

    fn keys(&self) -> Value {
        json!({ "keys": [self.auditor.public(), self.regulator.public()] })
    }

    /// Another key with the same purpose, which nobody lists.
    fn stranger(&self, name: &str, purpose: SignerPurpose) -> SignerKey {
        SignerKey::create(&self.dir.path().join(name), purpose, None).unwrap()
    }

    async fn place(&self) -> Place {
        let list = self.list();
        Place::new(|config| config.countersigners.jwks_file = list).await
    }
}

fn opinion(about: &str, result: OpinionResult) -> Opinion {
    Opinion {
        auditor: Auditor { lei: None, name: AUDITOR.to_owned() },
        criteria: "ISAE 3000 (Revised)".to_owned(),
        findings: if result == OpinionResult::Unmodified { Vec::new() } else { vec!["One file was late.".to_owned()] },
        procedures: vec!["proof".to_owned()],
        protocol: OPINION_PROTOCOL.to_owned(),
        report_sha256: None,
        result,
        signed_at: format_instant(NOW),
        statement: about.to_owned(),
    }
}

fn body(jws: &Jws) -> Value {
    serde_json::from_slice(&jws.to_bytes()).unwrap()
}

async fn two(place: &Place) -> [Published; 2] {
    let store = &place.database.store;
    let first = publish(store, "solvency-8", 3, "one", NOW - Duration::days(2)).await;
    [first, publish(store, "solvency-8", 3, "two", NOW - Duration::days(1)).await]
}

macro_rules! sender {
    ($place:expr, $app:ident) => {
        let $app = app!($place);
        let $app = async |request: TestRequest| call_service(&$app, request.to_request()).await;
    };
}

async fn expect(answer: ServiceResponse<impl actix_web::body::MessageBody>, status: u16, kind: &str) -> Value {
    let found = answer.status().as_u16();
    let document = json_of(answer).await;
    assert_eq!(found, status, "{document}");
    assert!(kind.is_empty() || document["type"] == format!("/problems/{kind}"), "{document}");
    document
}

#[actix_web::test]
async fn an_opinion_and_a_countersignature_stand_beside_the_attestation() {
    let others = Others::new();
    let place = others.place().await;
    sender!(place, send);
    let [one, _] = two(&place).await;
    let path = format!("/v1/attestations/{}/signatures", one.id);
    let token = place.token(Role::Auditor, "auditor", EXCHANGE);

    let empty = send(get(&path, "")).await;
    assert_eq!(header_of(&empty, "cache-control"), "public, no-cache");
    let tag = header_of(&empty, "etag");
    assert_eq!(json_of(empty).await["opinions"], json!([]));
    let same = send(get(&path, "").insert_header((header::IF_NONE_MATCH, tag.clone()))).await;
    assert_eq!(same.status(), 304);

    let signed = SignedDocument::sign(opinion(&one.id, OpinionResult::Modified), others.auditor.private()).unwrap();
    let added = expect(send(post(&path, &token, &body(signed.jws()))).await, 201, "").await;
    assert_eq!((&added["kind"], &added["document"]), (&json!("opinion"), &json!(hex::encode(signed.digest()))));
    let jws = Jws::sign(&one.statement, others.regulator.private());
    expect(send(post(&path, &token, &body(&jws.clone().detached()))).await, 201, "").await;

    let grown = send(get(&path, "").insert_header((header::IF_NONE_MATCH, tag))).await;
    assert_eq!(grown.status(), 200, "the file has grown");
    let file = read_body(grown).await;
    let digest = StatementDigest::of(&one.statement);
    let all = Signatures::parse(&file, digest).unwrap();
    assert_eq!(all.opinions, std::slice::from_ref(&signed));
    let kids = all.statement.kids().unwrap();
    assert_eq!((kids.len(), &kids[1]), (2, &jws.kids().unwrap()[0]));
    let list = others.keys().to_string();
    let auditors = AuditorKeys::parse(list.as_bytes()).unwrap();
    assert_eq!(all.statement.verify(&one.statement, &Jwks::parse(list.as_bytes()).unwrap()).unwrap().known.len(), 1);
    assert!(
        Later::of(&all, Some(EXCHANGE), None, Some(&auditors)).checks(Some(&auditors)).iter().all(|check| check.passed)
    );

    // each is logged as the verifier reads it, in the order of the answers
    let client = place.database.store.read().await.unwrap();
    let entries = entries_between(&client, 0, 9).await.unwrap();
    let entries: Vec<_> = entries[2..].iter().map(|entry| Sealed::<LaterEntry>::parse(entry).unwrap()).collect();
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["opinion", "countersignature"]);
    let logged: std::collections::BTreeSet<_> = entries.iter().map(|entry| entry.document.clone()).collect();
    let given: std::collections::BTreeSet<_> = all.digests().iter().map(hex::encode).collect();
    assert!(logged.is_subset(&given), "{logged:?} {given:?}");
    assert!(entries.iter().all(|entry| entry.statement == one.id && entry.exchange == EXCHANGE));

    // the page names both
    let html = String::from_utf8(read_body(send(get(&format!("/a/{}", one.id), "")).await).await.to_vec()).unwrap();
    assert!(html.contains(AUDITOR) && html.contains("One file was late.") && html.contains(&kids[1]), "{html}");

    // and so does the file that verifiers read
    let zip = send(get(&format!("/v1/attestations/{}/evidence.zip", one.id), "")).await;
    assert_eq!((zip.status().as_u16(), header_of(&zip, "cache-control").as_str()), (200, "public, no-cache"));
    let kept = others.dir.path().join("evidence.zip");
    fs::write(&kept, read_body(zip).await).unwrap();
    assert_eq!(statement(&kept).unwrap().digest(), digest);
    assert_eq!(
        names(&kept),
        ["MANIFEST.sha256", "README.txt", "attestation.jws", "proof.bin", "signatures.json", "statement.json"]
    );
}

fn names(zip: &Path) -> Vec<String> {
    let zip = zip::ZipArchive::new(fs::File::open(zip).unwrap()).unwrap();
    let mut names: Vec<_> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    names.sort();
    names
}

#[actix_web::test]
async fn a_signature_is_taken_by_listed_keys_over_this_statement_and_once() {
    let others = Others::new();
    let place = others.place().await;
    sender!(place, send);
    let [one, two] = two(&place).await;
    let path = format!("/v1/attestations/{}/signatures", one.id);
    let token = place.token(Role::Auditor, "auditor", EXCHANGE);
    let good = SignedDocument::sign(opinion(&one.id, OpinionResult::Unmodified), others.auditor.private()).unwrap();
    let good = body(good.jws());

    // who may ask at all
    assert_eq!(send(TestRequest::post().uri(&path).set_json(&good)).await.status(), 401);
    for role in [Role::Publisher, Role::Regulator, Role::Operator] {
        let token = place.token(role, "somebody", EXCHANGE);
        expect(send(post(&path, &token, &good)).await, 403, "insufficient-scope").await;
    }
    let elsewhere = place.token(Role::Auditor, "auditor", "other.example");
    expect(send(post(&path, &elsewhere, &good)).await, 404, "not-found").await;
    let missing = format!("/v1/attestations/{}/signatures", "0".repeat(64));
    expect(send(post(&missing, &token, &good)).await, 404, "not-found").await;

    // whose key it is
    let signed = |opinion: Opinion, key: &SignerKey| body(SignedDocument::sign(opinion, key.private()).unwrap().jws());
    let stranger = others.stranger("stranger.json", SignerPurpose::Opinion);
    let unmodified = || opinion(&one.id, OpinionResult::Unmodified);
    expect(send(post(&path, &token, &signed(unmodified(), &stranger))).await, 403, "unknown-signer").await;
    let other = Jws::sign(&one.statement, stranger.private());
    expect(send(post(&path, &token, &body(&other))).await, 403, "unknown-signer").await;

    // what it is over, and with which key
    let mut named = unmodified();
    named.auditor.name = "Another Audit LLP".to_owned();
    let mut ahead = unmodified();
    ahead.signed_at = format_instant(NOW + Duration::minutes(2));
    let mut turned = good.clone();
    turned["signatures"][0]["signature"] = json!("A".repeat(86));
    for wrong in [
        signed(opinion(&two.id, OpinionResult::Unmodified), &others.auditor),
        signed(named, &others.auditor),
        signed(ahead, &others.auditor),
        signed(unmodified(), &others.regulator),
        turned,
        body(&Jws::sign(&two.statement, others.regulator.private())),
        body(&Jws::sign(b"", others.regulator.private())),
        body(&Jws::sign(&one.statement, others.auditor.private())),
        json!({ "payload": "", "signatures": [] }),
    ] {
        expect(send(post(&path, &token, &wrong)).await, 422, "invalid-signature").await;
    }
    let mut both = Jws::sign(&one.statement, others.regulator.private());
    both.countersign(stranger.private()).unwrap();
    expect(send(post(&path, &token, &body(&both))).await, 422, "invalid-signature").await;
    for malformed in [json!([]), json!({ "payload": "" }), json!({ "payload": "", "signatures": [], "header": {} })] {
        expect(send(post(&path, &token, &malformed)).await, 400, "malformed-request").await;
    }
    assert_eq!(place.database.count("signatures").await, 0);
    assert_eq!(size(&place.database.store.read().await.unwrap()).await.unwrap(), 2, "nothing was logged");

    // a header that is longer than it must be would be read once and never again
    let long = format!("{{\"alg\":\"EdDSA\",{}\"kid\":\"k\",\"typ\":\"assay-opinion+jws\"}}", " ".repeat(100_000));
    let mut padded = good.clone();
    padded["signatures"][0]["protected"] = json!(URL_SAFE_NO_PAD.encode(long));
    expect(send(post(&path, &token, &padded)).await, 422, "invalid-signature").await;
    let mut early = unmodified();
    early.signed_at = format_instant(NOW - Duration::days(3));
    expect(send(post(&path, &token, &signed(early, &others.auditor))).await, 422, "invalid-signature").await;

    // once; the same request under its key is answered again
    let keyed = |body: &Value| post(&path, &token, body).insert_header(("idempotency-key", "k"));
    expect(send(keyed(&good)).await, 201, "").await;
    let again = send(keyed(&good)).await;
    assert_eq!((again.status().as_u16(), header_of(&again, "idempotent-replayed").as_str()), (201, "true"));
    expect(send(post(&path, &token, &good)).await, 409, "already-signed").await;
    expect(
        send(post(&path, &token, &signed(opinion(&one.id, OpinionResult::Adverse), &others.auditor))).await,
        409,
        "already-signed",
    )
    .await;
    // another attestation is another matter
    let first = path.clone();
    let path = format!("/v1/attestations/{}/signatures", two.id);
    let second = signed(opinion(&two.id, OpinionResult::Unmodified), &others.auditor);
    expect(send(post(&path, &token, &second)).await, 201, "").await;

    // a list that is gone is the operator's to mend, and takes nothing in
    fs::remove_file(others.list()).unwrap();
    // what was taken in stays so
    let again = send(post(&first, &token, &good).insert_header(("idempotency-key", "k"))).await;
    assert_eq!((again.status().as_u16(), header_of(&again, "idempotent-replayed").as_str()), (201, "true"));
    let regulator = body(&Jws::sign(&two.statement, others.regulator.private()));
    expect(send(post(&path, &token, &regulator)).await, 503, "unavailable").await;
}

#[actix_web::test]
async fn without_a_list_nobody_signs() {
    let others = Others::new();
    let place = Place::new(|_| {}).await;
    sender!(place, send);
    let [one, _] = two(&place).await;
    let token = place.token(Role::Auditor, "auditor", EXCHANGE);
    let jws = body(&Jws::sign(&one.statement, others.regulator.private()));
    let path = format!("/v1/attestations/{}/signatures", one.id);
    expect(send(post(&path, &token, &jws)).await, 403, "unknown-signer").await;
}

#[actix_web::test]
async fn a_withdrawal_is_told_wherever_the_attestation_is() {
    let place = Place::new(|_| {}).await;
    sender!(place, send);
    let [one, two] = two(&place).await;
    let own = place.publisher();
    let path = |id: &str| format!("/v1/attestations/{id}/notices");
    let reason = "A <b>file</b> was left out.";
    let page = async |path: &str| {
        let html = read_body(send(get(path, "")).await).await;
        String::from_utf8(html.to_vec()).unwrap()
    };
    // pages are written once, and a notice makes them other pages
    let before = [page("/").await, page(&format!("/e/{EXCHANGE}")).await];
    // so is the file that a customer takes away
    let taken = async |id: &str| {
        let html = page(&format!("/a/{id}/verify.html")).await;
        let block = html.split_once("id=\"attestation\">").unwrap().1.split_once("</script>").unwrap().0;
        let block: Value = serde_json::from_str(block).unwrap();
        let digest = StatementDigest(hex::decode(id).unwrap().try_into().unwrap());
        Signatures::parse(block["signatures"].to_string().as_bytes(), digest).unwrap()
    };
    assert_eq!(taken(&two.id).await.notices, []);

    let withdraw = |reason: &str| json!({ "kind": "withdrawn", "reason": reason });
    let token = place.token(Role::Publisher, "p", "other.example");
    expect(send(post(&path(&two.id), &token, &withdraw(reason))).await, 404, "not-found").await;
    for role in [Role::Auditor, Role::Regulator] {
        let token = place.token(role, "somebody", EXCHANGE);
        expect(send(post(&path(&two.id), &token, &withdraw(reason))).await, 403, "insufficient-scope").await;
    }
    for wrong in [
        withdraw(""),
        withdraw(&"x".repeat(401)),
        withdraw("two\nlines"),
        json!({ "kind": "withdrawn", "reason": reason, "by": one.id }),
        json!({ "kind": "superseded", "reason": reason }),
        json!({ "kind": "superseded", "reason": reason, "by": two.id }),
        // an earlier one takes nobody's place
        json!({ "kind": "superseded", "reason": reason, "by": one.id }),
    ] {
        expect(send(post(&path(&two.id), &own, &wrong)).await, 422, "invalid-notice").await;
    }
    for malformed in [json!({ "kind": "doubtful", "reason": reason }), json!({ "kind": "withdrawn" })] {
        expect(send(post(&path(&two.id), &own, &malformed)).await, 400, "malformed-request").await;
    }
    assert_eq!(place.database.count("notices").await, 0);

    let told = expect(send(post(&path(&two.id), &own, &withdraw(reason))).await, 201, "").await;
    assert_eq!(told, json!({ "kind": "withdrawn", "reason": reason, "issued_at": format_instant(NOW) }));
    expect(send(post(&path(&two.id), &own, &withdraw("again"))).await, 409, "notice-exists").await;
    let superseded = json!({ "kind": "superseded", "reason": "Corrected.", "by": two.id });
    expect(send(post(&path(&one.id), &own, &superseded)).await, 201, "").await;

    let auditor = place.token(Role::Auditor, "a", EXCHANGE);
    for (path, at) in [
        (format!("/v1/attestations/{}", two.id), "/notices/0/kind"),
        ("/v1/attestations/latest".to_owned(), "/notices/0/kind"),
        ("/v1/attestations".to_owned(), "/attestations/0/notices/0/kind"),
        (format!("/v1/compliance/{}", two.id), "/attestation/notices/0/kind"),
    ] {
        let document = json_of(send(get(&path, &auditor)).await).await;
        assert_eq!(document.pointer(at), Some(&json!("withdrawn")), "{path} {document}");
    }
    let after = [page("/").await, page(&format!("/e/{EXCHANGE}")).await];
    for (before, after) in before.iter().zip(&after) {
        assert!(!before.contains("withdrawn") && after.contains("withdrawn"), "{after}");
    }
    // what was signed later is asked for again after a few seconds
    place.clock.turn(10);
    let shown = page(&format!("/a/{}", two.id)).await;
    assert!(shown.contains("the exchange withdrew this attestation") && shown.contains("A &#60;b&#62;file"), "{shown}");
    assert!(page(&format!("/a/{}", one.id)).await.contains(&format!("/a/{}", two.id)));

    // the exchange's own key signed it, and the log has it
    let file = read_body(send(get(&format!("/v1/attestations/{}/signatures", two.id), "")).await).await;
    let digest = StatementDigest(hex::decode(&two.id).unwrap().try_into().unwrap());
    assert_eq!(taken(&two.id).await, Signatures::parse(&file, digest).unwrap());
    let all = Signatures::parse(&file, StatementDigest::of(&two.statement)).unwrap();
    let keys = Jwks::parse(place.keys.jwks(NOW).to_string().as_bytes()).unwrap();
    let later = Later::of(&all, Some(EXCHANGE), Some(&keys), None);
    assert_eq!(later.withdrawal().unwrap().document.reason, reason);
    let [check] = later.checks(None).try_into().unwrap();
    assert!(
        !check.passed && check.detail.contains(reason) && !check.detail.contains("not checked"),
        "{}",
        check.detail
    );
    let entry = entries_between(&place.database.store.read().await.unwrap(), 2, 3).await.unwrap();
    let entry = Sealed::<LaterEntry>::parse(&entry[0]).unwrap();
    assert_eq!((entry.kind.as_str(), &entry.document), ("notice", &hex::encode(all.notices[0].digest())));
}

#[tokio::test]
async fn what_is_signed_later_is_logged_with_it_or_neither_is_there() {
    let database = Database::new().await;
    let store = &database.store;
    let (_, id) = published(store, "a.example", day(0), "one").await;
    let (_, other) = published(store, "b.example", day(1), "two").await;
    let sign = async |kid: &str, jws: &str| {
        let new =
            NewSignature { kid: kid.to_owned(), kind: SignatureKind::Opinion, jws: jws.to_owned(), now: day(101) };
        store.run_tx("test", async |tx| add_signature(&tx, &id, &new).await).await
    };
    let notice = async |by: Option<[u8; 32]>| {
        let kind = if by.is_some() { NoticeKind::Superseded } else { NoticeKind::Withdrawn };
        let (jws, created_by) = ("{}".to_owned(), "publisher".to_owned());
        let new = NewNotice { attestation: id, kind, superseded_by: by, jws, issued_at: day(101), created_by };
        store.run_tx("test", async |tx| add_notice(&tx, &new).await).await
    };
    database
        .run(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$;
             CREATE TRIGGER fail BEFORE INSERT ON log_entries FOR EACH ROW EXECUTE FUNCTION fail()",
        )
        .await;
    assert!(sign("auditor-1", "one").await.unwrap_err().to_string().contains("no room"));
    assert!(notice(None).await.unwrap_err().to_string().contains("no room"));
    for table in ["signatures", "notices"] {
        assert_eq!(database.count(table).await, 0);
    }
    database.run("DROP TRIGGER fail ON log_entries").await;
    sign("auditor-1", "one").await.unwrap();
    assert_eq!(conflict(sign("auditor-1", "one").await), Conflict::SignatureExists);
    assert_eq!(conflict(sign("auditor-1", "two").await), Conflict::SignatureExists);
    // another exchange's attestation takes nobody's place, and one that is not there neither
    assert_eq!(conflict(notice(Some(other)).await), Conflict::NotLater);
    assert!(matches!(notice(Some([9; 32])).await, Err(StoreError::NotFound)));
    notice(None).await.unwrap();
    assert_eq!(conflict(notice(None).await), Conflict::NoticeExists);
    // two at once: one of them is there
    let (one, another) = tokio::join!(sign("auditor-2", "a"), sign("auditor-2", "b"));
    assert_eq!([&one, &another].into_iter().filter(|outcome| outcome.is_ok()).count(), 1, "{one:?} {another:?}");
    assert_eq!(conflict(if one.is_ok() { another } else { one }), Conflict::SignatureExists);

    let client = store.read().await.unwrap();
    assert_eq!(signatures(&client, &id).await.unwrap().len(), 2);
    assert_eq!(notices(&client, &[id, other]).await.unwrap().len(), 1);
    assert_eq!(size(&client).await.unwrap(), 5);
    // the proof of logging stays that of the publication
    assert_eq!(entry_of(&client, &id).await.unwrap().0, 0);
    assert_eq!(database.count("log_entries WHERE kind = 'attestation'").await, 2);
    for table in ["signatures", "notices"] {
        for sql in
            [format!("UPDATE {table} SET jws = 'two'"), format!("DELETE FROM {table}"), format!("TRUNCATE {table}")]
        {
            assert_eq!(database.refusal(&sql).await.1, "insert_only", "{sql}");
        }
    }
}
