-- A seal can only be the next link: numbered one on, and naming the hash of the one before it.
CREATE OR REPLACE FUNCTION seal_follows() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    v_last seal;
BEGIN
    SELECT * INTO v_last FROM seal
    WHERE cooperative_id = new.cooperative_id ORDER BY number DESC LIMIT 1;
    IF new.number <> coalesce(v_last.number, 0) + 1
        OR new.previous_hash <> coalesce(v_last.hash, decode(repeat('00', 32), 'hex')) THEN
        RAISE EXCEPTION 'the seal does not follow the last one'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'seal_follows', TABLE = 'seal';
    END IF;
    RETURN new;
END;
$$;

COMMENT ON FUNCTION seal_follows() IS 'Refuses a seal that is not the next link of the chain.';

CREATE OR REPLACE TRIGGER seal_follows BEFORE INSERT ON seal FOR EACH ROW EXECUTE FUNCTION seal_follows();
