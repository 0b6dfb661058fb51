-- Every function that writes begins here: bound to one cooperative already, it works for that one only; called by
-- itself, it binds the one it was given for the length of this statement.
CREATE OR REPLACE FUNCTION work_for(p_cooperative uuid) RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    IF coop_current() IS NULL THEN
        PERFORM set_config('coop.cooperative_id', p_cooperative::text, TRUE);
    ELSIF coop_current() <> p_cooperative THEN
        RAISE EXCEPTION 'this transaction works for another cooperative'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'work_for_own';
    END IF;
END;
$$;

COMMENT ON FUNCTION work_for(uuid) IS 'Binds this transaction to a cooperative; refuses when it is bound to another.';
