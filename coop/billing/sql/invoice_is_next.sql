-- Numbers of a series leave no gap: what is inserted continues where the series stood, and the series then stands at
-- its last number. Whoever issues holds the row of the series, so two cannot both be next.
CREATE OR REPLACE FUNCTION invoice_is_next() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    v_series record;
    v_before bigint;
    v_last bigint;
BEGIN
    FOR v_series IN
        SELECT n.cooperative_id, n.kind, min(n.number) AS first, max(n.number) AS last, count(*) AS issued
        FROM new_rows AS n
        GROUP BY n.cooperative_id, n.kind
    LOOP
        SELECT max(i.number) INTO v_before
        FROM invoice AS i
        WHERE i.cooperative_id = v_series.cooperative_id AND i.kind = v_series.kind AND i.number < v_series.first;
        SELECT s.last_number INTO v_last
        FROM invoice_series AS s
        WHERE s.cooperative_id = v_series.cooperative_id AND s.series = v_series.kind;
        IF v_series.first <> coalesce(v_before, 0) + 1 OR v_series.last - v_series.first + 1 <> v_series.issued
            OR v_last IS DISTINCT FROM v_series.last
        THEN
            RAISE EXCEPTION '% % to % do not follow %', v_series.kind, v_series.first, v_series.last, v_before
                USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_is_next', TABLE = 'invoice';
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION invoice_is_next() IS 'Refuses a gap in the numbers of invoices and of credit notes.';

CREATE OR REPLACE TRIGGER invoice_is_next AFTER INSERT ON invoice
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION invoice_is_next();
