-- Assignments, the log of exposures and events, and the units made of it.
ALTER TABLE phases ADD COLUMN targeting JSON;

-- Named units of a listed test, in batches; each batch is cut at the weights on its own.
CREATE TABLE participants (
    experiment_id VARCHAR   NOT NULL,
    unit          VARCHAR   NOT NULL,
    batch         INTEGER   NOT NULL CHECK (batch >= 1),
    added_at      TIMESTAMP NOT NULL,
    actor         VARCHAR   NOT NULL
);

-- Arms for testing; such units are left out of the analysis.
CREATE TABLE overrides (
    experiment_id VARCHAR   NOT NULL,
    unit          VARCHAR   NOT NULL,
    variant       VARCHAR   NOT NULL,
    actor         VARCHAR   NOT NULL,
    created_at    TIMESTAMP NOT NULL
);

-- Append-only: the first row of a unit in the present run is its assignment for good.
CREATE TABLE assignments (
    experiment_id VARCHAR   NOT NULL,
    unit          VARCHAR   NOT NULL,
    variant       VARCHAR,                  -- empty is the holdout
    phase         INTEGER   NOT NULL,
    run_no        INTEGER   NOT NULL,
    source        VARCHAR   NOT NULL
        CHECK (source IN ('hash', 'explicit', 'deployed', 'import')),
    assigned_at   TIMESTAMP NOT NULL,
    seq           BIGINT    NOT NULL        -- commit that wrote it
);

-- Append-only. (org_id, event_id) is unique for ever: the writer looks before it inserts.
CREATE TABLE events (
    org_id        VARCHAR   NOT NULL,
    event_id      VARCHAR   NOT NULL,
    id_hash       UBIGINT   NOT NULL,       -- of org and event id: finds a known id in one scan
    content_hash  UBIGINT   NOT NULL,       -- of the event as it was sent
    type          VARCHAR   NOT NULL CHECK (type IN ('exposure', 'metric')),
    experiment_id VARCHAR,
    unit          VARCHAR   NOT NULL,
    name          VARCHAR   NOT NULL,       -- empty for an exposure
    variant       VARCHAR,                  -- what the client reported
    ts            TIMESTAMP NOT NULL,       -- when it happened
    value         DOUBLE CHECK (isfinite(value)),
    attributes    JSON,
    seq           BIGINT    NOT NULL        -- commit that wrote it: the high-water mark
);

-- How far the units of an experiment follow the log. The units lie in log_<hex id>.
CREATE TABLE event_data (
    experiment_id VARCHAR   NOT NULL,
    dataset_id    VARCHAR   NOT NULL,
    spec          JSON      NOT NULL,       -- what the columns hold; another spec is made anew
    columns       JSON      NOT NULL,       -- [{name, role, column: "c3"}]
    high_water    BIGINT    NOT NULL,       -- commits up to this one were looked at
    mark          BIGINT    NOT NULL,       -- the last commit that touched a unit of this test
    counts        JSON      NOT NULL,
    refreshed_at  TIMESTAMP NOT NULL
);
