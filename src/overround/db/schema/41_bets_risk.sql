-- part: betting.bets
-- What bets mean to risk: what they add to its rows when they are laid, which rows they leave stale when they
-- change, and which of them it has no room for.

-- A leg's share of its bet: the stake of a single at the leg's price that wins its part of what the bet can
-- still win, so that the shares of all legs win together what the bet wins. A single's is the bet itself.
--   p_value: what the bet is worth with all its open legs void; p_potential: with all of them won;
--   p_prices: the sum of the open legs' price_e4, of which there are p_legs.
-- The marginal value of the next open leg, by Azuro's formula (product - 1) * stake / (sum of prices - legs).
CREATE FUNCTION bets_share_v1(p_value bigint, p_potential bigint, p_prices bigint, p_legs bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN p_legs = 1 THEN p_value
                ELSE ceil((p_potential - p_value) * 10000::numeric / (p_prices - 10000 * p_legs))::bigint END
$$;

-- What a leg's share is paid if the leg wins, rounded against the house.
CREATE FUNCTION bets_share_payout_v1(p_share bigint, p_potential bigint, p_price_e4 integer, p_legs bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN p_legs = 1 THEN p_potential ELSE ceil(p_share * p_price_e4::numeric / 10000)::bigint END
$$;

-- What of a share each way is paid if its runner is placed: half of it, at one and a part of the winnings ("1/4 1-3": a quarter).
CREATE FUNCTION bets_place_share_v1(p_share bigint, p_price_e4 integer, p_terms text)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ceil(p_share * (p_price_e4 + (d.divisor - 1) * 10000)::numeric / (d.divisor * 20000))::bigint
    FROM (SELECT substring(p_terms, '^1/([0-9]+)')::bigint AS divisor) d
$$;

-- Bets were laid: what each of their legs has on its selection is added to the rows of risk. Called by what lays bets, and
-- no trigger, which would read every bet back; `overround verify --deep` finds a bet that was not added
-- (test: the rows are those of the open bets whatever happens). Nobody may call it but those.
--   p_leg_bet: from 1, to which bet a leg belongs; p_which: whose legs are added, in any order.
CREATE FUNCTION bets_laid_v1(
    p_tenant uuid[], p_stake bigint[], p_potential bigint[], p_at timestamptz[], p_leg_bet integer[], p_leg_event uuid[],
    p_leg_market uuid[], p_leg_selection uuid[], p_leg_price_e4 integer[], p_which integer[])
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_tenant uuid[];
    v_share  bigint[];
    v_payout bigint[];
    v_at     timestamptz[];
    v_which  integer[];
BEGIN
    SELECT array_agg(p_tenant[s.bet] ORDER BY s.n), array_agg(p_at[s.bet] ORDER BY s.n), array_agg(s.share ORDER BY s.n),
           array_agg(bets_share_payout_v1(s.share, p_potential[s.bet], p_leg_price_e4[s.n], s.legs) ORDER BY s.n),
           array_agg(s.n ORDER BY s.n) FILTER (WHERE w.bet IS NOT NULL)
    INTO v_tenant, v_at, v_share, v_payout, v_which
    FROM (SELECT l.n::integer AS n, l.bet, count(*) OVER of_bet AS legs,
                 bets_share_v1(p_stake[l.bet], p_potential[l.bet], sum(p_leg_price_e4[l.n]) OVER of_bet, count(*) OVER of_bet)
                     AS share
          FROM unnest(p_leg_bet) WITH ORDINALITY AS l (bet, n)
          WINDOW of_bet AS (PARTITION BY l.bet)) s
    LEFT JOIN unnest(p_which) AS w (bet) ON w.bet = s.bet;
    PERFORM risk_laid_v1(v_tenant, p_leg_event, p_leg_market, p_leg_selection, v_share, v_payout, v_at, v_which);
END
$$;

-- Of the accepted slips each way, what their place parts add to the rows: of each leg's share half, at its place price,
-- rounded against the house. Granted to no login.
CREATE FUNCTION bets_placed_each_way_v1(
    p_tenant uuid[], p_stake bigint[], p_potential bigint[], p_leg_bet integer[], p_leg_event uuid[], p_leg_selection uuid[],
    p_leg_price_e4 integer[], p_leg_terms text[], p_which integer[])
RETURNS void LANGUAGE sql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT risk_placed_v1(array_agg(p_tenant[s.bet]), array_agg(p_leg_event[s.n]), array_agg(p_leg_selection[s.n]),
                          array_agg(bets_place_share_v1(s.share, p_leg_price_e4[s.n], p_leg_terms[s.n])))
    FROM (SELECT l.n::integer AS n, l.bet,
                 bets_share_v1(p_stake[l.bet], p_potential[l.bet], sum(p_leg_price_e4[l.n]) OVER of_bet, count(*) OVER of_bet)
                     AS share
          FROM unnest(p_leg_bet) WITH ORDINALITY AS l (bet, n)
          WINDOW of_bet AS (PARTITION BY l.bet)) s
    WHERE s.bet = ANY (p_which) AND p_leg_terms[s.n] IS NOT NULL
$$;

-- Triggers and not calls for all else: what settles, cashes out, and whatever comes later changes bets; what one of them
-- forgot would be a cap that nobody keeps (test: the rows are those of the open bets whatever happens). They
-- fire once for a statement, so once for a batch.

-- A leg that is graded changes what its bet has on the other legs' events too.
CREATE FUNCTION bets_graded() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM risk_stale_v1(array_agg(s.tenant_id), array_agg(s.event_id))
    FROM (SELECT DISTINCT l.tenant_id, l.event_id
          FROM (SELECT DISTINCT c.tenant_id, c.bet_id FROM changed c) c
          JOIN leg l ON l.tenant_id = c.tenant_id AND l.bet_id = c.bet_id) s
    HAVING count(*) > 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER leg_graded AFTER UPDATE ON leg REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION bets_graded();

CREATE FUNCTION bets_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM risk_stale_v1(array_agg(s.tenant_id), array_agg(s.event_id))
    FROM (SELECT DISTINCT l.tenant_id, l.event_id
          FROM changed c JOIN leg l ON l.tenant_id = c.tenant_id AND l.bet_id = c.id) s
    HAVING count(*) > 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER bet_changed AFTER UPDATE ON bet REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION bets_changed();

-- What a slip has room for by what its player has placed already; NULL where nothing limits it.
--   repeats: how many more bets on the same selections; day_room, event_room: what he may still win, by the
--   tenant's local day of placing and by that of its events on which he wins the most.
--   p_own: his slips of the same call that are taken and not stored yet, among all of the call, from 1: their times, what
--   they win, and all legs with the slip that each belongs to
--   (test: what a player has in a call counts as what he has placed).
CREATE FUNCTION bets_player_room_v1(
    p_tenant uuid, p_user uuid, p_at timestamptz, p_selection uuid[], p_event uuid[],
    p_own integer[] DEFAULT '{}', p_own_at timestamptz[] DEFAULT '{}', p_own_win bigint[] DEFAULT '{}',
    p_leg_slip integer[] DEFAULT '{}', p_leg_event uuid[] DEFAULT '{}', p_leg_selection uuid[] DEFAULT '{}')
RETURNS TABLE (repeats bigint, day_room bigint, event_room bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p.repeat_max - CASE WHEN p.repeat_max IS NOT NULL THEN (
               SELECT count(DISTINCT b.id) FROM bet b JOIN leg l ON l.tenant_id = b.tenant_id AND l.bet_id = b.id
               WHERE b.tenant_id = p_tenant AND b.user_id = p_user AND l.selection_id = ANY (p_selection)
                 AND b.placed_at > p_at - make_interval(secs => p.repeat_s)) + (
               SELECT count(DISTINCT o.slip) FROM unnest(p_leg_slip, p_leg_selection) AS o (slip, selection_id)
               WHERE o.slip = ANY (p_own) AND o.selection_id = ANY (p_selection)
                 AND p_own_at[o.slip] > p_at - make_interval(secs => p.repeat_s)) END,
           p.player_day_max_minor - CASE WHEN p.player_day_max_minor IS NOT NULL THEN ((
               SELECT coalesce(sum(b.potential_payout_minor - b.stake_minor), 0) FROM bet b
               WHERE b.tenant_id = p_tenant AND b.user_id = p_user
                 AND b.placed_at >= date_trunc('day', p_at, t.time_zone)) + (
               SELECT coalesce(sum(p_own_win[o.slip]), 0) FROM unnest(p_own) AS o (slip)
               WHERE p_own_at[o.slip] >= date_trunc('day', p_at, t.time_zone)))::bigint END,
           p.player_event_max_minor - CASE WHEN p.player_event_max_minor IS NOT NULL THEN (
               SELECT coalesce(max(w.win), 0)::bigint FROM (
                   SELECT sum(e.win) AS win FROM (
                       SELECT l.event_id, b.potential_payout_minor - b.stake_minor AS win
                       FROM leg l JOIN bet b ON b.tenant_id = l.tenant_id AND b.id = l.bet_id
                       WHERE l.tenant_id = p_tenant AND l.event_id = ANY (p_event) AND b.user_id = p_user
                         AND b.status = 'open'
                       UNION ALL
                       SELECT o.event_id, p_own_win[o.slip] FROM unnest(p_leg_slip, p_leg_event) AS o (slip, event_id)
                       WHERE o.slip = ANY (p_own) AND o.event_id = ANY (p_event)) e
                   GROUP BY e.event_id) w) END
    FROM tenant t JOIN risk_policy p ON p.tenant_id = t.id WHERE t.id = p_tenant
$$;
GRANT EXECUTE ON FUNCTION bets_player_room_v1 TO overround_app, overround_worker;

-- Refuse what risk has no room for, slip by slip in the order given, each taking its room from those behind it. Whose
-- tenant limits nothing gets back what he gave. The rooms of a tenant's event are given out by one
-- transaction at a time, so that the last of it goes to one slip (test: the last room goes to one of twenty).
--   p_leg_slip: from 1, to which slip a leg belongs. Looks only at slips whose decision is 'accepted'.
--   p_cash_minor: what each slip's player has, of calls in which not every stake fits: whoever lacks the money for a slip
--   is refused it here, so that it takes no room from those behind
--   (test: a slip without money takes no room).
CREATE FUNCTION bets_within_risk_v1(
    p_tenant uuid[], p_user uuid[], p_stake bigint[], p_potential bigint[], p_at timestamptz[], p_decision text[],
    p_answer jsonb[], p_currency text[], p_leg_slip integer[], p_leg_event uuid[], p_leg_market uuid[],
    p_leg_selection uuid[], p_leg_price_e4 integer[], p_cash_minor bigint[] DEFAULT NULL,
    OUT decision text[], OUT answer jsonb[])
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_first     integer;
    v_last      integer;
    v_prices    bigint;
    v_share     bigint;
    v_win       bigint;
    v_need      bigint;
    v_stake_max bigint;
    v_leg       integer;
    v_refusal   text;
    v_watched   boolean;
    v_fits      boolean;
    v_tenant    uuid[];
    v_factor    integer[];
    v_win_max   bigint[];
    v_room      bigint[];
    v_event     bigint[];
    v_repeats   bigint;
    v_player    bigint;
    v_own       integer[];
    v_cash      bigint;
    v_taken_win bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(p_decision)]);
BEGIN
    decision := p_decision;
    answer := p_answer;
    IF NOT risk_applies_v1(p_tenant) THEN
        RETURN;
    END IF;
    SELECT l.decision, l.answer INTO p_decision, answer
    FROM bets_within_limits_v1(p_tenant, p_stake, p_potential, p_decision, p_answer, p_currency, p_leg_slip, p_leg_price_e4) AS l;
    decision := p_decision;
    PERFORM pg_advisory_xact_lock(k.key)
    FROM (SELECT DISTINCT risk_key(p_tenant[l.slip], l.event_id) AS key FROM unnest(p_leg_slip, p_leg_event) AS l (slip, event_id)
          WHERE p_decision[l.slip] = 'accepted' ORDER BY 1) k;
    v_tenant := ARRAY(SELECT p_tenant[l.slip] FROM unnest(p_leg_slip) WITH ORDINALITY AS l (slip, n) ORDER BY l.n);
    v_factor := ARRAY(
        SELECT r.factor_e4 FROM unnest(p_tenant, p_user) WITH ORDINALITY AS u (tenant_id, user_id, n)
        LEFT JOIN risk_player r ON r.tenant_id = u.tenant_id AND r.user_id = u.user_id ORDER BY u.n);
    v_watched := EXISTS (
        SELECT 1 FROM risk_policy p WHERE p.tenant_id = ANY (p_tenant)
        AND (p.repeat_max, p.player_day_max_minor, p.player_event_max_minor) IS DISTINCT FROM (NULL, NULL, NULL));
    -- Most calls fit as a whole, and then nobody has to be looked at by himself.
    WITH leg AS (
        SELECT l.*, p_tenant[l.slip] AS tenant_id, p_decision[l.slip] = 'accepted' AS counts, p_potential[l.slip] AS potential,
               p_potential[l.slip] - p_stake[l.slip] AS win, count(*) OVER of_slip AS legs,
               bets_share_v1(p_stake[l.slip], p_potential[l.slip], sum(l.price_e4) OVER of_slip, count(*) OVER of_slip) AS share
        FROM unnest(p_leg_slip, p_leg_event, p_leg_selection, p_leg_price_e4)
                 WITH ORDINALITY AS l (slip, event_id, selection_id, price_e4, n)
        WINDOW of_slip AS (PARTITION BY l.slip)
    ), need AS (
        SELECT l.*, CASE WHEN l.counts THEN bets_share_payout_v1(l.share, l.potential, l.price_e4, l.legs) - l.share ELSE 0 END AS need
        FROM leg l
    ), room AS (
        SELECT n.*, r.win_max, r.selection_room, r.event_room,
               sum(n.need) OVER (PARTITION BY n.tenant_id, n.selection_id) AS on_selection,
               sum(n.need) OVER (PARTITION BY n.tenant_id, n.event_id) AS on_event
        FROM need n
        LEFT JOIN risk_room_v1(v_tenant, p_leg_event, p_leg_market, p_leg_selection,
                               ARRAY(SELECT p_at[l.slip] FROM unnest(p_leg_slip) WITH ORDINALITY AS l (slip, n) ORDER BY l.n)) r
            ON r.n = n.n
    )
    SELECT array_agg(m.win_max ORDER BY m.n), array_agg(m.selection_room ORDER BY m.n), array_agg(m.event_room ORDER BY m.n),
           bool_and(NOT m.counts OR (
               coalesce(m.on_selection <= m.selection_room, true) AND coalesce(m.on_event <= m.event_room, true)
               AND coalesce(m.win <= m.win_max * coalesce(v_factor[m.slip], 10000)::numeric / 10000, true)))
    INTO v_win_max, v_room, v_event, v_fits FROM room m;
    IF v_fits AND NOT v_watched THEN
        RETURN;
    END IF;
    FOR i IN 1 .. cardinality(p_decision) LOOP
        CONTINUE WHEN p_decision[i] <> 'accepted';
        v_first := array_position(p_leg_slip, i);
        v_last := v_first + cardinality(array_positions(p_leg_slip, i)) - 1;
        v_prices := (SELECT sum(x) FROM unnest(p_leg_price_e4[v_first:v_last]) AS x);
        v_share := bets_share_v1(p_stake[i], p_potential[i], v_prices, v_last - v_first + 1);
        v_win := p_potential[i] - p_stake[i];
        v_refusal := NULL;
        v_leg := NULL;
        v_stake_max := p_stake[i];
        v_cash := p_cash_minor[i];
        -- Hardly anybody has two slips in a call.
        v_own := array_positions(p_user, p_user[i]);
        IF v_own[1] < i AND (v_watched OR v_cash IS NOT NULL) THEN
            SELECT coalesce(array_agg(o), '{}'), v_cash - coalesce(sum(p_stake[o]), 0) INTO v_own, v_cash
            FROM unnest(v_own) AS o WHERE v_taken_win[o] IS NOT NULL AND p_tenant[o] = p_tenant[i];
        ELSE
            v_own := '{}';
        END IF;
        -- Without a policy there is no row, and nothing is limited.
        IF v_watched AND v_own = '{}' THEN
            SELECT r.repeats, least(r.day_room, r.event_room) INTO v_repeats, v_player
            FROM bets_player_room_v1(p_tenant[i], p_user[i], p_at[i], p_leg_selection[v_first:v_last], p_leg_event[v_first:v_last]) r;
        ELSIF v_watched THEN
            SELECT r.repeats, least(r.day_room, r.event_room) INTO v_repeats, v_player
            FROM bets_player_room_v1(p_tenant[i], p_user[i], p_at[i], p_leg_selection[v_first:v_last], p_leg_event[v_first:v_last],
                                     v_own, p_at, v_taken_win, p_leg_slip, p_leg_event, p_leg_selection) r;
        END IF;
        IF v_repeats <= 0 THEN
            v_refusal := 'repeated_bet';
        ELSIF v_win > v_player THEN
            v_refusal := 'player_limit';
            v_stake_max := greatest(div(p_stake[i]::numeric * v_player, v_win), 0);
        ELSE
            FOR j IN v_first .. v_last LOOP
                v_need := bets_share_payout_v1(v_share, p_potential[i], p_leg_price_e4[j], v_last - v_first + 1) - v_share;
                IF v_need > least(v_room[j], v_event[j]) THEN
                    v_leg := coalesce(v_leg, j - v_first + 1);
                    v_refusal := 'liability_exceeded';
                    v_stake_max := least(v_stake_max, greatest(div(p_stake[i]::numeric * least(v_room[j], v_event[j]), v_need), 0))::bigint;
                END IF;
                IF v_win > v_win_max[j] * coalesce(v_factor[i], 10000)::numeric / 10000 THEN
                    v_refusal := coalesce(v_refusal, 'stake_above_max');
                    v_stake_max := least(v_stake_max, div(p_stake[i] * div(v_win_max[j] * coalesce(v_factor[i], 10000)::numeric, 10000), v_win))::bigint;
                END IF;
            END LOOP;
        END IF;
        IF v_refusal IS NULL AND p_stake[i] > v_cash THEN
            v_refusal := 'insufficient_funds';
        END IF;
        IF v_refusal IS NOT NULL THEN
            -- A smaller stake would do: then that is what is said. One minor unit less, for what shares were rounded up.
            IF v_refusal = 'liability_exceeded' AND v_stake_max > 1 THEN
                v_refusal := 'stake_above_max';
                v_stake_max := v_stake_max - 1;
            END IF;
            decision[i] := 'refused';
            answer[i] := jsonb_strip_nulls(jsonb_build_object(
                'refusal', v_refusal, 'currency', p_currency[i], 'leg', v_leg,
                'stake_max_minor', CASE WHEN v_refusal = 'stake_above_max' OR v_refusal = 'player_limit' AND v_stake_max > 0
                                        THEN v_stake_max END,
                'stake_least_minor', CASE WHEN v_refusal IN ('stake_above_max', 'player_limit') THEN bets_least_stake_v1(p_tenant[i]) END));
            CONTINUE;
        END IF;
        v_taken_win[i] := v_win;
        -- What is behind in this call and on the same selection or event has that much less.
        FOR j IN v_first .. v_last LOOP
            v_need := bets_share_payout_v1(v_share, p_potential[i], p_leg_price_e4[j], v_last - v_first + 1) - v_share;
            FOR k IN v_last + 1 .. cardinality(p_leg_slip) LOOP
                IF p_leg_event[k] = p_leg_event[j] AND p_tenant[p_leg_slip[k]] = p_tenant[i] THEN
                    v_event[k] := v_event[k] - v_need;
                    IF p_leg_selection[k] = p_leg_selection[j] THEN
                        v_room[k] := v_room[k] - v_need;
                    END IF;
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
END
$$;
