-- Which of the entries that reverse another may not: the other is unknown, is reversed already, or is not mirrored.
-- The reversed entries are locked in order of id, so of two reversals at once the second waits and then sees the first.
CREATE OR REPLACE FUNCTION judge_reversals(
    p_cooperative uuid,
    p_reverses uuid[],
    p_alive boolean[],
    p_ords integer[],
    p_accounts uuid[],
    p_funds uuid[],
    p_amounts bigint[]
) RETURNS TABLE (ord integer, code text, path jsonb)
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM journal_entry AS j
    WHERE j.cooperative_id = p_cooperative AND j.id = ANY (p_reverses)
    ORDER BY j.id
    FOR UPDATE;

    RETURN QUERY
    SELECT s.ord, s.code, CASE s.code WHEN 'REVERSAL_MISMATCH' THEN '["postings"]' ELSE '["entryId"]' END::jsonb
    FROM (
        -- Twice in one batch, and each sound: the first of them. The queue never sends it so, for that one might yet be
        -- refused.
        SELECT f.ord, CASE
            WHEN f.code IS NULL AND row_number() OVER (PARTITION BY f.id, f.code ORDER BY f.ord) > 1
                THEN 'ALREADY_REVERSED'
            ELSE f.code
        END AS code
        FROM (
            SELECT r.id, r.ord::integer AS ord, CASE
                WHEN j.id IS NULL THEN 'ENTRY_UNKNOWN'
                WHEN done.id IS NOT NULL THEN 'ALREADY_REVERSED'
                WHEN EXISTS (
                    SELECT p.account_id, p.fund_id, -p.amount_minor FROM posting AS p
                    WHERE p.cooperative_id = p_cooperative AND p.entry_id = r.id
                    EXCEPT ALL
                    SELECT l.account_id, coalesce(l.fund_id, p_cooperative), l.amount
                    FROM unnest(p_ords, p_accounts, p_funds, p_amounts) AS l (ord, account_id, fund_id, amount)
                    WHERE l.ord = r.ord
                ) OR (
                    SELECT count(*) FROM posting AS p WHERE p.cooperative_id = p_cooperative AND p.entry_id = r.id
                ) <> (
                    SELECT count(*) FROM unnest(p_ords) AS l WHERE l = r.ord
                ) THEN 'REVERSAL_MISMATCH'
            END AS code
            FROM unnest(p_reverses) WITH ORDINALITY AS r (id, ord)
            LEFT JOIN LATERAL (
                SELECT e.id FROM journal_entry AS e WHERE e.cooperative_id = p_cooperative AND e.id = r.id LIMIT 1
            ) AS j ON TRUE
            LEFT JOIN LATERAL (
                SELECT e.id FROM journal_entry AS e
                WHERE e.cooperative_id = p_cooperative AND e.reverses_id = r.id LIMIT 1
            ) AS done ON TRUE
            WHERE r.id IS NOT NULL AND p_alive[r.ord]
        ) AS f
    ) AS s
    WHERE s.code IS NOT NULL;
END;
$$;

COMMENT ON FUNCTION judge_reversals(uuid, uuid[], boolean[], integer[], uuid[], uuid[], bigint[]) IS
'The refused reversals of a batch, after locking what they reverse.';
