-- Of a commitment's deposit never more is returned or forfeited than was taken. Two at once take turns.
CREATE OR REPLACE FUNCTION deposit_fits() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    v_held numeric;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(new.cooperative_id::text || new.commitment_id::text, 8));
    SELECT coalesce(sum(CASE d.kind WHEN 'taken' THEN d.amount_minor ELSE -d.amount_minor END), 0) INTO v_held
    FROM commitment_deposit AS d
    WHERE d.cooperative_id = new.cooperative_id AND d.commitment_id = new.commitment_id;
    IF new.kind <> 'taken' AND new.amount_minor > v_held THEN
        RAISE EXCEPTION 'the deposit holds less'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'deposit_fits', TABLE = 'commitment_deposit';
    END IF;
    RETURN new;
END;
$$;

COMMENT ON FUNCTION deposit_fits() IS 'Refuses to give back more of a deposit than is held.';

CREATE OR REPLACE TRIGGER deposit_fits BEFORE INSERT ON commitment_deposit
FOR EACH ROW EXECUTE FUNCTION deposit_fits();
