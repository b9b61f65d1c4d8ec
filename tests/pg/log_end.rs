//! The end of a log that cannot be continued, and the beginning of the next one.

use std::fs;

use actix_web::{
    App, HttpResponse,
    test::{TestRequest, call_service, init_service, read_body},
};
use assay::{
    api,
    store::log::{newest_checkpoint, try_signer},
    transparency::{
        judge::SigningError,
        mark::Mark,
        monitor::{Asked, Monitor},
        reader::Reader,
        retirement::{Retirement, RetirementError, last_signed, retire},
        signer::{Signed, Signer, verifier_key},
    },
};
use assay_verifier::log::{
    note::{Note, SignatureLine},
    policy::Policy,
};
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};

use crate::{
    api::{NOW, Place, get},
    log::{Machine, ORIGIN, begun, with_entries},
    monitors::through,
    support::Database,
    witnesses::{Running, blocking},
};

const NEXT: &str = "assay.example/log2";
const REASON: &str = "The database was lost";

async fn end(signer: &Signer) -> Result<Retirement, RetirementError> {
    let session = loop {
        match try_signer(&signer.store).await? {
            Some(session) => break session,
            None => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    let last = last_signed(&session, &signer.origin, &signer.mark, &signer.keys, NOW).await?;
    let ended = Retirement { last, successor: NEXT.to_owned(), reason: REASON.to_owned() };
    retire(&session, &ended, &signer.mark, &signer.keys, NOW).await?;
    Ok(ended)
}

/// The signer of the next log.
fn next(signer: Signer) -> Signer {
    Signer { origin: NEXT.to_owned(), ..signer }
}

async fn sign(signer: &Signer) -> Result<Signed, SigningError> {
    let session = begun(signer).await?;
    signer.sign(&session).await
}

#[tokio::test]
async fn a_log_that_is_older_than_its_mark_is_ended_and_another_one_begins_with_another_key() {
    let (database, machine) = (Database::new().await, Machine::new());
    with_entries(&database, 0..3).await;
    machine.sign(&database).await.unwrap();
    let marked = machine.mark().unwrap();
    let older = Database::new().await;
    with_entries(&older, 0..2).await;
    assert!(matches!(machine.sign(&older).await, Err(SigningError::Behind { .. })));
    // no other log begins while this one has not ended
    assert!(matches!(sign(&next(machine.signer(&older))).await, Err(SigningError::OtherOrigin { .. })));

    let ended = end(&machine.signer(&older)).await.unwrap();
    assert_eq!(ended.last, *marked.checkpoint(), "the mark has signed more than the database knows");
    let refused = machine.sign(&older).await.unwrap_err();
    assert!(refused.holds_everywhere() && refused.to_string().contains(REASON), "{refused}");
    // whoever has no mark does not sign either
    assert!(matches!(machine.with_same_keys().sign(&older).await, Err(SigningError::Retired { .. })));
    assert_eq!(older.count("log_checkpoints").await, 0);
    let again = end(&machine.signer(&older)).await.unwrap_err();
    assert!(matches!(&again, RetirementError::Retired { reason, .. } if reason == REASON), "{again}");

    // a database from before the end takes it back for no home that has seen it
    let file = format!("retired-{}", hex::encode(Sha256::digest(ORIGIN)));
    let restored = Database::new().await;
    with_entries(&restored, 0..3).await;
    let seen = machine.with_same_keys();
    assert!(matches!(seen.sign(&older).await, Err(SigningError::Retired { .. })));
    for machine in [&machine, &seen] {
        assert!(matches!(machine.sign(&restored).await, Err(SigningError::Retired { .. })));
        assert!(matches!(end(&machine.signer(&restored)).await, Err(RetirementError::Retired { .. })));
    }
    // unless the note is not by its key
    let kept = seen.home().log_dir().join(&file);
    let altered = fs::read_to_string(&kept).unwrap().replace(REASON, "Another one");
    fs::write(kept, altered).unwrap();
    assert_eq!(seen.sign(&restored).await.unwrap(), Signed::Now(3));

    // the next one does not begin with the same key once that has signed here, and not under a third name
    fs::remove_file(machine.home().log_dir().join(&file)).unwrap();
    machine.sign(&database).await.unwrap();
    end(&machine.signer(&database)).await.unwrap();
    assert!(matches!(sign(&next(machine.signer(&database))).await, Err(SigningError::EarlierOrigin { .. })));
    machine.replace_log_key();
    let third = Signer { origin: "assay.example/log3".to_owned(), ..machine.signer(&older) };
    assert!(matches!(sign(&third).await, Err(SigningError::OtherOrigin { .. })));
    assert_eq!(machine.mark().unwrap(), marked);
    for database in [&older, &database] {
        let size = database.count("log_entries").await as u64;
        assert_eq!(sign(&next(machine.signer(database))).await.unwrap(), Signed::Now(size));
        assert_eq!(sign(&next(machine.signer(database))).await.unwrap(), Signed::Before(size));
        let client = database.store.read().await.unwrap();
        let stored = newest_checkpoint(&client, NEXT).await.unwrap().unwrap();
        assert_eq!(stored.note, machine.mark().unwrap().note().to_string());
    }
    // what was marked of the old one is kept
    let root = hex::encode(&marked.checkpoint().root[..4]);
    let kept = Mark::of(&machine.home()).path().with_file_name(format!("high-water-3-{root}"));
    assert_eq!(fs::read_to_string(kept).unwrap(), marked.note().to_string());
}

#[tokio::test]
async fn only_a_log_that_was_signed_and_whose_key_is_there_is_ended() {
    let (database, machine) = (Database::new().await, Machine::new());
    with_entries(&database, 0..2).await;
    assert!(matches!(end(&machine.signer(&database)).await, Err(RetirementError::NeverSigned(_))));
    machine.sign(&database).await.unwrap();
    for other in [Machine::new(), Machine::without_keys()] {
        assert!(matches!(end(&other.signer(&database)).await, Err(RetirementError::OtherKey(_))));
    }
    assert_eq!(database.count("log_retirements").await, 0);
    // a machine without the mark knows the stored checkpoint
    let ended = end(&machine.with_same_keys().signer(&database)).await.unwrap();
    assert_eq!(ended.last.size, 2);
    let refused = ("23001".to_owned(), "insert_only".to_owned());
    for change in ["DELETE FROM log_retirements", "TRUNCATE log_retirements", "UPDATE log_retirements SET origin = 'x'"]
    {
        assert_eq!(database.refusal(change).await, refused, "{change}");
    }
}

/// Whoever can write to the database alone ends no log.
#[tokio::test]
async fn a_row_that_the_key_of_the_log_has_not_signed_ends_nothing() {
    let (database, machine) = (Database::new().await, Machine::new());
    with_entries(&database, 0..2).await;
    machine.sign(&database).await.unwrap();
    let last = machine.mark().unwrap().checkpoint().clone();
    let ended = Retirement { last, successor: NEXT.to_owned(), reason: REASON.to_owned() };
    let line = SignatureLine::sign(&ended.to_string(), ORIGIN, &SigningKey::from_bytes(&[5; 32])).unwrap();
    let note = Note::new(ended.to_string(), vec![line]).to_string();
    database.run(&format!("INSERT INTO log_retirements VALUES ('{ORIGIN}', '{note}', now())")).await;
    assert_eq!(machine.sign(&database).await.unwrap(), Signed::Before(2));
    assert!(!machine.home().log_dir().join(format!("retired-{}", hex::encode(Sha256::digest(ORIGIN)))).exists());
    machine.replace_log_key();
    assert!(matches!(sign(&next(machine.signer(&database))).await, Err(SigningError::OtherOrigin { .. })));
}

#[actix_web::test]
async fn the_end_is_given_out_and_the_service_is_not_ready() {
    let place = Place::new(|config| config.transparency.origin = ORIGIN.to_owned()).await;
    let app = init_service(App::new().configure(api::configure(place.state.clone()))).await;
    let send = async |path: &str| call_service(&app, TestRequest::get().uri(path).to_request()).await;
    let machine = Machine::new();
    with_entries(&place.database, 0..2).await;
    machine.sign(&place.database).await.unwrap();
    let path = format!("/log/retired/{}", hex::encode(Sha256::digest(ORIGIN)));
    assert_eq!(send(&path).await.status(), 404);
    let ended = end(&machine.signer(&place.database)).await.unwrap();
    let answer = send(&path).await;
    assert_eq!(answer.status(), 200);
    let note = Note::parse(&read_body(answer).await, 1).unwrap();
    assert_eq!(Retirement::parse(&note).unwrap(), ended);
    for wrong in ["x", &path.to_uppercase()[13..], &"0".repeat(64), ORIGIN] {
        assert_eq!(send(&format!("/log/retired/{wrong}")).await.status(), 404, "{wrong}");
    }
    let signer = Signer { health: place.signer.clone(), ..machine.signer(&place.database) };
    let running = actix_web::rt::spawn(signer.run());
    while place.signer.refusal().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    running.abort();
    assert!(place.signer.refusal().unwrap().contains(REASON));
    let ready = call_service(&app, get("/readyz", "").to_request()).await;
    assert_eq!(crate::api::json_of(ready).await["errors"][0]["place"], "log");
}

#[actix_web::test]
async fn a_monitor_reports_the_end_with_its_reason() {
    let mut running = Running::start().await;
    running.publish(0..2).await;
    running.sign(&[]).await.unwrap();
    let (dir, url) = (tempfile::tempdir().unwrap(), running.url.clone());
    let follow_at = async |url: String, policy: String| {
        let dir = dir.path().join("state");
        let followed = blocking(move || {
            let mut monitor = Monitor::open(&dir, Policy::parse(policy.as_bytes()).unwrap()).unwrap();
            monitor.follow(&Reader::new(&url), &Asked::default(), NOW).unwrap()
        });
        let followed = followed.await;
        followed.findings.iter().map(|finding| (finding.kind, finding.detail.clone())).collect::<Vec<_>>()
    };
    let follow = async |policy: String| follow_at(url.clone(), policy).await;
    let policy = format!("log {}\nquorum none\n", running.log_key());
    assert_eq!(follow(policy.clone()).await, []);
    end(&running.signer(Vec::new())).await.unwrap();
    for _ in 0..2 {
        let found = follow(policy.clone()).await;
        assert!(found.len() == 1 && found[0].0 == "retired" && found[0].1.contains(REASON), "{found:?}");
        assert!(found[0].1.contains("with 2 entries") && found[0].1.contains(NEXT), "{found:?}");
    }
    // it stays although the service gives it out no more
    let silent = through(&url, |path| path.contains("/retired/").then(|| HttpResponse::NotFound().finish()));
    let found = follow_at(silent, policy.clone()).await;
    assert!(found.len() == 1 && found[0].0 == "retired", "{found:?}");
    // one whose key is not listed says nothing of it
    let machine = Machine::new();
    let signer = machine.signer(&Database::new().await);
    let other = verifier_key(&signer.keys, ORIGIN, &*signer.clock).unwrap().unwrap();
    assert!(!follow(format!("log {other}\nquorum none\n")).await.iter().any(|(kind, _)| *kind == "retired"));
    running.handle.stop(false).await;
}
