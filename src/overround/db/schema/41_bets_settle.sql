-- part: betting.bets
-- Bets graded and paid, and paid again by the difference when what was known was wrong.

-- The bets that settling the events would touch now: those with a leg on them that is not graded, or
-- not by what is known (`p_result`, the result's version, 0 where there is none) or ruled (`p_ruling`).
CREATE FUNCTION bets_touched_v1(p_tenant uuid, p_event uuid[], p_result integer[], p_ruling integer[])
RETURNS SETOF uuid LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT DISTINCT l.bet_id
    FROM unnest(p_event, p_result, p_ruling) AS k (event_id, result, ruling)
    JOIN leg l ON l.tenant_id = p_tenant AND l.event_id = k.event_id
    WHERE l.grade IS NULL OR l.result_version <> k.result OR l.ruling_version <> k.ruling
    ORDER BY 1
$$;
GRANT EXECUTE ON FUNCTION bets_touched_v1 TO overround_worker;

-- Lock bets in id order, then the money of their players in id order, and name the locked ones. All of
-- it before the first batch is paid: a settler that took the second batch's players while it held the
-- first one's would wait in a circle with a call of slips, which takes them in order
-- (test: a batch boundary never deadlocks). Without `p_wait` what others hold is left to them.
CREATE FUNCTION bets_lock_v1(p_tenant uuid, p_bet uuid[], p_wait boolean)
RETURNS SETOF uuid LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_bet  uuid[];
    v_user uuid[];
BEGIN
    IF p_wait THEN
        SELECT array_agg(b.id ORDER BY b.id), array_agg(DISTINCT b.user_id) INTO v_bet, v_user FROM (
            SELECT id, user_id FROM bet WHERE tenant_id = p_tenant AND id = ANY (p_bet)
            ORDER BY id FOR UPDATE) b;
    ELSE
        SELECT array_agg(b.id ORDER BY b.id), array_agg(DISTINCT b.user_id) INTO v_bet, v_user FROM (
            SELECT id, user_id FROM bet WHERE tenant_id = p_tenant AND id = ANY (p_bet)
            ORDER BY id FOR UPDATE SKIP LOCKED) b;
    END IF;
    PERFORM 1 FROM account
    WHERE tenant_id = p_tenant AND owner_id = ANY (v_user) AND kind = 'cash'
    ORDER BY id FOR NO KEY UPDATE;
    RETURN QUERY SELECT unnest(v_bet);
END
$$;
GRANT EXECUTE ON FUNCTION bets_lock_v1 TO overround_worker;

-- Grade legs, and bring bets to what they come to: settled, settled otherwise, or open again (no
-- outcome). Only the difference moves, once per bet and settlement version; a bet that stands as asked
-- is not touched (test: two settlers pay once). Of a partly cashed out bet the rest of the stake is at play,
-- and its payout says what was paid early too; one of which nothing is left has ended
-- (test: what was cashed out stays when the result is corrected).
-- Credits go before debits, and what a player's cash does not reach is lent to him, so no correction
-- waits for money that is gone. Of the bets `p_free`, whose stake the tenant gave, `p_back` is what of it is back with
-- the tenant when they stand as asked (test: a free bet pays what it wins and no more). Raises account_missing when a bet's player has no purse.
CREATE FUNCTION bets_settle_v1(
    p_tenant uuid, p_at timestamptz,
    p_leg_bet uuid[], p_leg_n integer[], p_leg_grade text[], p_leg_result integer[], p_leg_ruling integer[],
    p_bet uuid[], p_outcome text[], p_payout bigint[], p_free uuid[] DEFAULT NULL, p_back bigint[] DEFAULT NULL,
    p_leg_place_grade text[] DEFAULT NULL, p_leg_dead_heat text[] DEFAULT NULL, p_leg_place_dead_heat text[] DEFAULT NULL)
RETURNS integer LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_house      uuid;
    v_receivable uuid;
    v_promotion  uuid;
    v_changed    integer;
    v_purses     integer;
    v_from       uuid[];
    v_to         uuid[];
    v_code       text[];
    v_ref        uuid[];
    v_version    integer[];
    v_amount     bigint[];
    v_debtor     uuid[];
    v_lent       bigint[];
    v_repaid     bigint[];
BEGIN
    PERFORM 1 FROM bet WHERE tenant_id = p_tenant AND id = ANY (p_leg_bet || p_bet) ORDER BY id FOR UPDATE;
    UPDATE leg l SET grade = g.grade, result_version = g.result, ruling_version = g.ruling, place_grade = g.place_grade,
                     dead_heat = g.dead_heat, place_dead_heat = g.place_dead_heat
    FROM unnest(p_leg_bet, p_leg_n, p_leg_grade, p_leg_result, p_leg_ruling, p_leg_place_grade, p_leg_dead_heat,
                p_leg_place_dead_heat) AS g (bet, n, grade, result, ruling, place_grade, dead_heat, place_dead_heat)
    WHERE l.tenant_id = p_tenant AND l.bet_id = g.bet AND l.n = g.n;

    SELECT max(id::text) FILTER (WHERE kind = 'house')::uuid, max(id::text) FILTER (WHERE kind = 'receivable')::uuid,
           max(id::text) FILTER (WHERE kind = 'promotion')::uuid
    INTO v_house, v_receivable, v_promotion
    FROM account WHERE tenant_id = p_tenant AND owner_id IS NULL AND kind IN ('house', 'receivable', 'promotion');

    WITH asked AS MATERIALIZED (
        SELECT b.id, b.user_id, b.stake_minor - coalesce(b.cashed_stake_minor, 0) AS stake, b.settlement_version + 1 AS version,
               coalesce(b.cashed_minor, 0) AS cashed, b.outcome AS was, b.payout_minor AS was_paid, s.outcome AS becomes, s.payout AS pays,
               f.back, f.was_back
        FROM unnest(p_bet, p_outcome, p_payout) AS s (id, outcome, payout)
        JOIN bet b ON b.tenant_id = p_tenant AND b.id = s.id AND b.outcome IS DISTINCT FROM 'cashed_out'
        LEFT JOIN (SELECT g.bet_id, q.back, g.back_minor AS was_back FROM unnest(p_free, p_back) AS q (bet, back)
                   JOIN free_bet g ON g.tenant_id = p_tenant AND g.bet_id = q.bet) f ON f.bet_id = b.id
        WHERE (b.outcome, b.payout_minor) IS DISTINCT FROM (s.outcome, s.payout)
    ), written AS (
        UPDATE bet b
        SET status = CASE WHEN a.becomes IS NULL THEN 'open' ELSE 'settled' END, outcome = a.becomes,
            payout_minor = a.pays, settled_at = CASE WHEN a.becomes IS NOT NULL THEN p_at END,
            settlement_version = a.version
        FROM asked a WHERE b.tenant_id = p_tenant AND b.id = a.id
    ), purse AS MATERIALIZED (
        SELECT a.*, c.id AS cash, h.id AS held, c.balance_minor AS cash_minor,
               CASE WHEN a.becomes <> 'void' THEN a.pays - a.cashed ELSE 0 END
               - CASE WHEN a.was <> 'void' THEN a.was_paid - a.cashed ELSE 0 END AS pays_more
        FROM asked a
        JOIN account c ON c.tenant_id = p_tenant AND c.owner_id = a.user_id AND c.kind = 'cash'
        JOIN account h ON h.tenant_id = p_tenant AND h.owner_id = a.user_id AND h.kind = 'held'
    ), step AS MATERIALIZED (
        SELECT p.id, p.user_id, p.version, p.cash, p.cash_minor, s.*
        FROM purse p CROSS JOIN LATERAL (VALUES
            (1, p.was IS NULL AND p.becomes = 'void', 'stake_return', p.held, p.cash, p.stake),
            (1, p.was IS NULL AND p.becomes <> 'void', 'stake_take', p.held, v_house, p.stake),
            (1, p.was <> 'void' AND p.becomes = 'void', 'stake_release', v_house, p.cash, p.stake),
            (1, p.was <> 'void' AND p.becomes IS NULL, 'stake_release', v_house, p.held, p.stake),
            (1, true, 'free_bet', v_promotion, p.cash, p.was_back - p.back),
            (2, true, 'payout', v_house, p.cash, p.pays_more),
            (4, p.was = 'void' AND p.becomes <> 'void', 'stake_take', p.cash, v_house, p.stake),
            (4, p.was = 'void' AND p.becomes IS NULL, 'stake_reclaim', p.cash, p.held, p.stake),
            (5, true, 'payout_reclaim', p.cash, v_house, -p.pays_more),
            (5, true, 'free_bet_back', p.cash, v_promotion, p.back - p.was_back)
        ) AS s (phase, holds, code, from_id, to_id, amount)
        WHERE s.holds AND s.amount > 0
    ), player AS (
        -- Where a player ends without a loan, and what he has won in this call.
        SELECT s.user_id, s.cash,
               s.cash_minor + coalesce(sum(s.amount) FILTER (WHERE s.to_id = s.cash), 0)
               - coalesce(sum(s.amount) FILTER (WHERE s.from_id = s.cash), 0) AS ends,
               coalesce(sum(CASE s.code WHEN 'payout' THEN s.amount WHEN 'free_bet_back' THEN -s.amount END), 0) AS won,
               max(s.id::text) FILTER (WHERE s.from_id = s.cash) AS takes_back,
               max(s.id::text) FILTER (WHERE s.code = 'payout') AS pays
        FROM step s GROUP BY s.user_id, s.cash, s.cash_minor
    ), owing AS MATERIALIZED (
        SELECT p.user_id, p.cash, p.takes_back::uuid AS takes_back, p.pays::uuid AS pays,
               greatest(-p.ends, 0)::bigint AS lent,
               greatest(least(d.owed_minor, p.won, p.ends), 0)::bigint AS repaid
        FROM player p LEFT JOIN debt d ON d.tenant_id = p_tenant AND d.user_id = p.user_id
        WHERE p.ends < 0 OR d.owed_minor > 0
    ), debtor AS (
        SELECT array_agg(o.user_id) AS users, array_agg(o.lent) AS lent, array_agg(o.repaid) AS repaid FROM owing o
    ), move AS (
        SELECT s.phase, s.id, s.version, s.code, s.from_id, s.to_id, s.amount FROM step s
        UNION ALL
        SELECT 3, o.takes_back, s.version, 'debt_lend', v_receivable, o.cash, o.lent
        FROM owing o JOIN asked s ON s.id = o.takes_back WHERE o.lent > 0
        UNION ALL
        SELECT 6, o.pays, s.version, 'debt_repay', o.cash, v_receivable, o.repaid
        FROM owing o JOIN asked s ON s.id = o.pays WHERE o.repaid > 0
    )
    SELECT (SELECT count(*) FROM asked), (SELECT count(*) FROM purse),
           array_agg(m.from_id ORDER BY m.phase, m.id), array_agg(m.to_id ORDER BY m.phase, m.id),
           array_agg(m.code ORDER BY m.phase, m.id), array_agg(m.id ORDER BY m.phase, m.id),
           array_agg(m.version ORDER BY m.phase, m.id), array_agg(m.amount ORDER BY m.phase, m.id),
           (SELECT users FROM debtor), (SELECT lent FROM debtor), (SELECT repaid FROM debtor)
    INTO v_changed, v_purses, v_from, v_to, v_code, v_ref, v_version, v_amount, v_debtor, v_lent, v_repaid FROM move m;
    IF v_purses <> v_changed THEN
        RAISE EXCEPTION '% of % bets have no purse', v_changed - v_purses, v_changed
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_missing';
    END IF;
    IF p_free <> '{}' THEN
        PERFORM free_bets_settled_v1(p_tenant, array_agg(f.bet), array_agg(f.back), array_agg(s.outcome IS NOT DISTINCT FROM 'void'), p_at)
        FROM unnest(p_free, p_back) AS f (bet, back) JOIN unnest(p_bet, p_outcome) AS s (bet, outcome) ON s.bet = f.bet;
    END IF;
    IF v_debtor IS NOT NULL THEN
        PERFORM debts_change_v1(p_tenant, v_debtor, v_lent, v_repaid, p_at);
    END IF;
    IF v_ref IS NOT NULL THEN
        PERFORM ledger_post_v1(p_tenant, array_fill(p_at, ARRAY[cardinality(v_ref)]), v_ref, v_code, v_version,
                               v_from, v_to, v_amount);
    END IF;
    RETURN v_changed;
END
$$;
GRANT EXECUTE ON FUNCTION bets_settle_v1 TO overround_worker;
