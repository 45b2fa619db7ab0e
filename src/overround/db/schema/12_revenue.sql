-- part: money.revenue
-- A day of a tenant, in its own time zone, recomputed from transfers; never the source of anything.
CREATE TABLE revenue_day (
    tenant_id     uuid    NOT NULL,
    day           date    NOT NULL,
    -- What the day's transfers out of `house` name as their reason.
    reference     uuid    NOT NULL DEFAULT uuidv7(),
    currency      text    NOT NULL,
    handle_minor  bigint  NOT NULL,
    payout_minor  bigint  NOT NULL,
    ggr_minor     bigint  NOT NULL,
    -- The share agreed when the day was first written: a new one is for new days only
    -- (test: a new fee charges no day that is already written).
    fee_bps       integer NOT NULL CHECK (fee_bps BETWEEN 0 AND 10000),
    fee_minor     bigint  NOT NULL CHECK (fee_minor >= 0),
    -- What the tenant gave as free bets and is not back; below zero on a day on which more came back.
    bonus_minor   bigint  NOT NULL DEFAULT 0,
    -- What was moved out of `house` for the day so far; a corrected day moves the difference.
    posted_fee_minor bigint  NOT NULL DEFAULT 0,
    posted_net_minor bigint  NOT NULL DEFAULT 0,
    posted_version   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, day),
    CONSTRAINT revenue_day_reference UNIQUE (tenant_id, reference),
    CONSTRAINT revenue_day_adds_up CHECK (ggr_minor = handle_minor - payout_minor),
    CONSTRAINT revenue_day_fee_is_its_share
        CHECK (fee_minor = div(greatest(ggr_minor, 0)::numeric * fee_bps, 10000))
);
CALL tenant_table_v1('revenue_day');
GRANT SELECT ON revenue_day TO overround_app, overround_worker;
-- The worker writes what it read off the transfers; what was moved is written by the function below.
GRANT INSERT (tenant_id, day, currency, handle_minor, payout_minor, ggr_minor, fee_bps, fee_minor, bonus_minor),
    UPDATE (handle_minor, payout_minor, ggr_minor, fee_minor, bonus_minor) ON revenue_day TO overround_worker;

-- Move what days before `p_before` still owe out of `house`: the fee to `fee`, the rest to `revenue`;
-- below zero comes back. Amounts and accounts come from the day's row and the tenant's accounts alone.
-- The rows are locked first, so two jobs at once post once (test: two closings at once post once).
CREATE FUNCTION revenue_day_post_v1(p_tenant uuid, p_before date, p_at timestamptz)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_days    integer;
    v_ref     uuid[];
    v_code    text[];
    v_version integer[];
    v_from    uuid[];
    v_to      uuid[];
    v_amount  bigint[];
BEGIN
    PERFORM 1 FROM revenue_day
    WHERE tenant_id = p_tenant AND day < p_before
      AND (posted_fee_minor <> fee_minor OR posted_net_minor <> ggr_minor - fee_minor)
    ORDER BY day FOR UPDATE;

    WITH owed AS (
        SELECT day, reference, posted_version + 1 AS version, fee_minor - posted_fee_minor AS fee,
               ggr_minor - fee_minor - posted_net_minor AS net
        FROM revenue_day
        WHERE tenant_id = p_tenant AND day < p_before
          AND (posted_fee_minor <> fee_minor OR posted_net_minor <> ggr_minor - fee_minor)
    ), move AS (
        SELECT day, reference, version, 'fee_day' AS code, 'fee' AS kind, fee AS amount FROM owed WHERE fee <> 0
        UNION ALL
        SELECT day, reference, version, 'revenue_day', 'revenue', net FROM owed WHERE net <> 0
    )
    SELECT array_agg(m.reference ORDER BY m.day, m.code), array_agg(m.code ORDER BY m.day, m.code),
           array_agg(m.version ORDER BY m.day, m.code),
           array_agg(CASE WHEN m.amount > 0 THEN h.id ELSE k.id END ORDER BY m.day, m.code),
           array_agg(CASE WHEN m.amount > 0 THEN k.id ELSE h.id END ORDER BY m.day, m.code),
           array_agg(abs(m.amount) ORDER BY m.day, m.code)
    INTO v_ref, v_code, v_version, v_from, v_to, v_amount
    FROM move m
    LEFT JOIN account h ON h.tenant_id = p_tenant AND h.owner_id IS NULL AND h.kind = 'house'
    LEFT JOIN account k ON k.tenant_id = p_tenant AND k.owner_id IS NULL AND k.kind = m.kind;
    IF v_ref IS NULL THEN
        RETURN 0;
    END IF;

    PERFORM ledger_post_v1(p_tenant, array_fill(p_at, ARRAY[cardinality(v_ref)]), v_ref, v_code, v_version,
                           v_from, v_to, v_amount);
    UPDATE revenue_day
    SET posted_fee_minor = fee_minor, posted_net_minor = ggr_minor - fee_minor,
        posted_version = posted_version + 1
    WHERE tenant_id = p_tenant AND reference = ANY (v_ref);
    GET DIAGNOSTICS v_days = ROW_COUNT;
    RETURN v_days;
END
$$;
GRANT EXECUTE ON FUNCTION revenue_day_post_v1 TO overround_worker;
