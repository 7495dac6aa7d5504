-- The hash of another server that an account came from, until its owner signs in for the first time:
-- then the password is known and hashed as all others, and this is null again. While it is there,
-- `password_full` is a hash that no password has.
ALTER TABLE credential ADD COLUMN imported_hash TEXT;
