-- The end of a home: what belongs to it is deleted, what others need to go on stays without saying whose it was.
-- Instants are ms since the Unix epoch, UTC. A landed migration is never edited.

-- From then on the row is a stone: its id, so that what its devices measured there is thrown away when it comes late.
ALTER TABLE site ADD COLUMN erased_at BIGINT;
CREATE INDEX site_erased ON site (id) WHERE erased_at IS NOT NULL;

CREATE TABLE erasure (
    id UUID PRIMARY KEY,
    site UUID NOT NULL REFERENCES site (id),
    -- Whose it was when it was asked for: who bought the home since did not ask.
    owner_org UUID NOT NULL,
    asked_by UUID REFERENCES app_user (id),
    created_at BIGINT NOT NULL,
    -- Until then it can be taken back.
    due_at BIGINT NOT NULL,
    cancelled_at BIGINT,
    -- From here on nobody reaches the home, and there is no way back.
    closed_at BIGINT,
    -- Its telemetry is deleted; the log forgets what it held of it up to the entry.
    purged_at BIGINT,
    log_through BIGINT,
    done_at BIGINT,
    -- Rows that were deleted, by table, JSON.
    deleted TEXT NOT NULL DEFAULT '{}',
    -- Signed, for who asked.
    receipt TEXT
);
CREATE UNIQUE INDEX erasure_of_site ON erasure (site) WHERE cancelled_at IS NULL;
CREATE INDEX erasure_open ON erasure (due_at) WHERE cancelled_at IS NULL AND done_at IS NULL;

-- Copies of everything, and until when each is kept: they hold what was erased since.
CREATE TABLE backup (
    id UUID PRIMARY KEY,
    began_at BIGINT NOT NULL,
    -- NULL: it did not end, or has not yet.
    ended_at BIGINT,
    -- Folder or schema, as the console that made it named it.
    place TEXT NOT NULL,
    keep_until BIGINT NOT NULL,
    deleted_at BIGINT
);
