-- part: betting.cashouts
-- What a tenant pays for bets that end early, what players asked, and what they want done by itself.

-- A tenant's terms; one without a row has the defaults of the code. Of an event in play a price has to
-- have stood for `delay_s`, because who watches the match knows more than the price; what was last heard
-- `stale_s` ago (in play: `stale_in_play_s`) is not paid by.
CREATE TABLE cash_out_terms (
    tenant_id       uuid    PRIMARY KEY,
    enabled         boolean NOT NULL,
    margin_bps      integer NOT NULL CHECK (margin_bps BETWEEN 0 AND 5000),
    quote_s         integer NOT NULL CHECK (quote_s BETWEEN 2 AND 120),
    delay_s         integer NOT NULL CHECK (delay_s BETWEEN 0 AND 120),
    stale_s         integer NOT NULL CHECK (stale_s BETWEEN 10 AND 604800),
    stale_in_play_s integer NOT NULL CHECK (stale_in_play_s BETWEEN 2 AND 3600)
);
CALL tenant_table_v1('cash_out_terms');
GRANT SELECT, INSERT, UPDATE ON cash_out_terms TO overround_app, overround_worker;

-- A player's key and the answer it got; a refusal is an answer too. Written while his money is locked, so
-- that one key is answered once (test: one key cashes out once).
CREATE TABLE cash_out_request (
    tenant_id   uuid        NOT NULL,
    user_id     uuid        NOT NULL,
    key         text        NOT NULL CHECK (length(key) BETWEEN 1 AND 64),
    body_sha256 bytea       NOT NULL CHECK (octet_length(body_sha256) = 32),
    answer      jsonb       NOT NULL CHECK (jsonb_typeof(answer) = 'object' AND length(answer::text) <= 2000),
    at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id, key)
);
CALL tenant_table_v1('cash_out_request');
GRANT SELECT, INSERT ON cash_out_request TO overround_app, overround_worker;

-- A bet that its player wants cashed out, all that is left of it, as soon as that pays `at_least_minor`.
-- Done in the transaction that pays, so it is done once (test: an order is done once by two settlers).
CREATE TABLE cash_out_order (
    tenant_id      uuid        NOT NULL,
    bet_id         uuid        NOT NULL,
    user_id        uuid        NOT NULL,
    at_least_minor bigint      NOT NULL CHECK (at_least_minor > 0),
    state          text        NOT NULL CHECK (state IN ('waiting', 'done', 'dropped')),
    changed_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, bet_id),
    FOREIGN KEY (tenant_id, bet_id) REFERENCES bet (tenant_id, id)
);
CREATE INDEX cash_out_order_waiting ON cash_out_order (tenant_id, bet_id) WHERE state = 'waiting';
CALL tenant_table_v1('cash_out_order');
GRANT SELECT, INSERT ON cash_out_order TO overround_app, overround_worker;
GRANT UPDATE (at_least_minor, state, changed_at) ON cash_out_order TO overround_app, overround_worker;
