//! The interface on a real Postgres, without a prover: a ledger is handed over, and an attestation that stands in the
//! database is handed out.

use std::{
    io::{Cursor, Read},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
};

use actix_web::{
    App,
    body::MessageBody,
    dev::ServiceResponse,
    http::header,
    test::{TestRequest, call_service, init_service, read_body},
};
use assay::{
    api::{self, ApiState, Parts},
    attest::{StoredNode, record, upper_nodes},
    clock::Clock,
    config::Config,
    store::{
        Store,
        attestations::{self, NewAttestation},
        jobs::{self, JobState, NewJob, PlanInfo},
        new_id, pages,
    },
    tokens::{Grant, KeyRing, Role, TokenVerifier},
    transparency::signer::SignerHealth,
};
use assay_core::{
    field::F,
    identity::MasterSecret,
    lines::{LineFields, ReserveTree},
    sealed::Sealed,
    signature::Jws,
    time::format_instant,
    tree::UpperTree,
};
use assay_programs::{
    ledger::{inclusion::verify_inclusion, page::Page, shape::Shape},
    reserves::verify_reserves,
    testing::{batch_roots, test_pages, test_statement},
};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use crate::support::Database;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);
pub(crate) const EXCHANGE: &str = "exchange.example";
const SEED: u8 = 5;

/// A clock that shows [`NOW`] and as many seconds more as a test has turned it on.
#[derive(Default)]
pub(crate) struct Hand(AtomicI64);

impl Hand {
    pub(crate) fn turn(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> OffsetDateTime {
        NOW + Duration::seconds(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) struct Place {
    pub(crate) state: ApiState,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) database: Database,
    pub(crate) signer: SignerHealth,
    pub(crate) clock: Arc<Hand>,
    pub(crate) dir: tempfile::TempDir,
}

impl Place {
    pub(crate) async fn new(change: impl FnOnce(&mut Config)) -> Self {
        LazyLock::force(&LOG);
        let database = Database::new().await;
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config { rate_limit_anonymous: 0, rate_limit_subject: 0, ..Config::default() };
        config.worker.test_shapes = true;
        change(&mut config);
        let keys = Arc::new(KeyRing::open_or_create(&dir.path().join("keys"), NOW).unwrap());
        let verifier = TokenVerifier::from_config(&config, Arc::clone(&keys)).unwrap();
        let signer = SignerHealth::default();
        let clock = Arc::<Hand>::default();
        let parts = Parts {
            store: database.store.clone(),
            verifier: Arc::new(verifier),
            keys: Arc::clone(&keys),
            config: Arc::new(config),
            clock: Arc::<Hand>::clone(&clock),
            secret: MasterSecret::new([SEED; 32]),
            disk: None,
            signer: signer.clone(),
        };
        Self { state: ApiState::new(parts).unwrap(), keys, signer, clock, database, dir }
    }

    pub(crate) fn token(&self, role: Role, subject: &str, exchange: &str) -> String {
        let url = Config::default().public_url;
        let (issuer, audience) = (url.clone(), url);
        let (subject, exchange) = (subject.to_owned(), Some(exchange.to_owned()));
        let grant = Grant { issuer, audience, subject, role, exchange, ttl: Duration::hours(1) };
        format!("Bearer {}", self.keys.mint(&grant, NOW).unwrap())
    }

    pub(crate) fn publisher(&self) -> String {
        self.token(Role::Publisher, "publisher", EXCHANGE)
    }
}

macro_rules! app {
    ($place:expr) => {
        init_service(App::new().configure(api::configure($place.state.clone()))).await
    };
}

pub(crate) fn post(path: &str, token: &str, body: &Value) -> TestRequest {
    TestRequest::post().uri(path).insert_header((header::AUTHORIZATION, token)).set_json(body)
}

pub(crate) fn get(path: &str, token: &str) -> TestRequest {
    let request = TestRequest::get().uri(path);
    if token.is_empty() { request } else { request.insert_header((header::AUTHORIZATION, token)) }
}

pub(crate) fn put(path: &str, token: &str, body: impl Into<Vec<u8>>) -> TestRequest {
    let request = TestRequest::put().uri(path).insert_header((header::AUTHORIZATION, token));
    request.set_payload(body.into())
}

pub(crate) async fn json_of(answer: ServiceResponse<impl MessageBody>) -> Value {
    serde_json::from_slice(&read_body(answer).await).unwrap()
}

pub(crate) fn header_of(answer: &ServiceResponse<impl MessageBody>, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

pub(crate) fn description(id: &str, taken_at: &str) -> Value {
    json!({
        "exchange": {"name": "Example", "domain": EXCHANGE},
        "snapshot": {"id": id, "taken_at": taken_at},
        "book": {"assets": [{"symbol": "BTC", "scale": "8", "price": "1", "quote": "USD"}]},
    })
}

pub(crate) use app;

#[actix_web::test]
async fn a_ledger_is_handed_over_and_its_attestation_asked_for_once() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let (own, other) = (place.publisher(), place.token(Role::Publisher, "p", "other.example"));
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;

    // a2: not of the future
    let early = send(post("/v1/snapshots", &own, &description("early", "2026-11-24T12:06:00Z"))).await;
    assert_eq!(json_of(early).await["type"], "/problems/snapshot-time");

    // a6: the same request under the same key is done once, another one under it is refused
    let body = description("one", "2026-11-23T00:00:00Z");
    let named = |body: &Value| post("/v1/snapshots", &own, body).insert_header(("idempotency-key", "k"));
    let made = send(named(&body)).await;
    assert_eq!(made.status(), 201);
    let location = header_of(&made, "location");
    let made = json_of(made).await;
    assert_eq!(made["files"][0]["name"], "assets.csv");
    let again = send(named(&body)).await;
    assert_eq!((again.status().as_u16(), header_of(&again, "idempotent-replayed").as_str()), (201, "true"));
    assert_eq!(header_of(&again, "location"), location);
    assert_eq!(json_of(again).await, made);
    let mismatch = send(named(&description("two", "2026-11-23T00:00:01Z"))).await;
    assert_eq!(json_of(mismatch).await["type"], "/problems/idempotency-mismatch");
    let exists = send(post("/v1/snapshots", &own, &body)).await;
    assert_eq!(json_of(exists).await["type"], "/problems/snapshot-exists");

    // nobody else's
    assert_eq!(send(get(&location, &other)).await.status(), 404);
    assert_eq!(send(put(&format!("{location}/files/accounts.csv"), &other, "x")).await.status(), 404);
    assert_eq!(send(post(&format!("{location}/attestation"), &other, &json!({}))).await.status(), 404);

    let incomplete = send(post(&format!("{location}/attestation"), &own, &json!({}))).await;
    assert_eq!(json_of(incomplete).await["type"], "/problems/snapshot-incomplete");

    let accounts = b"account,class\nalice,0\n".to_vec();
    let digest = Sha256::digest(&accounts);
    let sent = send(put(&format!("{location}/files/accounts.csv"), &own, accounts.clone())).await;
    assert_eq!((sent.status().as_u16(), header_of(&sent, "etag")), (204, format!("\"{}\"", hex::encode(digest))));
    // the same content again
    assert_eq!(send(put(&format!("{location}/files/accounts.csv"), &own, accounts)).await.status(), 204);
    let twice = send(put(&format!("{location}/files/accounts.csv.gz"), &own, "x")).await;
    assert_eq!(json_of(twice).await["type"], "/problems/file-exists");
    let chunks = place.database.count("file_chunks").await;
    let damaged = send(put(&format!("{location}/files/balances.csv.zst"), &own, "not packed")).await;
    assert_eq!(json_of(damaged).await["type"], "/problems/damaged-file");
    let lost = put(&format!("{location}/files/balances.csv"), &own, "account")
        .insert_header(("content-digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"));
    assert_eq!(json_of(send(lost).await).await["type"], "/problems/digest-mismatch");
    assert_eq!(place.database.count("file_chunks").await, chunks, "a failed upload leaves nothing");
    assert_eq!(send(put(&format!("{location}/files/manifest.toml"), &own, "x")).await.status(), 404);
    let text: String = (0..200_000).map(|i| format!("alice,BTC,{i},0\n")).collect();
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    assert_eq!(send(put(&format!("{location}/files/balances.csv.zst"), &own, packed)).await.status(), 204);
    let shown = json_of(send(get(&location, &own)).await).await;
    assert_eq!(shown["files"].as_array().unwrap().len(), 3);

    let unknown = send(post(&format!("{location}/attestation"), &own, &json!({"shape": "solvency-9"}))).await;
    assert_eq!(json_of(unknown).await["type"], "/problems/unknown-shape");
    let asked = post(&format!("{location}/attestation"), &own, &json!({})).insert_header(("idempotency-key", "a"));
    let asked = send(asked).await;
    assert_eq!(asked.status(), 202);
    let job = header_of(&asked, "location");
    assert_eq!(json_of(asked).await["state"], "queued");
    let again = post(&format!("{location}/attestation"), &own, &json!({})).insert_header(("idempotency-key", "a"));
    assert_eq!(header_of(&send(again).await, "location"), job);
    let second = TestRequest::post().uri(&format!("{location}/attestation"));
    let second = send(second.insert_header((header::AUTHORIZATION, own.as_str()))).await;
    assert_eq!(json_of(second).await["type"], "/problems/job-under-way");
    let sealed = send(put(&format!("{location}/files/positions.csv"), &own, "x")).await;
    assert_eq!(json_of(sealed).await["type"], "/problems/snapshot-sealed");

    assert_eq!(json_of(send(get(&job, &own)).await).await["snapshot"], made["id"]);
    assert_eq!(send(get(&job, &other)).await.status(), 404);
    let cancel = |token: &str| TestRequest::delete().uri(&job).insert_header((header::AUTHORIZATION, token.to_owned()));
    assert_eq!(send(cancel(&other)).await.status(), 404);
    let cancelled = send(cancel(&own)).await;
    assert_eq!(cancelled.status(), 202);
    assert_eq!(json_of(cancelled).await["state"], "cancelled");
    assert_eq!(send(cancel(&own)).await.status(), 202, "again, where the answer was lost");

    // the stream of a job that has ended says so and ends; who knows already is told nothing
    let events = String::from_utf8(read_body(send(get(&format!("{job}/events"), &own)).await).await.to_vec()).unwrap();
    let id = events.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    assert!(events.starts_with("event: progress\n") && events.contains("\"state\":\"cancelled\""), "{events}");
    let known = get(&format!("{job}/events"), &own).insert_header(("last-event-id", id));
    assert_eq!(send(known).await.status(), 204);
    assert_eq!(send(get(&format!("{job}/events"), &other)).await.status(), 404);
}

#[actix_web::test]
async fn progress_is_told_when_it_is_made_and_a_service_that_stops_hangs_up() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let own = place.publisher();
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let location =
        header_of(&send(post("/v1/snapshots", &own, &description("one", "2026-11-23T00:00:00Z"))).await, "location");
    for (name, text) in [("accounts", "account,class\n"), ("balances", "account,asset,equity,debt\n")] {
        assert_eq!(send(put(&format!("{location}/files/{name}.csv"), &own, text)).await.status(), 204);
    }
    let job = header_of(&send(post(&format!("{location}/attestation"), &own, &json!({}))).await, "location");
    let id: Uuid = job.rsplit('/').next().unwrap().parse().unwrap();
    let stream = send(get(&format!("{job}/events"), &own)).await;
    assert_eq!(header_of(&stream, "content-type"), "text/event-stream");
    let mut body = std::pin::pin!(stream.into_body());
    let mut next = async || {
        let piece = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await;
        piece.map(|piece| String::from_utf8(piece.unwrap_or_else(|_| panic!("a stream breaks off")).to_vec()).unwrap())
    };
    assert!(next().await.unwrap().contains("\"state\":\"queued\""));
    let advance = async |tx| jobs::advance(&tx, id, &[JobState::Queued], JobState::Checking, NOW).await;
    assert!(place.database.store.run_tx("test", advance).await.unwrap());
    let event = next().await.unwrap();
    assert!(event.contains("id: checking-0\n") && event.contains("\"state\":\"checking\""), "{event}");
    place.state.stop_streams();
    assert_eq!(next().await, None);
}

#[actix_web::test]
async fn a_running_server_answers_head_and_finishes_what_is_under_way() {
    use std::io::Write;
    let place = Place::new(|_| {}).await;
    let published = publish(&place.database.store, "solvency-8", 3, "one", NOW - Duration::days(1)).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = api::server(place.state.clone(), listener).unwrap();
    let (handle, running) = (server.handle(), actix_web::rt::spawn(server));
    let ask = move |head: String| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let path = format!("/v1/attestations/{}/proof", published.id);
    let head = format!("HEAD {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let answer = actix_web::web::block(move || ask(head)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-length: 7\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    handle.stop(true).await;
    running.await.unwrap().unwrap();
}

#[actix_web::test]
async fn a7_what_is_too_large_or_unpacks_to_too_much_is_refused_and_leaves_no_file() {
    let place = Place::new(|config| {
        (config.upload_max_bytes, config.upload_max_decompressed_bytes) = (3 << 20, 64 << 20);
        config.upload_max_ratio = 50;
    })
    .await;
    let app = app!(place);
    let own = place.publisher();
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let made = send(post("/v1/snapshots", &own, &description("one", "2026-11-23T00:00:00Z"))).await;
    let location = header_of(&made, "location");
    for (name, body) in [
        ("balances.csv", vec![b'x'; (3 << 20) + 1]),
        ("balances.csv.zst", zstd::encode_all(&vec![0; 60 << 20][..], 1).unwrap()),
        ("balances.csv.zst", zstd::encode_all(&vec![0; 65 << 20][..], 1).unwrap()),
    ] {
        let refused = send(put(&format!("{location}/files/{name}"), &own, body)).await;
        assert_eq!(json_of(refused).await["type"], "/problems/too-large", "{name}");
    }
    let announced =
        put(&format!("{location}/files/balances.csv"), &own, "x").insert_header(("content-length", 4 << 20));
    assert_eq!(send(announced).await.status(), 413);
    let shown = json_of(send(get(&location, &own)).await).await;
    assert_eq!(shown["files"].as_array().unwrap().len(), 1);
    // exactly what is allowed, in whole chunks
    assert_eq!(send(put(&format!("{location}/files/balances.csv"), &own, vec![b'x'; 3 << 20])).await.status(), 204);
    let client = place.database.store.read().await.unwrap();
    let id = shown["id"].as_str().unwrap().parse::<Uuid>().unwrap();
    let files = assay::store::snapshots::snapshot_files(&client, id).await.unwrap();
    let file = files.iter().find(|file| file.name == "balances.csv").unwrap();
    let mut kept = Vec::new();
    let keep = |bytes: &[u8]| {
        kept.extend_from_slice(bytes);
        Ok::<_, assay::store::StoreError>(())
    };
    assay::store::snapshots::read_file(&client, file, keep).await.unwrap();
    assert_eq!(kept, vec![b'x'; 3 << 20]);
}

/// An attestation in the database, with a proof that nobody looks at here.
pub(crate) struct Published {
    pub(crate) id: String,
    pub(crate) statement: Vec<u8>,
    accounts: usize,
}

/// The key that signed what stands in the database.
fn own_key() -> SigningKey {
    SigningKey::from_bytes(&[SEED; 32])
}

pub(crate) async fn publish(
    store: &Store,
    shape: &str,
    accounts: usize,
    name: &str,
    epoch: OffsetDateTime,
) -> Published {
    let shape = Shape::named(shape).unwrap();
    let mut pages = test_pages(shape, accounts, u64::from(SEED));
    let whole = pages.len();
    pages.retain(|page| page.identity != F::from(0));
    pages.sort_by_key(|page| page.identity);
    let own = pages.len();
    pages.resize_with(whole, || Page::padding(shape));
    let secret = MasterSecret::new([SEED; 32]);
    let lines: Vec<LineFields> = (0..10)
        .map(|i| {
            let asset = if i % 2 == 0 { "T00" } else { "T01" };
            [asset, "bitcoin", &format!("address {i}"), "0.00000001", "", "", "", "", "", ""].map(str::to_owned)
        })
        .collect();
    let mut statement = test_statement(shape, &"0".repeat(64), &pages);
    statement.snapshot.id = name.to_owned();
    statement.snapshot.taken_at = format_instant(epoch);
    let reserves = ReserveTree::over(&lines, |line| {
        secret.reserve_blind(&statement.exchange.domain, &statement.snapshot.id, line as u64)
    });
    statement.reserves.root = hex::encode(reserves.root());
    statement.exchange.name = format!("Exchange {name}");
    assay_programs::testing::recommit(&mut statement, &pages);
    let statement = Sealed::seal(statement).unwrap();
    let (bytes, id) = (statement.bytes().to_vec(), statement.digest().0);

    let job_id = new_id(NOW);
    let make = async |tx| {
        let exchange = assay::store::exchanges::ensure_exchange(&tx, EXCHANGE, NOW).await?;
        let (name, manifest, created_by) = (name.to_owned(), String::new(), "test".to_owned());
        let new = assay::store::snapshots::NewSnapshot { exchange, name, epoch, manifest, created_by, now: NOW };
        let snapshot_id = assay::store::snapshots::create_snapshot(&tx, &new).await?;
        let (shape, created_by) = ("auto".to_owned(), "test".to_owned());
        let new = NewJob { id: job_id, snapshot_id, shape, shards: None, created_by, now: NOW };
        jobs::create_job(&tx, &new).await
    };
    store.run_tx("test", make).await.unwrap();
    let records: Vec<_> = pages[..own].iter().map(record).collect();
    let upper = UpperTree::build(shape.depths, batch_roots(shape, &pages));
    let row = |node: StoredNode| pages::NodeRow {
        height: node.height as i16,
        position: node.position as i64,
        digest: node.digest,
    };
    let nodes: Vec<_> = upper_nodes(shape.depths, 0, &upper).map(row).collect();
    let plan = PlanInfo {
        shape: shape.name.to_owned(),
        accounts: accounts as i64,
        pages: own as i64,
        steps: vec![statement.all_steps() as i32],
        statement: bytes.clone(),
    };
    let load = async |tx| {
        pages::load_pages(&tx, job_id, (0i64..).zip(records.iter().cloned())).await?;
        pages::load_tree(&tx, job_id, nodes.clone().into_iter()).await?;
        pages::load_reserves(&tx, job_id, &lines).await?;
        jobs::set_plan(&tx, job_id, &plan, NOW).await
    };
    store.run_load("test", load).await.unwrap();
    let new = NewAttestation {
        id,
        job_id,
        exchange_name: statement.exchange.name.clone(),
        valid: true,
        report: json!({ "valid": true }),
        statement: bytes.clone(),
        proof: b"a proof".to_vec(),
        jws: String::from_utf8(Jws::sign(&bytes, &own_key()).to_bytes()).unwrap(),
        now: NOW,
    };
    let publish = async |tx| {
        attestations::publish(&tx, &new).await?;
        jobs::advance(&tx, job_id, &[JobState::Queued], JobState::Published, NOW).await
    };
    assert!(store.run_tx("test", publish).await.unwrap());
    Published { id: hex::encode(id), statement: bytes, accounts }
}

#[actix_web::test]
async fn what_is_published_is_listed_shown_and_given_in_parts() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    assert_eq!(send(get("/v1/attestations/latest", "")).await.status(), 404);
    let mut published = Vec::new();
    for day in 1..=3 {
        let epoch = NOW - Duration::days(10 - day);
        published.push(publish(&place.database.store, "solvency-8", 5, &format!("s{day}"), epoch).await);
    }
    let newest = &published[2];

    // pages follow each other, newest first
    let (mut path, mut seen) = ("/v1/attestations?limit=2".to_owned(), Vec::new());
    loop {
        let answer = send(get(&path, "")).await;
        let link = header_of(&answer, "link");
        let page = json_of(answer).await;
        seen.extend(page["attestations"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap().to_owned()));
        match link.strip_prefix('<').and_then(|l| l.strip_suffix(">; rel=\"next\"")) {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    let expected: Vec<_> = published.iter().rev().map(|p| p.id.clone()).collect();
    assert_eq!(seen, expected);
    let one = send(get("/v1/attestations?from=2026-11-16T12:00:00Z&to=2026-11-16T12:00:00Z", "")).await;
    assert_eq!(json_of(one).await["attestations"].as_array().unwrap().len(), 1);
    let none = send(get("/v1/attestations?exchange=other.example", "")).await;
    assert_eq!(json_of(none).await["attestations"], json!([]));

    let latest = json_of(send(get("/v1/attestations/latest", "")).await).await;
    let shown = json_of(send(get(&format!("/v1/attestations/{}", newest.id), "")).await).await;
    assert_eq!(latest, shown);
    assert_eq!(shown["assets"][0]["asset"], "T00");
    assert_eq!(shown["assets"][0]["coverage_bps"], 10_000);

    let base = format!("/v1/attestations/{}", newest.id);
    for (part, kind) in [
        ("statement", "application/json"),
        ("proof", "application/octet-stream"),
        ("jws", "application/jose+json"),
        ("bundle.zip", "application/zip"),
        ("coverage.svg", "image/svg+xml"),
    ] {
        let whole = send(get(&format!("{base}/{part}"), "").insert_header(("accept-encoding", "gzip"))).await;
        assert_eq!((whole.status().as_u16(), header_of(&whole, "content-type").as_str()), (200, kind));
        assert!(
            header_of(&whole, "cache-control").contains("immutable")
                && header_of(&whole, "content-encoding").is_empty()
        );
        let etag = header_of(&whole, "etag");
        let bytes = read_body(whole).await;
        assert_eq!(etag, format!("\"{}\"", hex::encode(Sha256::digest(&bytes))));
        let known = get(&format!("{base}/{part}"), "").insert_header(("if-none-match", etag));
        assert_eq!(send(known).await.status(), 304);
        let tail = send(get(&format!("{base}/{part}"), "").insert_header(("range", "bytes=5-"))).await;
        assert_eq!(tail.status(), 206);
        assert_eq!(read_body(tail).await, bytes.slice(5..));
        let beyond = send(get(&format!("{base}/{part}"), "").insert_header(("range", "bytes=99999999-"))).await;
        assert_eq!(json_of(beyond).await["type"], "/problems/range-not-satisfiable");
        let unknown = send(get(&format!("/v1/attestations/{}/{part}", "0".repeat(64)), "")).await;
        assert_eq!(unknown.status(), 404);
    }
    let zip = read_body(send(get(&format!("{base}/bundle.zip"), "")).await).await;
    let mut zip = zip::ZipArchive::new(Cursor::new(zip.to_vec())).unwrap();
    let mut statement = Vec::new();
    zip.by_name("statement.json").unwrap().read_to_end(&mut statement).unwrap();
    assert_eq!(statement, newest.statement);
}

#[actix_web::test]
async fn what_is_shown_of_an_attestation_comes_from_its_statement() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let published = publish(&place.database.store, "compliance-8", 5, "one", NOW - Duration::days(1)).await;
    let statement: Value = serde_json::from_slice(&published.statement).unwrap();
    // a draft of the same exchange under another name
    let mut draft = description("draft", "2026-11-24T00:00:00Z");
    draft["exchange"]["name"] = json!("Another Name");
    assert_eq!(send(post("/v1/snapshots", &place.publisher(), &draft)).await.status(), 201);
    let shown = json_of(send(get(&format!("/v1/attestations/{}", published.id), "")).await).await;
    let listed = json_of(send(get("/v1/attestations", "")).await).await["attestations"][0].clone();
    let auditor = place.token(Role::Auditor, "auditor", EXCHANGE);
    let judged = json_of(send(get(&format!("/v1/compliance/{}", published.id), &auditor)).await).await;
    for summary in [&shown, &listed, &judged["attestation"]] {
        assert_eq!(summary["exchange"]["name"], "Exchange one", "{summary}");
        assert_eq!(summary["exchange"]["domain"], statement["exchange"]["domain"]);
    }
    for (name, value) in [("snapshot", "id"), ("taken_at", "taken_at")] {
        assert_eq!(shown[name], statement["snapshot"][value]);
    }
    assert_eq!(shown["shape"], statement["shape"]);
}

#[actix_web::test]
async fn a_statement_that_was_changed_in_the_database_is_given_to_nobody() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let published = publish(&place.database.store, "compliance-8", 5, "one", NOW - Duration::days(1)).await;
    let sql = "ALTER TABLE attestations DISABLE TRIGGER ALL;
               ALTER TABLE attestations DROP CONSTRAINT attestations_id_is_digest;
               UPDATE attestations SET statement = convert_to(replace(convert_from(statement, 'UTF8'),
                                                              'Exchange one', 'Exchange two'), 'UTF8')";
    place.database.run(sql).await;
    let (auditor, customer) =
        (place.token(Role::Auditor, "a", EXCHANGE), place.token(Role::Customer, "account 1", EXCHANGE));
    let base = format!("/v1/attestations/{}", published.id);
    for (path, token) in [
        (base.clone(), ""),
        ("/v1/attestations/latest".to_owned(), ""),
        (format!("{base}/statement"), ""),
        (format!("{base}/bundle.zip"), ""),
        (format!("{base}/coverage.svg"), ""),
        (format!("{base}/inclusion"), &customer),
        (format!("/v1/compliance/{}", published.id), &auditor),
        (format!("/v1/reserves/{}", published.id), &auditor),
    ] {
        assert_eq!(send(get(&path, token)).await.status(), 500, "{path}");
    }
}

#[actix_web::test]
async fn pages_out_of_order_take_inclusion_files_away_and_nothing_else() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let published = publish(&place.database.store, "compliance-8", 60, "one", NOW - Duration::days(1)).await;
    // the first page gets the highest identity
    let sql = "UPDATE pages SET record = (SELECT record FROM pages ORDER BY position DESC LIMIT 1) WHERE position = 0";
    place.database.run(sql).await;
    let (auditor, customer) =
        (place.token(Role::Auditor, "a", EXCHANGE), place.token(Role::Customer, "account 1", EXCHANGE));
    let base = format!("/v1/attestations/{}", published.id);
    assert_eq!(send(get(&format!("{base}/inclusion"), &customer)).await.status(), 500);
    for (path, token) in [
        (base.clone(), ""),
        (format!("{base}/statement"), ""),
        (format!("{base}/bundle.zip"), ""),
        (format!("{base}/coverage.svg"), ""),
        (format!("/v1/compliance/{}", published.id), &auditor),
        (format!("/v1/reserves/{}", published.id), &auditor),
    ] {
        assert_eq!(send(get(&path, token)).await.status(), 200, "{path}");
    }
}

#[actix_web::test]
async fn an_exchange_cannot_find_out_or_take_the_ids_of_another_one() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let (own, other) = (place.publisher(), place.token(Role::Publisher, "p", "other.example"));
    let of_other = |id: &str, taken_at: &str| {
        let mut body = description(id, taken_at);
        body["exchange"]["domain"] = json!("other.example");
        body
    };
    let mut answers = Vec::new();
    // one that is there, one that is published, one that nobody has: the answers are the same
    publish(&place.database.store, "solvency-8", 3, "published", NOW - Duration::days(9)).await;
    assert_eq!(send(post("/v1/snapshots", &own, &description("draft", "2026-11-23T00:00:00Z"))).await.status(), 201);
    for (second, id) in (0..).zip(["draft", "published", "nobody-s"]) {
        let taken_at = format!("2026-11-23T00:00:0{second}Z");
        let answer = send(post("/v1/snapshots", &other, &of_other(id, &taken_at))).await;
        answers.push(answer.status().as_u16());
    }
    assert_eq!(answers, [201, 201, 201]);
    // and an id that the other one has taken beforehand is free
    let taken = of_other("2026-12", "2026-11-22T00:00:00Z");
    assert_eq!(send(post("/v1/snapshots", &other, &taken)).await.status(), 201);
    let wanted = description("2026-12", "2026-11-24T00:00:00Z");
    assert_eq!(send(post("/v1/snapshots", &own, &wanted)).await.status(), 201);
    let twice = description("2026-12", "2026-11-24T00:00:01Z");
    assert_eq!(json_of(send(post("/v1/snapshots", &own, &twice)).await).await["type"], "/problems/snapshot-exists");
}

#[actix_web::test]
async fn a4_every_customer_gets_their_own_inclusion_and_nobody_else_s() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    for (shape, name) in [("solvency-8", "one"), ("compliance-8", "two")] {
        let epoch = if name == "one" { NOW - Duration::days(2) } else { NOW - Duration::days(1) };
        let published = publish(&place.database.store, shape, 60, name, epoch).await;
        let path = format!("/v1/attestations/{}/inclusion", published.id);
        for account in (0..published.accounts).map(|i| format!("account {i}")) {
            let token = place.token(Role::Customer, &account, EXCHANGE);
            let answer = send(get(&path, &token).insert_header(("accept-encoding", "gzip"))).await;
            assert_eq!(header_of(&answer, "cache-control"), "private, no-store");
            assert!(header_of(&answer, "content-encoding").is_empty());
            let file = read_body(answer).await;
            let report = verify_inclusion(Sealed::parse(&published.statement).as_ref(), &file, Some(&account));
            assert!(report.is_valid(), "{account}: {:?}", report.checks);
        }
        // whoever has nothing here is told the same, for whatever reason
        let mut answers = Vec::new();
        for (account, exchange, path) in [
            ("account 60", EXCHANGE, path.clone()),
            ("account 1", "other.example", path.clone()),
            ("nobody", "other.example", path.clone()),
            ("account 1", EXCHANGE, format!("/v1/attestations/{}/inclusion", "0".repeat(64))),
        ] {
            let token = place.token(Role::Customer, account, exchange);
            let answer = send(get(&path, &token)).await;
            assert_eq!(answer.status(), 404);
            answers.push(read_body(answer).await);
        }
        assert!(answers.iter().all(|answer| answer == &answers[0]));
    }
}

/// A regulator reads rules, totals and results; what single accounts hold is in no answer they can get.
#[actix_web::test]
async fn a5_a_regulator_s_token_reads_no_account_s_balances() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let published = publish(&place.database.store, "compliance-8", 12, "one", NOW - Duration::days(1)).await;
    let base = format!("/v1/attestations/{}", published.id);
    let customer = place.token(Role::Customer, "account 3", EXCHANGE);
    let own = json_of(send(get(&format!("{base}/inclusion"), &customer)).await).await;
    let entries = own["pages"].as_array().unwrap().iter().flat_map(|page| page["entries"].as_array().unwrap());
    let quantities: Vec<&str> = entries.map(|e| e["quantity"].as_str().unwrap()).filter(|q| q.len() > 6).collect();
    assert!(!quantities.is_empty());
    for role in [Role::Regulator, Role::Auditor] {
        let token = place.token(role, "authority", EXCHANGE);
        assert_eq!(send(get(&format!("{base}/inclusion"), &token)).await.status(), 403);
        let paths = [base.clone(), format!("{base}/statement"), format!("/v1/compliance/{}", published.id)];
        for path in paths.into_iter().chain([format!("/v1/reserves/{}", published.id)]) {
            let answer = send(get(&path, &token)).await;
            assert_eq!(answer.status(), 200, "{path}");
            let text = String::from_utf8(read_body(answer).await.to_vec()).unwrap();
            assert!(!text.contains("account 3") && !text.contains(own["salt"].as_str().unwrap()), "{path}");
            for quantity in &quantities {
                assert!(!text.contains(&format!("\"{quantity}\"")), "{quantity} is in {path}");
            }
        }
    }
}

/// What is published says how many batches were folded and never how many accounts there are: two ledgers that fill as many
/// batches look the same.
#[actix_web::test]
async fn s4_the_number_of_accounts_is_published_only_as_whole_batches() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let mut seen = Vec::new();
    for (day, accounts) in [(2, 1), (1, 4)] {
        let epoch = NOW - Duration::days(day);
        let name = format!("s{day}");
        let published = publish(&place.database.store, "solvency-8", accounts, &name, epoch).await;
        let shown = json_of(send(get(&format!("/v1/attestations/{}", published.id), "")).await).await;
        let statement: serde_json::Value = serde_json::from_slice(&published.statement).unwrap();
        assert!(shown.get("accounts").is_none() && shown.get("pages").is_none(), "{shown}");
        assert!(statement.get("accounts").is_none() && statement.get("pages").is_none());
        let fields =
            |value: &serde_json::Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
        seen.push((statement["steps"].clone(), fields(&statement), fields(&shown)));
    }
    assert_eq!(seen[0], seen[1]);
}

#[actix_web::test]
async fn auditors_see_the_evidence_and_what_customers_said() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let published = publish(&place.database.store, "compliance-8", 12, "one", NOW - Duration::days(1)).await;
    let path = format!("/v1/attestations/{}/verification", published.id);
    for (account, included) in [(0, true), (1, true), (1, true), (2, true), (2, false), (3, true)] {
        let token = place.token(Role::Customer, &format!("account {account}"), EXCHANGE);
        let said = post(&path, &token, &json!({ "included": included }))
            .insert_header(("idempotency-key", format!("{account}{included}")));
        assert_eq!(send(said).await.status(), 204);
    }
    for (account, exchange) in [("account 12", EXCHANGE), ("account 1", "other.example")] {
        let token = place.token(Role::Customer, account, exchange);
        assert_eq!(send(post(&path, &token, &json!({ "included": true }))).await.status(), 404);
    }
    let client = place.database.store.read().await.unwrap();
    let rows = client.query("SELECT subject FROM idempotency_keys", &[]).await.unwrap();
    assert!(rows.iter().all(|row| !row.get::<_, &str>(0).contains("account")));

    let auditor = place.token(Role::Auditor, "auditor", EXCHANGE);
    let seen = json_of(send(get(&format!("/v1/compliance/{}", published.id), &auditor)).await).await;
    assert_eq!(seen["verifications"], json!({ "included": 3, "not_included": 1 }));
    assert_eq!(seen["sentences"].as_array().unwrap().len(), 2);
    let other = place.token(Role::Regulator, "regulator", "other.example");
    assert_eq!(send(get(&format!("/v1/compliance/{}", published.id), &other)).await.status(), 404);

    for (query, lines) in [("", 10), ("?asset=T01", 5)] {
        let answer = send(get(&format!("/v1/reserves/{}{query}", published.id), &auditor)).await;
        let file = read_body(answer).await;
        let report = verify_reserves(Sealed::parse(&published.statement).as_ref(), &file);
        assert_eq!(report.lines, (lines, 10));
        assert!(report.checks.iter().take(2).all(|check| check.passed), "{:?}", report.checks);
    }
    assert_eq!(send(get(&format!("/v1/reserves/{}?asset=T09", published.id), &auditor)).await.status(), 404);
    assert_eq!(send(get(&format!("/v1/reserves/{}", published.id), &other)).await.status(), 404);
}

#[actix_web::test]
async fn the_service_is_ready_while_its_newest_attestation_is_young_enough() {
    let place = Place::new(|config| config.promised_interval_seconds = 3600).await;
    let app = app!(place);
    let ready = async || call_service(&app, TestRequest::get().uri("/readyz").to_request()).await;
    assert_eq!(json_of(ready().await).await["errors"][0]["place"], "attestations");
    publish(&place.database.store, "solvency-8", 3, "one", NOW - Duration::days(1)).await;
    // an answer holds for a quarter of a second
    actix_web::rt::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(ready().await.status(), 200);
}

#[actix_web::test]
async fn requests_that_are_sent_at_the_same_time_under_one_key_are_done_once() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let own = place.publisher();
    let body = description("one", "2026-11-23T00:00:00Z");
    let send = async || {
        let request = post("/v1/snapshots", &own, &body).insert_header(("idempotency-key", "same"));
        call_service(&app, request.to_request()).await.status().as_u16()
    };
    let mut statuses: Vec<u16> = futures_util::future::join_all((0..6).map(|_| send())).await;
    statuses.sort_unstable();
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&201));
    assert_eq!(send().await, 201);
    let client = place.database.store.read().await.unwrap();
    let count: i64 = client.query_one("SELECT count(*) FROM snapshots", &[]).await.unwrap().get(0);
    assert_eq!(count, 1);
}

/// Everything that is logged while these tests run, by all threads.
#[derive(Clone, Default)]
pub(crate) struct Log(pub(crate) Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) static LOG: LazyLock<Log> = LazyLock::new(|| {
    let (log, filter) = (Log::default(), tracing_subscriber::EnvFilter::new("debug,assay=trace"));
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).json();
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    log
});

#[actix_web::test]
async fn a8_no_log_line_holds_a_token_a_salt_a_balance_or_an_account() {
    let place = Place::new(|_| {}).await;
    let published = publish(&place.database.store, "solvency-8", 12, "one", NOW - Duration::days(1)).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let token = place.token(Role::Customer, "account 7", EXCHANGE);
    let path = format!("/v1/attestations/{}/inclusion?account=account%207", published.id);
    let file = json_of(send(get(&path, &token)).await).await;
    let said = format!("/v1/attestations/{}/verification", published.id);
    let verify = post(&said, &token, &json!({ "included": true })).insert_header(("idempotency-key", "account 7"));
    assert_eq!(send(verify).await.status(), 204);
    assert_eq!(send(get(&path, &format!("{token}x"))).await.status(), 401);
    assert_eq!(send(get("/account%207", &token)).await.status(), 404);
    let text = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("\"answered\"") && text.contains("inclusion:read") && text.contains("/inclusion"), "{text}");
    let mut needles = vec!["account 7".to_owned(), "account%207".to_owned(), file["salt"].as_str().unwrap().to_owned()];
    needles.extend(token.split(['.', ' ']).skip(1).map(str::to_owned));
    let quantities = file["pages"][0]["entries"].as_array().unwrap().iter();
    needles.extend(quantities.map(|e| e["quantity"].as_str().unwrap().to_owned()).filter(|q| q.len() > 6));
    for needle in needles {
        assert!(!text.contains(&needle), "{needle} is in the log");
    }
}
