-- Which entries would take a limited balance past its floor or ceiling, or any past what a bigint counts, in order of
-- arrival: an entry that is refused leaves its room to the next. Holds count as if they would be captured. The caller
-- holds the balance rows' locks.
CREATE OR REPLACE FUNCTION judge_limits(
    p_cooperative uuid,
    p_alive boolean[],
    p_ords integer[],
    p_lines smallint[],
    p_accounts uuid[],
    p_funds uuid[],
    p_amounts bigint[]
) RETURNS TABLE (ord integer, line smallint, code text)
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_most CONSTANT numeric := 9000000000000000000;
    v_net jsonb := '{}';
    v_next jsonb;
    v_bad smallint;
    v_code text;
    v_entry record;
    v_line record;
BEGIN
    FOR v_entry IN
        SELECT l.ord, jsonb_agg(jsonb_build_object(
            'key', b.account_id::text || b.fund_id::text, 'line', l.line, 'amount', l.amount * b.normal_side,
            'raw', l.amount, 'debit', b.debit_minor::numeric + b.pending_debit_minor,
            'credit', b.credit_minor::numeric + b.pending_credit_minor,
            'net', (b.debit_minor - b.credit_minor) * b.normal_side,
            'down', CASE b.normal_side WHEN 1 THEN b.pending_credit_minor ELSE b.pending_debit_minor END,
            'up', CASE b.normal_side WHEN 1 THEN b.pending_debit_minor ELSE b.pending_credit_minor END,
            'floor', b.floor_minor, 'ceiling', b.ceiling_minor
        ) ORDER BY l.line) AS lines
        FROM (
            SELECT u.*, sum(abs(u.amount::numeric)) OVER (PARTITION BY u.account_id, u.fund_id) AS moved
            FROM unnest(p_ords, p_lines, p_accounts, p_funds, p_amounts) AS u (ord, line, account_id, fund_id, amount)
        ) AS l
        CROSS JOIN LATERAL (
            SELECT * FROM balance
            WHERE cooperative_id = p_cooperative AND account_id = l.account_id
                AND fund_id = coalesce(l.fund_id, p_cooperative)
            LIMIT 1
        ) AS b
        WHERE p_alive[l.ord] AND (
            b.floor_minor IS NOT NULL OR b.ceiling_minor IS NOT NULL
            OR l.moved + greatest(b.debit_minor, b.credit_minor) > v_most
        )
        GROUP BY l.ord
        ORDER BY l.ord
    LOOP
        v_next := v_net;
        v_bad := NULL;
        FOR v_line IN
            SELECT * FROM jsonb_to_recordset(v_entry.lines) AS x (
                key text, amount numeric, net numeric, debit numeric, credit numeric, raw numeric
            )
        LOOP
            v_next := v_next || jsonb_build_object(
                v_line.key, coalesce((v_next ->> v_line.key)::numeric, v_line.net) + v_line.amount,
                'd' || v_line.key,
                coalesce((v_next ->> ('d' || v_line.key))::numeric, v_line.debit) + greatest(v_line.raw, 0),
                'c' || v_line.key,
                coalesce((v_next ->> ('c' || v_line.key))::numeric, v_line.credit) + greatest(-v_line.raw, 0)
            );
        END LOOP;
        -- Judged once all lines of the entry are in: what counts is where the entry leaves the balance.
        SELECT x.line, x.code INTO v_bad, v_code
        FROM (
            SELECT r.line, CASE
                WHEN (v_next ->> ('d' || r.key))::numeric > v_most
                    OR (v_next ->> ('c' || r.key))::numeric > v_most THEN 'AMOUNT_OVERFLOW'
                WHEN (v_next ->> r.key)::numeric - r.down < r.floor
                    OR (v_next ->> r.key)::numeric + r.up > r.ceiling THEN 'LIMIT_EXCEEDED'
            END AS code
            FROM jsonb_to_recordset(v_entry.lines) AS r (
                key text, line smallint, down numeric, up numeric, floor numeric, ceiling numeric
            )
        ) AS x
        WHERE x.code IS NOT NULL
        ORDER BY x.line
        LIMIT 1;
        IF v_bad IS NULL THEN
            v_net := v_next;
        ELSE
            ord := v_entry.ord;
            line := v_bad;
            code := v_code;
            RETURN NEXT;
        END IF;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION judge_limits(uuid, boolean[], integer[], smallint[], uuid[], uuid[], bigint[]) IS
'The entries of a batch that would pass a floor, a ceiling or what can be counted, in order of arrival.';
