-- How people and programs sign in, and how homes change hands.
-- Instants are ms since the Unix epoch, UTC. Whatever is as good as a password is kept as SHA-256 of 256
-- random bits, or sealed with a key that is not in the database. A landed migration is never edited.

-- Nothing older is shown to the owner: the seller did not hand it over.
ALTER TABLE site ADD COLUMN owner_data_from BIGINT;
-- When commissioning was over and the owner took the site.
ALTER TABLE site ADD COLUMN handed_over_at BIGINT;
-- Grows with every change, for If-Match.
ALTER TABLE site ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE site ADD COLUMN archived_at BIGINT;
CREATE INDEX site_of_owner ON site (owner_org, name, id);

ALTER TABLE org ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

ALTER TABLE app_user ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE app_user ADD COLUMN email_proven_at BIGINT;
-- The secret of the second factor, sealed; it counts once it was proven.
ALTER TABLE app_user ADD COLUMN totp BYTEA;
ALTER TABLE app_user ADD COLUMN totp_proven_at BIGINT;
-- The step of the last code that was taken: none is taken twice.
ALTER TABLE app_user ADD COLUMN totp_step BIGINT;

CREATE TABLE recovery_code (
    app_user UUID NOT NULL REFERENCES app_user (id),
    hash BYTEA NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (app_user, hash)
);

CREATE TABLE session (
    hash BYTEA PRIMARY KEY,
    -- By which its owner lists and ends it.
    id UUID NOT NULL UNIQUE,
    app_user UUID NOT NULL REFERENCES app_user (id),
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When the second factor was proven in it.
    factor_at BIGINT,
    -- What the browser called itself, shortened.
    agent TEXT
);
CREATE INDEX session_of_user ON session (app_user);
CREATE INDEX session_by_end ON session (expires_at);

-- For people's own scripts.
CREATE TABLE personal_token (
    id UUID PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,
    app_user UUID NOT NULL REFERENCES app_user (id),
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    -- Ids with a space between; NULL for all of the person's.
    sites TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    used_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX personal_token_of_user ON personal_token (app_user);

-- Links that were sent by mail: a password to be set, an address to be proven.
CREATE TABLE mail_link (
    hash BYTEA PRIMARY KEY,
    app_user UUID NOT NULL REFERENCES app_user (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('reset', 'prove')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX mail_link_of_user ON mail_link (app_user);

-- Into an org, as something.
CREATE TABLE invitation (
    id UUID PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,
    org UUID NOT NULL REFERENCES org (id),
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'technician', 'viewer')),
    invited_by UUID REFERENCES app_user (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT,
    accepted_by UUID REFERENCES app_user (id),
    revoked_at BIGINT
);
CREATE INDEX invitation_of_org ON invitation (org, created_at);

-- A home on its way to another owner: hand-over after commissioning, or sale.
CREATE TABLE site_transfer (
    id UUID PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,
    site UUID NOT NULL REFERENCES site (id),
    from_org UUID NOT NULL REFERENCES org (id),
    to_email TEXT NOT NULL,
    to_email_key TEXT NOT NULL,
    history TEXT NOT NULL CHECK (history IN ('all', 'from_date', 'none')),
    -- With 'from_date': the beginning of that day at the site.
    data_from BIGINT,
    offered_by UUID REFERENCES app_user (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT,
    to_org UUID REFERENCES org (id),
    accepted_by UUID REFERENCES app_user (id),
    -- Withdrawn by the one, or declined by the other.
    ended_at BIGINT,
    CHECK ((history = 'from_date') = (data_from IS NOT NULL))
);
CREATE UNIQUE INDEX site_transfer_open ON site_transfer (site) WHERE accepted_at IS NULL AND ended_at IS NULL;
CREATE INDEX site_transfer_to ON site_transfer (to_email_key);

-- An admin of the platform at somebody's site, in sight of the owner.
CREATE TABLE support_session (
    id UUID PRIMARY KEY,
    app_user UUID NOT NULL REFERENCES app_user (id),
    site UUID NOT NULL REFERENCES site (id),
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_by UUID REFERENCES app_user (id)
);
CREATE INDEX support_session_of_user ON support_session (app_user, until_at);
CREATE INDEX support_session_of_site ON support_session (site, created_at);

-- Programs of partners, and apps that people let in.
CREATE TABLE oauth_client (
    id UUID PRIMARY KEY,
    org UUID NOT NULL REFERENCES org (id),
    name TEXT NOT NULL,
    -- NULL for an app that can keep no secret, and proves itself by PKCE.
    secret_hash BYTEA,
    -- With a space between.
    redirect_uris TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by UUID REFERENCES app_user (id),
    revoked_at BIGINT
);
CREATE INDEX oauth_client_of_org ON oauth_client (org);

-- What a person let an app do.
CREATE TABLE oauth_consent (
    id UUID PRIMARY KEY,
    client UUID NOT NULL REFERENCES oauth_client (id),
    app_user UUID NOT NULL REFERENCES app_user (id),
    scopes TEXT NOT NULL,
    -- Ids with a space between; NULL for all of the person's.
    sites TEXT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX oauth_consent_of_user ON oauth_consent (app_user);

CREATE TABLE oauth_code (
    hash BYTEA PRIMARY KEY,
    consent UUID NOT NULL REFERENCES oauth_consent (id),
    redirect_uri TEXT NOT NULL,
    -- SHA-256 that the app shall show the origin of.
    challenge BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

-- Each is used once and leads to the next of its family; one that comes again ends the family.
CREATE TABLE oauth_refresh (
    hash BYTEA PRIMARY KEY,
    family UUID NOT NULL,
    consent UUID NOT NULL REFERENCES oauth_consent (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX oauth_refresh_family ON oauth_refresh (family);
CREATE INDEX oauth_refresh_consent ON oauth_refresh (consent);

-- Keys that access tokens are signed with; the private half is sealed.
CREATE TABLE signing_key (
    id UUID PRIMARY KEY,
    public_key BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    -- Signs nothing from then on; what it signed is believed until it ends.
    retires_at BIGINT NOT NULL
);

-- Who is whom at an identity provider.
CREATE TABLE identity (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    app_user UUID NOT NULL REFERENCES app_user (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identity_of_user ON identity (app_user);

-- A sign-in that is away at an identity provider.
CREATE TABLE identity_trip (
    hash BYTEA PRIMARY KEY,
    issuer TEXT NOT NULL,
    nonce TEXT NOT NULL,
    -- The secret of PKCE, sealed.
    verifier BYTEA NOT NULL,
    return_to TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Everything of a site in files, or its end.
CREATE TABLE site_job (
    id UUID PRIMARY KEY,
    site UUID NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('export', 'erasure')),
    format TEXT,
    asked_by UUID REFERENCES app_user (id),
    created_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    -- What is asked for, how far it is and what came of it, JSON.
    asked TEXT NOT NULL,
    progress TEXT,
    result TEXT,
    changed_at BIGINT NOT NULL,
    -- A file is deleted then.
    expires_at BIGINT
);
CREATE INDEX site_job_of_site ON site_job (site, created_at);
CREATE INDEX site_job_open ON site_job (created_at) WHERE state IN ('waiting', 'running');

-- An answer to a call that must not be done twice, by the key that the caller chose.
CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash BYTEA NOT NULL,
    status BIGINT NOT NULL,
    answer TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (owner, key)
);
CREATE INDEX idempotency_by_end ON idempotency (expires_at);

-- Installers that work at a site today are given what they had, from when they came.
INSERT INTO site_grant (id, site, grantee_org, scopes, basis, created_at, valid_from)
SELECT gen_random_uuid(), site, installer_org,
    'production consumption live alerts config.read config.write commands logs export', 'commissioning',
    min(from_at), min(from_at)
FROM assignment WHERE to_at IS NULL GROUP BY site, installer_org;
