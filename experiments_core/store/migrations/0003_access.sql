-- Who may come in: organisations, projects, people, keys; answers that are given again.
ALTER TABLE audit ADD COLUMN request_id VARCHAR;
ALTER TABLE audit ADD COLUMN via VARCHAR;
CREATE TABLE organisations (
    id         VARCHAR   NOT NULL,
    name       VARCHAR   NOT NULL,
    slug       VARCHAR   NOT NULL,          -- unique
    time_zone  VARCHAR   NOT NULL,          -- IANA name; sets day boundaries
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE projects (
    id         VARCHAR   NOT NULL,
    org_id     VARCHAR   NOT NULL,
    key        VARCHAR   NOT NULL,          -- unique per organisation without regard to case
    name       VARCHAR   NOT NULL,
    version    INTEGER   NOT NULL CHECK (version >= 1),
    settings   JSON      NOT NULL,
    created_by VARCHAR   NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

-- The thing under test: found by its locator.
CREATE TABLE resources (
    id         VARCHAR   NOT NULL,
    org_id     VARCHAR   NOT NULL,
    kind       VARCHAR   NOT NULL,
    locator    VARCHAR   NOT NULL,          -- unique per organisation and kind
    fallback   JSON      NOT NULL,
    created_by VARCHAR   NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE namespaces (
    id         VARCHAR   NOT NULL,
    org_id     VARCHAR   NOT NULL,
    key        VARCHAR   NOT NULL,
    name       VARCHAR   NOT NULL,
    created_by VARCHAR   NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE users (
    id         VARCHAR   NOT NULL,
    org_id     VARCHAR   NOT NULL,
    email      VARCHAR   NOT NULL,          -- lower case, unique in the file
    name       VARCHAR   NOT NULL,
    role       VARCHAR   NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    active     BOOLEAN   NOT NULL,
    password   VARCHAR   NOT NULL,          -- argon2id, empty before the first sign-in
    version    INTEGER   NOT NULL CHECK (version >= 1),
    created_by VARCHAR   NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

-- Sign-ins and one-time links: only hashes of what the person holds.
CREATE TABLE logins (
    digest     VARCHAR   NOT NULL,
    user_id    VARCHAR   NOT NULL,
    kind       VARCHAR   NOT NULL CHECK (kind IN ('session', 'link')),
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    ended_at   TIMESTAMP                    -- signed out, or used up
);

CREATE TABLE api_keys (
    id           VARCHAR   NOT NULL,
    org_id       VARCHAR   NOT NULL,
    name         VARCHAR   NOT NULL,
    role         VARCHAR   NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    scopes       JSON      NOT NULL,
    projects     JSON      NOT NULL,        -- keys of projects, empty means all
    shown        VARCHAR   NOT NULL,        -- the part that may be seen
    lookup       VARCHAR   NOT NULL,        -- finds the row
    digest       VARCHAR   NOT NULL,        -- HMAC-SHA256 of the whole key
    created_by   VARCHAR   NOT NULL,
    created_at   TIMESTAMP NOT NULL,
    expires_at   TIMESTAMP,
    last_used_at TIMESTAMP,                 -- to the minute
    revoked_at   TIMESTAMP
);

-- The answer of a POST that carried an Idempotency-Key, written with its effect; 48 hours.
CREATE TABLE answers (
    org_id     VARCHAR   NOT NULL,
    key        VARCHAR   NOT NULL,
    digest     VARCHAR   NOT NULL,          -- of who asked, path and body
    status     INTEGER   NOT NULL,
    headers    JSON      NOT NULL,
    body       VARCHAR   NOT NULL,
    created_at TIMESTAMP NOT NULL
);
