//! Running the program and making small ledgers.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A finished run.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Run {
    /// The run, if it ended with this code.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// The home that the tests of one run share; tests about secrets make their own. The circuits' parameters in it are those of
/// all runs and all test programs.
pub fn home() -> &'static Path {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    HOME.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("assay-home");
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).unwrap();
        symlink(parameters(), home.join("parameters")).unwrap();
        home
    })
}

/// Where all test programs keep the circuits' parameters, so that they are derived once.
pub fn parameters() -> PathBuf {
    let default = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../assay-parameters");
    let dir = std::env::var_os("TEST_PARAMETERS").map_or(default, PathBuf::from);
    fs::create_dir_all(&dir).unwrap();
    fs::canonicalize(dir).unwrap()
}

pub fn assay_in(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    command.args(arguments).env("ASSAY_HOME", home).env_remove("HOME").stdin(Stdio::null());
    command
}

/// Starts the run and returns it once it has made `file`. Its standard error is a pipe.
pub fn started(mut run: Command, file: &Path) -> Child {
    let mut child = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while !file.exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "{} does not appear", file.display());
        assert_eq!(child.try_wait().unwrap(), None, "the program ended early");
        sleep(Duration::from_millis(20));
    }
    child
}

/// Runs `assay` with the shared home.
pub fn assay(arguments: &[&str]) -> Run {
    assay_in(home(), arguments).output().unwrap().into()
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub struct Ledger {
    pub root: TempDir,
}

impl Ledger {
    /// `accounts` accounts, each holding BTC and every third owing a little USDT.
    pub fn new(accounts: usize) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        Self::named(accounts, &format!("ledger-{}", COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    pub fn named(accounts: usize, snapshot: &str) -> Self {
        let ledger = Self { root: tempfile::tempdir().unwrap() };
        fs::create_dir(ledger.dir()).unwrap();
        ledger.write(
            "manifest.toml",
            &format!(
                "[exchange]\nname = \"Small Exchange\"\ndomain = \"small.example\"\n\n\
                 [snapshot]\nid = \"{snapshot}\"\ntaken_at = \"2026-03-31T00:00:00Z\"\n\n\
                 [snapshot.block_heights]\nbitcoin = 900000\n"
            ),
        );
        ledger.write("assets.csv", "symbol,scale,price,quote\nBTC,8,65000.5,USD\nUSDT,6,1,USD\n");
        let (mut names, mut balances) = ("account,class\n".to_owned(), "account,asset,equity,debt\n".to_owned());
        for a in 0..accounts {
            names.push_str(&format!("customer-{a},{}\n", a % 3));
            balances.push_str(&format!("customer-{a},BTC,0.{:08},0\n", a + 1));
            if a % 3 == 0 {
                balances.push_str(&format!("customer-{a},USDT,{}.5,0.25\n", 10 * (a + 1)));
            }
        }
        ledger.write("accounts.csv", &names);
        ledger.write("balances.csv", &balances);
        ledger.write(
            "reserves.csv",
            "asset,chain,address,amount,height,message,signature\n\
             BTC,bitcoin,bc1qone,1000,900000,,\nUSDT,ethereum,0xtwo,9000000,22000000,,\nUSDT,tron,Tthree,1,,,\n",
        );
        ledger
    }

    pub fn dir(&self) -> PathBuf {
        self.root.path().join("ledger")
    }

    pub fn out(&self) -> PathBuf {
        self.root.path().join("out")
    }

    pub fn partial(&self) -> PathBuf {
        self.root.path().join("out.partial")
    }

    pub fn write(&self, name: &str, content: &str) {
        fs::write(self.dir().join(name), content).unwrap();
    }

    /// Proves with the smallest shape.
    pub fn prove_arguments(&self) -> Vec<String> {
        ["prove", text(&self.dir()), "--out", text(&self.out()), "--shape", "solvency-8", "--test-shapes"]
            .map(str::to_owned)
            .to_vec()
    }

    pub fn prove(&self, more: &[&str]) -> Run {
        let own = self.prove_arguments();
        let arguments: Vec<&str> = own.iter().map(String::as_str).chain(more.iter().copied()).collect();
        assay(&arguments)
    }

    pub fn verify(&self) -> Run {
        assay(&["verify", text(&self.out()), "--test-shapes"])
    }
}

/// The directory of published ledgers and limits.
pub fn shared_data() -> PathBuf {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let path = std::env::var_os("TEST_DATA").map_or(default, PathBuf::from);
    assert!(path.is_dir(), "{} is not a directory: set TEST_DATA", path.display());
    path
}
