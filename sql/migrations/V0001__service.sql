-- The tables of the service. What is claimed and proved stands in circuits/SPEC.md; here it is only kept.

CREATE TABLE exchanges (
    exchange_id uuid PRIMARY KEY,
    domain      text NOT NULL UNIQUE,
    name        text NOT NULL,
    lei         text,
    created_at  timestamptz NOT NULL
);
COMMENT ON TABLE exchanges IS 'Whose ledgers are attested; a token speaks for one of them by its domain';

CREATE TABLE snapshots (
    snapshot_id uuid PRIMARY KEY,
    exchange_id uuid NOT NULL REFERENCES exchanges,
    name        text NOT NULL UNIQUE,
    epoch       timestamptz NOT NULL,
    manifest    text NOT NULL,
    sealed_at   timestamptz,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL,
    UNIQUE (exchange_id, epoch)
);
COMMENT ON TABLE snapshots IS 'A ledger at one instant, as it was handed over';
COMMENT ON COLUMN snapshots.name IS 'The snapshot''s own id. Identities of accounts depend on it, so it stands for one ledger in the whole service';
COMMENT ON COLUMN snapshots.epoch IS 'The instant the ledger speaks of (taken_at)';
COMMENT ON COLUMN snapshots.manifest IS 'manifest.toml of the snapshot directory';
COMMENT ON COLUMN snapshots.sealed_at IS 'When the first proof was asked for; from then on files cannot change';

CREATE TABLE snapshot_files (
    snapshot_id uuid NOT NULL REFERENCES snapshots,
    name        text NOT NULL,
    content_id  uuid NOT NULL UNIQUE,
    bytes       bigint NOT NULL CHECK (bytes >= 0),
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (snapshot_id, name)
);
COMMENT ON TABLE snapshot_files IS 'The files of a snapshot; a row exists only once its content is complete';

CREATE TABLE file_chunks (
    content_id uuid NOT NULL,
    position   int NOT NULL CHECK (position >= 0),
    bytes      bytea NOT NULL,
    PRIMARY KEY (content_id, position)
);
ALTER TABLE file_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE file_chunks IS 'Contents of files in order. Chunks without a file are leftovers of interrupted uploads and are swept';

CREATE TABLE jobs (
    job_id       uuid PRIMARY KEY,
    snapshot_id  uuid NOT NULL REFERENCES snapshots,
    shape        text NOT NULL,
    state        text NOT NULL CHECK (state IN ('queued', 'checking', 'planning', 'folding', 'compressing', 'verifying',
                                                'publishing', 'published', 'refused', 'failed', 'cancelled')),
    cancel_asked boolean NOT NULL DEFAULT false,
    steps_done   int NOT NULL DEFAULT 0,
    steps        int,
    accounts     bigint,
    pages        bigint,
    detail       text,
    findings     jsonb,
    statement    bytea,
    proof        bytea,
    worker       text,
    heartbeat_at timestamptz,
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);
CREATE UNIQUE INDEX jobs_one_under_way ON jobs (snapshot_id) WHERE state NOT IN ('refused', 'failed', 'cancelled');
CREATE INDEX jobs_by_state ON jobs (state, updated_at);
COMMENT ON TABLE jobs IS 'The way of one attestation; the queue (schema graphile_worker) only says what is to be done next';
COMMENT ON COLUMN jobs.shape IS 'Name of the shape, or auto until the plan has chosen';
COMMENT ON COLUMN jobs.detail IS 'For a person: why it was refused or failed';
COMMENT ON COLUMN jobs.findings IS 'What is wrong with the ledger: file, line and reason';
COMMENT ON COLUMN jobs.statement IS 'Canonical bytes, once planned; they never change afterwards';

CREATE TABLE checkpoints (
    job_id     uuid PRIMARY KEY REFERENCES jobs,
    steps      int NOT NULL CHECK (steps > 0),
    bytes      bytea NOT NULL,
    created_at timestamptz NOT NULL
);
ALTER TABLE checkpoints ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE checkpoints IS 'The last kept state of an unfinished fold: private, and hostile input until verified';

CREATE TABLE pages (
    job_id   uuid NOT NULL REFERENCES jobs,
    position bigint NOT NULL CHECK (position >= 0),
    identity bytea NOT NULL CHECK (octet_length(identity) = 32),
    record   bytea NOT NULL,
    PRIMARY KEY (job_id, position)
);
CREATE INDEX pages_by_identity ON pages (job_id, identity);
COMMENT ON TABLE pages IS 'Leaves of the tree without padding, in the record format of src/attest/files.rs';

CREATE TABLE tree_nodes (
    job_id   uuid NOT NULL REFERENCES jobs,
    height   smallint NOT NULL CHECK (height >= 0),
    position bigint NOT NULL CHECK (position >= 0),
    digest   bytea NOT NULL CHECK (octet_length(digest) = 32),
    PRIMARY KEY (job_id, height, position)
);
COMMENT ON TABLE tree_nodes IS 'The upper tree; height 0 are the batch roots, absent nodes are empty subtrees';

CREATE TABLE reserve_lines (
    job_id   uuid NOT NULL REFERENCES jobs,
    position int NOT NULL CHECK (position >= 0),
    fields   text[] NOT NULL CHECK (cardinality(fields) = 7),
    PRIMARY KEY (job_id, position)
);
COMMENT ON TABLE reserve_lines IS 'Lines of reserves.csv, the leaves of the tree whose root is in the statement';

CREATE TABLE attestations (
    attestation_id bytea PRIMARY KEY CHECK (octet_length(attestation_id) = 32),
    exchange_id    uuid NOT NULL REFERENCES exchanges,
    snapshot_id    uuid NOT NULL REFERENCES snapshots UNIQUE,
    job_id         uuid NOT NULL REFERENCES jobs UNIQUE,
    epoch          timestamptz NOT NULL,
    shape          text NOT NULL,
    valid          boolean NOT NULL,
    report         jsonb NOT NULL,
    statement      bytea NOT NULL,
    proof          bytea NOT NULL,
    jws            text NOT NULL,
    published_at   timestamptz NOT NULL,
    UNIQUE (exchange_id, epoch)
);
CREATE INDEX attestations_newest ON attestations (epoch DESC, attestation_id);
COMMENT ON TABLE attestations IS 'What is published, for ever: rows are inserted and never changed or deleted';
COMMENT ON COLUMN attestations.attestation_id IS 'SHA-256 of the statement''s canonical bytes';
COMMENT ON COLUMN attestations.valid IS 'Whether the statement keeps its own policy';
COMMENT ON COLUMN attestations.jws IS 'JWS (general JSON serialisation) over the statement by the service''s key';

CREATE TABLE signatures (
    attestation_id bytea NOT NULL REFERENCES attestations,
    kid            text NOT NULL,
    signer         text NOT NULL,
    jws            text NOT NULL,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (attestation_id, kid)
);
COMMENT ON TABLE signatures IS 'Countersignatures of others';

CREATE TABLE verifications (
    attestation_id bytea NOT NULL REFERENCES attestations,
    nullifier      bytea NOT NULL CHECK (octet_length(nullifier) = 32),
    included       boolean NOT NULL,
    PRIMARY KEY (attestation_id, nullifier)
);
COMMENT ON TABLE verifications IS 'Customers'' own yes or no, each counted once; the nullifier names nobody without the master secret';

CREATE TABLE idempotency_keys (
    subject        text NOT NULL,
    key            text NOT NULL,
    request_digest bytea NOT NULL CHECK (octet_length(request_digest) = 32),
    status         smallint,
    headers        jsonb,
    body           bytea,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (subject, key)
);
COMMENT ON TABLE idempotency_keys IS 'Answers to writes, to be given again; without a status the first request is still under way';

CREATE TABLE audit_trail (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL,
    subject  text NOT NULL,
    action   text NOT NULL,
    object   text NOT NULL,
    detail   jsonb
);
COMMENT ON TABLE audit_trail IS 'Who did what; never holds balances, salts, tokens or account references';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER attestations_insert_only BEFORE UPDATE OR DELETE ON attestations
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER attestations_no_truncate BEFORE TRUNCATE ON attestations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_insert_only BEFORE UPDATE OR DELETE ON audit_trail
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_trail
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A history that goes backwards would let an exchange slip a better past in later.
CREATE FUNCTION refuse_the_past() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM exchanges WHERE exchange_id = NEW.exchange_id FOR UPDATE;
    IF EXISTS (SELECT 1 FROM attestations WHERE exchange_id = NEW.exchange_id AND epoch >= NEW.epoch) THEN
        RAISE EXCEPTION 'an attestation for this epoch or a later one is published already'
            USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER attestations_forward_only BEFORE INSERT ON attestations
    FOR EACH ROW EXECUTE FUNCTION refuse_the_past();
