-- Circles and who is in them. Times are epoch milliseconds, flags are 0 or 1.

-- `id` is the circle's 48 random bits. `changed_at` is a stamp of `book_clock` and moves with every
-- change of the circle or of anybody in it. Nobody can be told the differences since before `horizon`:
-- places that ended by then are forgotten.
CREATE TABLE circle (
    id         INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 281474976710655),
    name       TEXT    NOT NULL,
    owner_id   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    horizon    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX circle_by_owner ON circle (owner_id);

-- Somebody's place in a circle. Roles: 1 administrator, 2 assistant, 3 member. States: 0 named,
-- 1 invited, 2 left, 3 accepted, 4 rejected. A place that ended stays for a while, so that the
-- other side of a synchronisation can be told. The stamps are of `book_clock`: `book_changed_at` is the
-- last change that the person sees, 0 while they were never told of the circle, and
-- `circle_changed_at` the last one that the others see.
CREATE TABLE circle_member (
    circle_id         INTEGER NOT NULL REFERENCES circle (id) ON DELETE CASCADE,
    user_id           INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    role              INTEGER NOT NULL CHECK (role BETWEEN 1 AND 3),
    state             INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
    told              INTEGER NOT NULL CHECK (told IN (0, 1)),
    blocked           INTEGER NOT NULL CHECK (blocked IN (0, 1)),
    book_guid         TEXT    NOT NULL,
    circle_guid       TEXT    NOT NULL,
    inviter_id        INTEGER REFERENCES account (id) ON DELETE SET NULL,
    message           TEXT    NOT NULL,
    created_at        INTEGER NOT NULL,
    state_at          INTEGER NOT NULL,
    book_changed_at   INTEGER NOT NULL,
    circle_changed_at INTEGER NOT NULL,
    PRIMARY KEY (circle_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX circle_member_by_book ON circle_member (user_id, book_guid);
CREATE INDEX circle_member_by_inviter ON circle_member (inviter_id);
