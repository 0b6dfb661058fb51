-- Holds: money set aside and not moved. A pending hold counts against a floor as if it were captured, so capturing it
-- can never break a limit. Placed, then captured (in part; the rest is free again), released or expired, once.
CREATE OR REPLACE FUNCTION place_hold(
    p_cooperative uuid,
    p_id uuid,
    p_actor text,
    p_debit_account uuid,
    p_credit_account uuid,
    p_fund uuid,
    p_amount bigint,
    p_memo text,
    p_expires_at timestamptz
) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    v_fund uuid := coalesce(p_fund, p_cooperative);
    v_wrong text;
BEGIN
    PERFORM work_for(p_cooperative);
    -- Whoever closes a month or sets a limit waits for this hold, or this hold for them.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(p_cooperative::text, 7));
    SELECT CASE
        WHEN count(*) < 2 THEN 'fk_posting_account'
        WHEN count(DISTINCT commodity) > 1 THEN 'posting_commodity'
        WHEN bool_or(is_summary) THEN 'posting_not_summary'
        WHEN bool_or(closed_on < current_date) THEN 'posting_account_open'
    END INTO v_wrong
    FROM account
    WHERE cooperative_id = p_cooperative AND id IN (p_debit_account, p_credit_account);
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the hold is not sound: %', v_wrong
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = v_wrong, TABLE = 'hold';
    END IF;
    PERFORM lock_balances(
        p_cooperative, ARRAY[TRUE], ARRAY[1, 1], ARRAY[p_debit_account, p_credit_account], ARRAY[v_fund, v_fund]
    );
    UPDATE balance SET pending_debit_minor = pending_debit_minor + p_amount
    WHERE cooperative_id = p_cooperative AND account_id = p_debit_account AND fund_id = v_fund;
    UPDATE balance SET pending_credit_minor = pending_credit_minor + p_amount
    WHERE cooperative_id = p_cooperative AND account_id = p_credit_account AND fund_id = v_fund;
    INSERT INTO hold (
        cooperative_id, id, debit_account_id, credit_account_id, fund_id, amount_minor, memo, actor, placed_at,
        expires_at
    ) VALUES (
        p_cooperative, p_id, p_debit_account, p_credit_account, v_fund, p_amount, p_memo, p_actor,
        clock_timestamp(), p_expires_at
    );
END;
$$;

COMMENT ON FUNCTION place_hold(uuid, uuid, text, uuid, uuid, uuid, bigint, text, timestamptz) IS
'Sets an amount aside between two accounts until it is captured, released or expires.';

-- Locks a pending hold and frees what it set aside; whoever calls settles it in the same database transaction.
CREATE OR REPLACE FUNCTION free_hold(p_cooperative uuid, p_id uuid) RETURNS hold
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    v_hold hold;
BEGIN
    SELECT * INTO v_hold FROM hold WHERE cooperative_id = p_cooperative AND id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such hold' USING ERRCODE = 'no_data_found', CONSTRAINT = 'hold_known';
    END IF;
    IF v_hold.state <> 'pending' THEN
        RAISE EXCEPTION 'the hold is settled' USING ERRCODE = 'object_not_in_prerequisite_state',
            CONSTRAINT = 'hold_pending';
    END IF;
    PERFORM lock_balances(
        p_cooperative, ARRAY[TRUE], ARRAY[1, 1], ARRAY[v_hold.debit_account_id, v_hold.credit_account_id],
        ARRAY[v_hold.fund_id, v_hold.fund_id]
    );
    UPDATE balance SET pending_debit_minor = pending_debit_minor - v_hold.amount_minor
    WHERE cooperative_id = p_cooperative AND account_id = v_hold.debit_account_id AND fund_id = v_hold.fund_id;
    UPDATE balance SET pending_credit_minor = pending_credit_minor - v_hold.amount_minor
    WHERE cooperative_id = p_cooperative AND account_id = v_hold.credit_account_id AND fund_id = v_hold.fund_id;
    RETURN v_hold;
END;
$$;

COMMENT ON FUNCTION free_hold(uuid, uuid) IS 'Locks a pending hold and frees the amounts it set aside.';

CREATE OR REPLACE FUNCTION capture_hold(
    p_cooperative uuid,
    p_id uuid,
    p_amount bigint,
    p_actor text,
    p_kind text,
    p_memo text,
    p_effective_on date,
    p_key text,
    p_hash bytea
) RETURNS TABLE (entry_id uuid, recorded_at timestamptz, replayed boolean, refusal jsonb)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_hold hold;
    v_outcome record;
BEGIN
    PERFORM work_for(p_cooperative);
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(p_cooperative::text, 7));
    -- Two captures at once take turns here: then the second, if it is a retry, is told what became of the first.
    PERFORM FROM hold WHERE cooperative_id = p_cooperative AND id = p_id FOR UPDATE;
    RETURN QUERY
    SELECT i.entry_id, j.recorded_at, TRUE, CASE WHEN i.request_hash <> p_hash THEN
        '{"code": "IDEMPOTENCY_MISMATCH", "path": ["idempotencyKey"]}'::jsonb ELSE i.outcome END
    FROM idempotency AS i
    LEFT JOIN journal_entry AS j ON j.cooperative_id = i.cooperative_id AND j.id = i.entry_id
    WHERE i.cooperative_id = p_cooperative AND i.actor = p_actor AND i.key = p_key;
    IF FOUND THEN
        RETURN;
    END IF;
    v_hold := free_hold(p_cooperative, p_id);
    IF v_hold.expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'the hold has expired' USING ERRCODE = 'object_not_in_prerequisite_state',
            CONSTRAINT = 'hold_not_expired';
    END IF;
    IF p_amount < 1 OR p_amount > v_hold.amount_minor THEN
        RAISE EXCEPTION 'more than was held, or nothing' USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_enough';
    END IF;
    SELECT * INTO v_outcome FROM post_entries(
        p_cooperative, ARRAY[p_actor], ARRAY[p_kind], ARRAY[p_effective_on], ARRAY[p_memo], ARRAY[p_key],
        ARRAY[p_hash], ARRAY['hold'], ARRAY[p_id::text], ARRAY[NULL::uuid], ARRAY[NULL::uuid], ARRAY[NULL::text],
        ARRAY[1, 1], ARRAY[0::smallint, 1::smallint], ARRAY[p_effective_on, p_effective_on],
        ARRAY[v_hold.debit_account_id, v_hold.credit_account_id], ARRAY[v_hold.fund_id, v_hold.fund_id],
        ARRAY[NULL::text, NULL::text], ARRAY[p_amount, -p_amount]
    );
    -- A refusal is returned; the caller rolls back, and the hold stands as it stood.
    IF v_outcome.refusal IS NULL THEN
        UPDATE hold SET state = 'captured', settled_at = clock_timestamp(), captured_minor = p_amount,
            entry_id = v_outcome.entry_id
        WHERE cooperative_id = p_cooperative AND id = p_id;
    END IF;
    RETURN QUERY SELECT v_outcome.entry_id, v_outcome.recorded_at, v_outcome.replayed, v_outcome.refusal;
END;
$$;

COMMENT ON FUNCTION capture_hold(uuid, uuid, bigint, text, text, text, date, text, bytea) IS
'Moves what was held, or part of it, by a journal entry; the rest is free again.';

-- Lets go of a hold. As 'expired' only when its deadline has passed.
CREATE OR REPLACE FUNCTION release_hold(p_cooperative uuid, p_id uuid, p_state text) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    v_hold hold;
BEGIN
    PERFORM work_for(p_cooperative);
    v_hold := free_hold(p_cooperative, p_id);
    IF p_state NOT IN ('released', 'expired') OR (p_state = 'expired' AND v_hold.expires_at > clock_timestamp()) THEN
        RAISE EXCEPTION 'the hold has not expired' USING ERRCODE = 'object_not_in_prerequisite_state',
            CONSTRAINT = 'hold_expired';
    END IF;
    UPDATE hold SET state = p_state, settled_at = clock_timestamp()
    WHERE cooperative_id = p_cooperative AND id = p_id;
END;
$$;

COMMENT ON FUNCTION release_hold(uuid, uuid, text) IS 'Lets go of what was held, without an entry.';
