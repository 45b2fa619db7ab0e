-- part: betting.bets
-- What bets mean while an event is being played.

-- How an event stood when a leg on it was taken in play. Apart from `leg`, whose rows every bet writes.
CREATE TABLE bet_in_play (
    tenant_id uuid     NOT NULL,
    bet_id    uuid     NOT NULL,
    n         smallint NOT NULL,
    clock     text     NOT NULL CHECK (length(clock) <= 40),
    scores    jsonb    NOT NULL CHECK (length(scores::text) <= 2000),
    PRIMARY KEY (tenant_id, bet_id, n),
    FOREIGN KEY (tenant_id, bet_id) REFERENCES bet (tenant_id, id)
);
CALL tenant_table_v1('bet_in_play');
GRANT SELECT ON bet_in_play TO overround_app, overround_worker;

-- Whether the score has decided a market already, whatever is still laid of it.
CREATE FUNCTION bets_line_passed_v1(p_market_type text, p_period text, p_line_q4 integer, p_scores jsonb)
RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(CASE p_market_type
        WHEN 'total' THEN ((p_scores -> p_period ->> 0)::integer + (p_scores -> p_period ->> 1)::integer) * 4 > p_line_q4
        WHEN 'both_teams_to_score' THEN (p_scores -> p_period ->> 0)::integer > 0 AND (p_scores -> p_period ->> 1)::integer > 0
    END, false)
$$;

-- Why nothing is taken now of an event that has begun; NULL: the house lays it in play, and nothing speaks against it.
-- Of one statement with what calls it, whose snapshot it shares.
--   p_waited, p_then: whether the slip has stood its delay, and how the event stood when it was sent; whoever waited while
--   it had not begun has not stood the delay of the play.
CREATE FUNCTION bets_in_play_refusal_v1(
    p_tenant uuid, p_event uuid, p_market uuid, p_at timestamptz, p_waited boolean, p_then jsonb)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE
               WHEN e.status <> 'live' OR i.sport IS NULL OR p_waited AND p_then IS NULL THEN 'event_started'
               WHEN i.by_score AND p_then <> event_score_so_far(s.scores) THEN 'score_changed'
               WHEN bets_line_passed_v1(m.market_type, m.period, m.line_q4, s.scores) THEN 'line_passed'
               WHEN greatest(s.observed_at, (SELECT max(f.observed_at) FROM feed_batch f WHERE f.event_id = p_event))
                    > p_at - make_interval(secs => i.stale_ms / 1000.0) THEN NULL
               ELSE 'feed_stale'
           END
    FROM event e
    JOIN market m ON m.id = p_market
    LEFT JOIN offer_in_play i ON i.tenant_id = p_tenant AND i.sport = e.sport
    LEFT JOIN event_score s ON s.event_id = e.id
    WHERE e.id = p_event
$$;

-- How the events of legs stand that are being played, in the order of the legs; null of one that is not.
CREATE FUNCTION bets_scores_now_v1(p_event uuid[]) RETURNS jsonb LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_agg(CASE WHEN e.status = 'live' THEN event_score_so_far(s.scores) END ORDER BY l.n)
    FROM unnest(p_event) WITH ORDINALITY AS l (event_id, n)
    LEFT JOIN event e ON e.id = l.event_id
    LEFT JOIN event_score s ON s.event_id = l.event_id
$$;

-- Of the accepted slips, keep how the events of their legs stand that are being played. Granted to no login: what
-- decides slips stands on it.
CREATE FUNCTION bets_laid_in_play_v1(p_tenant uuid[], p_bet uuid[], p_leg_slip integer[], p_leg_event uuid[], p_taken integer[])
RETURNS void LANGUAGE sql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO bet_in_play (tenant_id, bet_id, n, clock, scores)
    SELECT p_tenant[l.slip], p_bet[l.slip], l.n, coalesce(s.clock, ''), coalesce(s.scores, '{}')
    FROM (SELECT u.slip, u.event_id, row_number() OVER (PARTITION BY u.slip ORDER BY u.place) AS n
          FROM unnest(p_leg_slip, p_leg_event) WITH ORDINALITY AS u (slip, event_id, place)
          WHERE u.slip = ANY (p_taken)) l
    JOIN event e ON e.id = l.event_id AND e.status = 'live'
    LEFT JOIN event_score s ON s.event_id = l.event_id
$$;
