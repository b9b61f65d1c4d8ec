-- Who may do what in the database: three roles that cannot log in, to be granted to the users that do.
-- To be run by the owner of the tables after `assay migrate`, and again after every migration:
--     psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f sql/roles.sql
--     psql "$DATABASE_URL" -c "CREATE USER api IN ROLE assay_api PASSWORD '…'"
-- Without it everything belongs to the one user of DATABASE_URL, as in a newcomer's private cluster.

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

-- `assay serve`: takes ledgers in, gives attestations and inclusion paths out. It cannot publish, cannot change what is
-- published, sees neither checkpoints nor unpublished proofs, and cannot read the audit trail that it writes.
GRANT SELECT, INSERT (exchange_id, domain, name, lei, created_at), UPDATE (name, lei) ON exchanges TO assay_api;
GRANT SELECT, INSERT (snapshot_id, exchange_id, name, epoch, manifest, created_by, created_at),
      UPDATE (sealed_at, holds_epoch) ON snapshots TO assay_api;
GRANT SELECT, INSERT, UPDATE ON snapshot_files TO assay_api;
GRANT SELECT, INSERT, DELETE ON file_chunks TO assay_api;
GRANT SELECT (job_id, snapshot_id, shape, state, steps_done, steps, accounts, pages, detail, findings, worker,
              heartbeat_at, created_by, created_at, updated_at, has_ended),
      INSERT (job_id, snapshot_id, shape, state, created_by, created_at, updated_at),
      UPDATE (state, updated_at) ON jobs TO assay_api;
GRANT SELECT ON pages, tree_nodes, reserve_lines, attestations TO assay_api;
GRANT SELECT, INSERT ON signatures TO assay_api;
GRANT SELECT, INSERT, UPDATE (included) ON verifications TO assay_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO assay_api;
GRANT INSERT ON audit_trail TO assay_api;

-- `assay work`: proves and publishes, and sweeps what is left over. It cannot change what is published or handed over.
GRANT SELECT ON exchanges, snapshot_files, attestations, signatures TO assay_worker;
GRANT SELECT, UPDATE (holds_epoch) ON snapshots TO assay_worker;
GRANT SELECT, DELETE ON file_chunks TO assay_worker;
GRANT SELECT, UPDATE ON jobs TO assay_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON checkpoints TO assay_worker;
GRANT SELECT, INSERT, DELETE ON pages, tree_nodes, reserve_lines TO assay_worker;
GRANT INSERT ON attestations, audit_trail TO assay_worker;
GRANT SELECT (created_at), DELETE ON idempotency_keys TO assay_worker;

-- For people and dashboards: what is public or about how the service runs. No customer's data.
GRANT SELECT ON exchanges, snapshots, attestations, signatures, audit_trail TO assay_readonly;
GRANT SELECT (job_id, snapshot_id, shape, state, steps_done, steps, worker, heartbeat_at, created_by, created_at,
              updated_at, has_ended) ON jobs TO assay_readonly;
GRANT SELECT (attestation_id, included) ON verifications TO assay_readonly;

-- The queue. Its tables are closed by row security; a worker needs all of them, the API two functions.
GRANT EXECUTE ON FUNCTION enqueue_task TO assay_api, assay_worker;
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
