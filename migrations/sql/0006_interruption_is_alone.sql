-- One interruption of a port (or of a whole hub) by one cause at a time, and an end that was set stays. Of two at once,
-- the second waits for the first and then sees it.
CREATE OR REPLACE FUNCTION interruption_is_alone() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND old.to_at IS NOT NULL THEN
        RAISE EXCEPTION 'an ending is not taken back in %', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'keep_endings', TABLE = TG_TABLE_NAME;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('interruption:' || new.cooperative_id::text || new.hub_id::text, 0));
    IF EXISTS (
        SELECT FROM interruption AS i
        WHERE i.cooperative_id = new.cooperative_id AND i.hub_id = new.hub_id AND i.id <> new.id
            AND i.port_id IS NOT DISTINCT FROM new.port_id AND i.cause = new.cause
            AND i.from_at < coalesce(new.to_at, 'infinity') AND new.from_at < coalesce(i.to_at, 'infinity')
    ) THEN
        RAISE EXCEPTION 'that cause interrupts it already at that time'
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'interruption_is_alone', TABLE = 'interruption';
    END IF;
    RETURN new;
END;
$$;

COMMENT ON FUNCTION interruption_is_alone() IS 'Refuses a second interruption of a port by the same cause at a time.';

CREATE OR REPLACE TRIGGER interruption_is_alone BEFORE INSERT OR UPDATE OF to_at ON interruption
FOR EACH ROW EXECUTE FUNCTION interruption_is_alone();
