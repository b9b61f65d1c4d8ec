//! Nodes that answer as real ones do, and as broken or hostile ones might.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// The hash of every block of a stand-in.
pub(crate) const HASH: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

/// What a stand-in answers.
pub(crate) enum Reply {
    Result(Value),
    Error(i64, &'static str),
    /// Status and body as they are.
    Raw(&'static str, String),
    /// A body without end.
    Endless,
    /// A body that ends before its length.
    Cut,
}

/// A node that answers each method as `reply` says. Returns its port and the requests that it got.
pub(crate) fn node(reply: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> (u16, Arc<Mutex<Vec<String>>>) {
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
        Reply::Cut => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n{\"id\":1,");
            return;
        }
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
pub(crate) fn ethereum(units: &'static str) -> impl Fn(&str, &Value) -> Reply + Send + Sync {
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
