-- What accounts show of themselves besides name and personal message, which stay in `account`.

-- A row is made at the first change; until then a profile is as old as its account. `flags` is a
-- number that clients keep here and only they understand. `next_tile` numbers the pictures of the
-- account, and no number is given out twice. `tile` is the picture that is shown.
CREATE TABLE profile (
    user_id            INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    version            INTEGER NOT NULL CHECK (version > 0),
    changed_at         INTEGER NOT NULL,
    name_changed_at    INTEGER,
    message_changed_at INTEGER,
    flags              INTEGER NOT NULL DEFAULT 0,
    next_tile          INTEGER NOT NULL,
    tile               INTEGER
) STRICT;

-- The pictures of an account, newest by number. `data` is what the client gave, `small` the
-- miniature that the server made of it. `kind` is 1 PNG, 2 JPEG, 3 GIF, 4 BMP. `version` grows with
-- every replacement.
CREATE TABLE tile (
    user_id    INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    name       TEXT    NOT NULL,
    kind       INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4),
    data       BLOB    NOT NULL,
    small      BLOB    NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, number)
) STRICT;

-- What an account did that its contacts may read about, a few of the newest for each. `kind` is
-- 1 a new name, 2 a new personal message, 3 a new picture; `what` is the name or message as a
-- person reads it.
CREATE TABLE activity (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id     INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind        INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
    what        TEXT    NOT NULL,
    happened_at INTEGER NOT NULL
) STRICT;

CREATE INDEX activity_by_user ON activity (user_id, id);
