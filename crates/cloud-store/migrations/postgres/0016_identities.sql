-- Who signs in elsewhere. A landed migration is never edited.

-- By which a person unlinks it.
ALTER TABLE identity ADD COLUMN id UUID;
CREATE UNIQUE INDEX identity_by_id ON identity (id);
-- Who is to be linked when the trip ends; NULL for one that signs somebody in.
ALTER TABLE identity_trip ADD COLUMN app_user UUID REFERENCES app_user (id);
-- The session that it was begun in, which has to be the one that ends it.
ALTER TABLE identity_trip ADD COLUMN session UUID;
ALTER TABLE identity_trip ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX identity_trip_by_end ON identity_trip (expires_at);
