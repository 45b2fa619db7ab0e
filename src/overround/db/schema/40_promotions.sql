-- part: betting.freebets
-- Stakes that a tenant gives to its players. A grant is a promise and moves no money; the bet that uses it does
-- (41_bets_free.sql).

CREATE TABLE free_bet (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL,
    user_id        uuid        NOT NULL,
    amount_minor   bigint      NOT NULL CHECK (amount_minor > 0),
    currency       text        NOT NULL,
    -- Whether a bet that wins pays its stake to the player too; otherwise that goes back to the tenant.
    stake_returned boolean     NOT NULL,
    -- What it may be used for: the least price of a leg, and the kinds and sports; NULL is any.
    price_min_e4   integer     CHECK (price_min_e4 > 10000),
    kinds          text[]      CHECK (cardinality(kinds) > 0 AND kinds <@ ARRAY['single', 'combo', 'system']),
    sports         text[]      CHECK (cardinality(sports) BETWEEN 1 AND 20),
    expires_at     timestamptz NOT NULL,
    state          text        NOT NULL CHECK (state IN ('proposed', 'granted', 'used', 'expired', 'refused', 'revoked')),
    reason         text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 300),
    -- Who granted it, by which word of his; of one that came back from a void bet nobody did.
    granted_by     uuid,
    key            text        CHECK (length(key) BETWEEN 1 AND 64),
    body_sha256    bytea       CHECK (length(body_sha256) = 32),
    granted_at     timestamptz NOT NULL,
    decided_by     uuid,
    decided_at     timestamptz,
    bet_id         uuid,
    used_at        timestamptz,
    -- What of the stake has come back to the tenant: all of it where the bet was void.
    back_minor     bigint      NOT NULL DEFAULT 0 CHECK (back_minor BETWEEN 0 AND amount_minor),
    from_bet_id    uuid,
    PRIMARY KEY (tenant_id, id),
    -- A grant names one bet, and no two name the same: it is used once (test: one free bet is used once).
    CONSTRAINT free_bet_of_bet UNIQUE (tenant_id, bet_id),
    CONSTRAINT free_bet_from_bet UNIQUE (tenant_id, from_bet_id),
    CONSTRAINT free_bet_key UNIQUE (tenant_id, granted_by, key),
    CONSTRAINT free_bet_used_whole CHECK ((state = 'used') = (bet_id IS NOT NULL) AND (bet_id IS NULL) = (used_at IS NULL)),
    CONSTRAINT free_bet_given_by CHECK (
        (granted_by IS NULL) = (from_bet_id IS NOT NULL) AND (granted_by IS NULL) = (key IS NULL)
        AND (granted_by IS NULL) = (body_sha256 IS NULL)),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX free_bet_by_user ON free_bet (tenant_id, user_id, id DESC);
CREATE INDEX free_bet_to_expire ON free_bet (tenant_id, expires_at) WHERE state IN ('proposed', 'granted');
CALL tenant_table_v1('free_bet');
GRANT SELECT ON free_bet TO overround_app, overround_worker;
-- The office grants and decides. Which bet used one, and what came back, is written by the functions below.
GRANT INSERT (tenant_id, id, user_id, amount_minor, currency, stake_returned, price_min_e4, kinds, sports, expires_at,
              state, reason, granted_by, key, body_sha256, granted_at),
      UPDATE (state, decided_by, decided_at) ON free_bet TO overround_app, overround_worker;

-- A bet was accepted on it: NULL, or the refusal with its bounds. Only for who places bets, with the player's
-- accounts locked: so two bets on one grant come one after the other.
--   p_price_e4: the least price of a leg that was taken.
CREATE FUNCTION free_bet_use_v1(
    p_tenant uuid, p_user uuid, p_id uuid, p_bet uuid, p_stake bigint, p_kind text, p_sports text[],
    p_price_e4 integer, p_at timestamptz)
RETURNS jsonb LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_free    free_bet%ROWTYPE;
    v_refusal text;
BEGIN
    SELECT * INTO v_free FROM free_bet WHERE tenant_id = p_tenant AND id = p_id AND user_id = p_user FOR UPDATE;
    v_refusal := CASE
        WHEN v_free.id IS NULL OR v_free.state IN ('proposed', 'refused', 'revoked') THEN 'free_bet_unknown'
        WHEN v_free.state = 'used' THEN 'free_bet_used'
        WHEN v_free.state = 'expired' OR v_free.expires_at <= p_at THEN 'free_bet_expired'
        WHEN v_free.amount_minor <> p_stake THEN 'free_bet_stake'
        WHEN NOT p_kind = ANY (v_free.kinds) THEN 'free_bet_kind'
        WHEN NOT p_sports <@ v_free.sports THEN 'free_bet_sport'
        WHEN p_price_e4 < v_free.price_min_e4 THEN 'free_bet_price'
    END;
    IF v_refusal IS NOT NULL THEN
        RETURN jsonb_strip_nulls(jsonb_build_object(
            'refusal', v_refusal, 'currency', v_free.currency,
            'stake_minor', CASE WHEN v_refusal = 'free_bet_stake' THEN v_free.amount_minor END,
            'price_min_e4', CASE WHEN v_refusal = 'free_bet_price' THEN v_free.price_min_e4 END));
    END IF;
    UPDATE free_bet SET state = 'used', bet_id = p_bet, used_at = p_at WHERE tenant_id = p_tenant AND id = p_id;
    RETURN NULL;
END
$$;

-- What the bets have come to: of each stake so much is back with the tenant. Whoever's bet was void has another
-- free bet for it, for a week at least; where the bet stands again, that is taken back if it was not used
-- (test: a void free bet comes back once). Only for who settles.
CREATE FUNCTION free_bets_settled_v1(p_tenant uuid, p_bet uuid[], p_back bigint[], p_void boolean[], p_at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE free_bet f SET back_minor = s.back
    FROM unnest(p_bet, p_back) AS s (bet, back) WHERE f.tenant_id = p_tenant AND f.bet_id = s.bet;
    INSERT INTO free_bet AS f (tenant_id, id, user_id, amount_minor, currency, stake_returned, price_min_e4, kinds, sports,
                               expires_at, state, reason, granted_at, from_bet_id)
    SELECT p_tenant, uuidv7(), g.user_id, g.amount_minor, g.currency, g.stake_returned, g.price_min_e4, g.kinds, g.sports,
           greatest(g.expires_at, p_at + interval '7 days'), 'granted', 'The bet was void.', p_at, g.bet_id
    FROM unnest(p_bet, p_void) AS s (bet, is_void)
    JOIN free_bet g ON g.tenant_id = p_tenant AND g.bet_id = s.bet WHERE s.is_void
    ON CONFLICT (tenant_id, from_bet_id) DO UPDATE SET state = 'granted', expires_at = EXCLUDED.expires_at
    WHERE f.state = 'revoked';
    UPDATE free_bet f SET state = 'revoked'
    FROM unnest(p_bet, p_void) AS s (bet, is_void)
    WHERE f.tenant_id = p_tenant AND f.from_bet_id = s.bet AND NOT s.is_void AND f.state IN ('granted', 'expired');
END
$$;
