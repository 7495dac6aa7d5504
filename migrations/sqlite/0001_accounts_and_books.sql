-- Accounts, their contact books, and what signing in needs.
--
-- Times are epoch milliseconds and flags are 0 or 1. Names, group names and phone numbers are in
-- the percent-encoded spelling of their author's client. Secrets and digests are hexadecimal.

-- An account's number is never given out twice, so that a running server cannot mistake a new
-- account for one that was deleted.
CREATE TABLE account (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    address             TEXT    NOT NULL UNIQUE,
    name                TEXT    NOT NULL,
    privacy             INTEGER NOT NULL DEFAULT 0 CHECK (privacy IN (0, 1)),
    reverse_prompt      INTEGER NOT NULL DEFAULT 0 CHECK (reverse_prompt IN (0, 1)),
    phone_home          TEXT,
    phone_work          TEXT,
    phone_mobile        TEXT,
    may_page            INTEGER NOT NULL DEFAULT 0 CHECK (may_page IN (0, 1)),
    message             TEXT    NOT NULL DEFAULT '',
    default_group_name  TEXT    NOT NULL,
    disabled            INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    revision            INTEGER NOT NULL CHECK (revision > 0),
    lists_changed_at    INTEGER NOT NULL,
    settings_changed_at INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    last_sign_in        INTEGER
) STRICT;

-- What a sign-in is checked against, apart from the account so that nothing else reads it.
CREATE TABLE credential (
    user_id          INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    password_full    TEXT NOT NULL,
    password_first16 TEXT,
    legacy_salt      TEXT,
    legacy_digest    TEXT,
    CHECK ((legacy_salt IS NULL) = (legacy_digest IS NULL))
) STRICT;

-- One account in another one's book. `list_bits` is the sum of 1 forward, 2 allow, 4 block,
-- 8 reverse, 16 pending; bit n of `group_bits` is membership of group n. `added_in` is the
-- revision of the book that brought the row, which is the order of a client's download.
CREATE TABLE contact (
    owner_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    contact_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    guid       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    list_bits  INTEGER NOT NULL CHECK (list_bits BETWEEN 1 AND 31),
    group_bits INTEGER NOT NULL CHECK (group_bits BETWEEN 0 AND 1073741822),
    added_in   INTEGER NOT NULL,
    PRIMARY KEY (owner_id, contact_id),
    CHECK (owner_id <> contact_id),
    CHECK (group_bits = 0 OR list_bits % 2 = 1)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX contact_by_guid ON contact (owner_id, guid);
CREATE INDEX contact_by_contact ON contact (contact_id);

-- The groups of a book, apart from the default one, which has only a name.
CREATE TABLE contact_group (
    owner_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL CHECK (number BETWEEN 1 AND 29),
    guid     TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    PRIMARY KEY (owner_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket (
    digest     TEXT    PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ticket_by_user ON ticket (user_id);
CREATE INDEX ticket_by_expiry ON ticket (expires_at);

-- What one process did that another one with the same database has to act on. The account may be
-- gone, so nothing refers to it.
CREATE TABLE notice (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    extra      TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE server_secret (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The highest revision that a deleted account had. Later accounts start above it, so that a
-- cached serial never fits a new account by chance, and no deleted address has to be kept.
CREATE TABLE revision_floor (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL
) STRICT;

INSERT INTO revision_floor (only_row, revision) VALUES (1, 0);
