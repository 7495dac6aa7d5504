-- What the address book keeps: cards, of somebody without account too, and what left it.
UPDATE book_clock SET stamp = 1600000009000;
INSERT INTO own_card (user_id, guid, fields, changed_at) VALUES
    (1, '33333333-0000-4000-8000-000000000001', '{"texts":{"comment":"me"},"annotations":{"MSN.IM.HasSharedFolder":"0"}}', 1600000000400),
    (2, '33333333-0000-4000-8000-000000000002', '{}', 1600000000400),
    (3, '33333333-0000-4000-8000-000000000003', '{}', 1600000000400);
INSERT INTO card (owner_id, guid, account_id, address, fields, group_bits, created_at, changed_at) VALUES
    (1, '22222222-0000-4000-8000-000000000001', 2, NULL, '{"texts":{"firstName":"Benjamin"},"items":{"phones":{"ContactPhonePersonal":{"number":"123"}}},"annotations":{"AB.NickName":"Benny"}}', 0, 1600000000500, 1600000000500),
    (1, '44444444-0000-4000-8000-000000000001', NULL, 'gran@example.net', '{"texts":{"displayName":"Gran"}}', 2, 1600000000600, 1600000000600),
    (2, '22222222-0000-4000-8000-000000000003', 1, NULL, '{}', 0, 1600000000500, 1600000000500),
    (3, '22222222-0000-4000-8000-000000000005', 2, NULL, '{}', 0, 1600000000500, 1600000000500);
UPDATE contact SET created_at = 1600000000500, changed_at = 1600000000500;
UPDATE contact SET invitation = 'Shall we talk?' WHERE owner_id = 2 AND contact_id = 3;
UPDATE contact_group SET is_favorite = 1, annotations = '{"colour":"green"}' WHERE number = 1;
INSERT INTO foreign_member (id, owner_id, kind, address, role, annotations, created_at, changed_at) VALUES
    (5, 1, 1, 'gran@example.net', 1, '{"MSN.IM.BuddyType":"32:"}', 1600000000700, 1600000000700),
    (6, 1, 2, 'tel:+49123', 2, '{}', 1600000000700, 1600000000700);
INSERT INTO removal (owner_id, kind, item, address, role, stamp) VALUES
    (1, 1, '44444444-0000-4000-8000-000000000009', 'dan@example.com', NULL, 1600000000800),
    (1, 4, '4', 'dan@example.net', 1, 1600000000800);
