-- part: betting.bets
-- Bets that were taken already: the book of a house that comes from elsewhere, or of a benchmark. Many thousands
-- in a call, by the same writer of money as every other bet.

-- Take over open singles and combos as they were accepted; returns how many. Granted to no login: who may call
-- it says what was accepted, at which price, and nobody is asked
-- (test: no login posts a transfer or opens an account of its choice).
--   p_leg_bet: from 1, to which bet a leg belongs; legs of a bet stand in order. p_potential: what the bet pays when
--   all its legs win, by core.bets. p_key: the player's, so that asking again for it is answered.
-- What other bets owe the book, these do: the players' money is locked in the order of their ids, money moves before
-- anything else is written, and what stands at risk is added to
-- (test: a loaded book is a sound book). Raises account_missing and account_floor of the ledger,
-- bet_leg_unknown (a leg without its selection or its bet, or a bet without legs) and bet_legs_conflict (two on one
-- event); then nothing of the call stays (test: what does not fit leaves nothing of its call).
-- Planned for the arrays at hand: of thousands of rows the plan for a few would be a loop over loops.
CREATE FUNCTION bets_load_v1(
    p_tenant uuid, p_bet uuid[], p_user uuid[], p_key text[], p_stake bigint[], p_potential bigint[],
    p_at timestamptz[], p_leg_bet integer[], p_leg_selection uuid[], p_leg_price_e4 integer[])
RETURNS integer LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    v_count  integer := coalesce(cardinality(p_bet), 0);
    v_cash   uuid[];
    v_held   uuid[];
    v_bets   integer;
    v_legs   integer;
    v_events integer;
    v_event  uuid[];
    v_market uuid[];
BEGIN
    IF v_count > 50000 THEN
        RAISE EXCEPTION '% bets in one call; at most 50000', v_count USING ERRCODE = 'program_limit_exceeded';
    END IF;
    PERFORM 1 FROM (SELECT DISTINCT u.id FROM unnest(p_user) AS u (id)) u
    JOIN account a ON a.tenant_id = p_tenant AND a.owner_id = u.id AND a.kind = 'cash'
    ORDER BY a.id FOR NO KEY UPDATE OF a;
    SELECT array_agg(a.cash_id ORDER BY a.n), array_agg(a.held_id ORDER BY a.n) INTO v_cash, v_held
    FROM (SELECT u.n, c.id AS cash_id, h.id AS held_id
          FROM unnest(p_user) WITH ORDINALITY AS u (id, n)
          LEFT JOIN account c ON c.tenant_id = p_tenant AND c.owner_id = u.id AND c.kind = 'cash'
          LEFT JOIN account h ON h.tenant_id = p_tenant AND h.owner_id = u.id AND h.kind = 'held') a;
    PERFORM ledger_post_many_v1(
        array_fill(p_tenant, ARRAY[v_count]), p_at, p_bet, array_fill('stake_hold'::text, ARRAY[v_count]),
        array_fill(0, ARRAY[v_count]), v_cash, v_held, p_stake, true);
    WITH leg_of AS MATERIALIZED (
        SELECT l.bet, l.n, l.selection_id, l.price_e4, s.event_id, s.market_id
        FROM unnest(p_leg_bet, p_leg_selection, p_leg_price_e4) WITH ORDINALITY AS l (bet, selection_id, price_e4, n)
        JOIN selection s ON s.id = l.selection_id
    ), laid AS (
        INSERT INTO bet (tenant_id, id, user_id, book_id, kind, legs, stake_minor, currency, potential_payout_minor,
                         odds_policy, payout_rounding, placed_at)
        SELECT t.id, b.id, b.user_id, t.book_id, CASE WHEN l.legs = 1 THEN 'single' ELSE 'combo' END, l.legs, b.stake,
               t.currency, b.potential, 'none', t.payout_rounding, b.at
        FROM unnest(p_bet, p_user, p_stake, p_potential, p_at) WITH ORDINALITY
                 AS b (id, user_id, stake, potential, at, n)
        JOIN tenant t ON t.id = p_tenant
        JOIN (SELECT o.bet, count(*) AS legs FROM leg_of o GROUP BY o.bet) l ON l.bet = b.n
        RETURNING id
    ), stood AS (
        INSERT INTO leg (tenant_id, bet_id, n, event_id, market_id, selection_id, price_e4, shown_price_e4, offer_version)
        SELECT p_tenant, p_bet[l.bet], row_number() OVER (PARTITION BY l.bet ORDER BY l.n), l.event_id, l.market_id,
               l.selection_id, l.price_e4, l.price_e4, 0
        FROM leg_of l
        RETURNING bet_id, event_id
    ), answered AS (
        INSERT INTO bet_request (tenant_id, user_id, key, body_sha256, bet_id, decision, at)
        SELECT p_tenant, b.user_id, b.key, sha256(convert_to(b.key, 'UTF8')), b.id, 'accepted', b.at
        FROM unnest(p_user, p_key, p_bet, p_at) AS b (user_id, key, id, at)
    )
    SELECT (SELECT count(*) FROM laid), (SELECT count(*) FROM stood),
           (SELECT count(*) FROM (SELECT DISTINCT s.bet_id, s.event_id FROM stood s) d)
    INTO v_bets, v_legs, v_events;
    IF v_bets <> v_count OR v_legs <> cardinality(p_leg_bet) THEN
        RAISE EXCEPTION 'a leg has no selection or no bet, or a bet has no legs'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bet_leg_unknown';
    END IF;
    IF v_events <> v_legs THEN
        RAISE EXCEPTION 'a bet has two legs on one event'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bet_legs_conflict';
    END IF;
    SELECT array_agg(s.event_id ORDER BY l.n), array_agg(s.market_id ORDER BY l.n) INTO v_event, v_market
    FROM unnest(p_leg_selection) WITH ORDINALITY AS l (id, n) JOIN selection s ON s.id = l.id;
    PERFORM bets_laid_v1(array_fill(p_tenant, ARRAY[v_count]), p_stake, p_potential, p_at, p_leg_bet, v_event, v_market,
                         p_leg_selection, p_leg_price_e4, ARRAY(SELECT generate_series(1, v_count)));
    RETURN v_count;
END
$$;
