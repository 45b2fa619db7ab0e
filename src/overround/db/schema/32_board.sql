-- part: odds.board
-- Every price of every source: current, by month of observation, and at the close. One writer, the hub.
-- A source is a bookmaker or exchange as one provider delivers it: the same book through two
-- providers is two rows with one key, and never two sides of an arbitrage.
CREATE TABLE source (
    id       smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text     NOT NULL CHECK (length(provider) BETWEEN 1 AND 60),
    key      text     NOT NULL CHECK (length(key) BETWEEN 1 AND 60),
    kind     text     NOT NULL CHECK (kind IN ('bookmaker', 'exchange')),
    CONSTRAINT source_once UNIQUE (provider, key)
);

-- observed_at: we saw it; changed_at: its value differed from before; source_at: the provider's stamp.
-- A withdrawn price stays as a row that says so. No foreign keys here and on closing prices: the one
-- writer has just made the rows they would look for, and looking costs more than writing the price.
CREATE TABLE price (
    source_id    smallint    NOT NULL,
    selection_id uuid        NOT NULL,
    price_e4     integer     NOT NULL CHECK (price_e4 > 10000),
    state        text        NOT NULL CHECK (state IN ('open', 'suspended', 'withdrawn')),
    observed_at  timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    source_at    timestamptz,
    PRIMARY KEY (selection_id, source_id)
) WITH (fillfactor = 70);

-- Each change, kept by month; read by time, so BRIN is enough.
CREATE TABLE price_history (
    source_id    smallint    NOT NULL,
    selection_id uuid        NOT NULL,
    price_e4     integer     NOT NULL,
    state        text        NOT NULL,
    observed_at  timestamptz NOT NULL,
    source_at    timestamptz
) PARTITION BY RANGE (observed_at);
CREATE INDEX price_history_by_time ON price_history USING brin (observed_at);

-- Make the partition of a month; two processes may ask at once.
CREATE FUNCTION price_history_month_v1(p_at timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_from timestamptz := date_trunc('month', p_at, 'UTC');
    v_name text := 'price_history_' || to_char(v_from AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
    IF to_regclass('public.' || v_name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.price_history FOR VALUES FROM (%L) TO (%L)',
                   v_name, v_from, date_trunc('month', v_from + interval '32 days', 'UTC'));
    EXECUTE format('GRANT SELECT, INSERT ON public.%I TO overround_worker', v_name);
END
$$;

-- The last price before the start, per source, with how long before it was seen.
CREATE TABLE closing_price (
    source_id    smallint    NOT NULL,
    selection_id uuid        NOT NULL,
    event_id     uuid        NOT NULL,
    price_e4     integer     NOT NULL CHECK (price_e4 > 10000),
    observed_at  timestamptz NOT NULL,
    lag_ms       bigint      NOT NULL CHECK (lag_ms >= 0),
    PRIMARY KEY (selection_id, source_id)
);
CREATE INDEX closing_price_by_event ON closing_price (event_id);

-- What one provider said about one event at one moment. A batch that is here is not journalled
-- again, so the same file twice adds no row; and a snapshot proves that the prices of its event
-- that did not change were seen at `observed_at` too, without a write for each of them.
CREATE TABLE feed_batch (
    id          uuid        PRIMARY KEY,
    provider    text        NOT NULL,
    event_id    uuid        NOT NULL REFERENCES event (id),
    observed_at timestamptz NOT NULL,
    snapshot    boolean     NOT NULL,
    prices      integer     NOT NULL
);
CREATE INDEX feed_batch_by_event ON feed_batch (event_id, observed_at);

-- What is handed to the hub while it runs: a feed's bytes, taken in order of arrival. What was taken keeps
-- its report and gives up its bytes. What the hub fails over is tried a few times, then refused: a file that
-- cannot be taken must not stop the board (test: a file that fails the hub is refused at last).
CREATE TABLE inbox (
    id          uuid        PRIMARY KEY,
    provider    text        NOT NULL CHECK (length(provider) BETWEEN 1 AND 60),
    name        text        NOT NULL CHECK (length(name) BETWEEN 1 AND 300),
    body        bytea       NOT NULL CHECK (length(body) <= 67108864),
    received_at timestamptz NOT NULL,
    tries       smallint    NOT NULL DEFAULT 0 CHECK (tries >= 0),
    taken_at    timestamptz,
    report      jsonb,
    problem     text        CHECK (length(problem) <= 1000)
);
CREATE INDEX inbox_waiting ON inbox (received_at, id) WHERE taken_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON inbox TO overround_worker;
GRANT SELECT ON source, price, price_history, closing_price TO overround_app;
GRANT SELECT, INSERT, UPDATE ON source, price, closing_price TO overround_worker;
GRANT SELECT, INSERT ON price_history, feed_batch TO overround_worker;
GRANT EXECUTE ON FUNCTION price_history_month_v1 TO overround_worker;
