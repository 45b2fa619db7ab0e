-- part: odds.queue
-- Feed events that nobody could place for certain, and what people said of them: that is decided by
-- matching, which lies above; here it waits and is remembered.

-- What waits. `parked` names the markets whose prices lie beside the board until it is decided whose they are.
CREATE TABLE match_queue (
    provider          text        NOT NULL CHECK (length(provider) BETWEEN 1 AND 60),
    provider_event_id text        NOT NULL CHECK (length(provider_event_id) BETWEEN 1 AND 600),
    kind              text        NOT NULL CHECK (kind IN ('new', 'ambiguous', 'unmatched')),
    reason            text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 60),
    described         jsonb       NOT NULL CHECK (length(described::text) <= 4000),
    candidates        uuid[]      NOT NULL,
    parked            jsonb       NOT NULL DEFAULT '[]' CHECK (length(parked::text) <= 200000),
    queued_at         timestamptz NOT NULL,
    PRIMARY KEY (provider, provider_event_id)
);
CREATE INDEX match_queue_by_time ON match_queue (queued_at, provider, provider_event_id);

-- These are not the same, whatever the names say.
CREATE TABLE match_refusal (
    provider          text        NOT NULL,
    provider_event_id text        NOT NULL,
    event_id          uuid        NOT NULL REFERENCES event (id),
    refused_by        text        NOT NULL CHECK (length(refused_by) BETWEEN 1 AND 100),
    refused_at        timestamptz NOT NULL,
    PRIMARY KEY (provider, provider_event_id, event_id)
);

-- What people decided, in order: the record of who said what, and how a hub that runs hears of it.
-- `event_before` and `event_id` are where the feed's event belonged and belongs; null is the queue.
CREATE TABLE match_decision (
    seq               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider          text        NOT NULL,
    provider_event_id text        NOT NULL,
    verdict           text        NOT NULL CHECK (verdict IN ('confirmed', 'rejected', 'new', 'unmatched', 'rematched')),
    event_before      uuid        REFERENCES event (id),
    event_id          uuid        REFERENCES event (id),
    decided_by        text        NOT NULL CHECK (length(decided_by) BETWEEN 1 AND 100),
    decided_at        timestamptz NOT NULL
);
CREATE INDEX match_decision_by_key ON match_decision (provider, provider_event_id);

-- A decision holds this lock alone, whoever writes prices shares it: either the hub has seen the decision,
-- or the decision moves what the hub has just written (test: a decision waits for the tick of the hub).
-- It also puts the decisions in the order of their numbers.
CREATE FUNCTION match_decision_key() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT -31::bigint $$;
GRANT EXECUTE ON FUNCTION match_decision_key TO overround_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON match_queue TO overround_worker;
GRANT SELECT, INSERT ON match_refusal, match_decision TO overround_worker;
