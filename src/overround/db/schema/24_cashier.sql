-- part: people.cashier
-- A payment is money that crosses the edge of the product, or a correction by staff. The money
-- itself moves only in the ledger; the payment is the request, who decided, and why.

-- The states go one way: requested, approved, paid, with refused out of the first two. A deposit by
-- the demo method and an adjustment go from requested to paid at once. Nothing is ever deleted.
CREATE TABLE payment (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    user_id          uuid        NOT NULL,
    kind             text        NOT NULL,
    status           text        NOT NULL,
    amount_minor     bigint      NOT NULL,
    currency         text        NOT NULL,
    method           text        NOT NULL,
    actor_id         uuid        NOT NULL,
    reason           text        NOT NULL DEFAULT '',
    refusal_code     text,
    idempotency_key  text        NOT NULL,
    body_sha256      bytea       NOT NULL,
    created_at       timestamptz NOT NULL,
    decided_at       timestamptz,
    -- All that had ever been lent to the player when he asked for a withdrawal: what was lent later, this money was
    -- not there to be taken back.
    lent_before_minor bigint     NOT NULL DEFAULT 0,
    CONSTRAINT payment_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT payment_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    -- A payment is in the tenant's one currency; nothing is converted inside the ledger.
    CONSTRAINT payment_currency_fkey FOREIGN KEY (tenant_id, currency)
        REFERENCES tenant (id, currency),
    CONSTRAINT payment_kind_known CHECK (kind IN ('deposit', 'withdrawal', 'adjustment')),
    CONSTRAINT payment_status_known CHECK (status IN ('requested', 'approved', 'paid', 'refused')),
    -- `demo` is a deposit without paying where the tenant allows it, `simulated` one of a replay.
    CONSTRAINT payment_method_fits CHECK ((kind, method) IN
        (('deposit', 'demo'), ('deposit', 'simulated'), ('withdrawal', 'bank'), ('adjustment', 'staff'))),
    -- Only an adjustment may take money away, and none may be nothing at all.
    CONSTRAINT payment_amount_signed
        CHECK (amount_minor > 0 OR (kind = 'adjustment' AND amount_minor < 0)),
    CONSTRAINT payment_adjustment_has_reason CHECK (kind <> 'adjustment' OR length(reason) >= 3),
    -- A refusal at the request is the product's and has a code; a later one is a person's and has
    -- a reason. The first is stored too: the same request gets the same answer again.
    CONSTRAINT payment_refusal_explained CHECK (
        CASE WHEN status = 'refused' THEN refusal_code IS NOT NULL OR length(reason) >= 3
             ELSE refusal_code IS NULL END),
    CONSTRAINT payment_refusal_code_known CHECK (refusal_code IN ('insufficient_funds')),
    -- As long as the code takes one (test: a reason is as long as the schema takes it).
    CONSTRAINT payment_reason_bounded CHECK (length(reason) <= 300),
    CONSTRAINT payment_key_bounded CHECK (length(idempotency_key) BETWEEN 1 AND 64),
    CONSTRAINT payment_body_hashed CHECK (octet_length(body_sha256) = 32),
    CONSTRAINT payment_decided_when_not_requested
        CHECK ((status = 'requested') = (decided_at IS NULL))
);

-- Row security, forced.
CALL tenant_table_v1('payment');

-- The same key from the same requester is the same request (test: 64 equal deposits post once). It
-- is keyed by who asked: staff and player draw their keys from different hats.
CREATE UNIQUE INDEX payment_idempotency ON payment (tenant_id, actor_id, idempotency_key);

-- A person's payments, newest first, by keyset.
CREATE INDEX payment_by_user ON payment (tenant_id, user_id, created_at, id);

-- The back office's queue: withdrawals that wait for a decision.
CREATE INDEX payment_waiting ON payment (tenant_id, created_at, id)
    WHERE kind = 'withdrawal' AND status IN ('requested', 'approved');

-- No login writes a payment or moves its money but through the functions below: amount, accounts and
-- currency come from the payment's row, the tenant and the user (test: money moves for a payment alone).
GRANT SELECT ON payment TO overround_app, overround_worker;

-- The one movement that `p_code` means for a payment. For the functions below only: no login calls it.
CREATE FUNCTION payment_move_v1(p_payment payment, p_code text, p_at timestamptz)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_from text;
    v_to   text;
    v_up   boolean := p_payment.amount_minor > 0;
BEGIN
    SELECT m.source, m.target INTO STRICT v_from, v_to FROM (VALUES
        ('deposit', 'bank', 'cash'),
        ('withdrawal_reserve', 'cash', 'withdrawing'),
        ('withdrawal_pay', 'withdrawing', 'bank'),
        ('withdrawal_refuse', 'withdrawing', 'cash'),
        ('adjustment', CASE WHEN v_up THEN 'adjustment' ELSE 'cash' END,
                       CASE WHEN v_up THEN 'cash' ELSE 'adjustment' END)) AS m (code, source, target)
    WHERE m.code = p_code;
    -- An account that is missing is a NULL here, which ledger_post_v1 refuses.
    PERFORM ledger_post_v1(
        p_payment.tenant_id, ARRAY[p_at], ARRAY[p_payment.id], ARRAY[p_code], ARRAY[0],
        ARRAY[max(a.id::text) FILTER (WHERE a.kind = v_from)::uuid],
        ARRAY[max(a.id::text) FILTER (WHERE a.kind = v_to)::uuid],
        ARRAY[abs(p_payment.amount_minor)])
    FROM account a
    WHERE a.tenant_id = p_payment.tenant_id AND a.kind IN (v_from, v_to)
      AND (a.owner_id = p_payment.user_id OR a.owner_id IS NULL);
END
$$;

-- Insert a payment and take its first step: a withdrawal leaves the cash and waits, the others are
-- paid at once. No row is the answer for a key that the actor has used before. Want of money is an
-- answer too: the movement leaves nothing, the refused payment stays.
CREATE FUNCTION payment_open_v1(
    p_tenant uuid, p_id uuid, p_user uuid, p_kind text, p_method text, p_amount bigint,
    p_actor uuid, p_reason text, p_key text, p_body_sha256 bytea, p_at timestamptz)
RETURNS SETOF payment LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_payment    payment%ROWTYPE;
    v_constraint text;
BEGIN
    -- A second insert of the same key waits for the first to end and then inserts nothing.
    INSERT INTO payment (tenant_id, id, user_id, kind, status, amount_minor, currency, method, actor_id, reason,
                         idempotency_key, body_sha256, created_at)
    SELECT p_tenant, p_id, p_user, p_kind, 'requested', p_amount, t.currency, p_method, p_actor, p_reason,
           p_key, p_body_sha256, p_at
    FROM tenant t WHERE t.id = p_tenant
    ON CONFLICT (tenant_id, actor_id, idempotency_key) DO NOTHING
    RETURNING * INTO v_payment;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    BEGIN
        PERFORM payment_move_v1(
            v_payment, CASE p_kind WHEN 'withdrawal' THEN 'withdrawal_reserve' ELSE p_kind END, p_at);
    EXCEPTION WHEN check_violation THEN
        GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
        IF v_constraint NOT IN ('account_floor', 'entry_floor') THEN
            RAISE;
        END IF;
        RETURN QUERY UPDATE payment
            SET status = 'refused', refusal_code = 'insufficient_funds', decided_at = p_at
            WHERE tenant_id = p_tenant AND id = p_id
            RETURNING *;
        RETURN;
    END;
    IF p_kind <> 'withdrawal' THEN
        UPDATE payment SET status = 'paid', decided_at = p_at WHERE tenant_id = p_tenant AND id = p_id;
    ELSE
        -- Read behind the player's lock, which the movement took.
        UPDATE payment p SET lent_before_minor = d.lent_minor
        FROM debt d
        WHERE p.tenant_id = p_tenant AND p.id = p_id AND d.tenant_id = p_tenant AND d.user_id = p_user;
    END IF;
    RETURN QUERY SELECT * FROM payment WHERE tenant_id = p_tenant AND id = p_id;
END
$$;

-- What people may ask for: a deposit without paying only where the tenant allows it, one's own money
-- out, and a correction that an active member of staff with the scope answers for.
CREATE FUNCTION payment_request_v1(
    p_tenant uuid, p_id uuid, p_user uuid, p_kind text, p_amount bigint,
    p_actor uuid, p_reason text, p_key text, p_body_sha256 bytea, p_at timestamptz)
RETURNS SETOF payment LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF p_kind = 'deposit' AND NOT EXISTS (
        SELECT 1 FROM tenant WHERE id = p_tenant AND settings @> '{"demo_deposits": true}') THEN
        RAISE EXCEPTION 'this operator takes no demo deposits'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_deposits_closed';
    END IF;
    IF (p_kind <> 'adjustment' AND p_actor <> p_user) OR (p_kind = 'adjustment' AND NOT EXISTS (
        SELECT 1 FROM users
        WHERE tenant_id = p_tenant AND id = p_actor AND kind = 'staff' AND status = 'active'
          AND scopes && ARRAY['*', 'payments.adjust'])) THEN
        RAISE EXCEPTION 'this actor may not ask for this payment'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_actor';
    END IF;
    RETURN QUERY SELECT * FROM payment_open_v1(
        p_tenant, p_id, p_user, p_kind,
        CASE p_kind WHEN 'deposit' THEN 'demo' WHEN 'withdrawal' THEN 'bank' ELSE 'staff' END,
        p_amount, p_actor, p_reason, p_key, p_body_sha256, p_at);
END
$$;
GRANT EXECUTE ON FUNCTION payment_request_v1 TO overround_app, overround_worker;

-- A deposit of a simulated player, whatever the tenant allows its real ones; the process that faces
-- the public has no right to it. Once per id.
CREATE FUNCTION payment_simulate_v1(p_tenant uuid, p_id uuid, p_user uuid, p_amount bigint, p_at timestamptz)
RETURNS SETOF payment LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM payment_open_v1(
        p_tenant, p_id, p_user, 'deposit', 'simulated', p_amount, p_user, '',
        'simulated:' || p_id, sha256(convert_to(p_id::text, 'UTF8')), p_at);
END
$$;
GRANT EXECUTE ON FUNCTION payment_simulate_v1 TO overround_worker;

-- One step of a withdrawal and its movement, refused when no step leads there; the row lock makes two
-- decisions at once one decision and one refusal (test: two decisions at once pay once). No row is the
-- answer for what is no withdrawal: nothing else waits for a person. What a refusal brings back pays first what was lent
-- while it was under way (test: what comes back from a withdrawal pays what was lent meanwhile).
CREATE FUNCTION payment_decide_v1(p_tenant uuid, p_id uuid, p_status text, p_reason text, p_at timestamptz)
RETURNS SETOF payment LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_payment payment%ROWTYPE;
BEGIN
    SELECT * INTO v_payment FROM payment
    WHERE tenant_id = p_tenant AND id = p_id AND kind = 'withdrawal' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF (v_payment.status, p_status) NOT IN (('requested', 'approved'), ('requested', 'refused'),
                                            ('approved', 'paid'), ('approved', 'refused')) THEN
        RAISE EXCEPTION 'a withdrawal that is % cannot become %', v_payment.status, p_status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_step';
    END IF;
    IF p_status <> 'approved' THEN
        PERFORM payment_move_v1(
            v_payment, CASE p_status WHEN 'paid' THEN 'withdrawal_pay' ELSE 'withdrawal_refuse' END, p_at);
    END IF;
    IF p_status = 'refused' THEN
        PERFORM debt_repay_v1(p_tenant, v_payment.user_id, p_id, 0, v_payment.amount_minor, v_payment.lent_before_minor, p_at);
    END IF;
    RETURN QUERY UPDATE payment
        SET status = p_status, decided_at = p_at, reason = coalesce(nullif(p_reason, ''), reason)
        WHERE tenant_id = p_tenant AND id = p_id
        RETURNING *;
END
$$;
GRANT EXECUTE ON FUNCTION payment_decide_v1 TO overround_app, overround_worker;
