-- part: db
-- What a scraper shows the hub to be let in: a credential of a process, as a login is, of no person
-- and no tenant. Of the token only its SHA-256 is kept, until it is revoked. A worker's speaks for one
-- site; one of the platform's people decides about matches, and lets no scraper in.
CREATE TABLE worker_key (
    id           uuid        PRIMARY KEY,
    kind         text        NOT NULL DEFAULT 'worker' CHECK (kind IN ('worker', 'platform')),
    name         text        NOT NULL,
    site         text,
    token_sha256 bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    CONSTRAINT worker_key_name_once UNIQUE (name),
    CONSTRAINT worker_key_name_shape CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$'),
    CONSTRAINT worker_key_site_shape CHECK (site ~ '^[a-z][a-z0-9_]{0,39}$'),
    CONSTRAINT worker_key_site_of_worker CHECK ((site IS NOT NULL) = (kind = 'worker')),
    CONSTRAINT worker_key_token_once UNIQUE (token_sha256),
    CONSTRAINT worker_key_token_length CHECK (octet_length(token_sha256) = 32),
    CONSTRAINT worker_key_revoked_after_created CHECK (revoked_at >= created_at)
);
-- The command line adds and revokes, the hub reads; a revoked key stays, so that its name says whose
-- it was.
GRANT SELECT, INSERT, UPDATE (revoked_at) ON worker_key TO overround_worker;
