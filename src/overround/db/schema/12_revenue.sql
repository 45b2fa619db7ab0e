-- part: money.revenue
-- A day of a tenant, in its own time zone, recomputed from transfers; never the source of anything.
CREATE TABLE revenue_day (
    tenant_id     uuid    NOT NULL,
    day           date    NOT NULL,
    currency      text    NOT NULL,
    handle_minor  bigint  NOT NULL,
    payout_minor  bigint  NOT NULL,
    ggr_minor     bigint  NOT NULL,
    fee_minor     bigint  NOT NULL CHECK (fee_minor >= 0),
    -- What was moved out of `house` for the day so far; a corrected day moves the difference.
    posted_fee_minor bigint  NOT NULL DEFAULT 0,
    posted_net_minor bigint  NOT NULL DEFAULT 0,
    posted_version   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, day),
    CONSTRAINT revenue_day_adds_up CHECK (ggr_minor = handle_minor - payout_minor)
);
CALL tenant_table_v1('revenue_day');
GRANT SELECT ON revenue_day TO overround_app;
GRANT SELECT, INSERT, UPDATE ON revenue_day TO overround_worker;
