-- part: betting.offers
-- What a tenant lays of events that are being played.

-- A sport is offered in play where it has a row. A bet on an event that has begun waits `delay_ms` and is looked at
-- again then; nothing is taken of an event of which no feed has spoken for `stale_ms`; and `by_score`: nor where the
-- score is another one than when the slip was sent.
CREATE TABLE offer_in_play (
    tenant_id uuid    NOT NULL REFERENCES tenant (id),
    sport     text    NOT NULL CHECK (length(sport) BETWEEN 1 AND 40),
    delay_ms  integer NOT NULL CHECK (delay_ms BETWEEN 1000 AND 30000),
    stale_ms  integer NOT NULL CHECK (stale_ms BETWEEN 2000 AND 120000),
    by_score  boolean NOT NULL,
    PRIMARY KEY (tenant_id, sport)
);
CALL tenant_table_v1('offer_in_play');
GRANT SELECT ON offer_in_play TO overround_app, overround_worker;

-- The office offers a sport in play, or (without a delay) no longer: then what is laid of its events that are being
-- played is closed in the same transaction under their exclusive locks, so that no bet is taken after the office was
-- answered (test: what is laid in play). What it puts on is laid by the hub when it sees
-- the book's new revision. Returns how many offers were closed.
CREATE FUNCTION offers_in_play_v1(
    p_tenant uuid, p_sport text, p_delay_ms integer, p_stale_ms integer, p_by_score boolean, p_at timestamptz)
RETURNS integer LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_book   uuid;
    v_events uuid[];
    v_count  integer;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(offer_switch_key());
    DELETE FROM offer_in_play WHERE tenant_id = p_tenant AND sport = p_sport;
    IF p_delay_ms IS NOT NULL THEN
        INSERT INTO offer_in_play (tenant_id, sport, delay_ms, stale_ms, by_score)
        VALUES (p_tenant, p_sport, p_delay_ms, p_stale_ms, p_by_score);
    END IF;
    SELECT book_id INTO STRICT v_book FROM tenant WHERE id = p_tenant;
    INSERT INTO offer_revision AS r (book_id, revision) VALUES (v_book, 1)
    ON CONFLICT (book_id) DO UPDATE SET revision = r.revision + 1;
    IF p_delay_ms IS NOT NULL THEN
        RETURN 0;
    END IF;
    v_events := ARRAY(SELECT id FROM event WHERE sport = p_sport AND status = 'live' AND starts_at > p_at - interval '1 day');
    PERFORM pg_advisory_xact_lock(k.key)
    FROM (SELECT event_key(e) AS key FROM unnest(v_events) AS e ORDER BY 1) k;
    UPDATE offer o SET state = 'closed', version = o.version + 1, seq = nextval('offer_seq'), changed_at = p_at
    FROM selection s
    WHERE s.event_id = ANY (v_events) AND o.selection_id = s.id AND o.book_id = v_book AND o.state <> 'closed';
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
GRANT EXECUTE ON FUNCTION offers_in_play_v1 TO overround_app, overround_worker;
