-- Which sign-in a ticket came from. Tickets that were issued together share a random number, so
-- that a change by a web service can be told from the session that belongs to the same client.
ALTER TABLE ticket ADD COLUMN grant_id INTEGER NOT NULL DEFAULT 0;

-- Nothing tells anymore which of the older ones belong together.
UPDATE ticket SET grant_id = random();
