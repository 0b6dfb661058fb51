-- The only way an entry comes into the books: one call, one round trip, for one entry as for a thousand.
--
--   1  fence      shared advisory lock of the cooperative; closing a period takes it exclusively
--   2  judge      every entry by itself: accounts, funds, balance, period, reversal → a refusal or none
--   3  claim      idempotency keys, each with its outcome; a concurrent twin waits here, then is told the same
--   4  limit      only where an account has a floor or a ceiling, or an amount is vast: lock the balances, judge in
--                 order of arrival
--   5  append     balances in (account, fund) order, each row once, and from what they were before: postings with their
--                 running numbers and balances, entries, day deltas
--   6  tell       one row in the outbox, one NOTIFY to wake whoever listens
--
-- One entry that is refused does not fail its neighbours. Entries come as parallel arrays, one element an entry, and
-- their postings as parallel arrays, one element a posting with the number of its entry (from 1). Amounts are
-- minor units of the account's commodity, debit positive; a null fund is the unrestricted one, whose id is the
-- cooperative's. What no element has may be a null array. Called in a transaction it works for that transaction's
-- tenant and no other; called by itself it binds the tenant for this one statement.
CREATE OR REPLACE FUNCTION post_entries(
    p_cooperative uuid,
    p_actors text[],
    p_kinds text[],
    p_effective date[],
    p_memos text[],
    p_keys text[],
    p_hashes bytea[],
    p_source_kinds text[],
    p_source_ids text[],
    p_reverses uuid[],
    p_resolutions uuid[],
    p_metadata text[],
    p_ords integer[],
    p_lines smallint[],
    p_line_on date[],
    p_accounts uuid[],
    p_funds uuid[],
    p_commodities text[],
    p_amounts bigint[],
    p_want_balances boolean DEFAULT FALSE
) RETURNS TABLE (
    ord integer, entry_id uuid, recorded_at timestamptz, replayed boolean, refusal jsonb, balances jsonb
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
-- Every table below is probed by primary key, right for one row and for thousands. LATERAL … LIMIT 1 says so in a way
-- the planner cannot undo: it would plan once, for tables that were empty then, and keep that plan for a thousand rows.
-- Arrays are joined to arrays by hash.
SET enable_nestloop = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET jit = off
-- So a plan is made once a connection and never again: planning a call would cost as much as posting one entry.
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    v_count integer := cardinality(p_kinds);
    v_ids uuid[];
    v_head text;
    v_tail text;
    v_refusals jsonb[] := array_fill(NULL::jsonb, ARRAY[v_count]);
    v_alive boolean[] := array_fill(TRUE, ARRAY[v_count]);
    v_replayed boolean[] := array_fill(FALSE, ARRAY[v_count]);
    v_limit_refused integer[] := '{}';
    v_refused integer;
    v_row record;
    v_keys integer;
    v_claimed integer;
    v_unknown_funds uuid[];
    v_closed_days date[];
    v_limited boolean := FALSE;
    -- Above this a sum of debits might pass a bigint one day: it is judged like a limit.
    v_large CONSTANT bigint := 1000000000000;
    v_recorded_at timestamptz;
    v_accounts uuid[];
    v_left integer;
BEGIN
    PERFORM work_for(p_cooperative);

    -- 1 fence
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(p_cooperative::text, 7));
    PERFORM extend_periods(p_cooperative, min(e), max(e)) FROM unnest(p_effective) AS e;

    -- 2 judge: what is wrong with a line beats what is wrong with the sum
    v_unknown_funds := ARRAY(
        SELECT d.fund_id
        FROM (SELECT DISTINCT f AS fund_id FROM unnest(p_funds) AS f WHERE f IS NOT NULL) AS d
        WHERE (
            SELECT f.code FROM fund AS f WHERE f.cooperative_id = p_cooperative AND f.id = d.fund_id LIMIT 1
        ) IS NULL
    );
    FOR v_row IN
        SELECT l.ord, sum(l.amount) AS net, l.commodity, bool_or(l.limited) AS limited, min(l.fault) AS fault
        FROM (
            SELECT g.ord, g.amount, a.commodity, coalesce(g.fund_id, p_cooperative) AS fund_id,
                a.floor_minor IS NOT NULL OR a.ceiling_minor IS NOT NULL
                OR g.amount NOT BETWEEN -v_large AND v_large AS limited,
                g.line * 8 + CASE
                    WHEN a.id IS NULL THEN 1
                    WHEN a.is_summary THEN 2
                    WHEN g.on_day < a.opened_on OR g.on_day > a.closed_on THEN 3
                    WHEN g.fund_id = ANY (v_unknown_funds) THEN 4
                    WHEN g.commodity <> a.commodity THEN 5
                    WHEN g.amount = 0 THEN 6
                END AS fault
            FROM unnest(p_ords, p_lines, p_line_on, p_accounts, p_funds, p_commodities, p_amounts)
                AS g (ord, line, on_day, account_id, fund_id, commodity, amount)
            LEFT JOIN (
                SELECT a.*
                FROM (SELECT DISTINCT unnest(p_accounts) AS account_id) AS d
                CROSS JOIN LATERAL (
                    SELECT * FROM account WHERE cooperative_id = p_cooperative AND id = d.account_id LIMIT 1
                ) AS a
            ) AS a ON a.id = g.account_id
        ) AS l
        GROUP BY l.ord, l.commodity, l.fund_id
        HAVING sum(l.amount) <> 0 OR min(l.fault) IS NOT NULL OR bool_or(l.limited)
        ORDER BY 1, 5 NULLS LAST, 3
    LOOP
        v_limited := v_limited OR v_row.limited;
        CONTINUE WHEN NOT v_alive[v_row.ord] OR v_row.fault IS NULL AND v_row.net = 0;
        v_alive[v_row.ord] := FALSE;
        IF v_row.fault IS NULL THEN
            v_refusals[v_row.ord] := jsonb_build_object(
                'code', 'ENTRY_UNBALANCED', 'path', '["postings"]'::jsonb,
                'net', v_row.net::text, 'commodity', v_row.commodity
            );
        ELSE
            v_refusals[v_row.ord] := jsonb_build_object(
                'code', (ARRAY['ACCOUNT_UNKNOWN', 'ACCOUNT_SUMMARY', 'ACCOUNT_CLOSED', 'FUND_UNKNOWN',
                    'COMMODITY_MISMATCH', 'AMOUNT_ZERO'])[v_row.fault % 8],
                'path', jsonb_build_array('postings', (v_row.fault / 8)::text, (ARRAY['accountId',
                    'accountId', 'accountId', 'fundId', 'amount', 'amount'])[v_row.fault % 8])
            );
        END IF;
    END LOOP;

    v_closed_days := ARRAY(
        SELECT d.on_day
        FROM (SELECT DISTINCT unnest(p_effective) AS on_day) AS d
        LEFT JOIN period AS p
            ON p.cooperative_id = p_cooperative AND p.from_on = date_trunc('month', d.on_day::timestamp)::date
        WHERE p.state IS DISTINCT FROM 'open'
    );
    IF v_closed_days <> '{}' THEN
        FOR v_row IN
            SELECT e.ord::integer AS ord FROM unnest(p_effective) WITH ORDINALITY AS e (on_day, ord)
            WHERE e.on_day = ANY (v_closed_days)
        LOOP
            CONTINUE WHEN NOT v_alive[v_row.ord];
            v_alive[v_row.ord] := FALSE;
            v_refusals[v_row.ord] := '{"code": "PERIOD_CLOSED", "path": ["effectiveOn"]}';
        END LOOP;
    END IF;

    IF EXISTS (SELECT FROM unnest(p_reverses) AS r WHERE r IS NOT NULL) THEN
        FOR v_row IN
            SELECT * FROM judge_reversals(p_cooperative, p_reverses, v_alive, p_ords, p_accounts, p_funds, p_amounts)
        LOOP
            v_alive[v_row.ord] := FALSE;
            v_refusals[v_row.ord] := jsonb_build_object('code', v_row.code, 'path', v_row.path);
        END LOOP;
    END IF;

    -- 3 claim
    -- One random tail for the whole call and a counter before it (RFC 9562, 6.2, method 1): PostgreSQL may open the
    -- source of randomness anew for each uuidv7().
    v_tail := replace(uuidv7()::text, '-', '');
    v_head := left(v_tail, 17);
    v_tail := right(v_tail, 12);
    v_ids := ARRAY(
        SELECT (v_head || lpad(to_hex(n), 3, '0') || v_tail)::uuid
        FROM generate_series(0, v_count - 1) AS n
    );
    INSERT INTO idempotency AS i (cooperative_id, actor, key, request_hash, entry_id, outcome)
    SELECT p_cooperative, k.actor, k.key, k.request_hash, k.id, k.refusal
    FROM unnest(p_actors, p_keys, p_hashes, v_ids, v_refusals) AS k (actor, key, request_hash, id, refusal)
    WHERE k.key IS NOT NULL
    ORDER BY k.actor, k.key
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_claimed = ROW_COUNT;
    SELECT count(k) INTO v_keys FROM unnest(p_keys) AS k;
    IF v_claimed < v_keys THEN
        FOR v_row IN
            SELECT k.ord::integer AS ord, i.entry_id, i.outcome, i.request_hash = k.request_hash AS same
            FROM unnest(p_actors, p_keys, p_hashes, v_ids) WITH ORDINALITY AS k (actor, key, request_hash, id, ord)
            CROSS JOIN LATERAL (
                SELECT * FROM idempotency
                WHERE cooperative_id = p_cooperative AND actor = k.actor AND key = k.key LIMIT 1
            ) AS i
            WHERE i.entry_id IS DISTINCT FROM k.id
        LOOP
            v_alive[v_row.ord] := FALSE;
            v_replayed[v_row.ord] := v_row.same;
            v_ids[v_row.ord] := v_row.entry_id;
            v_refusals[v_row.ord] := CASE
                WHEN v_row.same THEN v_row.outcome
                ELSE '{"code": "IDEMPOTENCY_MISMATCH", "path": ["idempotencyKey"]}'
            END;
        END LOOP;
    END IF;

    -- 4 limit
    IF v_limited THEN
        PERFORM lock_balances(p_cooperative, v_alive, p_ords, p_accounts, p_funds);
        FOR v_row IN
            SELECT * FROM judge_limits(p_cooperative, v_alive, p_ords, p_lines, p_accounts, p_funds, p_amounts)
        LOOP
            v_alive[v_row.ord] := FALSE;
            v_limit_refused := v_limit_refused || v_row.ord;
            v_refusals[v_row.ord] := jsonb_build_object(
                'code', v_row.code, 'path', jsonb_build_array('postings', v_row.line::text, 'amount')
            );
        END LOOP;
        IF v_limit_refused <> '{}' THEN
            FOREACH v_refused IN ARRAY v_limit_refused LOOP
                UPDATE idempotency SET outcome = v_refusals[v_refused]
                WHERE cooperative_id = p_cooperative AND actor = p_actors[v_refused] AND key = p_keys[v_refused];
            END LOOP;
            -- The same request twice in one batch: the second was told the first's outcome too early.
            FOR v_row IN
                SELECT k.ord::integer AS ord, first.ord AS first_ord
                FROM unnest(v_limit_refused) AS first (ord)
                JOIN unnest(v_ids, v_replayed) WITH ORDINALITY AS k (id, replayed, ord)
                    ON k.replayed AND k.id = v_ids[first.ord]
            LOOP
                v_refusals[v_row.ord] := v_refusals[v_row.first_ord];
            END LOOP;
        END IF;
    END IF;

    -- 5 append
    SELECT count(*) INTO v_left FROM unnest(v_alive) AS a WHERE a;
    IF v_left > 0 THEN
        -- Sorted, so that two calls never wait for each other in a ring. clock_timestamp() is read under each row's
        -- lock: what is recorded later on an account has the later time, even if the clock was set back.
        WITH given AS MATERIALIZED (
            SELECT l.ord, l.line, l.on_day, l.account_id, coalesce(l.fund_id, p_cooperative) AS fund_id, l.amount
            FROM unnest(p_ords, p_lines, p_line_on, p_accounts, p_funds, p_amounts)
                AS l (ord, line, on_day, account_id, fund_id, amount)
            WHERE v_alive[l.ord]
        ), moved AS MATERIALIZED (
            INSERT INTO balance AS b (
                cooperative_id, account_id, fund_id, commodity, normal_side, debit_minor, credit_minor, version,
                recorded_at
            )
            SELECT p_cooperative, s.account_id, s.fund_id, a.commodity, a.normal_side, s.debit, s.credit, s.lines,
                clock_timestamp()
            FROM (
                SELECT account_id, fund_id, sum(greatest(amount, 0))::bigint AS debit,
                    sum(greatest(-amount, 0))::bigint AS credit, count(*) AS lines
                FROM given
                GROUP BY account_id, fund_id
                ORDER BY account_id, fund_id
            ) AS s
            CROSS JOIN LATERAL (
                SELECT * FROM account WHERE cooperative_id = p_cooperative AND id = s.account_id LIMIT 1
            ) AS a
            ON CONFLICT (cooperative_id, account_id, fund_id) DO UPDATE SET
                debit_minor = b.debit_minor + excluded.debit_minor,
                credit_minor = b.credit_minor + excluded.credit_minor,
                version = b.version + excluded.version,
                recorded_at = greatest(clock_timestamp(), b.recorded_at + interval '1 microsecond')
            RETURNING new.account_id, new.fund_id, new.commodity, new.recorded_at,
                coalesce(old.version, 0) AS version,
                coalesce(old.debit_minor - old.credit_minor, 0) AS net
        ), line AS MATERIALIZED (
            SELECT l.ord, l.line, m.account_id, m.fund_id, m.commodity, l.amount, l.on_day,
                m.version + row_number() OVER run AS version,
                (m.net + sum(l.amount) OVER run)::bigint AS balance_after
            FROM given AS l
            JOIN moved AS m ON m.account_id = l.account_id AND m.fund_id = l.fund_id
            WINDOW run AS (
                PARTITION BY m.account_id, m.fund_id ORDER BY l.ord, l.line ROWS UNBOUNDED PRECEDING
            )
        ), entries AS (
            INSERT INTO journal_entry (
                cooperative_id, id, kind, effective_on, recorded_at, memo, actor, source_kind, source_id,
                reverses_id, resolution_id, metadata
            )
            SELECT p_cooperative, e.id, e.kind, e.on_day, (SELECT max(recorded_at) FROM moved), e.memo, e.actor,
                e.source_kind, e.source_id, e.reverses_id, e.resolution_id, coalesce(e.metadata, '{}')::jsonb
            FROM unnest(v_ids, p_kinds, p_effective, p_memos, p_actors, p_source_kinds, p_source_ids,
                p_reverses, p_resolutions, p_metadata)
                WITH ORDINALITY AS e (id, kind, on_day, memo, actor, source_kind, source_id,
                    reverses_id, resolution_id, metadata, ord)
            WHERE v_alive[e.ord]
        ), postings AS (
            INSERT INTO posting (
                cooperative_id, account_id, fund_id, version, entry_id, line, commodity, amount_minor,
                balance_after, effective_on
            )
            SELECT p_cooperative, account_id, fund_id, version, v_ids[ord], line, commodity, amount,
                balance_after, on_day
            FROM line -- in the order of its window: by account, fund and version
        ), days AS (
            INSERT INTO balance_day AS d (
                cooperative_id, account_id, fund_id, day, debit_minor, credit_minor, first_version, last_version
            )
            SELECT p_cooperative, account_id, fund_id, on_day, sum(greatest(amount, 0)),
                sum(greatest(-amount, 0)), min(version), max(version)
            FROM line
            GROUP BY account_id, fund_id, on_day
            ORDER BY account_id, fund_id, on_day
            ON CONFLICT (cooperative_id, account_id, fund_id, day) DO UPDATE SET
                debit_minor = d.debit_minor + excluded.debit_minor,
                credit_minor = d.credit_minor + excluded.credit_minor,
                last_version = excluded.last_version
        )
        SELECT max(recorded_at), array_agg(DISTINCT account_id) INTO v_recorded_at, v_accounts FROM moved;
        IF v_recorded_at > clock_timestamp() THEN
            -- The clock was set back: the entries carry one account's later time, so the others must not fall behind it.
            UPDATE balance SET recorded_at = v_recorded_at
            WHERE cooperative_id = p_cooperative AND account_id = ANY (v_accounts) AND recorded_at < v_recorded_at;
        END IF;

        -- 6 tell
        INSERT INTO outbox (cooperative_id, topic, payload)
        VALUES (p_cooperative, 'entries_posted', jsonb_build_object(
            'count', v_left, 'first', v_ids[array_position(v_alive, TRUE)], 'accounts', to_jsonb(v_accounts)
        ));
        PERFORM pg_notify('coop_outbox', p_cooperative::text);
    END IF;

    RETURN QUERY
    SELECT k.ord::integer, k.id, coalesce(j.recorded_at, v_recorded_at), k.replayed, k.refusal, s.balances
    FROM unnest(v_ids, v_refusals, v_replayed) WITH ORDINALITY AS k (id, refusal, replayed, ord)
    LEFT JOIN LATERAL (
        SELECT e.recorded_at FROM journal_entry AS e
        WHERE k.replayed AND e.cooperative_id = p_cooperative AND e.id = k.id LIMIT 1
    ) AS j ON TRUE
    LEFT JOIN (
        SELECT l.ord, jsonb_agg(jsonb_build_array(
            b.account_id, b.fund_id, b.debit_minor::text, b.credit_minor::text, b.pending_debit_minor::text,
            b.pending_credit_minor::text
        ) ORDER BY l.line) AS balances
        FROM unnest(p_ords, p_lines, p_accounts, p_funds) AS l (ord, line, account_id, fund_id)
        CROSS JOIN LATERAL (
            SELECT * FROM balance
            WHERE cooperative_id = p_cooperative AND account_id = l.account_id
                AND fund_id = coalesce(l.fund_id, p_cooperative)
            LIMIT 1
        ) AS b
        WHERE p_want_balances
        GROUP BY l.ord
    ) AS s ON s.ord = k.ord
    ORDER BY k.ord;
END;
$$;

COMMENT ON FUNCTION post_entries(
    uuid, text[], text[], date[], text[], text[], bytea[], text[], text[], uuid[], uuid[], text[],
    integer[], smallint[], date[], uuid[], uuid[], text[], bigint[], boolean
) IS 'Posts one entry or a thousand: each balanced, in order, once per key; answers an outcome for each.';
