-- What went wrong with an attempt that has no answer, for people. Old ones have none.
ALTER TABLE attempts ADD COLUMN detail TEXT;

-- Who the sender says it is to receivers that ask (mutual TLS).
CREATE TABLE client_certificates (
    endpoint_id TEXT PRIMARY KEY,
    -- PEM: its own certificate, then intermediate ones.
    chain       TEXT NOT NULL,
    -- Its private key: x1:<id of the key>:<nonce and ciphertext in hex>, bound to endpoint_id.
    sealed      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
