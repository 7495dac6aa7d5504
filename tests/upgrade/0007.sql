-- Ann runs the server from a browser.
UPDATE account SET is_admin = 1 WHERE id = 1;
UPDATE credential SET legacy_is_separate = 1 WHERE user_id = 1;
INSERT INTO web_session (digest, user_id, browser, peer, created_at, seen_at, expires_at) VALUES
    ('0123456789', 1, 'A browser', '192.0.2.1', 1600000004000, 1600000004000, 9999999999999);
INSERT INTO invitation (code, note, uses_left, created_by, created_at, expires_at) VALUES
    ('come-in', 'for the choir', 3, 1, 1600000004000, NULL);
INSERT INTO audit (seq, at, actor, peer, action, subject, detail) VALUES
    (9, 1600000004000, 'ann@example.com', '192.0.2.1', 'disable', 'cid@example.com', '');
