//! Lines asked of stand-ins, and of one real node.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::testing::{HASH, Reply, ethereum, node};
use super::{Endpoint, LineAnswer, Options, Outcome, Question, ask, digest};
use crate::progress::Silent;

const ADDRESS: &str = "0x52908400098527886E0F7030069857D2E4169EE7";
const TOKEN: &str = "0x8617E340B3D01FA5F11F306F4090FD50E238070D";
const COIN: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
/// The script of this address.
const SCRIPT: &str = "0014751e76e8199196d454941c45d1b3a323f1433bd6";
const LATE_BLOCK: &str = "0000000000000000000320283a032748cef8227873ff4872689bf23f1cda83a5";

fn line(chain: &str, address: &str, amount: &str, height: &str, token: &str) -> Question {
    let mut fields: [String; 10] = Default::default();
    let coin = match chain {
        _ if !token.is_empty() => "USDT",
        "bitcoin" => "BTC",
        _ => "ETH",
    };
    for (place, text) in [(0, coin), (1, chain), (2, address), (3, amount), (4, height), (7, token)] {
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
    let most = answers(&[line("ethereum", ADDRESS, "1", "", "")], "ethereum", port);
    let Outcome::HeldAtOtherBlock { found, block } = &most[0].outcome else { panic!("{most:?}") };
    assert!(found.starts_with("115792089237316195423570985008687907853269984665640564039457."), "{found}");
    assert_eq!(block.height, 7, "a line without height is asked at the newest block");
    // and less there is no lie about the snapshot
    let (port, _) = node(ethereum("0x0"));
    let less = answers(&[line("ethereum", ADDRESS, "1", "", "")], "ethereum", port);
    assert_eq!(status(&less[0].outcome), "short_at_other_block");
}

#[test]
fn what_is_no_answer_is_never_a_balance() {
    let ok = ethereum("0xde0b6b3a7640000");
    assert_eq!(outcome(ok).0, "held");
    type Rule = fn(&str) -> Option<Reply>;
    let broken: [(Rule, &str); 13] = [
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
        (|m| (m == "eth_getBalance").then_some(Reply::Cut), "127.0.0.1"),
        (
            |m| (m == "eth_getBalance").then_some(Reply::Error(-32_601, "no key SECRET has this method")),
            "words that repeat its address",
        ),
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
        // another asset than the chain's own, and no token named
        Question {
            fields: line("ethereum", ADDRESS, "1", "5", "").fields.map(|f| if f == "ETH" { "BTC".into() } else { f }),
            line: 2,
        },
        line("evm:12345", ADDRESS, "1", "5", ""),
    ];
    let answers = answers(&lines, "ethereum", port);
    let found: Vec<_> = answers.iter().map(|own| status(&own.outcome)).collect();
    assert_eq!(
        found,
        [
            "unanswered",
            "not_checkable",
            "no_endpoint",
            "not_checkable",
            "not_checkable",
            "not_checkable",
            "not_checkable"
        ]
    );
    assert!(format!("{:?}", answers[0]).contains("no such token"));
}

#[test]
fn two_lines_of_one_place_need_what_both_state() {
    let (port, _) = node(ethereum("0x12d687"));
    let token = |asset: &str, amount: &str| {
        let mut own = line("ethereum", ADDRESS, amount, "5", TOKEN);
        asset.clone_into(&mut own.fields[0]);
        own
    };
    for (other, expected) in [("0.234567", "held"), ("0.234568", "short")] {
        let found = answers(&[token("USDT", "1"), token("USD", other)], "ethereum", port);
        assert!(found.iter().all(|own| status(&own.outcome) == expected), "{other}: {found:?}");
    }
    // at another block it is another place
    let mut later = token("USDT", "1");
    "6".clone_into(&mut later.fields[4]);
    let found = answers(&[token("USDT", "1"), later], "ethereum", port);
    assert!(found.iter().all(|own| status(&own.outcome) == "held"), "{found:?}");
}

#[test]
fn a_busy_node_is_asked_again_and_what_is_known_is_not() {
    let busy = json!({ "id": 1, "error": { "code": -32_000, "message": "slow down" } }).to_string();
    let limit = json!({ "id": 1, "error": { "code": -32_005, "message": "limit exceeded" } }).to_string();
    for (status_line, body) in [
        ("503 Service Unavailable", String::new()),
        ("429 Too Many Requests", String::new()),
        ("429 Too Many Requests", busy),
        ("200 OK", limit),
    ] {
        let tries = Mutex::new(0);
        let honest = ethereum("0xde0b6b3a7640000");
        let reply = move |method: &str, params: &Value| {
            let mut tries = tries.lock().unwrap();
            *tries += 1;
            if *tries < 3 { Reply::Raw(status_line, body.clone()) } else { honest(method, params) }
        };
        assert_eq!(outcome(reply).0, "held", "{status_line}");
    }
    let lines = [line("ethereum", ADDRESS, "1", "5", ""), line("ethereum", ADDRESS, "2", "", "")];
    let (port, _) = node(ethereum("0xde0b6b3a7640000"));
    let first = answers(&lines, "ethereum", port);
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
    let failed = ask(&lines, &endpoints, options, &[], &Silent, &|_| Err(std::io::Error::other("full")));
    assert_eq!(failed.unwrap_err().to_string(), "full");
    // an altered field of a line makes other reserves
    let mut altered = lines.to_vec();
    for place in 0..altered[0].fields.len() {
        let before = digest(&altered);
        altered[0].fields[place].push('1');
        assert_ne!(digest(&altered), before, "{place}");
    }
}

/// A node of bitcoin whose outputs under the script of `COIN` are these numbers.
fn bitcoin(outputs: &'static [&'static str]) -> impl Fn(&str, &Value) -> Reply + Send + Sync {
    move |method, params| match method {
        "getblockhash" if params[0] == 840_000 => Reply::Result(json!(LATE_BLOCK)),
        "scantxoutset" => {
            let asked = params[1].as_array().unwrap();
            assert!(asked.len() <= super::bitcoin::CHUNK, "{params}");
            let output =
                |amount: &&str| format!(r#"{{"scriptPubKey":"{SCRIPT}","desc":"","amount":{amount},"height":1}}"#);
            let is_there = asked.contains(&json!(format!("raw({SCRIPT})")));
            let outputs: Vec<String> = outputs.iter().filter(|_| is_there).map(output).collect();
            let result = format!(
                r#"{{"success":true,"txouts":9,"height":900,"bestblock":"00ab","unspents":[{}]}}"#,
                outputs.join(",")
            );
            Reply::Raw("200 OK", format!(r#"{{"id":1,"error":null,"result":{result}}}"#))
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_scan_counts_for_its_own_block_alone() {
    let outputs = &["20999999.97690001", "0.00000001", "1e-7"];
    for (amount, height, expected) in [
        ("20999999.97690012", "900", "held"),
        ("20999999.97690013", "900", "short"),
        ("20999999.97690012", "899", "held_at_other_block"),
        ("20999999.97690013", "899", "short_at_other_block"),
        ("20999999.97690013", "", "short_at_other_block"),
    ] {
        let (port, _) = node(bitcoin(outputs));
        let answers = answers(&[line("bitcoin", COIN, amount, height, "")], "bitcoin", port);
        assert_eq!(status(&answers[0].outcome), expected, "{amount} {height}: {answers:?}");
    }
}

#[test]
fn a_scan_of_another_chain_or_with_amounts_that_are_none_counts_for_nothing() {
    // a fork has the same first block, and another one here
    let (port, _) = node(|method, params| match method {
        "getblockhash" => Reply::Result(json!("00".repeat(32))),
        _ => bitcoin(&["1"])(method, params),
    });
    let other = answers(&[line("bitcoin", COIN, "1", "900", "")], "bitcoin", port);
    assert!(format!("{other:?}").contains("is not a node of bitcoin"), "{other:?}");
    for wrong in [&["0.999999999"][..], &["-1"], &["\"1\""], &["null"], &["[1]"], &["1", "1e-9"]] {
        let (port, _) = node(bitcoin(wrong));
        let answers = answers(&[line("bitcoin", COIN, "0", "900", "")], "bitcoin", port);
        assert_eq!(status(&answers[0].outcome), "unanswered", "{wrong:?}");
    }
}

#[test]
fn one_scan_that_fails_takes_no_other_with_it() {
    let others = ["1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", COIN];
    let lines: Vec<_> = others.iter().map(|address| line("bitcoin", address, "0.5", "900", "")).collect();
    let (port, asked) = node(|method, params| {
        let is_own = params[1].as_array().is_some_and(|asked| asked.contains(&json!(format!("raw({SCRIPT})"))));
        match method {
            "scantxoutset" if !is_own => Reply::Error(-8, "Scan already in progress"),
            _ => bitcoin(&["0.5"])(method, params),
        }
    });
    let found = answers(&lines, "bitcoin", port);
    let found: Vec<_> = found.iter().map(|own| status(&own.outcome)).collect();
    // the scans are of two scripts each, in the order of the scripts
    assert_eq!(found[2], "held");
    assert_eq!(found.iter().filter(|status| *status == "unanswered").count(), 1, "{found:?}");
    assert_eq!(asked.lock().unwrap().iter().filter(|head| head.ends_with("scantxoutset")).count(), 2);
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
    let url = format!("http://127.0.0.1:{}", anvil.1);
    let [other, third] = ["0x00000000000000000000000000000000000000aa", "0x00000000000000000000000000000000000000ab"];
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
    let exact = answers_at(&url, &[line("ethereum", ADDRESS, "1.000000000000000005", "1", "")], "ethereum");
    assert_eq!(status(&exact[0].outcome), "held", "{exact:?}");
    let lines = [
        line("ethereum", ADDRESS, "1.000000000000000006", "1", ""),
        line("ethereum", ADDRESS, "1.000000000000000006", "2", ""),
        line("ethereum", other, "1.234567", "1", &token),
        line("ethereum", third, "1.234568", "1", &token),
        line("ethereum", other, "1", "0", &token),
        line("ethereum", other, "1", "9", ""),
        line("ethereum", ADDRESS, "1.000000000000000007", "", ""),
    ];
    let answers = answers_at(&url, &lines, "ethereum");
    let found: Vec<_> = answers.iter().map(|own| status(&own.outcome)).collect();
    let expected = ["short", "held", "held", "short", "unanswered", "unanswered", "short_at_other_block"];
    assert_eq!(found, expected, "{answers:#?}");
}
