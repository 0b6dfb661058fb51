-- Numbers of a member's statements leave no gap; a statement replaces one of the same member and period only. Two that
-- are issued at once both find the same next number; the unique key lets one of them through.
CREATE OR REPLACE FUNCTION statement_is_next() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    v_last bigint;
BEGIN
    SELECT max(s.number) INTO v_last
    FROM statement AS s
    WHERE s.cooperative_id = new.cooperative_id AND s.member_id = new.member_id;
    IF new.number <> coalesce(v_last, 0) + 1 THEN
        RAISE EXCEPTION 'statement % does not follow %', new.number, coalesce(v_last, 0)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'statement_is_next', TABLE = 'statement';
    END IF;
    IF new.supersedes_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM statement AS s
        WHERE s.cooperative_id = new.cooperative_id AND s.id = new.supersedes_id
            AND s.member_id = new.member_id AND s.from_on = new.from_on AND s.to_on = new.to_on
    ) THEN
        RAISE EXCEPTION 'a statement replaces one of the same member and period'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'statement_replaces_same', TABLE = 'statement';
    END IF;
    RETURN new;
END;
$$;

COMMENT ON FUNCTION statement_is_next() IS 'Refuses a gap in a member''s statements, and replacing another period.';

CREATE OR REPLACE TRIGGER statement_is_next BEFORE INSERT ON statement
FOR EACH ROW EXECUTE FUNCTION statement_is_next();
