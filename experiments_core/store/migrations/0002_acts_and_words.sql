-- Deployments, decisions, forecasts, annotations and the library of metrics.
-- Who gave everybody, or one unit, a version. A row is ended once, by its revert.
CREATE TABLE deployments (
    id            VARCHAR   NOT NULL,
    org_id        VARCHAR   NOT NULL,
    experiment_id VARCHAR   NOT NULL,
    variant       VARCHAR   NOT NULL,       -- key
    target        VARCHAR   NOT NULL CHECK (target IN ('production', 'project', 'participant')),
    unit_id       VARCHAR,                  -- participant only
    previous      VARCHAR,                  -- what the revert gives back; empty is control
    reason        VARCHAR   NOT NULL,
    acknowledged  JSON      NOT NULL,       -- codes of the conditions that were not met
    actor         VARCHAR   NOT NULL,
    created_at    TIMESTAMP NOT NULL,
    reverted_at   TIMESTAMP,
    reverted_by   VARCHAR,
    CHECK ((target = 'participant') = (unit_id IS NOT NULL))
);

-- Append-only.
CREATE TABLE decisions (
    id            VARCHAR   NOT NULL,
    org_id        VARCHAR   NOT NULL,
    experiment_id VARCHAR   NOT NULL,
    look          INTEGER,                  -- number of the look it rests on
    action        VARCHAR   NOT NULL
        CHECK (action IN ('ship', 'roll_back', 'extend', 'stop_flat', 'invalidate')),
    variant       VARCHAR,
    note          VARCHAR   NOT NULL,
    recommended   VARCHAR,                  -- the action that was recommended then
    departs       BOOLEAN   NOT NULL,
    actor         VARCHAR   NOT NULL,
    created_at    TIMESTAMP NOT NULL
);

-- Append-only, closed by the first look.
CREATE TABLE forecasts (
    id            VARCHAR   NOT NULL,
    org_id        VARCHAR   NOT NULL,
    experiment_id VARCHAR   NOT NULL,
    metric        VARCHAR   NOT NULL,
    variant       VARCHAR   NOT NULL,
    guess         DOUBLE    NOT NULL,       -- relative lift, a fraction
    lower         DOUBLE,
    upper         DOUBLE,
    actor         VARCHAR   NOT NULL,
    created_at    TIMESTAMP NOT NULL,
    CHECK (lower IS NULL OR (lower <= guess AND guess <= upper))
);

CREATE TABLE annotations (
    id            VARCHAR   NOT NULL,
    org_id        VARCHAR   NOT NULL,
    experiment_id VARCHAR   NOT NULL,
    starts        TIMESTAMP NOT NULL,
    ends          TIMESTAMP,                -- of a range
    text          VARCHAR   NOT NULL,
    kind          VARCHAR   NOT NULL
        CHECK (kind IN ('note', 'incident', 'release', 'comment', 'deviation')),
    actor         VARCHAR   NOT NULL,
    created_at    TIMESTAMP NOT NULL
);

-- One row per version of a definition; only words about it are ever changed in a row.
CREATE TABLE metric_definitions (
    org_id     VARCHAR   NOT NULL,
    key        VARCHAR   NOT NULL,          -- unique per organisation without regard to case
    version    INTEGER   NOT NULL CHECK (version >= 1),
    revision   INTEGER   NOT NULL CHECK (revision >= 1),  -- raised by every save
    doc        JSON      NOT NULL,
    created_by VARCHAR   NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
