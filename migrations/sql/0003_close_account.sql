-- The last day an account takes postings of. It must hold nothing, await nothing, and have nothing later.
CREATE OR REPLACE FUNCTION close_account(p_cooperative uuid, p_account uuid, p_on date) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    v_account account;
    v_wrong text;
BEGIN
    PERFORM work_for(p_cooperative);
    -- Nobody may be between reading that the account is open and posting to it.
    PERFORM pg_advisory_xact_lock(hashtextextended(p_cooperative::text, 7));
    SELECT * INTO v_account FROM account WHERE cooperative_id = p_cooperative AND id = p_account FOR UPDATE;
    v_wrong := CASE
        WHEN v_account.id IS NULL THEN 'fk_posting_account'
        WHEN v_account.closed_on IS NOT NULL THEN 'account_open'
        WHEN EXISTS (
            SELECT FROM balance
            WHERE cooperative_id = p_cooperative AND account_id = p_account
                AND (debit_minor <> credit_minor OR pending_debit_minor > 0 OR pending_credit_minor > 0)
        ) THEN 'account_empty'
        WHEN EXISTS (
            SELECT FROM balance_day
            WHERE cooperative_id = p_cooperative AND account_id = p_account AND day > p_on
        ) THEN 'account_unused'
    END;
    IF v_wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the account cannot be closed: %', v_wrong
            USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = v_wrong, TABLE = 'account';
    END IF;
    UPDATE account SET closed_on = p_on WHERE cooperative_id = p_cooperative AND id = p_account;
END;
$$;

COMMENT ON FUNCTION close_account(uuid, uuid, date) IS
'Closes an account that holds nothing: that day is the last it takes postings of.';
