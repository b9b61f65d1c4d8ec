-- The tables of the service. What is claimed and proved stands in circuits/SPEC.md; here it is only kept.
-- Constraints that a caller can run into have names: src/store/error.rs turns them into answers.

CREATE TABLE home_fingerprints (
    kind        text NOT NULL CHECK (kind IN ('master_secret', 'statement_key')),
    fingerprint text NOT NULL CHECK (fingerprint <> ''),
    noted_at    timestamptz NOT NULL,
    PRIMARY KEY (kind, fingerprint)
);
COMMENT ON TABLE home_fingerprints IS 'Which home directory belongs to this database; rows are inserted, and deleted only by assay migrate --adopt-home';
COMMENT ON COLUMN home_fingerprints.fingerprint IS 'Of the master secret, from which nothing can be derived, or of a public key: nobody can act with it';
CREATE UNIQUE INDEX home_fingerprints_one_secret ON home_fingerprints (kind) WHERE kind = 'master_secret';

CREATE TABLE exchanges (
    exchange_id  uuid PRIMARY KEY,
    domain       text NOT NULL UNIQUE,
    newest_epoch timestamptz,
    created_at   timestamptz NOT NULL
);
COMMENT ON TABLE exchanges IS 'Whose ledgers are attested; a token speaks for one of them by its domain';
COMMENT ON COLUMN exchanges.newest_epoch IS 'Epoch of the newest attestation; only the trigger attestations_admit writes it';

CREATE TABLE snapshots (
    snapshot_id uuid PRIMARY KEY,
    exchange_id uuid NOT NULL REFERENCES exchanges,
    name        text NOT NULL,
    epoch       timestamptz NOT NULL,
    manifest    text NOT NULL,
    sealed_at   timestamptz,
    holds_epoch boolean NOT NULL DEFAULT true,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL,
    CONSTRAINT snapshots_one_name UNIQUE (exchange_id, name),
    UNIQUE (snapshot_id, exchange_id, epoch)
);
CREATE UNIQUE INDEX snapshots_one_epoch ON snapshots (exchange_id, epoch) WHERE holds_epoch;
COMMENT ON TABLE snapshots IS 'A ledger at one instant, as it was handed over';
COMMENT ON COLUMN snapshots.name IS 'The snapshot''s own id. Identities of accounts depend on it and on the exchange''s domain, so it stands for one ledger of an exchange';
COMMENT ON COLUMN snapshots.epoch IS 'The instant the ledger speaks of (taken_at)';
COMMENT ON COLUMN snapshots.manifest IS 'manifest.toml of the snapshot directory';
COMMENT ON COLUMN snapshots.sealed_at IS 'When the first proof was asked for; from then on files cannot change';
COMMENT ON COLUMN snapshots.holds_epoch IS 'False once its job was refused, failed or cancelled, so that a corrected one can take its place; another proof of this one takes it back';

CREATE TABLE snapshot_files (
    snapshot_id  uuid NOT NULL REFERENCES snapshots,
    name         text NOT NULL CONSTRAINT snapshot_files_name CHECK (name ~ '^[a-z]{1,32}\.csv(\.gz|\.zst)?$'),
    ledger_table text NOT NULL GENERATED ALWAYS AS (split_part(name, '.', 1)) STORED,
    content_id   uuid NOT NULL UNIQUE,
    bytes        bigint NOT NULL CHECK (bytes >= 0),
    sha256       bytea NOT NULL CHECK (octet_length(sha256) = 32),
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (snapshot_id, name),
    CONSTRAINT snapshot_files_one_a_table UNIQUE (snapshot_id, ledger_table)
);
COMMENT ON TABLE snapshot_files IS 'The files of a snapshot; a row exists only once its content is complete';
COMMENT ON COLUMN snapshot_files.ledger_table IS 'The table that the file holds, packed or not; there is one file for each';
COMMENT ON COLUMN snapshot_files.bytes IS 'Length of the file as it was sent';
COMMENT ON COLUMN snapshot_files.sha256 IS 'Of the file as it was sent';

CREATE TABLE file_chunks (
    content_id uuid NOT NULL CONSTRAINT file_chunks_content_has_age CHECK (get_byte(uuid_send(content_id), 6) >> 4 = 7),
    position   int NOT NULL CHECK (position >= 0),
    bytes      bytea NOT NULL CHECK (octet_length(bytes) > 0),
    PRIMARY KEY (content_id, position)
);
ALTER TABLE file_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE file_chunks IS 'Contents of files in order. Chunks without a file are leftovers of interrupted uploads and are swept';
COMMENT ON COLUMN file_chunks.content_id IS 'UUIDv7, so that it tells the age of a leftover';

CREATE TABLE jobs (
    job_id       uuid PRIMARY KEY,
    snapshot_id  uuid NOT NULL REFERENCES snapshots,
    shape        text NOT NULL,
    shards       int CHECK (shards BETWEEN 1 AND 4096),
    state        text NOT NULL CHECK (state IN ('queued', 'checking', 'planning', 'folding', 'compressing', 'verifying',
                                                'publishing', 'published', 'refused', 'failed', 'cancelled')),
    steps        int CHECK (steps > 0),
    accounts     bigint CHECK (accounts >= 0),
    pages        bigint CHECK (pages >= 0),
    detail       text,
    findings     jsonb,
    statement    bytea,
    proof        bytea,
    worker       text,
    heartbeat_at timestamptz,
    begun        int NOT NULL DEFAULT 0 CHECK (begun >= 0),
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    has_ended    boolean NOT NULL GENERATED ALWAYS AS (state IN ('published', 'refused', 'failed', 'cancelled')) STORED,
    UNIQUE (job_id, snapshot_id)
);
CREATE UNIQUE INDEX jobs_one_under_way ON jobs (snapshot_id) WHERE NOT has_ended OR state = 'published';
CREATE INDEX jobs_by_end ON jobs (has_ended, updated_at);
COMMENT ON TABLE jobs IS 'The way of one attestation; the queue (schema graphile_worker) only says what is to be done next';
COMMENT ON COLUMN jobs.shape IS 'Name of the shape, or auto until the plan has chosen';
COMMENT ON COLUMN jobs.shards IS 'Number of shards; null until the plan has chosen';
COMMENT ON COLUMN jobs.has_ended IS 'The one place that says which states are final';
COMMENT ON COLUMN jobs.worker IS 'Who works on it, if workers say so; heartbeats of others are refused';
COMMENT ON COLUMN jobs.begun IS 'How often the stage that is due was begun without coming to an end of any kind; workers die of some ledgers';
COMMENT ON COLUMN jobs.detail IS 'For a person: why it was refused or failed';
COMMENT ON COLUMN jobs.findings IS 'What is wrong with the ledger: file, line and reason';
COMMENT ON COLUMN jobs.statement IS 'Canonical bytes, once planned; they never change afterwards';

CREATE TABLE units (
    job_id       uuid NOT NULL REFERENCES jobs,
    shard        int NOT NULL CHECK (shard >= 0),
    state        text NOT NULL DEFAULT 'folding' CHECK (state IN ('folding', 'compressing', 'proved')),
    steps        int NOT NULL CHECK (steps > 0),
    steps_done   int NOT NULL DEFAULT 0 CHECK (steps_done >= 0),
    proof        bytea,
    worker       text,
    heartbeat_at timestamptz,
    begun        int NOT NULL DEFAULT 0 CHECK (begun >= 0),
    returned     int NOT NULL DEFAULT 0 CHECK (returned >= 0),
    PRIMARY KEY (job_id, shard)
);
COMMENT ON TABLE units IS 'The fold and the proof of one shard each; those of a job are worked on side by side, by any number of workers';
COMMENT ON COLUMN units.proof IS 'Once compressed, until the job has ended';
COMMENT ON COLUMN units.worker IS 'Who works on it; heartbeats of others are refused';
COMMENT ON COLUMN units.begun IS 'As jobs.begun';
COMMENT ON COLUMN units.returned IS 'How often its compression found no usable checkpoint and gave it back to the fold';

CREATE TABLE checkpoints (
    job_id     uuid NOT NULL,
    shard      int NOT NULL,
    steps      int NOT NULL CHECK (steps > 0),
    bytes      bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (job_id, shard),
    FOREIGN KEY (job_id, shard) REFERENCES units (job_id, shard)
);
ALTER TABLE checkpoints ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE checkpoints IS 'The last kept state of an unfinished fold: private, and hostile input until verified';

CREATE TABLE pages (
    job_id   uuid NOT NULL,
    position bigint NOT NULL CHECK (position >= 0),
    record   bytea NOT NULL,
    PRIMARY KEY (job_id, position)
);
COMMENT ON TABLE pages IS 'Leaves of the tree without padding, in the record format of src/attest/record.rs';
COMMENT ON COLUMN pages.job_id IS 'A job; checked once a load and not row by row';

CREATE TABLE tree_nodes (
    job_id   uuid NOT NULL,
    height   smallint NOT NULL CHECK (height >= 0),
    position bigint NOT NULL CHECK (position >= 0),
    digest   bytea NOT NULL CHECK (octet_length(digest) = 32),
    PRIMARY KEY (job_id, height, position)
);
COMMENT ON TABLE tree_nodes IS 'The upper tree; height 0 are the batch roots, absent nodes are empty subtrees';
COMMENT ON COLUMN tree_nodes.job_id IS 'A job; checked once a load and not row by row';

CREATE TABLE reserve_lines (
    job_id   uuid NOT NULL REFERENCES jobs,
    position int NOT NULL CHECK (position >= 0),
    fields   text[] NOT NULL CHECK (cardinality(fields) = 10),
    PRIMARY KEY (job_id, position)
);
COMMENT ON TABLE reserve_lines IS 'Lines of reserves.csv, the leaves of the tree whose root is in the statement';

CREATE TABLE attestations (
    attestation_id bytea PRIMARY KEY CONSTRAINT attestations_id_is_digest CHECK (attestation_id = sha256(statement)),
    exchange_id    uuid NOT NULL,
    snapshot_id    uuid NOT NULL CONSTRAINT attestations_one_a_snapshot UNIQUE,
    job_id         uuid NOT NULL CONSTRAINT attestations_one_a_job UNIQUE,
    epoch          timestamptz NOT NULL,
    exchange_name  text NOT NULL,
    shape          text NOT NULL,
    valid          boolean NOT NULL,
    report         jsonb NOT NULL,
    statement      bytea NOT NULL,
    proof          bytea NOT NULL,
    jws            text NOT NULL,
    published_at   timestamptz NOT NULL,
    CONSTRAINT attestations_one_epoch UNIQUE (exchange_id, epoch),
    CONSTRAINT attestations_not_in_the_future CHECK (epoch <= published_at),
    CONSTRAINT attestations_of_snapshot FOREIGN KEY (snapshot_id, exchange_id, epoch)
        REFERENCES snapshots (snapshot_id, exchange_id, epoch),
    CONSTRAINT attestations_of_job FOREIGN KEY (job_id, snapshot_id) REFERENCES jobs (job_id, snapshot_id)
);
CREATE INDEX attestations_newest ON attestations (epoch DESC, attestation_id);
COMMENT ON TABLE attestations IS 'What is published, for ever: rows are inserted and never changed or deleted';
COMMENT ON COLUMN attestations.attestation_id IS 'SHA-256 of the statement''s canonical bytes';
COMMENT ON COLUMN attestations.exchange_name IS 'The exchange''s name in the statement';
COMMENT ON COLUMN attestations.valid IS 'Whether the statement keeps its own policy';
COMMENT ON COLUMN attestations.jws IS 'JWS (general JSON serialisation) over the statement by the service''s key';

CREATE TABLE signatures (
    attestation_id bytea NOT NULL REFERENCES attestations,
    kid            text NOT NULL,
    signer         text NOT NULL,
    jws            text NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT signatures_one_a_key PRIMARY KEY (attestation_id, kid)
);
COMMENT ON TABLE signatures IS 'Countersignatures of others';

CREATE TABLE verifications (
    attestation_id bytea NOT NULL REFERENCES attestations,
    nullifier      bytea NOT NULL CHECK (octet_length(nullifier) = 32),
    included       boolean NOT NULL,
    PRIMARY KEY (attestation_id, nullifier)
);
COMMENT ON TABLE verifications IS 'Customers'' own yes or no, each counted once; the nullifier names nobody without the master secret';
COMMENT ON COLUMN verifications.included IS 'The customer''s last word';

CREATE TABLE idempotency_keys (
    subject        text NOT NULL,
    key            text NOT NULL,
    request_digest bytea NOT NULL CHECK (octet_length(request_digest) = 32),
    status         smallint,
    headers        jsonb,
    body           bytea,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (subject, key),
    CHECK ((status IS NULL) = (headers IS NULL) AND (status IS NULL) = (body IS NULL))
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
COMMENT ON TABLE idempotency_keys IS 'Answers to writes, to be given again';
COMMENT ON COLUMN idempotency_keys.subject IS 'Who asked; for a customer a keyed digest, never the account reference';

CREATE TABLE audit_trail (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL,
    subject  text NOT NULL,
    action   text NOT NULL,
    object   text NOT NULL,
    detail   jsonb
);
CREATE INDEX audit_trail_by_object ON audit_trail (object, entry_id);
COMMENT ON TABLE audit_trail IS 'Who did what; never holds balances, salts, tokens or account references';

-- What is written once.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation', CONSTRAINT = 'insert_only';
END
$$;

CREATE TRIGGER attestations_insert_only BEFORE UPDATE OR DELETE ON attestations
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER attestations_no_truncate BEFORE TRUNCATE ON attestations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER signatures_insert_only BEFORE UPDATE OR DELETE ON signatures
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER signatures_no_truncate BEFORE TRUNCATE ON signatures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_insert_only BEFORE UPDATE OR DELETE ON audit_trail
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_trail
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What is published is what was planned, and history only goes forward: otherwise an exchange could slip a better past in
-- later. The update of the exchange's row makes two publications at once follow one another whatever the isolation level.
CREATE FUNCTION admit_attestation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM jobs WHERE job_id = NEW.job_id AND statement = NEW.statement) THEN
        RAISE EXCEPTION 'this is not the statement that the job has planned'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'attestations_as_planned';
    END IF;
    UPDATE exchanges SET newest_epoch = NEW.epoch
        WHERE exchange_id = NEW.exchange_id AND (newest_epoch IS NULL OR newest_epoch < NEW.epoch);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'an attestation for this epoch or a later one is published already'
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'attestations_forward_only';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER attestations_admit BEFORE INSERT ON attestations
    FOR EACH ROW EXECUTE FUNCTION admit_attestation();

-- A job is published if and only if its attestation is there. Looked at when a transaction commits.
CREATE FUNCTION published_is_attested() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM jobs WHERE job_id = NEW.job_id AND state = 'published')
        IS DISTINCT FROM EXISTS (SELECT FROM attestations WHERE job_id = NEW.job_id) THEN
        RAISE EXCEPTION 'a job is published if and only if its attestation is'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'published_is_attested';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER attestations_of_published_job AFTER INSERT ON attestations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION published_is_attested();
CREATE CONSTRAINT TRIGGER jobs_published_with_attestation AFTER INSERT OR UPDATE OF state ON jobs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'published') EXECUTE FUNCTION published_is_attested();

-- A key is claimed and answered in one transaction, so nobody ever reads one without an answer.
CREATE FUNCTION key_is_answered() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM idempotency_keys WHERE subject = NEW.subject AND key = NEW.key AND status IS NULL) THEN
        RAISE EXCEPTION 'a key is kept with its answer or not at all'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'idempotency_keys_answered';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER idempotency_keys_answered AFTER INSERT OR UPDATE ON idempotency_keys
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status IS NULL) EXECUTE FUNCTION key_is_answered();

-- A job that has ended stays ended, and a statement once planned stays the one.
CREATE FUNCTION keep_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.has_ended THEN
        RAISE EXCEPTION 'the job is %', OLD.state USING ERRCODE = 'restrict_violation', CONSTRAINT = 'jobs_ended';
    END IF;
    IF NEW.statement IS DISTINCT FROM OLD.statement AND OLD.statement IS NOT NULL THEN
        RAISE EXCEPTION 'the job has another statement' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'jobs_one_statement';
    END IF;
    IF (NEW.job_id, NEW.snapshot_id, NEW.created_by, NEW.created_at)
        IS DISTINCT FROM (OLD.job_id, OLD.snapshot_id, OLD.created_by, OLD.created_at) THEN
        RAISE EXCEPTION 'a job stays with its snapshot' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'jobs_kept';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER jobs_kept BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION keep_job();

-- Nobody goes on with the folds of a job that has ended, and nobody needs the proofs of its units.
CREATE FUNCTION drop_checkpoint_of_ended() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM checkpoints WHERE job_id = NEW.job_id;
    UPDATE units SET proof = NULL WHERE job_id = NEW.job_id AND proof IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER jobs_end_without_checkpoint AFTER UPDATE OF state ON jobs
    FOR EACH ROW WHEN (NEW.has_ended)
    EXECUTE FUNCTION drop_checkpoint_of_ended();

-- What was handed over stays as it was: a snapshot from the beginning, its files once it is sealed, contents once listed.
CREATE FUNCTION keep_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.snapshot_id, NEW.exchange_id, NEW.name, NEW.epoch, NEW.manifest, NEW.created_by, NEW.created_at)
        IS DISTINCT FROM (OLD.snapshot_id, OLD.exchange_id, OLD.name, OLD.epoch, OLD.manifest, OLD.created_by, OLD.created_at)
        OR (OLD.sealed_at IS NOT NULL AND NEW.sealed_at IS DISTINCT FROM OLD.sealed_at) THEN
        RAISE EXCEPTION 'a snapshot stays as it was handed over'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'snapshots_kept';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER snapshots_kept BEFORE UPDATE ON snapshots FOR EACH ROW EXECUTE FUNCTION keep_snapshot();

CREATE FUNCTION keep_sealed_files() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    snapshot uuid := CASE TG_OP WHEN 'INSERT' THEN NEW.snapshot_id ELSE OLD.snapshot_id END;
    sealed   timestamptz;
BEGIN
    -- shared with other uploads, but a sealing waits for it and it for a sealing
    SELECT sealed_at INTO sealed FROM snapshots WHERE snapshot_id = snapshot FOR SHARE;
    -- what came to nothing may be deleted, but neither changed nor proved from other files
    IF sealed IS NOT NULL AND (TG_OP <> 'DELETE' OR EXISTS (
        SELECT FROM jobs WHERE snapshot_id = snapshot AND (NOT has_ended OR state = 'published'))) THEN
        RAISE EXCEPTION 'the snapshot is sealed' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'snapshots_sealed';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.snapshot_id <> OLD.snapshot_id THEN
        RAISE EXCEPTION 'a file stays with its snapshot' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'snapshots_kept';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER snapshot_files_sealed BEFORE INSERT OR UPDATE OR DELETE ON snapshot_files
    FOR EACH ROW EXECUTE FUNCTION keep_sealed_files();

CREATE FUNCTION keep_listed_content() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR EXISTS (
        SELECT FROM snapshot_files WHERE content_id = CASE TG_OP WHEN 'INSERT' THEN NEW.content_id ELSE OLD.content_id END
    ) THEN
        RAISE EXCEPTION 'the content of a file never changes' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'file_chunks_kept';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER file_chunks_kept BEFORE INSERT OR UPDATE OR DELETE ON file_chunks
    FOR EACH ROW EXECUTE FUNCTION keep_listed_content();

-- The queue belongs to graphile_worker, whose tables are closed by row security. These two are all that the API needs of it.

CREATE FUNCTION enqueue_task(task text, job uuid, attempts int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- one queue a job: its tasks never run side by side; one key a task: asked twice, done once
    PERFORM graphile_worker.add_job(task, json_build_object('job_id', job), queue_name => job::text,
                                    job_key => job::text || ':' || task, max_attempts => attempts);
END
$$;
COMMENT ON FUNCTION enqueue_task IS 'Makes a task of a job due, in the caller''s transaction';

CREATE FUNCTION enqueue_unit(task text, job uuid, shard int, attempts int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- one queue a unit: the units of a job run side by side
    PERFORM graphile_worker.add_job(task, json_build_object('job_id', job, 'shard', shard),
                                    queue_name => job::text || ':' || shard,
                                    job_key => job::text || ':' || task || ':' || shard, max_attempts => attempts);
END
$$;
COMMENT ON FUNCTION enqueue_unit IS 'Makes a task of a job''s unit due, in the caller''s transaction';

CREATE FUNCTION oldest_due_task() RETURNS interval
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN (
        SELECT now() - min(tasks.run_at)
        FROM graphile_worker._private_jobs AS tasks
        LEFT JOIN graphile_worker._private_job_queues AS queues ON queues.id = tasks.job_queue_id
        WHERE tasks.is_available AND tasks.run_at <= now() AND queues.locked_at IS NULL
    );
END
$$;
COMMENT ON FUNCTION oldest_due_task IS 'How long the oldest task that is due and that nobody holds has waited, by the database''s clock';

-- Whoever may use the queue is told so in roles.sql.
REVOKE EXECUTE ON FUNCTION enqueue_task, enqueue_unit, oldest_due_task FROM PUBLIC;
