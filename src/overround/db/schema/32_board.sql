-- part: odds.board
-- Every price of every source: current, by time of observation, and at the close. One writer, the hub.
-- A source is a bookmaker or exchange as one provider delivers it: the same book through two
-- providers is two rows with one key, and never two sides of an arbitrage. `changes` counts the prices of
-- it that ever changed, in the transaction that journals them: nobody counts the history.
CREATE TABLE source (
    id       smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text     NOT NULL CHECK (length(provider) BETWEEN 1 AND 60),
    key      text     NOT NULL CHECK (length(key) BETWEEN 1 AND 60),
    kind     text     NOT NULL CHECK (kind IN ('bookmaker', 'exchange')),
    changes  bigint   NOT NULL DEFAULT 0 CHECK (changes >= 0),
    CONSTRAINT source_once UNIQUE (provider, key)
) WITH (fillfactor = 50);

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

-- Each change, kept in pieces of time (32_board_pieces.sql); read by time, so BRIN is enough.
CREATE TABLE price_history (
    source_id    smallint    NOT NULL,
    selection_id uuid        NOT NULL,
    price_e4     integer     NOT NULL,
    state        text        NOT NULL,
    observed_at  timestamptz NOT NULL,
    source_at    timestamptz
) PARTITION BY RANGE (observed_at);
CREATE INDEX price_history_by_time ON price_history USING brin (observed_at);

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
    event_id    uuid        NOT NULL,
    observed_at timestamptz NOT NULL,
    snapshot    boolean     NOT NULL,
    prices      integer     NOT NULL
);
CREATE INDEX feed_batch_by_event ON feed_batch (event_id, observed_at);

-- Prices that the gate did not believe, with what the board held instead; what the other sources quoted at
-- that moment is in the history. The most of one call are kept, and all are counted where they were refused.
CREATE TABLE price_refused (
    batch_id     uuid        NOT NULL,
    source_id    smallint    NOT NULL,
    selection_id uuid        NOT NULL,
    reason       text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 60),
    price_e4     integer     NOT NULL,
    held_e4      integer,
    recorded     boolean     NOT NULL,
    observed_at  timestamptz NOT NULL,
    refused_at   timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (batch_id, selection_id, source_id)
);
CREATE INDEX price_refused_by_time ON price_refused USING brin (refused_at);
-- What an archive says is refused at its own time, and kept from when it was read in.
CREATE INDEX price_refused_by_record ON price_refused USING brin (recorded_at);

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
GRANT SELECT ON source, price, price_history, closing_price, feed_batch, price_refused TO overround_app;
GRANT SELECT, INSERT, UPDATE ON source, price, closing_price TO overround_worker;
GRANT SELECT, INSERT ON price_history, feed_batch, price_refused TO overround_worker;
