-- part: betting.bets
-- What the book accepted, and what it answered. One call places many slips (41_bets.sql); one call settles many bets.
-- No foreign keys in what every bet writes (decision 0005): the one writer reads the player, his accounts
-- and the selection before it inserts, and `overround verify` looks again (test: tampering with bets is found).
-- Columns of one width stand together, the widest first: what lies between them to align them is in the
-- write-ahead log too, 30 bytes of a bet. What is empty while a bet is open takes no room wherever it stands.

CREATE DOMAIN bet_kind AS text CHECK (VALUE IN ('single', 'combo', 'system'));
CREATE DOMAIN bet_legs AS smallint CHECK (VALUE BETWEEN 1 AND 20);
CREATE DOMAIN bet_sizes AS smallint[] CHECK (cardinality(VALUE) BETWEEN 1 AND 20);
CREATE DOMAIN bet_policy AS text CHECK (VALUE IN ('none', 'higher', 'any'));
CREATE DOMAIN bet_rounding AS text CHECK (VALUE IN ('down', 'half_even'));
CREATE DOMAIN bet_status AS text CHECK (VALUE IN ('open', 'settled'));
CREATE DOMAIN bet_outcome AS text CHECK (VALUE IN ('won', 'lost', 'void', 'half_won', 'half_lost', 'cashed_out'));
CREATE DOMAIN leg_price_e4 AS integer CHECK (VALUE > 10000);
CREATE DOMAIN leg_grade AS text CHECK (VALUE IN ('won', 'lost', 'void', 'half_won', 'half_lost'));
CREATE DOMAIN leg_place_grade AS text CHECK (VALUE IN ('won', 'lost', 'void'));
CREATE DOMAIN leg_dead_heat AS text CHECK (VALUE ~ '^[1-9][0-9]{0,2}/[1-9][0-9]{0,2}$');
CREATE DOMAIN bet_key AS text CHECK (length(VALUE) BETWEEN 1 AND 100);
CREATE DOMAIN bet_decision AS text CHECK (VALUE IN ('accepted', 'refused', 'waiting'));

CREATE TABLE bet (
    tenant_id              uuid           NOT NULL,
    id                     uuid           NOT NULL,
    user_id                uuid           NOT NULL,
    book_id                uuid           NOT NULL,
    stake_minor            positive_minor NOT NULL,
    potential_payout_minor positive_minor NOT NULL,
    payout_minor           minor_or_none,
    placed_at              timestamptz    NOT NULL,
    settled_at             timestamptz,
    settlement_version     integer        NOT NULL DEFAULT 0,
    legs                   bet_legs       NOT NULL,
    -- Half of the stake stands on the legs to win, half on them to be placed.
    each_way               boolean        NOT NULL DEFAULT false,
    kind                   bet_kind       NOT NULL,
    currency               text           NOT NULL,
    odds_policy            bet_policy     NOT NULL,
    payout_rounding        bet_rounding   NOT NULL,
    status                 bet_status     NOT NULL DEFAULT 'open',
    outcome                bet_outcome,
    -- How many legs the lines of a system have, the bankers included; the stake is shared by all its lines.
    sizes                  bet_sizes,
    PRIMARY KEY (tenant_id, id),
    -- Few words, because they are read anew for each statement that writes here.
    CONSTRAINT bet_settled_whole CHECK (
        (status = 'open') = (outcome IS NULL) AND (outcome IS NULL) = (payout_minor IS NULL)
        AND (outcome IS NULL) = (settled_at IS NULL)),
    CONSTRAINT bet_sizes_of_system CHECK ((kind = 'system') = (sizes IS NOT NULL)),
    -- No grade multiplies by more than the price, and both amounts are rounded once, the same way.
    CONSTRAINT bet_paid_within_potential CHECK (payout_minor <= potential_payout_minor)
) WITH (fillfactor = 90);
-- Without the id: two bets of a player of one microsecond are told apart when they are read.
CREATE INDEX bet_by_user ON bet (tenant_id, user_id, placed_at DESC);
CALL tenant_table_v1('bet');
GRANT SELECT ON bet TO overround_app, overround_worker;

-- A leg keeps the price the player saw and the price that was taken.
CREATE TABLE leg (
    tenant_id       uuid         NOT NULL,
    bet_id          uuid         NOT NULL,
    event_id        uuid         NOT NULL,
    market_id       uuid         NOT NULL,
    selection_id    uuid         NOT NULL,
    offer_version   bigint       NOT NULL,
    price_e4        leg_price_e4 NOT NULL,
    shown_price_e4  integer      NOT NULL,
    -- By which version of the event's result the leg is graded: 0 by a ruling of the tenant's alone; and
    -- how many rulings about the event had been made.
    result_version  integer,
    ruling_version  integer      NOT NULL DEFAULT 0,
    n               smallint     NOT NULL,
    -- In every line of its system.
    banker          boolean      NOT NULL DEFAULT false,
    grade           leg_grade,
    -- Of a bet each way: the terms it was placed at, and what the leg came to, to be placed.
    place_terms     text,
    place_grade     leg_place_grade,
    -- What those who tie share of the price, 1/2 where two tie for one place; NULL where nobody ties.
    dead_heat       leg_dead_heat,
    place_dead_heat leg_dead_heat,
    PRIMARY KEY (tenant_id, bet_id, n),
    CONSTRAINT leg_graded_by_result CHECK ((grade IS NULL) = (result_version IS NULL)),
    CONSTRAINT leg_placed_each_way CHECK (
        (place_grade IS NOT NULL) = (place_terms IS NOT NULL AND grade IS NOT NULL))
) WITH (fillfactor = 90);
-- Graded legs too: a corrected result finds the open bets whose legs the wrong one graded.
CREATE INDEX leg_by_event ON leg (tenant_id, event_id);
CALL tenant_table_v1('leg');
GRANT SELECT ON leg TO overround_app, overround_worker;

-- A player's key and the answer it got: the same request gets the same answer, refusals too.
-- Kept apart from `bet`: a random key in a big table's index would double its write-ahead log.
CREATE TABLE bet_request (
    tenant_id   uuid          NOT NULL,
    user_id     uuid          NOT NULL,
    bet_id      uuid,
    at          timestamptz   NOT NULL,
    body_sha256 sha256_digest NOT NULL,
    key         bet_key       NOT NULL,
    -- waiting: its slip waits (41_bets_waiting.sql), and the answer to its key is that it does.
    decision    bet_decision  NOT NULL,
    answer      jsonb,
    PRIMARY KEY (tenant_id, user_id, key),
    -- An accepted answer is made of the bet's own rows, which never change in what it says.
    CONSTRAINT bet_request_answered CHECK ((decision = 'accepted') = (bet_id IS NOT NULL)
        AND (bet_id IS NULL) = (answer IS NOT NULL))
);
CALL tenant_table_v1('bet_request');
GRANT SELECT ON bet_request TO overround_app, overround_worker;
