//! A connection to Postgres that can be cut at the worst moment: between the service and the database stands a proxy that
//! understands just enough of the protocol to know which write is being committed. It loses the write, or lets it happen and
//! loses the answer. Each different write is hit once.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// What happens to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The connection breaks before the database hears of it.
    Lost,
    /// The database commits, and the connection breaks before the service hears of that.
    PersistedButReportedAsFailed,
}

/// A proxy that runs until the process ends.
pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
}

struct State {
    socket: PathBuf,
    fate: Mutex<Option<Fate>>,
    /// The writes that were hit, by their statements.
    hit: Mutex<BTreeSet<String>>,
}

impl Proxy {
    /// Listens on a port of its own, before the database behind `socket`.
    pub fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { socket, fate: Mutex::new(None), hit: Mutex::new(BTreeSet::new()) });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || drop(connect(client, &state)));
            }
        });
        Self { port, state }
    }

    /// From now on every write that was not hit before meets this fate; none with `None`.
    pub fn hit(&self, fate: Option<Fate>) {
        *self.state.fate.lock().unwrap() = fate;
        if fate.is_some() {
            self.state.hit.lock().unwrap().clear();
        }
    }

    /// The writes that were hit since the last change of fate.
    pub fn writes(&self) -> Vec<String> {
        self.state.hit.lock().unwrap().iter().cloned().collect()
    }
}

fn connect(client: TcpStream, state: &Arc<State>) -> io::Result<()> {
    let server = UnixStream::connect(&state.socket)?;
    client.set_nodelay(true)?;
    let swallow = Arc::new(AtomicBool::new(false));
    let (mut down_from, mut down_to) = (server.try_clone()?, client.try_clone()?);
    let quiet = Arc::clone(&swallow);
    thread::spawn(move || {
        let mut buffer = [0u8; 1 << 16];
        while let Ok(n @ 1..) = down_from.read(&mut buffer) {
            // the database has answered, so it has committed
            if quiet.load(Ordering::SeqCst) || down_to.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        let _ = down_from.shutdown(Shutdown::Both);
        let _ = down_to.shutdown(Shutdown::Both);
    });
    let ended = pump(client.try_clone()?, server.try_clone()?, state, &swallow);
    if swallow.load(Ordering::SeqCst) {
        // the other direction closes once the answer came
        thread::sleep(Duration::from_secs(2));
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
    ended
}

/// From the service to the database, message by message.
fn pump(mut client: TcpStream, mut server: UnixStream, state: &State, swallow: &AtomicBool) -> io::Result<()> {
    const SSL_REQUEST: u32 = 80_877_103;
    loop {
        // until the startup message, messages have no type
        let message = read_message(&mut client, None)?;
        server.write_all(&message)?;
        let code = message.get(4..8).map(|c| u32::from_be_bytes(c.try_into().unwrap()));
        if code != Some(SSL_REQUEST) {
            break;
        }
    }
    let mut prepared: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    let (mut inside, mut statements) = (false, Vec::<String>::new());
    loop {
        let mut kind = [0u8; 1];
        client.read_exact(&mut kind)?;
        let message = read_message(&mut client, Some(kind[0]))?;
        let body = &message[5..];
        let mut commits = false;
        match kind[0] {
            b'P' => {
                let (name, rest) = c_string(body);
                prepared.insert(name.to_vec(), String::from_utf8_lossy(c_string(rest).0).into_owned());
            }
            b'B' => {
                let (_, rest) = c_string(body);
                let sql = prepared.get(c_string(rest).0).cloned().unwrap_or_default();
                if !is_read(&sql) {
                    statements.push(format!("{}{}", label(&sql), states(body)));
                }
            }
            b'Q' => {
                let sql = String::from_utf8_lossy(c_string(body).0).trim().to_ascii_uppercase();
                if sql.starts_with("START TRANSACTION") || sql.starts_with("BEGIN") {
                    inside = true;
                    statements.clear();
                } else if sql.starts_with("COMMIT") {
                    commits = true;
                    inside = false;
                } else if sql.starts_with("ROLLBACK") {
                    inside = false;
                    statements.clear();
                }
            }
            b'S' => commits = !inside,
            _ => {}
        }
        if commits {
            let label = std::mem::take(&mut statements).join(" + ");
            let fate = *state.fate.lock().unwrap();
            if let Some(fate) = fate
                && !label.is_empty()
                && state.hit.lock().unwrap().insert(label)
            {
                if fate == Fate::PersistedButReportedAsFailed {
                    swallow.store(true, Ordering::SeqCst);
                    server.write_all(&message)?;
                }
                return Ok(());
            }
        }
        server.write_all(&message)?;
    }
}

fn read_message(client: &mut TcpStream, kind: Option<u8>) -> io::Result<Vec<u8>> {
    let mut length = [0u8; 4];
    client.read_exact(&mut length)?;
    let rest = (u32::from_be_bytes(length) as usize).saturating_sub(4);
    let mut message: Vec<u8> = kind.into_iter().chain(length).collect();
    let start = message.len();
    message.resize(start + rest, 0);
    client.read_exact(&mut message[start..])?;
    Ok(message)
}

fn c_string(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or(&[]))
}

/// Statements that change nothing. The queue's own book-keeping (its schema) is another project's, and is not hit.
fn is_read(sql: &str) -> bool {
    let text = sql.trim_start().to_ascii_lowercase();
    let ours = ["insert", "update", "delete", "copy", "with"].iter().any(|verb| text.starts_with(verb))
        || text.contains("graphile_worker.add_job");
    !ours || (text.contains("_private_") && !text.contains("add_job"))
}

/// The beginning of a statement, enough to tell it from others.
fn label(sql: &str) -> String {
    sql.split_whitespace().take(4).collect::<Vec<_>>().join(" ").chars().take(48).collect()
}

/// The states of a job among a statement's values: each move from one to the next is a write of its own.
fn states(values: &[u8]) -> String {
    let moves = ["checking", "planning", "folding", "compressing", "verifying", "publishing", "published"];
    let named = |state: &&str| values.windows(state.len()).any(|w| w == state.as_bytes());
    moves.into_iter().filter(named).map(|state| format!(" {state}")).collect()
}
