-- What the owner of an endpoint sets, JSON; {} is as the provider and the configuration have it.
ALTER TABLE endpoints ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
-- When a probe may go out to an endpoint that is paused because too much failed.
ALTER TABLE endpoints ADD COLUMN probe_at_ms INTEGER;
-- Set while deliveries that were held, and are older than this, become dead letters, a few at a time.
ALTER TABLE endpoints ADD COLUMN skip_held_before_ms INTEGER;

-- New words for states ('waiting') and reasons ('skipped'), and the columns of order. A condition of a column cannot be
-- changed, so the table is made anew, and without a list of words this time: the program refuses words that it does not know.
CREATE TABLE deliveries_new (
    id                  TEXT PRIMARY KEY,
    message_id          TEXT NOT NULL,
    endpoint_id         TEXT NOT NULL,
    body_id             INTEGER NOT NULL,
    -- pending, sending, waiting, held, delivered, dead_lettered or cancelled.
    state               TEXT NOT NULL,
    -- Of a dead letter: exhausted, gone, client_error or skipped.
    dead_reason         TEXT,
    -- Recorded attempts, over all rounds.
    attempts_total      INTEGER NOT NULL,
    -- Recorded attempts since the retry schedule began; a dead letter that is sent again starts a new round.
    attempts_in_round   INTEGER NOT NULL,
    -- Of the present round.
    first_started_at_ms INTEGER,
    next_attempt_at_ms  INTEGER,
    created_at_ms       INTEGER NOT NULL,
    updated_at_ms       INTEGER NOT NULL,
    -- Deliveries of one endpoint with the same key go out one after the other; NULL: it waits for no other.
    order_key           TEXT,
    -- Its place among the open ones of its key. NULL without a key, and once it has ended.
    order_place         INTEGER
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
-- With the id after the endpoint, which begins with the time: what was held is taken up oldest first.
CREATE INDEX deliveries_held ON deliveries (endpoint_id, id) WHERE state = 'held';
CREATE INDEX deliveries_dead ON deliveries (id, endpoint_id) WHERE state = 'dead_lettered';
CREATE INDEX deliveries_by_message ON deliveries (message_id);

-- The open deliveries of a key, first come first. Without a key a delivery has no entry, so those cost nothing.
CREATE INDEX deliveries_ordered ON deliveries (endpoint_id, order_key, order_place) WHERE order_place IS NOT NULL;
