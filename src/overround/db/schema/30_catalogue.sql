-- part: odds.catalogue
-- Sports, competitions, participants, events, markets, selections, results: platform tables, the
-- same for every tenant. Only the worker writes them.

CREATE TABLE competition (
    id      uuid PRIMARY KEY,
    sport   text NOT NULL CHECK (length(sport) BETWEEN 1 AND 40),
    country text NOT NULL CHECK (length(country) <= 80),
    name    text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT competition_once UNIQUE (sport, country, name)
);

-- Whose competition code is ours: a provider's word for a competition, decided once.
CREATE TABLE competition_alias (
    provider        text NOT NULL CHECK (length(provider) BETWEEN 1 AND 60),
    competition_key text NOT NULL CHECK (length(competition_key) BETWEEN 1 AND 200),
    competition_id  uuid NOT NULL REFERENCES competition (id),
    PRIMARY KEY (provider, competition_key)
);

-- `category` keeps women, age groups and reserves apart from the senior side of the same name; `country`
-- is folded (`names.country_of`), empty where nobody says it.
CREATE TABLE participant (
    id       uuid PRIMARY KEY,
    sport    text NOT NULL,
    country  text NOT NULL,
    category text NOT NULL DEFAULT '',
    name     text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT participant_once UNIQUE (sport, country, category, name)
);

-- A spelling of a participant, normalised. `scope` says where it holds: everywhere in the sport and country
-- (empty), in one competition ("Botafogo" are two clubs), or at one provider; the narrower one wins.
CREATE TABLE alias (
    sport          text        NOT NULL,
    country        text        NOT NULL,
    category       text        NOT NULL DEFAULT '',
    spelling       text        NOT NULL CHECK (length(spelling) BETWEEN 1 AND 200),
    scope          text        NOT NULL DEFAULT '' CHECK (scope ~ '^$|^competition:[0-9a-f-]{36}$|^provider:.{1,60}$'),
    participant_id uuid        NOT NULL REFERENCES participant (id),
    decided_by     text        NOT NULL CHECK (decided_by IN ('name', 'matcher', 'person', 'file')),
    PRIMARY KEY (sport, country, category, spelling, scope)
);
CREATE INDEX alias_by_participant ON alias (participant_id);

-- `closed_at` is the business time after which no bet is taken: the start, a result, a cancel.
-- A fact about time and not a flag, so that a replay that stands before it still takes bets.
-- A match has two sides; a contest (a tournament, a race) has a name, in `home`, and its runners are the selections
-- of its market `winner`, by name.
-- `provider` is whose event it was first: its word about the start is believed. `changed_by` and
-- `changed_at` say who changed status or start last and when; each change is kept in `event_change`.
CREATE TABLE event (
    id             uuid        PRIMARY KEY,
    sport          text        NOT NULL,
    competition_id uuid        NOT NULL REFERENCES competition (id),
    kind           text        NOT NULL DEFAULT 'match' CHECK (kind IN ('match', 'contest')),
    home_id        uuid        REFERENCES participant (id),
    away_id        uuid        REFERENCES participant (id),
    home           text        NOT NULL,
    away           text        NOT NULL,
    starts_at      timestamptz NOT NULL,
    status         text        NOT NULL DEFAULT 'scheduled'
                   CHECK (status IN ('scheduled', 'live', 'ended', 'postponed', 'abandoned', 'cancelled')),
    closed_at      timestamptz,
    provider       text        NOT NULL CHECK (length(provider) BETWEEN 1 AND 60),
    changed_by     text        CHECK (length(changed_by) BETWEEN 1 AND 100),
    changed_at     timestamptz,
    CONSTRAINT event_two_sides CHECK (
        CASE kind WHEN 'match' THEN num_nulls(home_id, away_id) = 0 AND home_id <> away_id
                  ELSE num_nonnulls(home_id, away_id) = 0 AND away = '' END)
);
CREATE INDEX event_by_start ON event (starts_at, id);
CREATE INDEX event_by_competition ON event (competition_id, starts_at);
CREATE INDEX event_by_home ON event (home_id, starts_at);
CREATE INDEX event_by_away ON event (away_id, starts_at);

-- What an event may become. What is not here is refused by the foreign key of its history
-- (test: what has ended does not begin again).
CREATE TABLE event_transition (
    status_before text NOT NULL,
    status_after  text NOT NULL,
    PRIMARY KEY (status_before, status_after)
);
INSERT INTO event_transition (status_before, status_after) VALUES
    ('scheduled', 'live'), ('scheduled', 'ended'), ('scheduled', 'postponed'), ('scheduled', 'abandoned'), ('scheduled', 'cancelled'),
    ('live', 'ended'), ('live', 'postponed'), ('live', 'abandoned'), ('live', 'cancelled'),
    -- The start was put off after its time had come, or what was put off or broken off has a new one.
    ('live', 'scheduled'), ('postponed', 'scheduled'), ('postponed', 'live'), ('abandoned', 'scheduled'), ('abandoned', 'live'),
    -- A result is corrected.
    ('ended', 'abandoned'), ('ended', 'cancelled'), ('ended', 'postponed'),
    ('abandoned', 'ended'), ('abandoned', 'cancelled'), ('abandoned', 'postponed'),
    ('cancelled', 'ended'), ('cancelled', 'abandoned'), ('cancelled', 'postponed'),
    ('postponed', 'ended'), ('postponed', 'abandoned'), ('postponed', 'cancelled');

-- Each change of an event's status or start: what it was, what it became, by whose word and when.
CREATE TABLE event_change (
    id            uuid        PRIMARY KEY DEFAULT uuidv7(),
    event_id      uuid        NOT NULL REFERENCES event (id),
    changed_by    text        NOT NULL,
    changed_at    timestamptz NOT NULL,
    status_before text,
    status_after  text,
    starts_before timestamptz,
    starts_after  timestamptz,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT event_change_allowed FOREIGN KEY (status_before, status_after)
        REFERENCES event_transition (status_before, status_after)
);
CREATE INDEX event_change_by_event ON event_change (event_id, id);

-- The history writes itself, so that no statement can change an event without a trace.
CREATE FUNCTION event_remember_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_change (event_id, changed_by, changed_at, status_before, status_after, starts_before, starts_after)
    VALUES (NEW.id, NEW.changed_by, NEW.changed_at,
            CASE WHEN OLD.status <> NEW.status THEN OLD.status END, CASE WHEN OLD.status <> NEW.status THEN NEW.status END,
            CASE WHEN OLD.starts_at <> NEW.starts_at THEN OLD.starts_at END,
            CASE WHEN OLD.starts_at <> NEW.starts_at THEN NEW.starts_at END);
    RETURN NULL;
END
$$;
CREATE TRIGGER event_changed AFTER UPDATE ON event FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.starts_at <> NEW.starts_at) EXECUTE FUNCTION event_remember_v1();

-- The advisory lock of an event: bets take it shared, suspend, start, result and cancel exclusively.
-- 62 bits of the id's hash, in a range of its own (the sign bit is clear, so no negative keys).
CREATE FUNCTION event_key(p_event uuid) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT uuid_hash_extended(p_event, 0) & 4611686018427387903
$$;
GRANT EXECUTE ON FUNCTION event_key TO overround_app, overround_worker;

CREATE TABLE market (
    id          uuid PRIMARY KEY,
    event_id    uuid NOT NULL REFERENCES event (id),
    market_type text NOT NULL CHECK (length(market_type) BETWEEN 1 AND 60),
    period      text NOT NULL DEFAULT 'ft' CHECK (length(period) BETWEEN 1 AND 10),
    line_q4     integer CHECK (line_q4 BETWEEN -4000 AND 4000),
    -- Which places an each-way bet is paid for, and at which part of the winnings; a leg keeps those it was placed at.
    place_terms text CHECK (place_terms ~ '^1/[1-9][0-9]? 1-[1-9][0-9]?$'),
    CONSTRAINT market_once UNIQUE NULLS NOT DISTINCT (event_id, market_type, period, line_q4)
);

CREATE TABLE selection (
    id        uuid PRIMARY KEY,
    market_id uuid NOT NULL REFERENCES market (id),
    event_id  uuid NOT NULL REFERENCES event (id),
    side      text NOT NULL CHECK (length(side) BETWEEN 1 AND 60),
    CONSTRAINT selection_once UNIQUE (market_id, side)
);
CREATE INDEX selection_by_event ON selection (event_id);

-- The score while an event is on, as the feed says it; no bet is settled by it.
CREATE TABLE event_score (
    event_id    uuid        PRIMARY KEY REFERENCES event (id),
    clock       text        NOT NULL CHECK (length(clock) <= 40),
    scores      jsonb       NOT NULL CHECK (length(scores::text) <= 2000),
    observed_at timestamptz NOT NULL
);

-- How an event stands by a score of it: what counts goals, points or games to the end, without the parts that
-- only follow from them. Who is told of no score takes it for none to none.
CREATE FUNCTION event_score_so_far(p_scores jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN p_scores IS NULL OR p_scores ?| ARRAY['final', 'ft'] THEN jsonb_build_array(
               coalesce(p_scores -> 'final', p_scores -> 'ft', '[0, 0]'), coalesce(p_scores -> 'et', '[0, 0]'),
               coalesce(p_scores -> 'ot', '[0, 0]'), coalesce(p_scores -> 'pen', '[0, 0]'))
           ELSE p_scores END
$$;
GRANT EXECUTE ON FUNCTION event_score_so_far TO overround_app, overround_worker;

-- What happened, by version: a corrected result is a new row, never a changed one. `certainty` says
-- whether somebody has only seen it, or its keeper has confirmed it.
CREATE TABLE result (
    event_id    uuid        NOT NULL REFERENCES event (id),
    version     integer     NOT NULL CHECK (version > 0),
    status      text        NOT NULL CHECK (status IN ('finished', 'abandoned', 'retired', 'walkover', 'postponed', 'cancelled', 'awarded')),
    scores      jsonb       NOT NULL,
    -- Of a contest: how its runners came in, by name (core.positions).
    positions   jsonb       CHECK (length(positions::text) <= 20000),
    entered_by  text        NOT NULL CHECK (length(entered_by) BETWEEN 1 AND 100),
    by_person   boolean     NOT NULL,
    certainty   text        NOT NULL DEFAULT 'confirmed' CHECK (certainty IN ('seen', 'confirmed')),
    observed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (event_id, version)
);

-- What could not be believed, with its reason; counted, logged and kept for a person to look at.
CREATE TABLE quarantine (
    id          uuid        PRIMARY KEY DEFAULT uuidv7(),
    provider    text        NOT NULL,
    batch       text        NOT NULL,
    reason      text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 60),
    place       text        NOT NULL CHECK (length(place) <= 300),
    detail      text        NOT NULL CHECK (length(detail) <= 1000),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT quarantine_once UNIQUE (provider, batch, place, reason)
);
CREATE INDEX quarantine_by_time ON quarantine USING brin (recorded_at);
GRANT SELECT ON competition, competition_alias, participant, alias, event, event_change, event_transition, market,
    selection, event_score, result TO overround_app, overround_worker;
GRANT INSERT, UPDATE ON competition, competition_alias, participant, alias, event, market, selection, event_score
    TO overround_worker;
-- A spelling that a match taught goes when the match turns out to be none.
GRANT DELETE ON alias TO overround_worker;
GRANT INSERT ON result, event_change TO overround_worker;
GRANT SELECT, INSERT, DELETE ON quarantine TO overround_worker;
