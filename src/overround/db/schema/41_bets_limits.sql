-- part: betting.bets
-- What a house takes of a slip: how many legs, at which prices, and which stakes and payouts.

-- Refuse the accepted slips whose shape their tenant does not take; the others are as they were. Prices are
-- those that would be taken. A slip's own price is what it pays for a unit staked, and is judged by its
-- payout, to the minor unit: it may not be refused for what rounding took or gave.
CREATE FUNCTION bets_within_limits_v1(
    p_tenant uuid[], p_stake bigint[], p_potential bigint[], p_decision text[], p_answer jsonb[], p_currency text[],
    p_leg_slip integer[], p_leg_price_e4 integer[], OUT decision text[], OUT answer jsonb[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_refused record;
BEGIN
    decision := p_decision;
    answer := p_answer;
    FOR v_refused IN
        SELECT s.slip, s.refusal, CASE WHEN s.refusal = 'odds_out_of_range' THEN s.leg END AS leg, s.legs_min, s.legs_max,
               CASE WHEN s.leg IS NULL THEN s.slip_price_min_e4 ELSE s.leg_price_min_e4 END AS price_min_e4,
               CASE WHEN s.leg IS NULL THEN s.slip_price_max_e4 ELSE s.leg_price_max_e4 END AS price_max_e4,
               CASE WHEN s.refusal = 'stake_below_min' THEN s.stake_min_minor END AS stake_min,
               CASE WHEN s.refusal = 'payout_above_max' THEN s.payout_max_minor END AS payout_max,
               CASE WHEN s.refusal = 'payout_above_max'
                    THEN div(p_stake[s.slip]::numeric * s.payout_max_minor, p_potential[s.slip]) END AS stake_max
        FROM (
            SELECT l.*, p.legs_min, p.legs_max, p.leg_price_min_e4, p.leg_price_max_e4, p.slip_price_min_e4, p.slip_price_max_e4,
                   p.stake_min_minor, p.payout_max_minor,
                   CASE
                       WHEN l.legs < p.legs_min THEN 'too_few_legs'
                       WHEN l.legs > p.legs_max THEN 'too_many_legs'
                       WHEN l.leg IS NOT NULL
                           OR p_potential[l.slip] < div(p_stake[l.slip] * p.slip_price_min_e4::numeric, 10000)
                           OR p_potential[l.slip] > ceil(p_stake[l.slip] * p.slip_price_max_e4::numeric / 10000)
                           THEN 'odds_out_of_range'
                       WHEN p_stake[l.slip] < p.stake_min_minor THEN 'stake_below_min'
                       WHEN p_potential[l.slip] > p.payout_max_minor THEN 'payout_above_max'
                   END AS refusal
            FROM (
                SELECT g.slip, count(*) AS legs,
                       min(g.n) FILTER (WHERE g.price_e4 < r.leg_price_min_e4 OR g.price_e4 > r.leg_price_max_e4)
                           - min(g.n) + 1 AS leg
                FROM unnest(p_leg_slip, p_leg_price_e4) WITH ORDINALITY AS g (slip, price_e4, n)
                JOIN risk_policy r ON r.tenant_id = p_tenant[g.slip]
                WHERE p_decision[g.slip] = 'accepted'
                GROUP BY g.slip
            ) l
            JOIN risk_policy p ON p.tenant_id = p_tenant[l.slip]
        ) s
        WHERE s.refusal IS NOT NULL
    LOOP
        decision[v_refused.slip] := 'refused';
        answer[v_refused.slip] := jsonb_strip_nulls(jsonb_build_object(
            'refusal', v_refused.refusal, 'currency', p_currency[v_refused.slip], 'leg', v_refused.leg,
            'legs_min', CASE WHEN v_refused.refusal = 'too_few_legs' THEN v_refused.legs_min END,
            'legs_max', CASE WHEN v_refused.refusal = 'too_many_legs' THEN v_refused.legs_max END,
            'price_min_e4', CASE WHEN v_refused.refusal = 'odds_out_of_range' THEN v_refused.price_min_e4 END,
            'price_max_e4', CASE WHEN v_refused.refusal = 'odds_out_of_range' THEN v_refused.price_max_e4 END,
            'stake_min_minor', v_refused.stake_min, 'payout_max_minor', v_refused.payout_max,
            'stake_max_minor', v_refused.stake_max,
            'stake_least_minor', CASE WHEN v_refused.stake_max IS NOT NULL THEN bets_least_stake_v1(p_tenant[v_refused.slip]) END));
    END LOOP;
END
$$;

-- What a house refuses for its stake alone, of a player who takes a smaller one, is 'moved' to the stake that his
-- refusal names: nothing is stored, and it is asked again at that. It stays refused where the tenant gives
-- no smaller stakes, or where that is below the least that he or the tenant takes.
--   p_least: the least stake of each player who takes less than he asks; NULL of the others.
CREATE FUNCTION bets_lowered_v1(
    p_tenant uuid[], p_least bigint[], p_stake bigint[], p_decision text[], p_answer jsonb[],
    OUT decision text[], OUT answer jsonb[])
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT array_agg(CASE WHEN l.is_lowered THEN 'moved' ELSE l.decision END ORDER BY l.n),
           array_agg(CASE WHEN l.is_lowered THEN jsonb_build_object('stake_minor', l.stake) ELSE l.answer END ORDER BY l.n)
    FROM (
        SELECT d.n, d.decision, d.answer, (d.answer -> 'stake_max_minor')::bigint AS stake,
               d.decision = 'refused' AND coalesce(p.lower_stakes, true)
               AND coalesce((d.answer -> 'stake_max_minor')::bigint BETWEEN greatest(d.least, t.stake_min_minor, p.stake_min_minor) AND d.asked - 1,
                            false) AND d.least IS NOT NULL AS is_lowered
        FROM unnest(p_tenant, p_least, p_stake, p_decision, p_answer)
                 WITH ORDINALITY AS d (tenant_id, least, asked, decision, answer, n)
        JOIN tenant t ON t.id = d.tenant_id
        LEFT JOIN risk_policy p ON p.tenant_id = d.tenant_id
    ) l
$$;
