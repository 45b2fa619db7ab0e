-- part: db
-- What is asked of others by schedule, so that any number of processes share the asking: when each
-- sport of each provider is due, who asks just now, and what the last answer said to go on from.

-- One row a provider and sport. Whoever asks holds the row by its token until `expires_at`, on the
-- database's clock; a claim of a process that has ended is taken over at once. `starts` are the first
-- starts ahead, by which the interval tightens.
CREATE TABLE poll (
    provider   text          NOT NULL CHECK (length(provider) BETWEEN 1 AND 60),
    sport      text          NOT NULL CHECK (length(sport) BETWEEN 1 AND 60),
    next_at    timestamptz   NOT NULL,
    asked_at   timestamptz,
    state      text          NOT NULL DEFAULT 'never_asked' CHECK (length(state) BETWEEN 1 AND 60),
    failures   integer       NOT NULL DEFAULT 0 CHECK (failures >= 0),
    starts     timestamptz[] NOT NULL DEFAULT '{}' CHECK (cardinality(starts) <= 50),
    token      uuid,
    holder     text          CHECK (length(holder) <= 300),
    expires_at timestamptz,
    PRIMARY KEY (provider, sport),
    CONSTRAINT poll_is_held_whole
        CHECK ((token IS NULL) = (holder IS NULL) AND (token IS NULL) = (expires_at IS NULL))
);

-- What all sports of a provider share: its breaker, the rest it asked for, and its budget as the one
-- moment at which it would be full again (kit.pace). Locked by whoever claims, so the bounds hold for
-- all processes together (test: two processes never ask twice).
CREATE TABLE poll_provider (
    provider      text        PRIMARY KEY CHECK (length(provider) BETWEEN 1 AND 60),
    breaker       text        NOT NULL DEFAULT 'closed'
                              CHECK (breaker IN ('closed', 'open', 'half_open')),
    failures      integer     NOT NULL DEFAULT 0 CHECK (failures >= 0),
    trips         integer     NOT NULL DEFAULT 0 CHECK (trips >= 0),
    breaker_until timestamptz,
    rests_until   timestamptz,
    budget_due_at timestamptz,
    quota_left    bigint      CHECK (quota_left >= 0)
);

-- The newest answer to a question: its cursor, and what makes the next one conditional. `body` is kept,
-- packed, where the provider can say "not changed": its prices are then seen again without being sent.
CREATE TABLE poll_answer (
    provider      text        NOT NULL CHECK (length(provider) BETWEEN 1 AND 60),
    question      text        NOT NULL CHECK (length(question) BETWEEN 1 AND 600),
    answered_at   timestamptz NOT NULL,
    fresh_until   timestamptz NOT NULL,
    cursor        text        CHECK (length(cursor) <= 200),
    etag          text        CHECK (length(etag) <= 300),
    last_modified text        CHECK (length(last_modified) <= 100),
    body          bytea       CHECK (length(body) <= 8388608),
    PRIMARY KEY (provider, question)
);
CREATE INDEX poll_answer_by_age ON poll_answer (provider, answered_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON poll, poll_provider, poll_answer TO overround_worker;
