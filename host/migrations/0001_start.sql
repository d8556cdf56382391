-- Times are unix milliseconds. States and kinds are words, so that the file can be read with plain sqlite3.

CREATE TABLE endpoints (
    id                 TEXT PRIMARY KEY,
    provider           TEXT NOT NULL,
    url                TEXT NOT NULL,
    name               TEXT,
    -- Subscription and scope as the rules wrote them, JSON.
    rules              TEXT NOT NULL,
    -- In clear; wiped when the endpoint is deleted.
    secret             TEXT,
    state              TEXT NOT NULL CHECK (state IN ('active', 'paused', 'disabled')),
    reason             TEXT CHECK (reason IN ('failing', 'gone', 'manual')),
    since_ms           INTEGER NOT NULL,
    exhausted_in_a_row INTEGER NOT NULL,
    last_success_at_ms INTEGER,
    -- Raised by every change except of health: an event that was matched against an older version is matched again.
    version            INTEGER NOT NULL,
    created_at_ms      INTEGER NOT NULL,
    -- Deleted endpoints stay, so that their deliveries still say where they went.
    deleted_at_ms      INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    id            TEXT PRIMARY KEY,
    provider      TEXT NOT NULL,
    event_type    TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Apart from messages, so that those stay small and several endpoints share one body.
CREATE TABLE bodies (
    id         INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL,
    -- The provider in whose format the body is.
    format     TEXT NOT NULL,
    -- The bytes of every attempt.
    body       BLOB NOT NULL,
    UNIQUE (message_id, format)
) STRICT;

-- Apart from messages, because keys are forgotten after a day and messages are not.
CREATE TABLE idempotency_keys (
    key            TEXT PRIMARY KEY,
    request_sha256 BLOB NOT NULL,
    message_id     TEXT NOT NULL,
    created_at_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at_ms);

CREATE TABLE deliveries (
    id                  TEXT PRIMARY KEY,
    message_id          TEXT NOT NULL,
    endpoint_id         TEXT NOT NULL,
    body_id             INTEGER NOT NULL,
    state               TEXT NOT NULL CHECK (state IN
                            ('pending', 'sending', 'delivered', 'dead_lettered', 'held', 'cancelled')),
    dead_reason         TEXT CHECK (dead_reason IN ('exhausted', 'gone')),
    -- Recorded attempts, over all rounds.
    attempts_total      INTEGER NOT NULL,
    -- Recorded attempts since the retry schedule began; a dead letter that is sent again starts a new round.
    attempts_in_round   INTEGER NOT NULL,
    -- Of the present round.
    first_started_at_ms INTEGER,
    next_attempt_at_ms  INTEGER,
    created_at_ms       INTEGER NOT NULL,
    updated_at_ms       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is due, by endpoint: one whose backlog cannot be sent costs the others nothing, because nobody reads past it.
-- Partial: most deliveries are done and need no entry. 'sending' is in it, so that the change from 'pending' to 'sending'
-- moves no entry, and so that a start finds what a crash left behind. Queries must repeat the condition word for word.
CREATE INDEX deliveries_open ON deliveries (endpoint_id, next_attempt_at_ms)
    WHERE state IN ('pending', 'sending');

-- What is released when an endpoint becomes active.
CREATE INDEX deliveries_held ON deliveries (endpoint_id) WHERE state = 'held';

-- The list of dead letters, newest first, also of one endpoint.
CREATE INDEX deliveries_dead ON deliveries (id, endpoint_id) WHERE state = 'dead_lettered';

CREATE INDEX deliveries_by_message ON deliveries (message_id);

CREATE TABLE attempts (
    delivery_id   TEXT NOT NULL,
    number        INTEGER NOT NULL,
    id            TEXT NOT NULL,
    started_at_ms INTEGER NOT NULL,
    duration_ms   INTEGER NOT NULL,
    -- An answer has a status; anything else has a kind of failure.
    status        INTEGER,
    retry_after_s INTEGER,
    failure       TEXT,
    -- Beginning of the answer's body.
    response      BLOB NOT NULL,
    PRIMARY KEY (delivery_id, number),
    CHECK ((status IS NULL) <> (failure IS NULL))
) STRICT, WITHOUT ROWID;
