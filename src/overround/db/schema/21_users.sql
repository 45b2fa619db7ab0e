-- part: people.users
-- A user is the account that players and staff share; each belongs to exactly one tenant, so the
-- same e-mail address at two tenants is two users who know nothing of one another.

-- `email` is stored lower-cased and compared as it stands: lower() is not leakproof, and an index
-- over it could not be used under row security; so the name has a column in lower case, too.
-- A null `password_hash` cannot log in by password.
CREATE TABLE users (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL,
    kind           text        NOT NULL DEFAULT 'player',
    email          text        NOT NULL,
    display_name   text        NOT NULL,
    name_lower     text        NOT NULL GENERATED ALWAYS AS (lower(display_name)) STORED,
    password_hash  text,
    status         text        NOT NULL DEFAULT 'active',
    scopes         text[]      NOT NULL DEFAULT '{}',
    last_login_at  timestamptz,
    created_at     timestamptz NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT users_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id),
    -- Unique per tenant: a global one would tell tenant A who plays at tenant B.
    CONSTRAINT users_email_unique UNIQUE (tenant_id, email),
    CONSTRAINT users_kind_known CHECK (kind IN ('player', 'staff')),
    CONSTRAINT users_email_lower CHECK (email = lower(email)),
    CONSTRAINT users_email_bounded CHECK (length(email) BETWEEN 3 AND 254 AND email LIKE '%_@_%'),
    CONSTRAINT users_display_name_bounded CHECK (length(display_name) BETWEEN 1 AND 60),
    CONSTRAINT users_password_hash_bounded CHECK (length(password_hash) <= 256),
    CONSTRAINT users_status_known CHECK (status IN ('active', 'disabled')),
    CONSTRAINT users_scopes_bounded CHECK (cardinality(scopes) <= 32),
    -- Only staff hold scopes, so a player's session can never be one scope away from the office.
    CONSTRAINT users_scopes_of_staff CHECK (kind = 'staff' OR cardinality(scopes) = 0)
);

-- Who is looked for by how his address or his name begins, whatever the database's collation is.
CREATE INDEX users_email_begins ON users (tenant_id, email text_pattern_ops) WHERE kind = 'player';
CREATE INDEX users_name_begins ON users (tenant_id, name_lower text_pattern_ops) WHERE kind = 'player';

-- Row security, forced: no login of the product reads another tenant's users.
CALL tenant_table_v1('users');

-- The api registers players: without INSERT on kind and scopes the defaults hold, so the public
-- edge cannot create staff (test: the app login cannot make staff or grant scopes).
GRANT SELECT, INSERT (tenant_id, id, email, display_name, password_hash, created_at)
    ON users TO overround_app;
-- What a login, a changed profile and the back office change; never kind, scopes or e-mail.
GRANT UPDATE (display_name, password_hash, status, last_login_at) ON users TO overround_app;
-- The command line makes staff and grants scopes through the worker login.
GRANT SELECT, INSERT, UPDATE ON users TO overround_worker;

-- Open the wallet of a player of the tenant, empty and in the tenant's currency; again changes
-- nothing. Staff and strangers have none (test: only a player of the tenant gets a wallet).
CREATE FUNCTION player_open_v1(p_tenant uuid, p_user uuid, p_at timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_currency text;
BEGIN
    SELECT t.currency INTO v_currency
    FROM users u JOIN tenant t ON t.id = u.tenant_id
    WHERE u.tenant_id = p_tenant AND u.id = p_user AND u.kind = 'player';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such player'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'player_unknown';
    END IF;
    PERFORM account_open_v1(p_tenant, p_user, k.kind, v_currency, p_at)
    FROM unnest(ARRAY['cash', 'held', 'withdrawing']) AS k (kind);
END
$$;
GRANT EXECUTE ON FUNCTION player_open_v1 TO overround_app, overround_worker;
