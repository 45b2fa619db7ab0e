-- part: odds.matching
-- Their event is our event: decided once, kept for ever; what is not certain waits for a person.
CREATE TABLE feed_event (
    provider          text        NOT NULL CHECK (length(provider) BETWEEN 1 AND 60),
    provider_event_id text        NOT NULL CHECK (length(provider_event_id) BETWEEN 1 AND 600),
    event_id          uuid        NOT NULL REFERENCES event (id),
    swapped           boolean     NOT NULL DEFAULT false,
    confidence_bps    integer     NOT NULL CHECK (confidence_bps BETWEEN 0 AND 10000),
    reason            text        NOT NULL,
    matched_at        timestamptz NOT NULL,
    PRIMARY KEY (provider, provider_event_id),
    -- One provider names one match once (test: a double-header is two events).
    CONSTRAINT feed_event_once UNIQUE (provider, event_id)
);
CREATE INDEX feed_event_by_event ON feed_event (event_id);

CREATE TABLE match_queue (
    provider          text        NOT NULL,
    provider_event_id text        NOT NULL,
    reason            text        NOT NULL,
    described         jsonb       NOT NULL,
    candidates        jsonb       NOT NULL,
    queued_at         timestamptz NOT NULL,
    PRIMARY KEY (provider, provider_event_id)
);
GRANT SELECT ON feed_event TO overround_app;
GRANT SELECT, INSERT, UPDATE ON feed_event TO overround_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON match_queue TO overround_worker;
