-- part: odds.board
-- The room that the history of prices takes. The history lies in pieces of time that are made before
-- they are written to and dropped whole when they are old: deleting rows would cost as much as writing
-- them did, and would mix the times of a page, which the index by time lives on.
CREATE TABLE price_history_piece (
    from_at     timestamptz PRIMARY KEY,
    until_at    timestamptz NOT NULL,
    name        text        NOT NULL UNIQUE,
    -- An archive is read in long after its time, and is kept as long from then on.
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (until_at > from_at)
);
GRANT SELECT ON price_history_piece TO overround_worker;

-- Make a piece from p_from_at to p_until_at, cut to what lies between its neighbours; false when p_at
-- has one. Attached and not made in place: that waits for no reader and no writer of the history.
CREATE FUNCTION price_history_piece_v1(p_at timestamptz, p_from_at timestamptz, p_until_at timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_from  timestamptz;
    v_until timestamptz;
    v_name  text;
BEGIN
    IF EXISTS (SELECT 1 FROM price_history_piece WHERE from_at <= p_at AND until_at > p_at) THEN
        RETURN false;
    END IF;
    -- Two processes may ask at once; the second finds what the first has made.
    PERFORM pg_advisory_xact_lock(320, 1);
    IF EXISTS (SELECT 1 FROM price_history_piece WHERE from_at <= p_at AND until_at > p_at) THEN
        RETURN false;
    END IF;
    SELECT greatest(p_from_at, max(until_at)) INTO v_from FROM price_history_piece WHERE until_at <= p_at;
    SELECT least(p_until_at, min(from_at)) INTO v_until FROM price_history_piece WHERE from_at > p_at;
    v_name := 'price_history_' || to_char(v_from AT TIME ZONE 'UTC', 'YYYYMMDD_HH24MI');
    EXECUTE format('CREATE TABLE public.%I (LIKE public.price_history)', v_name);
    EXECUTE format('ALTER TABLE public.price_history ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                   v_name, v_from, v_until);
    EXECUTE format('GRANT SELECT, INSERT ON public.%I TO overround_worker', v_name);
    INSERT INTO price_history_piece (from_at, until_at, name) VALUES (v_from, v_until, v_name);
    RETURN true;
END
$$;

-- Room for a change that was observed at p_at. What is over by more than a day is an archive and gets
-- its whole month. What is going on gets an hour: whoever knows how much comes in makes longer pieces
-- ahead (the jobs), and without him the hub must not stop.
CREATE FUNCTION price_history_room_v1(p_at timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_recorded_at timestamptz := clock_timestamp();
    v_month       timestamptz := date_trunc('month', p_at, 'UTC');
    v_hour        timestamptz := date_trunc('hour', p_at, 'UTC');
BEGIN
    IF p_at < v_recorded_at - interval '1 day' THEN
        RETURN price_history_piece_v1(p_at, v_month,
            least(date_trunc('month', v_month + interval '32 days', 'UTC'),
                  date_trunc('hour', v_recorded_at - interval '1 day', 'UTC') + interval '1 hour'));
    END IF;
    RETURN price_history_piece_v1(p_at, v_hour, v_hour + interval '1 hour');
END
$$;

-- Drop a piece with all that is in it. It has to have the history to itself for a moment, so the caller
-- sets how long it may wait: whoever comes behind it waits as long.
CREATE FUNCTION price_history_drop_v1(p_from_at timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_name text;
BEGIN
    DELETE FROM price_history_piece WHERE from_at = p_from_at RETURNING name INTO v_name;
    IF v_name IS NOT NULL THEN
        EXECUTE format('DROP TABLE public.%I', v_name);
    END IF;
END
$$;

-- What the pieces weigh, with their indexes.
CREATE FUNCTION price_history_pieces_v1()
RETURNS TABLE (from_at timestamptz, until_at timestamptz, recorded_at timestamptz, size_bytes bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p.from_at, p.until_at, p.recorded_at,
           pg_total_relation_size(to_regclass('public.' || quote_ident(p.name)))
    FROM price_history_piece p ORDER BY p.from_at
$$;

-- The batches of a piece are found by their time.
CREATE INDEX feed_batch_by_time ON feed_batch USING brin (observed_at);
CREATE INDEX inbox_taken ON inbox (taken_at) WHERE taken_at IS NOT NULL;
GRANT DELETE ON feed_batch, inbox, price_refused TO overround_worker;
GRANT EXECUTE ON FUNCTION price_history_piece_v1, price_history_room_v1, price_history_drop_v1,
    price_history_pieces_v1 TO overround_worker;
