//! The exchange's own client: `assay push` and `assay jobs watch`.

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use assay_ownership::{
    Context, Kind, Line,
    testing::{holding, holding_keys, holding_signature},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Process, Service, SmallLedger, assay, wait_for};

/// An exchange with a ledger and a token, without a home or a database.
struct Exchange {
    place: TempDir,
}

/// What a command did.
struct Done {
    code: Option<i32>,
    stdout: String,
    said: String,
}

impl Done {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", self.stdout, self.said))
    }

    #[track_caller]
    fn expect(self, code: i32, says: &str) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.said);
        assert!(format!("{}{}", self.stdout, self.said).contains(says), "{says}: {}{}", self.stdout, self.said);
        self
    }
}

impl Exchange {
    fn new(service: &Service, ledger: &SmallLedger) -> Self {
        let exchange = Self { place: tempfile::tempdir().unwrap() };
        fs::create_dir(exchange.ledger()).unwrap();
        fs::write(exchange.ledger().join("manifest.toml"), toml::to_string(&ledger.metadata).unwrap()).unwrap();
        for (name, content) in &ledger.files {
            fs::write(exchange.ledger().join(name), content).unwrap();
        }
        exchange.set_token(&service.token("publisher", "ops"));
        exchange
    }

    fn set_token(&self, token: &str) {
        fs::write(self.token_file(), format!("{token}\n")).unwrap();
    }

    fn ledger(&self) -> PathBuf {
        self.place.path().join("ledger")
    }

    fn token_file(&self) -> PathBuf {
        self.place.path().join("token")
    }

    fn command(&self, words: &[&str], url: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        command.args(words).args(["--to", url, "--token-file"]).arg(self.token_file()).args(more);
        command.env_remove("HOME").env_remove("ASSAY_HOME").stdin(Stdio::null());
        command
    }

    fn push_command(&self, url: &str, more: &[&str]) -> Command {
        self.command(&["push", self.ledger().to_str().unwrap()], url, &[&["--shape", "solvency-8"], more].concat())
    }

    fn push(&self, url: &str, more: &[&str]) -> Done {
        done(self.push_command(url, more))
    }
}

fn done(mut command: Command) -> Done {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code(), stdout: text(output.stdout), said: text(output.stderr) }
}

fn snapshots(service: &Service) -> i64 {
    service.sql().query_one("SELECT count(*) FROM snapshots", &[]).unwrap().get(0)
}

/// Adds a line that a bank states, whose key the ledger's manifest lists in a file.
fn bank_states(ledger: &Path, snapshot: &str) {
    let context =
        Context { domain: "small.example", snapshot, taken_at: "2026-01-01T12:00:00Z", anchor: None, challenge: None };
    let (chain, address, asset, amount) = ("Example Bank AG", "7731", "BTC", "250");
    let line = Line { chain, address, asset, amount, kind: Kind::Bank, ..Line::default() };
    let signature = holding_signature(&holding(&line, &context), 1);
    let reserves = fs::read_to_string(ledger.join("reserves.csv")).unwrap();
    let (header, rows) = reserves.split_once('\n').unwrap();
    let rows = rows.replace('\n', ",,,\n");
    let bank = format!("{asset},{chain},{address},{amount},,,{signature},,bank,\n");
    fs::write(ledger.join("reserves.csv"), format!("{header},token,kind,key\n{rows}{bank}")).unwrap();
    fs::write(ledger.join("banks.json"), holding_keys(&[1])).unwrap();
    let manifest = fs::read_to_string(ledger.join("manifest.toml")).unwrap();
    fs::write(ledger.join("manifest.toml"), format!("{manifest}\n[reserves]\ncustodians = \"banks.json\"\n")).unwrap();
}

/// The exchange lists the bank with key 1; each of the two verifiers goes by its reader's list.
fn readers_count_third_parties_by_lists_of_their_own(service: &Service, attestation: &str) {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let bundle = file("bundle.zip", &service.get(&format!("{attestation}/bundle.zip"), None).expect(200).body);
    let regulator = service.token("regulator", "authority");
    let asked = format!("{}?asset=BTC", attestation.replace("attestations", "reserves"));
    let lines = file("btc.json", &service.get(&asked, Some(&regulator)).expect(200).body);
    let lists =
        [file("listed.json", holding_keys(&[1]).as_bytes()), file("others.json", holding_keys(&[2]).as_bytes())];
    let both = |list: &[&str]| {
        let own = ["verify-reserves", &lines, "--attestation", &bundle, "--test-shapes"];
        let full = assay(service.home.path(), &service.database, &[&own[..], list].concat()).output().unwrap();
        // no release accepts the shape, so this one ends with 1; it judges the lines all the same
        let light = Command::new(Path::new(env!("CARGO_BIN_EXE_assay")).with_file_name("assay-verify"))
            .args([&[bundle.as_str(), "--reserves", &lines][..], list].concat())
            .env("ASSAY_HOME", place.path())
            .output()
            .unwrap();
        assert_eq!((full.status.code(), light.status.code()), (Some(0), Some(1)), "{full:?} {light:?}");
        [full, light].map(|output| String::from_utf8(output.stdout).unwrap())
    };
    for said in both(&["--custodians", &lists[0]]) {
        assert!(said.contains("1 by third parties") && !said.contains("on no list given here"), "{said}");
    }
    for list in [&[][..], &["--custodians", &lists[1]]] {
        for said in both(list) {
            assert!(said.contains("0 by third parties") && said.contains("on no list given here"), "{said}");
        }
    }
    let own = ["verify-reserves", &lines, "--attestation", &bundle, "--test-shapes", "--custodians", &lines];
    let no_list = assay(service.home.path(), &service.database, &own).output().unwrap();
    assert_eq!(no_list.status.code(), Some(3), "{no_list:?}");
}

#[test]
fn a_ledger_is_pushed_until_it_is_published_and_a_second_push_sends_nothing() {
    let service = Service::start();
    let ledger = SmallLedger::new("pushed", 20, 0);
    let exchange = Exchange::new(&service, &ledger);
    // one file is packed on disk
    let balances = exchange.ledger().join("balances.csv");
    let packed = zstd::encode_all(fs::File::open(&balances).unwrap(), 3).unwrap();
    fs::write(exchange.ledger().join("balances.csv.zst"), packed).unwrap();
    fs::remove_file(balances).unwrap();
    bank_states(&exchange.ledger(), "pushed");

    let first = exchange.push(&service.url("/"), &["--wait", "--json"]).expect(0, "").json();
    assert_eq!((&first["state"], &first["valid"]), (&"published".into(), &true.into()), "{first}");
    assert_eq!(
        first["uploaded"],
        serde_json::json!(["accounts.csv", "assets.csv", "balances.csv.zst", "reserves.csv"]),
        "{first}"
    );
    // the list of the bank's key went with the manifest
    let attestation = format!("/v1/attestations/{}", first["attestation"].as_str().unwrap());
    let shown = service.get(&attestation, None).expect(200).json().to_string();
    assert!(shown.contains("\"third_party\":\"250\""), "{shown}");
    readers_count_third_parties_by_lists_of_their_own(&service, &attestation);
    let again = exchange.push(&service.url(""), &["--wait", "--json"]).expect(0, "").json();
    assert_eq!(again["uploaded"], serde_json::json!([]));
    assert_eq!(
        (&again["job"], &again["snapshot"], &again["attestation"]),
        (&first["job"], &first["snapshot"], &first["attestation"])
    );
    assert_eq!(snapshots(&service), 1);
    exchange.push(&service.url(""), &[]).expect(0, "every file was there already");

    let job = first["job"].as_str().unwrap();
    let watch = |url: &str, more: &[&str]| done(exchange.command(&["jobs", "watch", job], url, more));
    watch(&service.url(""), &[]).expect(0, "is published and valid");
    assert_eq!(watch(&service.url(""), &["--json"]).json()["attestation"], first["attestation"]);
    let other = "00000000-0000-7000-8000-000000000000";
    done(exchange.command(&["jobs", "watch", other], &service.url(""), &[])).expect(2, "404");

    // the sealed snapshot is not another ledger's
    fs::write(exchange.ledger().join("accounts.csv"), ledger.files[1].1.replace("customer-1,1", "customer-1,2"))
        .unwrap();
    exchange.push(&service.url(""), &[]).expect(2, "is sealed, and not with this accounts.csv");
}

#[test]
fn a_ledger_that_breaks_its_own_policy_is_published_and_not_valid_and_a_cancelled_job_is_requested_anew() {
    let mut service = Service::without_worker();
    let mut ledger = SmallLedger::new("policy", 10, 0);
    // nobody signed for these reserves
    ledger.metadata["policy"] = serde_json::json!({ "owned_bps": 10_000 });
    let exchange = Exchange::new(&service, &ledger);
    let first = exchange.push(&service.url(""), &["--json"]).expect(0, "").json();
    assert_eq!((&first["state"], &first["valid"]), (&"queued".into(), &Value::Null));
    let token = fs::read_to_string(exchange.token_file()).unwrap();
    let job = format!("/v1/jobs/{}", first["job"].as_str().unwrap());
    service.try_request("DELETE", &job, Some(token.trim()), &[], &[]).unwrap().expect(202);
    let watched = done(exchange.command(&["jobs", "watch", first["job"].as_str().unwrap()], &service.url(""), &[]));
    watched.expect(1, "cancelled");
    let second = exchange.push(&service.url(""), &["--json"]).expect(0, "").json();
    assert_ne!(second["job"], first["job"]);
    assert_eq!(second["snapshot"], first["snapshot"]);
    // another wish for the same ledger
    exchange.push(&service.url(""), &["--shards", "2"]).expect(2, "409");
    service.restart(&["serve", "--worker"], &[]);
    let ended = exchange.push(&service.url(""), &["--wait", "--json"]).expect(1, "").json();
    assert_eq!((&ended["job"], &ended["valid"]), (&second["job"], &false.into()), "{ended}");
    assert!(!ended["not_met"].as_array().unwrap().is_empty(), "{ended}");
}

/// What happens to the connection in the middle of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It stops for good.
    Stall,
    /// It breaks, and the next one does not.
    Break,
}

/// A way to the service with a fault in the middle of one file.
struct Faulty {
    url: String,
    happened: Arc<AtomicBool>,
}

impl Faulty {
    fn before(service: &Service, file: &'static str, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (happened, port) = (Arc::new(AtomicBool::new(false)), service.port);
        let shared = Arc::clone(&happened);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut answers, &mut back));
                let happened = Arc::clone(&shared);
                thread::spawn(move || forward(client, server, (file, fault), &happened));
            }
        });
        Self { url, happened }
    }
}

fn forward(mut client: TcpStream, mut server: TcpStream, (file, fault): (&str, Fault), happened: &AtomicBool) {
    let (mut buffer, mut inside) = ([0; 16 << 10], false);
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let piece = &buffer[..read];
        inside |= String::from_utf8_lossy(piece).starts_with("PUT ") && String::from_utf8_lossy(piece).contains(file);
        let head = piece.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
        let body = &piece[head..];
        if inside && !body.is_empty() && !happened.load(Ordering::SeqCst) {
            let _ = server.write_all(&piece[..head + body.len() / 2]);
            happened.store(true, Ordering::SeqCst);
            match fault {
                // the connection stays open until the client gives up
                Fault::Stall => drop(client.read(&mut [0])),
                Fault::Break => drop([&client, &server].map(|stream| stream.shutdown(Shutdown::Both))),
            }
            return;
        }
        let _ = server.write_all(piece);
    }
}

#[test]
fn a_push_that_was_killed_in_the_middle_of_a_file_goes_on_with_that_file() {
    let service = Service::without_worker();
    let exchange = Exchange::new(&service, &SmallLedger::new("killed", 50, 0));
    let proxy = Faulty::before(&service, "/files/balances.csv", Fault::Stall);
    let killed = Process::start(exchange.push_command(&proxy.url, &[]));
    wait_for("half of the file", 30, || proxy.happened.load(Ordering::SeqCst).then_some(()));
    killed.kill();
    let done = exchange.push(&service.url(""), &["--json"]).expect(0, "").json();
    assert_eq!(done["uploaded"], serde_json::json!(["balances.csv", "reserves.csv"]), "{done}");
    assert_eq!(snapshots(&service), 1);
}

#[test]
fn a_push_goes_on_with_corrected_files_and_starts_anew_if_its_snapshot_was_deleted() {
    let service = Service::without_worker();
    let mut ledger = SmallLedger::new("begun", 50, 0);
    let exchange = Exchange::new(&service, &ledger);
    let begin = || {
        let proxy = Faulty::before(&service, "/files/balances.csv", Fault::Stall);
        let killed = Process::start(exchange.push_command(&proxy.url, &[]));
        wait_for("half of the file", 30, || proxy.happened.load(Ordering::SeqCst).then_some(()));
        killed.kill();
        let row = service.sql().query_one("SELECT snapshot_id::text FROM snapshots", &[]).unwrap();
        row.get::<_, String>(0)
    };
    let first = begin();
    let token = fs::read_to_string(exchange.token_file()).unwrap();
    // a table that the ledger has no longer must not be sealed with it
    service.put(&format!("/v1/snapshots/{first}/files/classes.csv"), token.trim(), b"class,name\n").expect(204);
    exchange.push(&service.url(""), &[]).expect(2, "also has classes.csv");
    service.try_request("DELETE", &format!("/v1/snapshots/{first}"), Some(token.trim()), &[], &[]).unwrap().expect(204);
    let second = begin();
    assert_ne!(first, second);
    ledger.files[1].1 = ledger.files[1].1.replace("customer-1,1", "customer-1,2");
    fs::write(exchange.ledger().join("accounts.csv"), &ledger.files[1].1).unwrap();
    let done = exchange.push(&service.url(""), &["--json"]).expect(0, "").json();
    assert_eq!(done["uploaded"], serde_json::json!(["accounts.csv", "balances.csv", "reserves.csv"]), "{done}");
    assert_eq!(done["snapshot"], second.as_str());
}

#[test]
fn a_push_whose_connection_breaks_in_the_middle_of_a_file_goes_on_by_itself() {
    let service = Service::without_worker();
    let exchange = Exchange::new(&service, &SmallLedger::new("broken", 50, 0));
    let proxy = Faulty::before(&service, "/files/balances.csv", Fault::Break);
    let pushed = exchange.push(&proxy.url, &[]).expect(0, "balances.csv was not sent: ");
    assert!(pushed.stdout.contains("4 files sent"), "{}", pushed.stdout);
    assert!(proxy.happened.load(Ordering::SeqCst));
    exchange.push(&service.url(""), &[]).expect(0, "every file was there already");
}

#[test]
fn a_service_that_goes_away_is_waited_for_and_given_up() {
    let mut service = Service::without_worker();
    let exchange = Exchange::new(&service, &SmallLedger::new("away", 10, 0));
    let pushed = exchange.push(&service.url(""), &["--json"]).expect(0, "").json();
    let job = pushed["job"].as_str().unwrap().to_owned();
    let watch = |url: &str, seconds: &str| {
        let command = exchange.command(&["jobs", "watch", &job], url, &["--retry-seconds", seconds]);
        let url = url.to_owned();
        (thread::spawn(move || done(command)), url)
    };
    let (short, _) = watch(&service.url(""), "2");
    let (long, _) = watch(&service.url(""), "60");
    // both have seen the job once
    thread::sleep(Duration::from_secs(2));
    service.process = None;
    short.join().unwrap().expect(3, "was lost for 2 s");
    service.restart(&["serve"], &[]);
    let token = fs::read_to_string(exchange.token_file()).unwrap();
    service.try_request("DELETE", &format!("/v1/jobs/{job}"), Some(token.trim()), &[], &[]).unwrap().expect(202);
    long.join().unwrap().expect(1, "cancelled");
}

#[test]
fn what_must_not_be_sent_is_not_sent_and_the_reason_is_said() {
    let service = Service::without_worker();
    let ledger = SmallLedger::new("refused", 10, 0);
    let exchange = Exchange::new(&service, &ledger);
    let url = service.url("");

    // a ledger that check refuses: the same findings, and no request
    fs::write(exchange.ledger().join("balances.csv"), ledger.files[2].1.replace("0.00000001", "much")).unwrap();
    exchange.push(&url, &[]).expect(1, "balances.csv line 2");
    let refused = exchange.push(&url, &["--json"]).expect(1, "").json();
    assert_eq!((&refused["valid"], &refused["total"]), (&false.into(), &1.into()), "{refused}");
    let unreachable = "http://127.0.0.1:1";
    exchange.push(unreachable, &[]).expect(1, "balances.csv line 2");
    fs::write(exchange.ledger().join("balances.csv"), &ledger.files[2].1).unwrap();

    // addresses
    exchange.push("http://assay.exchange.example", &[]).expect(2, "is not encrypted");
    exchange.push("assay.exchange.example", &[]).expect(2, "is not an address");
    exchange.push("https://ops:word@assay.exchange.example", &[]).expect(2, "has a user or a password");
    exchange.push(unreachable, &[]).expect(3, "cannot be reached");
    exchange.push(&format!("{url}/elsewhere"), &[]).expect(2, "404");
    exchange.push(&answering("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"), &[]).expect(3, "check --to");
    let redirect = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://other.example/\r\ncontent-length: 0\r\n\r\n";
    exchange.push(&answering(redirect), &[]).expect(2, "redirects to http://other.example/");
    let busy = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 4000\r\ncontent-length: 0\r\n\r\n";
    exchange.push(&answering(busy), &[]).expect(3, "asks to wait 4000 s");
    // the service asks for two seconds, and is asked again after them
    let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n";
    let begun = Instant::now();
    exchange.push(&answering_in_turn(&[busy, redirect]), &[]).expect(2, "redirects to");
    assert!(begun.elapsed() >= Duration::from_secs(2));

    // tokens
    let missing = Path::new("nowhere").to_str().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    command.arg("push").arg(exchange.ledger()).args(["--to", &url, "--token-file", missing]);
    done(command).expect(3, "nowhere");
    exchange.set_token("");
    exchange.push(&url, &[]).expect(2, "is empty");
    exchange.set_token("not.a.token");
    exchange.push(&url, &[]).expect(2, "the service does not accept the token (401)");
    exchange.set_token(&service.token("customer", "customer-1"));
    exchange.push(&url, &[]).expect(2, "the service does not accept the token (403)");
    exchange.set_token(&service.token_for("publisher", "ops", "other.example"));
    exchange.push(&url, &[]).expect(2, "the service does not accept the token (403)");
    assert_eq!(snapshots(&service), 0);
}

/// A server that gives every request this answer.
fn answering(answer: &'static str) -> String {
    answering_in_turn(&[answer])
}

/// A server that gives one request after the other these answers, and starts again at the end.
fn answering_in_turn(answers: &[&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = answers.to_vec();
    thread::spawn(move || {
        for (client, answer) in listener.incoming().zip(answers.iter().cycle()) {
            let mut client = client.unwrap();
            let _ = client.read(&mut [0; 16 << 10]);
            let (status, rest) = answer.split_once("\r\n").unwrap();
            let _ = client.write_all(format!("{status}\r\nconnection: close\r\n{rest}").as_bytes());
            // closed with an unread body, the connection would be reset and the answer lost
            let _ = client.shutdown(Shutdown::Write);
            let _ = client.read_to_end(&mut Vec::new());
        }
    });
    url
}
