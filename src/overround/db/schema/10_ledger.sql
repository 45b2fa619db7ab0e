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

-- The functions below are the only writers of transfers, entries and balances. Whoever moves a player's money holds
-- the lock of his cash account, whichever of his accounts it moves to or from: one lock for one player, and what
-- his other accounts hold is read or changed after it. Locks are taken in the order of the ids and before anything is
-- inserted: two who move the money of the same players wait, never in a circle (test: settling while placing).

-- Post transfers, in the order given, each of its own tenant. `p_locked`: the caller holds those locks already.
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
            SELECT DISTINCT a.tenant_id, a.owner_id FROM (
                SELECT t.tenant_id, t.from_id AS id FROM unnest(p_tenant, p_from) AS t (tenant_id, from_id)
                UNION ALL
                SELECT t.tenant_id, t.to_id FROM unnest(p_tenant, p_to) AS t (tenant_id, to_id)
            ) t
            JOIN account a ON a.tenant_id = t.tenant_id AND a.id = t.id AND a.owner_id IS NOT NULL
        ) p
        JOIN account c ON c.tenant_id = p.tenant_id AND c.owner_id = p.owner_id AND c.kind = 'cash'
        ORDER BY c.id FOR NO KEY UPDATE OF c;
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
    IF array_position(v_currency, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'an account is missing, or two currencies would mix'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_missing';
    END IF;
    WITH moved AS (
        INSERT INTO transfer (tenant_id, reference, code, version, from_id, to_id, amount_minor, currency, at)
        SELECT p_tenant[n], p_reference[n], p_code[n], p_version[n], p_from[n], p_to[n], p_amount[n], v_currency[n], p_at[n]
        FROM generate_series(1, v_count) AS n
    ), move AS MATERIALIZED (
        SELECT n * 2 AS k, n, p_tenant[n] AS tenant_id, p_from[n] AS account_id, -p_amount[n] AS amount,
               v_from_minor[n] AS minor, v_from_version[n] AS version
        FROM generate_series(1, v_count) AS n
        UNION ALL
        SELECT n * 2 + 1, n, p_tenant[n], p_to[n], p_amount[n], v_to_minor[n], v_to_version[n]
        FROM generate_series(1, v_count) AS n
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
    RETURN v_count;
END
$$;

-- Hold stakes: each from its player's cash, which the caller has locked, to what is held of his. What every bet does,
-- so it reads no account before it changes it: the entries say what the accounts came to
-- (test: the short way writes what the long one does).
--   p_which: which of them (from 1), in this order; p_currency: of both accounts.
--   p_once: no player is named twice. Where one is all the same, the call fails
--   (test: a player named twice is not posted once).
-- Raises what posting raises.
CREATE FUNCTION ledger_hold_v1(
    p_tenant uuid[], p_user uuid[], p_at timestamptz[], p_reference uuid[], p_cash uuid[], p_amount bigint[],
    p_currency text[], p_which integer[], p_once boolean)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_entries integer;
BEGIN
    IF p_which = '{}' THEN
        RETURN;
    END IF;
    IF NOT p_once THEN
        PERFORM ledger_post_many_v1(
            array_agg(p_tenant[w.n] ORDER BY w.k), array_agg(p_at[w.n] ORDER BY w.k), array_agg(p_reference[w.n] ORDER BY w.k),
            array_agg('stake_hold'::text), array_agg(0), array_agg(p_cash[w.n] ORDER BY w.k), array_agg(a.id ORDER BY w.k),
            array_agg(p_amount[w.n] ORDER BY w.k), true)
        FROM unnest(p_which) WITH ORDINALITY AS w (n, k)
        LEFT JOIN LATERAL (
            SELECT a.id FROM account a
            WHERE a.tenant_id = p_tenant[w.n] AND a.owner_id = p_user[w.n] AND a.kind = 'held' OFFSET 0) a ON true;
        RETURN;
    END IF;
    WITH changed AS (
        UPDATE account a SET balance_minor = a.balance_minor + m.amount, version = a.version + 1
        FROM (SELECT n, 'cash' AS kind, -p_amount[n] AS amount FROM unnest(p_which) AS n
              UNION ALL
              SELECT n, 'held', p_amount[n] FROM unnest(p_which) AS n) m
        WHERE a.tenant_id = p_tenant[m.n] AND a.owner_id = p_user[m.n] AND a.kind = m.kind AND a.currency = p_currency[m.n]
        RETURNING m.n, m.amount, a.id, a.balance_minor, a.version
    ), moved AS (
        INSERT INTO transfer (tenant_id, reference, code, version, from_id, to_id, amount_minor, currency, at)
        SELECT p_tenant[c.n], p_reference[c.n], 'stake_hold', 0, p_cash[c.n], c.id, c.amount, p_currency[c.n], p_at[c.n]
        FROM changed c WHERE c.amount > 0
    )
    INSERT INTO entry (tenant_id, account_id, reference, code, transfer_version, amount_minor, balance_after_minor, version, at)
    SELECT p_tenant[c.n], c.id, p_reference[c.n], 'stake_hold', 0, c.amount, c.balance_minor, c.version, p_at[c.n]
    FROM changed c;
    GET DIAGNOSTICS v_entries = ROW_COUNT;
    IF v_entries <> 2 * cardinality(p_which) THEN
        RAISE EXCEPTION 'an account is missing, or two currencies would mix'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_missing';
    END IF;
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
