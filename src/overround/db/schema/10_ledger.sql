-- part: money.ledger
-- Every unit of money is a transfer between two accounts of one tenant and one currency.
-- Sign: an entry's amount is added to its account's balance; the two entries of a transfer sum to 0.

CREATE DOMAIN account_kind AS text CHECK (VALUE IN (
    'cash', 'held', 'withdrawing', 'house', 'bank', 'adjustment', 'capital', 'liquidity', 'revenue', 'fee', 'receivable',
    'promotion'));
CREATE DOMAIN currency_code AS text CHECK (VALUE ~ '^[A-Z]{3}$');
CREATE DOMAIN account_balance_minor AS bigint CONSTRAINT account_floor CHECK (VALUE >= 0);
CREATE DOMAIN entry_balance_minor AS bigint CONSTRAINT entry_floor CHECK (VALUE >= 0);
CREATE DOMAIN entry_amount_minor AS bigint CHECK (VALUE <> 0);
CREATE DOMAIN transfer_amount_minor AS bigint CONSTRAINT transfer_positive CHECK (VALUE > 0);
CREATE DOMAIN transfer_code AS text CHECK (VALUE IN (
    'deposit', 'withdrawal_reserve', 'withdrawal_pay', 'withdrawal_refuse', 'adjustment', 'stake_hold', 'stake_take',
    'stake_return', 'payout', 'stake_release', 'stake_reclaim', 'payout_reclaim', 'debt_lend', 'debt_repay', 'cash_out',
    'revenue_day', 'fee_day', 'free_bet', 'free_bet_back'));

-- Player accounts (owner_id set) keep a running balance and may not fall below zero.
-- The tenant's own accounts keep none: a balance updated by every bet would be a queue of bets.
CREATE TABLE account (
    tenant_id     uuid          NOT NULL,
    id            uuid          NOT NULL DEFAULT uuidv7(),
    owner_id      uuid,
    kind          account_kind  NOT NULL,
    currency      currency_code NOT NULL,
    balance_minor account_balance_minor,
    version       bigint        NOT NULL DEFAULT 0,
    opened_at     timestamptz   NOT NULL,
    PRIMARY KEY (tenant_id, id),
    -- One of each kind whatever the currency: a second `house` would make "the house" a guess.
    CONSTRAINT account_once UNIQUE NULLS NOT DISTINCT (tenant_id, owner_id, kind),
    CONSTRAINT account_kind_fits_owner CHECK ((owner_id IS NOT NULL) = (kind IN ('cash', 'held', 'withdrawing'))),
    CONSTRAINT account_runs_for_players CHECK ((owner_id IS NULL) = (balance_minor IS NULL))
) WITH (fillfactor = 80);
CALL tenant_table_v1('account');
GRANT SELECT ON account TO overround_app, overround_worker;

-- A transfer is known by what it is for (decision 0006): `reference` is the thing the money moved for (a bet, a
-- payment, a revenue day), `version` its settlement version. So the same movement cannot be posted twice.
-- No foreign key to `account`: each insert would lock the house's row (decision 0005); the one
-- writer checks both accounts, and `overround verify` checks them again.
CREATE TABLE transfer (
    tenant_id    uuid                  NOT NULL,
    reference    uuid                  NOT NULL,
    from_id      uuid                  NOT NULL,
    to_id        uuid                  NOT NULL,
    amount_minor transfer_amount_minor NOT NULL,
    at           timestamptz           NOT NULL,
    recorded_at  timestamptz           NOT NULL DEFAULT clock_timestamp(),
    version      natural_count         NOT NULL DEFAULT 0,
    code         transfer_code         NOT NULL,
    currency     text                  NOT NULL,
    CONSTRAINT transfer_once PRIMARY KEY (tenant_id, reference, code, version),
    CONSTRAINT transfer_two_accounts CHECK (from_id <> to_id)
);
-- What revenue days are made of; the other transfers are found by their reference.
CREATE INDEX transfer_of_revenue ON transfer (tenant_id, at)
    WHERE code IN ('stake_take', 'stake_release', 'payout', 'payout_reclaim', 'cash_out', 'free_bet', 'free_bet_back');
CALL tenant_table_v1('transfer');
GRANT SELECT ON transfer TO overround_app, overround_worker;

-- `version` and `balance_after_minor` are the account's after this entry; empty for the tenant's own
-- accounts, whose balance is the roll-up plus the entries of transactions that it has not seen.
-- No key but the two below: each costs every bet two entries in an index, and nobody reads the entries of one
-- transfer. That there are two of each is the one writer's doing, and `overround verify` counts them
-- (test: tampering with the ledger is found).
CREATE TABLE entry (
    tenant_id           uuid               NOT NULL,
    account_id          uuid               NOT NULL,
    reference           uuid               NOT NULL,
    amount_minor        entry_amount_minor NOT NULL,
    balance_after_minor entry_balance_minor,
    version             bigint,
    at                  timestamptz        NOT NULL,
    tx                  xid8               NOT NULL DEFAULT pg_current_xact_id(),
    transfer_version    integer            NOT NULL,
    code                text               NOT NULL
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

-- Write transfers and their entries, and the balances that follow; the only writer of the three. The caller holds
-- the locks of all accounts that keep a balance and says what it has read under them, for each transfer:
--   p_currency: of both accounts, NULL where one is missing or they differ; p_from_minor, p_from_version, p_to_minor,
--   p_to_version: of the accounts before the call, NULL of the tenant's own.
--   p_which: which of the transfers are posted (from 1), in this order.
--   p_once: no account that keeps a balance is named twice, so nothing has to be summed. Where one is all the same, its
--   two entries have one version, and the call fails (test: an account named twice is not posted once).
-- Raises account_missing, account_floor or transfer_once; then nothing of the call stays.
CREATE FUNCTION ledger_write_v1(
    p_tenant uuid[], p_at timestamptz[], p_reference uuid[], p_code text[], p_version integer[],
    p_from uuid[], p_to uuid[], p_amount bigint[], p_currency text[], p_from_minor bigint[], p_from_version bigint[],
    p_to_minor bigint[], p_to_version bigint[], p_which integer[], p_once boolean DEFAULT false)
RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF cardinality(p_which) = 0 THEN
        RETURN 0;
    END IF;
    -- Two questions, because the second is a statement and the first is none.
    IF array_position(p_currency, NULL) IS NOT NULL THEN
        IF EXISTS (SELECT 1 FROM unnest(p_which) AS n WHERE p_currency[n] IS NULL) THEN
            RAISE EXCEPTION 'an account is missing, or two currencies would mix'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'account_missing';
        END IF;
    END IF;
    IF p_once THEN
        WITH moved AS (
            INSERT INTO transfer (tenant_id, reference, code, version, from_id, to_id, amount_minor, currency, at)
            SELECT p_tenant[n], p_reference[n], p_code[n], p_version[n], p_from[n], p_to[n], p_amount[n], p_currency[n], p_at[n]
            FROM unnest(p_which) AS n
        ), posted AS (
            INSERT INTO entry (tenant_id, account_id, reference, code, transfer_version, amount_minor, balance_after_minor,
                               version, at)
            SELECT p_tenant[n], p_from[n], p_reference[n], p_code[n], p_version[n], -p_amount[n], p_from_minor[n] - p_amount[n],
                   CASE WHEN p_from_minor[n] IS NOT NULL THEN p_from_version[n] + 1 END, p_at[n]
            FROM unnest(p_which) AS n
            UNION ALL
            SELECT p_tenant[n], p_to[n], p_reference[n], p_code[n], p_version[n], p_amount[n], p_to_minor[n] + p_amount[n],
                   CASE WHEN p_to_minor[n] IS NOT NULL THEN p_to_version[n] + 1 END, p_at[n]
            FROM unnest(p_which) AS n
        )
        UPDATE account a SET balance_minor = a.balance_minor + m.amount, version = a.version + 1
        FROM (SELECT p_tenant[n] AS tenant_id, p_from[n] AS account_id, -p_amount[n] AS amount
              FROM unnest(p_which) AS n WHERE p_from_minor[n] IS NOT NULL
              UNION ALL
              SELECT p_tenant[n], p_to[n], p_amount[n] FROM unnest(p_which) AS n WHERE p_to_minor[n] IS NOT NULL) m
        WHERE a.tenant_id = m.tenant_id AND a.id = m.account_id;
        RETURN cardinality(p_which);
    END IF;
    WITH moved AS (
        INSERT INTO transfer (tenant_id, reference, code, version, from_id, to_id, amount_minor, currency, at)
        SELECT p_tenant[n], p_reference[n], p_code[n], p_version[n], p_from[n], p_to[n], p_amount[n], p_currency[n], p_at[n]
        FROM unnest(p_which) AS n
    ), move AS MATERIALIZED (
        SELECT w.k * 2 AS k, w.n, p_tenant[w.n] AS tenant_id, p_from[w.n] AS account_id, -p_amount[w.n] AS amount,
               p_from_minor[w.n] AS minor, p_from_version[w.n] AS version
        FROM unnest(p_which) WITH ORDINALITY AS w (n, k)
        UNION ALL
        SELECT w.k * 2 + 1, w.n, p_tenant[w.n], p_to[w.n], p_amount[w.n], p_to_minor[w.n], p_to_version[w.n]
        FROM unnest(p_which) WITH ORDINALITY AS w (n, k)
    ), posted AS (
        INSERT INTO entry (tenant_id, account_id, reference, code, transfer_version, amount_minor, balance_after_minor,
                           version, at)
        SELECT m.tenant_id, m.account_id, p_reference[m.n], p_code[m.n], p_version[m.n], m.amount,
               m.minor + sum(m.amount) OVER running,
               -- Only an account that keeps a balance counts its versions.
               CASE WHEN m.minor IS NOT NULL THEN m.version + row_number() OVER running END, p_at[m.n]
        FROM move m
        WINDOW running AS (PARTITION BY m.account_id ORDER BY m.k)
    )
    UPDATE account a
    SET balance_minor = a.balance_minor + p.amount, version = a.version + p.entries
    FROM (SELECT m.tenant_id, m.account_id, sum(m.amount)::bigint AS amount, count(*) AS entries
          FROM move m WHERE m.minor IS NOT NULL GROUP BY m.tenant_id, m.account_id) p
    WHERE a.tenant_id = p.tenant_id AND a.id = p.account_id;
    RETURN cardinality(p_which);
END
$$;

-- Post transfers, in the order given, each of its own tenant. Lock before inserting, in id order: two posts over the
-- same accounts wait, never deadlock (test: settling while placing). `p_locked`: the caller holds the locks of
-- all of them already, taken in that order.
-- Raises account_missing (one is, or two currencies would mix), account_floor (a balance below zero) or
-- transfer_once (posted before); then nothing of the call stays.
CREATE FUNCTION ledger_post_many_v1(
    p_tenant uuid[], p_at timestamptz[], p_reference uuid[], p_code text[], p_version integer[],
    p_from uuid[], p_to uuid[], p_amount bigint[], p_locked boolean DEFAULT false)
RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_count        integer := coalesce(cardinality(p_amount), 0);
    v_currency     text[];
    v_from_minor   bigint[];
    v_from_version bigint[];
    v_to_minor     bigint[];
    v_to_version   bigint[];
BEGIN
    IF v_count = 0 THEN
        RETURN 0;
    END IF;
    IF NOT p_locked THEN
        PERFORM 1 FROM (
            SELECT t.tenant_id, t.from_id AS id FROM unnest(p_tenant, p_from) AS t (tenant_id, from_id)
            UNION
            SELECT t.tenant_id, t.to_id FROM unnest(p_tenant, p_to) AS t (tenant_id, to_id)
        ) t
        JOIN account a ON a.tenant_id = t.tenant_id AND a.id = t.id AND a.owner_id IS NOT NULL
        ORDER BY a.id FOR NO KEY UPDATE OF a;
    END IF;
    -- One at a time (OFFSET 0): for a join the planner would read all accounts of the tenant.
    SELECT array_agg(CASE WHEN f.currency = c.currency THEN f.currency::text END ORDER BY t.n),
           array_agg(f.balance_minor::bigint ORDER BY t.n), array_agg(f.version ORDER BY t.n),
           array_agg(c.balance_minor::bigint ORDER BY t.n), array_agg(c.version ORDER BY t.n)
    INTO v_currency, v_from_minor, v_from_version, v_to_minor, v_to_version
    FROM generate_series(1, v_count) AS t (n)
    LEFT JOIN LATERAL (
        SELECT a.currency, a.balance_minor, a.version FROM account a
        WHERE a.tenant_id = p_tenant[t.n] AND a.id = p_from[t.n] OFFSET 0) f ON true
    LEFT JOIN LATERAL (
        SELECT a.currency, a.balance_minor, a.version FROM account a
        WHERE a.tenant_id = p_tenant[t.n] AND a.id = p_to[t.n] OFFSET 0) c ON true;
    RETURN ledger_write_v1(p_tenant, p_at, p_reference, p_code, p_version, p_from, p_to, p_amount, v_currency,
                           v_from_minor, v_from_version, v_to_minor, v_to_version,
                           ARRAY(SELECT generate_series(1, v_count)));
END
$$;

-- The same for one tenant.
CREATE FUNCTION ledger_post_v1(
    p_tenant uuid, p_at timestamptz[], p_reference uuid[], p_code text[], p_version integer[],
    p_from uuid[], p_to uuid[], p_amount bigint[])
RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN ledger_post_many_v1(array_fill(p_tenant, ARRAY[cardinality(p_amount)]), p_at, p_reference, p_code,
                               p_version, p_from, p_to, p_amount);
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
