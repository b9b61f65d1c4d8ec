//! A cluster for all tests, kept under target/ from run to run, and in it a migrated database for each test.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use assay::pg::{Cluster, ClusterError};
use assay::store::{
    Conflict, Result, Store, StoreError, Tx,
    attestations::{self, NewAttestation, Published},
    exchanges::ensure_exchange,
    jobs::{self, JobState, NewJob, PlanInfo},
    new_id,
    snapshots::{NewSnapshot, create_snapshot},
    units::add_units,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

/// The name that databases of tests are copied from.
const TEMPLATE: &str = "template_migrated";

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let cluster = start(&target("pg"));
    let url = cluster.url().to_owned();
    // tests have runtimes of their own, and one cannot wait within another
    thread::spawn(move || block_on(prepare(&url))).join().unwrap();
    cluster
});

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A directory that stays from run to run. Each version of PostgreSQL has its own: one cannot read another's files. The
/// variable names the version that the tests are run with where that is not the newest one installed.
pub fn target(name: &str) -> PathBuf {
    let version = std::env::var("TEST_POSTGRES").unwrap_or_default();
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}{version}"))
}

/// Another run of the tests may be about to end.
pub fn start(data_dir: &Path) -> Cluster {
    // one that the user postgres can enter, if what is above it can be entered
    fs::create_dir_all(data_dir).unwrap();
    fs::set_permissions(data_dir, fs::Permissions::from_mode(0o755)).unwrap();
    for _ in 0..600 {
        match Cluster::start(data_dir) {
            Err(ClusterError::InUse { .. }) => thread::sleep(Duration::from_millis(100)),
            other => return other.unwrap(),
        }
    }
    panic!("{} is in use for a minute", data_dir.display());
}

async fn prepare(url: &str) {
    let store = Store::connect(url, 1).await.unwrap();
    let client = store.read().await.unwrap();
    if let Ok(wanted) = std::env::var("TEST_POSTGRES") {
        let version: String = client.query_one("SHOW server_version", &[]).await.unwrap().get(0);
        assert!(version.starts_with(&wanted), "PostgreSQL {version} runs, the tests are to run with {wanted}");
    }
    // what a power cut would take from these databases nobody misses
    client.batch_execute("ALTER SYSTEM SET fsync = off").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let query = "SELECT datname FROM pg_database WHERE datname NOT IN ('assay', 'postgres') AND NOT datistemplate";
    for row in client.query(query, &[]).await.unwrap() {
        client.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", row.get::<_, String>(0))).await.unwrap();
    }
    client.batch_execute(&format!("CREATE DATABASE {TEMPLATE}")).await.unwrap();
    Store::migrate(&url_of(url, TEMPLATE)).await.unwrap();
}

/// The address of another database of the same cluster.
fn url_of(url: &str, database: &str) -> String {
    format!("{}{database}", url.strip_suffix("assay").unwrap())
}

/// Where `psql` and `pg_dump` are.
pub fn programs() -> &'static Path {
    CLUSTER.programs()
}

/// A database of a test's own, dropped with the test: files are deleted fastest while they are new.
pub struct Database {
    pub url: String,
    pub store: Store,
    name: String,
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // what could not be dropped is dropped by the next run
        let dropping = async move {
            let client = Store::connect(CLUSTER.url(), 1).await?.read().await?;
            client.batch_execute(&sql).await.map_err(|e| StoreError::from_postgres("drop", e))
        };
        let _ = thread::spawn(|| block_on(dropping)).join();
    }
}

impl Database {
    pub async fn new() -> Self {
        Self::copy_of(TEMPLATE).await
    }

    pub async fn without_tables() -> Self {
        Self::copy_of("template1").await
    }

    async fn copy_of(template: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let admin = Store::connect(CLUSTER.url(), 1).await.unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        admin.read().await.unwrap().batch_execute(&create).await.unwrap();
        let url = url_of(CLUSTER.url(), &name);
        Self { store: Store::connect(&url, 8).await.unwrap(), url, name }
    }

    /// Connections that can do what `role` can.
    pub async fn as_role(&self, role: &str) -> Store {
        Store::connect(&format!("{}?options=-c%20role%3D{role}", self.url), 4).await.unwrap()
    }

    pub async fn run(&self, sql: &str) {
        self.store.read().await.unwrap().batch_execute(sql).await.unwrap();
    }

    /// The number of rows that a query counts.
    pub async fn count(&self, from: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {from}");
        self.store.read().await.unwrap().query_one(&query, &[]).await.unwrap().get(0)
    }

    /// What the database says against `sql`: SQLSTATE and constraint.
    pub async fn refusal(&self, sql: &str) -> (String, String) {
        let error = self.store.read().await.unwrap().batch_execute(sql).await.expect_err(sql);
        let error = error.as_db_error().unwrap();
        (error.code().code().to_owned(), error.constraint().unwrap_or_default().to_owned())
    }
}

/// Midnight of a day counted from 2026-11-01.
pub fn day(number: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_793_491_200 + number * 86_400).unwrap()
}

/// A snapshot of the exchange `domain`, named after its epoch.
pub async fn snapshot(store: &Store, domain: &str, epoch: OffsetDateTime) -> Result<Uuid> {
    let work = async |tx| {
        let now = epoch + time::Duration::hours(1);
        let exchange = ensure_exchange(&tx, domain, now).await?;
        let new = NewSnapshot {
            exchange,
            name: format!("{domain}-{epoch}"),
            epoch,
            manifest: "[exchange]".to_owned(),
            created_by: "publisher".to_owned(),
            now,
        };
        create_snapshot(&tx, &new).await
    };
    store.run_tx("test.snapshot", work).await
}

/// A job for the snapshot.
pub async fn job(store: &Store, snapshot_id: Uuid) -> Result<Uuid> {
    let id = new_id(day(1));
    let (shape, created_by) = ("auto".to_owned(), "publisher".to_owned());
    let new = NewJob { id, snapshot_id, shape, shards: None, created_by, now: day(1) };
    store.run_tx("test.job", async |tx| jobs::create_job(&tx, &new).await).await.map(|()| id)
}

/// Says what the plan would.
pub async fn plan(store: &Store, job: Uuid, statement: &str) -> Result<()> {
    store.run_tx("test.plan", async |tx| plan_in(&tx, job, statement).await).await
}

/// [`plan`] in a transaction: two shards of three and of two steps.
pub async fn plan_in(tx: &Tx, job: Uuid, statement: &str) -> Result<()> {
    let plan = PlanInfo {
        shape: "solvency-8".to_owned(),
        accounts: 3,
        pages: 4,
        steps: vec![3, 2],
        statement: statement.as_bytes().to_vec(),
    };
    jobs::set_plan(tx, job, &plan, day(1)).await?;
    add_units(tx, job, &plan.steps).await
}

pub fn id_of(statement: &str) -> [u8; 32] {
    Sha256::digest(statement).into()
}

pub fn new_attestation(job_id: Uuid, statement: &str, now: OffsetDateTime) -> NewAttestation {
    NewAttestation {
        id: id_of(statement),
        exchange_name: "Example".to_owned(),
        job_id,
        valid: true,
        report: json!({ "coverage": "1.02" }),
        statement: statement.as_bytes().to_vec(),
        proof: b"proof".to_vec(),
        jws: "{\"signatures\":[]}".to_owned(),
        now,
    }
}

/// Everything before a final state.
pub const UNDER_WAY: [JobState; 7] = [
    JobState::Queued,
    JobState::Checking,
    JobState::Planning,
    JobState::Folding,
    JobState::Compressing,
    JobState::Verifying,
    JobState::Publishing,
];

/// Publishes `statement` as the job's, as a worker would.
pub async fn publish(store: &Store, job: Uuid, statement: &str) -> Result<Published> {
    let new = new_attestation(job, statement, day(100));
    let work = async |tx| {
        let published = attestations::publish(&tx, &new).await?;
        jobs::advance(&tx, job, &UNDER_WAY, JobState::Published, day(100)).await?;
        Ok(published)
    };
    store.run_tx("test.publish", work).await
}

/// A snapshot, its job, its attestation.
pub async fn published(store: &Store, domain: &str, epoch: OffsetDateTime, statement: &str) -> (Uuid, [u8; 32]) {
    let snapshot = snapshot(store, domain, epoch).await.unwrap();
    let job = job(store, snapshot).await.unwrap();
    plan(store, job, statement).await.unwrap();
    assert_eq!(publish(store, job, statement).await.unwrap(), Published::Now);
    (job, id_of(statement))
}

/// The conflict that must have been the answer.
pub fn conflict<T: std::fmt::Debug>(answer: Result<T>) -> Conflict {
    match answer {
        Err(StoreError::Conflict(conflict)) => conflict,
        other => panic!("no conflict: {other:?}"),
    }
}
