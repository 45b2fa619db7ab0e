-- part: money.ledger
-- Every unit of money is a transfer between two accounts of one tenant and one currency.
-- Sign: an entry's amount is added to its account's balance; the two entries of a transfer sum to 0.

-- Player accounts (owner_id set) keep a running balance and may not fall below zero.
-- The tenant's own accounts keep none: a balance updated by every bet would be a queue of bets.
CREATE TABLE account (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL DEFAULT uuidv7(),
    owner_id      uuid,
    kind          text        NOT NULL CHECK (kind IN ('cash', 'held', 'withdrawing',
                                  'house', 'bank', 'adjustment', 'capital', 'liquidity', 'revenue', 'fee')),
    currency      text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    balance_minor bigint      CONSTRAINT account_floor CHECK (balance_minor >= 0),
    version       bigint      NOT NULL DEFAULT 0,
    opened_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    -- One of each kind whatever the currency: a second `house` would make "the house" a guess.
    CONSTRAINT account_once UNIQUE NULLS NOT DISTINCT (tenant_id, owner_id, kind),
    CONSTRAINT account_kind_fits_owner CHECK ((owner_id IS NOT NULL) = (kind IN ('cash', 'held', 'withdrawing'))),
    CONSTRAINT account_runs_for_players CHECK ((owner_id IS NULL) = (balance_minor IS NULL))
) WITH (fillfactor = 80);
CALL tenant_table_v1('account');
GRANT SELECT ON account TO overround_app, overround_worker;

-- `reference` is the thing the money moved for (a bet, a payment, a revenue day), `version` its
-- settlement version: the same movement cannot be posted twice.
-- No foreign key to `account`: each insert would lock the house's row (decision 0005); the one
-- writer checks both accounts, and `overround verify` checks them again.
CREATE TABLE transfer (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    reference    uuid        NOT NULL,
    code         text        NOT NULL CHECK (code IN ('deposit', 'withdrawal_reserve', 'withdrawal_pay',
                                 'withdrawal_refuse', 'adjustment', 'stake_hold', 'stake_take', 'stake_return',
                                 'payout', 'revenue_day', 'fee_day')),
    version      integer     NOT NULL DEFAULT 0 CHECK (version >= 0),
    from_id      uuid        NOT NULL,
    to_id        uuid        NOT NULL,
    amount_minor bigint      NOT NULL CONSTRAINT transfer_positive CHECK (amount_minor > 0),
    currency     text        NOT NULL,
    at           timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT transfer_once UNIQUE (tenant_id, reference, code, version),
    CONSTRAINT transfer_two_accounts CHECK (from_id <> to_id)
);
-- What revenue days are made of; the other transfers are found by their reference.
CREATE INDEX transfer_of_revenue ON transfer (tenant_id, at) WHERE code IN ('stake_take', 'payout');
CALL tenant_table_v1('transfer');
GRANT SELECT ON transfer TO overround_app, overround_worker;

-- `version` and `balance_after_minor` are the account's after this entry; empty for the tenant's own
-- accounts, whose balance is the roll-up plus the entries of transactions that it has not seen.
CREATE TABLE entry (
    tenant_id           uuid        NOT NULL,
    transfer_id         uuid        NOT NULL,
    account_id          uuid        NOT NULL,
    amount_minor        bigint      NOT NULL CHECK (amount_minor <> 0),
    balance_after_minor bigint      CONSTRAINT entry_floor CHECK (balance_after_minor >= 0),
    version             bigint,
    at                  timestamptz NOT NULL,
    tx                  xid8        NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (tenant_id, transfer_id, account_id)
);
CREATE UNIQUE INDEX entry_of_player ON entry (tenant_id, account_id, version) WHERE version IS NOT NULL;
CREATE INDEX entry_of_house ON entry (tenant_id, account_id, tx) WHERE version IS NULL;
CALL tenant_table_v1('entry');
GRANT SELECT ON entry TO overround_app, overround_worker;

-- The folded part of a tenant account's entries: those of every transaction below `through`.
-- Paging by id would lose the rows of a transaction that commits late; xid8 horizons do not.
CREATE TABLE account_rollup (
    tenant_id     uuid        NOT NULL,
    account_id    uuid        NOT NULL,
    balance_minor bigint      NOT NULL,
    through       xid8        NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id)
);
CALL tenant_table_v1('account_rollup');
GRANT SELECT ON account_rollup TO overround_app, overround_worker;

-- The functions that write the ledger are granted to no login and run with their caller's rights:
-- they are the floor that narrower functions, which derive who and how much, stand on
-- (test: no login posts a transfer or opens an account of its choice).

-- Open an account, or find the one that is open; one in another currency is refused.
CREATE FUNCTION account_open_v1(p_tenant uuid, p_owner uuid, p_kind text, p_currency text, p_at timestamptz)
RETURNS uuid LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_id uuid;
BEGIN
    INSERT INTO account (tenant_id, owner_id, kind, currency, balance_minor, opened_at)
    VALUES (p_tenant, p_owner, p_kind, p_currency, CASE WHEN p_owner IS NOT NULL THEN 0 END, p_at)
    ON CONFLICT ON CONSTRAINT account_once DO NOTHING
    RETURNING id INTO v_id;
    IF v_id IS NULL THEN
        SELECT id INTO v_id FROM account
        WHERE tenant_id = p_tenant AND owner_id IS NOT DISTINCT FROM p_owner
          AND kind = p_kind AND currency = p_currency;
        IF v_id IS NULL THEN
            RAISE EXCEPTION 'this account is open in another currency'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'account_once';
        END IF;
    END IF;
    RETURN v_id;
END
$$;

-- Post transfers, in the order given; the only writer of transfer, entry and balances.
-- Lock before inserting, in id order: two posts over the same accounts wait, never deadlock
-- (test: settling while placing). Raises account_missing, currency_mismatch, account_floor (a
-- balance below zero) or transfer_once (posted before); then nothing of the call stays.
CREATE FUNCTION ledger_post_v1(
    p_tenant uuid, p_at timestamptz[], p_reference uuid[], p_code text[], p_version integer[],
    p_from uuid[], p_to uuid[], p_amount bigint[])
RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_ids   uuid[];
    v_count integer := coalesce(cardinality(p_amount), 0);
BEGIN
    IF v_count = 0 THEN
        RETURN 0;
    END IF;
    PERFORM 1 FROM account
    WHERE tenant_id = p_tenant AND id = ANY (p_from || p_to) AND owner_id IS NOT NULL
    ORDER BY id FOR NO KEY UPDATE;

    IF EXISTS (
        SELECT 1 FROM unnest(p_from, p_to) AS t (from_id, to_id)
        LEFT JOIN account f ON f.tenant_id = p_tenant AND f.id = t.from_id
        LEFT JOIN account c ON c.tenant_id = p_tenant AND c.id = t.to_id
        WHERE f.id IS NULL OR c.id IS NULL OR f.currency <> c.currency
    ) THEN
        RAISE EXCEPTION 'an account is missing, or two currencies would mix'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_missing';
    END IF;

    SELECT array_agg(uuidv7()) INTO v_ids FROM generate_series(1, v_count);

    INSERT INTO transfer (tenant_id, id, reference, code, version, from_id, to_id, amount_minor, currency, at)
    SELECT p_tenant, t.id, t.reference, t.code, t.version, t.from_id, t.to_id, t.amount, a.currency, t.at
    FROM unnest(v_ids, p_at, p_reference, p_code, p_version, p_from, p_to, p_amount)
             AS t (id, at, reference, code, version, from_id, to_id, amount)
    JOIN account a ON a.tenant_id = p_tenant AND a.id = t.from_id;

    WITH move AS (
        SELECT t.n * 2 AS n, t.id AS transfer_id, t.from_id AS account_id, -t.amount AS amount, t.at
        FROM unnest(v_ids, p_from, p_amount, p_at) WITH ORDINALITY AS t (id, from_id, amount, at, n)
        UNION ALL
        SELECT t.n * 2 + 1, t.id, t.to_id, t.amount, t.at
        FROM unnest(v_ids, p_to, p_amount, p_at) WITH ORDINALITY AS t (id, to_id, amount, at, n)
    ), posted AS (
        INSERT INTO entry (tenant_id, transfer_id, account_id, amount_minor, balance_after_minor, version, at)
        SELECT p_tenant, m.transfer_id, m.account_id, m.amount,
               a.balance_minor + sum(m.amount) OVER running,
               CASE WHEN a.owner_id IS NOT NULL THEN a.version + row_number() OVER running END,
               m.at
        FROM move m
        JOIN account a ON a.tenant_id = p_tenant AND a.id = m.account_id
        WINDOW running AS (PARTITION BY m.account_id ORDER BY m.n)
        RETURNING account_id, amount_minor, version
    )
    UPDATE account a
    SET balance_minor = a.balance_minor + p.amount, version = a.version + p.entries
    FROM (SELECT account_id, sum(amount_minor)::bigint AS amount, count(*) AS entries
          FROM posted WHERE version IS NOT NULL GROUP BY account_id) p
    WHERE a.tenant_id = p_tenant AND a.id = p.account_id;
    RETURN v_count;
END
$$;

-- Fold the tenant accounts' entries up to the oldest transaction that is still running.
CREATE FUNCTION ledger_roll_up_v1(p_tenant uuid)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_through xid8 := pg_snapshot_xmin(pg_current_snapshot());
    v_count   integer;
BEGIN
    INSERT INTO account_rollup AS r (tenant_id, account_id, balance_minor, through)
    SELECT a.tenant_id, a.id, 0, '0'::xid8 FROM account a
    WHERE a.tenant_id = p_tenant AND a.owner_id IS NULL
    ON CONFLICT DO NOTHING;
    WITH held AS (
        SELECT account_id, through FROM account_rollup
        WHERE tenant_id = p_tenant AND through < v_through ORDER BY account_id FOR UPDATE
    )
    UPDATE account_rollup r
    SET balance_minor = r.balance_minor + coalesce((
            SELECT sum(e.amount_minor) FROM entry e
            WHERE e.tenant_id = p_tenant AND e.account_id = h.account_id AND e.version IS NULL
              AND e.tx >= h.through AND e.tx < v_through), 0)::bigint,
        through = v_through
    FROM held h
    WHERE r.tenant_id = p_tenant AND r.account_id = h.account_id;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
GRANT EXECUTE ON FUNCTION ledger_roll_up_v1 TO overround_worker;

-- Every account with its balance now: running for players, roll-up plus later entries for the tenant's own.
CREATE VIEW account_balance WITH (security_invoker = true) AS
SELECT a.tenant_id, a.id AS account_id, a.owner_id, a.kind, a.currency,
       coalesce(a.balance_minor, coalesce(r.balance_minor, 0) + coalesce((
           SELECT sum(e.amount_minor) FROM entry e
           WHERE e.tenant_id = a.tenant_id AND e.account_id = a.id AND e.version IS NULL
             AND e.tx >= coalesce(r.through, '0'::xid8)), 0)::bigint) AS balance_minor
FROM account a
LEFT JOIN account_rollup r ON r.tenant_id = a.tenant_id AND r.account_id = a.id;
GRANT SELECT ON account_balance TO overround_app, overround_worker;
