-- Pages for people: who runs the server, who is signed in with a browser, who may join, and what
-- was done by whom.

ALTER TABLE account ADD COLUMN is_admin INTEGER NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1));

-- Whether the oldest clients' secret was made from a password of its own; then a new main password
-- does not replace it.
ALTER TABLE credential ADD COLUMN legacy_is_separate INTEGER NOT NULL DEFAULT 0
    CHECK (legacy_is_separate IN (0, 1));

-- A browser that is signed in. `browser` and `peer` are what its owner recognises it by.
CREATE TABLE web_session (
    digest     TEXT    PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    browser    TEXT    NOT NULL,
    peer       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX web_session_by_user ON web_session (user_id);
CREATE INDEX web_session_by_expiry ON web_session (expires_at);

-- A code that lets people make an account where not everybody may. It is no digest: whoever made it
-- reads it again, to hand it on.
CREATE TABLE invitation (
    code       TEXT    PRIMARY KEY,
    note       TEXT    NOT NULL,
    uses_left  INTEGER NOT NULL CHECK (uses_left >= 0),
    created_by INTEGER REFERENCES account (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

-- What administrators did. Accounts may be gone, so nothing refers to them.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    peer    TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    detail  TEXT    NOT NULL
) STRICT;
