-- What the migrations make, for reading. `make pins` writes it anew.

CREATE FUNCTION public.admit_attestation() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.admit_notice() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NEW.superseded_by IS NOT NULL AND NOT EXISTS (
        SELECT FROM attestations a JOIN attestations b USING (exchange_id)
        WHERE a.attestation_id = NEW.attestation_id AND b.attestation_id = NEW.superseded_by AND b.epoch > a.epoch
    ) THEN
        RAISE EXCEPTION 'an attestation is superseded by a later one of its exchange'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'notices_by_a_later_one';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.append_entry(about bytea, entry_kind text, bytes bytea) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    place  bigint;
    at     bigint;
    level  smallint := 0;
    hash   bytea;
BEGIN
    UPDATE log_size SET size = size + 1 RETURNING size - 1 INTO STRICT place;
    INSERT INTO log_entries (position, entry, attestation_id, kind) VALUES (place, bytes, about, entry_kind);
    at := place;
    hash := sha256('\x00'::bytea || bytes);
    INSERT INTO log_hashes (height, position, digest) VALUES (level, at, hash);
    WHILE at % 2 = 1 LOOP
        SELECT sha256('\x01'::bytea || h.digest || hash) INTO STRICT hash FROM log_hashes h WHERE h.height = level AND h.position = at - 1;
        level := level + 1;
        at := at / 2;
        INSERT INTO log_hashes (height, position, digest) VALUES (level, at, hash);
    END LOOP;
END
$$;

CREATE FUNCTION public.append_later() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    entry_kind  text := coalesce(TG_ARGV[0], NEW.kind);
    bytes       bytea;
BEGIN
    SELECT convert_to(format('{"document":"%s","exchange":%s,"kind":"%s","protocol":"assay/log/1","statement":"%s"}',
                             encode(sha256(convert_to(NEW.jws, 'UTF8')), 'hex'), to_json(e.domain), entry_kind,
                             encode(NEW.attestation_id, 'hex')), 'UTF8')
        INTO STRICT bytes
        FROM attestations a JOIN exchanges e USING (exchange_id) WHERE a.attestation_id = NEW.attestation_id;
    PERFORM append_entry(NEW.attestation_id, entry_kind, bytes);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.append_to_log() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    bytes  bytea;
BEGIN
    SELECT convert_to(format('{"exchange":%s,"kind":"attestation","protocol":"assay/log/1","snapshot":%s,"statement":"%s","taken_at":"%s"}',
                             to_json(e.domain), to_json(s.name), encode(NEW.attestation_id, 'hex'), instant_text(NEW.epoch)), 'UTF8')
        INTO STRICT bytes
        FROM exchanges e JOIN snapshots s USING (exchange_id) WHERE s.snapshot_id = NEW.snapshot_id;
    PERFORM append_entry(NEW.attestation_id, 'attestation', bytes);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.drop_checkpoint_of_ended() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM checkpoints WHERE job_id = NEW.job_id;
    UPDATE units SET proof = NULL WHERE job_id = NEW.job_id AND proof IS NOT NULL;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.enqueue_task(task text, job uuid, attempts integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    -- one queue a job: its tasks never run side by side; one key a task: asked twice, done once
    PERFORM graphile_worker.add_job(task, json_build_object('job_id', job), queue_name => job::text,
                                    job_key => job::text || ':' || task, max_attempts => attempts);
END
$$;

COMMENT ON FUNCTION public.enqueue_task(task text, job uuid, attempts integer) IS 'Makes a task of a job due, in the caller''s transaction';

CREATE FUNCTION public.enqueue_unit(task text, job uuid, shard integer, attempts integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    -- one queue a unit: the units of a job run side by side
    PERFORM graphile_worker.add_job(task, json_build_object('job_id', job, 'shard', shard),
                                    queue_name => job::text || ':' || shard,
                                    job_key => job::text || ':' || task || ':' || shard, max_attempts => attempts);
END
$$;

COMMENT ON FUNCTION public.enqueue_unit(task text, job uuid, shard integer, attempts integer) IS 'Makes a task of a job''s unit due, in the caller''s transaction';

CREATE FUNCTION public.grow_by_one() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.size <> OLD.size + 1 THEN
        RAISE EXCEPTION 'the log grows by one entry at a time' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'log_size_grows';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.instant_text(instant timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
        || rtrim(rtrim(to_char(instant AT TIME ZONE 'UTC', '.US'), '0'), '.') || 'Z'
$$;

CREATE FUNCTION public.keep_job() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.keep_listed_content() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR EXISTS (
        SELECT FROM snapshot_files WHERE content_id = CASE TG_OP WHEN 'INSERT' THEN NEW.content_id ELSE OLD.content_id END
    ) THEN
        RAISE EXCEPTION 'the content of a file never changes' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'file_chunks_kept';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;

CREATE FUNCTION public.keep_sealed_files() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.keep_snapshot() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.key_is_answered() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM idempotency_keys WHERE subject = NEW.subject AND key = NEW.key AND status IS NULL) THEN
        RAISE EXCEPTION 'a key is kept with its answer or not at all'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'idempotency_keys_answered';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.oldest_due_task() RETURNS interval
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN (
        SELECT now() - min(tasks.run_at)
        FROM graphile_worker._private_jobs AS tasks
        LEFT JOIN graphile_worker._private_job_queues AS queues ON queues.id = tasks.job_queue_id
        WHERE tasks.is_available AND tasks.run_at <= now() AND queues.locked_at IS NULL
    );
END
$$;

COMMENT ON FUNCTION public.oldest_due_task() IS 'How long the oldest task that is due and that nobody holds has waited, by the database''s clock';

CREATE FUNCTION public.published_is_attested() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM jobs WHERE job_id = NEW.job_id AND state = 'published')
        IS DISTINCT FROM EXISTS (SELECT FROM attestations WHERE job_id = NEW.job_id) THEN
        RAISE EXCEPTION 'a job is published if and only if its attestation is'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'published_is_attested';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation', CONSTRAINT = 'insert_only';
END
$$;

CREATE TABLE public.attestations (
    attestation_id bytea NOT NULL,
    exchange_id uuid NOT NULL,
    snapshot_id uuid NOT NULL,
    job_id uuid NOT NULL,
    epoch timestamp with time zone NOT NULL,
    exchange_name text NOT NULL,
    shape text NOT NULL,
    valid boolean NOT NULL,
    report jsonb NOT NULL,
    statement bytea NOT NULL,
    proof bytea NOT NULL,
    jws text NOT NULL,
    published_at timestamp with time zone NOT NULL,
    CONSTRAINT attestations_id_is_digest CHECK ((attestation_id = sha256(statement))),
    CONSTRAINT attestations_not_in_the_future CHECK ((epoch <= published_at))
);

COMMENT ON TABLE public.attestations IS 'What is published, for ever: rows are inserted and never changed or deleted';

COMMENT ON COLUMN public.attestations.attestation_id IS 'SHA-256 of the statement''s canonical bytes';

COMMENT ON COLUMN public.attestations.exchange_name IS 'The exchange''s name in the statement';

COMMENT ON COLUMN public.attestations.valid IS 'Whether the statement keeps its own policy';

COMMENT ON COLUMN public.attestations.jws IS 'JWS (general JSON serialisation) over the statement by the service''s key';

CREATE TABLE public.audit_trail (
    entry_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    subject text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    detail jsonb
);

COMMENT ON TABLE public.audit_trail IS 'Who did what; never holds balances, salts, tokens or account references';

ALTER TABLE public.audit_trail ALTER COLUMN entry_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_trail_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.checkpoints (
    job_id uuid NOT NULL,
    shard integer NOT NULL,
    steps integer NOT NULL,
    bytes bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT checkpoints_steps_check CHECK ((steps > 0))
);
ALTER TABLE ONLY public.checkpoints ALTER COLUMN bytes SET STORAGE EXTERNAL;

COMMENT ON TABLE public.checkpoints IS 'The last kept state of an unfinished fold: private, and hostile input until verified';

CREATE TABLE public.exchanges (
    exchange_id uuid NOT NULL,
    domain text NOT NULL,
    newest_epoch timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.exchanges IS 'Whose ledgers are attested; a token speaks for one of them by its domain';

COMMENT ON COLUMN public.exchanges.newest_epoch IS 'Epoch of the newest attestation; only the trigger attestations_admit writes it';

CREATE TABLE public.file_chunks (
    content_id uuid NOT NULL,
    "position" integer NOT NULL,
    bytes bytea NOT NULL,
    CONSTRAINT file_chunks_bytes_check CHECK ((octet_length(bytes) > 0)),
    CONSTRAINT file_chunks_content_has_age CHECK (((get_byte(uuid_send(content_id), 6) >> 4) = 7)),
    CONSTRAINT file_chunks_position_check CHECK (("position" >= 0))
);
ALTER TABLE ONLY public.file_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

COMMENT ON TABLE public.file_chunks IS 'Contents of files in order. Chunks without a file are leftovers of interrupted uploads and are swept';

COMMENT ON COLUMN public.file_chunks.content_id IS 'UUIDv7, so that it tells the age of a leftover';

CREATE TABLE public.home_fingerprints (
    kind text NOT NULL,
    fingerprint text NOT NULL,
    noted_at timestamp with time zone NOT NULL,
    CONSTRAINT home_fingerprints_fingerprint_check CHECK ((fingerprint <> ''::text)),
    CONSTRAINT home_fingerprints_kind_check CHECK ((kind = ANY (ARRAY['master_secret'::text, 'statement_key'::text])))
);

COMMENT ON TABLE public.home_fingerprints IS 'Which home directory belongs to this database; rows are inserted, and deleted only by assay migrate --adopt-home';

COMMENT ON COLUMN public.home_fingerprints.fingerprint IS 'Of the master secret, from which nothing can be derived, or of a public key: nobody can act with it';

CREATE TABLE public.idempotency_keys (
    subject text NOT NULL,
    key text NOT NULL,
    request_digest bytea NOT NULL,
    status smallint,
    headers jsonb,
    body bytea,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_keys_check CHECK ((((status IS NULL) = (headers IS NULL)) AND ((status IS NULL) = (body IS NULL)))),
    CONSTRAINT idempotency_keys_request_digest_check CHECK ((octet_length(request_digest) = 32))
);

COMMENT ON TABLE public.idempotency_keys IS 'Answers to writes, to be given again';

COMMENT ON COLUMN public.idempotency_keys.subject IS 'Who asked; for a customer a keyed digest, never the account reference';

CREATE TABLE public.jobs (
    job_id uuid NOT NULL,
    snapshot_id uuid NOT NULL,
    shape text NOT NULL,
    shards integer,
    state text NOT NULL,
    steps integer,
    accounts bigint,
    pages bigint,
    detail text,
    findings jsonb,
    statement bytea,
    proof bytea,
    worker text,
    heartbeat_at timestamp with time zone,
    begun integer DEFAULT 0 NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    has_ended boolean GENERATED ALWAYS AS ((state = ANY (ARRAY['published'::text, 'refused'::text, 'failed'::text, 'cancelled'::text]))) STORED NOT NULL,
    CONSTRAINT jobs_accounts_check CHECK ((accounts >= 0)),
    CONSTRAINT jobs_begun_check CHECK ((begun >= 0)),
    CONSTRAINT jobs_pages_check CHECK ((pages >= 0)),
    CONSTRAINT jobs_shards_check CHECK (((shards >= 1) AND (shards <= 4096))),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'checking'::text, 'planning'::text, 'folding'::text, 'compressing'::text, 'verifying'::text, 'publishing'::text, 'published'::text, 'refused'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT jobs_steps_check CHECK ((steps > 0))
);

COMMENT ON TABLE public.jobs IS 'The way of one attestation; the queue (schema graphile_worker) only says what is to be done next';

COMMENT ON COLUMN public.jobs.shape IS 'Name of the shape, or auto until the plan has chosen';

COMMENT ON COLUMN public.jobs.shards IS 'Number of shards; null until the plan has chosen';

COMMENT ON COLUMN public.jobs.detail IS 'For a person: why it was refused or failed, or which policies its statement breaks';

COMMENT ON COLUMN public.jobs.findings IS 'What is wrong with the ledger: file, line and reason';

COMMENT ON COLUMN public.jobs.statement IS 'Canonical bytes, once planned; they never change afterwards';

COMMENT ON COLUMN public.jobs.worker IS 'Who works on it, if workers say so; heartbeats of others are refused';

COMMENT ON COLUMN public.jobs.begun IS 'How often the stage that is due was begun without coming to an end of any kind; workers die of some ledgers';

COMMENT ON COLUMN public.jobs.has_ended IS 'The one place that says which states are final';

CREATE TABLE public.log_checkpoints (
    origin text NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    note text NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    CONSTRAINT log_checkpoints_root_check CHECK ((octet_length(root) = 32)),
    CONSTRAINT log_checkpoints_size_check CHECK ((size >= 0))
);

COMMENT ON TABLE public.log_checkpoints IS 'Checkpoints that were signed, one a size';

COMMENT ON COLUMN public.log_checkpoints.origin IS 'Name of the log; another name is another log with another key and the same entries';

COMMENT ON COLUMN public.log_checkpoints.note IS 'The checkpoint with the log''s own signature';

CREATE TABLE public.log_cosignatures (
    origin text NOT NULL,
    size bigint NOT NULL,
    line text NOT NULL
);

COMMENT ON TABLE public.log_cosignatures IS 'Signature lines of witnesses for a checkpoint';

CREATE TABLE public.log_entries (
    "position" bigint NOT NULL,
    entry bytea NOT NULL,
    attestation_id bytea NOT NULL,
    kind text NOT NULL,
    CONSTRAINT log_entries_entry_check CHECK (((octet_length(entry) >= 1) AND (octet_length(entry) <= 65535))),
    CONSTRAINT log_entries_kind_check CHECK ((kind = ANY (ARRAY['attestation'::text, 'countersignature'::text, 'opinion'::text, 'notice'::text]))),
    CONSTRAINT log_entries_position_check CHECK (("position" >= 0))
);

COMMENT ON TABLE public.log_entries IS 'Entries of the transparency log, without gaps: rows are inserted and never changed or deleted';

COMMENT ON COLUMN public.log_entries.entry IS 'Canonical JSON (RFC 8785) as in api-spec/log.md';

COMMENT ON COLUMN public.log_entries.attestation_id IS 'The attestation that the entry is about';

CREATE TABLE public.log_hashes (
    height smallint NOT NULL,
    "position" bigint NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT log_hashes_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT log_hashes_height_check CHECK (((height >= 0) AND (height <= 62))),
    CONSTRAINT log_hashes_position_check CHECK (("position" >= 0))
);

COMMENT ON TABLE public.log_hashes IS 'Complete subtrees of the log''s tree (RFC 6962); height 0 are the hashes of the entries';

CREATE TABLE public.log_retirements (
    origin text NOT NULL,
    statement text NOT NULL,
    retired_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.log_retirements IS 'Logs that have ended: rows are inserted and never changed or deleted';

COMMENT ON COLUMN public.log_retirements.origin IS 'Name of the log';

COMMENT ON COLUMN public.log_retirements.statement IS 'A note by the log''s key, as in api-spec/log.md';

CREATE TABLE public.log_size (
    only_row boolean DEFAULT true NOT NULL,
    size bigint NOT NULL,
    CONSTRAINT log_size_only_row_check CHECK (only_row),
    CONSTRAINT log_size_size_check CHECK ((size >= 0))
);

COMMENT ON TABLE public.log_size IS 'Number of entries. Whoever appends updates this row, so that appends follow one another whatever the isolation level';

CREATE TABLE public.notices (
    attestation_id bytea NOT NULL,
    kind text NOT NULL,
    superseded_by bytea,
    jws text NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT notices_check CHECK (((kind = 'superseded'::text) = (superseded_by IS NOT NULL))),
    CONSTRAINT notices_kind_check CHECK ((kind = ANY (ARRAY['withdrawn'::text, 'superseded'::text])))
);

COMMENT ON TABLE public.notices IS 'What the exchange says of an attestation later: rows are inserted and never changed or deleted';

COMMENT ON COLUMN public.notices.superseded_by IS 'The attestation that takes its place';

COMMENT ON COLUMN public.notices.jws IS 'Signed by the statement key; general JSON without spaces';

CREATE TABLE public.pages (
    job_id uuid NOT NULL,
    "position" bigint NOT NULL,
    record bytea NOT NULL,
    CONSTRAINT pages_position_check CHECK (("position" >= 0))
);

COMMENT ON TABLE public.pages IS 'Leaves of the tree without padding, in the record format of src/attest/record.rs';

COMMENT ON COLUMN public.pages.job_id IS 'A job; checked once a load and not row by row';

CREATE TABLE public.reserve_lines (
    job_id uuid NOT NULL,
    "position" integer NOT NULL,
    fields text[] NOT NULL,
    CONSTRAINT reserve_lines_fields_check CHECK ((cardinality(fields) = 10)),
    CONSTRAINT reserve_lines_position_check CHECK (("position" >= 0))
);

COMMENT ON TABLE public.reserve_lines IS 'Lines of reserves.csv, the leaves of the tree whose root is in the statement';

CREATE TABLE public.signatures (
    attestation_id bytea NOT NULL,
    kid text NOT NULL,
    jws text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    CONSTRAINT signatures_kind_check CHECK ((kind = ANY (ARRAY['countersignature'::text, 'opinion'::text])))
);

COMMENT ON TABLE public.signatures IS 'Countersignatures and opinions of others, one a key';

COMMENT ON COLUMN public.signatures.jws IS 'General JSON without spaces; a countersignature without the statement that it is over';

CREATE TABLE public.snapshot_files (
    snapshot_id uuid NOT NULL,
    name text NOT NULL,
    ledger_table text GENERATED ALWAYS AS (split_part(name, '.'::text, 1)) STORED NOT NULL,
    content_id uuid NOT NULL,
    bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT snapshot_files_bytes_check CHECK ((bytes >= 0)),
    CONSTRAINT snapshot_files_name CHECK ((name ~ '^[a-z]{1,32}\.csv(\.gz|\.zst)?$'::text)),
    CONSTRAINT snapshot_files_sha256_check CHECK ((octet_length(sha256) = 32))
);

COMMENT ON TABLE public.snapshot_files IS 'The files of a snapshot; a row exists only once its content is complete';

COMMENT ON COLUMN public.snapshot_files.ledger_table IS 'The table that the file holds, packed or not; there is one file for each';

COMMENT ON COLUMN public.snapshot_files.bytes IS 'Length of the file as it was sent';

COMMENT ON COLUMN public.snapshot_files.sha256 IS 'Of the file as it was sent';

CREATE TABLE public.snapshots (
    snapshot_id uuid NOT NULL,
    exchange_id uuid NOT NULL,
    name text NOT NULL,
    epoch timestamp with time zone NOT NULL,
    manifest text NOT NULL,
    sealed_at timestamp with time zone,
    holds_epoch boolean DEFAULT true NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.snapshots IS 'A ledger at one instant, as it was handed over';

COMMENT ON COLUMN public.snapshots.name IS 'The snapshot''s own id. Identities of accounts depend on it and on the exchange''s domain, so it stands for one ledger of an exchange';

COMMENT ON COLUMN public.snapshots.epoch IS 'The instant the ledger speaks of (taken_at)';

COMMENT ON COLUMN public.snapshots.manifest IS 'manifest.toml of the snapshot directory';

COMMENT ON COLUMN public.snapshots.sealed_at IS 'When the first proof was asked for; from then on files cannot change';

COMMENT ON COLUMN public.snapshots.holds_epoch IS 'False once its job was refused, failed or cancelled, so that a corrected one can take its place; another proof of this one takes it back';

CREATE TABLE public.tree_nodes (
    job_id uuid NOT NULL,
    height smallint NOT NULL,
    "position" bigint NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT tree_nodes_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT tree_nodes_height_check CHECK ((height >= 0)),
    CONSTRAINT tree_nodes_position_check CHECK (("position" >= 0))
);

COMMENT ON TABLE public.tree_nodes IS 'The upper tree; height 0 are the batch roots, absent nodes are empty subtrees';

COMMENT ON COLUMN public.tree_nodes.job_id IS 'A job; checked once a load and not row by row';

CREATE TABLE public.units (
    job_id uuid NOT NULL,
    shard integer NOT NULL,
    state text DEFAULT 'folding'::text NOT NULL,
    steps integer NOT NULL,
    steps_done integer DEFAULT 0 NOT NULL,
    proof bytea,
    worker text,
    heartbeat_at timestamp with time zone,
    begun integer DEFAULT 0 NOT NULL,
    returned integer DEFAULT 0 NOT NULL,
    CONSTRAINT units_begun_check CHECK ((begun >= 0)),
    CONSTRAINT units_returned_check CHECK ((returned >= 0)),
    CONSTRAINT units_shard_check CHECK ((shard >= 0)),
    CONSTRAINT units_state_check CHECK ((state = ANY (ARRAY['folding'::text, 'compressing'::text, 'proved'::text]))),
    CONSTRAINT units_steps_check CHECK ((steps > 0)),
    CONSTRAINT units_steps_done_check CHECK ((steps_done >= 0))
);

COMMENT ON TABLE public.units IS 'The fold and the proof of one shard each; those of a job are worked on side by side, by any number of workers';

COMMENT ON COLUMN public.units.proof IS 'Once compressed, until the job has ended';

COMMENT ON COLUMN public.units.worker IS 'Who works on it; heartbeats of others are refused';

COMMENT ON COLUMN public.units.begun IS 'As jobs.begun';

COMMENT ON COLUMN public.units.returned IS 'How often its compression found no usable checkpoint and gave it back to the fold';

CREATE TABLE public.verifications (
    attestation_id bytea NOT NULL,
    nullifier bytea NOT NULL,
    included boolean NOT NULL,
    CONSTRAINT verifications_nullifier_check CHECK ((octet_length(nullifier) = 32))
);

COMMENT ON TABLE public.verifications IS 'Customers'' own yes or no, each counted once; the nullifier names nobody without the master secret';

COMMENT ON COLUMN public.verifications.included IS 'The customer''s last word';

ALTER TABLE ONLY public.attestations
    ADD CONSTRAINT attestations_one_a_job UNIQUE (job_id);

ALTER TABLE ONLY public.attestations
    ADD CONSTRAINT attestations_one_a_snapshot UNIQUE (snapshot_id);

ALTER TABLE ONLY public.attestations
    ADD CONSTRAINT attestations_one_epoch UNIQUE (exchange_id, epoch);

ALTER TABLE ONLY public.attestations
    ADD CONSTRAINT attestations_pkey PRIMARY KEY (attestation_id);

ALTER TABLE ONLY public.audit_trail
    ADD CONSTRAINT audit_trail_pkey PRIMARY KEY (entry_id);

ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (job_id, shard);

ALTER TABLE ONLY public.exchanges
    ADD CONSTRAINT exchanges_domain_key UNIQUE (domain);

ALTER TABLE ONLY public.exchanges
    ADD CONSTRAINT exchanges_pkey PRIMARY KEY (exchange_id);

ALTER TABLE ONLY public.file_chunks
    ADD CONSTRAINT file_chunks_pkey PRIMARY KEY (content_id, "position");

ALTER TABLE ONLY public.home_fingerprints
    ADD CONSTRAINT home_fingerprints_pkey PRIMARY KEY (kind, fingerprint);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (subject, key);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_job_id_snapshot_id_key UNIQUE (job_id, snapshot_id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (job_id);

ALTER TABLE ONLY public.log_checkpoints
    ADD CONSTRAINT log_checkpoints_pkey PRIMARY KEY (origin, size);

ALTER TABLE ONLY public.log_cosignatures
    ADD CONSTRAINT log_cosignatures_pkey PRIMARY KEY (origin, size, line);

ALTER TABLE ONLY public.log_entries
    ADD CONSTRAINT log_entries_pkey PRIMARY KEY ("position");

ALTER TABLE ONLY public.log_hashes
    ADD CONSTRAINT log_hashes_pkey PRIMARY KEY (height, "position");

ALTER TABLE ONLY public.log_retirements
    ADD CONSTRAINT log_retirements_pkey PRIMARY KEY (origin);

ALTER TABLE ONLY public.log_size
    ADD CONSTRAINT log_size_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_one_a_kind PRIMARY KEY (attestation_id, kind);

ALTER TABLE ONLY public.pages
    ADD CONSTRAINT pages_pkey PRIMARY KEY (job_id, "position");

ALTER TABLE ONLY public.reserve_lines
    ADD CONSTRAINT reserve_lines_pkey PRIMARY KEY (job_id, "position");

ALTER TABLE ONLY public.signatures
    ADD CONSTRAINT signatures_one_a_key PRIMARY KEY (attestation_id, kid);

ALTER TABLE ONLY public.snapshot_files
    ADD CONSTRAINT snapshot_files_content_id_key UNIQUE (content_id);

ALTER TABLE ONLY public.snapshot_files
    ADD CONSTRAINT snapshot_files_one_a_table UNIQUE (snapshot_id, ledger_table);

ALTER TABLE ONLY public.snapshot_files
    ADD CONSTRAINT snapshot_files_pkey PRIMARY KEY (snapshot_id, name);

ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_one_name UNIQUE (exchange_id, name);

ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (snapshot_id);

ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_snapshot_id_exchange_id_epoch_key UNIQUE (snapshot_id, exchange_id, epoch);

ALTER TABLE ONLY public.tree_nodes
    ADD CONSTRAINT tree_nodes_pkey PRIMARY KEY (job_id, height, "position");

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_pkey PRIMARY KEY (job_id, shard);

ALTER TABLE ONLY public.verifications
    ADD CONSTRAINT verifications_pkey PRIMARY KEY (attestation_id, nullifier);

CREATE INDEX attestations_newest ON public.attestations USING btree (epoch DESC, attestation_id);

CREATE INDEX audit_trail_by_object ON public.audit_trail USING btree (object, entry_id);

CREATE UNIQUE INDEX home_fingerprints_one_secret ON public.home_fingerprints USING btree (kind) WHERE (kind = 'master_secret'::text);

CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);

CREATE INDEX jobs_by_end ON public.jobs USING btree (has_ended, updated_at);

CREATE UNIQUE INDEX jobs_one_under_way ON public.jobs USING btree (snapshot_id) WHERE ((NOT has_ended) OR (state = 'published'::text));

CREATE UNIQUE INDEX log_entries_one_an_attestation ON public.log_entries USING btree (attestation_id) WHERE (kind = 'attestation'::text);

CREATE UNIQUE INDEX snapshots_one_epoch ON public.snapshots USING btree (exchange_id, epoch) WHERE holds_epoch;

CREATE TRIGGER attestations_admit BEFORE INSERT ON public.attestations FOR EACH ROW EXECUTE FUNCTION public.admit_attestation();

CREATE TRIGGER attestations_insert_only BEFORE DELETE OR UPDATE ON public.attestations FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER attestations_logged AFTER INSERT ON public.attestations FOR EACH ROW EXECUTE FUNCTION public.append_to_log();

CREATE TRIGGER attestations_no_truncate BEFORE TRUNCATE ON public.attestations FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE CONSTRAINT TRIGGER attestations_of_published_job AFTER INSERT ON public.attestations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.published_is_attested();

CREATE TRIGGER audit_insert_only BEFORE DELETE OR UPDATE ON public.audit_trail FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.audit_trail FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER file_chunks_kept BEFORE INSERT OR DELETE OR UPDATE ON public.file_chunks FOR EACH ROW EXECUTE FUNCTION public.keep_listed_content();

CREATE CONSTRAINT TRIGGER idempotency_keys_answered AFTER INSERT OR UPDATE ON public.idempotency_keys DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.status IS NULL)) EXECUTE FUNCTION public.key_is_answered();

CREATE TRIGGER jobs_end_without_checkpoint AFTER UPDATE OF state ON public.jobs FOR EACH ROW WHEN (new.has_ended) EXECUTE FUNCTION public.drop_checkpoint_of_ended();

CREATE TRIGGER jobs_kept BEFORE UPDATE ON public.jobs FOR EACH ROW EXECUTE FUNCTION public.keep_job();

CREATE CONSTRAINT TRIGGER jobs_published_with_attestation AFTER INSERT OR UPDATE OF state ON public.jobs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.state = 'published'::text)) EXECUTE FUNCTION public.published_is_attested();

CREATE TRIGGER log_checkpoints_insert_only BEFORE DELETE OR UPDATE ON public.log_checkpoints FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER log_checkpoints_no_truncate BEFORE TRUNCATE ON public.log_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER log_cosignatures_insert_only BEFORE DELETE OR UPDATE ON public.log_cosignatures FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER log_cosignatures_no_truncate BEFORE TRUNCATE ON public.log_cosignatures FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER log_entries_insert_only BEFORE DELETE OR UPDATE ON public.log_entries FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER log_entries_no_truncate BEFORE TRUNCATE ON public.log_entries FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER log_hashes_insert_only BEFORE DELETE OR UPDATE ON public.log_hashes FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER log_hashes_no_truncate BEFORE TRUNCATE ON public.log_hashes FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER log_retirements_insert_only BEFORE DELETE OR UPDATE ON public.log_retirements FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER log_retirements_no_truncate BEFORE TRUNCATE ON public.log_retirements FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER log_size_grows BEFORE UPDATE ON public.log_size FOR EACH ROW EXECUTE FUNCTION public.grow_by_one();

CREATE TRIGGER log_size_no_truncate BEFORE TRUNCATE ON public.log_size FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER log_size_stays BEFORE DELETE ON public.log_size FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER notices_admit BEFORE INSERT ON public.notices FOR EACH ROW EXECUTE FUNCTION public.admit_notice();

CREATE TRIGGER notices_insert_only BEFORE DELETE OR UPDATE ON public.notices FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER notices_logged AFTER INSERT ON public.notices FOR EACH ROW EXECUTE FUNCTION public.append_later('notice');

CREATE TRIGGER notices_no_truncate BEFORE TRUNCATE ON public.notices FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER signatures_insert_only BEFORE DELETE OR UPDATE ON public.signatures FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER signatures_logged AFTER INSERT ON public.signatures FOR EACH ROW EXECUTE FUNCTION public.append_later();

CREATE TRIGGER signatures_no_truncate BEFORE TRUNCATE ON public.signatures FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER snapshot_files_sealed BEFORE INSERT OR DELETE OR UPDATE ON public.snapshot_files FOR EACH ROW EXECUTE FUNCTION public.keep_sealed_files();

CREATE TRIGGER snapshots_kept BEFORE UPDATE ON public.snapshots FOR EACH ROW EXECUTE FUNCTION public.keep_snapshot();

ALTER TABLE ONLY public.attestations
    ADD CONSTRAINT attestations_of_job FOREIGN KEY (job_id, snapshot_id) REFERENCES public.jobs(job_id, snapshot_id);

ALTER TABLE ONLY public.attestations
    ADD CONSTRAINT attestations_of_snapshot FOREIGN KEY (snapshot_id, exchange_id, epoch) REFERENCES public.snapshots(snapshot_id, exchange_id, epoch);

ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT checkpoints_job_id_shard_fkey FOREIGN KEY (job_id, shard) REFERENCES public.units(job_id, shard);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES public.snapshots(snapshot_id);

ALTER TABLE ONLY public.log_cosignatures
    ADD CONSTRAINT log_cosignatures_origin_size_fkey FOREIGN KEY (origin, size) REFERENCES public.log_checkpoints(origin, size);

ALTER TABLE ONLY public.log_entries
    ADD CONSTRAINT log_entries_attestation_id_fkey FOREIGN KEY (attestation_id) REFERENCES public.attestations(attestation_id);

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_attestation_id_fkey FOREIGN KEY (attestation_id) REFERENCES public.attestations(attestation_id);

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_superseded_by_fkey FOREIGN KEY (superseded_by) REFERENCES public.attestations(attestation_id);

ALTER TABLE ONLY public.reserve_lines
    ADD CONSTRAINT reserve_lines_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(job_id);

ALTER TABLE ONLY public.signatures
    ADD CONSTRAINT signatures_attestation_id_fkey FOREIGN KEY (attestation_id) REFERENCES public.attestations(attestation_id);

ALTER TABLE ONLY public.snapshot_files
    ADD CONSTRAINT snapshot_files_snapshot_id_fkey FOREIGN KEY (snapshot_id) REFERENCES public.snapshots(snapshot_id);

ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_exchange_id_fkey FOREIGN KEY (exchange_id) REFERENCES public.exchanges(exchange_id);

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(job_id);

ALTER TABLE ONLY public.verifications
    ADD CONSTRAINT verifications_attestation_id_fkey FOREIGN KEY (attestation_id) REFERENCES public.attestations(attestation_id);
