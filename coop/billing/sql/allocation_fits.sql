-- What settles an invoice is never more than its gross, and what is taken back never more than was allocated.
CREATE OR REPLACE FUNCTION allocation_fits() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT n.cooperative_id, n.invoice_id FROM new_rows AS n) AS t
        JOIN invoice AS i ON i.cooperative_id = t.cooperative_id AND i.id = t.invoice_id
        CROSS JOIN LATERAL (
            SELECT sum(a.amount_minor) AS settled FROM allocation AS a
            WHERE a.cooperative_id = t.cooperative_id AND a.invoice_id = t.invoice_id
        ) AS s
        WHERE i.kind <> 'invoice' OR s.settled NOT BETWEEN 0 AND i.gross_minor
    ) THEN
        RAISE EXCEPTION 'an invoice is settled between nothing and its gross'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_fits', TABLE = 'allocation';
    END IF;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION allocation_fits() IS 'Refuses to settle more of an invoice than it comes to.';

CREATE OR REPLACE TRIGGER allocation_fits AFTER INSERT ON allocation
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION allocation_fits();
