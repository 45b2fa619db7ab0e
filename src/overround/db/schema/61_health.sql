-- part: ops
-- How the house is doing: what came of asking the providers, by the hour; which processes live; and
-- what was found when somebody looked last.

-- Two objects of counts as one: {"timeout": 1} and {"timeout": 2, "ok": 1} are {"timeout": 3, "ok": 1}.
CREATE FUNCTION counts_added_v1(p_one jsonb, p_other jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(key, counted), '{}')
    FROM (SELECT key, sum(value::bigint) AS counted
          FROM (SELECT * FROM jsonb_each_text(p_one)
                UNION ALL SELECT * FROM jsonb_each_text(p_other)) AS every
          GROUP BY key) AS summed
$$;

-- Every poll, import and minute of a live feed, summed by provider, sport and hour. `sport` is '' for
-- what was of no one sport. `states` and `rejected` count by stable words.
CREATE TABLE provider_hour (
    provider    text        NOT NULL CHECK (length(provider) BETWEEN 1 AND 60),
    sport       text        NOT NULL CHECK (length(sport) <= 60),
    hour        timestamptz NOT NULL,
    polls       bigint      NOT NULL,
    ok          bigint      NOT NULL,
    states      jsonb       NOT NULL,
    rows_read   bigint      NOT NULL,
    events      bigint      NOT NULL,
    prices      bigint      NOT NULL,
    rejected    jsonb       NOT NULL,
    body_bytes  bigint      NOT NULL,
    took_ms     bigint      NOT NULL,
    took_ms_max bigint      NOT NULL,
    last_at     timestamptz NOT NULL,
    last_state  text        NOT NULL CHECK (length(last_state) BETWEEN 1 AND 60),
    last_ok_at  timestamptz,
    quota_left  bigint      CHECK (quota_left >= 0),
    PRIMARY KEY (provider, sport, hour)
) WITH (fillfactor = 70);
CREATE INDEX provider_hour_by_hour ON provider_hour (hour);
GRANT SELECT, INSERT, UPDATE, DELETE ON provider_hour TO overround_worker;
GRANT EXECUTE ON FUNCTION counts_added_v1 TO overround_worker;

-- A process of the product, for as long as it beats. `holder` is who it is, as it signs its leases;
-- `facts` are what it says of itself.
CREATE TABLE role_life (
    holder  text        PRIMARY KEY CHECK (length(holder) BETWEEN 1 AND 300),
    role    text        NOT NULL CHECK (length(role) BETWEEN 1 AND 60),
    version text        NOT NULL CHECK (length(version) BETWEEN 1 AND 60),
    since   timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    facts   jsonb       NOT NULL CHECK (length(facts::text) <= 8000)
) WITH (fillfactor = 50);
GRANT SELECT, DELETE ON role_life TO overround_worker;

-- A role says that it lives, or with p_ends that it ends. A function, because the api does so too, and
-- its login writes no platform table.
CREATE FUNCTION role_beat_v1(
    p_holder text, p_role text, p_version text, p_at timestamptz, p_facts jsonb, p_ends boolean)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF p_ends THEN
        DELETE FROM role_life WHERE holder = p_holder;
        RETURN;
    END IF;
    INSERT INTO role_life (holder, role, version, since, beat_at, facts)
    VALUES (p_holder, p_role, p_version, p_at, p_at, p_facts)
    ON CONFLICT (holder) DO UPDATE
    SET role = EXCLUDED.role, version = EXCLUDED.version, beat_at = EXCLUDED.beat_at,
        facts = EXCLUDED.facts;
END
$$;
GRANT EXECUTE ON FUNCTION role_beat_v1 TO overround_app, overround_worker;

-- What was found, by kind: the house, its books, how a model words the house, the last backup. One
-- row each, so that whoever asks over HTTP reads a
-- row and counts nothing (test: the status over http reads one row).
CREATE TABLE status_report (
    kind    text        PRIMARY KEY CHECK (kind IN ('house', 'books', 'words', 'backup')),
    made_at timestamptz NOT NULL,
    took_ms bigint      NOT NULL CHECK (took_ms >= 0),
    report  jsonb       NOT NULL CHECK (length(report::text) <= 1000000)
);
GRANT SELECT ON status_report TO overround_app;
GRANT SELECT, INSERT, UPDATE ON status_report TO overround_worker;

-- A finding that stands, or that has gone and was not told yet. `told_at` is when the sinks took its
-- present state, NULL while they have not: who is killed between telling and writing tells it twice,
-- and nobody tells it never (test: an alert is told until somebody hears).
CREATE TABLE alert (
    code       text        NOT NULL CHECK (length(code) BETWEEN 1 AND 60),
    subject    text        NOT NULL CHECK (length(subject) <= 120),
    level      text        NOT NULL CHECK (level IN ('healthy', 'degraded', 'down')),
    detail     text        NOT NULL CHECK (length(detail) BETWEEN 1 AND 500),
    state      text        NOT NULL CHECK (state IN ('raised', 'cleared')),
    raised_at  timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    told_at    timestamptz,
    PRIMARY KEY (code, subject)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON alert TO overround_worker;
