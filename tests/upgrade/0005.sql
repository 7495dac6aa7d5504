-- What ann shows; the pictures are no true ones, which the database does not mind.
INSERT INTO profile (user_id, version, changed_at, name_changed_at, message_changed_at, flags, next_tile, tile) VALUES
    (1, 4, 1600000002000, 1600000001900, NULL, 5, 207, 206);
INSERT INTO tile (user_id, number, version, name, kind, data, small, changed_at) VALUES
    (1, 205, 1, 'old.png', 1, x'89504e470d0a', x'89504e47', 1600000001500),
    (1, 206, 2, 'new.jpg', 2, x'ffd8ffe0', x'89504e470d', 1600000001600);
INSERT INTO activity (id, user_id, kind, what, happened_at) VALUES
    (1, 1, 1, 'Ann Ä', 1600000001900), (2, 1, 3, '', 1600000002000);
