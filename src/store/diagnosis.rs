//! What a database must be for the service, beyond its schema.

use super::{
    connection::{QUEUE_CONNECTIONS, SIGNER_CONNECTIONS},
    error::{Result, StoreError},
    sql::statements,
    tx::Session,
};

/// The oldest server that the migrations run on.
const OLDEST: i32 = 150_000;

statements! {
    SERVER = "SELECT current_setting('server_version_num')::int4,
                     pg_is_in_recovery() OR current_setting('transaction_read_only')::bool,
                     current_setting('server_encoding'),
                     least(current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8,
                           (SELECT nullif(rolconnlimit, -1)::int8 FROM pg_roles WHERE rolname = current_user),
                           (SELECT nullif(datconnlimit, -1)::int8 FROM pg_database WHERE datname = current_database()))";
    HAS_QUEUE = "SELECT to_regnamespace('graphile_worker') IS NOT NULL";
    PRIVILEGES = "SELECT has_any_column_privilege('snapshots', 'INSERT') AND has_table_privilege('file_chunks', 'INSERT')
                         AND has_table_privilege('idempotency_keys', 'INSERT') AND has_table_privilege('attestations', 'SELECT')
                         AND has_table_privilege('home_fingerprints', 'SELECT') AND has_table_privilege('home_fingerprints', 'INSERT')
                         AND has_table_privilege('snapshots', 'DELETE') AND has_table_privilege('snapshot_files', 'DELETE')
                         AND has_table_privilege('log_checkpoints', 'INSERT') AND has_table_privilege('notices', 'INSERT')
                         AND has_function_privilege('enqueue_task(text,uuid,int)', 'EXECUTE'),
                         has_table_privilege('attestations', 'INSERT') AND has_table_privilege('pages', 'INSERT')
                         AND has_table_privilege('log_entries', 'SELECT')
                         AND has_table_privilege('home_fingerprints', 'SELECT') AND has_table_privilege('home_fingerprints', 'INSERT')
                         AND has_table_privilege('snapshots', 'DELETE') AND has_table_privilege('snapshot_files', 'DELETE')
                         AND has_schema_privilege('graphile_worker', 'USAGE')";
}

/// Checks everything but the schema, and says what this user may do there. Changes nothing. `connections` is the size of the pool.
///
/// # Errors
/// [`StoreError::Corrupt`] with what is wrong and the remedy; those of the database.
pub async fn diagnose(client: &impl Session, connections: usize) -> Result<String> {
    let refuse = |reason: String| Err(StoreError::Corrupt(reason));
    let row = SERVER.row(client, &[]).await?.ok_or(StoreError::NotFound)?;
    let (version, read_only, encoding, most): (i32, bool, String, i64) =
        (row.get(0), row.get(1), row.get(2), row.get(3));
    if version < OLDEST {
        return refuse(format!("PostgreSQL {} is too old; version 15 or later is needed", version / 10_000));
    }
    if read_only {
        return refuse("the database is read-only, such as a standby: use the address of the primary".to_owned());
    }
    if encoding != "UTF8" {
        return refuse(format!("the database's encoding is {encoding}; create it with ENCODING 'UTF8'"));
    }
    let wanted = i64::try_from(connections)
        .unwrap_or(i64::MAX)
        .saturating_add(i64::from(QUEUE_CONNECTIONS + SIGNER_CONNECTIONS));
    if wanted > most {
        return refuse(format!(
            "a process needs up to {wanted} connections (database_connections, {QUEUE_CONNECTIONS} for the queue and {SIGNER_CONNECTIONS} for the transparency log), and this user may have \
             {most}: lower database_connections or raise max_connections"
        ));
    }
    let queue = HAS_QUEUE.row(client, &[]).await?.ok_or(StoreError::NotFound)?;
    if !queue.get::<_, bool>(0) {
        return refuse("the queue's tables are missing; run `assay migrate`".to_owned());
    }
    let row = PRIVILEGES.row(client, &[]).await?.ok_or(StoreError::NotFound)?;
    match (row.get(0), row.get(1)) {
        (true, true) => Ok("this user may serve and work".to_owned()),
        (true, false) => Ok("this user may serve, and not work".to_owned()),
        (false, true) => Ok("this user may work, and not serve".to_owned()),
        (false, false) => refuse("this user may neither serve nor work: grant it a role of sql/roles.sql".to_owned()),
    }
}
