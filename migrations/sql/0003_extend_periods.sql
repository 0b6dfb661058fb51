-- Months appear when an entry first falls into them, always without a gap. None appears before a closed month: what
-- precedes the books' first closing is closed with it.
CREATE OR REPLACE FUNCTION extend_periods(p_cooperative uuid, p_first date, p_last date) RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    v_from date := date_trunc('month', p_first)::date;
    v_last date := date_trunc('month', p_last)::date;
    v_known_from date;
    v_known_last date;
    v_state text;
BEGIN
    SELECT min(from_on), max(from_on) INTO v_known_from, v_known_last
    FROM period WHERE cooperative_id = p_cooperative;
    IF v_known_from <= v_from AND v_known_last >= v_last THEN
        RETURN;
    END IF;
    IF v_known_from IS NOT NULL THEN
        SELECT state INTO v_state FROM period
        WHERE cooperative_id = p_cooperative AND from_on = v_known_from;
        IF v_state <> 'open' OR v_from > v_known_from THEN
            v_from := v_known_from;
        END IF;
        v_last := greatest(v_last, v_known_last);
    END IF;
    INSERT INTO period (cooperative_id, from_on, to_on)
    SELECT p_cooperative, m::date, (m + interval '1 month')::date
    FROM generate_series(v_from::timestamp, v_last::timestamp, interval '1 month') AS m
    ON CONFLICT (cooperative_id, from_on) DO NOTHING;
END;
$$;

COMMENT ON FUNCTION extend_periods(uuid, date, date) IS
'Makes the open months that lie between the known ones and these days.';
