-- The schema's first version. Every file, new or old, then takes the steps of migrations/ that it
-- has not taken yet; a table is written down once, here or there.
-- Times are UTC without a zone. No foreign keys and no unique indexes: every row enters through
-- the one writing door, which checks keys and references before it writes.

CREATE TABLE meta (
    name  VARCHAR NOT NULL,                 -- schema_version
    value VARCHAR NOT NULL
);

-- One row per commit; the number is repeated in NAME.d/seq, so lost commits are noticed.
CREATE TABLE commit_log (
    seq BIGINT NOT NULL
);

CREATE TABLE experiments (
    id         VARCHAR   NOT NULL,
    org_id     VARCHAR   NOT NULL,
    key        VARCHAR   NOT NULL,          -- unique per organisation without regard to case
    slug       VARCHAR   NOT NULL,          -- unique, never changes
    name       VARCHAR   NOT NULL,
    version    INTEGER   NOT NULL CHECK (version >= 1),
    status     VARCHAR   NOT NULL
        CHECK (status IN ('draft', 'running', 'paused', 'stopped', 'completed', 'archived')),
    doc        JSON      NOT NULL,          -- variants, metrics, plan and the other fields
    sample     BOOLEAN   NOT NULL,
    created_by VARCHAR   NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_by VARCHAR   NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    deleted_at TIMESTAMP                    -- in the bin since
);

-- Append-only: a phase is inserted once and only its end is filled in, once.
CREATE TABLE phases (
    experiment_id VARCHAR   NOT NULL,
    seq           INTEGER   NOT NULL CHECK (seq >= 1),
    run_no        INTEGER   NOT NULL CHECK (run_no >= 1),
    kind          VARCHAR   NOT NULL CHECK (kind IN ('start', 'resume', 'traffic', 'design')),
    started_at    TIMESTAMP NOT NULL,
    ended_at      TIMESTAMP,
    weights_bp    JSON      NOT NULL,       -- variant key -> basis points
    allocation_bp INTEGER   NOT NULL CHECK (allocation_bp BETWEEN 1 AND 10000),
    holdout_bp    INTEGER   NOT NULL CHECK (holdout_bp BETWEEN 0 AND 5000),
    rerandomised  BOOLEAN   NOT NULL,
    reason        VARCHAR   NOT NULL,
    actor         VARCHAR   NOT NULL
);

-- Written in the transaction of the change it tells of; each row carries the hash of the last.
CREATE TABLE audit (
    seq       BIGINT    NOT NULL,
    ts        TIMESTAMP NOT NULL,
    org_id    VARCHAR   NOT NULL,
    actor     VARCHAR   NOT NULL,
    verb      VARCHAR   NOT NULL,
    object    VARCHAR   NOT NULL,           -- experiment, import …
    object_id VARCHAR   NOT NULL,
    before    JSON,                         -- only the fields that changed
    after     JSON,
    note      VARCHAR   NOT NULL,
    hash      VARCHAR   NOT NULL            -- HMAC-SHA256 over the previous hash and this row
);

-- Facts -------------------------------------------------------------------------------------

-- One table of facts for one experiment, of one shape. Unit rows live in a table of their own.
CREATE TABLE datasets (
    id            VARCHAR   NOT NULL,
    experiment_id VARCHAR   NOT NULL,
    shape         VARCHAR   NOT NULL CHECK (shape IN ('unit', 'totals')),
    table_name    VARCHAR   NOT NULL,       -- units_<hex id>; empty for totals
    columns       JSON      NOT NULL,       -- [{name, role, column: "c3"}]
    mapping       JSON      NOT NULL,
    created_at    TIMESTAMP NOT NULL
);

CREATE TABLE imports (
    id            VARCHAR   NOT NULL,
    org_id        VARCHAR   NOT NULL,
    experiment_id VARCHAR,
    dataset_id    VARCHAR,
    file_name     VARCHAR   NOT NULL,       -- text to show, never a path
    bytes         BIGINT    NOT NULL,
    sha256        VARCHAR   NOT NULL,
    content_hash  VARCHAR,
    shape         VARCHAR,
    mapping       JSON,
    rows_read     BIGINT,
    rows_used     BIGINT,
    rows_left_out BIGINT,
    state         VARCHAR   NOT NULL CHECK (state IN ('draft', 'committed', 'undone', 'failed')),
    report        JSON,
    actor         VARCHAR   NOT NULL,
    created_at    TIMESTAMP NOT NULL,
    committed_at  TIMESTAMP,
    undone_at     TIMESTAMP,
    CHECK (rows_read IS NULL OR rows_read = rows_used + rows_left_out)
);

CREATE TABLE rejects (
    import_id   VARCHAR NOT NULL,
    line        BIGINT  NOT NULL,           -- physical line, the header is 1
    column_name VARCHAR,
    value       VARCHAR,
    rule        VARCHAR NOT NULL,
    message     VARCHAR NOT NULL,
    raw         VARCHAR                     -- the row as it stood in the file
);

CREATE TABLE totals (
    dataset_id  VARCHAR NOT NULL,
    import_id   VARCHAR NOT NULL,
    line        BIGINT  NOT NULL,
    arm         VARCHAR NOT NULL,
    visitors    BIGINT  NOT NULL CHECK (visitors >= 0),
    conversions JSON    NOT NULL            -- column -> count
);

-- A remembered header: the mapping a person confirmed for files with these columns.
CREATE TABLE sources (
    org_id      VARCHAR   NOT NULL,
    header_hash VARCHAR   NOT NULL,
    mapping     JSON      NOT NULL,
    updated_at  TIMESTAMP NOT NULL
);

-- Readings ----------------------------------------------------------------------------------

-- Immutable except for views: the same data and settings opened again are the same look.
CREATE TABLE looks (
    id             VARCHAR   NOT NULL,
    experiment_id  VARCHAR   NOT NULL,
    no             INTEGER   NOT NULL CHECK (no >= 1),
    taken_at       TIMESTAMP NOT NULL,
    actor          VARCHAR   NOT NULL,
    trigger        VARCHAR   NOT NULL,      -- page, api, report
    data_hash      VARCHAR   NOT NULL,
    settings_hash  VARCHAR   NOT NULL,
    engine_version VARCHAR   NOT NULL,
    settings       JSON      NOT NULL,
    results        JSON      NOT NULL,
    verdict        VARCHAR   NOT NULL,
    views          INTEGER   NOT NULL CHECK (views >= 1)
);
