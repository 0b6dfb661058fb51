-- A member is of one class at a time. Of two changes at once, the second waits for the first and then sees it.
CREATE OR REPLACE FUNCTION member_class_is_one() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('member_class:' || new.cooperative_id::text || new.member_id::text, 0));
    IF EXISTS (
        SELECT FROM member_class AS m
        WHERE m.cooperative_id = new.cooperative_id AND m.member_id = new.member_id AND m.id <> new.id
            AND coalesce(m.to_on > m.from_on, TRUE) AND coalesce(new.to_on > new.from_on, TRUE)
            AND m.from_on < coalesce(new.to_on, 'infinity') AND new.from_on < coalesce(m.to_on, 'infinity')
    ) THEN
        RAISE EXCEPTION 'the member is of another class on some of those days'
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'member_class_is_one', TABLE = 'member_class';
    END IF;
    RETURN new;
END;
$$;

COMMENT ON FUNCTION member_class_is_one() IS 'Refuses a second class of a member on any day.';

CREATE OR REPLACE TRIGGER member_class_is_one BEFORE INSERT OR UPDATE OF to_on ON member_class
FOR EACH ROW EXECUTE FUNCTION member_class_is_one();
