-- Closing a month, in two steps so that neither lasts: the fence goes up at once (nothing is posted into the month any
-- more), what lies behind it is sealed by the sealing worker, and then its closing balances are kept.
CREATE OR REPLACE FUNCTION begin_close(p_cooperative uuid, p_period uuid) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    v_period period;
BEGIN
    PERFORM work_for(p_cooperative);
    -- Waits for every posting under way, and makes every later one wait.
    PERFORM pg_advisory_xact_lock(hashtextextended(p_cooperative::text, 7));
    SELECT * INTO v_period FROM period WHERE cooperative_id = p_cooperative AND id = p_period FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such period' USING ERRCODE = 'no_data_found', CONSTRAINT = 'period_known';
    END IF;
    IF v_period.state <> 'open' THEN
        RAISE EXCEPTION 'not open' USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'period_open';
    END IF;
    IF EXISTS (
        SELECT FROM period
        WHERE cooperative_id = p_cooperative AND from_on < v_period.from_on AND state <> 'closed'
    ) THEN
        RAISE EXCEPTION 'an earlier one is not closed'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'period_order';
    END IF;
    IF EXISTS (
        SELECT FROM hold
        WHERE cooperative_id = p_cooperative AND state = 'pending' AND placed_at < v_period.to_on
    ) THEN
        RAISE EXCEPTION 'holds are pending'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'period_without_holds';
    END IF;
    UPDATE period SET state = 'closing', closing_at = clock_timestamp()
    WHERE cooperative_id = p_cooperative AND id = p_period;
END;
$$;

COMMENT ON FUNCTION begin_close(uuid, uuid) IS 'Open to closing: from here on nothing is posted into the month.';

CREATE OR REPLACE FUNCTION finish_close(p_cooperative uuid, p_period uuid, p_actor text, p_seal bigint)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    v_period period;
    v_now timestamptz := clock_timestamp();
    v_before period_close;
BEGIN
    PERFORM work_for(p_cooperative);
    SELECT * INTO v_period FROM period WHERE cooperative_id = p_cooperative AND id = p_period FOR UPDATE;
    IF v_period.state IS DISTINCT FROM 'closing' THEN
        RAISE EXCEPTION 'no close is under way'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'period_closing';
    END IF;
    IF EXISTS (
        SELECT FROM journal_entry AS j
        LEFT JOIN entry_seal AS s ON s.cooperative_id = j.cooperative_id AND s.entry_id = j.id
        WHERE j.cooperative_id = p_cooperative AND j.effective_on < v_period.to_on AND s.entry_id IS NULL
    ) THEN
        RAISE EXCEPTION 'entries of the month are not sealed'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'period_sealed';
    END IF;
    SELECT c.* INTO v_before
    FROM period_close AS c
    JOIN period AS p ON p.cooperative_id = c.cooperative_id AND p.id = c.period_id AND p.closed_at = c.closed_at
    WHERE c.cooperative_id = p_cooperative AND p.to_on = v_period.from_on;
    INSERT INTO period_close (cooperative_id, period_id, closed_at, closed_by, seal_number)
    VALUES (p_cooperative, p_period, v_now, p_actor, p_seal);
    -- The closing balances of the month before and this month's days; without one before, all days up to its end.
    INSERT INTO period_balance (
        cooperative_id, period_id, closed_at, account_id, fund_id, debit_minor, credit_minor
    )
    SELECT p_cooperative, p_period, v_now, s.account_id, s.fund_id, sum(s.debit_minor), sum(s.credit_minor)
    FROM (
        SELECT account_id, fund_id, debit_minor, credit_minor FROM period_balance
        WHERE cooperative_id = p_cooperative AND period_id = v_before.period_id AND closed_at = v_before.closed_at
        UNION ALL
        SELECT account_id, fund_id, debit_minor, credit_minor FROM balance_day
        WHERE cooperative_id = p_cooperative AND day < v_period.to_on
            AND (v_before.period_id IS NULL OR day >= v_period.from_on)
    ) AS s
    GROUP BY s.account_id, s.fund_id;
    UPDATE period SET state = 'closed', closed_at = v_now, closed_by = p_actor, seal_number = p_seal
    WHERE cooperative_id = p_cooperative AND id = p_period;
END;
$$;

COMMENT ON FUNCTION finish_close(uuid, uuid, text, bigint) IS
'Closing to closed: keeps the closing balances and the number of the seal that covers the month.';

CREATE OR REPLACE FUNCTION abandon_close(p_cooperative uuid, p_period uuid) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM work_for(p_cooperative);
    UPDATE period SET state = 'open', closing_at = NULL
    WHERE cooperative_id = p_cooperative AND id = p_period AND state = 'closing';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no close is under way'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'period_closing';
    END IF;
END;
$$;

COMMENT ON FUNCTION abandon_close(uuid, uuid) IS 'Closing to open again: nothing was kept yet.';

CREATE OR REPLACE FUNCTION reopen_period(p_cooperative uuid, p_period uuid, p_resolution uuid) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    v_period period;
BEGIN
    PERFORM work_for(p_cooperative);
    PERFORM pg_advisory_xact_lock(hashtextextended(p_cooperative::text, 7));
    SELECT * INTO v_period FROM period WHERE cooperative_id = p_cooperative AND id = p_period FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such period' USING ERRCODE = 'no_data_found', CONSTRAINT = 'period_known';
    END IF;
    IF p_resolution IS NULL THEN
        RAISE EXCEPTION 'no resolution' USING ERRCODE = 'not_null_violation', CONSTRAINT = 'period_resolution';
    END IF;
    IF v_period.state <> 'closed' THEN
        RAISE EXCEPTION 'not closed'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'period_closed';
    END IF;
    IF EXISTS (
        SELECT FROM period
        WHERE cooperative_id = p_cooperative AND from_on > v_period.from_on AND state <> 'open'
    ) THEN
        RAISE EXCEPTION 'a later one is not open'
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'period_order';
    END IF;
    UPDATE period SET state = 'open', closing_at = NULL, closed_at = NULL, closed_by = NULL, seal_number = NULL,
        resolution_id = p_resolution
    WHERE cooperative_id = p_cooperative AND id = p_period;
END;
$$;

COMMENT ON FUNCTION reopen_period(uuid, uuid, uuid) IS
'Closed to open, by resolution; what was kept and sealed at the old close stays.';
