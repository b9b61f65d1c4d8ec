//! Witnesses, monitors and readers of the transparency log: the programs as others run them, against the running service.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix_web::{App, HttpResponse, HttpServer, web};
use assay::{
    api,
    clock::FixedClock,
    home::Home,
    store::log::{newest_checkpoint, try_signer},
    tokens::KeyRing,
    transparency::{
        cosigners::{Cosigner, Rounds},
        judge::SigningError,
        mark::Mark,
        monitor::{Asked, Followed, Monitor},
        reader::Reader,
        signer::{Signed, Signer, SignerHealth, verifier_key},
    },
};
use assay_verifier::log::{
    checkpoint::SignedCheckpoint,
    note::{KeyKind, Note, SignatureLine, VerifierKey},
    policy::Policy,
    proof::LogProof,
    tree::Tree,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::SigningKey;
use time::Duration;

use crate::{
    api::{NOW, Place, Published, publish},
    support::{Database, day, published},
};

const ORIGIN: &str = "assay.example/log";
const PROGRAM: &str = env!("CARGO_BIN_EXE_assay");

/// The running service with a signer.
pub(crate) struct Running {
    place: Place,
    pub(crate) url: String,
    pub(crate) handle: actix_web::dev::ServerHandle,
    rounds: Rounds,
}

impl Running {
    pub(crate) async fn start() -> Self {
        let place = Place::new(|config| config.transparency.origin = ORIGIN.to_owned()).await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/log", listener.local_addr().unwrap());
        let server = api::server(place.state.clone(), listener).unwrap();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { place, url, handle, rounds: Rounds::default() }
    }

    pub(crate) fn signer(&self, cosigners: Vec<Cosigner>) -> Signer {
        Signer {
            origin: ORIGIN.to_owned(),
            is_named: true,
            store: self.place.database.store.clone(),
            keys: Arc::clone(&self.place.keys),
            mark: Mark::of(&Home::new(self.place.dir.path().to_owned())),
            clock: Arc::new(FixedClock(NOW)),
            health: SignerHealth::default(),
            cosigners,
        }
    }

    /// What a process does that starts, looks at the log once and ends.
    pub(crate) async fn sign(&mut self, cosigners: &[Cosigner]) -> Result<Signed, SigningError> {
        let signer = self.signer(cosigners.to_vec());
        let session = loop {
            match try_signer(&signer.store).await? {
                Some(session) => break session,
                None => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        };
        signer.examine(&session).await?;
        signer.ask_how_far(&session, &mut self.rounds).await?;
        let signed = signer.sign(&session).await?;
        signer.gather(&session, &mut self.rounds).await?;
        Ok(signed)
    }

    pub(crate) async fn publish(&self, days: std::ops::Range<i64>) -> Vec<Published> {
        let mut all = Vec::new();
        for number in days {
            let (name, epoch) = (format!("s{number}"), NOW - Duration::days(50 - number));
            all.push(publish(&self.place.database.store, "solvency-8", 3, &name, epoch).await);
        }
        all
    }

    pub(crate) fn log_key(&self) -> String {
        verifier_key(&self.place.keys, ORIGIN, &FixedClock(NOW)).unwrap().unwrap().to_string()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let url = format!("{}{path}", self.url.strip_suffix("/log").unwrap());
        blocking(move || ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap()).await
    }

    async fn checkpoint(&self) -> SignedCheckpoint {
        SignedCheckpoint::parse(self.text("/log/checkpoint").await.as_bytes()).unwrap()
    }
}

pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// The program `assay log witness`, ended with the test.
struct WitnessProgram {
    child: Child,
    key: String,
    url: String,
}

impl Drop for WitnessProgram {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl WitnessProgram {
    fn start(dir: &Path, log_key: &str) -> Self {
        let policy = dir.join("logs");
        fs::write(&policy, format!("log {log_key}\nquorum none\n")).unwrap();
        let mut child = Command::new(PROGRAM)
            .args(["log", "witness", "--name", "witness.example/w", "--listen", "127.0.0.1:0"])
            .args([Path::new("--log-policy"), &policy, Path::new("--state"), &dir.join("state")])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let line = |reader: &mut dyn BufRead| {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let key = line(&mut BufReader::new(child.stdout.take().unwrap()));
        let said = line(&mut BufReader::new(child.stderr.take().unwrap()));
        let url = said.rsplit_once(' ').unwrap().1.to_owned();
        Self { child, key, url }
    }

    fn cosigner(&self) -> Cosigner {
        Cosigner::parse(&format!("{} {}", self.key, self.url)).unwrap()
    }
}

#[actix_web::test]
async fn a_witness_cosigns_what_continues_and_its_cosignature_is_served_and_proved_with() {
    let mut running = Running::start().await;
    let dir = tempfile::tempdir().unwrap();
    let witness = WitnessProgram::start(dir.path(), &running.log_key());
    let cosigners = [witness.cosigner()];
    let policy = format!("log {}\nwitness w {}\nquorum w\n", running.log_key(), witness.key);
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    for (days, size) in [(0..2, 2), (2..3, 3), (3..7, 7)] {
        let all = running.publish(days).await;
        assert_eq!(running.sign(&cosigners).await.unwrap(), Signed::Now(size));
        let served = running.checkpoint().await;
        assert_eq!((served.checkpoint().size, policy.check(&served).map(|cosigned| cosigned.len())), (size, Ok(1)));
        let proof = running.text(&format!("/v1/attestations/{}/log-proof", all[0].id)).await;
        let proof = LogProof::parse(proof.as_bytes()).unwrap();
        assert_eq!(policy.check(&proof.checkpoint).map(|cosigned| cosigned.len()), Ok(1));
    }
    // nothing new is asked for within a day
    let lines = running.place.database.count("log_cosignatures").await;
    assert_eq!(running.sign(&cosigners).await.unwrap(), Signed::Before(7));
    assert_eq!(running.place.database.count("log_cosignatures").await, lines);
    // a witness that is not there keeps nothing from being signed
    let gone = Cosigner::parse(&format!("{} http://127.0.0.1:1", witness.key)).unwrap();
    running.publish(7..8).await;
    assert_eq!(running.sign(&[gone]).await.unwrap(), Signed::Now(8));
    // and one that starts again goes on from where it was
    drop(witness);
    running.rounds = Rounds::default();
    let witness = WitnessProgram::start(dir.path(), &running.log_key());
    assert_eq!(running.sign(&[witness.cosigner()]).await.unwrap(), Signed::Before(8));
    assert!(policy.check(&running.checkpoint().await).is_ok());
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn a_restored_older_database_is_noticed_by_a_witness_even_if_the_mark_is_lost() {
    let mut running = Running::start().await;
    let dir = tempfile::tempdir().unwrap();
    let witness = WitnessProgram::start(dir.path(), &running.log_key());
    running.publish(0..5).await;
    running.sign(&[witness.cosigner()]).await.unwrap();
    // the same key on a new machine without a mark, and a database as it was before
    let older = Database::new().await;
    for number in 0..3 {
        published(&older.store, "a.example", day(number), &format!("statement {number}")).await;
    }
    let home = Home::new(dir.path().join("new machine"));
    let signer =
        Signer { store: older.store.clone(), mark: Mark::of(&home), ..running.signer(vec![witness.cosigner()]) };
    let session = try_signer(&signer.store).await.unwrap().unwrap();
    let refused = signer.ask_how_far(&session, &mut Rounds::default()).await.unwrap_err();
    assert!(matches!(refused, SigningError::WitnessAhead { seen: 5, size: 0, .. }), "{refused}");
    assert!(refused.to_string().contains("the witness witness.example/w has cosigned a checkpoint of 5 entries"));
    assert_eq!((older.count("log_checkpoints").await, home.log_dir().exists()), (0, false));
    // it keeps the right to sign, which a machine that cannot reach the witness would use
    drop(session);
    let health = signer.health.clone();
    let refuses = actix_web::rt::spawn(signer.run());
    while health.refusal().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for _ in 0..20 {
        assert!(try_signer(&older.store).await.unwrap().is_none());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    refuses.abort();
    // a database of as many entries that are others: signed while the witness could not be reached
    let other = Database::new().await;
    for number in 10..15 {
        published(&other.store, "a.example", day(number), &format!("statement {number}")).await;
    }
    let home = Home::new(dir.path().join("another machine"));
    let signer =
        Signer { store: other.store.clone(), mark: Mark::of(&home), ..running.signer(vec![witness.cosigner()]) };
    let session = try_signer(&signer.store).await.unwrap().unwrap();
    signer.sign(&session).await.unwrap();
    let mut rounds = Rounds::default();
    let refused = signer.ask_how_far(&session, &mut rounds).await.unwrap_err();
    assert!(matches!(refused, SigningError::WitnessDiffers { size: 5, .. }), "{refused}");
    let refused = signer.gather(&session, &mut rounds).await.unwrap_err();
    assert!(matches!(refused, SigningError::WitnessDiffers { size: 5, .. }), "{refused}");
    let kept = fs::read_dir(dir.path().join("state")).unwrap().map(|file| file.unwrap().path());
    let forks: Vec<_> = kept.filter(|path| path.extension().is_some_and(|name| name == "fork")).collect();
    let kept = SignedCheckpoint::parse(&fs::read(&forks[0]).unwrap()).unwrap();
    let client = other.store.read().await.unwrap();
    assert_eq!(
        (forks.len(), kept.checkpoint().root),
        (1, newest_checkpoint(&client, ORIGIN).await.unwrap().unwrap().root)
    );
    running.handle.stop(false).await;
}

/// A witness of 64 valid lines, and rows of it and others in the database, more than a note may have.
#[actix_web::test]
async fn any_number_of_cosignatures_leaves_the_checkpoint_readable() {
    let mut running = Running::start().await;
    running.publish(0..2).await;
    running.sign(&[]).await.unwrap();
    let text = running.checkpoint().await.note().text().to_owned();
    let witness = |number: u8| SigningKey::from_bytes(&[number; 32]);
    let line = |number: u8, time: u64| {
        SignatureLine::cosign(&text, time, &format!("w{number}"), &witness(number)).unwrap().to_string()
    };
    let many: String = (0..64).map(|time| format!("{}\n", line(100, (time * 7) % 64))).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = HttpServer::new(move || {
        let many = many.clone();
        App::new().route("/add-checkpoint", web::post().to(move || std::future::ready(many.clone())))
    });
    let server = server.workers(1).listen(listener).unwrap().run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let key = VerifierKey::new("w100", KeyKind::Witness, witness(100).verifying_key()).unwrap();
    running.sign(&[Cosigner::parse(&format!("{key} {url}")).unwrap()]).await.unwrap();
    assert_eq!(running.place.database.count("log_cosignatures").await, 1);
    let policy = format!("log {}\nwitness w {key}\nquorum w\n", running.log_key());
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    assert_eq!(policy.check(&running.checkpoint().await).unwrap()[0].time, 63);

    let own = running.checkpoint().await.note().signatures()[0].to_string();
    let rows = (0..70).map(|time| line(100, time)).chain((101..171).map(|number| line(number, 50)));
    let long = SignatureLine::cosign(&text, 99, &"w".repeat(5_000), &witness(1)).unwrap().to_string();
    // under the log's own name and id, and what is no signature
    let false_own = running.checkpoint().await.note().signatures()[0].clone();
    let false_own = format!(
        "\u{2014} {} {}",
        false_own.name(),
        STANDARD.encode([&false_own.key().1.to_be_bytes()[..], &[7; 72]].concat())
    );
    for row in rows.chain([own, false_own, long, "x".to_owned(), format!("{} ", line(2, 3))]) {
        let insert = format!(
            "INSERT INTO log_cosignatures SELECT origin, size, '{row}' FROM log_checkpoints ON CONFLICT DO NOTHING"
        );
        running.place.database.run(&insert).await;
    }
    let served = running.checkpoint().await;
    assert_eq!(served.note().signatures().len(), 64, "the log's own and 63 witnesses");
    assert_eq!(policy.check(&served).unwrap()[0].time, 69);
    handle.stop(false).await;
    running.handle.stop(false).await;
}

/// A witness that asks for a proof from elsewhere, whatever it gets, is asked again a minute later like one that fails.
#[actix_web::test]
async fn a_witness_that_never_takes_a_proof_is_left_alone_for_a_minute() {
    let mut running = Running::start().await;
    running.publish(0..5).await;
    let key = VerifierKey::new("w", KeyKind::Witness, SigningKey::from_bytes(&[1; 32]).verifying_key()).unwrap();
    for sizes in [[3, 3], [3, 2]] {
        let asked = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let cosigner = Cosigner::parse(&format!("{key} http://{}", listener.local_addr().unwrap())).unwrap();
        let count = Arc::clone(&asked);
        let server = HttpServer::new(move || {
            let count = Arc::clone(&count);
            let answer = move || {
                let size = sizes[count.fetch_add(1, Ordering::SeqCst) % 2];
                std::future::ready(HttpResponse::Conflict().content_type("text/x.tlog.size").body(format!("{size}\n")))
            };
            App::new().route("/add-checkpoint", web::post().to(answer))
        });
        actix_web::rt::spawn(server.workers(1).listen(listener).unwrap().run());
        running.rounds = Rounds::default();
        let signer = running.signer(vec![cosigner]);
        let session = loop {
            match try_signer(&signer.store).await.unwrap() {
                Some(session) => break session,
                None => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        };
        signer.sign(&session).await.unwrap();
        for _ in 0..3 {
            signer.gather(&session, &mut running.rounds).await.unwrap();
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2, "{sizes:?}");
    }
    running.handle.stop(false).await;
}

/// A server that gives out one checkpoint.
struct Stale {
    url: String,
}

impl Stale {
    fn start(signed: &SignedCheckpoint) -> Self {
        let (listener, text) = (TcpListener::bind("127.0.0.1:0").unwrap(), signed.note().to_string());
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            let text = text.clone();
            App::new().route("/checkpoint", web::get().to(move || std::future::ready(text.clone())))
        });
        actix_web::rt::spawn(server.workers(1).listen(listener).unwrap().run());
        Self { url }
    }
}

async fn follow(dir: &Path, policy: &str, url: &str, asked: Asked) -> (Vec<&'static str>, Followed) {
    let (dir, policy, url) = (dir.to_owned(), Policy::parse(policy.as_bytes()).unwrap(), url.to_owned());
    let followed = blocking(move || {
        let mut monitor = Monitor::open(&dir, policy).unwrap();
        monitor.follow(&Reader::new(&url), &asked, NOW).unwrap()
    })
    .await;
    (followed.findings.iter().map(|finding| finding.kind).collect(), followed)
}

#[actix_web::test]
async fn a_monitor_follows_a_log_and_finds_a_fork_a_late_exchange_and_a_second_statement() {
    let mut running = Running::start().await;
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let policy = format!("log {}\nquorum none\n", running.log_key());
    running.publish(0..3).await;
    running.sign(&[]).await.unwrap();
    let (found, followed) = follow(&state, &policy, &running.url, Asked::default()).await;
    assert_eq!((found, followed.known, followed.size), (vec![], 0, 3), "{followed:?}");
    let early = running.checkpoint().await;
    running.publish(3..5).await;
    running.sign(&[]).await.unwrap();
    let asked = Asked { others: vec![("early".to_owned(), early.clone())], ..Asked::default() };
    let (found, followed) = follow(&state, &policy, &running.url, asked).await;
    assert_eq!((found, followed.known, followed.size), (vec![], 3, 5), "{followed:?}");

    // the newest snapshot is 46 days old
    for (days, late) in [(46, false), (45, true)] {
        let asked = Asked { cadence: Some(Duration::days(days)), ..Asked::default() };
        let (found, followed) = follow(&state, &policy, &running.url, asked).await;
        assert_eq!(found == ["late"], late, "{followed:?}");
    }
    let asked =
        Asked { exchange: Some("other.example".to_owned()), cadence: Some(Duration::days(400)), ..Asked::default() };
    assert_eq!(follow(&state, &policy, &running.url, asked).await.0, ["late"]);

    // the same key signs another history
    let mut fork = Running::start().await;
    fork.place.keys = Arc::clone(&running.place.keys);
    fork.publish(1..8).await;
    fork.sign(&[]).await.unwrap();
    let forked = fork.checkpoint().await;
    let (found, followed) = follow(&state, &policy, &fork.url, Asked::default()).await;
    assert_eq!(found, ["inconsistent"], "{followed:?}");
    let kept = state.join(format!("evidence-7-{}.checkpoint", hex::encode(&forked.checkpoint().root[..4])));
    assert_eq!(fs::read_to_string(&kept).unwrap(), forked.note().to_string());
    assert!(!followed.findings[0].detail.contains("prove"), "two sizes prove nothing: {followed:?}");
    // also if the witnesses of the policy did not cosign
    let key = VerifierKey::new("w", KeyKind::Witness, SigningKey::from_bytes(&[1; 32]).verifying_key()).unwrap();
    let strict = format!("log {}\nwitness w {key}\nquorum w\n", running.log_key());
    fs::remove_file(&kept).unwrap();
    let (found, followed) = follow(&state, &strict, &fork.url, Asked::default()).await;
    assert_eq!(found, ["policy", "inconsistent"], "{followed:?}");
    assert_eq!(fs::read_to_string(&kept).unwrap(), forked.note().to_string());
    // the log looks right again, and what was kept is still there
    for _ in 0..2 {
        assert_eq!(follow(&state, &strict, &running.url, Asked::default()).await.0, ["inconsistent", "policy"]);
        assert_eq!(follow(&state, &policy, &running.url, Asked::default()).await.0, ["inconsistent"]);
    }
    fs::remove_file(&kept).unwrap();
    assert_eq!(follow(&state, &policy, &running.url, Asked::default()).await.0, [""; 0], "who explains it removes it");
    let before = fs::read(state.join("checkpoint")).unwrap();
    let mut twin = Running::start().await;
    twin.place.keys = Arc::clone(&running.place.keys);
    twin.publish(2..5).await;
    twin.sign(&[]).await.unwrap();
    for policy in [&policy, &strict] {
        let (found, followed) = follow(&state, policy, &twin.url, Asked::default()).await;
        assert_eq!(found.last(), Some(&"inconsistent"), "fewer entries, and others: {followed:?}");
    }
    twin.publish(5..7).await;
    twin.sign(&[]).await.unwrap();
    for policy in [&policy, &strict] {
        let (found, followed) = follow(&state, policy, &twin.url, Asked::default()).await;
        assert_eq!(found.last(), Some(&"inconsistent"), "{followed:?}");
        assert!(followed.findings.last().unwrap().detail.ends_with("prove it"), "{followed:?}");
    }
    twin.handle.stop(false).await;
    // both checkpoints of the twin are kept, each is a finding of its own with the key of the first time
    let (found, followed) = follow(&state, &policy, &running.url, Asked::default()).await;
    assert_eq!(found, ["inconsistent", "inconsistent"], "{followed:?}");
    let keys = |followed: &Followed| -> Vec<_> { followed.findings.iter().map(|found| found.key(ORIGIN)).collect() };
    assert_eq!(keys(&follow(&state, &policy, &running.url, Asked::default()).await.1), keys(&followed));
    let kept = fs::read_dir(&state).unwrap().map(|file| file.unwrap().path());
    let kept = kept.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("evidence-"));
    kept.for_each(|path| fs::remove_file(path).unwrap());
    // a checkpoint of before is no fork, and one of another log that the reader trusts is no fork either
    let stale = Stale::start(&early);
    let (found, followed) = follow(&state, &policy, &stale.url, Asked::default()).await;
    assert_eq!(found, ["older"], "{followed:?}");
    let second = SigningKey::from_bytes(&[2; 32]);
    let listed = VerifierKey::new("second.example/l", KeyKind::Log, second.verifying_key()).unwrap();
    let text = early.note().text().replace(ORIGIN, listed.name());
    let line = SignatureLine::sign(&text, listed.name(), &second).unwrap();
    let renamed = SignedCheckpoint::parse(Note::new(text, vec![line]).to_string().as_bytes()).unwrap();
    let both = format!("log {listed}\n{policy}");
    let stale = Stale::start(&renamed);
    let (found, followed) = follow(&state, &both, &stale.url, Asked::default()).await;
    assert_eq!(found, ["other-log"], "{followed:?}");
    let asked = Asked { others: vec![("friend".to_owned(), renamed)], ..Asked::default() };
    let (found, followed) = follow(&state, &both, &running.url, asked).await;
    assert!(found == ["other-checkpoint"] && followed.findings[0].detail.contains("another one"), "{followed:?}");
    assert_eq!(fs::read(state.join("checkpoint")).unwrap(), before, "nothing of all that was taken over");
    let asked = Asked { others: vec![("friend".to_owned(), forked)], ..Asked::default() };
    let (found, followed) = follow(&state, &policy, &running.url, asked).await;
    assert_eq!(found, ["other-checkpoint"], "{followed:?}");

    // a second statement for an instant, by somebody who owns the database
    running
        .place
        .database
        .run(
            "ALTER TABLE attestations DISABLE TRIGGER attestations_admit;
             ALTER TABLE attestations DROP CONSTRAINT attestations_one_epoch; DROP INDEX snapshots_one_epoch;
             UPDATE exchanges SET newest_epoch = NULL",
        )
        .await;
    publish(&running.place.database.store, "solvency-8", 4, "twice", NOW - Duration::days(46)).await;
    running.place.database.run("UPDATE exchanges SET newest_epoch = NULL").await;
    publish(&running.place.database.store, "solvency-8", 4, "before", NOW - Duration::days(49) - Duration::HOUR).await;
    running.sign(&[]).await.unwrap();
    let (found, followed) = follow(&state, &policy, &running.url, Asked::default()).await;
    assert_eq!(found, ["duplicate", "backwards"], "{followed:?}");
    assert_eq!(follow(&state, &policy, &running.url, Asked::default()).await.0, ["duplicate", "backwards"]);

    // another key is not the log's, and a state that somebody altered is none
    let other = KeyRing::open_or_create(&dir.path().join("keys"), NOW).unwrap();
    let other = verifier_key(&other, ORIGIN, &FixedClock(NOW)).unwrap().unwrap();
    let (found, _) = follow(&state, &format!("log {other}\nquorum none\n"), &running.url, Asked::default()).await;
    assert_eq!(found, ["policy"]);
    // two at once would mix what they write
    let first = Monitor::open(&state, Policy::parse(policy.as_bytes()).unwrap()).unwrap();
    let Err(refused) = Monitor::open(&state, Policy::parse(policy.as_bytes()).unwrap()) else { panic!("two monitors") };
    assert!(refused.to_string().contains("another monitor uses this directory"), "{refused}");
    drop(first);
    let entries = state.join("entries");
    let mut bytes = fs::read(&entries).unwrap();
    bytes[10] ^= 1;
    fs::write(&entries, bytes).unwrap();
    assert!(Monitor::open(&state, Policy::parse(policy.as_bytes()).unwrap()).is_err());
    for running in [running, fork] {
        running.handle.stop(false).await;
    }
}

#[actix_web::test]
async fn a_log_of_more_than_one_tile_is_read_and_shown_to_continue() {
    let mut running = Running::start().await;
    let store = running.place.database.store.clone();
    let mut checkpoints = Vec::new();
    for number in 0..260 {
        published(&store, "a.example", day(0) + Duration::hours(number), &format!("statement {number}")).await;
        if [100, 255, 256, 259].contains(&(number + 1)) {
            running.sign(&[]).await.unwrap();
            checkpoints.push(running.checkpoint().await.checkpoint().clone());
        }
    }
    running.sign(&[]).await.unwrap();
    let newest = running.checkpoint().await.checkpoint().clone();
    let url = running.url.clone();
    blocking(move || {
        let reader = Reader::new(&url);
        for first in [0, 3, 255, 256, 258] {
            assert_eq!(reader.entries(first, 260).unwrap().len() as u64, 260 - first);
        }
        assert_eq!(Tree::of(&reader.entries(0, 260).unwrap()).root(), newest.root);
        for old in &checkpoints {
            let new = (newest.size, &newest.root);
            assert_eq!(reader.continues((old.size, &old.root), new).unwrap(), Ok(()), "{}", old.size);
            assert!(reader.continues((old.size, &[7; 32]), new).unwrap().is_err(), "{}", old.size);
        }
        assert!(reader.continues((newest.size, &newest.root), (100, &checkpoints[0].root)).unwrap().is_err());
    })
    .await;
    running.handle.stop(false).await;
}

/// Exit code and output of the program.
fn assay(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr))
}

#[actix_web::test]
async fn the_commands_say_what_they_found_and_end_with_its_code() {
    let mut running = Running::start().await;
    let all = running.publish(0..2).await;
    running.sign(&[]).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| -> PathBuf {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    write("out/statement.json", &all[1].statement);
    let proof = running.text(&format!("/v1/attestations/{}/log-proof", all[1].id)).await;
    let proof = write("out/log/attestation.tlog-proof", proof.as_bytes());
    let policy = write("policy", running.text("/.well-known/assay-log").await.as_bytes());
    running.publish(2..4).await;
    running.sign(&[]).await.unwrap();
    let newest = write("checkpoint", running.text("/log/checkpoint").await.as_bytes());
    let mut fork = Running::start().await;
    fork.place.keys = Arc::clone(&running.place.keys);
    fork.publish(4..8).await;
    fork.sign(&[]).await.unwrap();
    let forked = write("forked", fork.text("/log/checkpoint").await.as_bytes());
    let other = write("out/statement-of-another.json", &all[0].statement);
    let (url, fork_url) = (running.url.clone(), fork.url.clone());
    let place = dir.path().to_owned();
    blocking(move || {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (out, policy, proof) = (text(&place.join("out")), text(&policy), text(&proof));
        let (newest, forked, state) = (text(&newest), text(&forked), text(&place.join("state")));
        let verify = ["log", "verify", &out, "--log-policy", &policy];
        let (code, said) = assay(&verify);
        assert!(code == Some(0) && said.contains("entry 1 of assay.example/log, which has 2"), "{said}");
        let (code, said) = assay(&[&verify[..], &["--url", &url]].concat());
        assert!(
            code == Some(0) && said.contains("✓ the log of today continues") && said.contains("4 entries, 2"),
            "{said}"
        );
        let (code, said) = assay(&[&verify[..], &["--url", &fork_url]].concat());
        assert!(code == Some(1) && said.contains("forked or rewritten"), "{said}");
        assert_eq!(assay(&[&verify[..], &["--url", "http://127.0.0.1:1/log"]].concat()).0, Some(3));

        let compare = |a: &str, b: &str, more: &[&str]| {
            assay(&[&["log", "compare", a, b, "--log-policy", &policy][..], more].concat())
        };
        assert_eq!(compare(&newest, &newest, &[]).0, Some(0));
        assert_eq!(compare(&newest, &proof, &[]).0, Some(2), "two sizes need the log");
        let (code, said) = compare(&newest, &proof, &["--url", &url]);
        assert!(code == Some(0) && said.starts_with("ONE LOG: assay.example/log, 2 and 4 entries."), "{said}");
        let (code, said) = compare(&newest, &forked, &[]);
        assert!(code == Some(1) && said.contains("two roots of 4 entries are signed"), "{said}");
        assert_eq!(compare(&newest, &policy, &[]).0, Some(2));

        let monitor = ["log", "monitor", &url, "--log-policy", &policy, "--state", &state];
        let (code, said) = assay(&monitor);
        assert!(code == Some(0) && said.contains("4 entries, 0 were known. Nothing was found."), "{said}");
        let (code, said) = assay(&[&monitor[..], &["--json", "--compare", &proof, &forked]].concat());
        assert!(
            code == Some(1) && said.contains("\"other-checkpoint\"") && !said.contains("attestation.tlog-proof:"),
            "{said}"
        );

        // the statement of another entry
        fs::rename(other, place.join("out/statement.json")).unwrap();
        let (code, said) = assay(&verify);
        assert!(code == Some(1) && said.contains("this statement is not the entry"), "{said}");
    })
    .await;
    for running in [running, fork] {
        running.handle.stop(false).await;
    }
}
