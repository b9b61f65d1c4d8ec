//! What careless and hostile callers do to a running server: they do not read, do not write, ask all at once, or store without
//! end. Others are served meanwhile.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use actix_web::{
    App,
    dev::ServerHandle,
    http::{Method, header},
    test::{TestRequest, call_service, init_service},
};
use assay::{
    api,
    config::Config,
    store::{room, snapshots},
    tokens::Role,
};
use serde_json::json;
use uuid::Uuid;

use crate::api::{EXCHANGE, LOG, NOW, Place, app, description, get, header_of, json_of, post, publish, put};

/// A server that listens.
struct Server {
    address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    fn start(place: &Place) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = api::server(place.state.clone(), listener).unwrap();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { address, handle }
    }

    /// A connection that has sent `head`.
    fn sent(&self, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    /// The answer to `head`, whose connection must close after it.
    async fn answer(&self, head: String) -> String {
        let mut stream = self.sent(&head);
        let read = move || {
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).map(|_| String::from_utf8_lossy(&answer).into_owned())
        };
        actix_web::web::block(read).await.unwrap().unwrap_or_default()
    }

    async fn get(&self, path: &str) -> String {
        self.answer(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
    }
}

/// Memory of this process in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}

const LARGE_FILE: &str = "/docs/swagger-ui-bundle.js";

#[actix_web::test]
async fn callers_that_never_read_take_little_memory_and_newcomers_are_served() {
    assay::descriptors::raise().unwrap();
    let place = Place::new(|config| config.bounds.connections_per_address = 2000).await;
    let server = Server::start(&place);
    let whole = server.get(LARGE_FILE).await;
    assert!(whole.len() > 1 << 20);
    let before = resident();
    let head = format!("GET {LARGE_FILE} HTTP/1.1\r\nhost: x\r\n\r\n");
    let held: Vec<TcpStream> = (0..800).map(|_| server.sent(&head)).collect();
    actix_web::rt::time::sleep(Duration::from_secs(2)).await;
    let began = Instant::now();
    assert_eq!(server.get(LARGE_FILE).await.len(), whole.len());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // in one piece each, they would be 1.1 GB; other tests of this process take memory too
    let taken = resident().saturating_sub(before);
    assert!(taken < 400, "{taken} MiB");
    drop(held);
    server.handle.stop(false).await;
}

#[actix_web::test]
async fn one_address_holds_no_more_connections_than_its_share() {
    let place = Place::new(|config| config.bounds.connections_per_address = 20).await;
    let server = Server::start(&place);
    let head = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut served = 0;
    let mut closing = 0;
    let mut held = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let mut answer = [0; 4096];
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        if stream.write_all(head.as_bytes()).is_err() {
            continue;
        }
        let length = actix_web::web::block(move || {
            let length = stream.read(&mut answer).unwrap_or(0);
            (length, answer, stream)
        });
        let (length, answer, stream) = length.await.unwrap();
        let text = String::from_utf8_lossy(&answer[..length]).to_ascii_lowercase();
        served += usize::from(text.starts_with("http/1.1 200"));
        closing += usize::from(text.contains("connection: close"));
        held.push(stream);
    }
    // once three quarters are taken, an answer closes its connection, which makes room for the next
    assert!(served >= 30 && closing >= 15, "{served} served, {closing} closing");
    drop(held);
    actix_web::rt::time::sleep(Duration::from_millis(300)).await;
    // connections without any request are refused beyond the bound
    let silent: Vec<_> = (0..20).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    actix_web::rt::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.get("/healthz").await, "");
    drop(silent);
    actix_web::rt::time::sleep(Duration::from_millis(300)).await;
    assert!(server.get("/healthz").await.starts_with("HTTP/1.1 200"));
    server.handle.stop(false).await;
}

/// Makes a snapshot of `exchange` and returns its path.
macro_rules! snapshot {
    ($send:expr, $token:expr, $exchange:expr, $id:expr, $at:expr) => {{
        let mut body = description($id, $at);
        body["exchange"]["domain"] = json!($exchange);
        let made = $send(post("/v1/snapshots", $token, &body)).await;
        assert_eq!(made.status(), 201);
        header_of(&made, "location")
    }};
}

#[actix_web::test]
async fn one_exchange_holds_no_more_event_streams_than_its_share_and_head_holds_none() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let mut jobs = Vec::new();
    for exchange in [EXCHANGE, "other.example"] {
        let token = place.token(Role::Publisher, "p", exchange);
        let location = snapshot!(send, &token, exchange, exchange, "2026-11-23T00:00:00Z");
        for (name, text) in [("accounts", "account,class\n"), ("balances", "account,asset,equity,debt\n")] {
            assert_eq!(send(put(&format!("{location}/files/{name}.csv"), &token, text)).await.status(), 204);
        }
        let job = header_of(&send(post(&format!("{location}/attestation"), &token, &json!({}))).await, "location");
        jobs.push((token, format!("{job}/events")));
    }
    let (token, events) = &jobs[0];
    for _ in 0..300 {
        let answer = send(get(events, token).method(Method::HEAD)).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header_of(&answer, "content-type"), "text/event-stream");
        // the connection is kept: its answer is not dropped
        std::mem::forget(answer);
    }
    let mut open = Vec::new();
    let refused = loop {
        let answer = send(get(events, token)).await;
        if answer.status() != 200 {
            break answer;
        }
        open.push(answer);
    };
    assert_eq!(open.len(), 64);
    let problem = json_of(refused).await;
    assert_eq!(problem["status"], 503);
    assert!(problem["detail"].as_str().unwrap().contains("of this exchange"), "{problem}");
    let (token, events) = &jobs[1];
    assert_eq!(send(get(events, token)).await.status(), 200);
    drop(open);
    let (token, events) = &jobs[0];
    assert_eq!(send(get(events, token)).await.status(), 200);
}

#[actix_web::test]
async fn one_exchange_cannot_hold_every_upload_and_a_silent_upload_ends() {
    let place = Place::new(|config| config.upload_idle_seconds = 2).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let (own, other) = (place.publisher(), place.token(Role::Publisher, "p", "other.example"));
    let location = snapshot!(send, &own, EXCHANGE, "own", "2026-11-23T00:00:00Z");
    let others = snapshot!(send, &other, "other.example", "other", "2026-11-23T00:00:00Z");
    let server = Server::start(&place);
    let head = |location: &str, token: &str, bytes: usize| {
        format!(
            "PUT {location}/files/balances.csv HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ncontent-length: {bytes}\r\n\
             connection: close\r\n\r\n"
        )
    };
    let mut silent: Vec<TcpStream> = (0..4).map(|_| server.sent(&(head(&location, &own, 1000) + "begin"))).collect();
    actix_web::rt::time::sleep(Duration::from_millis(700)).await;
    let refused = server.answer(head(&location, &own, 1) + "x").await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("of this exchange"), "{refused}");
    let served = server.answer(head(&others, &other, 1) + "x").await;
    assert!(served.starts_with("HTTP/1.1 204"), "{served}");
    let mut stream = silent.remove(0);
    let read = move || {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let ended = actix_web::web::block(read).await.unwrap();
    assert!(ended.starts_with("HTTP/1.1 408"), "{ended}");
    let served = server.answer(head(&location, &own, 1) + "x").await;
    assert!(served.starts_with("HTTP/1.1 204"), "{served}");
    server.handle.stop(false).await;
}

#[actix_web::test]
async fn an_upload_whose_caller_hangs_up_leaves_nothing() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let own = place.publisher();
    let location = snapshot!(send, &own, EXCHANGE, "own", "2026-11-23T00:00:00Z");
    let listed = place.database.count("file_chunks").await;
    let server = Server::start(&place);
    for is_reset in [true, false] {
        let head = format!(
            "PUT {location}/files/balances.csv HTTP/1.1\r\nhost: x\r\nauthorization: {own}\r\ncontent-length: 9000000\r\n\r\n"
        );
        let mut stream = server.sent(&head);
        let send = move || {
            stream.write_all(&vec![b'x'; 4 << 20]).unwrap();
            stream
        };
        let stream = actix_web::web::block(send).await.unwrap();
        let stored = async || place.database.count("file_chunks").await;
        while stored().await < listed + 3 {
            actix_web::rt::time::sleep(Duration::from_millis(20)).await;
        }
        if is_reset {
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(stream);
        let hung_up = Instant::now();
        while stored().await > listed {
            assert!(hung_up.elapsed() < Duration::from_secs(10), "{} chunks are left", stored().await - listed);
            actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        }
    }
    server.handle.stop(false).await;
}

#[actix_web::test]
async fn a_form_is_not_stored_as_a_file() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let own = place.publisher();
    let location = snapshot!(send, &own, EXCHANGE, "one", "2026-11-23T00:00:00Z");
    let path = format!("{location}/files/accounts.csv");
    for kind in [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-URLEncoded; charset=utf-8",
        "multipart/form-data; boundary=x",
    ] {
        let refused = send(put(&path, &own, "account,class\n").insert_header((header::CONTENT_TYPE, kind))).await;
        assert_eq!(refused.status(), 415, "{kind}");
        let problem = json_of(refused).await;
        assert!(problem["detail"].as_str().unwrap().contains("--upload-file"), "{problem}");
    }
    for kind in ["application/octet-stream", "text/csv", "application/zstd"] {
        let stored = send(put(&path, &own, "account,class\n").insert_header((header::CONTENT_TYPE, kind))).await;
        assert_eq!(stored.status(), 204, "{kind}");
    }
}

#[actix_web::test]
async fn an_exchange_stores_no_more_than_its_share_and_can_make_room() {
    let place = Place::new(|config| {
        (config.upload_max_bytes, config.bounds.exchange_bytes) = (2 << 20, 3 << 20);
        config.bounds.exchange_open_snapshots = 2;
    })
    .await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let (own, other) = (place.publisher(), place.token(Role::Publisher, "p", "other.example"));
    let delete = |path: &str, token: &str| {
        TestRequest::delete().uri(path).insert_header((header::AUTHORIZATION, token.to_owned()))
    };
    let first = snapshot!(send, &own, EXCHANGE, "first", "2026-11-22T00:00:00Z");
    let second = snapshot!(send, &own, EXCHANGE, "second", "2026-11-23T00:00:00Z");
    let third = send(post("/v1/snapshots", &own, &description("third", "2026-11-23T01:00:00Z"))).await;
    assert_eq!(json_of(third).await["type"], "/problems/too-many-snapshots");

    let balances = |location: &str| format!("{location}/files/balances.csv");
    let two = || vec![b'x'; 2 << 20];
    assert_eq!(send(put(&balances(&first), &own, two())).await.status(), 204);
    // the same file again replaces the first: that is not more
    assert_eq!(send(put(&balances(&first), &own, two())).await.status(), 204);
    let chunks = place.database.count("file_chunks").await;
    let announced = send(put(&balances(&second), &own, two()).insert_header((header::CONTENT_LENGTH, 2 << 20))).await;
    assert_eq!(json_of(announced).await["type"], "/problems/insufficient-storage");
    let full = send(put(&balances(&second), &own, two())).await;
    assert_eq!(full.status(), 507);
    assert!(json_of(full).await["detail"].as_str().unwrap().contains("delete a snapshot"));
    assert_eq!(place.database.count("file_chunks").await, chunks);
    let others = snapshot!(send, &other, "other.example", "others", "2026-11-23T00:00:00Z");
    assert_eq!(send(put(&balances(&others), &other, two())).await.status(), 204);

    assert_eq!(send(delete(&first, &other)).await.status(), 404);
    assert_eq!(send(delete(&first, &own)).await.status(), 204);
    assert_eq!(send(delete(&first, &own)).await.status(), 404);
    assert_eq!(send(get(&first, &own)).await.status(), 404);
    assert_eq!(send(put(&balances(&second), &own, two())).await.status(), 204);
    // the id is free again, and the time
    let again = snapshot!(send, &own, EXCHANGE, "first", "2026-11-22T00:00:00Z");
    assert_eq!(send(delete(&again, &own)).await.status(), 204);

    // a sealed snapshot stays while it is needed, and gives up its files when its job came to nothing
    assert_eq!(send(put(&format!("{second}/files/accounts.csv"), &own, "account,class\n")).await.status(), 204);
    let job = header_of(&send(post(&format!("{second}/attestation"), &own, &json!({}))).await, "location");
    assert_eq!(json_of(send(delete(&second, &own)).await).await["type"], "/problems/job-under-way");
    assert_eq!(send(delete(&job, &own)).await.status(), 202);
    assert_eq!(send(delete(&second, &own)).await.status(), 204);
    let shown = json_of(send(get(&second, &own)).await).await;
    assert_eq!((shown["sealed"].as_bool(), shown["files"].as_array().map(Vec::len)), (Some(true), Some(0)));
    let empty = send(post(&format!("{second}/attestation"), &own, &json!({}))).await;
    assert_eq!(json_of(empty).await["type"], "/problems/snapshot-incomplete");
    assert_eq!(send(put(&balances(&second), &own, "x")).await.status(), 409);
    // only the files of the other exchange are left
    let client = place.database.store.read().await.unwrap();
    let id: Uuid = others.rsplit('/').next().unwrap().parse().unwrap();
    let files = snapshots::snapshot_files(&client, id).await.unwrap();
    let contents = place.database.count("(SELECT DISTINCT content_id FROM file_chunks) c").await;
    assert_eq!(contents, files.len() as i64);
}

#[actix_web::test]
async fn what_is_published_is_neither_deleted_nor_counted() {
    let place = Place::new(|config| {
        (config.upload_max_bytes, config.bounds.exchange_bytes) = (1 << 20, 1 << 20);
    })
    .await;
    let published = publish(&place.database.store, "solvency-8", 3, "one", NOW - time::Duration::days(1)).await;
    let client = place.database.store.read().await.unwrap();
    let row = client.query_one("SELECT snapshot_id, exchange_id FROM attestations", &[]).await.unwrap();
    let (snapshot, exchange): (Uuid, Uuid) = (row.get(0), row.get(1));
    let app = app!(place);
    let path = format!("/v1/snapshots/{snapshot}");
    let request = TestRequest::delete().uri(&path).insert_header((header::AUTHORIZATION, place.publisher()));
    let refused = call_service(&app, request.to_request()).await;
    assert_eq!(json_of(refused).await["type"], "/problems/already-attested");
    assert_eq!(room::held_bytes(&client, exchange, Uuid::nil(), "").await.unwrap(), 0);
    assert!(room::stale_snapshots(&client, NOW + time::Duration::days(999)).await.unwrap().is_empty());
    assert!(!published.id.is_empty());
}

#[actix_web::test]
async fn snapshots_that_nobody_continues_are_stale_after_their_last_file() {
    let place = Place::new(|_| {}).await;
    let app = app!(place);
    let send = async |request: TestRequest| call_service(&app, request.to_request()).await;
    let own = place.publisher();
    let location = snapshot!(send, &own, EXCHANGE, "one", "2026-11-22T00:00:00Z");
    let id: Uuid = location.rsplit('/').next().unwrap().parse().unwrap();
    let client = place.database.store.read().await.unwrap();
    let stale = async |before| room::stale_snapshots(&client, before).await.unwrap();
    assert!(stale(NOW).await.is_empty());
    assert_eq!(stale(NOW + time::Duration::SECOND).await, [id]);
    for name in ["accounts", "balances"] {
        assert_eq!(send(put(&format!("{location}/files/{name}.csv"), &own, "x\n")).await.status(), 204);
    }
    // while its job is under way it is needed; a job that came to nothing leaves only files behind
    let job = header_of(&send(post(&format!("{location}/attestation"), &own, &json!({}))).await, "location");
    assert!(stale(NOW + time::Duration::days(99)).await.is_empty());
    let cancel = TestRequest::delete().uri(&job).insert_header((header::AUTHORIZATION, own.clone()));
    assert_eq!(send(cancel).await.status(), 202);
    assert_eq!(stale(NOW + time::Duration::SECOND).await, [id]);
    place.database.store.run_tx("test", async |tx| room::delete_snapshot(&tx, id).await).await.unwrap();
    assert!(stale(NOW + time::Duration::days(99)).await.is_empty());
    assert_eq!(place.database.count("file_chunks").await, 0);
}

#[actix_web::test]
async fn many_callers_at_once_all_have_their_turn() {
    let place = Place::new(|config| config.bounds.exchange_open_snapshots = 100).await;
    let app = app!(place);
    let own = place.publisher();
    let create = async |number: u32| {
        let at = format!("2026-11-22T00:{number:02}:00Z");
        let body = description(&format!("s{number}"), &at);
        call_service(&app, post("/v1/snapshots", &own, &body).to_request()).await.status().as_u16()
    };
    let statuses = futures_util::future::join_all((0..60).map(create)).await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");

    let published = publish(&place.database.store, "solvency-8", 200, "one", NOW - time::Duration::days(1)).await;
    let path = format!("/v1/attestations/{}/verification", published.id);
    let verify = async |account: u32| {
        let token = place.token(Role::Customer, &format!("account {account}"), EXCHANGE);
        let said = post(&path, &token, &json!({ "included": true })).insert_header(("idempotency-key", "k"));
        call_service(&app, said.to_request()).await.status().as_u16()
    };
    let statuses = futures_util::future::join_all((0..200).map(verify)).await;
    assert!(statuses.iter().all(|status| *status == 204), "{statuses:?}");
}

#[actix_web::test]
async fn a_caller_cannot_fill_the_log() {
    let place = Place::new(|config| config.rate_limit_anonymous = 2).await;
    let app = app!(place);
    let method = Method::from_bytes("Y".repeat(60_000).as_bytes()).unwrap();
    for _ in 0..2 {
        let request = TestRequest::default().method(method.clone()).uri("/v1/attestations");
        call_service(&app, request.insert_header(("x-request-id", "long-method")).to_request()).await;
    }
    for _ in 0..50 {
        let request = TestRequest::get().uri("/v1/attestations").insert_header(("x-request-id", "too-often"));
        assert_eq!(call_service(&app, request.to_request()).await.status(), 429);
    }
    place.state.report_refused();
    let log = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap();
    let of = |id: &'static str| log.lines().filter(move |line| line.contains(id) && !line.contains("\"DEBUG\""));
    assert!(of("long-method").count() >= 2);
    assert!(of("long-method").all(|line| line.len() < 1000 && line.contains("\"other\"")));
    assert_eq!(of("too-often").filter(|line| line.contains("\"INFO\"")).count(), 0);
    assert!(log.lines().any(|line| line.contains("were refused") && line.contains("\"requests\":50")), "no sum");
    assert_eq!(Config::default().log.filter, "info");
}
