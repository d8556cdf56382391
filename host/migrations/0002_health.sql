-- What the rules remember of an endpoint, beside what they did before. Old rows begin with nothing in a row.
ALTER TABLE endpoints ADD COLUMN failed_in_a_row INTEGER NOT NULL DEFAULT 0;
ALTER TABLE endpoints ADD COLUMN pauses_in_a_row INTEGER NOT NULL DEFAULT 0;
ALTER TABLE endpoints ADD COLUMN failing_since_ms INTEGER;

-- One more reason for a dead letter: 'client_error'. A condition of a column cannot be changed, so the table is made anew.
CREATE TABLE deliveries_new (
    id                  TEXT PRIMARY KEY,
    message_id          TEXT NOT NULL,
    endpoint_id         TEXT NOT NULL,
    body_id             INTEGER NOT NULL,
    state               TEXT NOT NULL CHECK (state IN
                            ('pending', 'sending', 'delivered', 'dead_lettered', 'held', 'cancelled')),
    dead_reason         TEXT CHECK (dead_reason IN ('exhausted', 'gone', 'client_error')),
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

INSERT INTO deliveries_new (id, message_id, endpoint_id, body_id, state, dead_reason, attempts_total, attempts_in_round,
                            first_started_at_ms, next_attempt_at_ms, created_at_ms, updated_at_ms)
SELECT id, message_id, endpoint_id, body_id, state, dead_reason, attempts_total, attempts_in_round,
       first_started_at_ms, next_attempt_at_ms, created_at_ms, updated_at_ms
FROM deliveries;

DROP TABLE deliveries;
ALTER TABLE deliveries_new RENAME TO deliveries;

-- As in 0001, where the reasons for each are.
CREATE INDEX deliveries_open ON deliveries (endpoint_id, next_attempt_at_ms)
    WHERE state IN ('pending', 'sending');
CREATE INDEX deliveries_held ON deliveries (endpoint_id) WHERE state = 'held';
CREATE INDEX deliveries_dead ON deliveries (id, endpoint_id) WHERE state = 'dead_lettered';
CREATE INDEX deliveries_by_message ON deliveries (message_id);
