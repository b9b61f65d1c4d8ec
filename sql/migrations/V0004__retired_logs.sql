-- A log that cannot be continued has an end: a statement by its own key, after which nothing is signed for it.

CREATE TABLE log_retirements (
    origin     text PRIMARY KEY,
    statement  text NOT NULL,
    retired_at timestamptz NOT NULL
);
COMMENT ON TABLE log_retirements IS 'Logs that have ended: rows are inserted and never changed or deleted';
COMMENT ON COLUMN log_retirements.origin IS 'Name of the log';
COMMENT ON COLUMN log_retirements.statement IS 'A note by the log''s key, as in api-spec/log.md';

CREATE TRIGGER log_retirements_insert_only BEFORE UPDATE OR DELETE ON log_retirements
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_retirements_no_truncate BEFORE TRUNCATE ON log_retirements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
