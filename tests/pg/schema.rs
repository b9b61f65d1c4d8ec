//! Statements, migrations and sql/schema.sql belong together.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use assay::store::{Store, StoreError, every_statement};

use crate::support::{Database, programs};

#[tokio::test]
async fn every_statement_is_prepared() {
    let database = Database::new().await;
    let client = database.store.read().await.unwrap();
    let mut count = 0;
    for sql in every_statement() {
        // COPY cannot be prepared; what it would do is tried where pages are loaded
        if sql.text.starts_with("COPY") {
            continue;
        }
        if let Err(e) = client.prepare(sql.text).await {
            panic!("{}: {}", sql.name, e.as_db_error().unwrap());
        }
        count += 1;
    }
    assert!(count > 60, "{count} statements");
}

#[tokio::test]
async fn migrating_twice_or_at_once_changes_nothing_more() {
    let database = Database::without_tables().await;
    let unready = database.store.check().await.unwrap_err();
    assert!(unready.to_string().contains("run `assay migrate`"), "{unready}");
    let (one, other) = tokio::join!(Store::migrate(&database.url), Store::migrate(&database.url));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(one.is_empty() != other.is_empty(), "{one:?} {other:?}");
    assert_eq!(Store::migrate(&database.url).await.unwrap(), Vec::<String>::new());
    database.store.check().await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_not_taken_for_ones_own() {
    let database = Database::new().await;
    database
        .run("INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (9999, 'x', '', '0')")
        .await;
    let refused = database.store.check().await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt(_)));
    assert!(refused.to_string().contains("version 9999"), "{refused}");
}

#[tokio::test]
async fn schema_sql_makes_what_the_migrations_make() {
    let (migrated, empty) = (Database::new().await, Database::without_tables().await);
    empty.run(&fs::read_to_string(schema_file()).unwrap()).await;
    assert_same(&dump(&empty.url), &dump(&migrated.url));
}

#[tokio::test]
#[ignore = "needs PostgreSQL 15, other versions write a schema in other words: .ci/run postgres-15"]
async fn schema_sql_is_what_pg_dump_15_writes() {
    let database = Database::new().await;
    let made = dump(&database.url);
    if std::env::var_os("UPDATE_PINS").is_some() {
        fs::write(schema_file(), made).unwrap();
    } else {
        assert_same(&fs::read_to_string(schema_file()).unwrap(), &made);
    }
}

fn schema_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/schema.sql")
}

#[track_caller]
fn assert_same(written: &str, made: &str) {
    let differ = written.lines().zip(made.lines()).find(|(a, b)| a != b);
    assert!(
        written == made,
        "sql/schema.sql is not what the migrations make, `make pins` writes it; first difference: {differ:?}"
    );
}

/// The schema of a database, as `pg_dump` writes it.
fn dump(url: &str) -> String {
    let dump = Command::new(programs().join("pg_dump"))
        .args(["--schema-only", "--schema=public", "--no-owner", "--no-privileges"])
        .args(["--exclude-table=refinery_schema_history", url])
        .output()
        .unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    normalised(&String::from_utf8(dump.stdout).unwrap())
}

/// Without what differs between machines.
fn normalised(dump: &str) -> String {
    let mut made = "-- What the migrations make, for reading. `make pins` writes it anew.\n".to_owned();
    let noise = [
        "--",
        "SET ",
        "SELECT pg_catalog.set_config",
        "\\restrict",
        "\\unrestrict",
        "CREATE SCHEMA",
        "COMMENT ON SCHEMA",
    ];
    let mut blank = false;
    for line in dump.lines().filter(|l| !noise.iter().any(|n| l.starts_with(n))) {
        if line.is_empty() {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) {
            made.push('\n');
        }
        made.push_str(line);
        made.push('\n');
    }
    made
}
