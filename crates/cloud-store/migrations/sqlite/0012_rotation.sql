-- Tokens that take over from one another; see decision 0012.
-- The same as for PostgreSQL, whose types SQLite takes by affinity.
-- Instants are ms since the Unix epoch, UTC. A landed migration is never edited.

-- Rotations that were asked for, ever: each has a next token of its own.
ALTER TABLE device ADD COLUMN rotation BIGINT NOT NULL DEFAULT 0;
-- When the one was asked for that is not over.
ALTER TABLE device ADD COLUMN rotation_asked_at BIGINT;
-- Of a token that is offered and was not used yet; NULL once it was.
ALTER TABLE device_token ADD COLUMN rotation BIGINT;
