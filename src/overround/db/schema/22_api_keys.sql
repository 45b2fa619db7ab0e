-- part: people.sessions
-- What a program shows instead of logging in: a key of one tenant, with a plan of credits. Of the key
-- itself only its SHA-256 is kept, so a stolen copy of this table reads nothing.

-- `used` counts the credits of the UTC month `month`: the first call of the next one begins at zero.
-- `due_at` is the pace as one moment (kit.pace): when the budget of calls would be full again.
CREATE TABLE api_key (
    tenant_id         uuid        NOT NULL REFERENCES tenant (id),
    id                uuid        NOT NULL,
    name              text        NOT NULL,
    plan              text        NOT NULL,
    credits_per_month integer     NOT NULL,
    token_sha256      bytea       NOT NULL,
    created_at        timestamptz NOT NULL,
    revoked_at        timestamptz,
    month             date        NOT NULL,
    used              bigint      NOT NULL DEFAULT 0,
    due_at            timestamptz,
    CONSTRAINT api_key_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_key_name_once UNIQUE (tenant_id, name),
    CONSTRAINT api_key_token_once UNIQUE (tenant_id, token_sha256),
    CONSTRAINT api_key_name_shape CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$'),
    CONSTRAINT api_key_plan_shape CHECK (length(plan) BETWEEN 1 AND 40),
    CONSTRAINT api_key_credits_bounded CHECK (credits_per_month BETWEEN 0 AND 1000000000),
    CONSTRAINT api_key_token_length CHECK (octet_length(token_sha256) = 32),
    CONSTRAINT api_key_used_within CHECK (used BETWEEN 0 AND 1000000000),
    CONSTRAINT api_key_revoked_after_created CHECK (revoked_at >= created_at)
);

-- Row security, forced: a key of tenant A is no row at all on a host of tenant B.
CALL tenant_table_v1('api_key');

-- The api looks keys up; the command line adds and revokes. What is used up is written by the two
-- functions alone.
GRANT SELECT ON api_key TO overround_app;
GRANT SELECT, INSERT, UPDATE (revoked_at) ON api_key TO overround_worker;

-- A call comes in with a key: its row, with what is used of this month, and how long the caller has to
-- wait in milliseconds. A call that may go takes its share of the pace: `p_share` of time, `p_burst` at once.
-- No row for a key that never was.
CREATE FUNCTION api_key_enter_v1(
    p_tenant uuid, p_token_sha256 bytea, p_share interval, p_burst integer, p_at timestamptz)
RETURNS TABLE (id uuid, name text, plan text, credits_per_month integer, used bigint,
               revoked_at timestamptz, wait_ms integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_key   public.api_key;
    v_ready timestamptz;
BEGIN
    SELECT k.* INTO v_key FROM api_key k
    WHERE k.tenant_id = p_tenant AND k.token_sha256 = p_token_sha256 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    v_ready := greatest(p_at, v_key.due_at - p_share * (p_burst - 1));
    IF v_ready <= p_at AND v_key.revoked_at IS NULL THEN
        UPDATE api_key k SET due_at = greatest(v_key.due_at, p_at) + p_share
        WHERE k.tenant_id = p_tenant AND k.id = v_key.id;
    END IF;
    RETURN QUERY SELECT v_key.id, v_key.name, v_key.plan, v_key.credits_per_month,
        CASE WHEN v_key.month = date_trunc('month', p_at, 'UTC')::date THEN v_key.used ELSE 0 END,
        v_key.revoked_at, ceil(extract(epoch FROM v_ready - p_at) * 1000)::integer;
END
$$;

-- Take credits from a key; returns what is used of the month with them, and nothing where they are not
-- left: two calls at once never take the same credit (test: the last credit is spent once).
CREATE FUNCTION api_key_charge_v1(p_tenant uuid, p_id uuid, p_credits integer, p_at timestamptz)
RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_month date := date_trunc('month', p_at, 'UTC')::date;
    v_used  bigint;
BEGIN
    UPDATE api_key k
    SET used = CASE WHEN k.month = v_month THEN k.used ELSE 0 END + p_credits, month = v_month
    WHERE k.tenant_id = p_tenant AND k.id = p_id AND k.revoked_at IS NULL AND p_credits >= 0
      AND CASE WHEN k.month = v_month THEN k.used ELSE 0 END + p_credits <= k.credits_per_month
    RETURNING k.used INTO v_used;
    RETURN v_used;
END
$$;
GRANT EXECUTE ON FUNCTION api_key_enter_v1, api_key_charge_v1 TO overround_app, overround_worker;
