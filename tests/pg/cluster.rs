//! The private cluster: who can reach it, and what is left when something dies.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use assay::{
    pg::{Cluster, ClusterError},
    store::Store,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::support::{block_on, start, target};

/// Set for the process that is to be killed.
const HELPER: &str = "ASSAY_TEST_CLUSTER";

/// A data directory that is gone with the test, and with it the cluster.
pub struct DataDir(tempfile::TempDir);

impl DataDir {
    /// `mode`: who may enter it.
    fn new(mode: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        Self(dir)
    }

    /// With an empty cluster in it: making one takes seconds, copying one does not.
    pub fn seeded() -> Self {
        static SEED: LazyLock<PathBuf> = LazyLock::new(|| {
            let cluster = start(&target("seed"));
            let files = cluster.directory().to_owned();
            cluster.stop().unwrap();
            files
        });
        let dir = Self::new(0o755);
        let copied = Command::new("cp").arg("-a").arg(&*SEED).arg(dir.path().join("postgres")).status().unwrap();
        assert!(copied.success());
        dir
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn start(&self) -> Cluster {
        Cluster::start(self.path()).unwrap()
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if let Ok(elsewhere) = fs::read_link(self.path().join("postgres")) {
            fs::remove_dir_all(elsewhere).unwrap();
        }
    }
}

fn run(url: &str, sql: &str) {
    block_on(async { Store::connect(url, 1).await.unwrap().read().await.unwrap().batch_execute(sql).await.unwrap() });
}

fn ask(url: &str, sql: &str) -> String {
    block_on(async {
        Store::connect(url, 1).await.unwrap().read().await.unwrap().query_one(sql, &[]).await.unwrap().get(0)
    })
}

fn postmaster(cluster: &Path) -> Option<Pid> {
    let text = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    Some(Pid::from_raw(text.lines().next()?.parse().unwrap()))
}

fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn is_alive(pid: Pid) -> bool {
    kill(pid, None).is_ok()
}

#[test]
fn a_server_that_ended_by_itself_is_started_again() {
    let data_dir = DataDir::seeded();
    let mut cluster = data_dir.start();
    run(cluster.url(), "CREATE TABLE kept AS SELECT 7 AS number");
    assert!(!cluster.revive().unwrap(), "it runs");
    for signal in [Signal::SIGKILL, Signal::SIGQUIT] {
        let pid = postmaster(cluster.directory()).unwrap();
        kill(pid, signal).unwrap();
        let mut revived = false;
        wait_until("the end of the server is noticed", || {
            revived = cluster.revive().unwrap();
            revived
        });
        assert_eq!(ask(cluster.url(), "SELECT number::text FROM kept"), "7");
        assert!(!cluster.revive().unwrap());
    }
    cluster.stop().unwrap();
}

/// This program again, as a process that runs the cluster of `data_dir` until it is killed.
fn running_elsewhere(data_dir: &Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cluster::helper", "--ignored", "--nocapture"])
        .env(HELPER, data_dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.map(Result::unwrap).find_map(|l| l.split_once("running at ").map(|(_, url)| url.to_owned()));
    (child, url.expect("the helper says where its cluster is"))
}

#[test]
#[ignore = "not a test: a process that other tests start"]
fn helper() {
    let Some(data_dir) = std::env::var_os(HELPER) else { return };
    // as a server would do it: on a thread of a pool, which may end before the process does
    let cluster = thread::spawn(move || Cluster::start(&PathBuf::from(data_dir)).unwrap()).join().unwrap();
    println!("running at {}", cluster.url());
    thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_newcomer_gets_a_database_that_nobody_else_can_reach() {
    let dir = DataDir::new(0o755);
    let cluster = dir.start();
    let setting = |name: &str| ask(cluster.url(), &format!("SELECT current_setting('{name}')"));
    assert_eq!(setting("server_encoding"), "UTF8");
    // no parameter since PostgreSQL 16
    let collation = "SELECT datcollate::text FROM pg_database WHERE datname = current_database()";
    assert_eq!(ask(cluster.url(), collation), "C");
    assert_eq!(setting("data_checksums"), "on");
    assert_eq!(setting("listen_addresses"), "");
    assert_eq!(setting("fsync"), "on");
    assert_eq!(ask(cluster.url(), "SELECT current_database()::text"), "assay");
    let directory = cluster.directory().to_owned();
    let meta = fs::metadata(&directory).unwrap();
    assert_eq!(meta.mode() & 0o777, 0o700);
    assert_ne!(meta.uid(), 0);
    let process = postmaster(&directory).unwrap();
    cluster.stop().unwrap();
    assert!(!is_alive(process));
    assert!(!directory.join("postmaster.pid").exists());
}

#[test]
fn what_was_written_is_there_after_a_restart_and_gone_after_a_removal() {
    let dir = DataDir::seeded();
    let cluster = dir.start();
    run(cluster.url(), "CREATE TABLE kept AS SELECT 'yes'::text AS value");
    cluster.stop().unwrap();
    let mut cluster = dir.start();
    assert_eq!(ask(cluster.url(), "SELECT value FROM kept"), "yes");
    cluster.restart().unwrap();
    assert_eq!(ask(cluster.url(), "SELECT value FROM kept"), "yes");
    let directory = cluster.directory().to_owned();
    cluster.remove().unwrap();
    assert!(!directory.exists());
}

#[test]
fn a_data_directory_that_postgres_cannot_reach_points_to_one_that_it_can() {
    let dir = DataDir::new(0o700);
    let cluster = dir.start();
    assert_eq!(ask(cluster.url(), "SELECT 'there'::text"), "there");
    let directory = cluster.directory().to_owned();
    let named = dir.path().join("postgres");
    if nix::unistd::geteuid().is_root() {
        assert_eq!(fs::read_link(&named).unwrap(), directory);
    }
    cluster.stop().unwrap();
    let again = dir.start();
    assert_eq!(again.directory(), directory);
    again.remove().unwrap();
    assert!(!directory.exists() && fs::symlink_metadata(&named).is_err());
}

#[test]
fn a_path_that_is_odd_or_too_long_for_a_socket_works_as_well() {
    let dir = DataDir::seeded();
    let odd = dir.path().join("s p,'q\"%25");
    let long = dir.path().join("long".repeat(40));
    for below in [odd, long] {
        fs::create_dir(&below).unwrap();
        fs::set_permissions(&below, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(dir.path().join("postgres"), below.join("postgres")).unwrap();
        let cluster = Cluster::start(&below).unwrap();
        assert_eq!(ask(cluster.url(), "SELECT 'there'::text"), "there");
        // and whoever only looks finds it
        assert_eq!(Cluster::inspect(&below).unwrap().url.as_deref(), Some(cluster.url()));
        cluster.stop().unwrap();
        assert_eq!(Cluster::inspect(&below).unwrap().url, None);
        fs::rename(below.join("postgres"), dir.path().join("postgres")).unwrap();
    }
}

#[test]
fn a_second_process_is_told_who_has_the_cluster() {
    let dir = DataDir::seeded();
    let cluster = dir.start();
    let refused = Cluster::start(dir.path()).unwrap_err();
    let sentence = refused.to_string();
    assert!(matches!(refused, ClusterError::InUse { .. }), "{sentence}");
    assert!(sentence.contains(&format!("process {}", std::process::id())), "{sentence}");
    assert_eq!(ask(cluster.url(), "SELECT 'unharmed'::text"), "unharmed");
}

#[test]
fn a_killed_process_takes_its_postgres_with_it() {
    let dir = DataDir::seeded();
    let (mut child, url) = running_elsewhere(dir.path());
    run(&url, "CREATE TABLE kept AS SELECT 'yes'::text AS value");
    let server = postmaster(&dir.path().join("postgres")).unwrap();
    // the thread that started it is long gone
    thread::sleep(Duration::from_millis(300));
    assert!(is_alive(server));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("Postgres ends with its parent", || !is_alive(server));
    assert_eq!(ask(dir.start().url(), "SELECT value FROM kept"), "yes");
}

#[test]
fn the_next_start_does_not_wait_for_an_orphan_to_leave_by_itself() {
    let dir = DataDir::seeded();
    let (mut child, url) = running_elsewhere(dir.path());
    run(&url, "CREATE TABLE kept AS SELECT 'yes'::text AS value");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(ask(dir.start().url(), "SELECT value FROM kept"), "yes");
}

#[test]
fn a_crashed_postgres_recovers() {
    let dir = DataDir::seeded();
    let cluster = dir.start();
    run(cluster.url(), "CREATE TABLE kept AS SELECT 'yes'::text AS value");
    let server = postmaster(cluster.directory()).unwrap();
    kill(server, Signal::SIGKILL).unwrap();
    let directory = cluster.directory().to_owned();
    drop(cluster);
    assert!(directory.join("postmaster.pid").exists());
    assert_eq!(ask(dir.start().url(), "SELECT value FROM kept"), "yes");
}

#[test]
fn a_number_given_to_another_process_is_not_taken_for_postgres() {
    let dir = DataDir::seeded();
    let cluster = dir.start();
    let directory = cluster.directory().to_owned();
    let file = directory.join("postmaster.pid");
    let of_crashed = fs::read_to_string(&file).unwrap();
    cluster.stop().unwrap();
    // a process of the same user, which Postgres would take for itself
    let user = fs::metadata(&directory).unwrap();
    let mut stranger =
        Command::new("sleep").arg("60").current_dir("/").uid(user.uid()).gid(user.gid()).spawn().unwrap();
    let (_, rest) = of_crashed.split_once('\n').unwrap();
    fs::write(&file, format!("{}\n{rest}", stranger.id())).unwrap();
    assert_eq!(ask(dir.start().url(), "SELECT 'there'::text"), "there");
    assert!(stranger.try_wait().unwrap().is_none(), "a process that is not ours was stopped");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

/// Runs the server of a stopped cluster, in a way that no death of a parent ends it.
fn run_by_hand(cluster: Cluster, mark: &str) -> Child {
    let (directory, programs) = (cluster.directory().to_owned(), cluster.programs().to_owned());
    cluster.stop().unwrap();
    let user = fs::metadata(&directory).unwrap();
    let server = Command::new(programs.join("postgres"))
        .arg("-D")
        .arg(&directory)
        .args(["-c", mark, "-c", "listen_addresses=", "-c"])
        .arg(format!("unix_socket_directories={}", directory.display()))
        .current_dir("/")
        .uid(user.uid())
        .gid(user.gid())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("it runs", || fs::read_to_string(directory.join("postmaster.pid")).is_ok_and(|t| t.contains("ready")));
    server
}

#[test]
fn a_postgres_that_somebody_else_has_started_is_left_alone() {
    let dir = DataDir::seeded();
    let mut foreign = run_by_hand(dir.start(), "cluster_name=theirs");
    let refused = Cluster::start(dir.path()).unwrap_err().to_string();
    assert!(refused.contains(&format!("PostgreSQL's process {}", foreign.id())), "{refused}");
    assert!(foreign.try_wait().unwrap().is_none());
    kill(Pid::from_raw(i32::try_from(foreign.id()).unwrap()), Signal::SIGQUIT).unwrap();
    foreign.wait().unwrap();
}

#[test]
fn a_postgres_of_ours_that_was_left_behind_is_stopped_and_its_cluster_taken_over() {
    let dir = DataDir::seeded();
    let mut orphan = run_by_hand(dir.start(), "cluster_name=assay-private");
    let cluster = dir.start();
    assert!(orphan.wait().unwrap().success());
    assert_eq!(ask(cluster.url(), "SELECT 'there'::text"), "there");
}

#[test]
fn a_start_that_was_interrupted_begins_anew() {
    let dir = DataDir::new(0o755);
    let unfinished = dir.path().join("postgres.unfinished");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("PG_VERSION"), "15\n").unwrap();
    let cluster = dir.start();
    assert_eq!(ask(cluster.url(), "SELECT 'there'::text"), "there");
    assert!(!unfinished.exists());
}

#[test]
fn a_start_that_fails_says_why() {
    let dir = DataDir::seeded();
    let cluster = dir.start();
    let directory = cluster.directory().to_owned();
    cluster.stop().unwrap();
    fs::rename(directory.join("global"), directory.join("elsewhere")).unwrap();
    let sentence = Cluster::start(dir.path()).unwrap_err().to_string();
    assert!(sentence.starts_with("postgres: ") && sentence.contains("global"), "{sentence}");
    assert!(!sentence.contains('\n'), "{sentence}");
}
