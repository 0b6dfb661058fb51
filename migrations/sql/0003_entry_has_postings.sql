-- No entry without postings: inserted in the same statement as they are, or refused.
CREATE OR REPLACE FUNCTION entry_has_postings() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS e
        -- A probe an entry, whatever the planner thinks of the table's size.
        WHERE (
            SELECT p.line FROM posting AS p
            WHERE p.cooperative_id = e.cooperative_id AND p.entry_id = e.id LIMIT 1
        ) IS NULL
    ) THEN
        RAISE EXCEPTION 'an entry was inserted without its postings'
            USING ERRCODE = 'integrity_constraint_violation',
                CONSTRAINT = 'entry_has_postings', TABLE = 'journal_entry';
    END IF;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION entry_has_postings() IS 'Refuses an entry that has no postings at the end of its statement.';

CREATE OR REPLACE TRIGGER entry_has_postings AFTER INSERT ON journal_entry
REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION entry_has_postings();
