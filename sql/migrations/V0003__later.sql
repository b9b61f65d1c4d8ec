-- What is said of an attestation after its publication: countersignatures, auditors' opinions, and the exchange's notices. Each is an entry
-- of the transparency log, appended by the database in the transaction that takes it in. circuits/verifier/src/log/entry.rs makes the same
-- bytes.

-- Nothing could be inserted before.
ALTER TABLE signatures
    DROP COLUMN signer,
    ADD COLUMN kind text NOT NULL CHECK (kind IN ('countersignature', 'opinion'));
COMMENT ON TABLE signatures IS 'Countersignatures and opinions of others, one a key';
COMMENT ON COLUMN signatures.jws IS 'General JSON without spaces; a countersignature without the statement that it is over';

CREATE TABLE notices (
    attestation_id bytea NOT NULL REFERENCES attestations,
    kind           text NOT NULL CHECK (kind IN ('withdrawn', 'superseded')),
    superseded_by  bytea REFERENCES attestations,
    jws            text NOT NULL,
    issued_at      timestamptz NOT NULL,
    created_by     text NOT NULL,
    CONSTRAINT notices_one_a_kind PRIMARY KEY (attestation_id, kind),
    CHECK ((kind = 'superseded') = (superseded_by IS NOT NULL))
);
COMMENT ON TABLE notices IS 'What the exchange says of an attestation later: rows are inserted and never changed or deleted';
COMMENT ON COLUMN notices.superseded_by IS 'The attestation that takes its place';
COMMENT ON COLUMN notices.jws IS 'Signed by the statement key; general JSON without spaces';

CREATE TRIGGER notices_insert_only BEFORE UPDATE OR DELETE ON notices
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER notices_no_truncate BEFORE TRUNCATE ON notices
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An attestation is superseded by a later one of the same exchange.
CREATE FUNCTION admit_notice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
CREATE TRIGGER notices_admit BEFORE INSERT ON notices FOR EACH ROW EXECUTE FUNCTION admit_notice();

-- The log.

ALTER TABLE log_entries
    ADD COLUMN kind text NOT NULL DEFAULT 'attestation'
        CHECK (kind IN ('attestation', 'countersignature', 'opinion', 'notice'));
ALTER TABLE log_entries ALTER COLUMN kind DROP DEFAULT;
ALTER TABLE log_entries DROP CONSTRAINT log_entries_one_an_attestation;
CREATE UNIQUE INDEX log_entries_one_an_attestation ON log_entries (attestation_id) WHERE kind = 'attestation';
COMMENT ON COLUMN log_entries.attestation_id IS 'The attestation that the entry is about';

-- Appends an entry, and the subtrees that it completes.
CREATE FUNCTION append_entry(about bytea, entry_kind text, bytes bytea) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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

CREATE OR REPLACE FUNCTION append_to_log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

-- The entry of a document that was signed later; the trigger's argument is its kind, or else the row says it.
CREATE FUNCTION append_later() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
CREATE TRIGGER signatures_logged AFTER INSERT ON signatures FOR EACH ROW EXECUTE FUNCTION append_later();
CREATE TRIGGER notices_logged AFTER INSERT ON notices FOR EACH ROW EXECUTE FUNCTION append_later('notice');

-- As in V0002: triggers need no right to what they run.
REVOKE EXECUTE ON FUNCTION append_entry, append_to_log, append_later, admit_notice FROM PUBLIC;
