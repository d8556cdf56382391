-- When the owner of a dead letter took note of it. 'updated_at_ms' of a dead letter stays the time of its death.
ALTER TABLE deliveries ADD COLUMN acknowledged_at_ms INTEGER;

-- The default list of dead letters: what nobody has taken note of.
CREATE INDEX deliveries_dead_unseen ON deliveries (id, endpoint_id)
    WHERE state = 'dead_lettered' AND acknowledged_at_ms IS NULL;

-- Those that wait for another of their key, so that they can be counted and, with their endpoint, found.
CREATE INDEX deliveries_waiting ON deliveries (endpoint_id) WHERE state = 'waiting';

-- What its owner has been told of an endpoint's failures; old ones begin with nothing.
ALTER TABLE endpoints ADD COLUMN warned_percent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE endpoints ADD COLUMN unwell INTEGER NOT NULL DEFAULT 0;

-- Sending again, many at a time and not too fast. A job goes through deliveries in the order of their ids.
CREATE TABLE replays (
    id               TEXT PRIMARY KEY,
    state            TEXT NOT NULL CHECK (state IN ('running', 'paused', 'completed', 'cancelled')),
    -- Which deliveries: those that fit every condition that is not NULL.
    delivery_state   TEXT NOT NULL CHECK (delivery_state IN ('delivered', 'dead_lettered')),
    endpoint_id      TEXT,
    event_type       TEXT,
    dead_reason      TEXT,
    acknowledged     INTEGER,
    created_since_ms INTEGER,
    created_until_ms INTEGER,
    ended_since_ms   INTEGER,
    ended_until_ms   INTEGER,
    -- JSON array of delivery ids, or NULL for all that fit.
    ids              TEXT,
    per_second       INTEGER NOT NULL,
    -- How many fitted when it began, and whether there may be more.
    matched          INTEGER NOT NULL,
    matched_at_least INTEGER NOT NULL,
    -- The last delivery that it came to; NULL before the first.
    cursor           TEXT,
    replayed         INTEGER NOT NULL,
    -- Left as they were: endpoint not active, body no longer kept, or changed meanwhile.
    skipped          INTEGER NOT NULL,
    created_at_ms    INTEGER NOT NULL,
    updated_at_ms    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX replays_open ON replays (id) WHERE state IN ('running', 'paused');

-- Totals that would need a look at every row. Open, held, waiting and dead deliveries are counted through their indices instead.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters SELECT 'messages', count(*) FROM messages;
INSERT INTO counters SELECT 'delivered', count(*) FROM deliveries WHERE state = 'delivered';
INSERT INTO counters SELECT 'cancelled', count(*) FROM deliveries WHERE state = 'cancelled';

CREATE TRIGGER messages_counted AFTER INSERT ON messages BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'messages';
END;
CREATE TRIGGER messages_uncounted AFTER DELETE ON messages BEGIN
    UPDATE counters SET value = value - 1 WHERE name = 'messages';
END;
-- At most once in the life of most deliveries; the other changes of state cost a comparison. The states are those of the
-- counters' names.
CREATE TRIGGER deliveries_counted AFTER UPDATE OF state ON deliveries
WHEN new.state IN ('delivered', 'cancelled') AND new.state <> old.state BEGIN
    UPDATE counters SET value = value + 1 WHERE name = new.state;
END;
CREATE TRIGGER deliveries_uncounted AFTER UPDATE OF state ON deliveries
WHEN old.state IN ('delivered', 'cancelled') AND new.state <> old.state BEGIN
    UPDATE counters SET value = value - 1 WHERE name = old.state;
END;
CREATE TRIGGER deliveries_forgotten AFTER DELETE ON deliveries
WHEN old.state IN ('delivered', 'cancelled') BEGIN
    UPDATE counters SET value = value - 1 WHERE name = old.state;
END;
