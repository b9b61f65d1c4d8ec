-- The transparency log: every published attestation is an entry, in the order of publication. The database itself appends the entry when
-- it takes in the attestation, so that neither can be there without the other, whoever publishes. circuits/verifier/src/log/entry.rs
-- makes the same bytes from the statement.

CREATE TABLE log_size (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    size     bigint NOT NULL CHECK (size >= 0)
);
COMMENT ON TABLE log_size IS 'Number of entries. Whoever appends updates this row, so that appends follow one another whatever the isolation level';
INSERT INTO log_size (size) VALUES (0);

CREATE TABLE log_entries (
    position       bigint PRIMARY KEY CHECK (position >= 0),
    entry          bytea NOT NULL CHECK (octet_length(entry) BETWEEN 1 AND 65535),
    attestation_id bytea NOT NULL CONSTRAINT log_entries_one_an_attestation UNIQUE REFERENCES attestations
);
COMMENT ON TABLE log_entries IS 'Entries of the transparency log, without gaps: rows are inserted and never changed or deleted';
COMMENT ON COLUMN log_entries.entry IS 'Canonical JSON (RFC 8785) as in api-spec/log.md';

CREATE TABLE log_hashes (
    height   smallint NOT NULL CHECK (height BETWEEN 0 AND 62),
    position bigint NOT NULL CHECK (position >= 0),
    digest   bytea NOT NULL CHECK (octet_length(digest) = 32),
    PRIMARY KEY (height, position)
);
COMMENT ON TABLE log_hashes IS 'Complete subtrees of the log''s tree (RFC 6962); height 0 are the hashes of the entries';

CREATE TABLE log_checkpoints (
    origin    text NOT NULL,
    size      bigint NOT NULL CHECK (size >= 0),
    root      bytea NOT NULL CHECK (octet_length(root) = 32),
    note      text NOT NULL,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (origin, size)
);
COMMENT ON TABLE log_checkpoints IS 'Checkpoints that were signed, one a size';
COMMENT ON COLUMN log_checkpoints.origin IS 'Name of the log; another name is another log with another key and the same entries';
COMMENT ON COLUMN log_checkpoints.note IS 'The checkpoint with the log''s own signature';

CREATE TABLE log_cosignatures (
    origin text NOT NULL,
    size   bigint NOT NULL,
    line   text NOT NULL,
    PRIMARY KEY (origin, size, line),
    FOREIGN KEY (origin, size) REFERENCES log_checkpoints
);
COMMENT ON TABLE log_cosignatures IS 'Signature lines of witnesses for a checkpoint';

-- What is written once.

CREATE TRIGGER log_entries_insert_only BEFORE UPDATE OR DELETE ON log_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_entries_no_truncate BEFORE TRUNCATE ON log_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_hashes_insert_only BEFORE UPDATE OR DELETE ON log_hashes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_hashes_no_truncate BEFORE TRUNCATE ON log_hashes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_checkpoints_insert_only BEFORE UPDATE OR DELETE ON log_checkpoints
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_checkpoints_no_truncate BEFORE TRUNCATE ON log_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_cosignatures_insert_only BEFORE UPDATE OR DELETE ON log_cosignatures
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_cosignatures_no_truncate BEFORE TRUNCATE ON log_cosignatures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_size_stays BEFORE DELETE ON log_size
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_size_no_truncate BEFORE TRUNCATE ON log_size
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION grow_by_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size <> OLD.size + 1 THEN
        RAISE EXCEPTION 'the log grows by one entry at a time' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'log_size_grows';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER log_size_grows BEFORE UPDATE ON log_size FOR EACH ROW EXECUTE FUNCTION grow_by_one();

-- An instant in its one spelling, as the statement writes it.
CREATE FUNCTION instant_text(instant timestamptz) RETURNS text LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
        || rtrim(rtrim(to_char(instant AT TIME ZONE 'UTC', '.US'), '0'), '.') || 'Z'
$$;

-- Appends the entry of an attestation, and the subtrees that it completes.
CREATE FUNCTION append_to_log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    place  bigint;
    at     bigint;
    level  smallint := 0;
    hash   bytea;
    bytes  bytea;
BEGIN
    SELECT convert_to(format('{"exchange":%s,"kind":"attestation","protocol":"assay/log/1","snapshot":%s,"statement":"%s","taken_at":"%s"}',
                             to_json(e.domain), to_json(s.name), encode(NEW.attestation_id, 'hex'), instant_text(NEW.epoch)), 'UTF8')
        INTO STRICT bytes
        FROM exchanges e JOIN snapshots s USING (exchange_id) WHERE s.snapshot_id = NEW.snapshot_id;
    UPDATE log_size SET size = size + 1 RETURNING size - 1 INTO STRICT place;
    INSERT INTO log_entries (position, entry, attestation_id) VALUES (place, bytes, NEW.attestation_id);
    at := place;
    hash := sha256('\x00'::bytea || bytes);
    INSERT INTO log_hashes (height, position, digest) VALUES (level, at, hash);
    WHILE at % 2 = 1 LOOP
        SELECT sha256('\x01'::bytea || h.digest || hash) INTO STRICT hash FROM log_hashes h WHERE h.height = level AND h.position = at - 1;
        level := level + 1;
        at := at / 2;
        INSERT INTO log_hashes (height, position, digest) VALUES (level, at, hash);
    END LOOP;
    RETURN NULL;
END
$$;
-- Triggers need no right to what they run; whoever has the right could put it on a table of their own.
REVOKE EXECUTE ON FUNCTION append_to_log, admit_attestation, published_is_attested, key_is_answered, drop_checkpoint_of_ended,
    keep_sealed_files, keep_listed_content FROM PUBLIC;
CREATE TRIGGER attestations_logged AFTER INSERT ON attestations FOR EACH ROW EXECUTE FUNCTION append_to_log();

-- What was published before there was a log is entered by the same function, in the order of its publication.
CREATE TABLE log_backfill AS SELECT * FROM attestations WITH NO DATA;
CREATE TRIGGER log_backfill AFTER INSERT ON log_backfill FOR EACH ROW EXECUTE FUNCTION append_to_log();
DO $$
DECLARE
    published record;
BEGIN
    FOR published IN SELECT attestation_id FROM attestations ORDER BY published_at, attestation_id LOOP
        INSERT INTO log_backfill SELECT * FROM attestations WHERE attestation_id = published.attestation_id;
    END LOOP;
END
$$;
DROP TABLE log_backfill;

COMMENT ON COLUMN jobs.detail IS 'For a person: why it was refused or failed, or which policies its statement breaks';
