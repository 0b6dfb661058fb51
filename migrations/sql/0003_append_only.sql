-- What was written stays written: the journal, the seals, the outcomes. A correction is a new entry. Hung on each of
-- those tables, for rows and for TRUNCATE; it stops the owner's own scripts too.
CREATE OR REPLACE FUNCTION append_only() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only', TABLE = TG_TABLE_NAME;
END;
$$;

COMMENT ON FUNCTION append_only() IS 'Refuses UPDATE, DELETE and TRUNCATE on tables that only grow.';

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'journal_entry', 'posting', 'seal', 'entry_seal', 'period_close', 'period_balance', 'outbox'
    ] LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I '
            'FOR EACH ROW EXECUTE FUNCTION append_only()', v_table
        );
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION append_only()', v_table
        );
    END LOOP;
END $$;
