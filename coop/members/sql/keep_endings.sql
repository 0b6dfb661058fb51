-- An end that was set stays set: a role is not prolonged and a withdrawn token does not come back. What is
-- needed again is granted anew, so that the rows tell who could do what on any day.
CREATE OR REPLACE FUNCTION keep_endings() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'an ending is not taken back in %', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'keep_endings', TABLE = TG_TABLE_NAME;
END;
$$;

COMMENT ON FUNCTION keep_endings() IS 'Refuses to prolong an ended role or to restore a revoked token.';

CREATE OR REPLACE TRIGGER keep_endings BEFORE UPDATE ON person_role
FOR EACH ROW WHEN (old.to_on IS NOT NULL AND (new.to_on IS NULL OR new.to_on > old.to_on))
EXECUTE FUNCTION keep_endings();

CREATE OR REPLACE TRIGGER keep_endings BEFORE UPDATE ON access_token
FOR EACH ROW WHEN (old.revoked_at IS NOT NULL AND new.revoked_at IS DISTINCT FROM old.revoked_at)
EXECUTE FUNCTION keep_endings();
