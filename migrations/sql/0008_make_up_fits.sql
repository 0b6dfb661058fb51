-- Of a make-up credit never more is taken than is there, and its money is nothing when its energy is.
CREATE OR REPLACE FUNCTION make_up_fits() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT n.cooperative_id, n.credit_id FROM new_rows AS n) AS t
        CROSS JOIN LATERAL (
            SELECT sum(m.wh) AS wh, sum(m.amount_minor) AS minor FROM make_up_movement AS m
            WHERE m.cooperative_id = t.cooperative_id AND m.credit_id = t.credit_id
        ) AS s
        WHERE s.wh < 0 OR s.minor < 0 OR (s.wh = 0 AND s.minor <> 0)
    ) THEN
        RAISE EXCEPTION 'a credit holds less than is taken'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'make_up_fits', TABLE = 'make_up_movement';
    END IF;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION make_up_fits() IS 'Refuses to take more of a make-up credit than is left of it.';

CREATE OR REPLACE TRIGGER make_up_fits AFTER INSERT ON make_up_movement
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION make_up_fits();
