-- A member has one commitment at a hub in a month. Of two pledges of a member at once, the second waits for the first
-- and then sees it.
CREATE OR REPLACE FUNCTION commitment_is_alone() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    v_commitment commitment;
    v_hubs uuid[];
BEGIN
    IF tg_table_name = 'commitment' THEN
        v_commitment := new;
        v_hubs := ARRAY(
            SELECT h.hub_id FROM commitment_hub AS h
            WHERE h.cooperative_id = new.cooperative_id AND h.commitment_id = new.id
        );
    ELSE
        SELECT * INTO v_commitment FROM commitment
        WHERE cooperative_id = new.cooperative_id AND id = new.commitment_id;
        v_hubs := ARRAY[new.hub_id];
    END IF;
    PERFORM pg_advisory_xact_lock(
        hashtextextended(v_commitment.cooperative_id::text || v_commitment.member_id::text, 8)
    );
    IF EXISTS (
        SELECT FROM commitment AS c
        JOIN commitment_hub AS h ON h.cooperative_id = c.cooperative_id AND h.commitment_id = c.id
        WHERE c.cooperative_id = v_commitment.cooperative_id AND c.member_id = v_commitment.member_id
            AND c.id <> v_commitment.id AND h.hub_id = ANY (v_hubs)
            AND c.from_on < c.to_on AND v_commitment.from_on < v_commitment.to_on
            AND c.from_on < v_commitment.to_on AND v_commitment.from_on < c.to_on
    ) THEN
        RAISE EXCEPTION 'the member has another commitment there'
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'commitment_is_alone', TABLE = 'commitment';
    END IF;
    RETURN new;
END;
$$;

COMMENT ON FUNCTION commitment_is_alone() IS 'Refuses a second commitment of a member at a hub in a month.';

CREATE OR REPLACE TRIGGER commitment_is_alone BEFORE INSERT ON commitment_hub
FOR EACH ROW EXECUTE FUNCTION commitment_is_alone();

CREATE OR REPLACE TRIGGER commitment_is_alone BEFORE UPDATE OF to_on ON commitment
FOR EACH ROW EXECUTE FUNCTION commitment_is_alone();
