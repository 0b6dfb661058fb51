-- Makes the balance rows that a batch will touch, where they are missing, and locks them in (account, fund) order. Only
-- batches that touch a limited account need it; the others lock as they write.
CREATE OR REPLACE FUNCTION lock_balances(
    p_cooperative uuid,
    p_alive boolean[],
    p_ords integer[],
    p_accounts uuid[],
    p_funds uuid[]
) RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO balance (
        cooperative_id, account_id, fund_id, commodity, normal_side, floor_minor, ceiling_minor
    )
    SELECT p_cooperative, a.id, pair.fund_id, a.commodity, a.normal_side, a.floor_minor, a.ceiling_minor
    FROM (
        SELECT DISTINCT l.account_id, coalesce(l.fund_id, p_cooperative) AS fund_id
        FROM unnest(p_ords, p_accounts, p_funds) AS l (ord, account_id, fund_id)
        WHERE p_alive[l.ord]
    ) AS pair
    CROSS JOIN LATERAL (
        SELECT * FROM account AS c WHERE c.cooperative_id = p_cooperative AND c.id = pair.account_id LIMIT 1
    ) AS a
    ORDER BY a.id, pair.fund_id
    ON CONFLICT (cooperative_id, account_id, fund_id) DO NOTHING;

    PERFORM FROM (
        SELECT DISTINCT l.account_id, coalesce(l.fund_id, p_cooperative) AS fund_id
        FROM unnest(p_ords, p_accounts, p_funds) AS l (ord, account_id, fund_id)
        WHERE p_alive[l.ord]
        ORDER BY 1, 2
    ) AS pair
    CROSS JOIN LATERAL (
        SELECT b.version FROM balance AS b
        WHERE b.cooperative_id = p_cooperative AND b.account_id = pair.account_id AND b.fund_id = pair.fund_id
        FOR UPDATE
    ) AS locked;
END;
$$;

COMMENT ON FUNCTION lock_balances(uuid, boolean[], integer[], uuid[], uuid[]) IS
'Locks the balances of a batch in order, making the missing ones.';
