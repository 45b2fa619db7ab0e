-- part: betting.bets
-- What the book accepted. One call places many slips; one call settles many bets.

CREATE TABLE bet (
    tenant_id              uuid        NOT NULL,
    id                     uuid        NOT NULL,
    user_id                uuid        NOT NULL,
    book_id                uuid        NOT NULL,
    kind                   text        NOT NULL CHECK (kind IN ('single', 'combo')),
    legs                   smallint    NOT NULL CHECK (legs BETWEEN 1 AND 20),
    stake_minor            bigint      NOT NULL CHECK (stake_minor > 0),
    currency               text        NOT NULL,
    potential_payout_minor bigint      NOT NULL CHECK (potential_payout_minor > 0),
    odds_policy            text        NOT NULL CHECK (odds_policy IN ('none', 'higher', 'any')),
    payout_rounding        text        NOT NULL CHECK (payout_rounding IN ('down', 'half_even')),
    status                 text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'settled')),
    outcome                text        CHECK (outcome IN ('won', 'lost', 'void', 'half_won', 'half_lost')),
    payout_minor           bigint      CHECK (payout_minor >= 0),
    placed_at              timestamptz NOT NULL,
    settled_at             timestamptz,
    settlement_version     integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT bet_settled_whole CHECK (
        (status = 'open') = (outcome IS NULL) AND (status = 'open') = (payout_minor IS NULL)
        AND (status = 'open') = (settled_at IS NULL)),
    -- No grade multiplies by more than the price, and both amounts are rounded once, the same way.
    CONSTRAINT bet_paid_within_potential CHECK (payout_minor <= potential_payout_minor)
) WITH (fillfactor = 90);
CREATE INDEX bet_by_user ON bet (tenant_id, user_id, placed_at DESC, id DESC);
CALL tenant_table_v1('bet');
GRANT SELECT ON bet TO overround_app, overround_worker;

-- A leg keeps the price the player saw and the price that was taken.
CREATE TABLE leg (
    tenant_id      uuid     NOT NULL,
    bet_id         uuid     NOT NULL,
    n              smallint NOT NULL,
    event_id       uuid     NOT NULL,
    market_id      uuid     NOT NULL,
    selection_id   uuid     NOT NULL,
    price_e4       integer  NOT NULL CHECK (price_e4 > 10000),
    shown_price_e4 integer  NOT NULL,
    offer_version  bigint   NOT NULL,
    grade          text     CHECK (grade IN ('won', 'lost', 'void', 'half_won', 'half_lost')),
    result_version integer,
    PRIMARY KEY (tenant_id, bet_id, n),
    FOREIGN KEY (tenant_id, bet_id) REFERENCES bet (tenant_id, id),
    CONSTRAINT leg_graded_by_result CHECK ((grade IS NULL) = (result_version IS NULL))
) WITH (fillfactor = 90);
-- Graded legs too: a corrected result finds the open bets whose legs the wrong one graded.
CREATE INDEX leg_by_event ON leg (tenant_id, event_id);
CALL tenant_table_v1('leg');
GRANT SELECT ON leg TO overround_app, overround_worker;

-- A player's key and the answer it got: the same request gets the same answer, refusals too.
-- Kept apart from `bet`: a random key in a big table's index would double its write-ahead log.
CREATE TABLE bet_request (
    tenant_id   uuid        NOT NULL,
    user_id     uuid        NOT NULL,
    key         text        NOT NULL CHECK (length(key) BETWEEN 1 AND 100),
    body_sha256 bytea       NOT NULL CHECK (length(body_sha256) = 32),
    bet_id      uuid,
    decision    text        NOT NULL CHECK (decision IN ('accepted', 'refused')),
    answer      jsonb       NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id, key),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CALL tenant_table_v1('bet_request');
GRANT SELECT ON bet_request TO overround_app, overround_worker;

-- Exact product of prices; numeric has no limit that 20 legs could reach.
CREATE AGGREGATE price_product(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1');
GRANT EXECUTE ON FUNCTION price_product(numeric) TO overround_app, overround_worker;

-- What a bet pays when every leg wins, in minor units, exact: numeric `/` rounds at its own scale, and
-- then a payout just below a unit becomes that unit (test: the potential payout is exact).
--   p_product: the product of the legs' price_e4.
CREATE FUNCTION bets_potential_v1(p_stake bigint, p_product numeric, p_legs integer, p_rounding text)
RETURNS numeric LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_above numeric := p_stake * p_product;
    v_below numeric := ('1e' || 4 * p_legs)::numeric;
    v_whole numeric := div(v_above, v_below);
    v_twice numeric := 2 * (v_above - v_whole * v_below);
BEGIN
    IF p_rounding = 'half_even' AND (v_twice > v_below OR (v_twice = v_below AND v_whole % 2 = 1)) THEN
        RETURN v_whole + 1;
    END IF;
    RETURN v_whole;
END
$$;

-- A generic plan in the functions here: the planner knows the sizes of the arrays no better the
-- second time, and planning anew would cost as much as running.

-- The facts of a batch of slips, read once, after the locks: a statement of its own has a snapshot
-- that sees every suspension, start and result that was committed before the locks were given.
CREATE FUNCTION bets_facts_v1(
    p_tenant uuid, p_user uuid[], p_key text[], p_policy text[], p_tolerance_bps integer[], p_at timestamptz[],
    p_live boolean, p_leg_slip integer[], p_leg_selection uuid[], p_leg_price_e4 integer[])
RETURNS TABLE (
    slip integer, user_status text, cash_id uuid, held_id uuid, cash_minor bigint,
    request_sha256 bytea, request_decision text, request_answer jsonb,
    legs integer, events integer, leg_refusal text, leg_refused integer, product numeric,
    leg_event uuid[], leg_market uuid[], leg_selection uuid[], leg_price_e4 integer[], leg_shown_e4 integer[],
    leg_version bigint[])
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
    WITH asked AS (
        SELECT l.slip, row_number() OVER (PARTITION BY l.slip ORDER BY l.n)::integer AS n,
               l.selection_id, l.shown_e4, s.event_id, s.market_id, o.price_e4, o.version,
               CASE
                   WHEN s.id IS NULL OR o.selection_id IS NULL THEN 'unknown_selection'
                   WHEN e.starts_at <= p_at[l.slip] OR e.closed_at <= p_at[l.slip] THEN 'event_started'
                   -- Of two machines' clocks none is right: live, what is known as closed is closed.
                   WHEN p_live AND e.closed_at IS NOT NULL THEN 'event_started'
                   WHEN o.state = 'closed' THEN 'market_closed'
                   WHEN o.state <> 'open' THEN 'market_suspended'
                   WHEN NOT CASE p_policy[l.slip]
                       WHEN 'any' THEN true
                       WHEN 'higher' THEN o.price_e4::bigint * 10000
                            >= l.shown_e4::bigint * (10000 - p_tolerance_bps[l.slip])
                       ELSE o.price_e4 = l.shown_e4
                   END THEN 'price_changed'
               END AS refusal
        FROM unnest(p_leg_slip, p_leg_selection, p_leg_price_e4)
                 WITH ORDINALITY AS l (slip, selection_id, shown_e4, n)
        CROSS JOIN (SELECT book_id FROM tenant WHERE id = p_tenant) t
        LEFT JOIN selection s ON s.id = l.selection_id
        LEFT JOIN event e ON e.id = s.event_id
        LEFT JOIN offer o ON o.book_id = t.book_id AND o.selection_id = s.id
    ), folded AS (
        SELECT a.slip, count(*)::integer AS legs, count(DISTINCT a.event_id)::integer AS events,
               (array_agg(a.refusal ORDER BY a.n) FILTER (WHERE a.refusal IS NOT NULL))[1] AS leg_refusal,
               min(a.n) FILTER (WHERE a.refusal IS NOT NULL) AS leg_refused,
               price_product(a.price_e4::numeric) AS product,
               array_agg(a.event_id ORDER BY a.n) AS leg_event, array_agg(a.market_id ORDER BY a.n) AS leg_market,
               array_agg(a.selection_id ORDER BY a.n) AS leg_selection, array_agg(a.price_e4 ORDER BY a.n) AS leg_price_e4,
               array_agg(a.shown_e4 ORDER BY a.n) AS leg_shown_e4, array_agg(a.version ORDER BY a.n) AS leg_version
        FROM asked a GROUP BY a.slip
    )
    SELECT q.slip::integer, u.status, c.id, h.id, c.balance_minor, r.body_sha256, r.decision, r.answer,
           coalesce(f.legs, 0), coalesce(f.events, 0), f.leg_refusal, f.leg_refused, f.product,
           f.leg_event, f.leg_market, f.leg_selection, f.leg_price_e4, f.leg_shown_e4, f.leg_version
    FROM unnest(p_user, p_key) WITH ORDINALITY AS q (user_id, key, slip)
    LEFT JOIN users u ON u.tenant_id = p_tenant AND u.id = q.user_id
    LEFT JOIN account c ON c.tenant_id = p_tenant AND c.owner_id = q.user_id AND c.kind = 'cash'
    LEFT JOIN account h ON h.tenant_id = p_tenant AND h.owner_id = q.user_id AND h.kind = 'held'
    LEFT JOIN bet_request r ON r.tenant_id = p_tenant AND r.user_id = q.user_id AND r.key = q.key
    LEFT JOIN folded f ON f.slip = q.slip
    ORDER BY q.slip
$$;

-- Decide slips in the order given: an answer for each. Nobody may call it but the two below.
--   p_leg_slip says (from 1) to which slip a leg belongs; legs of a slip stand in order.
--   p_live: the database's clock, read after the locks, is the least time of every slip, because an event
--   may have been closed and settled while the call waited
--   (test: a slip older than the close is refused live).
-- decision: accepted, refused, replayed (same key, same body: the stored answer), key_reused.
-- A player's stakes are taken in order while they fit. A refusal is an answer and is stored.
-- READ COMMITTED only: with one snapshot for all statements the lock would prove nothing
-- (test: a bet that waited for a suspension is refused).
CREATE FUNCTION bets_decide_v1(
    p_tenant uuid, p_bet uuid[], p_user uuid[], p_key text[], p_body_sha256 bytea[], p_stake bigint[],
    p_policy text[], p_tolerance_bps integer[], p_at timestamptz[], p_live boolean,
    p_leg_slip integer[], p_leg_selection uuid[], p_leg_price_e4 integer[])
RETURNS TABLE (slip integer, decision text, answer jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    f            record;
    v_tenant     tenant%ROWTYPE;
    v_locked     uuid[];
    v_recorded_at timestamptz;
    v_at         timestamptz[] := p_at;
    v_late       integer[];
    v_seen       text[] := '{}';
    v_sha        bytea[] := '{}';
    v_decision   text[] := '{}';
    v_answer     jsonb[] := '{}';
    v_stored     integer[] := '{}';
    v_taken      integer[] := '{}';
    v_potential  bigint[] := '{}';
    v_cash       uuid[] := '{}';
    v_held       uuid[] := '{}';
    v_payer      uuid[] := '{}';
    v_left       bigint[] := '{}';
    v_leg_bet    uuid[] := '{}';
    v_leg_n      integer[] := '{}';
    v_leg_event  uuid[] := '{}';
    v_leg_market uuid[] := '{}';
    v_leg_sel    uuid[] := '{}';
    v_leg_price  integer[] := '{}';
    v_leg_shown  integer[] := '{}';
    v_leg_offer  bigint[] := '{}';
    v_refusal    text;
    v_payout     numeric;
    v_same       integer;
    v_purse      integer;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'placing bets needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF cardinality(p_bet) > 64 THEN
        RAISE EXCEPTION '% slips in one call; at most 64', cardinality(p_bet)
            USING ERRCODE = 'program_limit_exceeded';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(k.key)
    FROM (SELECT DISTINCT event_key(s.event_id) AS key FROM selection s
          WHERE s.id = ANY (p_leg_selection) ORDER BY 1) k;
    v_locked := ARRAY(
        SELECT id FROM account
        WHERE tenant_id = p_tenant AND owner_id = ANY (p_user) AND kind IN ('cash', 'held')
        ORDER BY id FOR NO KEY UPDATE);
    SELECT * INTO STRICT v_tenant FROM tenant WHERE id = p_tenant;
    IF p_live THEN
        v_recorded_at := clock_timestamp();
        v_at := ARRAY(SELECT greatest(a.at, v_recorded_at)
                      FROM unnest(p_at) WITH ORDINALITY AS a (at, n) ORDER BY a.n);
    END IF;

    FOR f IN SELECT * FROM bets_facts_v1(p_tenant, p_user, p_key, p_policy, p_tolerance_bps, v_at, p_live,
                                         p_leg_slip, p_leg_selection, p_leg_price_e4)
    LOOP
        -- The key: answered before, or by an earlier slip of this very call.
        v_same := array_position(v_seen, p_user[f.slip]::text || p_key[f.slip]);
        v_seen := v_seen || (p_user[f.slip]::text || p_key[f.slip]);
        v_sha := v_sha || p_body_sha256[f.slip];
        IF f.request_sha256 IS NOT NULL OR v_same IS NOT NULL THEN
            IF coalesce(f.request_sha256, v_sha[v_same]) <> p_body_sha256[f.slip] THEN
                v_decision := v_decision || 'key_reused'::text;
                v_answer := v_answer || jsonb_build_object('refusal', 'key_reused');
            ELSE
                v_decision := v_decision || 'replayed'::text;
                v_answer := v_answer || coalesce(f.request_answer, v_answer[v_same]);
            END IF;
            CONTINUE;
        END IF;

        v_payout := bets_potential_v1(p_stake[f.slip], f.product, f.legs, v_tenant.payout_rounding);
        v_purse := array_position(v_payer, f.cash_id);
        IF v_purse IS NULL AND f.cash_id IS NOT NULL THEN
            v_payer := v_payer || f.cash_id;
            v_left := v_left || f.cash_minor;
            v_purse := cardinality(v_payer);
        END IF;
        v_refusal := CASE
            WHEN v_tenant.status <> 'active' THEN 'tenant_suspended'
            WHEN f.user_status IS DISTINCT FROM 'active' OR NOT coalesce(
                v_locked @> ARRAY[f.cash_id, f.held_id], false) THEN 'account_blocked'
            WHEN f.legs < 1 THEN 'too_few_legs'
            WHEN f.legs > 20 THEN 'too_many_legs'
            WHEN f.leg_refusal IS NOT NULL THEN f.leg_refusal
            WHEN f.events < f.legs THEN 'legs_conflict'
            WHEN p_stake[f.slip] < v_tenant.stake_min_minor THEN 'stake_below_min'
            WHEN v_payout > v_tenant.payout_max_minor THEN 'payout_above_max'
            WHEN v_left[v_purse] < p_stake[f.slip] THEN 'insufficient_funds'
        END;
        IF f.user_status IS NOT NULL THEN
            v_stored := v_stored || f.slip;
        END IF;
        IF v_refusal IS NOT NULL THEN
            v_decision := v_decision || 'refused'::text;
            v_answer := v_answer || jsonb_strip_nulls(jsonb_build_object(
                'refusal', v_refusal, 'currency', v_tenant.currency,
                'leg', CASE WHEN v_refusal = f.leg_refusal THEN f.leg_refused END,
                'prices_e4', CASE WHEN v_refusal = 'price_changed' THEN to_jsonb(f.leg_price_e4) END,
                'stake_min_minor', CASE WHEN v_refusal = 'stake_below_min' THEN v_tenant.stake_min_minor END,
                'payout_max_minor', CASE WHEN v_refusal = 'payout_above_max' THEN v_tenant.payout_max_minor END));
            CONTINUE;
        END IF;

        v_left[v_purse] := v_left[v_purse] - p_stake[f.slip];
        v_taken := v_taken || f.slip;
        v_potential := v_potential || v_payout::bigint;
        v_cash := v_cash || f.cash_id;
        v_held := v_held || f.held_id;
        v_leg_bet := v_leg_bet || array_fill(p_bet[f.slip], ARRAY[f.legs]);
        v_leg_n := v_leg_n || ARRAY(SELECT generate_series(1, f.legs));
        v_leg_event := v_leg_event || f.leg_event;
        v_leg_market := v_leg_market || f.leg_market;
        v_leg_sel := v_leg_sel || f.leg_selection;
        v_leg_price := v_leg_price || f.leg_price_e4;
        v_leg_shown := v_leg_shown || f.leg_shown_e4;
        v_leg_offer := v_leg_offer || f.leg_version;
        v_decision := v_decision || 'accepted'::text;
        v_answer := v_answer || jsonb_build_object(
            'bet_id', p_bet[f.slip], 'status', 'open', 'kind', CASE WHEN f.legs = 1 THEN 'single' ELSE 'combo' END,
            'stake_minor', p_stake[f.slip], 'potential_payout_minor', v_payout::bigint,
            'currency', v_tenant.currency, 'placed_at', v_at[f.slip], 'prices_e4', to_jsonb(f.leg_price_e4));
    END LOOP;

    INSERT INTO bet (tenant_id, id, user_id, book_id, kind, legs, stake_minor, currency, potential_payout_minor,
                     odds_policy, payout_rounding, placed_at)
    SELECT p_tenant, p_bet[t.slip], p_user[t.slip], v_tenant.book_id, a.answer ->> 'kind',
           jsonb_array_length(a.answer -> 'prices_e4'), p_stake[t.slip], v_tenant.currency, t.potential,
           p_policy[t.slip], v_tenant.payout_rounding, v_at[t.slip]
    FROM unnest(v_taken, v_potential) AS t (slip, potential)
    CROSS JOIN LATERAL (SELECT v_answer[t.slip] AS answer) a;
    INSERT INTO leg (tenant_id, bet_id, n, event_id, market_id, selection_id, price_e4, shown_price_e4, offer_version)
    SELECT p_tenant, l.* FROM unnest(v_leg_bet, v_leg_n, v_leg_event, v_leg_market, v_leg_sel, v_leg_price,
                                     v_leg_shown, v_leg_offer) AS l;
    PERFORM ledger_post_v1(
        p_tenant, array_agg(v_at[t.slip] ORDER BY t.n), array_agg(p_bet[t.slip] ORDER BY t.n),
        array_agg('stake_hold'::text ORDER BY t.n), array_agg(0 ORDER BY t.n),
        array_agg(t.cash ORDER BY t.n), array_agg(t.held ORDER BY t.n), array_agg(p_stake[t.slip] ORDER BY t.n))
    FROM unnest(v_taken, v_cash, v_held) WITH ORDINALITY AS t (slip, cash, held, n);
    -- A player without accounts has no row to wait for one another at: two calls may answer one key at
    -- once. The later one waits here, in the order of the keys, and gives the answer of the first
    -- (test: one key of a player without accounts fails nobody).
    WITH kept AS (
        INSERT INTO bet_request AS r (tenant_id, user_id, key, body_sha256, bet_id, decision, answer, at)
        SELECT p_tenant, p_user[k.slip], p_key[k.slip], p_body_sha256[k.slip],
               CASE WHEN v_decision[k.slip] = 'accepted' THEN p_bet[k.slip] END,
               v_decision[k.slip], v_answer[k.slip], v_at[k.slip]
        FROM unnest(v_stored) AS k (slip) ORDER BY p_user[k.slip], p_key[k.slip]
        ON CONFLICT (tenant_id, user_id, key) DO NOTHING
        RETURNING r.user_id, r.key
    )
    SELECT array_agg(k.slip) INTO v_late FROM unnest(v_stored) AS k (slip)
    WHERE NOT EXISTS (SELECT 1 FROM kept r WHERE r.user_id = p_user[k.slip] AND r.key = p_key[k.slip]);
    IF v_late && v_taken THEN
        RAISE EXCEPTION 'a bet was accepted under a key that was answered' USING ERRCODE = 'unique_violation';
    END IF;
    IF v_late IS NOT NULL THEN
        FOR f IN
            SELECT q.slip, r.answer, r.body_sha256 = p_body_sha256[q.slip] AS same
            FROM unnest(p_user, p_key) WITH ORDINALITY AS q (user_id, key, slip)
            JOIN bet_request r ON r.tenant_id = p_tenant AND r.user_id = q.user_id AND r.key = q.key
            WHERE EXISTS (SELECT 1 FROM unnest(v_late) AS k (slip)
                          WHERE p_user[k.slip] = q.user_id AND p_key[k.slip] = q.key)
        LOOP
            v_decision[f.slip] := CASE WHEN f.same THEN 'replayed' ELSE 'key_reused' END;
            v_answer[f.slip] := CASE WHEN f.same THEN f.answer
                                     ELSE jsonb_build_object('refusal', 'key_reused') END;
        END LOOP;
    END IF;
    RETURN QUERY SELECT o.n::integer, o.decision, o.answer
                 FROM unnest(v_decision, v_answer) WITH ORDINALITY AS o (decision, answer, n) ORDER BY o.n;
END
$$;

-- Place slips now: one call, one commit, an answer for each slip.
CREATE FUNCTION bets_place_v1(
    p_tenant uuid, p_bet uuid[], p_user uuid[], p_key text[], p_body_sha256 bytea[], p_stake bigint[],
    p_policy text[], p_tolerance_bps integer[], p_at timestamptz[],
    p_leg_slip integer[], p_leg_selection uuid[], p_leg_price_e4 integer[])
RETURNS TABLE (slip integer, decision text, answer jsonb)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT * FROM bets_decide_v1(p_tenant, p_bet, p_user, p_key, p_body_sha256, p_stake, p_policy,
                                 p_tolerance_bps, p_at, true, p_leg_slip, p_leg_selection, p_leg_price_e4)
$$;
GRANT EXECUTE ON FUNCTION bets_place_v1 TO overround_app, overround_worker;

-- Place slips at their own times, as a replay does: not for those who serve people
-- (test: the app may not place a bet in the past).
CREATE FUNCTION bets_replay_v1(
    p_tenant uuid, p_bet uuid[], p_user uuid[], p_key text[], p_body_sha256 bytea[], p_stake bigint[],
    p_policy text[], p_tolerance_bps integer[], p_at timestamptz[],
    p_leg_slip integer[], p_leg_selection uuid[], p_leg_price_e4 integer[])
RETURNS TABLE (slip integer, decision text, answer jsonb)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT * FROM bets_decide_v1(p_tenant, p_bet, p_user, p_key, p_body_sha256, p_stake, p_policy,
                                 p_tolerance_bps, p_at, false, p_leg_slip, p_leg_selection, p_leg_price_e4)
$$;
GRANT EXECUTE ON FUNCTION bets_replay_v1 TO overround_worker;

-- Lock what settling the events can touch and name its bets: every open bet with a leg on them (a newer
-- result grades it anew) and every other with an ungraded leg on them, in id order, then the money of their players, in id order. All of it before the first batch is paid:
-- a settler that took the second batch's players while it held the first one's would wait in a circle
-- with a call of slips, which takes them in order (test: a batch boundary never deadlocks).
CREATE FUNCTION bets_lock_v1(p_tenant uuid, p_event uuid[])
RETURNS SETOF uuid LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_bet  uuid[];
    v_user uuid[];
BEGIN
    SELECT array_agg(b.id ORDER BY b.id), array_agg(DISTINCT b.user_id) INTO v_bet, v_user FROM (
        SELECT id, user_id FROM bet
        WHERE tenant_id = p_tenant AND id IN (
            SELECT l.bet_id FROM leg l JOIN bet o ON o.tenant_id = l.tenant_id AND o.id = l.bet_id
            WHERE l.tenant_id = p_tenant AND l.event_id = ANY (p_event)
              AND (l.grade IS NULL OR o.status = 'open'))
        ORDER BY id FOR UPDATE) b;
    PERFORM 1 FROM account
    WHERE tenant_id = p_tenant AND owner_id = ANY (v_user) AND kind IN ('cash', 'held')
    ORDER BY id FOR NO KEY UPDATE;
    RETURN QUERY SELECT unnest(v_bet);
END
$$;
GRANT EXECUTE ON FUNCTION bets_lock_v1 TO overround_worker;

-- Grade legs and settle bets: the stake leaves `held`, the payout reaches `cash`, once per version.
-- A leg of an open bet may be graded anew, or lose its grade when the newest result says too little.
-- Raises account_missing when a bet's player has no purse: it is not marked as paid and not paid.
-- Money of a bet that is not open any more is not touched (test: two settlers pay once).
CREATE FUNCTION bets_settle_v1(
    p_tenant uuid, p_at timestamptz,
    p_leg_bet uuid[], p_leg_n integer[], p_leg_grade text[], p_leg_result integer[],
    p_bet uuid[], p_outcome text[], p_payout bigint[])
RETURNS integer LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_house   uuid;
    v_settled integer;
    v_purses  integer;
    v_from    uuid[];
    v_to      uuid[];
    v_code    text[];
    v_ref     uuid[];
    v_version integer[];
    v_amount  bigint[];
BEGIN
    PERFORM 1 FROM bet WHERE tenant_id = p_tenant AND id = ANY (p_leg_bet || p_bet) ORDER BY id FOR UPDATE;
    UPDATE leg l SET grade = g.grade, result_version = g.result
    FROM unnest(p_leg_bet, p_leg_n, p_leg_grade, p_leg_result) AS g (bet, n, grade, result)
    JOIN bet b ON b.tenant_id = p_tenant AND b.id = g.bet
    WHERE l.tenant_id = p_tenant AND l.bet_id = g.bet AND l.n = g.n AND (l.grade IS NULL OR b.status = 'open');

    SELECT id INTO v_house FROM account
    WHERE tenant_id = p_tenant AND owner_id IS NULL AND kind = 'house';
    WITH paid AS (
        UPDATE bet b
        SET status = 'settled', outcome = s.outcome, payout_minor = s.payout, settled_at = p_at,
            settlement_version = b.settlement_version + 1
        FROM unnest(p_bet, p_outcome, p_payout) AS s (id, outcome, payout)
        WHERE b.tenant_id = p_tenant AND b.id = s.id AND b.status = 'open'
        RETURNING b.id, b.user_id, b.stake_minor, b.payout_minor, b.outcome, b.settlement_version
    ), purse AS (
        SELECT p.*, c.id AS cash, h.id AS held
        FROM paid p
        JOIN account c ON c.tenant_id = p_tenant AND c.owner_id = p.user_id AND c.kind = 'cash'
        JOIN account h ON h.tenant_id = p_tenant AND h.owner_id = p.user_id AND h.kind = 'held'
    ), move AS (
        SELECT id, 1 AS n, settlement_version, held AS from_id, cash AS to_id, 'stake_return' AS code, stake_minor AS amount
        FROM purse WHERE outcome = 'void'
        UNION ALL
        SELECT id, 1, settlement_version, held, v_house, 'stake_take', stake_minor FROM purse WHERE outcome <> 'void'
        UNION ALL
        SELECT id, 2, settlement_version, v_house, cash, 'payout', payout_minor
        FROM purse WHERE outcome <> 'void' AND payout_minor > 0
    )
    SELECT (SELECT count(*) FROM paid), (SELECT count(*) FROM purse), array_agg(m.from_id ORDER BY m.id, m.n), array_agg(m.to_id ORDER BY m.id, m.n),
           array_agg(m.code ORDER BY m.id, m.n), array_agg(m.id ORDER BY m.id, m.n),
           array_agg(m.settlement_version ORDER BY m.id, m.n), array_agg(m.amount ORDER BY m.id, m.n)
    INTO v_settled, v_purses, v_from, v_to, v_code, v_ref, v_version, v_amount FROM move m;
    IF v_purses <> v_settled THEN
        RAISE EXCEPTION '% of % bets have no purse', v_settled - v_purses, v_settled
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_missing';
    END IF;
    IF v_settled > 0 THEN
        PERFORM ledger_post_v1(p_tenant, array_fill(p_at, ARRAY[cardinality(v_ref)]), v_ref, v_code, v_version,
                               v_from, v_to, v_amount);
    END IF;
    RETURN v_settled;
END
$$;
GRANT EXECUTE ON FUNCTION bets_settle_v1 TO overround_worker;
