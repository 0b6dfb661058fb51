-- How many postings of an account in a fund stand at or before a place in the order of recording: a search by halves
-- through the primary key, the same two dozen probes at ten thousand postings as at ten million. An account's version
-- order is its order of (recorded_at, entry, line).
CREATE OR REPLACE FUNCTION version_at(
    p_cooperative uuid,
    p_account uuid,
    p_fund uuid,
    p_recorded_at timestamptz,
    p_entry uuid DEFAULT 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    p_line integer DEFAULT 32767
) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = public, pg_temp
AS $$
DECLARE
    v_low bigint := 0;
    v_high bigint;
    v_middle bigint;
    v_before boolean;
BEGIN
    -- A page goes on from a posting that was shown: mostly one of this account, found by its entry.
    SELECT coalesce(max(version) FILTER (WHERE line <= p_line), min(version) - 1) INTO v_high
    FROM posting
    WHERE cooperative_id = p_cooperative AND entry_id = p_entry AND account_id = p_account AND fund_id = p_fund;
    IF v_high IS NOT NULL THEN
        RETURN v_high;
    END IF;
    SELECT version INTO v_high FROM balance
    WHERE cooperative_id = p_cooperative AND account_id = p_account AND fund_id = p_fund;
    WHILE v_low < coalesce(v_high, 0) LOOP
        -- The newest first: most questions are about now.
        v_middle := CASE WHEN v_before IS NULL THEN v_high ELSE (v_low + v_high + 1) / 2 END;
        SELECT (j.recorded_at, p.entry_id, p.line) <= (p_recorded_at, p_entry, p_line) INTO v_before
        FROM posting AS p
        CROSS JOIN LATERAL (
            SELECT e.recorded_at FROM journal_entry AS e
            WHERE e.cooperative_id = p_cooperative AND e.id = p.entry_id LIMIT 1
        ) AS j
        WHERE p.cooperative_id = p_cooperative AND p.account_id = p_account AND p.fund_id = p_fund
            AND p.version = v_middle;
        IF v_before THEN
            v_low := v_middle;
        ELSE
            v_high := v_middle - 1;
        END IF;
    END LOOP;
    RETURN v_low;
END;
$$;

COMMENT ON FUNCTION version_at(uuid, uuid, uuid, timestamptz, uuid, integer) IS
'The running number of the last posting recorded at or before that place; 0 for none.';
