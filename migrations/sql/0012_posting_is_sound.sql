-- The database's own word on every posting, whoever inserts it: the pair of what post_entries has checked already.
-- One pass per statement over the rows it inserted.
CREATE OR REPLACE FUNCTION posting_is_sound() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    v_wrong text;
BEGIN
    -- Debits equal credits, per entry, commodity and fund; the entry was born in this database transaction, has this
    -- effective day, and at least two postings.
    SELECT CASE
        WHEN g.off THEN 'posting_balanced'
        WHEN e.id IS NULL OR e.xact_id <> pg_current_xact_id() THEN 'posting_born_with_entry'
        WHEN e.effective_on <> g.effective_on OR e.effective_on <> g.effective_on_max THEN 'posting_effective_on'
        WHEN g.lines < 2 THEN 'posting_two_lines'
    END INTO v_wrong
    FROM (
        SELECT s.cooperative_id, s.entry_id, bool_or(s.net <> 0) AS off, sum(s.lines) AS lines,
            min(s.effective_on) AS effective_on, max(s.effective_on_max) AS effective_on_max
        FROM (
            SELECT cooperative_id, entry_id, sum(amount_minor) AS net, count(*) AS lines,
                min(effective_on) AS effective_on, max(effective_on) AS effective_on_max
            FROM inserted
            GROUP BY cooperative_id, entry_id, commodity, fund_id
        ) AS s
        GROUP BY s.cooperative_id, s.entry_id
    ) AS g
    LEFT JOIN LATERAL (
        SELECT j.id, j.xact_id, j.effective_on FROM journal_entry AS j
        WHERE j.cooperative_id = g.cooperative_id AND j.id = g.entry_id LIMIT 1
    ) AS e ON TRUE
    WHERE g.off OR g.lines < 2 OR e.id IS NULL OR e.xact_id <> pg_current_xact_id()
        OR e.effective_on <> g.effective_on OR e.effective_on <> g.effective_on_max
    LIMIT 1;

    IF v_wrong IS NULL THEN
        -- The account is there, takes postings, is open on that day and keeps that commodity; the fund is there; the
        -- day lies in an open period.
        SELECT CASE
            WHEN a.id IS NULL THEN 'fk_posting_account'
            WHEN a.commodity <> i.commodity THEN 'posting_commodity'
            WHEN a.is_summary THEN 'posting_not_summary'
            WHEN i.first_on < a.opened_on OR i.last_on > a.closed_on THEN 'posting_account_open'
            WHEN f.id IS NULL THEN 'fk_posting_fund'
        END INTO v_wrong
        FROM (
            SELECT cooperative_id, account_id, fund_id, commodity,
                min(effective_on) AS first_on, max(effective_on) AS last_on
            FROM inserted
            GROUP BY cooperative_id, account_id, fund_id, commodity
        ) AS i
        LEFT JOIN LATERAL (
            SELECT * FROM account AS c
            WHERE c.cooperative_id = i.cooperative_id AND c.id = i.account_id LIMIT 1
        ) AS a ON TRUE
        LEFT JOIN LATERAL (
            SELECT * FROM fund AS u
            WHERE u.cooperative_id = i.cooperative_id AND u.id = i.fund_id LIMIT 1
        ) AS f ON TRUE
        WHERE a.id IS NULL OR f.id IS NULL OR a.commodity <> i.commodity OR a.is_summary
            OR i.first_on < a.opened_on OR i.last_on > a.closed_on
        LIMIT 1;
    END IF;

    IF v_wrong IS NULL THEN
        SELECT 'posting_period_open' INTO v_wrong
        FROM (SELECT DISTINCT cooperative_id, effective_on FROM inserted) AS i
        LEFT JOIN period AS p
            ON p.cooperative_id = i.cooperative_id
            AND p.from_on = date_trunc('month', i.effective_on::timestamp)::date
        WHERE p.state IS DISTINCT FROM 'open'
        LIMIT 1;
    END IF;

    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the postings are not sound: %', v_wrong
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = v_wrong, TABLE = 'posting';
    END IF;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION posting_is_sound() IS
'Refuses postings that do not balance, come late, or name an account, fund, commodity or period they may not.';

CREATE OR REPLACE TRIGGER posting_is_sound AFTER INSERT ON posting
REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION posting_is_sound();
