-- People and what they may see, what they are told, and who did what.
-- The same as for PostgreSQL, whose types SQLite takes by affinity; UUIDs are 16 bytes.
-- Instants are ms since the Unix epoch, UTC. A landed migration is never edited.

-- A code can be listed and revoked by its id; the code itself is not kept.
CREATE TABLE installer_code_with_id (
    id UUID NOT NULL UNIQUE,
    -- Keyed hash: a code has few bits, and the key is not in the database.
    hash BLOB PRIMARY KEY,
    site UUID NOT NULL REFERENCES site (id),
    installer_org UUID NOT NULL REFERENCES org (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    uses_left BIGINT NOT NULL CHECK (uses_left >= 0),
    revoked_at BIGINT
);
INSERT INTO installer_code_with_id
SELECT randomblob(16), hash, site, installer_org, created_at, expires_at, uses_left, NULL FROM installer_code;
DROP TABLE installer_code;
ALTER TABLE installer_code_with_id RENAME TO installer_code;

-- One device measures a site at a time: its totals follow one ledger.
CREATE UNIQUE INDEX assignment_of_site_now ON assignment (site) WHERE to_at IS NULL;

-- Meters and clamps of a site as they were told, each time that they changed.
CREATE TABLE site_config (
    site UUID NOT NULL REFERENCES site (id),
    -- Of the registry when it was told.
    revision BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- 'device', or who else said so.
    told_by TEXT NOT NULL,
    device UUID REFERENCES device (id),
    json TEXT NOT NULL,
    PRIMARY KEY (site, revision)
);

CREATE TABLE app_user (
    id UUID PRIMARY KEY,
    -- As it was typed, and as it is compared.
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    locale TEXT NOT NULL,
    -- Argon2id in the PHC form; NULL for who signs in elsewhere or was only invited.
    password TEXT,
    created_at BIGINT NOT NULL,
    -- Sessions that began before this are over.
    sessions_since BIGINT NOT NULL,
    deactivated_at BIGINT
);

CREATE TABLE membership (
    org UUID NOT NULL REFERENCES org (id),
    app_user UUID NOT NULL REFERENCES app_user (id),
    role TEXT NOT NULL CHECK (role IN ('admin', 'technician', 'viewer')),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org, app_user)
);
CREATE INDEX membership_of_user ON membership (app_user);

-- Who but its owner may see what of a site. Rows are added and revoked, never changed.
CREATE TABLE site_grant (
    id UUID PRIMARY KEY,
    site UUID NOT NULL REFERENCES site (id),
    grantee_org UUID REFERENCES org (id),
    grantee_user UUID REFERENCES app_user (id),
    -- Names with a space between.
    scopes TEXT NOT NULL,
    basis TEXT NOT NULL CHECK (basis IN ('commissioning', 'owner_consent', 'support', 'legal')),
    -- NULL: the service, by rule.
    granted_by UUID REFERENCES app_user (id),
    created_at BIGINT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_to BIGINT CHECK (valid_to >= valid_from),
    -- Nothing older than this is shown; NULL shows all.
    data_from BIGINT,
    revoked_at BIGINT,
    CHECK ((grantee_org IS NULL) <> (grantee_user IS NULL))
);
CREATE INDEX site_grant_of_site ON site_grant (site);
CREATE INDEX site_grant_of_org ON site_grant (grantee_org) WHERE revoked_at IS NULL;
CREATE INDEX site_grant_of_user ON site_grant (grantee_user) WHERE revoked_at IS NULL;

-- One row for each time that a rule fired for a subject, and for one that is about to.
CREATE TABLE alert (
    id UUID PRIMARY KEY,
    -- The rule.
    code TEXT NOT NULL,
    -- Of what, within the rule: a site, a device and its channel, a group.
    subject TEXT NOT NULL,
    -- NULL for what concerns more than one.
    site UUID REFERENCES site (id),
    device UUID REFERENCES device (id),
    severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'high', 'critical')),
    state TEXT NOT NULL CHECK (state IN ('pending', 'firing', 'recovering', 'resolved')),
    -- What the rule keeps in mind, JSON.
    memory TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    fired_at BIGINT,
    resolved_at BIGINT,
    changed_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    acknowledged_by UUID REFERENCES app_user (id),
    assigned_to UUID REFERENCES app_user (id),
    snoozed_until BIGINT,
    suppressed_by TEXT,
    resolution TEXT,
    lost_wh BIGINT,
    message TEXT NOT NULL,
    -- JSON.
    details TEXT,
    CHECK ((state = 'resolved') = (resolved_at IS NOT NULL))
);
CREATE UNIQUE INDEX alert_open ON alert (code, subject) WHERE resolved_at IS NULL;
CREATE INDEX alert_of_site ON alert (site, began_at);

-- What a site pays and is paid, JSON; the version with the latest beginning is in force.
CREATE TABLE tariff (
    site UUID NOT NULL REFERENCES site (id),
    version BIGINT NOT NULL,
    -- The site's local date, ISO 8601.
    valid_from TEXT NOT NULL,
    json TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by UUID REFERENCES app_user (id),
    PRIMARY KEY (site, version)
);

-- Who did what. Each row's hash covers the row and the hash before it, so a change anywhere shows.
-- No secrets and no personal data but ids: a row is never deleted.
CREATE TABLE audit (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    org UUID,
    site UUID,
    device UUID,
    -- JSON.
    details TEXT,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL
);
CREATE INDEX audit_of_site ON audit (site, seq);

-- One row: where the chain ends, so that a missing end shows too. Its lock puts writers in line.
CREATE TABLE audit_head (newest BIGINT NOT NULL, hash BLOB NOT NULL);
INSERT INTO audit_head (newest, hash) VALUES (0, zeroblob(32));

CREATE TRIGGER audit_is_kept BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_kept_whole BEFORE DELETE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
