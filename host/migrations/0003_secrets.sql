-- Signing secrets leave endpoints.secret, where they were in clear. An endpoint may have several during a rotation.
-- SQL cannot encrypt: the program moves them at the first start, in one transaction, and then wipes what they left behind.

CREATE TABLE endpoint_secrets (
    endpoint_id    TEXT NOT NULL,
    -- 0 is the newest.
    place          INTEGER NOT NULL,
    -- x1:<id of the key>:<nonce and ciphertext in hex>, bound to endpoint_id.
    sealed         TEXT NOT NULL,
    created_at_ms  INTEGER NOT NULL,
    -- Until then it signs headers that hold one signature; absent in the newest.
    signs_until_ms INTEGER,
    -- From then on it signs nothing and is wiped; absent in the newest.
    expires_at_ms  INTEGER,
    PRIMARY KEY (endpoint_id, place)
) STRICT, WITHOUT ROWID;

-- Work that a start has to finish; a row goes when its work is done, so that a crash in the middle repeats it.
CREATE TABLE chores (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Older versions deleted secrets without overwriting them, so the file is written anew also when none is left in clear.
INSERT INTO chores (name) VALUES ('wipe');
