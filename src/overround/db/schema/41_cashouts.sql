-- part: betting.cashouts
-- What a tenant pays for bets that end early, what players asked, and what they want done by itself.

-- A tenant's terms; one without a row has the defaults of the code. What was last heard of an event before its
-- start `stale_s` ago is not paid by. Of an event in play a price has to have stood for `delay_s` before anybody is
-- quoted, because who watches the match knows more than the price; how long what he asks for waits then, and
-- how old a word may be, is the bets' own (`offer_in_play`).
CREATE TABLE cash_out_terms (
    tenant_id  uuid    PRIMARY KEY,
    enabled    boolean NOT NULL,
    margin_bps integer NOT NULL CHECK (margin_bps BETWEEN 0 AND 5000),
    quote_s    integer NOT NULL CHECK (quote_s BETWEEN 2 AND 120),
    delay_s    integer NOT NULL CHECK (delay_s BETWEEN 0 AND 120),
    stale_s    integer NOT NULL CHECK (stale_s BETWEEN 10 AND 604800)
);
CALL tenant_table_v1('cash_out_terms');
GRANT SELECT, INSERT, UPDATE ON cash_out_terms TO overround_app, overround_worker;

-- What quotes are sealed with, so that any process knows one of ours and nobody makes or alters one. One row,
-- made with the schema; no player's request can read it out.
CREATE TABLE cash_out_seal (
    is_one boolean PRIMARY KEY CHECK (is_one),
    secret bytea   NOT NULL CHECK (octet_length(secret) = 32)
);
INSERT INTO cash_out_seal (is_one, secret) VALUES (true, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
GRANT SELECT ON cash_out_seal TO overround_app, overround_worker;

-- What was asked, and what became of it; a refusal is an answer too. Its id is that of the cash-out it may become.
-- Written while the player's money is locked, so that one key is answered once (test: one key cashes out once).
--   key: NULL of one that an order made; share_bps to tolerance_bps: the quote that was agreed to, and what of a change.
--   due_at: when one that stands the delay of an event in play is paid; scores: how the events of its legs stood when
--   it was asked; answer: NULL while it waits. It holds no money meanwhile, and a bet has one at most.
CREATE TABLE cash_out_request (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    user_id       uuid        NOT NULL,
    bet_id        uuid        NOT NULL,
    key           text        CHECK (length(key) BETWEEN 1 AND 64),
    body_sha256   bytea       CHECK (octet_length(body_sha256) = 32),
    share_bps     integer     NOT NULL CHECK (share_bps BETWEEN 1 AND 10000),
    amount_minor  bigint      NOT NULL CHECK (amount_minor > 0),
    digest        text        NOT NULL CHECK (length(digest) <= 16),
    policy        text        NOT NULL CHECK (policy IN ('none', 'higher', 'any')),
    tolerance_bps integer     NOT NULL CHECK (tolerance_bps BETWEEN 0 AND 10000),
    at            timestamptz NOT NULL,
    due_at        timestamptz,
    scores        jsonb       CHECK (length(scores::text) <= 16000),
    answer        jsonb       CHECK (jsonb_typeof(answer) = 'object' AND length(answer::text) <= 2000),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT cash_out_request_key_once UNIQUE (tenant_id, user_id, key),
    CONSTRAINT cash_out_request_key_whole CHECK ((key IS NULL) = (body_sha256 IS NULL)),
    CONSTRAINT cash_out_request_waits CHECK ((due_at IS NULL) = (scores IS NULL) AND (answer IS NOT NULL OR due_at IS NOT NULL)),
    FOREIGN KEY (tenant_id, bet_id) REFERENCES bet (tenant_id, id)
);
CREATE UNIQUE INDEX cash_out_request_one_waits ON cash_out_request (tenant_id, bet_id) WHERE answer IS NULL;
-- What has to be looked at next, of all tenants; and what was asked of a bet.
CREATE INDEX cash_out_request_due ON cash_out_request (due_at) WHERE answer IS NULL;
CREATE INDEX cash_out_request_by_bet ON cash_out_request (tenant_id, bet_id, id DESC);
CALL tenant_table_v1('cash_out_request');
GRANT SELECT, INSERT ON cash_out_request TO overround_app, overround_worker;
-- Who serves people answers nothing that waits.
GRANT UPDATE (answer) ON cash_out_request TO overround_worker;

-- A bet that its player wants cashed out, all that is left of it, as soon as that pays `at_least_minor`. It asks as
-- its player would, and is done in the transaction that pays (test: an order is done once by two settlers). One whose
-- bet is over has ended: by whoever looks at orders, because settling looks at none (test: an order ends with its bet).
CREATE TABLE cash_out_order (
    tenant_id      uuid        NOT NULL,
    bet_id         uuid        NOT NULL,
    user_id        uuid        NOT NULL,
    at_least_minor bigint      NOT NULL CHECK (at_least_minor > 0),
    state          text        NOT NULL CHECK (state IN ('waiting', 'done', 'dropped', 'ended')),
    changed_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, bet_id),
    FOREIGN KEY (tenant_id, bet_id) REFERENCES bet (tenant_id, id)
);
CREATE INDEX cash_out_order_waiting ON cash_out_order (tenant_id, bet_id) WHERE state = 'waiting';
CALL tenant_table_v1('cash_out_order');
GRANT SELECT, INSERT ON cash_out_order TO overround_app, overround_worker;
GRANT UPDATE (at_least_minor, state, changed_at) ON cash_out_order TO overround_app, overround_worker;

-- How the open legs of some bets stand whose events are being played: why a bet on such a leg would be refused now
-- (NULL: it would not), and the score. The same question as a bet's, so that a house never pays out what it would
-- not lay. p_then: how the events stood when it was asked, one for each leg, of what has stood its delay.
CREATE FUNCTION cash_out_in_play_v1(p_tenant uuid, p_bet uuid[], p_at timestamptz, p_then jsonb)
RETURNS TABLE (bet_id uuid, n smallint, refusal text, score jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT l.bet_id, l.n,
           bets_in_play_refusal_v1(p_tenant, l.event_id, l.market_id, p_at, p_then IS NOT NULL, nullif(p_then -> l.n - 1, 'null')),
           event_score_so_far(s.scores)
    FROM leg l
    JOIN event e ON e.id = l.event_id AND e.status = 'live'
    LEFT JOIN event_score s ON s.event_id = l.event_id
    WHERE l.tenant_id = p_tenant AND l.bet_id = ANY (p_bet) AND l.grade IS NULL
$$;
GRANT EXECUTE ON FUNCTION cash_out_in_play_v1 TO overround_app, overround_worker;

-- How long, in milliseconds, a bet on the open legs that are being played would wait now; none: nothing.
CREATE FUNCTION cash_out_delay_v1(p_tenant uuid, p_user uuid, p_bet uuid)
RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(max(r.delay_ms), 0)
    FROM (SELECT array_agg(1) AS slips, array_agg(l.event_id) AS events, array_agg(l.market_id) AS markets,
                 array_agg(l.selection_id) AS selections
          FROM leg l JOIN event e ON e.id = l.event_id AND e.status = 'live'
          WHERE l.tenant_id = p_tenant AND l.bet_id = p_bet AND l.grade IS NULL) p,
         risk_wait_v1(ARRAY[p_tenant], ARRAY[p_user], p.slips, p.events, p.markets, p.selections) r
$$;
GRANT EXECUTE ON FUNCTION cash_out_delay_v1 TO overround_app, overround_worker;
