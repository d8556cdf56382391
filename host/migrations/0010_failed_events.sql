-- Dead letters by the id that the event has in its body, for SendEmAll's clients, who know no other. Kept by triggers, so that
-- whoever makes, replays, acknowledges or forgets a dead letter need not know of it, and what is delivered costs nothing.
CREATE TABLE failed_events (
    endpoint_id TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    -- NULL when the body has none, or was forgotten before.
    event_id    TEXT,
    -- Its owner took note of it.
    seen        INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, delivery_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX failed_events_unseen ON failed_events (endpoint_id, delivery_id) WHERE seen = 0;
CREATE INDEX failed_events_by_event ON failed_events (endpoint_id, event_id) WHERE event_id IS NOT NULL;

-- Texts alone are ids of events; a body that is no JSON has none. Functions of JSON fail on anything else, and a CASE looks at
-- nothing behind a condition that does not hold.
INSERT INTO failed_events
SELECT endpoint_id, deliveries.id,
       CASE WHEN json_valid(CAST(body AS TEXT)) THEN
           CASE json_type(CAST(body AS TEXT), '$.id') WHEN 'text' THEN json_extract(CAST(body AS TEXT), '$.id') END
       END,
       acknowledged_at_ms IS NOT NULL
FROM deliveries LEFT JOIN bodies ON bodies.id = body_id WHERE state = 'dead_lettered';

CREATE TRIGGER deliveries_failed AFTER UPDATE OF state ON deliveries
WHEN new.state = 'dead_lettered' AND old.state <> 'dead_lettered' BEGIN
    INSERT OR REPLACE INTO failed_events
    SELECT new.endpoint_id, new.id,
           CASE WHEN json_valid(CAST(body AS TEXT)) THEN
               CASE json_type(CAST(body AS TEXT), '$.id') WHEN 'text' THEN json_extract(CAST(body AS TEXT), '$.id') END
           END,
           new.acknowledged_at_ms IS NOT NULL
    FROM (SELECT 1) LEFT JOIN bodies ON bodies.id = new.body_id;
END;
CREATE TRIGGER deliveries_revived AFTER UPDATE OF state ON deliveries
WHEN old.state = 'dead_lettered' AND new.state <> 'dead_lettered' BEGIN
    DELETE FROM failed_events WHERE endpoint_id = old.endpoint_id AND delivery_id = old.id;
END;
CREATE TRIGGER deliveries_seen AFTER UPDATE OF acknowledged_at_ms ON deliveries WHEN new.state = 'dead_lettered' BEGIN
    UPDATE failed_events SET seen = new.acknowledged_at_ms IS NOT NULL
    WHERE endpoint_id = new.endpoint_id AND delivery_id = new.id;
END;
CREATE TRIGGER dead_letters_forgotten AFTER DELETE ON deliveries WHEN old.state = 'dead_lettered' BEGIN
    DELETE FROM failed_events WHERE endpoint_id = old.endpoint_id AND delivery_id = old.id;
END;
