-- part: people.sessions
-- A session is one login on one device. The token itself is never stored, only its SHA-256, so a
-- stolen copy of this table logs nobody in.

-- A session ends by log-out, by being idle, by its absolute age (either is longer for a permanent
-- one, of who asked to stay logged in), or because its user or tenant was
-- disabled; the last two need no write here, since the look-up joins both.
CREATE TABLE session (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    user_id       uuid        NOT NULL,
    token_sha256  bytea       NOT NULL,
    user_agent    text        NOT NULL DEFAULT '',
    permanent     boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    revoked_at    timestamptz,
    CONSTRAINT session_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT session_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT session_token_unique UNIQUE (tenant_id, token_sha256),
    CONSTRAINT session_token_length CHECK (octet_length(token_sha256) = 32),
    CONSTRAINT session_user_agent_bounded CHECK (length(user_agent) <= 200),
    CONSTRAINT session_seen_after_created CHECK (last_seen_at >= created_at)
);

-- Row security, forced: a token of tenant A is no row at all on a host of tenant B.
CALL tenant_table_v1('session');

-- A person's live sessions are listed and ended together; ended ones only wait to be purged.
CREATE INDEX session_live ON session (tenant_id, user_id) WHERE revoked_at IS NULL;

-- The purge walks ended and outlived sessions by age.
CREATE INDEX session_age ON session (tenant_id, created_at);

-- The api opens sessions, touches them and ends them.
GRANT SELECT, INSERT, UPDATE (last_seen_at, revoked_at) ON session TO overround_app;
-- The worker ends the sessions of a user disabled on the command line, and purges old ones.
GRANT SELECT, INSERT, UPDATE (last_seen_at, revoked_at), DELETE ON session TO overround_worker;

-- What many tokens stand for, each at its own tenant, and that they were used: one round trip, a transaction by
-- itself, which is those tenants' from here on. With its caller's rights: row security shows it the tenants that it
-- sets and no more. What is not live is absent. The four times are those after which a session of either kind must have
-- been used and opened; uses are written of those last seen before `p_seen_before`, and whoever else is writing one
-- is not waited for.
CREATE FUNCTION sessions_live_v1(
    p_tenant uuid[], p_token_sha256 bytea[], p_idle_since timestamptz, p_old_since timestamptz,
    p_permanent_idle_since timestamptz, p_permanent_old_since timestamptz, p_seen_before timestamptz, p_at timestamptz)
RETURNS TABLE (tenant_id uuid, token_sha256 bytea, id uuid, user_id uuid, kind text, scopes text[], last_seen_at timestamptz,
               created_at timestamptz, permanent boolean)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('overround.tenant_id', array_to_string(ARRAY(SELECT DISTINCT t FROM unnest(p_tenant) AS t), ','), true);
    RETURN QUERY
    WITH live AS MATERIALIZED (
        SELECT s.tenant_id, s.token_sha256, s.id, s.user_id, u.kind, u.scopes, s.last_seen_at, s.created_at, s.permanent
        FROM unnest(p_tenant, p_token_sha256) AS q (tenant_id, token_sha256)
        JOIN session s ON s.tenant_id = q.tenant_id AND s.token_sha256 = q.token_sha256
        JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id AND u.status = 'active'
        JOIN tenant t ON t.id = s.tenant_id AND t.status = 'active'
        WHERE s.revoked_at IS NULL
          AND CASE WHEN s.permanent THEN s.last_seen_at > p_permanent_idle_since AND s.created_at > p_permanent_old_since
              ELSE s.last_seen_at > p_idle_since AND s.created_at > p_old_since END
    ), used AS (
        UPDATE session s SET last_seen_at = greatest(s.last_seen_at, p_at)
        FROM (SELECT s.tenant_id, s.id FROM live l JOIN session s ON s.tenant_id = l.tenant_id AND s.id = l.id
              WHERE l.last_seen_at <= p_seen_before FOR NO KEY UPDATE OF s SKIP LOCKED) q
        WHERE s.tenant_id = q.tenant_id AND s.id = q.id
    )
    SELECT l.* FROM live l;
END
$$;
GRANT EXECUTE ON FUNCTION sessions_live_v1 TO overround_app;

-- Failed log-ins by what was attacked: an e-mail address (known here or not, so that the answer
-- never tells which) or a client address; only their SHA-256 is kept. It is a table because several
-- api processes must see one count. Old rows are purged by the jobs role.
CREATE TABLE login_failure (
    tenant_id       uuid        NOT NULL,
    subject_sha256  bytea       NOT NULL,
    failures        integer     NOT NULL,
    last_failed_at  timestamptz NOT NULL,
    locked_until    timestamptz,
    CONSTRAINT login_failure_pkey PRIMARY KEY (tenant_id, subject_sha256),
    CONSTRAINT login_failure_subject_length CHECK (octet_length(subject_sha256) = 32),
    CONSTRAINT login_failure_counted CHECK (failures BETWEEN 1 AND 1000000)
);

-- Row security, forced: an address locked at tenant A may still log in at tenant B.
CALL tenant_table_v1('login_failure');

-- The purge walks the counts by age.
CREATE INDEX login_failure_age ON login_failure (tenant_id, last_failed_at);

-- The api counts, locks and, after a good log-in, forgets.
GRANT SELECT, INSERT, UPDATE, DELETE ON login_failure TO overround_app;
-- The worker purges.
GRANT SELECT, DELETE ON login_failure TO overround_worker;
