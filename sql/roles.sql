-- Three roles without login. Grant them to the users that the programs connect as.
-- Run this file as the owner of the tables after `assay migrate`, and again after every migration:
--     psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f sql/roles.sql
--     psql "$DATABASE_URL" -c 'CREATE USER api IN ROLE assay_api' -c '\password api'
-- Without these roles the user of DATABASE_URL owns everything, as in the private cluster of `assay serve`.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['assay_api', 'assay_worker', 'assay_readonly'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;
END
$$;

BEGIN;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, assay_api, assay_worker, assay_readonly;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO assay_api, assay_worker, assay_readonly;
GRANT SELECT ON refinery_schema_history TO assay_api, assay_worker, assay_readonly;
-- Both compare their home directory with what is noted. Nobody but the owner can delete a note.
GRANT SELECT, INSERT ON home_fingerprints TO assay_api, assay_worker;

-- `assay serve` stores uploads and reads attestations and pages. It cannot publish or change an attestation, and cannot read
-- checkpoints, unpublished proofs, or the audit trail that it writes.
GRANT SELECT, INSERT (exchange_id, domain, created_at) ON exchanges TO assay_api;
GRANT SELECT, INSERT (snapshot_id, exchange_id, name, epoch, manifest, created_by, created_at),
      UPDATE (sealed_at, holds_epoch) ON snapshots TO assay_api;
GRANT SELECT, INSERT, UPDATE ON snapshot_files TO assay_api;
GRANT DELETE ON snapshots, snapshot_files TO assay_api, assay_worker;
GRANT SELECT, INSERT, DELETE ON file_chunks TO assay_api;
GRANT SELECT (job_id, snapshot_id, shape, shards, state, steps, accounts, pages, detail, findings, worker,
              heartbeat_at, created_by, created_at, updated_at, has_ended),
      INSERT (job_id, snapshot_id, shape, shards, state, created_by, created_at, updated_at),
      UPDATE (state, detail, updated_at) ON jobs TO assay_api;
GRANT SELECT (job_id, shard, state, steps, steps_done, worker, heartbeat_at) ON units TO assay_api, assay_readonly;
GRANT SELECT ON pages, tree_nodes, reserve_lines, attestations TO assay_api;
-- It signs the transparency log. Nobody can append to it but by publishing an attestation, or what is signed about one later.
GRANT SELECT ON log_size, log_entries, log_hashes, log_checkpoints, log_cosignatures, log_retirements TO assay_api, assay_readonly;
GRANT INSERT ON log_checkpoints, log_cosignatures, log_retirements TO assay_api;
GRANT SELECT, INSERT ON signatures, notices TO assay_api;
GRANT SELECT, INSERT, UPDATE (included) ON verifications TO assay_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO assay_api;
GRANT INSERT ON audit_trail TO assay_api;

-- `assay work` proves, publishes and deletes leftovers, among them uploads that nobody continues. It cannot change uploads or
-- published data.
GRANT SELECT ON exchanges, snapshot_files, attestations, signatures, notices, log_entries TO assay_worker;
GRANT SELECT, UPDATE (holds_epoch) ON snapshots TO assay_worker;
GRANT SELECT, DELETE ON file_chunks TO assay_worker;
GRANT SELECT, UPDATE ON jobs TO assay_worker;
GRANT SELECT, INSERT, UPDATE ON units TO assay_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON checkpoints TO assay_worker;
GRANT SELECT, INSERT, DELETE ON pages, tree_nodes, reserve_lines TO assay_worker;
GRANT INSERT ON attestations, audit_trail TO assay_worker;
GRANT SELECT (created_at), DELETE ON idempotency_keys TO assay_worker;

-- For people and dashboards: public data and the state of the service, without customer data.
GRANT SELECT ON exchanges, attestations, signatures, notices, audit_trail TO assay_readonly;
GRANT SELECT (snapshot_id, exchange_id, name, epoch, sealed_at, holds_epoch, created_by, created_at) ON snapshots TO assay_readonly;
GRANT SELECT (job_id, snapshot_id, shape, shards, state, steps, worker, heartbeat_at, created_by, created_at,
              updated_at, has_ended) ON jobs TO assay_readonly;
GRANT SELECT (attestation_id, included) ON verifications TO assay_readonly;

-- The queue. Row security protects its tables. A worker needs all of them; the API needs two functions.
GRANT EXECUTE ON FUNCTION enqueue_task TO assay_api, assay_worker;
GRANT EXECUTE ON FUNCTION enqueue_unit TO assay_worker;
GRANT EXECUTE ON FUNCTION oldest_due_task TO assay_api, assay_worker, assay_readonly;
GRANT USAGE ON SCHEMA graphile_worker TO assay_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA graphile_worker TO assay_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA graphile_worker TO assay_worker;
DO $$
DECLARE
    closed regclass;
BEGIN
    FOR closed IN SELECT oid FROM pg_class WHERE relnamespace = 'graphile_worker'::regnamespace AND relrowsecurity LOOP
        EXECUTE format('DROP POLICY IF EXISTS assay_worker ON %s', closed);
        EXECUTE format('CREATE POLICY assay_worker ON %s TO assay_worker USING (true) WITH CHECK (true)', closed);
    END LOOP;
END
$$;

COMMIT;
