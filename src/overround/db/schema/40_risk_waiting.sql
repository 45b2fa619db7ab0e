-- part: betting.risk
-- Which bets wait before they are taken: for a person of the house, or for a while.

-- By scope, as caps: for each of the two questions the narrowest scope that answers it wins. A bet that may win
-- more than `approve_win_minor` is shown to a person first; any other waits `delay_ms`, times its player's delay
-- factor, and is looked at again then. Of several legs the strictest counts, and of one whose event is being played
-- the delay of its sport too.
CREATE TABLE risk_wait (
    tenant_id         uuid    NOT NULL REFERENCES tenant (id),
    scope             text    NOT NULL CHECK (scope IN ('house', 'sport', 'competition', 'event', 'market', 'selection')),
    scope_key         text    NOT NULL CHECK (length(scope_key) BETWEEN 1 AND 60),
    approve_win_minor bigint  CHECK (approve_win_minor BETWEEN 0 AND 10000000000000),
    delay_ms          integer CHECK (delay_ms BETWEEN 0 AND 60000),
    PRIMARY KEY (tenant_id, scope, scope_key),
    CONSTRAINT risk_wait_house CHECK ((scope = 'house') = (scope_key = 'house')),
    CONSTRAINT risk_wait_says_something CHECK (approve_win_minor IS NOT NULL OR delay_ms IS NOT NULL)
);
CALL tenant_table_v1('risk_wait');
GRANT SELECT, INSERT, UPDATE, DELETE ON risk_wait TO overround_app;
GRANT SELECT ON risk_wait TO overround_worker;

-- Whether any of the tenants lets anything wait: most do not, and then placing asks nothing else.
CREATE FUNCTION risk_waits_v1(p_tenant uuid[]) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM risk_wait w WHERE w.tenant_id = ANY (p_tenant))
$$;

-- What each slip has to wait for by the scopes of its legs and by its player; NULL: nothing.
CREATE FUNCTION risk_wait_v1(
    p_tenant uuid[], p_user uuid[], p_leg_slip integer[], p_leg_event uuid[], p_leg_market uuid[], p_leg_selection uuid[])
RETURNS TABLE (slip integer, approve_win bigint, delay_ms bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT l.slip, min(s.approve_win), max(greatest(s.delay_ms, i.delay_ms)) * coalesce(max(p.delay_e4), 10000) / 10000
    FROM unnest(p_leg_slip, p_leg_event, p_leg_market, p_leg_selection) AS l (slip, event_id, market_id, selection_id)
    JOIN event e ON e.id = l.event_id
    LEFT JOIN offer_in_play i ON i.tenant_id = p_tenant[l.slip] AND i.sport = e.sport AND e.status = 'live'
    LEFT JOIN risk_player p ON p.tenant_id = p_tenant[l.slip] AND p.user_id = p_user[l.slip]
    CROSS JOIN LATERAL (
        SELECT (array_agg(w.approve_win_minor ORDER BY k.rank) FILTER (WHERE w.approve_win_minor IS NOT NULL))[1] AS approve_win,
               (array_agg(w.delay_ms ORDER BY k.rank) FILTER (WHERE w.delay_ms IS NOT NULL))[1]::bigint AS delay_ms
        FROM (VALUES (1, 'selection', l.selection_id::text), (2, 'market', l.market_id::text),
                     (3, 'event', l.event_id::text), (4, 'competition', e.competition_id::text),
                     (5, 'sport', e.sport), (6, 'house', 'house')) AS k (rank, scope, scope_key)
        JOIN risk_wait w ON w.tenant_id = p_tenant[l.slip] AND w.scope = k.scope AND w.scope_key = k.scope_key
    ) s
    GROUP BY l.slip
$$;
