//! A cluster for all tests, kept under target/ from run to run, and in it a migrated database for each test.

use std::{
    path::Path,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use assay::store::{
    Store,
    cluster::{Cluster, ClusterError},
};

/// The name that databases of tests are copied from.
const TEMPLATE: &str = "template_migrated";

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let cluster = start(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("pg"));
    let url = cluster.url().to_owned();
    // tests have runtimes of their own, and one cannot wait within another
    thread::spawn(move || runtime().block_on(prepare(&url))).join().unwrap();
    cluster
});

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Another run of the tests may be about to end.
fn start(data_dir: &Path) -> Cluster {
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

/// A database of a test's own.
pub struct Database {
    pub url: String,
    pub store: Store,
}

impl Database {
    pub async fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let admin = Store::connect(CLUSTER.url(), 1).await.unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}");
        admin.read().await.unwrap().batch_execute(&create).await.unwrap();
        let url = url_of(CLUSTER.url(), &name);
        Self { store: Store::connect(&url, 8).await.unwrap(), url }
    }
}

/// Where `psql` and `pg_dump` are.
pub fn programs() -> &'static Path {
    CLUSTER.programs()
}
