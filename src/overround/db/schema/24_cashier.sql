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
    CONSTRAINT payment_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT payment_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    -- A payment is in the tenant's one currency; nothing is converted inside the ledger.
    CONSTRAINT payment_currency_fkey FOREIGN KEY (tenant_id, currency)
        REFERENCES tenant (id, currency),
    CONSTRAINT payment_kind_known CHECK (kind IN ('deposit', 'withdrawal', 'adjustment')),
    CONSTRAINT payment_status_known CHECK (status IN ('requested', 'approved', 'paid', 'refused')),
    CONSTRAINT payment_method_known CHECK (method IN ('demo', 'bank', 'staff')),
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
    CONSTRAINT payment_reason_bounded CHECK (length(reason) <= 500),
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

-- One step of the state machine, refused when no step leads there; the row lock makes two decisions
-- at once one decision and one refusal (test: two decisions at once pay once).
CREATE FUNCTION payment_decide_v1(
    p_tenant uuid, p_id uuid, p_status text, p_reason text, p_refusal_code text, p_at timestamptz)
RETURNS SETOF payment LANGUAGE plpgsql AS $$
DECLARE
    v_status text;
    v_kind   text;
BEGIN
    SELECT status, kind INTO v_status, v_kind FROM payment
    WHERE tenant_id = p_tenant AND id = p_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- Only a withdrawal waits for a person.
    IF (v_kind = 'withdrawal', v_status, p_status) NOT IN (
        (true, 'requested', 'approved'), (true, 'requested', 'refused'),
        (true, 'approved', 'paid'), (true, 'approved', 'refused'),
        (false, 'requested', 'paid'), (false, 'requested', 'refused')) THEN
        RAISE EXCEPTION 'a % that is % cannot become %', v_kind, v_status, p_status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_step';
    END IF;
    RETURN QUERY UPDATE payment
        SET status = p_status, decided_at = p_at, refusal_code = p_refusal_code,
            reason = coalesce(nullif(p_reason, ''), reason)
        WHERE tenant_id = p_tenant AND id = p_id
        RETURNING *;
END
$$;
-- Not SECURITY DEFINER: it writes only what the caller's own rights and row security allow.
GRANT EXECUTE ON FUNCTION payment_decide_v1 TO overround_app, overround_worker;

-- The api takes requests and decisions; amount, currency and who asked can never be rewritten.
GRANT SELECT, INSERT, UPDATE (status, decided_at, reason, refusal_code) ON payment TO overround_app;
-- The worker may read and decide (the command line's pay run), and inserts in a replay.
GRANT SELECT, INSERT, UPDATE (status, decided_at, reason, refusal_code) ON payment TO overround_worker;
