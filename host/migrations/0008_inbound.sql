-- What other senders posted here and was accepted.
CREATE TABLE inbound_requests (
    id             TEXT PRIMARY KEY,
    workspace      TEXT NOT NULL,
    -- Name in the settings, and whose shape it was read in ('own' for one that the settings describe).
    source         TEXT NOT NULL,
    provider       TEXT NOT NULL,
    -- signature, token or open: what vouches for it.
    verified       TEXT NOT NULL,
    -- The scheme of the signature.
    scheme         TEXT,
    received_at_ms INTEGER NOT NULL,
    -- In the body; those that had come before are not kept once more.
    events_total   INTEGER NOT NULL,
    body_sha256    BLOB NOT NULL,
    -- As it arrived.
    body           BLOB NOT NULL
) STRICT;

-- The lists of a workspace, and of a source in it, newest first.
CREATE INDEX inbound_requests_listed ON inbound_requests (workspace, id);
CREATE INDEX inbound_requests_by_source ON inbound_requests (workspace, source, id);

CREATE TABLE inbound_events (
    inbound_id TEXT NOT NULL,
    -- In the body, from 0.
    place      INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    -- SHA-256 of what all its repeats share; see inbound_keys.
    dedupe     BLOB NOT NULL,
    -- Normalised, JSON.
    event      TEXT NOT NULL,
    -- What became of it in each format, JSON: the message that it caused, or why there is none.
    passed_on  TEXT NOT NULL,
    PRIMARY KEY (inbound_id, place)
) STRICT;

-- What has been seen: events, and what may be used once (a signature that covers no body). Apart from them, because it is
-- remembered for a time of its own.
CREATE TABLE inbound_keys (
    key            BLOB PRIMARY KEY,
    -- Of the request that it came with, where another one with it is refused; NULL where it is a repeat.
    body_sha256    BLOB,
    valid_until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX inbound_keys_by_age ON inbound_keys (valid_until_ms);
