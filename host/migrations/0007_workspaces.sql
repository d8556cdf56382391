-- Whose endpoints, messages and keys are apart from each other's. What was there before is of the workspace 'default'.
CREATE TABLE workspaces (
    -- [a-z0-9][a-z0-9_-]{0,62}
    id            TEXT PRIMARY KEY,
    -- For providers whose accounts are numbers.
    number        INTEGER NOT NULL UNIQUE,
    name          TEXT,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO workspaces VALUES ('default', 1, NULL, unixepoch() * 1000);

-- Keys of the API. The text of a key is nowhere; revoked ones stay as a record.
CREATE TABLE api_keys (
    id            TEXT PRIMARY KEY,
    -- NULL: every workspace.
    workspace     TEXT,
    role          TEXT NOT NULL CHECK (role IN ('admin', 'manage', 'publish', 'read')),
    name          TEXT,
    -- Of the key's text.
    sha256        BLOB NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    revoked_at_ms INTEGER
) STRICT, WITHOUT ROWID;

-- Descriptions of event types, and what their payloads are checked against when they are published.
CREATE TABLE event_types (
    workspace     TEXT NOT NULL,
    provider      TEXT NOT NULL,
    name          TEXT NOT NULL,
    description   TEXT,
    -- JSON Schema; NULL checks nothing.
    schema        TEXT,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, provider, name)
) STRICT, WITHOUT ROWID;

ALTER TABLE endpoints ADD COLUMN workspace TEXT NOT NULL DEFAULT 'default';
-- For providers whose ids are numbers. Never given twice: deleted endpoints keep theirs.
ALTER TABLE endpoints ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE endpoints SET number = counted.place
FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM endpoints) AS counted WHERE counted.id = endpoints.id;
CREATE UNIQUE INDEX endpoints_by_number ON endpoints (number);

ALTER TABLE messages ADD COLUMN workspace TEXT NOT NULL DEFAULT 'default';
-- The list of one workspace. Where there is no other, every message is of this one and needs no entry.
CREATE INDEX messages_by_workspace ON messages (workspace, id) WHERE workspace <> 'default';

ALTER TABLE replays ADD COLUMN workspace TEXT NOT NULL DEFAULT 'default';
