-- The address book of the later clients: cards, what is on them, and when each part last changed.
--
-- A stamp is a moment in the history of all books: epoch milliseconds, but strictly growing, so
-- that no two changes share one. `book_clock` has the newest. Fields and annotations are JSON;
-- nothing in them is searched for.

CREATE TABLE book_clock (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    stamp    INTEGER NOT NULL
) STRICT;

INSERT INTO book_clock (only_row, stamp)
SELECT 1, COALESCE(MAX(lists_changed_at), 0) FROM account;

-- `removals_since` is the stamp from which on every removal from the account's book is known.
ALTER TABLE account ADD COLUMN name_changed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN removals_since INTEGER NOT NULL DEFAULT 0;

UPDATE account SET
    name_changed_at = (SELECT stamp FROM book_clock),
    removals_since = (SELECT stamp FROM book_clock);

-- What an account has written about itself. `changed_at` moves with its settings too.
CREATE TABLE own_card (
    user_id    INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    guid       TEXT    NOT NULL,
    fields     TEXT    NOT NULL DEFAULT '{}',
    changed_at INTEGER NOT NULL
) STRICT;

INSERT INTO own_card (user_id, guid, changed_at)
SELECT id,
    lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
        || '-a' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))),
    (SELECT stamp FROM book_clock)
FROM account;

-- `changed_at` is about the lists alone; `invitation` is what the contact wrote when it put the
-- owner on its forward list, for as long as the owner has not decided.
ALTER TABLE contact ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN invitation TEXT;

UPDATE contact SET
    created_at = (SELECT lists_changed_at FROM account WHERE account.id = contact.owner_id),
    changed_at = (SELECT stamp FROM book_clock);

-- One entry of a book. Everybody on the forward list has one; they, and only they, keep their
-- groups in `contact`. `address` is of somebody without account.
CREATE TABLE card (
    owner_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    guid       TEXT    NOT NULL,
    account_id INTEGER REFERENCES account (id) ON DELETE CASCADE,
    address    TEXT,
    fields     TEXT    NOT NULL DEFAULT '{}',
    group_bits INTEGER NOT NULL DEFAULT 0 CHECK (group_bits BETWEEN 0 AND 1073741822),
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (owner_id, guid),
    CHECK (account_id IS NULL OR address IS NULL)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX card_by_account ON card (account_id, owner_id) WHERE account_id IS NOT NULL;
CREATE UNIQUE INDEX card_by_address ON card (owner_id, address) WHERE address IS NOT NULL;

INSERT INTO card (owner_id, guid, account_id, created_at, changed_at)
SELECT owner_id, guid, contact_id, created_at, changed_at FROM contact WHERE list_bits % 2 = 1;

ALTER TABLE contact_group ADD COLUMN is_favorite INTEGER NOT NULL DEFAULT 0
    CHECK (is_favorite IN (0, 1));
ALTER TABLE contact_group ADD COLUMN annotations TEXT NOT NULL DEFAULT '{}';
ALTER TABLE contact_group ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;

UPDATE contact_group SET changed_at = (SELECT stamp FROM book_clock);

-- Somebody without account in a role. Kinds: 1 mail address, 2 telephone. Roles: 1 allow,
-- 2 block, 3 reverse, 4 pending.
CREATE TABLE foreign_member (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id    INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind        INTEGER NOT NULL CHECK (kind IN (1, 2)),
    address     TEXT    NOT NULL,
    role        INTEGER NOT NULL CHECK (role BETWEEN 1 AND 4),
    annotations TEXT    NOT NULL DEFAULT '{}',
    created_at  INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL,
    UNIQUE (owner_id, role, kind, address)
) STRICT;

-- What left a book, the newest of it, for clients that ask what is new. Kinds: 1 card, 2 group,
-- both with the identity as item; 3 account, 4 mail address, 5 telephone in a role, with the
-- number of the membership as item.
CREATE TABLE removal (
    owner_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind     INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 5),
    item     TEXT    NOT NULL,
    address  TEXT,
    role     INTEGER CHECK (role BETWEEN 1 AND 4),
    stamp    INTEGER NOT NULL,
    PRIMARY KEY (owner_id, kind, item),
    CHECK (kind < 3 OR address IS NOT NULL),
    CHECK ((kind > 2) = (role IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX removal_by_stamp ON removal (owner_id, stamp);
CREATE INDEX removal_by_address ON removal (owner_id, address) WHERE address IS NOT NULL;
