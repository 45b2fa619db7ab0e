-- part: betting.bets
-- Bets whose stake the tenant pays. To the book such a bet is one as any other: the same price, the same payoff, the
-- same risk. Its stake goes from `promotion` to the player's cash and from there the way of every stake; what is
-- not his when it is settled (the stake, unless it was given with the free bet) goes back to `promotion`.

-- Place one slip on a free bet, now: `bets_place_v1` with the stake paid by the tenant, for arrays of one slip. The
-- events and the player's money are locked first and in the order that everybody takes. What is not accepted
-- leaves the credit undone; a refusal is stored all the same, with its key
-- (test: a free bet that is refused moves nothing and is answered again).
--   p_waited, p_passes, p_leg_agreed_e4: as in bets_place_waited_v1, for a slip that has waited.
-- `potential` is what the player gets: without the stake, unless that was given with the free bet.
CREATE FUNCTION bets_place_free_v1(
    p_tenant uuid[], p_bet uuid[], p_user uuid[], p_key text[], p_body_sha256 bytea[], p_stake bigint[],
    p_sizes text[], p_potential bigint[], p_rounds_up boolean[], p_policy text[], p_tolerance_bps integer[],
    p_at timestamptz[], p_token_sha256 bytea[], p_leg_slip integer[], p_leg_selection uuid[],
    p_leg_price_e4 integer[], p_leg_expected_e4 integer[], p_leg_banker boolean[], p_leg_seen bigint[],
    p_free_bet uuid, p_waited boolean, p_passes text[], p_leg_agreed_e4 integer[],
    OUT decision text[], OUT bet uuid[], OUT potential bigint[], OUT placed_at timestamptz[],
    OUT currency text[], OUT answer jsonb[], OUT leg_price_e4 integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_currency    text;
    v_cash        uuid;
    v_at          timestamptz;
    v_recorded_at timestamptz;
    v_refusal     jsonb;
    v_body_sha256 bytea := p_body_sha256[1];
    v_scores      jsonb;
BEGIN
    IF cardinality(p_bet) <> 1 THEN
        RAISE EXCEPTION 'a free bet is placed by itself' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(k.key)
    FROM (SELECT DISTINCT event_key((SELECT s.event_id FROM selection s WHERE s.id = l.id)) AS key
          FROM unnest(p_leg_selection) AS l (id) ORDER BY 1) k;
    SELECT a.id, a.currency INTO v_cash, v_currency FROM account a
    WHERE a.tenant_id = p_tenant[1] AND a.owner_id = p_user[1] AND a.kind = 'cash' FOR NO KEY UPDATE;
    v_recorded_at := clock_timestamp();
    v_at := greatest(p_at[1], v_recorded_at);
    IF p_waited THEN
        DELETE FROM bet_request r
        WHERE r.tenant_id = p_tenant[1] AND r.user_id = p_user[1] AND r.key = p_key[1] AND r.decision = 'waiting'
        RETURNING r.body_sha256, r.answer -> 'scores' INTO STRICT v_body_sha256, v_scores;
    END IF;
    BEGIN
        -- A key that was answered before gets its answer, and that asks for no money.
        IF v_cash IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM bet_request r WHERE r.tenant_id = p_tenant[1] AND r.user_id = p_user[1] AND r.key = p_key[1]) THEN
            PERFORM ledger_post_v1(
                p_tenant[1], ARRAY[v_at], p_bet, ARRAY['free_bet'], ARRAY[0],
                ARRAY[account_open_v1(p_tenant[1], NULL, 'promotion', v_currency, v_at)], ARRAY[v_cash], p_stake);
        END IF;
        SELECT d.* INTO decision, bet, potential, placed_at, currency, answer, leg_price_e4
        FROM bets_decide_v1(
            p_tenant => p_tenant, p_bet => p_bet, p_user => p_user, p_key => p_key, p_body_sha256 => ARRAY[v_body_sha256],
            p_stake => p_stake, p_sizes => p_sizes, p_potential => p_potential, p_rounds_up => p_rounds_up,
            p_policy => p_policy, p_tolerance_bps => p_tolerance_bps, p_at => p_at, p_token_sha256 => p_token_sha256,
            p_live => true, p_leg_slip => p_leg_slip, p_leg_selection => p_leg_selection,
            p_leg_price_e4 => p_leg_price_e4, p_leg_expected_e4 => p_leg_expected_e4, p_leg_banker => p_leg_banker,
            p_passes => p_passes, p_leg_agreed_e4 => p_leg_agreed_e4, p_leg_seen => p_leg_seen,
            p_leg_then => bets_scores_then_v1(ARRAY[v_scores], p_leg_slip)) AS d;
        IF decision[1] = 'accepted' THEN
            v_refusal := free_bet_use_v1(
                p_tenant[1], p_user[1], p_free_bet, p_bet[1], p_stake[1],
                CASE WHEN p_sizes[1] IS NOT NULL THEN 'system' WHEN cardinality(p_leg_selection) = 1 THEN 'single' ELSE 'combo' END,
                ARRAY(SELECT DISTINCT e.sport FROM unnest(p_leg_selection) AS l (id)
                      JOIN selection s ON s.id = l.id JOIN event e ON e.id = s.event_id),
                (SELECT min(p.e4) FROM unnest(leg_price_e4) AS p (e4)), placed_at[1]);
            IF v_refusal IS NOT NULL THEN
                decision[1] := 'refused';
                answer[1] := v_refusal || jsonb_build_object('currency', v_currency);
            END IF;
        END IF;
        -- Only what is accepted moves money; the words of the decision outlive what is undone here.
        IF decision[1] <> 'accepted' THEN
            RAISE EXCEPTION 'not accepted' USING ERRCODE = 'OV001';
        END IF;
    EXCEPTION WHEN SQLSTATE 'OV001' THEN
        -- Under the lock of his money he is alone with his keys.
        INSERT INTO bet_request (tenant_id, user_id, key, body_sha256, decision, answer, at)
        SELECT u.tenant_id, u.id, p_key[1], v_body_sha256, CASE WHEN decision[1] = 'refused' THEN 'refused' ELSE 'waiting' END,
               CASE WHEN decision[1] = 'refused' THEN answer[1] ELSE bets_key_waits_v1(v_scores, answer[1] -> 'scores') END, placed_at[1]
        FROM users u
        WHERE u.tenant_id = p_tenant[1] AND u.id = p_user[1]
          AND (decision[1] = 'refused' OR p_waited AND decision[1] IN ('moved', 'nobody', 'waits'))
        ON CONFLICT DO NOTHING;
    END;
    potential[1] := potential[1] - coalesce((
        SELECT f.amount_minor FROM free_bet f
        WHERE f.tenant_id = p_tenant[1] AND f.bet_id = bet[1] AND NOT f.stake_returned), 0);
END
$$;
GRANT EXECUTE ON FUNCTION bets_place_free_v1 TO overround_app, overround_worker;
