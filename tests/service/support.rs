//! A running service: the program as its operator starts it, on a real database, and the requests of those who use it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use assay::pg::{Cluster, ClusterError};
use serde_json::{Value, json};
use tempfile::TempDir;

/// One private cluster for all tests of this binary; each test has a database of its own.
pub fn cluster() -> &'static Mutex<Cluster> {
    static CLUSTER: OnceLock<Mutex<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        // it stays from run to run, and the user postgres may enter it
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("service-postgres");
        fs::create_dir_all(&dir).unwrap();
        fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        // another run of the tests may be about to end
        let started = wait_for("a private cluster", 60, || match Cluster::start(&dir) {
            Err(ClusterError::InUse { .. }) => None,
            started => Some(started),
        });
        Mutex::new(started.unwrap())
    })
}

/// Held by every request while it runs, and by a restart of the cluster: other tests are not to see it.
static CLUSTER_RUNS: RwLock<()> = RwLock::new(());

/// Restarts Postgres under everything but the tests' own requests.
pub fn restart_cluster() {
    let _alone = CLUSTER_RUNS.write().unwrap();
    cluster().lock().unwrap().restart().unwrap();
}

/// A new database, as a URL.
pub fn database() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("service_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let url = cluster().lock().unwrap().url().to_owned();
    let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    client.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), &[]).unwrap();
    client.execute(&format!("CREATE DATABASE {name}"), &[]).unwrap();
    with_database(&url, &name)
}

/// A new database with all tables, which belongs to no home yet.
pub fn migrated_database() -> String {
    let url = database();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(assay::store::Store::migrate(&url)).unwrap();
    url
}

/// A copy of a database that nobody uses, as a dump that is restored at once.
pub fn copy_of(url: &str) -> String {
    let copy = database();
    let name = |url: &str| url.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
    let cluster = cluster().lock().unwrap().url().to_owned();
    let mut client = postgres::Client::connect(&cluster, postgres::NoTls).unwrap();
    let (from, to) = (name(url), name(&copy));
    client.execute(&format!("DROP DATABASE {to}"), &[]).unwrap();
    wait_for("the end of all sessions", 20, || {
        client.execute(&format!("CREATE DATABASE {to} TEMPLATE {from}"), &[]).ok()
    });
    copy
}

fn with_database(url: &str, name: &str) -> String {
    let (before, query) = url.split_once('?').map_or((url, ""), |(b, q)| (b, q));
    let (base, _) = before.rsplit_once('/').unwrap();
    if query.is_empty() { format!("{base}/{name}") } else { format!("{base}/{name}?{query}") }
}

/// The home of a test: the parameters of circuits are shared by all, keys and secrets are not.
pub fn home() -> TempDir {
    furnished(tempfile::tempdir().unwrap())
}

fn furnished(home: TempDir) -> TempDir {
    std::os::unix::fs::symlink(parameters(), home.path().join("parameters")).unwrap();
    home
}

/// Where all test programs keep the circuits' parameters, so that they are derived once.
pub fn parameters() -> PathBuf {
    let default = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../assay-parameters");
    let dir = std::env::var_os("TEST_PARAMETERS").map_or(default, PathBuf::from);
    fs::create_dir_all(&dir).unwrap();
    fs::canonicalize(dir).unwrap()
}

/// `assay` in a home, on a database.
pub fn assay(home: &Path, database: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    command
        .args(arguments)
        .env("ASSAY_HOME", home)
        .env("DATABASE_URL", database)
        .env("ASSAY_WORKER__TEST_SHAPES", "true")
        .env("ASSAY_WORKER__CHECKPOINT_SECONDS", "0")
        .env("ASSAY_WORKER__HEARTBEAT_SECONDS", "1")
        .env("ASSAY_WORKER__DEAD_AFTER_SECONDS", "4")
        .env("ASSAY_RATE_LIMIT_ANONYMOUS", "1000000")
        .env("ASSAY_RATE_LIMIT_SUBJECT", "1000000")
        .env("ASSAY_LOG__FILTER", "info,assay=debug")
        .env_remove("HOME")
        .stdin(Stdio::null());
    command
}

/// A process that is killed with the test.
pub struct Process {
    child: Child,
    /// What it wrote to standard error.
    pub log: PathBuf,
    _log_place: TempDir,
}

impl Process {
    pub fn start(mut command: Command) -> Self {
        let place = tempfile::tempdir().unwrap();
        let log = place.path().join("log");
        let child = command.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        Self { child, log, _log_place: place }
    }

    pub fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// kill -9.
    pub fn kill(mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.logged()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGTERM; returns the exit code and how long it took.
    pub fn terminate(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        let pid = self.child.id().to_string();
        // the shell has a kill of its own; a bare machine has no other
        assert!(Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        (status.code(), begun.elapsed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Until `found` gives something; panics after `seconds`.
pub fn wait_for<T>(what: &str, seconds: u64, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(seconds), "{what} did not happen within {seconds} s");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A serving process with its database and home.
pub struct Service {
    pub home: TempDir,
    pub database: String,
    pub process: Option<Process>,
    pub port: u16,
    /// Whether the database is the process's own.
    private: bool,
    agent: ureq::Agent,
}

/// An answer, whatever its status.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }
}

impl Service {
    /// Serving and working in one process.
    pub fn start() -> Self {
        Self::on(database(), &["serve", "--worker"], &[])
    }

    /// Serving alone.
    pub fn without_worker() -> Self {
        Self::on(database(), &["serve"], &[])
    }

    pub fn on(database: String, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let home = home();
        {
            let _runs = CLUSTER_RUNS.read().unwrap();
            run(assay(home.path(), &database, &["migrate"]));
        }
        let mut service = Self { home, database, process: None, port: free_port(), private: false, agent: agent() };
        service.restart(arguments, settings);
        service
    }

    /// Serving and working in one process that has a private cluster, all of it below `place`.
    pub fn private(place: &Path, settings: &[(&str, &str)]) -> Self {
        let home = furnished(tempfile::tempdir_in(place).unwrap());
        // the user postgres, whom root lets it run as, is to reach it there
        fs::create_dir(home.path().join("postgres")).unwrap();
        for dir in [home.path(), &home.path().join("postgres")] {
            fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let mut service =
            Self { home, database: String::new(), process: None, port: free_port(), private: true, agent: agent() };
        service.restart(&["serve", "--worker"], settings);
        let cluster = fs::canonicalize(service.home.path().join("postgres/postgres")).unwrap();
        assert!(cluster.starts_with(place), "{}", cluster.display());
        service.database = format!("postgres://assay@{}/assay", cluster.to_str().unwrap().replace('/', "%2F"));
        service
    }

    pub fn restart(&mut self, arguments: &[&str], settings: &[(&str, &str)]) {
        self.process = None;
        let listen = format!("127.0.0.1:{}", self.port);
        let mut command = assay(self.home.path(), &self.database, &[arguments, &["--listen", &listen]].concat());
        command.env("ASSAY_PUBLIC_URL", self.url(""));
        command.envs(settings.iter().copied());
        if self.private {
            command.env_remove("DATABASE_URL");
        }
        self.process = Some(Process::start(command));
        wait_for("the service answering", 30, || {
            let process = self.process.as_mut().unwrap();
            assert!(process.is_running(), "{}", process.logged());
            self.try_request("GET", "/healthz", None, &[], &[]).ok().filter(|a| a.status == 200)
        });
    }

    /// A worker beside the service, in another home with the same secret and keys, as on another machine.
    pub fn worker(&self, home: &Path, settings: &[(&str, &str)]) -> Process {
        let mut command = assay(home, &self.database, &["work"]);
        command.env("ASSAY_PUBLIC_URL", self.url("")).envs(settings.iter().copied());
        Process::start(command)
    }

    /// A home with this service's master secret and keys.
    pub fn other_home(&self) -> TempDir {
        let other = home();
        let copied = Command::new("cp")
            .arg("-a")
            .args(["master.secret", "keys"].map(|n| self.home.path().join(n)))
            .arg(other.path())
            .status();
        assert!(copied.unwrap().success());
        other
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn log(&self) -> String {
        self.process.as_ref().unwrap().logged()
    }

    /// A token as `assay token mint` gives it.
    pub fn token(&self, role: &str, subject: &str) -> String {
        self.token_for(role, subject, "small.example")
    }

    pub fn token_for(&self, role: &str, subject: &str, exchange: &str) -> String {
        let mut command = assay(
            self.home.path(),
            &self.database,
            &["token", "mint", "--role", role, "--subject", subject, "--exchange", exchange],
        );
        command.env("ASSAY_PUBLIC_URL", self.url("")).args(["--audience", &self.url("")]);
        run(command).trim().to_owned()
    }

    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let _runs = CLUSTER_RUNS.read().unwrap();
        let mut request = ureq::http::Request::builder().method(method).uri(self.url(path));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = if matches!(method, "GET" | "DELETE" | "HEAD") && body.is_empty() {
            self.agent.run(request.body(()).unwrap())?
        } else {
            self.agent.run(request.body(body.to_vec()).unwrap())?
        };
        let body = answer.body_mut().with_config().limit(1 << 30).read_to_vec()?;
        Ok(Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body })
    }

    pub fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.try_request("GET", path, token, &[], &[]).unwrap()
    }

    pub fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.try_request("POST", path, Some(token), &headers, body.to_string().as_bytes()).unwrap()
    }

    pub fn put(&self, path: &str, token: &str, body: &[u8]) -> Answer {
        self.try_request("PUT", path, Some(token), &[("content-type", "text/csv")], body).unwrap()
    }

    /// Hands a ledger over; returns the snapshot's id.
    pub fn upload(&self, ledger: &SmallLedger, token: &str) -> String {
        let id = self.post("/v1/snapshots", token, &ledger.metadata).expect(201).json()["id"].clone();
        let id = id.as_str().unwrap().to_owned();
        for (name, content) in &ledger.files {
            self.put(&format!("/v1/snapshots/{id}/files/{name}"), token, content.as_bytes()).expect(204);
        }
        id
    }

    /// Asks for an attestation with the smallest shape; returns the job's id.
    pub fn prove(&self, snapshot: &str, token: &str) -> String {
        let path = format!("/v1/snapshots/{snapshot}/attestation");
        let job = self.post(&path, token, &json!({"shape": "solvency-8"})).expect(202);
        job.json()["id"].as_str().unwrap().to_owned()
    }

    pub fn job(&self, job: &str, token: &str) -> Value {
        self.get(&format!("/v1/jobs/{job}"), Some(token)).expect(200).json()
    }

    /// Waits for a job's end; returns it.
    pub fn finished(&self, job: &str, token: &str, seconds: u64) -> Value {
        self.finished_or(job, token, seconds, || self.log())
    }

    /// The same; where it does not end, the last lines of what `log` gives say why.
    pub fn finished_or(&self, job: &str, token: &str, seconds: u64, log: impl Fn() -> String) -> Value {
        let begun = Instant::now();
        wait_for("the end of the job", seconds + 5, || {
            if begun.elapsed() > Duration::from_secs(seconds) {
                let log = log();
                let told: Vec<&str> = log.lines().filter(|l| !l.contains("\"answered\"")).collect();
                panic!("the job has not ended: {}", told[told.len().saturating_sub(30)..].join("\n"));
            }
            let answer = self.try_request("GET", &format!("/v1/jobs/{job}"), Some(token), &[], &[]).ok()?;
            // while a database restarts, the service says 503
            let job = (answer.status == 200).then(|| answer.json())?;
            let state = job["state"].as_str()?.to_owned();
            ["published", "refused", "failed", "cancelled"].contains(&state.as_str()).then_some(job)
        })
    }

    /// The attestation's id, once the job has published it.
    pub fn published(&self, job: &str, token: &str) -> String {
        let ended = self.finished(job, token, 240);
        assert_eq!(ended["state"], "published", "{ended}\n{}", self.log());
        ended["attestation"].as_str().unwrap().to_owned()
    }

    pub fn sql(&self) -> postgres::Client {
        postgres::Client::connect(&self.database, postgres::NoTls).unwrap()
    }
}

/// Runs a command that must succeed; what it printed.
pub fn run(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .max_redirects(0)
        .build()
        .into()
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A ledger as it is handed over.
pub struct SmallLedger {
    pub metadata: Value,
    pub files: Vec<(String, String)>,
}

impl SmallLedger {
    /// `accounts` accounts, each holding BTC and every third owing a little USDT, at noon of a day of 2026.
    pub fn new(name: &str, accounts: usize, day: u32) -> Self {
        let (mut names, mut balances) = ("account,class\n".to_owned(), "account,asset,equity,debt\n".to_owned());
        for a in 0..accounts {
            names.push_str(&format!("customer-{a},{}\n", a % 3));
            balances.push_str(&format!("customer-{a},BTC,0.{:08},0\n", a + 1));
            if a % 3 == 0 {
                balances.push_str(&format!("customer-{a},USDT,{}.5,0.25\n", 10 * (a + 1)));
            }
        }
        let files = [
            ("assets.csv", "symbol,scale,price,quote\nBTC,8,65000.5,USD\nUSDT,6,1,USD\n".to_owned()),
            ("accounts.csv", names),
            ("balances.csv", balances),
            (
                "reserves.csv",
                "asset,chain,address,amount,height,message,signature\n\
                 BTC,bitcoin,bc1qone,1000,900000,,\nUSDT,ethereum,0xtwo,9000000,22000000,,\nUSDT,tron,Tthree,1,,,\n"
                    .to_owned(),
            ),
        ];
        Self {
            metadata: json!({
                "exchange": {"name": "Small Exchange", "domain": "small.example"},
                "snapshot": {
                    "id": name,
                    "taken_at": format!("2026-0{}-{:02}T12:00:00Z", 1 + day / 28, 1 + day % 28),
                    "block_heights": {"bitcoin": 900_000},
                },
            }),
            files: files.map(|(name, content)| (name.to_owned(), content)).to_vec(),
        }
    }
}
