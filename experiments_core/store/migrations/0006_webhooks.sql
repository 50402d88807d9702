-- Where deployments are told, and what waits to be told: written with the deployment itself.
CREATE TABLE webhooks (
    id         VARCHAR   NOT NULL,
    org_id     VARCHAR   NOT NULL,
    url        VARCHAR   NOT NULL,
    created_by VARCHAR   NOT NULL,
    created_at TIMESTAMP NOT NULL,
    removed_at TIMESTAMP                    -- the row stays for the audit trail
);

CREATE TABLE deliveries (
    id           VARCHAR   NOT NULL,
    webhook_id   VARCHAR   NOT NULL,
    event        VARCHAR   NOT NULL,
    body         JSON      NOT NULL,
    created_at   TIMESTAMP NOT NULL,
    attempts     INTEGER   NOT NULL,
    next_at      TIMESTAMP,                 -- empty: delivered, or given up
    delivered_at TIMESTAMP,
    answer       VARCHAR   NOT NULL         -- of the last attempt, in words
);
