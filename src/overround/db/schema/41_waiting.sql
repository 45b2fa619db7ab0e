-- part: betting.waiting
-- Slips that wait: because their player asked for it, for a person of the house, or for a while.

-- A slip and what becomes of it. Its id is that of the bet it may become; its key is taken in `bet_request` for as
-- long as it waits, and both end in one transaction with the placing (test: a placer killed before its commit places once).
--   asked: the validated slip; passes: what it has waited for already; due_at: when it may be placed, NULL while a
--   person is to decide; expires_at: when nobody waits for it any more; alternative: what the house offers instead;
--   agreed_e4: the prices that were offered and accepted; decided_by and reason: whose word it was.
CREATE TABLE slip (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    key          text        NOT NULL CHECK (length(key) BETWEEN 1 AND 100),
    token_sha256 bytea       CHECK (length(token_sha256) = 32),
    asked        jsonb       NOT NULL CHECK (jsonb_typeof(asked) = 'object' AND length(asked::text) <= 16000),
    stake_minor  bigint      NOT NULL CHECK (stake_minor > 0),
    win_minor    bigint      NOT NULL CHECK (win_minor >= 0),
    why          text        NOT NULL CHECK (why IN ('asked', 'approval', 'delay')),
    passes       text        CHECK (passes IN ('approval', 'delay')),
    state        text        NOT NULL CHECK (state IN ('waiting', 'offered', 'decided', 'expired', 'withdrawn')),
    entered_at   timestamptz NOT NULL,
    due_at       timestamptz,
    expires_at   timestamptz NOT NULL,
    attempts     integer     NOT NULL DEFAULT 0,
    alternative  jsonb       CHECK (jsonb_typeof(alternative) = 'object' AND length(alternative::text) <= 2000),
    agreed_e4    integer[]   CHECK (cardinality(agreed_e4) BETWEEN 1 AND 20),
    decided_by   uuid,
    reason       text        CHECK (length(reason) BETWEEN 1 AND 300),
    answer       jsonb       CHECK (length(answer::text) <= 4000),
    ended_at     timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT slip_key_once UNIQUE (tenant_id, user_id, key),
    CONSTRAINT slip_offered_something CHECK (state <> 'offered' OR alternative IS NOT NULL),
    CONSTRAINT slip_offered_waits CHECK (state <> 'offered' OR due_at IS NULL),
    CONSTRAINT slip_ended_whole CHECK (
        (state IN ('waiting', 'offered')) = (ended_at IS NULL) AND (ended_at IS NULL) = (answer IS NULL))
) WITH (fillfactor = 70);
-- What has to be looked at next, of all tenants: placed when it is due, ended when it has expired.
CREATE INDEX slip_next ON slip (least(due_at, expires_at)) WHERE state IN ('waiting', 'offered');
-- What waits of one tenant, in its order, and of one player.
CREATE INDEX slip_queue ON slip (tenant_id, entered_at, id) WHERE state IN ('waiting', 'offered');
CREATE INDEX slip_by_user ON slip (tenant_id, user_id, id DESC);
CALL tenant_table_v1('slip');
GRANT SELECT, INSERT ON slip TO overround_app;
GRANT SELECT ON slip TO overround_worker;
GRANT UPDATE (why, passes, token_sha256, state, stake_minor, win_minor, asked, due_at, expires_at, attempts, alternative, agreed_e4,
    decided_by, reason, answer, ended_at) ON slip TO overround_app, overround_worker;
