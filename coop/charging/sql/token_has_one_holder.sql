-- A badge belongs to one member at a time. Of two assignments of one badge at once, the second waits for the first and
-- then sees it.
CREATE OR REPLACE FUNCTION token_has_one_holder() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(new.cooperative_id::text || new.uid, 0));
    IF EXISTS (
        SELECT FROM token AS t
        WHERE t.cooperative_id = new.cooperative_id AND t.uid = new.uid AND t.id <> new.id
            AND t.from_on < coalesce(new.to_on, 'infinity') AND new.from_on < coalesce(t.to_on, 'infinity')
    ) THEN
        RAISE EXCEPTION 'the badge belongs to a member on some of those days'
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'token_has_one_holder', TABLE = 'token';
    END IF;
    RETURN new;
END;
$$;

COMMENT ON FUNCTION token_has_one_holder() IS 'Refuses a second holder of a badge on any day.';

CREATE OR REPLACE TRIGGER token_has_one_holder BEFORE INSERT OR UPDATE OF to_on ON token
FOR EACH ROW EXECUTE FUNCTION token_has_one_holder();
