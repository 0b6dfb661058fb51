-- A member has one plan of each kind at a time. Of two that begin at once, the second waits for the first and then
-- sees it.
CREATE OR REPLACE FUNCTION subscription_is_one_of_its_kind() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM plan AS p
        WHERE p.cooperative_id = new.cooperative_id AND p.id = new.plan_id AND p.kind = new.plan_kind
    ) THEN
        RAISE EXCEPTION 'the plan is not of that kind'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'subscription_of_its_kind', TABLE = 'subscription';
    END IF;
    PERFORM pg_advisory_xact_lock(
        hashtextextended(new.cooperative_id::text || new.member_id::text || new.plan_kind, 0)
    );
    IF EXISTS (
        SELECT FROM subscription AS s
        WHERE s.cooperative_id = new.cooperative_id AND s.member_id = new.member_id AND s.plan_kind = new.plan_kind
            AND s.id <> new.id
            AND s.from_on < coalesce(new.to_on, 'infinity') AND new.from_on < coalesce(s.to_on, 'infinity')
    ) THEN
        RAISE EXCEPTION 'the member has a plan of that kind on some of those days'
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'subscription_is_one_of_its_kind',
                TABLE = 'subscription';
    END IF;
    RETURN new;
END;
$$;

COMMENT ON FUNCTION subscription_is_one_of_its_kind() IS 'Refuses a second plan of one kind on any day.';

CREATE OR REPLACE TRIGGER subscription_is_one_of_its_kind BEFORE INSERT OR UPDATE OF to_on ON subscription
FOR EACH ROW EXECUTE FUNCTION subscription_is_one_of_its_kind();
