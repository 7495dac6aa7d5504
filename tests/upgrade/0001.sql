-- Three people: ann and ben have each other, ben has not answered cid yet, ann blocks cid.
-- Everybody's password is secret-1.
INSERT INTO account (id, address, name, privacy, reverse_prompt, phone_home, phone_work, phone_mobile, may_page, message, default_group_name, disabled, revision, lists_changed_at, settings_changed_at, created_at, last_sign_in) VALUES
    (1, 'ann@example.com', 'Ann%20Ä', 1, 1, '%2B49%20123', NULL, '555', 1, 'out to lunch', '~', 0, 150000010, 1600000000100, 1600000000200, 1600000000000, 1600000000300),
    (2, 'ben@example.com', 'Ben', 0, 0, NULL, NULL, NULL, 0, '', 'Others', 0, 150000020, 1600000000100, 1600000000200, 1600000000000, NULL),
    (3, 'cid@example.com', 'cid@example.com', 0, 0, NULL, NULL, NULL, 0, '', '~', 1, 150000030, 1600000000100, 1600000000200, 1600000000000, NULL);
INSERT INTO credential (user_id, password_full, password_first16, legacy_salt, legacy_digest) VALUES
    (1, '$argon2id$v=19$m=8,t=1,p=1$wxkbXGl9yeKQNEeko8n5IA$qaobaPbhtMBuIDJeV7a80vmL+zxHrY+dwWnD1OqmDtQ', NULL, '1895691938.554471209', '6bc68a518600117e2fe827f879ac7999'),
    (2, '$argon2id$v=19$m=8,t=1,p=1$GE8eRR+lTJYBp0plvGBvoA$pmR9y1lrLM49cI4Tbpo/MgVIa3/FRhJLwDsTE9xq418', NULL, NULL, NULL),
    (3, '$argon2id$v=19$m=8,t=1,p=1$JxeA1n8ZD6G5p7xFg+0NlQ$/nuL2r7cX5KN2kxh//iWo9CWLydNe2SVzIJFjerErP8', NULL, NULL, NULL);
INSERT INTO contact_group (owner_id, number, guid, name) VALUES
    (1, 1, '11111111-0000-4000-8000-000000000001', 'Friends'),
    (1, 29, '11111111-0000-4000-8000-000000000002', 'At%20work');
INSERT INTO contact (owner_id, contact_id, guid, name, list_bits, group_bits, added_in) VALUES
    (1, 2, '22222222-0000-4000-8000-000000000001', 'Benny', 11, 536870914, 150000002),
    (1, 3, '22222222-0000-4000-8000-000000000002', 'cid@example.com', 4, 0, 150000003),
    (2, 1, '22222222-0000-4000-8000-000000000003', 'Ann', 11, 0, 150000002),
    (2, 3, '22222222-0000-4000-8000-000000000004', 'cid@example.com', 24, 0, 150000004),
    (3, 2, '22222222-0000-4000-8000-000000000005', 'Ben', 3, 0, 150000005);
INSERT INTO ticket (digest, user_id, expires_at) VALUES ('abcdef', 1, 9999999999999);
INSERT INTO notice (seq, user_id, kind, extra, created_at) VALUES (7, 2, 3, NULL, 9999999999999);
INSERT INTO server_secret (name, value) VALUES
    ('legacy challenge', '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
UPDATE revision_floor SET revision = 150000099;
