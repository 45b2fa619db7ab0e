-- part: odds.edges
-- An edge is an expected profit found on the board: seen from detected_at until expired_at.
-- Profits are millionths of the total stake: they describe prices and are never money.
CREATE TABLE edge (
    id                uuid        PRIMARY KEY,
    kind              text        NOT NULL
                                  CHECK (kind IN ('arbitrage', 'value', 'middle', 'low_hold')),
    class             text        CHECK (class IN ('sure', 'free_roll')),
    status            text        NOT NULL
                                  CHECK (status IN ('detected', 'verified', 'stale', 'expired')),
    -- What tells an edge from the event's others while prices change: its kind and its questions.
    what              text        NOT NULL CHECK (length(what) BETWEEN 1 AND 300),
    event_id          uuid        NOT NULL REFERENCES event (id),
    -- The market that all legs are of; null where they are of several.
    market_id         uuid        REFERENCES market (id),
    sport             text        NOT NULL,
    -- What the edge is worth: guaranteed where it is an arbitrage, expected where it is value.
    edge_ppm          integer     NOT NULL,
    naive_ppm         integer     NOT NULL,
    guaranteed_ppm    integer     NOT NULL,
    best_ppm          integer     NOT NULL,
    probability_ppm   integer     CHECK (probability_ppm BETWEEN 0 AND 1000000),
    kelly_ppm         integer     CHECK (kelly_ppm BETWEEN 0 AND 1000000),
    confidence_ppm    integer     NOT NULL CHECK (confidence_ppm BETWEEN 0 AND 1000000),
    peak_ppm          integer     NOT NULL,
    peak_at           timestamptz NOT NULL,
    reasons           text[]      NOT NULL,
    tags              text[]      NOT NULL,
    suspect           boolean     NOT NULL,
    legs              jsonb       NOT NULL,
    detected_at       timestamptz NOT NULL,
    verified_at       timestamptz,
    seen_at           timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    expired_at        timestamptz,
    CHECK ((status = 'expired') = (expired_at IS NOT NULL)),
    CHECK ((class IS NOT NULL) = (kind = 'arbitrage')),
    CHECK (suspect = (cardinality(reasons) > 0))
);
-- One edge of a kind and question is open at a time; the engine finds its own again by it.
CREATE UNIQUE INDEX edge_open ON edge (event_id, what) WHERE expired_at IS NULL;
CREATE INDEX edge_open_by_time ON edge (detected_at DESC, id DESC) WHERE expired_at IS NULL;
CREATE INDEX edge_by_time ON edge (detected_at DESC, id DESC);
-- What grows stale next, and what is old enough to be forgotten.
CREATE INDEX edge_fresh ON edge (expires_at) WHERE status IN ('detected', 'verified');
CREATE INDEX edge_gone ON edge (expired_at) WHERE expired_at IS NOT NULL;
GRANT SELECT ON edge TO overround_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON edge TO overround_worker;
