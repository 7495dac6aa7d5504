-- Two tickets of one sign-in.
INSERT INTO ticket (digest, user_id, expires_at, grant_id) VALUES
    ('bcdef0', 1, 9999999999999, 77), ('cdef01', 1, 9999999999999, 77);
