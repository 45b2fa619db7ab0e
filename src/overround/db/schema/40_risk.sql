-- part: betting.risk
-- What the house may lose, where it stands, and whom it takes how much from. Rules over what it is handed:
-- nothing here reads a bet.

-- The most that may be lost, by scope. Each of the three amounts is its own question, and the narrowest scope
-- that answers it wins: what one bet may win, what the house may lose if one selection wins, and what an
-- event may cost whatever happens.
CREATE TABLE risk_cap (
    tenant_id           uuid   NOT NULL REFERENCES tenant (id),
    scope               text   NOT NULL CHECK (scope IN ('house', 'sport', 'competition', 'event', 'market', 'selection')),
    scope_key           text   NOT NULL CHECK (length(scope_key) BETWEEN 1 AND 60),
    win_max_minor       bigint CHECK (win_max_minor BETWEEN 0 AND 10000000000000),
    selection_max_minor bigint CHECK (selection_max_minor BETWEEN 0 AND 10000000000000),
    event_max_minor     bigint CHECK (event_max_minor BETWEEN 0 AND 10000000000000),
    PRIMARY KEY (tenant_id, scope, scope_key),
    CONSTRAINT risk_cap_house CHECK ((scope = 'house') = (scope_key = 'house')),
    CONSTRAINT risk_cap_fits_scope CHECK (event_max_minor IS NULL OR scope NOT IN ('market', 'selection'))
);
CALL tenant_table_v1('risk_cap');
GRANT SELECT, INSERT, UPDATE, DELETE ON risk_cap TO overround_app;
GRANT SELECT ON risk_cap TO overround_worker;

-- How caps open towards the start, how often a player may repeat himself, and when a market is
-- suspended without asking anybody. What is NULL is not watched.
CREATE TABLE risk_policy (
    tenant_id              uuid    PRIMARY KEY REFERENCES tenant (id),
    ramp_share_bps         integer NOT NULL DEFAULT 10000 CHECK (ramp_share_bps BETWEEN 0 AND 10000),
    ramp_s                 integer NOT NULL DEFAULT 0 CHECK (ramp_s BETWEEN 0 AND 2592000),
    repeat_max             integer CHECK (repeat_max BETWEEN 1 AND 1000),
    repeat_s               integer NOT NULL DEFAULT 60 CHECK (repeat_s BETWEEN 1 AND 86400),
    player_day_max_minor   bigint  CHECK (player_day_max_minor BETWEEN 0 AND 10000000000000),
    player_event_max_minor bigint  CHECK (player_event_max_minor BETWEEN 0 AND 10000000000000),
    suspend_at_bps         integer CHECK (suspend_at_bps BETWEEN 1 AND 10000),
    velocity_max           integer CHECK (velocity_max BETWEEN 1 AND 1000000),
    move_max_bps           integer CHECK (move_max_bps BETWEEN 1 AND 100000),
    hold_s                 integer NOT NULL DEFAULT 60 CHECK (hold_s BETWEEN 1 AND 86400),
    -- What a slip may be: how many legs, at which price each, and what it may pay for a unit staked.
    legs_min               smallint CHECK (legs_min BETWEEN 1 AND 20),
    legs_max               smallint CHECK (legs_max BETWEEN 1 AND 20),
    leg_price_min_e4       integer  CHECK (leg_price_min_e4 BETWEEN 10001 AND 1000000000),
    leg_price_max_e4       integer  CHECK (leg_price_max_e4 BETWEEN 10001 AND 1000000000),
    slip_price_min_e4      integer  CHECK (slip_price_min_e4 BETWEEN 10001 AND 1000000000),
    slip_price_max_e4      integer  CHECK (slip_price_max_e4 BETWEEN 10001 AND 1000000000),
    -- What the house takes within what the platform lets it take (tenant.stake_min_minor, payout_max_minor).
    stake_min_minor        bigint   CHECK (stake_min_minor BETWEEN 1 AND 10000000000000),
    payout_max_minor       bigint   CHECK (payout_max_minor BETWEEN 1 AND 10000000000000),
    -- A player who asks for it may be given a smaller stake than he asked, where that fits and his would not.
    lower_stakes           boolean  NOT NULL DEFAULT true,
    CONSTRAINT risk_policy_slip_bounds CHECK (
        stake_min_minor <= payout_max_minor AND legs_min <= legs_max AND leg_price_min_e4 <= leg_price_max_e4 AND slip_price_min_e4 <= slip_price_max_e4)
);
CALL tenant_table_v1('risk_policy');
GRANT SELECT, INSERT, UPDATE ON risk_policy TO overround_app;
GRANT SELECT ON risk_policy TO overround_worker;

-- What a person decided about a player: his limits are multiplied by `factor_e4`, what his slips wait (risk_wait)
-- by `delay_e4`. Who has no row is taken as he is.
CREATE TABLE risk_player (
    tenant_id uuid        NOT NULL,
    user_id   uuid        NOT NULL,
    factor_e4 integer     NOT NULL CHECK (factor_e4 BETWEEN 100 AND 100000),
    delay_e4  integer     NOT NULL CHECK (delay_e4 BETWEEN 0 AND 100000),
    note      text        NOT NULL CHECK (length(note) <= 300),
    set_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CALL tenant_table_v1('risk_player');
GRANT SELECT, INSERT, UPDATE, DELETE ON risk_player TO overround_app;
GRANT SELECT ON risk_player TO overround_worker;

-- What open bets have on each selection: a single its stake and its payout, a combo its share on each open leg
-- (41_bets_risk.sql). Written once per batch. `minute_bets` counts those since `minute_at`, for the velocity.
-- No foreign keys: the one writer has the selection from the leg it stands on (decision 0005).
CREATE TABLE risk_liability (
    tenant_id    uuid          NOT NULL,
    event_id     uuid          NOT NULL,
    market_id    uuid          NOT NULL,
    selection_id uuid          NOT NULL,
    stake_minor  minor_or_none NOT NULL,
    payout_minor minor_or_none NOT NULL,
    minute_at    timestamptz   NOT NULL,
    minute_bets  natural_count NOT NULL,
    bets         natural_count NOT NULL,
    -- What of the payout is paid if the runner is beaten and placed: the place parts of bets each way.
    place_minor  bigint,
    PRIMARY KEY (tenant_id, event_id, selection_id)
) WITH (fillfactor = 50);
CALL tenant_table_v1('risk_liability');
GRANT SELECT ON risk_liability TO overround_app, overround_worker;

-- Events whose rows must be made anew, because bets on them were settled or graded. Only ever added to, so
-- that settlers never wait for one another here; whoever makes the rows anew takes the marks away.
CREATE TABLE risk_stale (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL DEFAULT uuidv7(),
    event_id  uuid NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CALL tenant_table_v1('risk_stale');
GRANT SELECT ON risk_stale TO overround_app, overround_worker;

-- What was suspended without asking anybody, and why. One that waits for a person has no `until`.
CREATE TABLE risk_suspension (
    tenant_id uuid        NOT NULL,
    id        uuid        NOT NULL,
    event_id  uuid        NOT NULL,
    market_id uuid        NOT NULL,
    reason    text        NOT NULL CHECK (reason IN ('liability', 'velocity', 'price_move')),
    -- What was measured, and the bound it passed, in the unit of the reason.
    measured  bigint      NOT NULL,
    bound     bigint      NOT NULL,
    at        timestamptz NOT NULL,
    until     timestamptz,
    lifted_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX risk_suspension_open ON risk_suspension (tenant_id, market_id) WHERE lifted_at IS NULL;
CREATE INDEX risk_suspension_by_time ON risk_suspension (tenant_id, at DESC);
CALL tenant_table_v1('risk_suspension');
GRANT SELECT, UPDATE ON risk_suspension TO overround_app;
GRANT SELECT, INSERT, UPDATE ON risk_suspension TO overround_worker;

-- Bets were laid: their shares are added to the rows, in one statement and in the order of the keys, so
-- that two batches wait for one another and never in a circle (test: batches that cross lay both).
--   p_which: which of the legs (from 1); NULL for none.
-- Granted to no login: only what places bets stands on it.
CREATE FUNCTION risk_laid_v1(
    p_tenant uuid[], p_event uuid[], p_market uuid[], p_selection uuid[], p_stake bigint[], p_payout bigint[],
    p_at timestamptz[], p_which integer[])
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO risk_liability AS r (tenant_id, event_id, market_id, selection_id, bets, stake_minor, payout_minor,
                                     minute_at, minute_bets)
    SELECT l.tenant_id, l.event_id, l.market_id, l.selection_id, count(*), sum(l.stake), sum(l.payout),
           date_trunc('minute', max(l.at), 'UTC'), count(*)
    FROM (SELECT p_tenant[n] AS tenant_id, p_event[n] AS event_id, p_market[n] AS market_id, p_selection[n] AS selection_id,
                 p_stake[n] AS stake, p_payout[n] AS payout, p_at[n] AS at
          FROM unnest(p_which) AS n OFFSET 0) l
    GROUP BY l.tenant_id, l.event_id, l.market_id, l.selection_id
    ORDER BY l.tenant_id, l.event_id, l.selection_id
    ON CONFLICT (tenant_id, event_id, selection_id) DO UPDATE
    SET bets = r.bets + EXCLUDED.bets, stake_minor = r.stake_minor + EXCLUDED.stake_minor,
        payout_minor = r.payout_minor + EXCLUDED.payout_minor,
        minute_bets = EXCLUDED.minute_bets + CASE WHEN r.minute_at >= EXCLUDED.minute_at THEN r.minute_bets ELSE 0 END,
        minute_at = greatest(r.minute_at, EXCLUDED.minute_at);
END
$$;

-- Of bets that were just laid, what their place parts are paid: the rows are there and locked. Only for calls in which some
-- are each way; granted to no login.
CREATE FUNCTION risk_placed_v1(p_tenant uuid[], p_event uuid[], p_selection uuid[], p_place bigint[])
RETURNS void LANGUAGE sql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE risk_liability r SET place_minor = coalesce(r.place_minor, 0) + l.place
    FROM (SELECT u.tenant_id, u.event_id, u.selection_id, sum(u.place)::bigint AS place
          FROM unnest(p_tenant, p_event, p_selection, p_place) AS u (tenant_id, event_id, selection_id, place)
          GROUP BY u.tenant_id, u.event_id, u.selection_id) l
    WHERE r.tenant_id = l.tenant_id AND r.event_id = l.event_id AND r.selection_id = l.selection_id
$$;

-- An event's rows as they are by its open bets, whatever they were. The caller holds the event's lock alone
-- and has taken its marks away before he read the bets.
CREATE FUNCTION risk_rebuilt_v1(
    p_tenant uuid, p_event uuid, p_market uuid[], p_selection uuid[], p_bets integer[], p_stake bigint[],
    p_payout bigint[], p_at timestamptz, p_place bigint[] DEFAULT NULL)
RETURNS integer LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_gone    integer;
    v_changed integer;
BEGIN
    DELETE FROM risk_liability r
    WHERE r.tenant_id = p_tenant AND r.event_id = p_event AND r.selection_id <> ALL (p_selection);
    GET DIAGNOSTICS v_gone = ROW_COUNT;
    INSERT INTO risk_liability AS r (tenant_id, event_id, market_id, selection_id, bets, stake_minor, payout_minor,
                                     minute_at, minute_bets, place_minor)
    SELECT p_tenant, p_event, u.market_id, u.selection_id, u.bets, u.stake, u.payout, date_trunc('minute', p_at, 'UTC'), 0,
           nullif(u.place, 0)
    FROM unnest(p_market, p_selection, p_bets, p_stake, p_payout, p_place) AS u (market_id, selection_id, bets, stake, payout, place)
    ON CONFLICT (tenant_id, event_id, selection_id) DO UPDATE
    SET bets = EXCLUDED.bets, stake_minor = EXCLUDED.stake_minor, payout_minor = EXCLUDED.payout_minor,
        place_minor = EXCLUDED.place_minor
    WHERE (r.bets, r.stake_minor, r.payout_minor, r.place_minor) IS DISTINCT FROM
          (EXCLUDED.bets, EXCLUDED.stake_minor, EXCLUDED.payout_minor, EXCLUDED.place_minor);
    GET DIAGNOSTICS v_changed = ROW_COUNT;
    RETURN v_gone + v_changed;
END
$$;
GRANT EXECUTE ON FUNCTION risk_rebuilt_v1 TO overround_worker;

-- Take an event's marks away; returns how many there were.
CREATE FUNCTION risk_stale_take_v1(p_tenant uuid, p_event uuid)
RETURNS integer LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_count integer;
BEGIN
    DELETE FROM risk_stale WHERE tenant_id = p_tenant AND event_id = p_event;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
GRANT EXECUTE ON FUNCTION risk_stale_take_v1 TO overround_worker;

-- Mark events whose rows must be made anew. Granted to no login: what settles bets stands on it.
CREATE FUNCTION risk_stale_v1(p_tenant uuid[], p_event uuid[])
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO risk_stale (tenant_id, event_id)
    SELECT DISTINCT u.tenant_id, u.event_id FROM unnest(p_tenant, p_event) AS u (tenant_id, event_id);
END
$$;

-- Whose rooms are given out in turn: one tenant's on one event. Below every other key.
CREATE FUNCTION risk_key(p_tenant uuid, p_event uuid) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT -1000 - (event_key(p_event) # event_key(p_tenant))
$$;
GRANT EXECUTE ON FUNCTION risk_key TO overround_app, overround_worker;

-- Whether any of the tenants limits anything: most do not, and then placing asks nothing else.
CREATE FUNCTION risk_applies_v1(p_tenant uuid[]) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM risk_cap c WHERE c.tenant_id = ANY (p_tenant))
        OR EXISTS (SELECT 1 FROM risk_policy p WHERE p.tenant_id = ANY (p_tenant)
                   AND num_nonnulls(p.repeat_max, p.player_day_max_minor, p.player_event_max_minor, p.legs_min, p.legs_max,
                                    p.leg_price_min_e4, p.leg_price_max_e4, p.slip_price_min_e4, p.slip_price_max_e4,
                                    p.stake_min_minor, p.payout_max_minor) > 0)
$$;

-- What each leg has room for at its time, in minor units of net loss; NULL where nothing limits it.
--   win_max: what one bet may win; selection_room, event_room: the caps, opened by the ramp, less what the
--   house would lose now.
-- If a selection wins the house pays its bets and keeps the stakes of the market, less what it pays those who are each way
-- on the others, all of whom may be placed; of a market in which two answers
-- can win together it counts that selection's own stakes alone. An event costs the worst of each market, which is
-- never less than what any score costs (test: no end of a market costs more than its worst).
CREATE FUNCTION risk_room_v1(p_tenant uuid[], p_event uuid[], p_market uuid[], p_selection uuid[], p_at timestamptz[])
RETURNS TABLE (n integer, win_max bigint, selection_room bigint, event_room bigint, event_cap bigint, selection_cap bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH leg AS (
        SELECT l.* FROM unnest(p_tenant, p_event, p_market, p_selection, p_at) WITH ORDINALITY
                          AS l (tenant_id, event_id, market_id, selection_id, at, n)
    ), capped AS (
        SELECT l.n, l.tenant_id, l.event_id, l.selection_id, c.*,
               -- The ramp: its share until it begins, then in a straight line to the whole at the start.
               CASE WHEN p.tenant_id IS NULL OR p.ramp_s = 0 THEN 10000
                    ELSE p.ramp_share_bps + (10000 - p.ramp_share_bps)
                         * (p.ramp_s - least(greatest(extract(epoch FROM e.starts_at - l.at)::integer, 0), p.ramp_s))::bigint
                         / p.ramp_s END AS share_bps
        FROM leg l
        JOIN event e ON e.id = l.event_id
        LEFT JOIN risk_policy p ON p.tenant_id = l.tenant_id
        CROSS JOIN LATERAL (
            SELECT (array_agg(c.win_max_minor ORDER BY k.rank) FILTER (WHERE c.win_max_minor IS NOT NULL))[1] AS win_max,
                   (array_agg(c.selection_max_minor ORDER BY k.rank) FILTER (WHERE c.selection_max_minor IS NOT NULL))[1] AS selection_max,
                   (array_agg(c.event_max_minor ORDER BY k.rank) FILTER (WHERE c.event_max_minor IS NOT NULL))[1] AS event_max
            FROM (VALUES (1, 'selection', l.selection_id::text), (2, 'market', l.market_id::text),
                         (3, 'event', l.event_id::text), (4, 'competition', e.competition_id::text),
                         (5, 'sport', e.sport), (6, 'house', 'house')) AS k (rank, scope, scope_key)
            JOIN risk_cap c ON c.tenant_id = l.tenant_id AND c.scope = k.scope AND c.scope_key = k.scope_key
        ) c
    ), stands AS (
        SELECT r.tenant_id, r.event_id, r.market_id, r.selection_id,
               r.payout_minor - CASE WHEN m.market_type = 'double_chance' THEN r.stake_minor
                                     ELSE sum(r.stake_minor - coalesce(r.place_minor, 0)) OVER (PARTITION BY r.tenant_id, r.market_id)
                                          + coalesce(r.place_minor, 0) END AS loss,
               CASE WHEN m.market_type = 'double_chance' THEN r.selection_id END AS apart
        FROM risk_liability r JOIN market m ON m.id = r.market_id
        WHERE (r.tenant_id, r.event_id) IN (SELECT c.tenant_id, c.event_id FROM capped c)
    ), costs AS (
        SELECT w.tenant_id, w.event_id, sum(w.worst) AS worst
        FROM (SELECT s.tenant_id, s.event_id, greatest(max(s.loss), 0) AS worst
              FROM stands s GROUP BY s.tenant_id, s.event_id, s.market_id, s.apart) w
        GROUP BY w.tenant_id, w.event_id
    ), staked AS (
        -- A selection without bets still keeps the stakes of its market.
        SELECT r.tenant_id, r.market_id, sum(r.stake_minor - coalesce(r.place_minor, 0)) AS stake
        FROM risk_liability r JOIN market m ON m.id = r.market_id AND m.market_type <> 'double_chance'
        WHERE (r.tenant_id, r.event_id) IN (SELECT c.tenant_id, c.event_id FROM capped c)
        GROUP BY r.tenant_id, r.market_id
    )
    SELECT c.n::integer, c.win_max,
           (c.selection_max * c.share_bps / 10000 - coalesce(s.loss, -k.stake, 0))::bigint,
           (c.event_max * c.share_bps / 10000 - coalesce(t.worst, 0))::bigint,
           c.event_max * c.share_bps / 10000, c.selection_max * c.share_bps / 10000
    FROM capped c
    JOIN leg l ON l.n = c.n
    LEFT JOIN stands s ON s.tenant_id = c.tenant_id AND s.event_id = c.event_id AND s.selection_id = c.selection_id
    LEFT JOIN costs t ON t.tenant_id = c.tenant_id AND t.event_id = c.event_id
    LEFT JOIN staked k ON k.tenant_id = c.tenant_id AND k.market_id = l.market_id
    ORDER BY c.n
$$;
GRANT EXECUTE ON FUNCTION risk_room_v1 TO overround_app, overround_worker;
