-- The keys of invoice_charge are declared, not enforced: a month writes as many rows as it has charges. What they say
-- of charges is checked here, of all rows of a statement at once, and that each charge is somebody's.
CREATE OR REPLACE FUNCTION invoice_charge_is_sound() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM new_rows AS n
        LEFT JOIN charge AS c ON c.cooperative_id = n.cooperative_id AND c.id = n.charge_id
        WHERE c.member_id IS NULL
    ) THEN
        RAISE EXCEPTION 'an invoice holds charges of members only'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'fk_invoice_charge_charge',
            TABLE = 'invoice_charge';
    END IF;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION invoice_charge_is_sound() IS 'Refuses to bill a charge that is not there, or nobody''s.';

CREATE OR REPLACE TRIGGER invoice_charge_is_sound AFTER INSERT ON invoice_charge
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION invoice_charge_is_sound();
