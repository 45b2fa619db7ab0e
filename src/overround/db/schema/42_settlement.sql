-- part: betting.settlement
-- A tenant's own word about bets on an event: what it holds back, what it voids, and which correction of a
-- result it lets take back more than goes by itself.

-- A ruling is made by one of the tenant's people and, above the tenant's threshold, takes effect when
-- another one agrees. `effective_version` and `lifted_version` number what has changed about the event
-- for this tenant, so that settlement knows which legs were graded before.
CREATE TABLE ruling (
    tenant_id         uuid        NOT NULL,
    id                uuid        NOT NULL,
    event_id          uuid        NOT NULL,
    kind              text        NOT NULL CHECK (kind IN ('hold', 'void', 'correction')),
    market_id         uuid,
    selection_id      uuid,
    -- Of a correction: the result's version, which nothing of the event is settled by until somebody agrees.
    result_version    integer,
    placed_from       timestamptz,
    placed_to         timestamptz,
    reason            text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 300),
    state             text        NOT NULL CHECK (state IN ('proposed', 'effective', 'refused', 'lifted')),
    -- What it would have done when it was proposed.
    bets              integer     NOT NULL CHECK (bets >= 0),
    moved_minor       bigint      NOT NULL CHECK (moved_minor >= 0),
    proposed_by       uuid        NOT NULL,
    proposed_at       timestamptz NOT NULL,
    -- By which word of the one who proposed it, so that sending it again is not ruling again.
    key               text        CHECK (length(key) BETWEEN 1 AND 64),
    body_sha256       bytea       CHECK (length(body_sha256) = 32),
    decided_by        uuid,
    decided_at        timestamptz,
    lifted_by         uuid,
    lifted_at         timestamptz,
    effective_version integer,
    lifted_version    integer,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT ruling_key UNIQUE (tenant_id, proposed_by, key),
    -- A correction is asked about by the product, once (ruling_correction_once).
    CONSTRAINT ruling_by_key CHECK ((kind = 'correction') = (key IS NULL) AND (key IS NULL) = (body_sha256 IS NULL)),
    CONSTRAINT ruling_window CHECK (placed_from < placed_to),
    CONSTRAINT ruling_correction_of_result CHECK ((kind = 'correction') = (result_version IS NOT NULL)),
    CONSTRAINT ruling_correction_once UNIQUE (tenant_id, event_id, result_version),
    -- A hold is about everything; a void may be narrower.
    CONSTRAINT ruling_hold_is_whole CHECK (kind = 'void' OR
        (market_id IS NULL AND selection_id IS NULL AND placed_from IS NULL AND placed_to IS NULL)),
    CONSTRAINT ruling_state_whole CHECK (
        (state = 'proposed') = (decided_by IS NULL) AND (state IN ('effective', 'lifted')) = (effective_version IS NOT NULL)
        AND (state = 'lifted') = (lifted_version IS NOT NULL) AND (state = 'lifted') = (lifted_by IS NOT NULL))
);
CREATE INDEX ruling_by_event ON ruling (tenant_id, event_id);
CALL tenant_table_v1('ruling');
GRANT SELECT, INSERT ON ruling TO overround_app, overround_worker;
-- Events of the transaction's tenant that settling has failed on too often, for a person to look at: the due
-- work is nobody's to read but the worker's.
CREATE FUNCTION settlement_stuck_v1(p_tenant uuid, p_attempts integer)
RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT w.subject_id FROM work_due w
    WHERE w.kind = 'settle' AND w.for_tenant = p_tenant AND w.attempts >= p_attempts
      AND p_tenant = nullif(current_setting('overround.tenant_id', true), '')::uuid
$$;
GRANT EXECUTE ON FUNCTION settlement_stuck_v1 TO overround_app, overround_worker;
GRANT UPDATE (state, decided_by, decided_at, lifted_by, lifted_at, effective_version, lifted_version)
    ON ruling TO overround_app, overround_worker;
