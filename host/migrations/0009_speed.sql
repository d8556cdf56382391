-- Fewer entries for each event, because every entry is a page to be written.

-- A message has one body and knows it, so bodies need no index of their own.
ALTER TABLE messages ADD COLUMN body_id INTEGER;
UPDATE messages SET body_id = (SELECT max(id) FROM bodies WHERE message_id = messages.id);

CREATE TABLE bodies_new (
    id         INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL,
    -- The bytes of every attempt.
    body       BLOB NOT NULL
) STRICT;
INSERT INTO bodies_new (id, message_id, body) SELECT id, message_id, body FROM bodies;
DROP TABLE bodies;
ALTER TABLE bodies_new RENAME TO bodies;

-- From now on the deliveries of a message have ids that follow the message's own, so they lie beside each other in their table.
-- Those of older versions are listed here instead.
CREATE TABLE deliveries_apart (
    message_id  TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    PRIMARY KEY (message_id, delivery_id)
) STRICT, WITHOUT ROWID;
INSERT INTO deliveries_apart SELECT message_id, id FROM deliveries;
DROP INDEX deliveries_by_message;
