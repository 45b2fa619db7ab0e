-- part: betting.offers
-- What a book stands ready to lay. A book is a set of pricing settings; a tenant has its own by default.

-- A tenant's switches and prices for a sport, a competition or an event; the narrowest scope wins.
CREATE TABLE offer_setting (
    tenant_id     uuid    NOT NULL REFERENCES tenant (id),
    scope         text    NOT NULL CHECK (scope IN ('sport', 'competition', 'event')),
    scope_key     text    NOT NULL CHECK (length(scope_key) BETWEEN 1 AND 60),
    enabled       boolean NOT NULL DEFAULT true,
    margin_bps    integer CHECK (margin_bps BETWEEN 0 AND 5000),
    multiplier_e4 integer NOT NULL DEFAULT 10000 CHECK (multiplier_e4 BETWEEN 5000 AND 15000),
    PRIMARY KEY (tenant_id, scope, scope_key)
);
CALL tenant_table_v1('offer_setting');
GRANT SELECT, INSERT, UPDATE ON offer_setting TO overround_app, overround_worker;

-- The row that a bet re-checks under the event's lock. `version` grows with every written change.
CREATE TABLE offer (
    book_id      uuid        NOT NULL,
    selection_id uuid        NOT NULL,
    price_e4     integer     NOT NULL CHECK (price_e4 BETWEEN 10100 AND 10010000),
    state        text        NOT NULL CHECK (state IN ('open', 'suspended', 'closed')),
    version      bigint      NOT NULL DEFAULT 1,
    changed_at   timestamptz NOT NULL,
    seq          bigint      NOT NULL,
    PRIMARY KEY (book_id, selection_id)
) WITH (fillfactor = 80);
CREATE SEQUENCE offer_seq;
ALTER TABLE offer ALTER COLUMN seq SET DEFAULT nextval('offer_seq');
CREATE INDEX offer_by_seq ON offer (book_id, seq);
GRANT SELECT ON offer TO overround_app;
GRANT SELECT, INSERT, UPDATE ON offer TO overround_worker;
GRANT USAGE, SELECT ON SEQUENCE offer_seq TO overround_worker;
