-- part: betting.offers
-- What a book stands ready to lay. A book is a set of pricing settings; a tenant has its own by default.

-- A tenant's switches and prices for his house, a sport, a competition, an event, a market or a selection; the narrowest
-- scope wins. `margin_method` says which answers carry the margin, `price_e4` lays a selection at a person's price while a
-- bettor makes no more than `sure_profit_max_bps` of his stakes for certain with it (NULL: while he makes nothing). What
-- risk has switched off it may switch on again, and nothing else (`set_by`).
CREATE TABLE offer_setting (
    tenant_id     uuid    NOT NULL REFERENCES tenant (id),
    scope         text    NOT NULL CHECK (scope IN ('house', 'sport', 'competition', 'event', 'market', 'selection')),
    scope_key     text    NOT NULL CHECK (length(scope_key) BETWEEN 1 AND 60),
    enabled       boolean NOT NULL DEFAULT true,
    margin_bps    integer CHECK (margin_bps BETWEEN 0 AND 5000),
    multiplier_e4 integer NOT NULL DEFAULT 10000 CHECK (multiplier_e4 BETWEEN 5000 AND 15000),
    margin_method text    CHECK (margin_method IN ('multiplicative', 'additive', 'power', 'odds_ratio', 'shin', 'probit')),
    price_e4      integer CHECK (price_e4 BETWEEN 10100 AND 10010000),
    set_by        text    NOT NULL DEFAULT 'office' CHECK (set_by IN ('office', 'risk')),
    sure_profit_max_bps integer CHECK (sure_profit_max_bps BETWEEN 0 AND 10000000),
    CONSTRAINT offer_setting_house CHECK ((scope = 'house') = (scope_key = 'house')),
    CONSTRAINT offer_setting_bears_a_price CHECK (price_e4 IS NOT NULL OR sure_profit_max_bps IS NULL),
    PRIMARY KEY (tenant_id, scope, scope_key),
    -- A margin is of a whole market, a price of one selection.
    CONSTRAINT offer_setting_fits_scope CHECK (
        (scope <> 'selection' OR (margin_bps IS NULL AND margin_method IS NULL)) AND (scope = 'selection' OR price_e4 IS NULL))
);
CALL tenant_table_v1('offer_setting');
GRANT SELECT ON offer_setting TO overround_app, overround_worker;

-- The row that a bet re-checks under the event's lock. `version` grows with every written change; `moved_bps` is
-- the greatest step of the price within the last seconds of changes, for risk; `watched` is what the watch for arbitrages
-- did to the price.
CREATE TABLE offer (
    book_id      uuid        NOT NULL,
    selection_id uuid        NOT NULL,
    price_e4     integer     NOT NULL CHECK (price_e4 BETWEEN 10100 AND 10010000),
    state        text        NOT NULL CHECK (state IN ('open', 'suspended', 'closed')),
    version      bigint      NOT NULL DEFAULT 1,
    changed_at   timestamptz NOT NULL,
    seq          bigint      NOT NULL,
    moved_bps    integer     NOT NULL DEFAULT 0 CHECK (moved_bps >= 0),
    watched      text        CHECK (watched IN ('shaded', 'shaded_too_far', 'together', 'own_price')),
    PRIMARY KEY (book_id, selection_id)
) WITH (fillfactor = 80);
CREATE SEQUENCE offer_seq;
ALTER TABLE offer ALTER COLUMN seq SET DEFAULT nextval('offer_seq');
CREATE INDEX offer_by_seq ON offer (book_id, seq);
-- What a book shows now, without the history of all that it ever laid.
CREATE INDEX offer_laid ON offer (book_id) WHERE state <> 'closed';
CREATE INDEX offer_by_selection ON offer (selection_id);
-- What the office counts: the few that the watch has touched.
CREATE INDEX offer_watched ON offer (book_id, watched) WHERE watched IS NOT NULL AND state <> 'closed';
GRANT SELECT ON offer TO overround_app;
GRANT SELECT, INSERT, UPDATE ON offer TO overround_worker;
GRANT USAGE, SELECT ON SEQUENCE offer_seq TO overround_worker;

-- How often the office changed a book. The hub compares it with what it has read, so that a switch shows
-- without a message that could be lost (test: what is switched on again is laid by the live hub).
-- A switch holds the lock below shared and the hub takes it alone before it prices: either the hub sees the
-- switch, or the switch suspends what the hub has just written
-- (test: the hub does not open what is being switched off).
CREATE TABLE offer_revision (
    book_id  uuid   PRIMARY KEY,
    revision bigint NOT NULL
);
GRANT SELECT ON offer_revision TO overround_worker;

-- One lock for all books, because the hub prices them all in one transaction. Below zero: no event's key.
CREATE FUNCTION offer_switch_key() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT -40::bigint $$;
GRANT EXECUTE ON FUNCTION offer_switch_key TO overround_app, overround_worker;

-- A writer of the board begins: its lease is held for this transaction, no person decides about a match and no office
-- switches anything until it ends. What was decided and switched before is told as two numbers that only grow; a busy hub asks
-- a hundred times a second, so it is one call. Each statement looks anew: one that waited for its lock would not see what was
-- committed meanwhile (test: the hub does not open what is being switched off; a decision waits for the tick of the hub).
-- Who writes what comes again (`p_again`) does not wait for the disk at its commit.
CREATE FUNCTION offers_turn_v1(p_lease text, p_token uuid, p_again boolean) RETURNS TABLE (is_held boolean, decided bigint, revised bigint)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF p_again THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    PERFORM 1 FROM lease l WHERE l.name = p_lease AND l.token = p_token FOR SHARE;
    is_held := FOUND;
    PERFORM pg_advisory_xact_lock(offer_switch_key()), pg_advisory_xact_lock_shared(match_decision_key());
    decided := (SELECT coalesce(max(d.seq), 0) FROM match_decision d);
    revised := (SELECT coalesce(sum(r.revision), 0)::bigint FROM offer_revision r);
    RETURN NEXT;
END
$$;
GRANT EXECUTE ON FUNCTION offers_turn_v1 TO overround_worker;

-- The office switches its house, a sport, a competition, an event, a market or a selection: the setting is written, and
-- what it takes off is suspended in the same transaction under the events' exclusive locks, so that no bet is taken
-- after the office was answered (test: a bet that waited for the switch is refused). What it puts on
-- again is laid by the hub when it sees the book's new revision. A selection laid at a person's price is suspended
-- too, until the hub lays it at that: nobody bets at the old one. Risk changes nothing of the office's.
-- Returns how many offers were suspended.
CREATE FUNCTION offers_switch_v1(
    p_tenant uuid, p_scope text, p_scope_key text, p_enabled boolean, p_margin_bps integer,
    p_multiplier_e4 integer, p_method text, p_price_e4 integer, p_set_by text, p_sure_profit_max_bps integer, p_at timestamptz)
RETURNS integer LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_book   uuid;
    v_events uuid[];
    v_count  integer;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(offer_switch_key());
    INSERT INTO offer_setting AS s (tenant_id, scope, scope_key, enabled, margin_bps, multiplier_e4, margin_method, price_e4,
                                    sure_profit_max_bps, set_by)
    VALUES (p_tenant, p_scope, p_scope_key, p_enabled, p_margin_bps, p_multiplier_e4, p_method, p_price_e4,
            p_sure_profit_max_bps, p_set_by)
    ON CONFLICT (tenant_id, scope, scope_key) DO UPDATE
    SET enabled = EXCLUDED.enabled, set_by = EXCLUDED.set_by,
        margin_bps = CASE p_set_by WHEN 'office' THEN EXCLUDED.margin_bps ELSE s.margin_bps END,
        multiplier_e4 = CASE p_set_by WHEN 'office' THEN EXCLUDED.multiplier_e4 ELSE s.multiplier_e4 END,
        margin_method = CASE p_set_by WHEN 'office' THEN EXCLUDED.margin_method ELSE s.margin_method END,
        price_e4 = CASE p_set_by WHEN 'office' THEN EXCLUDED.price_e4 ELSE s.price_e4 END,
        sure_profit_max_bps = CASE p_set_by WHEN 'office' THEN EXCLUDED.sure_profit_max_bps ELSE s.sure_profit_max_bps END
    WHERE p_set_by = 'office' OR s.enabled OR s.set_by = 'risk';
    IF NOT FOUND THEN
        -- A person has it off: it stays off, and nothing of it is laid that could be suspended.
        RETURN 0;
    END IF;
    SELECT book_id INTO STRICT v_book FROM tenant WHERE id = p_tenant;
    INSERT INTO offer_revision AS r (book_id, revision) VALUES (v_book, 1)
    ON CONFLICT (book_id) DO UPDATE SET revision = r.revision + 1;
    IF p_enabled AND p_price_e4 IS NULL THEN
        RETURN 0;
    END IF;
    v_events := CASE p_scope
        -- While the switches hold their lock the hub lays nothing, so that these are all.
        WHEN 'house' THEN ARRAY(SELECT DISTINCT s.event_id FROM offer o JOIN selection s ON s.id = o.selection_id
                                WHERE o.book_id = v_book AND o.state = 'open')
        WHEN 'selection' THEN ARRAY(SELECT event_id FROM selection WHERE id = p_scope_key::uuid)
        WHEN 'market' THEN ARRAY(SELECT event_id FROM market WHERE id = p_scope_key::uuid)
        -- What is being played may be laid too; after a day nothing is.
        WHEN 'event' THEN ARRAY(SELECT id FROM event WHERE id = p_scope_key::uuid AND (starts_at > p_at OR status = 'live'))
        WHEN 'competition' THEN ARRAY(SELECT id FROM event WHERE competition_id = p_scope_key::uuid
                                      AND (starts_at > p_at OR status = 'live' AND starts_at > p_at - interval '1 day'))
        ELSE ARRAY(SELECT id FROM event WHERE sport = p_scope_key
                   AND (starts_at > p_at OR status = 'live' AND starts_at > p_at - interval '1 day'))
    END;
    PERFORM pg_advisory_xact_lock(k.key)
    FROM (SELECT event_key(e) AS key FROM unnest(v_events) AS e ORDER BY 1) k;
    UPDATE offer o SET state = 'suspended', version = o.version + 1, seq = nextval('offer_seq'), changed_at = p_at
    FROM selection s
    WHERE s.event_id = ANY (v_events) AND o.selection_id = s.id AND o.book_id = v_book AND o.state = 'open'
      AND CASE p_scope WHEN 'market' THEN s.market_id = p_scope_key::uuid
                       WHEN 'selection' THEN s.id = p_scope_key::uuid ELSE true END;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
GRANT EXECUTE ON FUNCTION offers_switch_v1 TO overround_app, overround_worker;
