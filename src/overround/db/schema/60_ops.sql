-- part: ops
-- The log of replays: which file was replayed for which tenant, how far, and what came out.
-- `step` is written in the transaction of the step itself, so a step is done once or not at all.
CREATE TABLE replay_run (
    tenant_id   uuid        NOT NULL REFERENCES tenant (id),
    id          uuid        NOT NULL,
    described   text        NOT NULL CHECK (length(described) BETWEEN 1 AND 500),
    step        integer     NOT NULL DEFAULT 0 CHECK (step >= 0),
    finished_at timestamptz,
    report      jsonb,
    PRIMARY KEY (tenant_id, id)
);
CALL tenant_table_v1('replay_run');
GRANT SELECT ON replay_run TO overround_app;
GRANT SELECT, INSERT, UPDATE ON replay_run TO overround_worker;

-- Each start of a replay, also the ones that only found it done.
CREATE TABLE replay_log (
    tenant_id  uuid        NOT NULL,
    run_id     uuid        NOT NULL,
    started_at timestamptz NOT NULL,
    from_step  integer     NOT NULL,
    PRIMARY KEY (tenant_id, run_id, started_at),
    FOREIGN KEY (tenant_id, run_id) REFERENCES replay_run (tenant_id, id)
);
CALL tenant_table_v1('replay_log');
GRANT SELECT, INSERT ON replay_log TO overround_worker;
