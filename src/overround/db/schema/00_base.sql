-- part: db
-- What every other file stands on: ids, the shape of a tenant table, audit, leases, due work.
-- Logins (made by the server that hosts the database): overround_owner owns everything and runs
-- this file; overround_app serves people; overround_worker is the only writer of platform tables;
-- overround_reader reads named aggregate views. The last three own nothing.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO overround_app, overround_worker, overround_reader;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- PostgreSQL 18 has uuidv7(); 16 and 17 get one of the same layout (RFC 9562).
DO $shim$
BEGIN
    IF to_regprocedure('pg_catalog.uuidv7()') IS NULL THEN
        EXECUTE $body$
            CREATE FUNCTION public.uuidv7() RETURNS uuid LANGUAGE sql VOLATILE AS $f$
                SELECT encode(
                    set_bit(set_bit(
                        overlay(uuid_send(gen_random_uuid())
                                PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                                FROM 1 FOR 6),
                        52, 1), 53, 1), 'hex')::uuid
            $f$
        $body$;
        EXECUTE 'GRANT EXECUTE ON FUNCTION public.uuidv7() TO overround_app, overround_worker';
    END IF;
END
$shim$;

-- The one way to make a table a tenant's: forced row security, the owner included, so that a
-- forgotten WHERE shows nothing instead of another tenant's rows.
-- nullif: after the first transaction of a pooled connection the setting is '' and not NULL.
-- Made an array of ids within the SELECT, once for a statement; the cast outside it is none and only says that
-- the SELECT gives an array and no rows. Outside alone it would be made anew for each row.
-- The setting is one tenant for everybody but the acceptor of bets, whose one transaction answers the
-- slips of several: it lists them.
-- IS TRUE keeps the list out of the index conditions. With it there the planner thinks that a list looks up
-- ten tenants for each row and reads all of a tenant instead: twelve times the time of a bet. Which rows of an
-- index are read is what a query's own `tenant_id = $1` says (test: a row of a big tenant is found by its key).
CREATE PROCEDURE tenant_table_v1(p_table text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', p_table);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', p_table);
    EXECUTE format(
        $p$CREATE POLICY tenant_only ON %I
           USING ((tenant_id = ANY ((SELECT string_to_array(nullif(current_setting('overround.tenant_id', true), ''), ',')::uuid[])::uuid[])) IS TRUE)
           WITH CHECK ((tenant_id = ANY ((SELECT string_to_array(nullif(current_setting('overround.tenant_id', true), ''), ',')::uuid[])::uuid[])) IS TRUE)$p$,
        p_table);
END
$$;

-- What a column of a table that every bet writes may hold is said by its domain, and by no CHECK of the table's: a
-- CHECK is read from its text whenever a statement begins, a domain once in a session, and forty of them
-- were a fifth of what a call of one bet cost (test: what every bet writes has no check of one column).
-- Those that one part alone has stand with its tables.
CREATE DOMAIN positive_minor AS bigint CHECK (VALUE > 0);
CREATE DOMAIN minor_or_none AS bigint CHECK (VALUE >= 0);
CREATE DOMAIN natural_count AS integer CHECK (VALUE >= 0);
CREATE DOMAIN sha256_digest AS bytea CHECK (length(VALUE) = 32);

-- Who did what to which thing, in the transaction that did it. Nobody may change a row.
CREATE TABLE audit (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL DEFAULT uuidv7(),
    at             timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_id       uuid        NOT NULL,
    actor_kind     text        NOT NULL CHECK (actor_kind IN ('player', 'staff', 'system')),
    action         text        NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
    subject        text        NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
    before         jsonb,
    after          jsonb,
    correlation_id text,
    PRIMARY KEY (tenant_id, id)
);
CALL tenant_table_v1('audit');
GRANT SELECT, INSERT ON audit TO overround_app, overround_worker;

-- One holder per name. A holder renews before `expires_at`; every write it makes checks `token`,
-- so a holder that slept past its lease writes nothing (test: a stalled holder is fenced).
CREATE TABLE lease (
    name       text        PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 100),
    token      uuid        NOT NULL,
    holder     text        NOT NULL CHECK (length(holder) <= 200),
    expires_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON lease TO overround_worker;

-- Work that waits for a tenant: the worker claims a row with SKIP LOCKED and sets the tenant for
-- the transaction that does it. The column is not called tenant_id because this is a platform table.
CREATE TABLE work_due (
    kind       text        NOT NULL CHECK (kind IN ('settle')),
    for_tenant uuid        NOT NULL,
    subject_id uuid        NOT NULL,
    version    integer     NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL,
    attempts   integer     NOT NULL DEFAULT 0,
    problem    text,
    PRIMARY KEY (kind, for_tenant, subject_id)
);
CREATE INDEX work_due_by_time ON work_due (kind, due_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON work_due TO overround_worker;

-- Who serves people may make work of the tenant he serves due, and see or do none of it.
CREATE FUNCTION work_due_v1(p_kind text, p_tenant uuid, p_subject uuid, p_at timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF p_tenant::text IS DISTINCT FROM current_setting('overround.tenant_id', true) THEN
        RAISE EXCEPTION 'work is made due for the tenant of the transaction' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO work_due AS w (kind, for_tenant, subject_id, due_at) VALUES (p_kind, p_tenant, p_subject, p_at)
    ON CONFLICT (kind, for_tenant, subject_id) DO UPDATE
    SET attempts = 0, problem = NULL, due_at = greatest(w.due_at, EXCLUDED.due_at);
END
$$;
GRANT EXECUTE ON FUNCTION work_due_v1 TO overround_app, overround_worker;
