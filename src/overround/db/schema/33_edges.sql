-- part: odds.edges
-- An edge is an expected profit found on the board: seen from detected_at until expired_at.
-- Profits are millionths of the total stake: they describe prices and are never money.
CREATE TABLE edge (
    id                uuid        PRIMARY KEY,
    kind              text        NOT NULL CHECK (kind IN ('arbitrage')),
    class             text        NOT NULL CHECK (class IN ('sure', 'free_roll')),
    event_id          uuid        NOT NULL REFERENCES event (id),
    market_id         uuid        NOT NULL REFERENCES market (id),
    naive_ppm         integer     NOT NULL,
    guaranteed_ppm    integer     NOT NULL,
    best_ppm          integer     NOT NULL,
    suspect           boolean     NOT NULL,
    legs              jsonb       NOT NULL,
    detected_at       timestamptz NOT NULL,
    seen_at           timestamptz NOT NULL,
    expired_at        timestamptz
);
CREATE INDEX edge_open ON edge (event_id) WHERE expired_at IS NULL;
CREATE INDEX edge_open_by_time ON edge (detected_at DESC, id DESC) WHERE expired_at IS NULL;
CREATE INDEX edge_by_time ON edge (detected_at DESC, id DESC);
GRANT SELECT ON edge TO overround_app;
GRANT SELECT, INSERT, UPDATE ON edge TO overround_worker;
