-- Slices of an experiment that somebody has opened: one metric cut by one attribute.
CREATE TABLE slices (
    experiment_id VARCHAR   NOT NULL,
    metric        VARCHAR   NOT NULL,
    column_name   VARCHAR   NOT NULL,       -- header text of the attribute
    segments      INTEGER   NOT NULL,       -- values that were shown
    actor         VARCHAR   NOT NULL,
    opened_at     TIMESTAMP NOT NULL
);
