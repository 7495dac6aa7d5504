-- Something waits for ben.
INSERT INTO offline_message (seq, guid, recipient_id, sender_id, sender_name, run, sequence, body, size, is_read, received_at) VALUES
    (3, '55555555-0000-4000-8000-000000000001', 2, 1, 'Ann Ä', '55555555-0000-4000-8000-0000000000aa', 1, 'Call me. Ä', 900, 0, 1600000001000),
    (4, '55555555-0000-4000-8000-000000000002', 2, 1, 'Ann Ä', '55555555-0000-4000-8000-0000000000aa', 2, 'Soon.', 900, 1, 1600000001100);
