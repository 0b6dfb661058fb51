-- Sets how far an account may go, in its account row and in every balance of it, at once. What it holds now must lie
-- within: ck_balance_floor and ck_balance_ceiling say so.
CREATE OR REPLACE FUNCTION set_limits(p_cooperative uuid, p_account uuid, p_floor bigint, p_ceiling bigint)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM work_for(p_cooperative);
    -- Nobody may be between reading the account's limits and writing its balance.
    PERFORM pg_advisory_xact_lock(hashtextextended(p_cooperative::text, 7));
    UPDATE account SET floor_minor = p_floor, ceiling_minor = p_ceiling
    WHERE cooperative_id = p_cooperative AND id = p_account;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such account' USING ERRCODE = 'no_data_found', CONSTRAINT = 'fk_posting_account';
    END IF;
    UPDATE balance SET floor_minor = p_floor, ceiling_minor = p_ceiling
    WHERE cooperative_id = p_cooperative AND account_id = p_account;
END;
$$;

COMMENT ON FUNCTION set_limits(uuid, uuid, bigint, bigint) IS
'Sets or lifts the floor and ceiling of an account, on its normal side, in minor units.';
