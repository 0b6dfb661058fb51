-- A dispute is decided once; its decision stays.
CREATE OR REPLACE FUNCTION dispute_is_open() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    IF old.decided_at IS NOT NULL THEN
        RAISE EXCEPTION 'dispute % is decided', old.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'dispute_is_open', TABLE = 'dispute';
    END IF;
    RETURN new;
END;
$$;

COMMENT ON FUNCTION dispute_is_open() IS 'Refuses to decide a dispute a second time.';

CREATE OR REPLACE TRIGGER dispute_is_open BEFORE UPDATE ON dispute
FOR EACH ROW EXECUTE FUNCTION dispute_is_open();
