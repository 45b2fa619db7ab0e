-- part: people.tenants
-- A tenant is one operator. `tenant` is a platform table: every process reads it to find whose
-- host was asked, only the worker login changes it, and nobody deletes from it (the books stay).

-- The operator and the few settings that money depends on. `subdomain` is the one label before the
-- base domain; `admin` is the platform owner's own host and can never be a tenant.
CREATE TABLE tenant (
    id                uuid        PRIMARY KEY,
    subdomain         text        NOT NULL,
    name              text        NOT NULL,
    contact_email     text        NOT NULL,
    currency          text        NOT NULL,
    time_zone         text        NOT NULL,
    status            text        NOT NULL DEFAULT 'active',
    payout_rounding   text        NOT NULL DEFAULT 'down',
    stake_min_minor   bigint      NOT NULL,
    payout_max_minor  bigint      NOT NULL,
    fee_bps           integer     NOT NULL DEFAULT 1000,
    margin_bps        integer     NOT NULL DEFAULT 600,
    -- Up to how much settled money one person of the office may move by a ruling without a second one.
    ruling_alone_max_minor bigint NOT NULL DEFAULT 100000,
    book_id           uuid        NOT NULL,
    settings          jsonb       NOT NULL DEFAULT '{}',
    created_at        timestamptz NOT NULL,
    CONSTRAINT tenant_subdomain_unique UNIQUE (subdomain),
    -- Other tables refer to (id, currency) where a row must be in the tenant's own currency.
    CONSTRAINT tenant_currency_unique UNIQUE (id, currency),
    CONSTRAINT tenant_subdomain_label CHECK (subdomain ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    CONSTRAINT tenant_subdomain_free CHECK (subdomain <> 'admin'),
    CONSTRAINT tenant_name_bounded CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT tenant_contact_email_bounded
        CHECK (length(contact_email) BETWEEN 3 AND 254 AND contact_email LIKE '%_@_%'),
    CONSTRAINT tenant_currency_code CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT tenant_time_zone_bounded CHECK (length(time_zone) BETWEEN 1 AND 64),
    CONSTRAINT tenant_status_known CHECK (status IN ('active', 'suspended', 'closed')),
    CONSTRAINT tenant_payout_rounding_known CHECK (payout_rounding IN ('down', 'half_even')),
    CONSTRAINT tenant_stake_min_positive CHECK (stake_min_minor > 0),
    CONSTRAINT tenant_payout_max_above_stake CHECK (payout_max_minor >= stake_min_minor),
    CONSTRAINT tenant_ruling_alone_not_negative CHECK (ruling_alone_max_minor >= 0),
    CONSTRAINT tenant_fee_bounded CHECK (fee_bps BETWEEN 0 AND 10000),
    CONSTRAINT tenant_margin_bounded CHECK (margin_bps BETWEEN 0 AND 5000),
    CONSTRAINT tenant_settings_bounded
        CHECK (jsonb_typeof(settings) = 'object' AND length(settings::text) <= 32768)
);

-- Every amount and every revenue day of a tenant is stated in its currency and its local day, so
-- neither may change under the books (test: currency and time zone are fixed at creation).
CREATE FUNCTION tenant_fixed_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the id, currency and time zone of a tenant are fixed at its creation'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tenant_fixed';
END
$$;

-- The comparison stands in WHEN, so an update that repeats the same values is not refused.
CREATE TRIGGER tenant_fixed BEFORE UPDATE ON tenant FOR EACH ROW
    WHEN (OLD.id <> NEW.id OR OLD.currency <> NEW.currency OR OLD.time_zone <> NEW.time_zone)
    EXECUTE FUNCTION tenant_fixed_v1();

-- The api resolves hosts and reads settings; of a tenant it changes the looks alone (tenant_theme_v1).
GRANT SELECT ON tenant TO overround_app;
-- The worker login creates, suspends and adjusts tenants; without DELETE the books cannot go.
GRANT SELECT, INSERT, UPDATE ON tenant TO overround_worker;

-- Open the tenant's own accounts in its currency; again changes nothing.
CREATE FUNCTION tenant_open_v1(p_tenant uuid, p_at timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_currency text;
BEGIN
    SELECT currency INTO v_currency FROM tenant WHERE id = p_tenant;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such tenant'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tenant_unknown';
    END IF;
    PERFORM account_open_v1(p_tenant, NULL, k.kind, v_currency, p_at)
    FROM unnest(ARRAY['house', 'bank', 'adjustment', 'capital', 'liquidity', 'revenue', 'fee', 'receivable']) AS k (kind);
END
$$;
GRANT EXECUTE ON FUNCTION tenant_open_v1 TO overround_worker;

-- The office changes how its site looks and nothing else of the row; the looks that it had are returned,
-- read under the row's lock, so that the audit tells what was really replaced. No policy guards a platform
-- table, so the transaction must be of the tenant itself (test: nobody sets the looks of another tenant).
CREATE FUNCTION tenant_theme_v1(p_tenant uuid, p_theme jsonb)
RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_before jsonb;
BEGIN
    SELECT settings -> 'theme' INTO v_before FROM tenant
    WHERE id = p_tenant AND id = nullif(current_setting('overround.tenant_id', true), '')::uuid
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such tenant'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tenant_unknown';
    END IF;
    UPDATE tenant SET settings = settings || jsonb_build_object('theme', p_theme) WHERE id = p_tenant;
    RETURN v_before;
END
$$;
GRANT EXECUTE ON FUNCTION tenant_theme_v1 TO overround_app, overround_worker;
