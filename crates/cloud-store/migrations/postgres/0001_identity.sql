-- Who there is: orgs, sites, devices, and which device is where.
-- Instants are ms since the Unix epoch, UTC. A landed migration is never edited.

CREATE TABLE org (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('household', 'installer', 'platform')),
    name TEXT NOT NULL,
    contact TEXT,
    created_at BIGINT NOT NULL
);

CREATE TABLE site (
    id UUID PRIMARY KEY,
    owner_org UUID NOT NULL REFERENCES org (id),
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    size_w BIGINT CHECK (size_w >= 0),
    -- Rounded to a tenth of a degree, about 10 km: enough for the sun, too little for an address.
    latitude_tenths BIGINT CHECK (latitude_tenths BETWEEN -900 AND 900),
    longitude_tenths BIGINT CHECK (longitude_tenths BETWEEN -1800 AND 1800),
    created_at BIGINT NOT NULL
);

CREATE TABLE device (
    id UUID PRIMARY KEY,
    serial TEXT NOT NULL UNIQUE,
    model TEXT,
    firmware TEXT,
    -- Meters and clamps as the device last told them, JSON.
    config TEXT,
    created_at BIGINT NOT NULL,
    deactivated_at BIGINT,
    -- Grows with every change that a node must hear of; see `revision`.
    revision BIGINT NOT NULL
);
CREATE INDEX device_by_revision ON device (revision);

-- One row: the newest revision that was given out.
CREATE TABLE revision (newest BIGINT NOT NULL);
INSERT INTO revision (newest) VALUES (0);

-- Two slots a device, so that a new token can be handed over while the old one still works.
CREATE TABLE device_token (
    device UUID NOT NULL REFERENCES device (id),
    slot BIGINT NOT NULL CHECK (slot IN (0, 1)),
    -- SHA-256 of 256 random bits: nothing to guess.
    hash BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (device, slot)
);

CREATE TABLE installer_code (
    -- Keyed hash: a code has few bits, and the key is not in the database.
    hash BYTEA PRIMARY KEY,
    site UUID NOT NULL REFERENCES site (id),
    installer_org UUID NOT NULL REFERENCES org (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    uses_left BIGINT NOT NULL CHECK (uses_left >= 0)
);

-- Where a device was when; history stays with the site.
CREATE TABLE assignment (
    device UUID NOT NULL REFERENCES device (id),
    site UUID NOT NULL REFERENCES site (id),
    installer_org UUID NOT NULL REFERENCES org (id),
    from_at BIGINT NOT NULL,
    to_at BIGINT CHECK (to_at >= from_at),
    PRIMARY KEY (device, from_at)
);
CREATE UNIQUE INDEX assignment_now ON assignment (device) WHERE to_at IS NULL;
CREATE INDEX assignment_of_site ON assignment (site, from_at);

-- What an org is to be told.
CREATE TABLE notice (
    id UUID PRIMARY KEY,
    org UUID NOT NULL REFERENCES org (id),
    code TEXT NOT NULL,
    device UUID NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX notice_of_org ON notice (org, created_at);
