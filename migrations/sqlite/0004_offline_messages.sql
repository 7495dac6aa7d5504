-- Messages for people who were not signed in, until they are fetched and deleted.
--
-- They go with either account: without its sender a message cannot be answered, and the address
-- may be somebody else's one day.
CREATE TABLE offline_message (
    -- The order of arrival.
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    -- What clients name it by; random, so that nobody guesses another's.
    guid         TEXT    NOT NULL UNIQUE,
    recipient_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    sender_id    INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- Plain text, as the sender was called when they wrote.
    sender_name  TEXT    NOT NULL,
    -- Clients group by the run and order by the sequence.
    run          TEXT    NOT NULL,
    sequence     INTEGER NOT NULL CHECK (sequence BETWEEN 0 AND 4294967295),
    body         TEXT    NOT NULL,
    -- Of the letter that the client will fetch, in bytes.
    size         INTEGER NOT NULL CHECK (size BETWEEN 0 AND 4294967295),
    is_read      INTEGER NOT NULL DEFAULT 0 CHECK (is_read IN (0, 1)),
    received_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX offline_message_by_recipient ON offline_message (recipient_id, seq);
CREATE INDEX offline_message_by_sender ON offline_message (sender_id, recipient_id);
CREATE INDEX offline_message_by_time ON offline_message (received_at);
