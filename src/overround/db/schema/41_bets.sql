-- part: betting.bets
-- Placing bets: one call decides many slips.

-- A generic plan in the functions here: the planner knows the sizes of the arrays no better the
-- second time, and planning anew would cost as much as running.

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
--   p_passes, p_leg_agreed_e4: of slips that have waited (bets_place_waited_v1); NULL of all others.
--   p_least: of players who take a smaller stake where theirs does not fit, the least they take; the slip is
--   'moved' then too, and its answer says the stake. p_leg_seen: the version of the offer that was shown, which
--   a player who takes no other price wants to be still that (test: an offer that was replaced is not what was shown).
--   p_leg_terms: of legs of bets each way the place terms that `p_potential` was reckoned at, which have to be the
--   market's (test: place terms that changed are not what was shown); '' asks for them, and the slip is 'moved'.
--   p_leg_then: of slips that have waited, how the leg's event stood when they were sent; NULL where it had not begun.
-- decision: accepted, refused, replayed (same key, same body: the answer of then), key_reused, moved, nobody
-- (the session has ended), waits (it has to wait first, as `answer` says; of these three nothing is stored).
-- `answer` is a refusal's, or why a slip waits; an accepted bet's is made of its rows, so it is stored once.
-- A player's stakes are taken in order while they fit. A refusal is an answer and is stored.
-- READ COMMITTED only: with one snapshot for all statements the lock would prove nothing
-- (test: a bet that waited for a suspension is refused).
-- The facts are read in statements of their own, after the locks: their snapshots see every
-- suspension, start and result that was committed before the locks were given.
-- Every look-up here is by a key. A plan made while a table was small would read all of it, and is kept until
-- somebody analyses the table: a new house would take a fifth fewer bets until then.
CREATE FUNCTION bets_decide_v1(
    p_tenant uuid[], p_bet uuid[], p_user uuid[], p_key text[], p_body_sha256 bytea[], p_stake bigint[],
    p_sizes text[], p_potential bigint[], p_rounds_up boolean[], p_policy text[], p_tolerance_bps integer[],
    p_at timestamptz[], p_token_sha256 bytea[], p_live boolean, p_leg_slip integer[], p_leg_selection uuid[],
    p_leg_price_e4 integer[], p_leg_expected_e4 integer[], p_leg_banker boolean[],
    p_passes text[] DEFAULT NULL, p_leg_agreed_e4 integer[] DEFAULT NULL,
    p_least bigint[] DEFAULT NULL, p_leg_seen bigint[] DEFAULT NULL, p_leg_terms text[] DEFAULT NULL,
    p_leg_then jsonb[] DEFAULT NULL,
    OUT decision text[], OUT bet uuid[], OUT potential bigint[], OUT placed_at timestamptz[],
    OUT currency text[], OUT answer jsonb[], OUT leg_price_e4 integer[])
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    v_slips        integer := cardinality(p_bet);
    v_recorded_at  timestamptz;
    v_events       integer;
    v_leg_event    uuid[];
    v_leg_market   uuid[];
    v_leg_version  bigint[];
    v_leg_refusal  text[];
    v_leg_terms    text[];
    v_slip         integer[];
    v_first        integer[];
    v_once         boolean;
    v_cash         uuid[];
    v_cash_minor   bigint[];
    v_refusal      text[];
    v_leg_first    integer[];
    v_leg_refused  integer[];
    v_leg_count    integer[];
    v_book         uuid[];
    v_rounding     text[];
    v_tight        boolean;
    v_again        boolean;
    v_moved        boolean;
    v_watched      boolean;
    v_in_play      boolean;
    v_taken        integer[];
    v_late         integer[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'placing bets needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF v_slips > 64 THEN
        RAISE EXCEPTION '% slips in one call; at most 64', v_slips USING ERRCODE = 'program_limit_exceeded';
    END IF;
    -- Which event and market a selection is of never changes, so that may be read before the locks are held.
    WITH leg AS MATERIALIZED (
        -- By the key of each and not by a join (OFFSET 0), for which the planner would read the whole table.
        SELECT l.n, s.event_id, s.market_id
        FROM unnest(p_leg_selection) WITH ORDINALITY AS l (id, n)
        LEFT JOIN LATERAL (SELECT s.event_id, s.market_id FROM selection s WHERE s.id = l.id OFFSET 0) s ON true
    )
    SELECT array_agg(l.event_id ORDER BY l.n), array_agg(l.market_id ORDER BY l.n), (
        SELECT count(pg_advisory_xact_lock_shared(k.key))
        FROM (SELECT DISTINCT event_key(k.event_id) AS key FROM leg k ORDER BY 1) k)
    INTO v_leg_event, v_leg_market, v_events
    FROM leg l;
    -- A player's money is locked by his cash (10_ledger.sql). What a locked account holds is its own last word, whoever
    -- the lock had to wait for.
    WITH locked AS MATERIALIZED (
        -- Without its domain: an array of a domain's values would be made anew as one of its type.
        SELECT q.n::integer, a.id, a.balance_minor::bigint
        FROM unnest(p_tenant, p_user) WITH ORDINALITY AS q (tenant_id, user_id, n)
        JOIN account a ON a.tenant_id = q.tenant_id AND a.owner_id = q.user_id AND a.kind = 'cash'
        ORDER BY a.id FOR NO KEY UPDATE OF a
    )
    SELECT array_agg(l.n ORDER BY l.n), array_agg(l.id ORDER BY l.n), array_agg(l.balance_minor ORDER BY l.n),
           count(DISTINCT l.id) = v_slips
    INTO v_slip, v_cash, v_cash_minor, v_once
    FROM locked l;
    IF NOT v_once THEN
        -- Somebody has two slips here, or no account.
        v_cash := ARRAY(SELECT v_cash[array_position(v_slip, n)] FROM generate_series(1, v_slips) AS n ORDER BY n);
        v_cash_minor := ARRAY(SELECT v_cash_minor[array_position(v_slip, n)] FROM generate_series(1, v_slips) AS n ORDER BY n);
        v_first := ARRAY(
            SELECT min(q.n) OVER (PARTITION BY q.tenant_id, q.user_id, q.key)
            FROM unnest(p_tenant, p_user, p_key) WITH ORDINALITY AS q (tenant_id, user_id, key, n) ORDER BY q.n);
    END IF;
    placed_at := p_at;
    IF p_live THEN
        v_recorded_at := clock_timestamp();
        IF v_recorded_at >= ALL (p_at) THEN
            placed_at := array_fill(v_recorded_at, ARRAY[v_slips]);
        ELSE
            placed_at := ARRAY(SELECT greatest(q.at, v_recorded_at) FROM unnest(p_at) WITH ORDINALITY AS q (at, n) ORDER BY q.n);
        END IF;
    END IF;

    -- One at a time, here and below (OFFSET 0): for a join the planner would read the whole table.
    SELECT array_agg(l.price_e4 ORDER BY l.n), array_agg(l.version ORDER BY l.n), array_agg(l.refusal ORDER BY l.n),
           p_live AND bool_or(l.is_on)
    INTO leg_price_e4, v_leg_version, v_leg_refusal, v_in_play
    FROM (
        SELECT l.n, coalesce(p_leg_agreed_e4[l.n], o.price_e4) AS price_e4, o.version,
               e.status = 'live' AS is_on,
               CASE
                   WHEN o.state IS NULL THEN 'unknown_selection'
                   -- Of two machines' clocks none is right: live, what is known as closed is closed. What has begun is
                   -- asked about by itself, so that who bets before a start pays nothing for it.
                   -- IS TRUE: of an event that is not closed the first half is NULL, and then the second would be asked too.
                   WHEN (e.starts_at <= placed_at[l.slip] OR e.closed_at <= placed_at[l.slip]
                         OR p_live AND e.closed_at IS NOT NULL) IS TRUE
                        AND (NOT p_live OR bets_in_play_refusal_v1(p_tenant[l.slip], v_leg_event[l.n], v_leg_market[l.n], placed_at[l.slip],
                             p_passes[l.slip] IS NOT NULL, p_leg_then[l.n]) IS NOT NULL)
                       THEN CASE WHEN p_live THEN bets_in_play_refusal_v1(p_tenant[l.slip], v_leg_event[l.n], v_leg_market[l.n],
                            placed_at[l.slip], p_passes[l.slip] IS NOT NULL, p_leg_then[l.n]) ELSE 'event_started' END
                   WHEN o.state = 'closed' THEN 'market_closed'
                   WHEN o.state <> 'open' THEN 'market_suspended'
                   WHEN p_leg_agreed_e4[l.n] IS NOT NULL THEN NULL
                   WHEN p_leg_seen[l.n] <> o.version AND p_policy[l.slip] = 'none' AND o.price_e4 = p_leg_price_e4[l.n]
                       THEN 'market_changed'
                   WHEN o.price_e4 = p_leg_price_e4[l.n] THEN NULL
                   WHEN NOT CASE p_policy[l.slip]
                       WHEN 'any' THEN true
                       WHEN 'higher' THEN o.price_e4::bigint * 10000
                            >= p_leg_price_e4[l.n]::bigint * (10000 - p_tolerance_bps[l.slip])
                       ELSE false
                   END THEN 'price_changed'
               END AS refusal
        FROM unnest(p_leg_slip) WITH ORDINALITY AS l (slip, n)
        LEFT JOIN tenant t ON t.id = p_tenant[l.slip]
        LEFT JOIN LATERAL (
            SELECT e.starts_at, e.closed_at, e.status FROM event e WHERE e.id = v_leg_event[l.n] OFFSET 0) e ON true
        LEFT JOIN LATERAL (
            SELECT o.price_e4, o.version, o.state FROM offer o
            WHERE o.book_id = t.book_id AND o.selection_id = p_leg_selection[l.n] OFFSET 0) o ON true
    ) l;

    IF p_leg_terms IS NOT NULL THEN
        SELECT array_agg(t.terms ORDER BY t.n), array_agg(t.refusal ORDER BY t.n) INTO v_leg_terms, v_leg_refusal
        FROM bets_place_terms_v1(p_leg_terms, v_leg_market, v_leg_refusal) t;
    END IF;

    -- The column of refusals, in order of precedence; money comes last, because what is refused
    -- for another reason takes none of it.
    -- OFFSET 0 again: else the planner would put the whole column wherever its outcome is named, and ask it anew.
    SELECT array_agg(d.decision ORDER BY d.n), array_agg(d.potential ORDER BY d.n), array_agg(d.currency ORDER BY d.n),
           array_agg(d.refusal ORDER BY d.n), array_agg(d.leg_first ORDER BY d.n), array_agg(d.leg_refused ORDER BY d.n),
           array_agg(d.legs ORDER BY d.n), array_agg(d.book_id ORDER BY d.n), array_agg(d.payout_rounding ORDER BY d.n),
           bool_or(d.decision = 'accepted' AND p_stake[d.n] > v_cash_minor[d.n]),
           EXISTS (SELECT 1 FROM risk_cap c WHERE c.tenant_id = ANY (p_tenant))
           OR EXISTS (SELECT 1 FROM risk_policy p WHERE p.tenant_id = ANY (p_tenant))
           OR EXISTS (SELECT 1 FROM risk_wait w WHERE w.tenant_id = ANY (p_tenant))
    INTO decision, potential, currency, v_refusal, v_leg_first, v_leg_refused, v_leg_count, v_book, v_rounding, v_tight, v_watched
    FROM (
        SELECT j.*,
               CASE
                   WHEN j.is_over THEN 'nobody'
                   WHEN j.stored_sha256 IS NOT NULL THEN
                       CASE WHEN j.stored_sha256 = p_body_sha256[j.n] THEN 'replayed' ELSE 'key_reused' END
                   WHEN v_first[j.n] < j.n THEN 'again'
                   WHEN j.refusal IS NULL THEN 'accepted'
                   WHEN j.refusal = 'moved' THEN 'moved' ELSE 'refused'
               END AS decision
        FROM (
            SELECT q.n, t.currency, t.book_id, t.payout_rounding, p.potential,
                   r.body_sha256 AS stored_sha256, f.legs, f.leg_first, f.leg_refused,
                   p_token_sha256[q.n] IS NOT NULL AND (n.revoked_at IS NOT NULL OR n.user_id IS DISTINCT FROM p_user[q.n])
                       AS is_over,
                   CASE
                       WHEN t.status <> 'active' THEN 'tenant_suspended'
                       WHEN u.status IS DISTINCT FROM 'active' OR v_cash[q.n] IS NULL
                           THEN 'account_blocked'
                       WHEN f.legs IS NULL THEN 'too_few_legs'
                       WHEN f.legs > 20 THEN 'too_many_legs'
                       WHEN f.leg_refused IS NOT NULL THEN v_leg_refusal[f.leg_refused]
                       WHEN f.legs > 1 AND f.legs > (
                           SELECT count(DISTINCT v_leg_event[g]) FROM generate_series(f.leg_first, f.leg_first + f.legs - 1) AS g)
                           THEN 'legs_conflict'
                       WHEN p_stake[q.n] < t.stake_min_minor THEN 'stake_below_min'
                       WHEN f.is_moved THEN 'moved'
                       WHEN p.potential > t.payout_max_minor THEN 'payout_above_max'
                   END AS refusal
            FROM generate_series(1, v_slips) AS q (n)
            JOIN tenant t ON t.id = p_tenant[q.n]
            CROSS JOIN LATERAL (
                SELECT p_potential[q.n] + (t.payout_rounding = 'half_even' AND p_rounds_up[q.n])::integer AS potential) p
            LEFT JOIN LATERAL (
                SELECT u.status FROM users u WHERE u.tenant_id = p_tenant[q.n] AND u.id = p_user[q.n] OFFSET 0) u ON true
            LEFT JOIN LATERAL (
                SELECT n.user_id, n.revoked_at FROM session n
                WHERE n.tenant_id = p_tenant[q.n] AND n.token_sha256 = p_token_sha256[q.n] OFFSET 0) n ON true
            LEFT JOIN LATERAL (
                SELECT r.body_sha256 FROM bet_request r
                WHERE r.tenant_id = p_tenant[q.n] AND r.user_id = p_user[q.n] AND r.key = p_key[q.n] OFFSET 0) r ON true
            LEFT JOIN (
                SELECT g.slip, count(*)::integer AS legs, min(g.n)::integer AS leg_first,
                       min(g.n) FILTER (WHERE v_leg_refusal[g.n] IS NOT NULL)::integer AS leg_refused,
                       bool_or(leg_price_e4[g.n] <> p_leg_expected_e4[g.n] OR p_leg_terms[g.n] = '') AS is_moved
                FROM unnest(p_leg_slip) WITH ORDINALITY AS g (slip, n)
                GROUP BY g.slip
            ) f ON f.slip = q.n
            OFFSET 0
        ) j
        OFFSET 0
    ) d;
    bet := p_bet;
    answer := array_fill(NULL::jsonb, ARRAY[v_slips]);
    v_moved := 'moved' = ANY (decision);
    v_again := decision && ARRAY['replayed', 'again'];
    IF decision && ARRAY['refused', 'key_reused', 'nobody'] THEN
        answer := bets_refused_v1(p_tenant, p_stake, potential, decision, v_refusal, v_leg_first, v_leg_refused, v_leg_count,
                                  v_leg_refusal, leg_price_e4);
    END IF;
    IF NOT v_once AND NOT v_tight THEN
        v_tight := EXISTS (SELECT 1 FROM generate_series(1, v_slips) AS n WHERE decision[n] = 'accepted'
                           GROUP BY v_cash[n] HAVING sum(p_stake[n]) > min(v_cash_minor[n]));
    END IF;
    IF v_watched THEN
        SELECT r.decision, r.answer INTO decision, answer
        FROM bets_within_risk_v1(p_tenant, p_user, p_stake, potential, placed_at, decision, answer, currency,
                                 p_leg_slip, v_leg_event, v_leg_market, p_leg_selection, leg_price_e4,
                                 CASE WHEN v_tight THEN v_cash_minor END) AS r;
    END IF;
    IF p_least IS NOT NULL THEN
        SELECT l.decision, l.answer INTO decision, answer
        FROM bets_lowered_v1(p_tenant, p_least, p_stake, decision, answer) AS l;
        v_moved := 'moved' = ANY (decision);
    END IF;
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
    IF p_live AND v_watched OR v_in_play THEN
        -- What is played again asks nobody.
        SELECT w.decision, w.answer INTO decision, answer
        FROM bets_must_wait_v1(p_tenant, p_user, p_stake, potential, p_passes, decision, answer,
                               p_leg_slip, v_leg_event, v_leg_market, p_leg_selection, v_in_play) AS w;
    END IF;
    IF v_tight THEN
        SELECT t.decision, t.answer INTO decision, answer
        FROM bets_fitting_v1(decision, answer, currency, v_cash, v_cash_minor, p_stake) AS t;
    END IF;

    IF p_leg_terms IS NOT NULL THEN
        -- Whoever asks again does so at the terms of now.
        FOR i IN 1 .. v_slips LOOP
            IF p_leg_terms[array_position(p_leg_slip, i)] IS NOT NULL
               AND (decision[i] = 'moved' OR answer[i] ->> 'refusal' = 'place_terms_changed') THEN
                answer[i] := coalesce(answer[i], '{}') || jsonb_build_object('place_terms', to_jsonb(v_leg_terms[
                    array_position(p_leg_slip, i) : array_position(p_leg_slip, i) + cardinality(array_positions(p_leg_slip, i)) - 1]));
            END IF;
        END LOOP;
    END IF;
    IF p_leg_seen IS NOT NULL THEN
        -- Who said which versions he saw is told those of now.
        FOR i IN 1 .. v_slips LOOP
            IF decision[i] = 'refused' AND answer[i] ->> 'refusal' IN ('price_changed', 'market_changed') THEN
                answer[i] := answer[i] || jsonb_build_object('offer_versions', to_jsonb(v_leg_version[
                    array_position(p_leg_slip, i) : array_position(p_leg_slip, i) + cardinality(array_positions(p_leg_slip, i)) - 1]));
            END IF;
        END LOOP;
    END IF;
    v_taken := array_positions(decision, 'accepted');
    -- Money first: the rows of liability, which every bet on a selection writes, are then locked for the
    -- shortest time. Whoever is accepted has his money locked since the beginning.
    PERFORM ledger_hold_v1(p_tenant, p_user, placed_at, p_bet, v_cash, p_stake, currency, v_taken, v_once);
    WITH laid AS (
        INSERT INTO bet AS b (tenant_id, id, user_id, book_id, kind, legs, sizes, stake_minor, currency, potential_payout_minor,
                         odds_policy, payout_rounding, placed_at, each_way)
        SELECT p_tenant[n], p_bet[n], p_user[n], v_book[n],
               CASE WHEN p_sizes[n] IS NOT NULL THEN 'system' WHEN v_leg_count[n] = 1 THEN 'single' ELSE 'combo' END,
               v_leg_count[n], p_sizes[n]::smallint[], p_stake[n], currency[n], potential[n], p_policy[n], v_rounding[n],
               placed_at[n], v_leg_terms[v_leg_first[n]] IS NOT NULL
        FROM unnest(v_taken) AS n
    ), stood AS (
        INSERT INTO leg (tenant_id, bet_id, n, event_id, market_id, selection_id, price_e4, shown_price_e4, offer_version, banker,
                         place_terms)
        SELECT p_tenant[l.slip], p_bet[l.slip], l.n - v_leg_first[l.slip] + 1, v_leg_event[l.n], v_leg_market[l.n],
               p_leg_selection[l.n], leg_price_e4[l.n], p_leg_price_e4[l.n], v_leg_version[l.n], p_leg_banker[l.n], v_leg_terms[l.n]
        FROM unnest(p_leg_slip) WITH ORDINALITY AS l (slip, n)
        WHERE decision[l.slip] = 'accepted'
    )
    -- Who holds the lock of a player's money is alone with his keys.
    INSERT INTO bet_request (tenant_id, user_id, key, body_sha256, bet_id, decision, answer, at)
    SELECT p_tenant[n], p_user[n], p_key[n], p_body_sha256[n], CASE WHEN decision[n] = 'accepted' THEN p_bet[n] END,
           decision[n], CASE WHEN decision[n] = 'refused' THEN answer[n] END, placed_at[n]
    FROM generate_series(1, v_slips) AS n
    WHERE decision[n] IN ('accepted', 'refused') AND v_cash[n] IS NOT NULL;
    IF 1 = ALL (v_leg_count) THEN
        -- What a single has on its selection is the bet itself.
        PERFORM risk_laid_v1(p_tenant, v_leg_event, v_leg_market, p_leg_selection, p_stake, potential, placed_at, v_taken);
    ELSIF v_taken <> '{}' THEN
        PERFORM bets_laid_v1(p_tenant, p_stake, potential, placed_at, p_leg_slip, v_leg_event, v_leg_market, p_leg_selection,
                             leg_price_e4, v_taken);
    END IF;
    IF p_leg_terms IS NOT NULL AND v_taken <> '{}' THEN
        PERFORM bets_placed_each_way_v1(p_tenant, p_stake, potential, p_leg_slip, v_leg_event, p_leg_selection, leg_price_e4,
                                        v_leg_terms, v_taken);
    END IF;
    IF v_in_play AND v_taken <> '{}' THEN
        PERFORM bets_laid_in_play_v1(p_tenant, p_bet, p_leg_slip, v_leg_event, v_taken);
    END IF;
    IF NOT v_once AND array_position(v_cash, NULL) IS NOT NULL THEN
        -- A player without accounts has no row to wait for one another at: two calls may answer one key at
        -- once. The later one waits here, in the order of the keys, and gives the answer of the first
        -- (test: one key of a player without accounts fails nobody).
        WITH asked AS MATERIALIZED (
            SELECT n FROM generate_series(1, v_slips) AS n
            JOIN users u ON u.tenant_id = p_tenant[n] AND u.id = p_user[n]
            WHERE v_cash[n] IS NULL AND decision[n] = 'refused'
        ), kept AS (
            INSERT INTO bet_request AS r (tenant_id, user_id, key, body_sha256, decision, answer, at)
            SELECT p_tenant[n], p_user[n], p_key[n], p_body_sha256[n], decision[n], answer[n], placed_at[n]
            FROM asked
            ORDER BY p_tenant[n], p_user[n], p_key[n]
            ON CONFLICT (tenant_id, user_id, key) DO NOTHING
            RETURNING r.tenant_id, r.user_id, r.key
        )
        SELECT array_agg(n) INTO v_late
        FROM asked
        WHERE NOT EXISTS (
            SELECT 1 FROM kept r WHERE r.tenant_id = p_tenant[n] AND r.user_id = p_user[n] AND r.key = p_key[n]);
    END IF;
    IF v_late IS NOT NULL OR v_again THEN
        SELECT t.decision, t.bet, t.potential, t.placed_at, t.answer, t.leg_price_e4
        INTO decision, bet, potential, placed_at, answer, leg_price_e4
        FROM bets_again_v1(p_tenant, p_user, p_key, p_body_sha256, p_stake, p_leg_slip, v_first, v_late,
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
    p_least bigint[] DEFAULT NULL, p_leg_seen bigint[] DEFAULT NULL, p_leg_terms text[] DEFAULT NULL,
    OUT decision text[], OUT bet uuid[], OUT potential bigint[], OUT placed_at timestamptz[],
    OUT currency text[], OUT answer jsonb[], OUT leg_price_e4 integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    SELECT d.* INTO decision, bet, potential, placed_at, currency, answer, leg_price_e4
    FROM bets_decide_v1(p_tenant, p_bet, p_user, p_key, p_body_sha256, p_stake, p_sizes, p_potential, p_rounds_up,
                        p_policy, p_tolerance_bps, p_at, p_token_sha256, true,
                        p_leg_slip, p_leg_selection, p_leg_price_e4, p_leg_expected_e4, p_leg_banker,
                        p_least => p_least, p_leg_seen => p_leg_seen, p_leg_terms => p_leg_terms) AS d;
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
    p_least bigint[] DEFAULT NULL, p_leg_seen bigint[] DEFAULT NULL, p_leg_terms text[] DEFAULT NULL,
    OUT decision text[], OUT bet uuid[], OUT potential bigint[], OUT placed_at timestamptz[],
    OUT currency text[], OUT answer jsonb[], OUT leg_price_e4 integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    SELECT d.* INTO decision, bet, potential, placed_at, currency, answer, leg_price_e4
    FROM bets_decide_v1(p_tenant, p_bet, p_user, p_key, p_body_sha256, p_stake, p_sizes, p_potential, p_rounds_up,
                        p_policy, p_tolerance_bps, p_at, NULL, false,
                        p_leg_slip, p_leg_selection, p_leg_price_e4, p_leg_expected_e4, p_leg_banker,
                        p_least => p_least, p_leg_seen => p_leg_seen, p_leg_terms => p_leg_terms) AS d;
END
$$;
GRANT EXECUTE ON FUNCTION bets_replay_v1 TO overround_worker;
