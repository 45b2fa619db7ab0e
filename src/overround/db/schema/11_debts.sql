-- part: money.wallets
-- What players owe: money of a payout that was taken back when they had it no more. The tenant lends it (transfer
-- `debt_lend`, from `receivable` to the cash), so that the book is right at once, and it is paid back (`debt_repay`)
-- from what is won later, from what is cashed out, and from a withdrawal that was under way when it was lent and comes
-- back. What a player pays in is his. (tests/stories/debt.story, tests/stories/debt_and_withdrawal.story)

-- The transfers are the record; this is their sum. `lent_minor` is all that was ever lent, so of two moments it says how
-- much was lent between them; `since` is when what is owed now began. Whoever changes a row holds the player's lock.
CREATE TABLE debt (
    tenant_id  uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    owed_minor bigint      NOT NULL CHECK (owed_minor >= 0),
    lent_minor bigint      NOT NULL,
    since      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT debt_was_lent CHECK (lent_minor >= owed_minor)
);
CALL tenant_table_v1('debt');
GRANT SELECT ON debt TO overround_app, overround_worker;

-- Those who owe, the longest first, by keyset.
CREATE INDEX debt_owed ON debt (tenant_id, since, user_id) WHERE owed_minor > 0;

-- Write down what was lent to players and what they have repaid; the caller holds their locks and posts the transfers.
CREATE FUNCTION debts_change_v1(p_tenant uuid, p_user uuid[], p_lent bigint[], p_repaid bigint[], p_at timestamptz)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO debt (tenant_id, user_id, owed_minor, lent_minor, since)
    SELECT p_tenant, c.user_id, c.lent, c.lent, p_at
    FROM unnest(p_user, p_lent) AS c (user_id, lent) WHERE c.lent > 0
    ON CONFLICT (tenant_id, user_id) DO UPDATE
    SET owed_minor = debt.owed_minor + EXCLUDED.lent_minor, lent_minor = debt.lent_minor + EXCLUDED.lent_minor,
        since = CASE WHEN debt.owed_minor = 0 THEN p_at ELSE debt.since END;
    UPDATE debt d SET owed_minor = d.owed_minor - c.repaid
    FROM unnest(p_user, p_repaid) AS c (user_id, repaid)
    WHERE d.tenant_id = p_tenant AND d.user_id = c.user_id AND c.repaid > 0;
END
$$;

-- Repay a player's debt of `p_amount` that has just come to his cash for `p_reference`, as far as it was lent after
-- `p_lent_before` was. The caller holds his lock.
CREATE FUNCTION debt_repay_v1(
    p_tenant uuid, p_user uuid, p_reference uuid, p_version integer, p_amount bigint, p_lent_before bigint, p_at timestamptz)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_repaid bigint;
BEGIN
    SELECT least(owed_minor, p_amount, lent_minor - p_lent_before) INTO v_repaid
    FROM debt WHERE tenant_id = p_tenant AND user_id = p_user;
    IF v_repaid IS NULL OR v_repaid <= 0 THEN
        RETURN;
    END IF;
    PERFORM debts_change_v1(p_tenant, ARRAY[p_user], ARRAY[0::bigint], ARRAY[v_repaid], p_at);
    PERFORM ledger_post_v1(
        p_tenant, ARRAY[p_at], ARRAY[p_reference], ARRAY['debt_repay'], ARRAY[p_version],
        ARRAY[max(a.id::text) FILTER (WHERE a.kind = 'cash')::uuid],
        ARRAY[max(a.id::text) FILTER (WHERE a.kind = 'receivable')::uuid], ARRAY[v_repaid])
    FROM account a
    WHERE a.tenant_id = p_tenant
      AND (a.owner_id = p_user AND a.kind = 'cash' OR a.owner_id IS NULL AND a.kind = 'receivable');
END
$$;
