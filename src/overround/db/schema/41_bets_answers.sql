-- part: betting.bets
-- What slips are answered that are not simply taken: too little money, a key that was answered, a refusal. Granted
-- to no login: what decides slips stands on it.

-- The place terms of each leg's market, of legs that are each way, and what they refuse: a market without terms, and
-- terms that are not those that were shown. Only for calls in which some are each way.
CREATE FUNCTION bets_place_terms_v1(p_shown text[], p_market uuid[], p_refusal text[])
RETURNS TABLE (n integer, terms text, refusal text)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT l.n::integer, CASE WHEN l.shown IS NOT NULL THEN m.place_terms END,
           CASE WHEN l.refusal IS NOT NULL OR l.shown IS NULL THEN l.refusal
                WHEN m.place_terms IS NULL THEN 'no_place_terms'
                WHEN l.shown NOT IN ('', m.place_terms) THEN 'place_terms_changed' END
    FROM unnest(p_shown, p_market, p_refusal) WITH ORDINALITY AS l (shown, market_id, refusal, n)
    LEFT JOIN LATERAL (SELECT m.place_terms FROM market m WHERE m.id = l.market_id OFFSET 0) m ON true
$$;

-- Which of the accepted slips fit: a player's stakes are taken in order while they do. Only for calls in
-- which some do not.
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
-- waited for (`p_late`), or by an earlier slip of this very call (`p_first`). The answer to a bet that was taken
-- at a smaller stake than is asked now says which.
CREATE FUNCTION bets_again_v1(
    p_tenant uuid[], p_user uuid[], p_key text[], p_body_sha256 bytea[], p_stake bigint[], p_leg_slip integer[],
    p_first integer[], p_late integer[],
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
            answer[i] := CASE WHEN decision[i] = 'key_reused' THEN '{"refusal": "key_reused"}'
                              WHEN answer[v_first] IS NULL AND p_stake[i] <> p_stake[v_first]
                                  THEN jsonb_build_object('stake_minor', p_stake[v_first]) ELSE answer[v_first] END;
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
        IF v_bet.stake_minor <> p_stake[i] THEN
            answer[i] := jsonb_build_object('stake_minor', v_bet.stake_minor);
        END IF;
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

-- The least stake that a house takes: beside the largest that would do it says whether that can be placed at all.
CREATE FUNCTION bets_least_stake_v1(p_tenant uuid) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT greatest(t.stake_min_minor, p.stake_min_minor)
    FROM tenant t LEFT JOIN risk_policy p ON p.tenant_id = t.id WHERE t.id = p_tenant
$$;

-- The answers of slips that are not taken. Only for calls in which some are not.
--   p_leg_first, p_leg_refused, p_leg_count: of each slip its first leg and the first that is refused, among all
--   legs from 1, and how many it has.
CREATE FUNCTION bets_refused_v1(
    p_tenant uuid[], p_stake bigint[], p_potential bigint[], p_decision text[], p_refusal text[], p_leg_first integer[],
    p_leg_refused integer[], p_leg_count integer[], p_leg_refusal text[], p_leg_price_e4 integer[])
RETURNS jsonb[] LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_answer jsonb[] := array_fill(NULL::jsonb, ARRAY[cardinality(p_decision)]);
    v_tenant tenant%ROWTYPE;
BEGIN
    FOR i IN 1 .. cardinality(p_decision) LOOP
        IF p_decision[i] = 'nobody' THEN
            v_answer[i] := '{"refusal": "unauthenticated"}';
        ELSIF p_decision[i] = 'key_reused' THEN
            v_answer[i] := '{"refusal": "key_reused"}';
        ELSIF p_decision[i] = 'refused' THEN
            SELECT * INTO STRICT v_tenant FROM tenant t WHERE t.id = p_tenant[i];
            v_answer[i] := jsonb_strip_nulls(jsonb_build_object(
                'refusal', p_refusal[i], 'currency', v_tenant.currency,
                'leg', CASE WHEN p_refusal[i] = p_leg_refusal[p_leg_refused[i]] THEN p_leg_refused[i] - p_leg_first[i] + 1 END,
                'prices_e4', CASE WHEN p_refusal[i] = 'price_changed' THEN
                    to_jsonb(p_leg_price_e4[p_leg_first[i]:p_leg_first[i] + p_leg_count[i] - 1]) END,
                'stake_min_minor', CASE WHEN p_refusal[i] = 'stake_below_min' THEN v_tenant.stake_min_minor END,
                'payout_max_minor', CASE WHEN p_refusal[i] = 'payout_above_max' THEN v_tenant.payout_max_minor END,
                'stake_max_minor', CASE WHEN p_refusal[i] = 'payout_above_max'
                    THEN div(p_stake[i]::numeric * v_tenant.payout_max_minor, p_potential[i]) END,
                'stake_least_minor', CASE WHEN p_refusal[i] = 'payout_above_max' THEN bets_least_stake_v1(p_tenant[i]) END));
        END IF;
    END LOOP;
    RETURN v_answer;
END
$$;
