-- part: odds.board
-- A person decides that what a provider quoted belongs to another event: its prices go there, with their
-- history and what was frozen of them at the start. `p_from` and `p_to` are the selections, pair by pair;
-- where the event they go to is not decided yet they lie beside the board, under selections of no event.
-- A provider quotes one event once, so only its own rows are at either end. Returns how many rows moved.
CREATE FUNCTION prices_move_v1(
    p_provider text, p_event_from uuid, p_event_to uuid, p_from uuid[], p_to uuid[], p_starts_at timestamptz)
RETURNS integer LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_sources smallint[];
    v_since   timestamptz;
    v_moved   integer;
    v_count   integer;
BEGIN
    SELECT array_agg(id) INTO v_sources FROM source WHERE provider = p_provider;
    WITH gone AS (
        DELETE FROM price p USING unnest(p_from, p_to) AS m (old_id, new_id)
        WHERE p.selection_id = m.old_id AND p.source_id = ANY (v_sources)
        RETURNING p.source_id, m.new_id, p.price_e4, p.state, p.observed_at, p.changed_at, p.source_at)
    INSERT INTO price AS p (source_id, selection_id, price_e4, state, observed_at, changed_at, source_at)
    SELECT source_id, new_id, price_e4, state, observed_at, changed_at, source_at FROM gone ORDER BY new_id, source_id
    ON CONFLICT (selection_id, source_id) DO UPDATE
    SET price_e4 = EXCLUDED.price_e4, state = EXCLUDED.state, observed_at = EXCLUDED.observed_at,
        changed_at = EXCLUDED.changed_at, source_at = EXCLUDED.source_at
    WHERE p.observed_at <= EXCLUDED.observed_at;
    GET DIAGNOSTICS v_moved = ROW_COUNT;
    -- The history is found by its time alone. A price is at most sixty days older than the batch that said it:
    -- what was seen earlier stands on no board.
    SELECT min(observed_at) - interval '60 days' INTO v_since
    FROM feed_batch WHERE provider = p_provider AND event_id = p_event_from;
    UPDATE price_history h SET selection_id = m.new_id
    FROM unnest(p_from, p_to) AS m (old_id, new_id)
    WHERE h.observed_at >= v_since AND h.selection_id = m.old_id AND h.source_id = ANY (v_sources);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_moved := v_moved + v_count;
    -- What was seen after the start of the event it goes to is no closing price there.
    WITH gone AS (
        DELETE FROM closing_price c USING unnest(p_from, p_to) AS m (old_id, new_id)
        WHERE c.selection_id = m.old_id AND c.source_id = ANY (v_sources)
        RETURNING c.source_id, m.new_id, c.price_e4, c.observed_at, c.lag_ms)
    INSERT INTO closing_price (source_id, selection_id, event_id, price_e4, observed_at, lag_ms)
    SELECT source_id, new_id, p_event_to, price_e4, observed_at,
           coalesce((extract(epoch FROM p_starts_at - observed_at) * 1000)::bigint, lag_ms)
    FROM gone WHERE p_starts_at IS NULL OR observed_at <= p_starts_at
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    UPDATE feed_batch SET event_id = p_event_to WHERE provider = p_provider AND event_id = p_event_from;
    RETURN v_moved + v_count;
END
$$;
GRANT EXECUTE ON FUNCTION prices_move_v1 TO overround_worker;
