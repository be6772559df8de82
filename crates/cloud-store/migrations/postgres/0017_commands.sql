-- Commands to appliances, and homes that somebody watches at this moment.
-- Instants are ms since the Unix epoch, UTC. A landed migration is never edited.

CREATE TABLE command (
    id UUID PRIMARY KEY,
    -- Where its device was when it was asked: elsewhere nobody gets it.
    site UUID NOT NULL REFERENCES site (id),
    device UUID NOT NULL REFERENCES device (id),
    kind TEXT NOT NULL,
    -- JSON.
    args TEXT NOT NULL,
    -- Who asked; the service if it is neither.
    asked_user UUID REFERENCES app_user (id),
    asked_client UUID REFERENCES oauth_client (id),
    -- The visit that gave the right, if nothing else did.
    support UUID,
    created_at BIGINT NOT NULL,
    -- Until then it may begin.
    expires_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN
        ('queued', 'delivered', 'accepted', 'running', 'done', 'failed', 'refused', 'expired', 'cancelled')),
    -- Thousandths.
    progress BIGINT,
    -- What came of it, JSON.
    result TEXT,
    sent_at BIGINT,
    -- When its device was heard of last about it.
    told_at BIGINT,
    ended_at BIGINT,
    -- Of the registry when it began or ceased to wait for its device, by which nodes hear of it.
    revision BIGINT NOT NULL
);
CREATE INDEX command_of_site ON command (site, created_at, id);
CREATE INDEX command_by_revision ON command (revision);
CREATE INDEX command_open ON command (device) WHERE state IN ('queued', 'delivered', 'accepted', 'running');
CREATE INDEX command_ended ON command (ended_at) WHERE ended_at IS NOT NULL;

-- Homes whose appliances send a snapshot each second while somebody looks; a row ends by itself.
CREATE TABLE live_watch (
    site UUID PRIMARY KEY REFERENCES site (id),
    until_at BIGINT NOT NULL
);

CREATE POLICY second_wall ON command USING ((SELECT seen_kind()) = '' OR site = (SELECT seen_id(ARRAY['site'])));
CREATE POLICY second_wall ON live_watch USING ((SELECT seen_kind()) = '' OR site = (SELECT seen_id(ARRAY['site'])));
ALTER TABLE command ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE live_watch ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
