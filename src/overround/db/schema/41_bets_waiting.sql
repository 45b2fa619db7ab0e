-- part: betting.bets
-- What bets mean to slips that wait: which of them have to, that their keys are taken meanwhile, and their placing.

-- Turn away from the accepted slips those that must wait first: `waits`, for what, and for how long. Nothing is
-- stored of them here. Granted to no login: what decides slips stands on it.
--   p_passes: what a slip has waited for already; a person's word passes every question, a delay its own.
--   p_in_play: whether an event of theirs is being played; then `answer` says how those of the slip stand.
CREATE FUNCTION bets_must_wait_v1(
    p_tenant uuid[], p_user uuid[], p_stake bigint[], p_potential bigint[], p_passes text[], p_decision text[],
    p_answer jsonb[], p_leg_slip integer[], p_leg_event uuid[], p_leg_market uuid[], p_leg_selection uuid[], p_in_play boolean,
    OUT decision text[], OUT answer jsonb[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    decision := p_decision;
    answer := p_answer;
    IF p_in_play IS NOT TRUE AND NOT risk_waits_v1(p_tenant) THEN
        RETURN;
    END IF;
    SELECT array_agg(CASE WHEN w.waits IS NULL THEN w.decision ELSE 'waits' END ORDER BY w.n),
           array_agg(CASE WHEN w.waits IS NULL THEN w.answer
                          ELSE jsonb_build_object('waits', w.waits, 'delay_ms', w.delay_ms) || CASE WHEN p_in_play THEN
                              jsonb_build_object('scores', bets_scores_now_v1(ARRAY(
                                  SELECT l.event_id FROM unnest(p_leg_slip, p_leg_event) WITH ORDINALITY AS l (slip, event_id, place)
                                  WHERE l.slip = w.n ORDER BY l.place))) ELSE '{}' END END ORDER BY w.n)
    INTO decision, answer
    FROM (
        SELECT d.n, d.decision, d.answer, coalesce(r.delay_ms, 0) AS delay_ms,
               CASE WHEN d.decision <> 'accepted' OR p_passes[d.n] = 'approval' THEN NULL
                    WHEN p_potential[d.n] - p_stake[d.n] > r.approve_win THEN 'approval'
                    WHEN r.delay_ms > 0 AND p_passes[d.n] IS NULL THEN 'delay' END AS waits
        FROM unnest(p_decision, p_answer) WITH ORDINALITY AS d (decision, answer, n)
        LEFT JOIN risk_wait_v1(p_tenant, p_user, p_leg_slip, p_leg_event, p_leg_market, p_leg_selection) r ON r.slip = d.n
    ) w;
END
$$;

-- What a key says for as long as its slip waits: with how its events stood, as was said first.
CREATE FUNCTION bets_key_waits_v1(p_first jsonb, p_later jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT '{"waits": "key"}' || CASE WHEN coalesce(p_first, p_later) IS NULL THEN '{}'
                                     ELSE jsonb_build_object('scores', coalesce(p_first, p_later)) END
$$;

-- The scores of slips, one after the other, for each of their legs; NULL where nobody said one.
CREATE FUNCTION bets_scores_then_v1(p_scores jsonb[], p_leg_slip integer[]) RETURNS jsonb[] LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN array_remove(p_scores, NULL) <> '{}' THEN ARRAY(
        SELECT nullif(p_scores[l.slip] -> (row_number() OVER (PARTITION BY l.slip ORDER BY l.place) - 1)::integer, 'null')
        FROM unnest(p_leg_slip) WITH ORDINALITY AS l (slip, place) ORDER BY l.place) END
$$;

-- Take a key for a slip that waits. The player's money is locked as whoever places for him does, so that one key
-- is one slip and one answer (test: one key sent twice at once is one slip). What is read after the lock is what
-- was committed before it.
--   standing: entered; waiting (the same slip waits already); answered (the key has its answer); key_reused;
--   no_account (nobody can bet, and nothing waits).
--   p_scores: how the events of its legs stood when it was sent, as the decision said that let it wait; the placing
--   holds them against those of then (test: what happens in the delay decides).
CREATE FUNCTION bets_wait_v1(
    p_tenant uuid, p_user uuid, p_key text, p_body_sha256 bytea, p_at timestamptz, p_scores jsonb DEFAULT NULL)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_request bet_request%ROWTYPE;
BEGIN
    PERFORM 1 FROM account a WHERE a.tenant_id = p_tenant AND a.owner_id = p_user AND a.kind = 'cash' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'no_account';
    END IF;
    SELECT * INTO v_request FROM bet_request r WHERE r.tenant_id = p_tenant AND r.user_id = p_user AND r.key = p_key;
    IF FOUND THEN
        RETURN CASE WHEN v_request.body_sha256 <> p_body_sha256 THEN 'key_reused'
                    WHEN v_request.decision = 'waiting' THEN 'waiting' ELSE 'answered' END;
    END IF;
    INSERT INTO bet_request (tenant_id, user_id, key, body_sha256, decision, answer, at)
    VALUES (p_tenant, p_user, p_key, p_body_sha256, 'waiting', bets_key_waits_v1(p_scores, NULL), p_at);
    RETURN 'entered';
END
$$;
GRANT EXECUTE ON FUNCTION bets_wait_v1 TO overround_app, overround_worker;

-- A slip that waited is not placed: its key's answer is that refusal.
CREATE FUNCTION bets_wait_ends_v1(p_tenant uuid, p_user uuid, p_key text, p_answer jsonb, p_at timestamptz)
RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE bet_request r SET decision = 'refused', answer = p_answer, at = p_at
    WHERE r.tenant_id = p_tenant AND r.user_id = p_user AND r.key = p_key AND r.decision = 'waiting';
    RETURN FOUND;
END
$$;
GRANT EXECUTE ON FUNCTION bets_wait_ends_v1 TO overround_app, overround_worker;

-- Place slips that have waited, as `bets_place_v1` does: their keys are free for that long, and those of slips that go
-- on waiting are taken again. The caller holds the slips' rows, so nobody else places them
-- (test: eight placers place two hundred slips once).
--   p_passes: NULL, delay, approval; p_leg_agreed_e4: the price that a person of the house agreed to, NULL for
--   the offer's own. The worker's alone: who serves people agrees to no price.
CREATE FUNCTION bets_place_waited_v1(
    p_tenant uuid[], p_bet uuid[], p_user uuid[], p_key text[], p_body_sha256 bytea[], p_stake bigint[],
    p_sizes text[], p_potential bigint[], p_rounds_up boolean[], p_policy text[], p_tolerance_bps integer[],
    p_at timestamptz[], p_token_sha256 bytea[], p_leg_slip integer[], p_leg_selection uuid[],
    p_leg_price_e4 integer[], p_leg_expected_e4 integer[], p_leg_banker boolean[],
    p_passes text[], p_leg_agreed_e4 integer[], p_least bigint[], p_leg_seen bigint[], p_leg_terms text[],
    OUT decision text[], OUT bet uuid[], OUT potential bigint[], OUT placed_at timestamptz[],
    OUT currency text[], OUT answer jsonb[], OUT leg_price_e4 integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_body_sha256 bytea[];
    v_scores      jsonb[];
BEGIN
    WITH freed AS (
        DELETE FROM bet_request r USING unnest(p_tenant, p_user, p_key) AS q (tenant_id, user_id, key)
        WHERE r.tenant_id = q.tenant_id AND r.user_id = q.user_id AND r.key = q.key AND r.decision = 'waiting'
        RETURNING r.tenant_id, r.user_id, r.key, r.body_sha256, r.answer -> 'scores' AS scores
    )
    SELECT array_agg(f.body_sha256 ORDER BY q.n), array_agg(f.scores ORDER BY q.n) INTO v_body_sha256, v_scores
    FROM unnest(p_tenant, p_user, p_key) WITH ORDINALITY AS q (tenant_id, user_id, key, n)
    LEFT JOIN freed f ON f.tenant_id = q.tenant_id AND f.user_id = q.user_id AND f.key = q.key;
    IF array_position(v_body_sha256, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'a slip waits without its key' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT d.* INTO decision, bet, potential, placed_at, currency, answer, leg_price_e4
    FROM bets_decide_v1(
        p_tenant => p_tenant, p_bet => p_bet, p_user => p_user, p_key => p_key, p_body_sha256 => v_body_sha256,
        p_stake => p_stake, p_sizes => p_sizes, p_potential => p_potential, p_rounds_up => p_rounds_up,
        p_policy => p_policy, p_tolerance_bps => p_tolerance_bps, p_at => p_at, p_token_sha256 => p_token_sha256,
        p_live => true, p_leg_slip => p_leg_slip, p_leg_selection => p_leg_selection,
        p_leg_price_e4 => p_leg_price_e4, p_leg_expected_e4 => p_leg_expected_e4, p_leg_banker => p_leg_banker,
        p_passes => p_passes, p_leg_agreed_e4 => p_leg_agreed_e4,
        p_least => p_least, p_leg_seen => p_leg_seen, p_leg_terms => p_leg_terms,
        p_leg_then => bets_scores_then_v1(v_scores, p_leg_slip)) AS d;
    INSERT INTO bet_request (tenant_id, user_id, key, body_sha256, decision, answer, at)
    SELECT q.tenant_id, q.user_id, q.key, q.sha256, 'waiting', bets_key_waits_v1(q.scores, q.answer -> 'scores'), q.at
    FROM unnest(p_tenant, p_user, p_key, v_body_sha256, p_at, decision, v_scores, answer)
        AS q (tenant_id, user_id, key, sha256, at, decision, scores, answer)
    WHERE q.decision IN ('moved', 'nobody', 'waits');
END
$$;
GRANT EXECUTE ON FUNCTION bets_place_waited_v1 TO overround_worker;
