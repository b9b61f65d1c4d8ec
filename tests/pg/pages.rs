//! What inclusion paths are made from.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use assay::store::{
    Conflict, Store, StoreError,
    jobs::{cancel, heartbeat},
    pages::{NodeRow, load_pages, load_reserves, load_tree, pages_between, path_nodes, reserve_lines, sweep_ended},
};
use uuid::Uuid;

use crate::support::{Database, block_on, conflict, day, job, plan_in, snapshot};

async fn new_job(database: &Database, domain: &str) -> Uuid {
    job(&database.store, snapshot(&database.store, domain, day(0)).await.unwrap()).await.unwrap()
}

fn record(position: i64) -> Vec<u8> {
    position.to_le_bytes().repeat(14)
}

fn page(position: i64) -> (i64, Vec<u8>) {
    (position, record(position))
}

fn node(height: i16, position: i64) -> NodeRow {
    NodeRow { height, position, digest: [u8::try_from(position % 251).unwrap(); 32] }
}

#[tokio::test]
async fn a_hundred_thousand_pages_are_loaded_and_read_back() {
    const PAGES: i64 = 100_000;
    let database = Database::new().await;
    let store = &database.store;
    let job = new_job(&database, "a.example").await;
    let began = Instant::now();
    let load = async |tx| {
        let pages = load_pages(&tx, job, (0..PAGES).map(page)).await?;
        let levels = [(0i16, 196i64), (1, 25), (2, 4), (3, 1)];
        let nodes = levels.into_iter().flat_map(|(height, count)| (0..count).map(move |p| node(height, p)));
        Ok((pages, load_tree(&tx, job, nodes).await?))
    };
    assert_eq!(store.run_load("test.load", load).await.unwrap(), (100_000, 226));
    eprintln!("100,000 pages loaded in {} ms", began.elapsed().as_millis());
    let client = store.read().await.unwrap();
    let began = Instant::now();
    let batch = pages_between(&client, job, 512, 1024).await.unwrap();
    assert_eq!(batch.len(), 512);
    assert!(batch.iter().zip(512..).all(|(got, p)| *got == page(p)));
    let nodes = path_nodes(&client, job, &[(0, 0), (1, 24), (2, 0), (3, 0)]).await.unwrap();
    let expected: Vec<NodeRow> =
        (0..8).map(|p| node(0, p)).chain([node(1, 24)]).chain((0..4).map(|p| node(2, p))).chain([node(3, 0)]).collect();
    assert_eq!(nodes, expected);
    eprintln!("one inclusion path read in {} µs", began.elapsed().as_micros());
    assert_eq!(pages_between(&client, job, PAGES, PAGES + 512).await.unwrap(), []);
    assert_eq!(path_nodes(&client, job, &[]).await.unwrap(), []);
}

/// The database stops taking rows while more come: what is made meanwhile has to fit into the buffers on the way.
#[tokio::test]
async fn a_load_makes_no_more_records_than_the_database_takes() {
    const RECORD: usize = 64 << 10;
    const RECORDS: usize = 1000;
    let database = Database::new().await;
    let store = &database.store;
    let job = new_job(&database, "a.example").await;
    database
        .run(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$;
             CREATE TRIGGER wait BEFORE INSERT ON pages FOR EACH ROW WHEN (NEW.position = 10) EXECUTE FUNCTION wait()",
        )
        .await;
    let made = &AtomicUsize::new(0);
    let load = async |tx| {
        let records = (0..).take(RECORDS).map(|position| {
            made.fetch_add(1, Ordering::Relaxed);
            (position, vec![7; RECORD])
        });
        load_pages(&tx, job, records).await
    };
    let client = store.read().await.unwrap();
    client.query_one("SELECT pg_advisory_lock(7)::text", &[]).await.unwrap();
    let watch = async {
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (mut seen, mut since) = (0, Instant::now());
        while since.elapsed() < Duration::from_millis(500) {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now = made.load(Ordering::Relaxed);
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
        client.query_one("SELECT pg_advisory_unlock(7)", &[]).await.unwrap();
        seen
    };
    let (loaded, seen) = tokio::join!(store.run_load("test.load", load), watch);
    assert_eq!(loaded.unwrap(), RECORDS as u64);
    assert!(seen > 10 && seen * RECORD < 8 << 20, "{seen} records were made while the database took none");
}

#[tokio::test]
async fn a_load_replaces_what_an_earlier_try_has_loaded() {
    let database = Database::new().await;
    let store = &database.store;
    let (job, other) = (new_job(&database, "a.example").await, new_job(&database, "b.example").await);
    for (id, count) in [(job, 30), (other, 5), (job, 20)] {
        let load = async |tx| load_pages(&tx, id, (0..count).map(page)).await;
        store.run_load("test.load", load).await.unwrap();
    }
    // a try that dies after the first page
    let dying = async |tx| {
        load_pages(&tx, job, (0..1).map(page)).await?;
        Err::<(), _>(StoreError::NotFound)
    };
    store.run_load("test.load", dying).await.unwrap_err();
    let client = store.read().await.unwrap();
    assert_eq!(pages_between(&client, job, 0, 100).await.unwrap().len(), 20);
    assert_eq!(pages_between(&client, other, 0, 100).await.unwrap().len(), 5);
    // two workers at once
    let load = async |tx| load_pages(&tx, job, (0..500).map(page)).await;
    let (a, b) = tokio::join!(store.run_load("test.load", load), store.run_load("test.load", load));
    assert_eq!((a.unwrap(), b.unwrap()), (500, 500));
    assert_eq!(pages_between(&client, job, 0, 1000).await.unwrap().len(), 500);
}

#[tokio::test]
async fn heartbeats_go_on_while_pages_are_loaded() {
    let database = Database::new().await;
    let store = &database.store;
    let job = new_job(&database, "a.example").await;
    let beat = || {
        let url = database.url.clone();
        let beat = move || {
            block_on(async {
                let client = Store::connect(&url, 1).await.unwrap().read().await.unwrap();
                client.batch_execute("SET lock_timeout = '2s'").await.unwrap();
                heartbeat(&client, job, "w", day(1)).await.unwrap()
            })
        };
        assert!(thread::spawn(beat).join().unwrap());
    };
    let load = async |tx| {
        // a heartbeat while the nodes are on their way, and one while the pages are
        load_tree(&tx, job, [node(0, 0)].into_iter().inspect(|_| beat())).await?;
        load_pages(&tx, job, (0..2).map(page).inspect(|_| beat())).await?;
        plan_in(&tx, job, "planned").await
    };
    store.run_load("test.load", load).await.unwrap();
    let refused = store.run_tx("test.load", load).await.unwrap_err();
    assert!(refused.to_string().contains("run_load"), "{refused}");
}

#[tokio::test]
async fn nothing_is_loaded_for_a_job_that_has_ended() {
    let database = Database::new().await;
    let store = &database.store;
    let job = new_job(&database, "a.example").await;
    store.run_load("test.load", async |tx| load_pages(&tx, job, (0..9).map(page)).await).await.unwrap();
    let line = ["BTC", "bitcoin", "address", "1", "2", "message", "signature", "", "", ""].map(str::to_owned);
    let lines = [line];
    store.run_load("test.load", async |tx| load_reserves(&tx, job, &lines).await).await.unwrap();
    let end = async |tx| cancel(&tx, job, day(2)).await;
    store.run_tx("test.end", end).await.unwrap();
    for id in [job, Uuid::nil()] {
        let refused = store.run_load("test.load", async |tx| load_pages(&tx, id, (0..9).map(page)).await).await;
        assert_eq!(conflict(refused), Conflict::JobEnded);
        let refused = store.run_load("test.load", async |tx| load_tree(&tx, id, [node(0, 0)].into_iter()).await).await;
        assert_eq!(conflict(refused), Conflict::JobEnded);
        let refused = store.run_load("test.load", async |tx| load_reserves(&tx, id, &lines).await).await;
        assert_eq!(conflict(refused), Conflict::JobEnded);
    }
    let sweep = async |tx| sweep_ended(&tx, day(2)).await;
    assert_eq!(store.run_load("test.sweep", sweep).await.unwrap(), 0, "not old enough");
    let sweep = async |tx| sweep_ended(&tx, day(3)).await;
    assert_eq!(store.run_load("test.sweep", sweep).await.unwrap(), 1);
    assert_eq!(database.count("pages").await + database.count("reserve_lines").await, 0);
    assert_eq!(store.run_load("test.sweep", sweep).await.unwrap(), 0);
}

#[tokio::test]
async fn reserve_lines_are_read_in_their_order_by_asset_or_all() {
    let database = Database::new().await;
    let store = &database.store;
    let job = new_job(&database, "a.example").await;
    let line = |asset: &str, number: u8| {
        [asset, "chain", "address", "1.5", &number.to_string(), "a \"message\",\nof two lines", "", "", "", ""]
            .map(str::to_owned)
    };
    let lines = [line("BTC", 0), line("ETH", 1), line("BTC", 2)];
    store.run_load("test.load", async |tx| load_reserves(&tx, job, &lines).await).await.unwrap();
    store.run_load("test.load", async |tx| load_reserves(&tx, job, &lines).await).await.unwrap();
    let client = store.read().await.unwrap();
    let all: Vec<_> = (0..).zip(lines.clone()).collect();
    assert_eq!(reserve_lines(&client, job, None).await.unwrap(), all);
    let bitcoin = [all[0].clone(), all[2].clone()];
    assert_eq!(reserve_lines(&client, job, Some("BTC")).await.unwrap(), bitcoin);
    assert_eq!(reserve_lines(&client, job, Some("XRP")).await.unwrap(), []);
}
