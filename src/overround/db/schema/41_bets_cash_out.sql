-- part: betting.bets
-- Bets that end early, in whole or in parts, at an agreed amount: a cash-out.

-- How much of the stake was cashed out so far, and what was paid for it; empty where nothing was. What is
-- left stands as a bet on the rest of the stake. Kept here too, because settling reads it with the bet;
-- the slices below are the record (test: a cash out that the bet does not know is found).
ALTER TABLE bet
    ADD COLUMN cashed_stake_minor positive_minor,
    ADD COLUMN cashed_minor       positive_minor,
    ADD CONSTRAINT bet_cashed_within_bet CHECK (
        (cashed_stake_minor IS NULL) = (cashed_minor IS NULL) AND cashed_stake_minor <= stake_minor
        AND cashed_minor <= potential_payout_minor),
    -- A bet of which nothing is left has ended by it, for good: what was agreed is not settled again.
    ADD CONSTRAINT bet_cashed_out_whole CHECK (
        (outcome IS NOT DISTINCT FROM 'cashed_out') = (cashed_stake_minor IS NOT DISTINCT FROM stake_minor));

-- One agreed end of a part of a bet: `stake_minor` of its stake for `paid_minor`. `fair_minor` is what the
-- part was worth before the margin, `version` the bet's settlement version that it made.
CREATE TABLE cash_out (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    bet_id      uuid        NOT NULL,
    user_id     uuid        NOT NULL,
    version     integer     NOT NULL,
    stake_minor bigint      NOT NULL CHECK (stake_minor > 0),
    paid_minor  bigint      NOT NULL CHECK (paid_minor > 0),
    fair_minor  bigint      NOT NULL CHECK (fair_minor >= paid_minor),
    margin_bps  integer     NOT NULL CHECK (margin_bps BETWEEN 0 AND 10000),
    by_order    boolean     NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT cash_out_once UNIQUE (tenant_id, bet_id, version),
    FOREIGN KEY (tenant_id, bet_id) REFERENCES bet (tenant_id, id)
);
CALL tenant_table_v1('cash_out');
GRANT SELECT ON cash_out TO overround_app, overround_worker;

-- Be alone with a player's bet and his money, in the order that everybody takes: the events of its open
-- legs (shared, as a bet does: a suspension or a start waits, or has been), the bet, the player's cash. What is
-- read in later statements of the transaction is what holds until it ends
-- (test: a cash out that waited for a suspension is refused). False where he has no such bet.
CREATE FUNCTION bets_cash_out_lock_v1(p_tenant uuid, p_user uuid, p_bet uuid)
RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_found boolean;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'cashing out needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(k.key)
    FROM (SELECT DISTINCT event_key(l.event_id) AS key FROM leg l
          JOIN bet b ON b.tenant_id = l.tenant_id AND b.id = l.bet_id AND b.user_id = p_user
          WHERE l.tenant_id = p_tenant AND l.bet_id = p_bet AND l.grade IS NULL ORDER BY 1) k;
    PERFORM 1 FROM bet WHERE tenant_id = p_tenant AND id = p_bet AND user_id = p_user FOR UPDATE;
    v_found := FOUND;
    PERFORM 1 FROM account
    WHERE tenant_id = p_tenant AND owner_id = p_user AND kind = 'cash' FOR NO KEY UPDATE;
    RETURN v_found;
END
$$;
GRANT EXECUTE ON FUNCTION bets_cash_out_lock_v1 TO overround_app, overround_worker;

-- Pay a part of an open bet early: its stake goes to the house and what was agreed to the player, who pays
-- his debt of it first. To be called after the lock above, with the version that the amount was found for.
-- Whatever the caller has reckoned, it refuses (check_violation `cash_out_moved`) a bet that is not open, was a
-- free bet, stands each way or has another version, and a leg whose offer is not open or whose event is closed; and the constraints
-- refuse more than the bet could pay.
CREATE FUNCTION bets_cash_out_v1(
    p_tenant uuid, p_id uuid, p_bet uuid, p_version integer, p_stake bigint, p_paid bigint, p_fair bigint,
    p_margin_bps integer, p_by_order boolean, p_at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_bet   bet%ROWTYPE;
    v_cash  uuid;
    v_held  uuid;
    v_house uuid;
BEGIN
    SELECT * INTO v_bet FROM bet WHERE tenant_id = p_tenant AND id = p_bet FOR UPDATE;
    IF v_bet.status IS DISTINCT FROM 'open' OR v_bet.settlement_version <> p_version OR v_bet.each_way
        OR EXISTS (SELECT 1 FROM free_bet f WHERE f.tenant_id = p_tenant AND f.bet_id = p_bet) OR EXISTS (
        SELECT 1 FROM leg l
        LEFT JOIN offer o ON o.book_id = v_bet.book_id AND o.selection_id = l.selection_id
        LEFT JOIN event e ON e.id = l.event_id
        WHERE l.tenant_id = p_tenant AND l.bet_id = p_bet AND l.grade IS NULL
          AND (o.state IS DISTINCT FROM 'open' OR e.closed_at IS NOT NULL AND e.status <> 'live'))
    THEN
        RAISE EXCEPTION 'the bet is not what it was' USING ERRCODE = 'check_violation', CONSTRAINT = 'cash_out_moved';
    END IF;
    INSERT INTO cash_out (tenant_id, id, bet_id, user_id, version, stake_minor, paid_minor, fair_minor, margin_bps, by_order, at)
    VALUES (p_tenant, p_id, p_bet, v_bet.user_id, p_version + 1, p_stake, p_paid, p_fair, p_margin_bps, p_by_order, p_at);
    UPDATE bet b
    SET settlement_version = p_version + 1, cashed_stake_minor = n.stake, cashed_minor = n.paid,
        status = CASE WHEN n.is_whole THEN 'settled' ELSE 'open' END,
        outcome = CASE WHEN n.is_whole THEN 'cashed_out' END,
        payout_minor = CASE WHEN n.is_whole THEN n.paid END,
        settled_at = CASE WHEN n.is_whole THEN p_at END
    FROM (SELECT s.stake, s.paid, s.stake = v_bet.stake_minor AS is_whole
          FROM (SELECT coalesce(v_bet.cashed_stake_minor, 0) + p_stake AS stake,
                       coalesce(v_bet.cashed_minor, 0) + p_paid AS paid) s) n
    WHERE b.tenant_id = p_tenant AND b.id = p_bet;

    SELECT max(id::text) FILTER (WHERE owner_id = v_bet.user_id AND kind = 'cash')::uuid,
           max(id::text) FILTER (WHERE owner_id = v_bet.user_id AND kind = 'held')::uuid,
           max(id::text) FILTER (WHERE kind = 'house')::uuid
    INTO v_cash, v_held, v_house
    FROM account
    WHERE tenant_id = p_tenant AND (owner_id = v_bet.user_id OR owner_id IS NULL) AND kind IN ('cash', 'held', 'house');
    PERFORM ledger_post_v1(
        p_tenant, array_fill(p_at, ARRAY[2]), array_fill(p_bet, ARRAY[2]), ARRAY['stake_take', 'cash_out'],
        array_fill(p_version + 1, ARRAY[2]), ARRAY[v_held, v_house], ARRAY[v_house, v_cash], ARRAY[p_stake, p_paid]);
    PERFORM debt_repay_v1(p_tenant, v_bet.user_id, p_bet, p_version + 1, p_paid, 0, p_at);
END
$$;
GRANT EXECUTE ON FUNCTION bets_cash_out_v1 TO overround_app, overround_worker;
