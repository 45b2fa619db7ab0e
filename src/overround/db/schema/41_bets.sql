-- part: betting.bets
-- What the book accepted. One call places many slips; one call settles many bets.
-- No foreign keys in what every bet writes (decision 0005): the one writer reads the player, his accounts
-- and the selection before it inserts, and `overround verify` looks again (test: tampering with bets is found).

CREATE TABLE bet (
    tenant_id              uuid        NOT NULL,
    id                     uuid        NOT NULL,
    user_id                uuid        NOT NULL,
    book_id                uuid        NOT NULL,
    kind                   text        NOT NULL CHECK (kind IN ('single', 'combo', 'system')),
    legs                   smallint    NOT NULL CHECK (legs BETWEEN 1 AND 20),
    -- How many legs the lines of a system have, the bankers included; the stake is shared by all its lines.
    sizes                  smallint[]  CHECK (cardinality(sizes) BETWEEN 1 AND 20),
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
    CONSTRAINT bet_settled_whole CHECK (
        (status = 'open') = (outcome IS NULL) AND (status = 'open') = (payout_minor IS NULL)
        AND (status = 'open') = (settled_at IS NULL)),
    CONSTRAINT bet_sizes_of_system CHECK ((kind = 'system') = (sizes IS NOT NULL)),
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
    -- In every line of its system.
    banker         boolean  NOT NULL DEFAULT false,
    grade          text     CHECK (grade IN ('won', 'lost', 'void', 'half_won', 'half_lost')),
    -- By which version of the event's result the leg is graded: 0 by a ruling of the tenant's alone; and
    -- how many rulings about the event had been made.
    result_version integer,
    ruling_version integer  NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, bet_id, n),
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
    answer      jsonb,
    at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id, key),
    -- An accepted answer is made of the bet's own rows, which never change in what it says.
    CONSTRAINT bet_request_answered CHECK ((decision = 'accepted') = (bet_id IS NOT NULL)
        AND (decision = 'refused') = (answer IS NOT NULL))
);
CALL tenant_table_v1('bet_request');
GRANT SELECT ON bet_request TO overround_app, overround_worker;

-- A generic plan in the functions here: the planner knows the sizes of the arrays no better the
-- second time, and planning anew would cost as much as running.

-- Which of the accepted slips fit: a player's stakes are taken in order while they do. Only for calls in
-- which some do not; nobody may call it but the one below.
CREATE FUNCTION bets_fitting_v1(
    p_decision text[], p_answer jsonb[], p_currency text[], p_cash uuid[], p_cash_minor bigint[], p_stake bigint[],
    OUT decision text[], OUT answer jsonb[])
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_first integer;
BEGIN
    decision := p_decision;
    answer := p_answer;
    FOR i IN 1 .. cardinality(p_decision) LOOP
        CONTINUE WHEN decision[i] <> 'accepted';
        v_first := array_position(p_cash, p_cash[i]);
        IF p_cash_minor[v_first] < p_stake[i] THEN
            decision[i] := 'refused';
            answer[i] := jsonb_build_object('refusal', 'insufficient_funds', 'currency', p_currency[i]);
        ELSE
            p_cash_minor[v_first] := p_cash_minor[v_first] - p_stake[i];
        END IF;
    END LOOP;
END
$$;

-- The answers of slips whose key was answered before: by an earlier call, by one that this call has just
-- waited for (`p_late`), or by an earlier slip of this very call (`p_first`). Nobody may call it but the
-- one below.
CREATE FUNCTION bets_again_v1(
    p_tenant uuid[], p_user uuid[], p_key text[], p_body_sha256 bytea[], p_leg_slip integer[], p_first integer[], p_late integer[],
    INOUT decision text[], INOUT bet uuid[], INOUT potential bigint[], INOUT placed_at timestamptz[],
    INOUT answer jsonb[], INOUT leg_price_e4 integer[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_request bet_request%ROWTYPE;
    v_bet     bet%ROWTYPE;
    v_first   integer;
BEGIN
    FOR i IN 1 .. cardinality(decision) LOOP
        IF decision[i] = 'again' THEN
            v_first := p_first[i];
            decision[i] := CASE WHEN p_body_sha256[i] = p_body_sha256[v_first] THEN 'replayed' ELSE 'key_reused' END;
            answer[i] := CASE WHEN decision[i] = 'key_reused' THEN '{"refusal": "key_reused"}' ELSE answer[v_first] END;
            bet[i] := bet[v_first];
            potential[i] := potential[v_first];
            placed_at[i] := placed_at[v_first];
            FOR k IN 0 .. cardinality(array_positions(p_leg_slip, i)) - 1 LOOP
                leg_price_e4[array_position(p_leg_slip, i) + k] := leg_price_e4[array_position(p_leg_slip, v_first) + k];
            END LOOP;
            CONTINUE;
        END IF;
        CONTINUE WHEN decision[i] <> 'replayed' AND NOT coalesce(i = ANY (p_late), false);
        SELECT * INTO STRICT v_request FROM bet_request r
        WHERE r.tenant_id = p_tenant[i] AND r.user_id = p_user[i] AND r.key = p_key[i];
        decision[i] := CASE WHEN p_body_sha256[i] = v_request.body_sha256 THEN 'replayed' ELSE 'key_reused' END;
        answer[i] := CASE WHEN decision[i] = 'key_reused' THEN '{"refusal": "key_reused"}' ELSE v_request.answer END;
        CONTINUE WHEN v_request.bet_id IS NULL OR decision[i] = 'key_reused';
        SELECT * INTO STRICT v_bet FROM bet b WHERE b.tenant_id = p_tenant[i] AND b.id = v_request.bet_id;
        bet[i] := v_bet.id;
        potential[i] := v_bet.potential_payout_minor;
        placed_at[i] := v_bet.placed_at;
        v_first := array_position(p_leg_slip, i);
        FOR k IN 1 .. v_bet.legs LOOP
            leg_price_e4[v_first + k - 1] := (
                SELECT l.price_e4 FROM leg l WHERE l.tenant_id = p_tenant[i] AND l.bet_id = v_bet.id AND l.n = k);
        END LOOP;
    END LOOP;
END
$$;

-- Decide slips in the order given: an answer for each. Nobody may call it but the two below.
--   p_tenant is each slip's; p_leg_slip says (from 1) to which slip a leg belongs; legs of a slip
--   stand together and in order.
--   p_potential, p_rounds_up: what the bet pays when all its legs win at p_leg_expected_e4, rounded down, and
--   whether half-even rounds it up (core.bets, the one payoff). Where a price is another one now and taken
--   all the same, the slip is 'moved': nothing is stored, and it is asked again at the prices that are
--   answered (test: a price that rose meanwhile is paid). The player's slips behind it are asked again with it.
--   p_live: the database's clock, read after the locks, is the least time of every slip, because an event
--   may have been closed and settled while the call waited
--   (test: a slip older than the close is refused live).
--   p_token_sha256: the session that the slip came by, to be live still; NULL where somebody else has looked.
-- decision: accepted, refused, replayed (same key, same body: the answer of then), key_reused, moved, nobody
-- (the session has ended; nothing is stored).
-- `answer` is a refusal's alone; an accepted bet's is made of its rows, so it is stored once.
-- A player's stakes are taken in order while they fit. A refusal is an answer and is stored.
-- READ COMMITTED only: with one snapshot for all statements the lock would prove nothing
-- (test: a bet that waited for a suspension is refused).
-- The facts are read in statements of their own, after the locks: their snapshots see every
-- suspension, start and result that was committed before the locks were given.
CREATE FUNCTION bets_decide_v1(
    p_tenant uuid[], p_bet uuid[], p_user uuid[], p_key text[], p_body_sha256 bytea[], p_stake bigint[],
    p_sizes text[], p_potential bigint[], p_rounds_up boolean[], p_policy text[], p_tolerance_bps integer[],
    p_at timestamptz[], p_token_sha256 bytea[], p_live boolean, p_leg_slip integer[], p_leg_selection uuid[],
    p_leg_price_e4 integer[], p_leg_expected_e4 integer[], p_leg_banker boolean[],
    OUT decision text[], OUT bet uuid[], OUT potential bigint[], OUT placed_at timestamptz[],
    OUT currency text[], OUT answer jsonb[], OUT leg_price_e4 integer[])
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_slips       integer := cardinality(p_bet);
    v_recorded_at         timestamptz;
    v_locked      uuid[];
    v_leg_event   uuid[];
    v_leg_market  uuid[];
    v_leg_version bigint[];
    v_leg_refusal text[];
    v_first       integer[];
    v_cash        uuid[];
    v_held        uuid[];
    v_cash_minor  bigint[];
    v_known       boolean[];
    v_alone       boolean[];
    v_unsure      boolean;
    v_tight       boolean;
    v_again       boolean;
    v_moved       boolean;
    v_taken       integer[];
    v_late        integer[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'placing bets needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF v_slips > 64 THEN
        RAISE EXCEPTION '% slips in one call; at most 64', v_slips USING ERRCODE = 'program_limit_exceeded';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(k.key)
    -- By the key of each and not by a join, for which the planner would read the whole table.
    FROM (SELECT DISTINCT event_key((SELECT s.event_id FROM selection s WHERE s.id = l.id)) AS key
          FROM unnest(p_leg_selection) AS l (id) ORDER BY 1) k;
    v_locked := ARRAY(
        SELECT a.id FROM (SELECT DISTINCT q.tenant_id, q.user_id FROM unnest(p_tenant, p_user) AS q (tenant_id, user_id)) q
        JOIN account a ON a.tenant_id = q.tenant_id AND a.owner_id = q.user_id AND a.kind IN ('cash', 'held')
        ORDER BY a.id FOR NO KEY UPDATE OF a);
    placed_at := p_at;
    IF p_live THEN
        v_recorded_at := clock_timestamp();
        placed_at := ARRAY(SELECT greatest(a.at, v_recorded_at) FROM unnest(p_at) WITH ORDINALITY AS a (at, n) ORDER BY a.n);
    END IF;

    SELECT array_agg(l.event_id ORDER BY l.n), array_agg(l.market_id ORDER BY l.n), array_agg(l.price_e4 ORDER BY l.n),
           array_agg(l.version ORDER BY l.n), array_agg(l.refusal ORDER BY l.n)
    INTO v_leg_event, v_leg_market, leg_price_e4, v_leg_version, v_leg_refusal
    FROM (
        SELECT l.n, s.event_id, s.market_id, o.price_e4, o.version,
               CASE
                   WHEN o.selection_id IS NULL THEN 'unknown_selection'
                   WHEN e.starts_at <= placed_at[l.slip] OR e.closed_at <= placed_at[l.slip] THEN 'event_started'
                   -- Of two machines' clocks none is right: live, what is known as closed is closed.
                   WHEN p_live AND e.closed_at IS NOT NULL THEN 'event_started'
                   WHEN o.state = 'closed' THEN 'market_closed'
                   WHEN o.state <> 'open' THEN 'market_suspended'
                   WHEN o.price_e4 = l.shown_e4 THEN NULL
                   WHEN NOT CASE p_policy[l.slip]
                       WHEN 'any' THEN true
                       WHEN 'higher' THEN o.price_e4::bigint * 10000
                            >= l.shown_e4::bigint * (10000 - p_tolerance_bps[l.slip])
                       ELSE false
                   END THEN 'price_changed'
               END AS refusal
        FROM unnest(p_leg_slip, p_leg_selection, p_leg_price_e4)
                 WITH ORDINALITY AS l (slip, selection_id, shown_e4, n)
        LEFT JOIN tenant t ON t.id = p_tenant[l.slip]
        LEFT JOIN selection s ON s.id = l.selection_id
        LEFT JOIN event e ON e.id = s.event_id
        LEFT JOIN offer o ON o.book_id = t.book_id AND o.selection_id = s.id
    ) l;

    -- The column of refusals, in order of precedence; money comes last, because what is refused
    -- for another reason takes none of it.
    SELECT array_agg(d.decision ORDER BY d.slip), array_agg(d.potential ORDER BY d.slip), array_agg(d.currency ORDER BY d.slip),
           array_agg(d.answer ORDER BY d.slip), array_agg(d.first ORDER BY d.slip), array_agg(d.cash_id ORDER BY d.slip),
           array_agg(d.held_id ORDER BY d.slip), array_agg(d.cash_minor ORDER BY d.slip),
           array_agg(d.known ORDER BY d.slip), array_agg(d.alone ORDER BY d.slip), bool_or(d.known AND NOT d.alone),
           bool_or(d.decision = 'accepted' AND d.running > d.cash_minor),
           bool_or(d.decision IN ('replayed', 'again')), bool_or(d.decision = 'moved'),
           array_agg(coalesce(d.replayed, p_bet[d.slip]) ORDER BY d.slip)
    INTO decision, potential, currency, answer, v_first, v_cash, v_held, v_cash_minor, v_known, v_alone, v_unsure,
         v_tight, v_again, v_moved, bet
    FROM (
        SELECT d.*,
               sum(d.stake) FILTER (WHERE d.decision = 'accepted')
                   OVER (PARTITION BY d.cash_id ORDER BY d.slip) AS running
        FROM (
            SELECT j.slip, j.stake, j.currency, j.first, j.cash_id, j.held_id, j.cash_minor, j.known, j.alone, j.potential,
                   CASE WHEN j.stored_sha256 = j.sha256 THEN j.request_bet END AS replayed,
                   CASE
                       WHEN j.is_over THEN 'nobody'
                       WHEN j.stored_sha256 IS NOT NULL THEN
                           CASE WHEN j.stored_sha256 = j.sha256 THEN 'replayed' ELSE 'key_reused' END
                       WHEN j.first < j.slip THEN 'again'
                       WHEN j.refusal IS NULL THEN 'accepted'
                       WHEN j.refusal = 'moved' THEN 'moved' ELSE 'refused'
                   END AS decision,
                   CASE
                       WHEN j.is_over THEN '{"refusal": "unauthenticated"}'
                       WHEN j.stored_sha256 IS NOT NULL THEN
                           CASE WHEN j.stored_sha256 = j.sha256 THEN j.request_answer
                                ELSE '{"refusal": "key_reused"}' END
                       WHEN j.refusal <> 'moved' THEN jsonb_strip_nulls(jsonb_build_object(
                           'refusal', j.refusal, 'currency', j.currency,
                           'leg', CASE WHEN j.refusal = j.leg_refusal THEN j.leg_refused END,
                           'prices_e4', CASE WHEN j.refusal = 'price_changed' THEN to_jsonb(j.prices_e4) END,
                           'stake_min_minor', CASE WHEN j.refusal = 'stake_below_min' THEN j.stake_min_minor END,
                           'payout_max_minor', CASE WHEN j.refusal = 'payout_above_max' THEN j.payout_max_minor END))
                   END AS answer
            FROM (
                SELECT q.slip, q.stake, q.sha256, t.currency, t.stake_min_minor, t.payout_max_minor,
                       q.potential + (t.payout_rounding = 'half_even' AND q.rounds_up)::integer AS potential,
                       min(q.slip) OVER (PARTITION BY q.tenant_id, q.user_id, q.key) AS first,
                       q.token_sha256 IS NOT NULL AND (n.revoked_at IS NOT NULL OR n.user_id IS DISTINCT FROM q.user_id)
                           AS is_over,
                       c.id AS cash_id, h.id AS held_id, c.balance_minor AS cash_minor, u.id IS NOT NULL AS known,
                       coalesce(v_locked @> ARRAY[c.id, h.id], false) AND c.id IS NOT NULL AND h.id IS NOT NULL AS alone,
                       r.body_sha256 AS stored_sha256, r.bet_id AS request_bet, r.answer AS request_answer,
                       f.leg_refusal, f.leg_refused, f.prices_e4,
                       CASE
                           WHEN t.status <> 'active' THEN 'tenant_suspended'
                           WHEN u.status IS DISTINCT FROM 'active' OR c.id IS NULL OR h.id IS NULL
                               OR NOT v_locked @> ARRAY[c.id, h.id] THEN 'account_blocked'
                           WHEN f.legs IS NULL THEN 'too_few_legs'
                           WHEN f.legs > 20 THEN 'too_many_legs'
                           WHEN f.leg_refusal IS NOT NULL THEN f.leg_refusal
                           WHEN f.events < f.legs THEN 'legs_conflict'
                           WHEN q.stake < t.stake_min_minor THEN 'stake_below_min'
                           WHEN f.is_moved THEN 'moved'
                           WHEN q.potential + (t.payout_rounding = 'half_even' AND q.rounds_up)::integer > t.payout_max_minor
                               THEN 'payout_above_max'
                       END AS refusal
                FROM unnest(p_tenant, p_user, p_key, p_body_sha256, p_stake, p_potential, p_rounds_up, p_token_sha256)
                         WITH ORDINALITY AS q (tenant_id, user_id, key, sha256, stake, potential, rounds_up, token_sha256, slip)
                JOIN tenant t ON t.id = q.tenant_id
                LEFT JOIN users u ON u.tenant_id = q.tenant_id AND u.id = q.user_id
                LEFT JOIN account c ON c.tenant_id = q.tenant_id AND c.owner_id = q.user_id AND c.kind = 'cash'
                LEFT JOIN account h ON h.tenant_id = q.tenant_id AND h.owner_id = q.user_id AND h.kind = 'held'
                LEFT JOIN session n ON n.tenant_id = q.tenant_id AND n.token_sha256 = q.token_sha256
                LEFT JOIN bet_request r ON r.tenant_id = q.tenant_id AND r.user_id = q.user_id AND r.key = q.key
                LEFT JOIN (
                    SELECT g.slip, count(*)::integer AS legs, count(DISTINCT g.event_id)::integer AS events,
                           (array_agg(g.refusal ORDER BY g.n) FILTER (WHERE g.refusal IS NOT NULL))[1] AS leg_refusal,
                           min(g.n) FILTER (WHERE g.refusal IS NOT NULL) - min(g.n) + 1 AS leg_refused,
                           bool_or(g.price_e4 <> g.expected_e4) AS is_moved, array_agg(g.price_e4 ORDER BY g.n) AS prices_e4
                    FROM unnest(p_leg_slip, v_leg_event, leg_price_e4, p_leg_expected_e4, v_leg_refusal)
                             WITH ORDINALITY AS g (slip, event_id, price_e4, expected_e4, refusal, n)
                    GROUP BY g.slip
                ) f ON f.slip = q.slip
            ) j
        ) d
    ) d;
    IF v_moved THEN
        -- What stands behind a slip that is asked again would be before it, or be told its answer.
        FOR i IN 2 .. v_slips LOOP
            IF decision[i] = 'again' AND decision[v_first[i]] = 'moved' OR decision[i] = 'accepted' AND EXISTS (
                   SELECT 1 FROM unnest(p_tenant[:i - 1], p_user[:i - 1], decision[:i - 1]) AS e (tenant_id, user_id, decision)
                   WHERE e.tenant_id = p_tenant[i] AND e.user_id = p_user[i] AND e.decision = 'moved') THEN
                decision[i] := 'moved';
                answer[i] := NULL;
            END IF;
        END LOOP;
    END IF;
    SELECT r.decision, r.answer INTO decision, answer
    FROM bets_within_risk_v1(p_tenant, p_user, p_stake, potential, placed_at, decision, answer, currency,
                             p_leg_slip, v_leg_event, v_leg_market, p_leg_selection, leg_price_e4) AS r;
    IF v_tight THEN
        SELECT t.decision, t.answer INTO decision, answer
        FROM bets_fitting_v1(decision, answer, currency, v_cash, v_cash_minor, p_stake) AS t;
    END IF;

    v_taken := array_positions(decision, 'accepted');
    -- Money first: the rows of liability, which every bet on a selection writes, are then locked for the
    -- shortest time. Whoever is accepted has both his accounts locked since the beginning.
    PERFORM ledger_post_many_v1(
        array_agg(p_tenant[n] ORDER BY n), array_agg(placed_at[n] ORDER BY n), array_agg(p_bet[n] ORDER BY n),
        array_agg('stake_hold'::text ORDER BY n), array_agg(0 ORDER BY n),
        array_agg(v_cash[n] ORDER BY n), array_agg(v_held[n] ORDER BY n), array_agg(p_stake[n] ORDER BY n), true)
    FROM unnest(v_taken) AS n;
    WITH laid AS (
        INSERT INTO bet AS b (tenant_id, id, user_id, book_id, kind, legs, sizes, stake_minor, currency, potential_payout_minor,
                         odds_policy, payout_rounding, placed_at)
        SELECT t.id, p_bet[n], p_user[n], t.book_id,
               CASE WHEN p_sizes[n] IS NOT NULL THEN 'system' WHEN l.legs = 1 THEN 'single' ELSE 'combo' END,
               l.legs, p_sizes[n]::smallint[], p_stake[n], t.currency, potential[n], p_policy[n], t.payout_rounding, placed_at[n]
        FROM unnest(v_taken) AS n
        JOIN tenant t ON t.id = p_tenant[n]
        JOIN (SELECT l.slip, count(*)::integer AS legs FROM unnest(p_leg_slip) AS l (slip) GROUP BY l.slip) l ON l.slip = n
    ), stood AS (
        INSERT INTO leg (tenant_id, bet_id, n, event_id, market_id, selection_id, price_e4, shown_price_e4, offer_version, banker)
        SELECT p_tenant[l.slip], p_bet[l.slip], row_number() OVER (PARTITION BY l.slip ORDER BY l.n),
               l.event_id, l.market_id, l.selection_id, l.price_e4, l.shown_e4, l.version, l.banker
        FROM unnest(p_leg_slip, p_leg_selection, p_leg_price_e4, v_leg_event, v_leg_market, leg_price_e4, v_leg_version, p_leg_banker)
                 WITH ORDINALITY AS l (slip, selection_id, shown_e4, event_id, market_id, price_e4, version, banker, n)
        WHERE l.slip = ANY (v_taken)
    )
    -- Who holds the locks of a player's accounts is alone with his keys.
    INSERT INTO bet_request (tenant_id, user_id, key, body_sha256, bet_id, decision, answer, at)
    SELECT k.tenant_id, k.user_id, k.key, k.sha256, CASE WHEN k.decision = 'accepted' THEN k.bet END,
           k.decision, CASE WHEN k.decision = 'refused' THEN k.answer END, k.at
    FROM unnest(p_tenant, p_user, p_key, p_body_sha256, p_bet, decision, answer, placed_at, v_alone)
             AS k (tenant_id, user_id, key, sha256, bet, decision, answer, at, alone)
    WHERE k.alone AND k.decision IN ('accepted', 'refused');
    IF v_unsure THEN
        -- A player without accounts has no row to wait for one another at: two calls may answer one key at
        -- once. The later one waits here, in the order of the keys, and gives the answer of the first
        -- (test: one key of a player without accounts fails nobody).
        WITH kept AS (
            INSERT INTO bet_request AS r (tenant_id, user_id, key, body_sha256, decision, answer, at)
            SELECT k.tenant_id, k.user_id, k.key, k.sha256, k.decision, k.answer, k.at
            FROM unnest(p_tenant, p_user, p_key, p_body_sha256, decision, answer, placed_at, v_known, v_alone)
                     AS k (tenant_id, user_id, key, sha256, decision, answer, at, known, alone)
            WHERE k.known AND NOT k.alone AND k.decision = 'refused'
            ORDER BY k.tenant_id, k.user_id, k.key
            ON CONFLICT (tenant_id, user_id, key) DO NOTHING
            RETURNING r.tenant_id, r.user_id, r.key
        )
        SELECT array_agg(k.n) INTO v_late
        FROM unnest(p_tenant, p_user, p_key, decision, v_known, v_alone)
                 WITH ORDINALITY AS k (tenant_id, user_id, key, decision, known, alone, n)
        WHERE k.known AND NOT k.alone AND k.decision = 'refused' AND NOT EXISTS (
            SELECT 1 FROM kept r WHERE r.tenant_id = k.tenant_id AND r.user_id = k.user_id AND r.key = k.key);
    END IF;
    IF v_late IS NOT NULL OR v_again THEN
        SELECT t.decision, t.bet, t.potential, t.placed_at, t.answer, t.leg_price_e4
        INTO decision, bet, potential, placed_at, answer, leg_price_e4
        FROM bets_again_v1(p_tenant, p_user, p_key, p_body_sha256, p_leg_slip, v_first, v_late,
                           decision, bet, potential, placed_at, answer, leg_price_e4) AS t;
    END IF;
END
$$;

-- Place slips now: one call, one commit, an answer for each slip.
CREATE FUNCTION bets_place_v1(
    p_tenant uuid[], p_bet uuid[], p_user uuid[], p_key text[], p_body_sha256 bytea[], p_stake bigint[],
    p_sizes text[], p_potential bigint[], p_rounds_up boolean[], p_policy text[], p_tolerance_bps integer[],
    p_at timestamptz[], p_token_sha256 bytea[], p_leg_slip integer[], p_leg_selection uuid[],
    p_leg_price_e4 integer[], p_leg_expected_e4 integer[], p_leg_banker boolean[],
    OUT decision text[], OUT bet uuid[], OUT potential bigint[], OUT placed_at timestamptz[],
    OUT currency text[], OUT answer jsonb[], OUT leg_price_e4 integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    SELECT d.* INTO decision, bet, potential, placed_at, currency, answer, leg_price_e4
    FROM bets_decide_v1(p_tenant, p_bet, p_user, p_key, p_body_sha256, p_stake, p_sizes, p_potential, p_rounds_up,
                        p_policy, p_tolerance_bps, p_at, p_token_sha256, true,
                        p_leg_slip, p_leg_selection, p_leg_price_e4, p_leg_expected_e4, p_leg_banker) AS d;
END
$$;
GRANT EXECUTE ON FUNCTION bets_place_v1 TO overround_app, overround_worker;

-- Place slips at their own times, as a replay does: not for those who serve people
-- (test: the app may not place a bet in the past).
CREATE FUNCTION bets_replay_v1(
    p_tenant uuid[], p_bet uuid[], p_user uuid[], p_key text[], p_body_sha256 bytea[], p_stake bigint[],
    p_sizes text[], p_potential bigint[], p_rounds_up boolean[], p_policy text[], p_tolerance_bps integer[],
    p_at timestamptz[], p_leg_slip integer[], p_leg_selection uuid[],
    p_leg_price_e4 integer[], p_leg_expected_e4 integer[], p_leg_banker boolean[],
    OUT decision text[], OUT bet uuid[], OUT potential bigint[], OUT placed_at timestamptz[],
    OUT currency text[], OUT answer jsonb[], OUT leg_price_e4 integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    SELECT d.* INTO decision, bet, potential, placed_at, currency, answer, leg_price_e4
    FROM bets_decide_v1(p_tenant, p_bet, p_user, p_key, p_body_sha256, p_stake, p_sizes, p_potential, p_rounds_up,
                        p_policy, p_tolerance_bps, p_at, NULL, false,
                        p_leg_slip, p_leg_selection, p_leg_price_e4, p_leg_expected_e4, p_leg_banker) AS d;
END
$$;
GRANT EXECUTE ON FUNCTION bets_replay_v1 TO overround_worker;
