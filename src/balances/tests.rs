//! Nodes that answer as real ones do, and as broken or hostile ones might; and one real node.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Endpoint, LineAnswer, Options, Outcome, Question, ask};
use crate::progress::Silent;

const ADDRESS: &str = "0x52908400098527886E0F7030069857D2E4169EE7";
const TOKEN: &str = "0x8617E340B3D01FA5F11F306F4090FD50E238070D";
const HASH: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";
const COIN: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
const FIRST_BLOCK: &str = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";

/// What a stand-in answers.
enum Reply {
    Result(Value),
    Error(i64, &'static str),
    /// Status and body as they are.
    Raw(&'static str, String),
    /// A body without end.
    Endless,
}

/// A node that answers each method as `reply` says. Returns its port and the requests that it got.
fn node(reply: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (reply, asked) = (Arc::new(reply), Arc::new(Mutex::new(Vec::new())));
    let log = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (reply, log) = (reply.clone(), log.clone());
            thread::spawn(move || serve(stream.unwrap(), &*reply, &log));
        }
    });
    (port, asked)
}

fn serve(mut stream: TcpStream, reply: &dyn Fn(&str, &Value) -> Reply, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let question: Value = serde_json::from_slice(&body).unwrap();
    let method = question["method"].as_str().unwrap();
    log.lock().unwrap().push(format!("{head}{method}"));
    let (status, body) = match reply(method, &question["params"]) {
        Reply::Result(result) => ("200 OK", json!({ "jsonrpc": "2.0", "id": 1, "result": result }).to_string()),
        Reply::Error(code, message) => {
            let error = json!({ "code": code, "message": message });
            ("500 Internal Server Error", json!({ "id": 1, "error": error, "result": null }).to_string())
        }
        Reply::Raw(status, body) => (status, body),
        Reply::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            while stream.write_all(&[b' '; 65_536]).is_ok() {}
            return;
        }
    };
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
}

/// A node of Ethereum whose address has this many units, and whose token has 6 decimals and as many.
fn ethereum(units: &'static str) -> impl Fn(&str, &Value) -> Reply + Send + Sync {
    move |method, params| {
        Reply::Result(match method {
            "eth_chainId" => json!("0x1"),
            "eth_getBlockByNumber" if params[0] == "latest" => json!({ "number": "0x7", "hash": HASH }),
            "eth_getBlockByNumber" => json!({ "number": params[0], "hash": HASH }),
            "eth_getBalance" => json!(units),
            "eth_call" if params[0]["data"] == "0x313ce567" => json!(format!("0x{:064x}", 6)),
            "eth_call" => json!(format!("0x{:0>64}", units.trim_start_matches("0x"))),
            other => panic!("{other}"),
        })
    }
}

fn line(chain: &str, address: &str, amount: &str, height: &str, token: &str) -> Question {
    let mut fields: [String; 10] = Default::default();
    for (place, text) in [(0, "X"), (1, chain), (2, address), (3, amount), (4, height), (7, token)] {
        text.clone_into(&mut fields[place]);
    }
    Question { line: 2, fields }
}

fn answers(lines: &[Question], chain: &str, port: u16) -> Vec<LineAnswer> {
    answers_at(&format!("http://user:pass@127.0.0.1:{port}/SECRET"), lines, chain)
}

fn answers_at(url: &str, lines: &[Question], chain: &str) -> Vec<LineAnswer> {
    let endpoint = Endpoint::parse(url).unwrap();
    let endpoints = BTreeMap::from([(chain.to_owned(), endpoint)]);
    let options = Options { concurrency: 3, per_second: 1_000 };
    ask(lines, &endpoints, options, &[], &Silent, &|_| Ok(())).unwrap()
}

fn status(outcome: &Outcome) -> String {
    serde_json::to_value(outcome).unwrap()["status"].as_str().unwrap().to_owned()
}

/// Status of one line of Ethereum with 1 whole coin, and the reason if there is one.
fn outcome(reply: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> (String, String) {
    let (port, _) = node(reply);
    let answers = answers(&[line("ethereum", ADDRESS, "1", "5", "")], "ethereum", port);
    let reason = match &answers[0].outcome {
        Outcome::Unanswered { reason } => reason.clone(),
        _ => String::new(),
    };
    for secret in ["SECRET", "user", "pass"] {
        assert!(!reason.contains(secret), "{reason}");
    }
    (status(&answers[0].outcome), reason)
}

#[test]
fn one_unit_too_few_is_found_and_more_is_enough() {
    // 10^18, and one unit less
    for (units, amount, token, expected) in [
        ("0xde0b6b3a7640000", "1", "", "held"),
        ("0xde0b6b3a763ffff", "1", "", "short"),
        ("0xde0b6b3a7640000", "1.000000000000000001", "", "short"),
        ("0xde0b6b3a7640000", "0.5", "", "held"),
        ("0x0", "0", "", "held"),
        ("0x12d687", "1.234567", TOKEN, "held"),
        ("0x12d687", "1.234568", TOKEN, "short"),
        ("0x12d687", "1.2345670000001", TOKEN, "short"),
    ] {
        let (port, asked) = node(ethereum(units));
        let answers = answers(&[line("ethereum", ADDRESS, amount, "5", token)], "ethereum", port);
        assert_eq!(status(&answers[0].outcome), expected, "{units} {amount}: {answers:?}");
        assert!(asked.lock().unwrap().iter().all(|head| head.contains("Basic dXNlcjpwYXNz")));
    }
    let huge: &'static str = Box::leak(format!("0x{}", "f".repeat(64)).into_boxed_str());
    let (port, _) = node(ethereum(huge));
    let answers = answers(&[line("ethereum", ADDRESS, "1", "", "")], "ethereum", port);
    let Outcome::Held { found, block } = &answers[0].outcome else { panic!("{answers:?}") };
    assert!(found.starts_with("115792089237316195423570985008687907853269984665640564039457."), "{found}");
    assert_eq!(block.height, 7, "a line without height is asked at the newest block");
}

#[test]
fn what_is_no_answer_is_never_a_balance() {
    let ok = ethereum("0xde0b6b3a7640000");
    assert_eq!(outcome(ok).0, "held");
    type Rule = fn(&str) -> Option<Reply>;
    let broken: [(Rule, &str); 11] = [
        (|m| (m == "eth_chainId").then(|| Reply::Result(json!("0x2"))), "is a node of chain 2"),
        (|m| (m == "eth_chainId").then(|| Reply::Result(json!(1))), "not what the protocol"),
        (|m| (m == "eth_getBlockByNumber").then_some(Reply::Result(Value::Null)), "has no block 0x5"),
        (
            |m| (m == "eth_getBlockByNumber").then(|| Reply::Result(json!({ "number": "0x6", "hash": HASH }))),
            "not what the protocol",
        ),
        (
            |m| (m == "eth_getBalance").then_some(Reply::Error(-32_000, "missing trie node\u{1b}[2J")),
            "missing trie node",
        ),
        (|m| (m == "eth_getBalance").then(|| Reply::Result(json!("0x"))), "not what the protocol"),
        (|m| (m == "eth_getBalance").then(|| Reply::Result(json!("-0x1"))), "not what the protocol"),
        (
            |m| (m == "eth_getBalance").then(|| Reply::Raw("200 OK", "{\"id\":1,\"res".to_owned())),
            "not what the protocol",
        ),
        (
            |m| (m == "eth_getBalance").then(|| Reply::Raw("200 OK", json!({ "id": 2, "result": "0x1" }).to_string())),
            "not what the protocol",
        ),
        (
            |m| (m == "eth_getBalance").then(|| Reply::Raw("302 Found\r\nLocation: /x", String::new())),
            "HTTP status 302",
        ),
        (|m| (m == "eth_getBalance").then_some(Reply::Endless), "longer than"),
    ];
    for (rule, expected) in broken {
        let honest = ethereum("0xde0b6b3a7640000");
        let (status, reason) = outcome(move |method, params| rule(method).unwrap_or_else(|| honest(method, params)));
        assert_eq!(status, "unanswered", "{expected}");
        assert!(reason.contains(expected) && !reason.contains('\u{1b}'), "{expected}: {reason}");
    }
}

#[test]
fn a_token_that_is_no_contract_and_lines_that_no_node_knows_are_named() {
    let (port, _) = node(|method, params| match method {
        "eth_call" => Reply::Result(json!("0x")),
        _ => ethereum("0x1")(method, params),
    });
    let lines = [
        line("ethereum", ADDRESS, "1", "5", TOKEN),
        line("tron", "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", "1", "", ""),
        line("base", ADDRESS, "1", "", ""),
        line("ethereum", "0x12", "1", "", ""),
        line("ethereum", ADDRESS, "1", "-5", ""),
    ];
    let answers = answers(&lines, "ethereum", port);
    let found: Vec<_> = answers.iter().map(|own| status(&own.outcome)).collect();
    assert_eq!(found, ["unanswered", "not_checkable", "no_endpoint", "not_checkable", "not_checkable"]);
    assert!(format!("{:?}", answers[0]).contains("no such token"));
}

#[test]
fn a_busy_node_is_asked_again_and_what_is_known_is_not() {
    let tries = Mutex::new(0);
    let honest = ethereum("0xde0b6b3a7640000");
    let (port, _) = node(move |method, params| {
        let mut tries = tries.lock().unwrap();
        *tries += 1;
        match *tries {
            1 => Reply::Raw("503 Service Unavailable", String::new()),
            2 => Reply::Raw("429 Too Many Requests", String::new()),
            _ => honest(method, params),
        }
    });
    let lines = [line("ethereum", ADDRESS, "1", "5", ""), line("ethereum", ADDRESS, "2", "", "")];
    let first = answers(&lines, "ethereum", port);
    assert_eq!((status(&first[0].outcome), status(&first[1].outcome)), ("held".into(), "short".into()));
    // another node, which knows of nothing
    let (port, asked) = node(ethereum("0x0"));
    let endpoints =
        BTreeMap::from([("ethereum".to_owned(), Endpoint::parse(&format!("http://127.0.0.1:{port}")).unwrap())]);
    let saved = Mutex::new(Vec::new());
    let save = |lines: &[LineAnswer]| {
        *saved.lock().unwrap() = lines.to_vec();
        Ok(())
    };
    let options = Options { concurrency: 1, per_second: 1_000 };
    let second = ask(&lines, &endpoints, options, &first, &Silent, &save).unwrap();
    assert_eq!(second[0], first[0], "it was answered at its own block");
    assert_ne!(second[1], first[1], "the newest block is another one now");
    assert_eq!(*saved.lock().unwrap(), second);
    assert_eq!(asked.lock().unwrap().iter().filter(|head| head.ends_with("eth_getBalance")).count(), 1);
    // an altered line is asked again
    let altered = [line("ethereum", ADDRESS, "3", "5", "")];
    let third = ask(&altered, &endpoints, options, &first, &Silent, &|_| Ok(())).unwrap();
    assert_eq!(status(&third[0].outcome), "short");
    let failed = ask(&lines, &endpoints, options, &[], &Silent, &|_| Err(std::io::Error::other("full")));
    assert_eq!(failed.unwrap_err().to_string(), "full");
}

#[test]
fn a_scan_counts_for_its_own_block_alone() {
    let bitcoin = |method: &str, params: &Value| match method {
        "getblockhash" => Reply::Result(json!(FIRST_BLOCK)),
        "validateaddress" => Reply::Result(json!({ "isvalid": true, "scriptPubKey": "0014aa" })),
        "scantxoutset" => {
            assert_eq!(params[1][0], format!("addr({COIN})"));
            let output = |amount: &str| format!(r#"{{"scriptPubKey":"0014aa","amount":{amount}}}"#);
            let outputs = ["20999999.97690001", "0.00000001", "1e-7"].map(output).join(",");
            Reply::Raw(
                "200 OK",
                format!(
                    r#"{{"id":1,"result":{{"success":true,"height":900,"bestblock":"00ab","unspents":[{outputs}]}}}}"#
                ),
            )
        }
        other => panic!("{other}"),
    };
    for (amount, height, expected) in [
        ("20999999.97690012", "900", "held"),
        ("20999999.97690013", "900", "short"),
        ("20999999.97690012", "899", "held_at_other_block"),
        ("20999999.97690013", "899", "short_at_other_block"),
        ("20999999.97690013", "", "short"),
    ] {
        let (port, _) = node(bitcoin);
        let answers = answers(&[line("bitcoin", COIN, amount, height, "")], "bitcoin", port);
        assert_eq!(status(&answers[0].outcome), expected, "{amount} {height}: {answers:?}");
    }
    let (port, _) = node(move |method, params| match method {
        "getblockhash" => Reply::Result(json!("00".repeat(32))),
        _ => bitcoin(method, params),
    });
    let other = answers(&[line("bitcoin", COIN, "1", "900", "")], "bitcoin", port);
    assert!(format!("{other:?}").contains("a node of another chain"));
}

/// A real node of Ethereum's kind.
struct Anvil(Child, u16);

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Anvil {
    fn start() -> Self {
        let program = std::env::var("TEST_ANVIL").expect("TEST_ANVIL names the program");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments = ["--chain-id", "1", "--no-mining", "--silent", "--port", &port.to_string()];
        let child = Command::new(program).args(arguments).stdout(Stdio::null()).spawn().unwrap();
        let own = Self(child, port);
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return own;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("the node does not listen");
    }

    fn call(&self, method: &str, params: Value) -> Value {
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let mut answer = ureq::post(format!("http://127.0.0.1:{}", self.1))
            .header("Content-Type", "application/json")
            .send(question)
            .unwrap();
        let answer: Value = serde_json::from_slice(&answer.body_mut().read_to_vec().unwrap()).unwrap();
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }
}

/// A contract that has 6 decimals, and for every address the balance 1,234,567.
const CONTRACT: &str = "0x602680600b6000396000f3\
    60003560e01c63313ce56714601b576212d68760005260206000f35b600660005260206000f3";

#[test]
#[ignore = "needs anvil: .ci/run balances"]
fn a_real_node_finds_one_unit_too_many_at_a_block_that_is_not_the_newest() {
    let anvil = Anvil::start();
    let other = "0x00000000000000000000000000000000000000aa";
    let sender = anvil.call("eth_accounts", json!([]))[0].clone();
    let pay = |wei: &str| {
        anvil.call("eth_sendTransaction", json!([{ "from": sender, "to": ADDRESS, "value": wei, "gas": "0x5208" }]))
    };
    pay("0xde0b6b3a7640005");
    let sent = anvil.call("eth_sendTransaction", json!([{ "from": sender, "data": CONTRACT, "gas": "0x100000" }]));
    anvil.call("evm_mine", json!([]));
    let receipt = anvil.call("eth_getTransactionReceipt", json!([sent]));
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    let token = receipt["contractAddress"].as_str().unwrap().to_owned();
    // one more unit a block later does not count for the block before
    pay("0x1");
    anvil.call("evm_mine", json!([]));
    let lines = [
        line("ethereum", ADDRESS, "1.000000000000000005", "1", ""),
        line("ethereum", ADDRESS, "1.000000000000000006", "1", ""),
        line("ethereum", ADDRESS, "1.000000000000000006", "2", ""),
        line("ethereum", other, "1.234567", "1", &token),
        line("ethereum", other, "1.234568", "1", &token),
        line("ethereum", other, "1", "0", &token),
        line("ethereum", other, "1", "9", ""),
        line("ethereum", ADDRESS, "1.000000000000000007", "", ""),
    ];
    let answers = answers_at(&format!("http://127.0.0.1:{}", anvil.1), &lines, "ethereum");
    let found: Vec<_> = answers.iter().map(|own| status(&own.outcome)).collect();
    let expected = ["held", "short", "held", "held", "short", "unanswered", "unanswered", "short"];
    assert_eq!(found, expected, "{answers:#?}");
}
