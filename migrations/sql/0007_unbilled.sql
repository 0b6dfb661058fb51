-- What no invoice holds yet stands in a queue, so that a month's bills cost what the month holds and not what all the
-- months before it did. It follows what is charged and what is billed: nobody writes to it but these two functions.
CREATE OR REPLACE FUNCTION queue_unbilled() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF TG_TABLE_NAME = 'charge_line' THEN
        INSERT INTO unbilled (cooperative_id, id, member_id, effective_on, is_item)
        SELECT c.cooperative_id, c.id, c.member_id, c.effective_on, FALSE
        FROM (SELECT DISTINCT cooperative_id, charge_id FROM new_rows) AS n
        CROSS JOIN LATERAL (
            SELECT * FROM charge AS c WHERE c.cooperative_id = n.cooperative_id AND c.id = n.charge_id LIMIT 1
        ) AS c
        WHERE c.member_id IS NOT NULL
        ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO unbilled (cooperative_id, id, member_id, effective_on, is_item)
        SELECT n.cooperative_id, n.id, n.member_id, n.effective_on, TRUE FROM new_rows AS n;
    END IF;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION queue_unbilled() IS 'Puts what was charged into the queue of what no invoice holds.';

CREATE OR REPLACE FUNCTION leave_unbilled() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    IF TG_TABLE_NAME = 'invoice_charge' THEN
        DELETE FROM unbilled
        WHERE cooperative_id = coop_current() AND id = ANY(ARRAY(SELECT DISTINCT charge_id FROM new_rows));
    ELSE
        DELETE FROM unbilled
        WHERE cooperative_id = coop_current() AND id = ANY(ARRAY(SELECT item_id FROM new_rows));
    END IF;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leave_unbilled() IS 'Takes what an invoice holds out of the queue of what none holds.';

CREATE OR REPLACE TRIGGER queue_unbilled AFTER INSERT ON charge_line
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION queue_unbilled();
CREATE OR REPLACE TRIGGER queue_unbilled AFTER INSERT ON bill_item
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION queue_unbilled();
CREATE OR REPLACE TRIGGER leave_unbilled AFTER INSERT ON invoice_charge
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION leave_unbilled();
CREATE OR REPLACE TRIGGER leave_unbilled AFTER INSERT ON invoice_item
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION leave_unbilled();
