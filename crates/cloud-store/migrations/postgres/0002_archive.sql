-- What became of the log: chunks, status, buckets, days, fleets, events.
-- Instants are ms since the Unix epoch, UTC; energies are µWh, powers mW; dates are ISO 8601 and local.
-- Nothing here refers to the registry's tables: what a device told is kept whatever becomes of its entry there.
-- A landed migration is never edited.

-- How long chunks of this site's devices are kept, days; NULL is the platform's usual time.
ALTER TABLE site ADD COLUMN raw_days BIGINT CHECK (raw_days > 0);

-- When a device was at a site, from_at <= t < to_at; NULL has no end. The first place of a device has no
-- beginning: an appliance can have recorded before it was registered.
CREATE VIEW tenure AS
SELECT device, site,
    CASE WHEN EXISTS (
        SELECT 1 FROM assignment AS earlier
        WHERE earlier.device = assignment.device AND earlier.from_at < assignment.from_at
    ) THEN from_at END AS from_at,
    to_at
FROM assignment;

-- One row: how far into the log its followers are, and the number of the last piece that was sealed.
-- Pieces' numbers are never used again, so a merge can tell by them that nothing came in between.
CREATE TABLE log_cursor (
    folded BIGINT NOT NULL,
    sealed BIGINT NOT NULL CHECK (sealed BETWEEN 0 AND folded),
    pieces BIGINT NOT NULL
);
INSERT INTO log_cursor (folded, sealed, pieces) VALUES (0, 0, 0);

CREATE TABLE chunk (
    device UUID NOT NULL,
    day BIGINT NOT NULL,
    -- 0 is the day once it was merged, above are pieces, below is what was set aside.
    part BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL CHECK (last_at >= first_at),
    row_count BIGINT NOT NULL,
    -- Why and when it was set aside.
    damaged TEXT,
    damaged_at BIGINT,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (device, day, part),
    CHECK ((part < 0) = (damaged IS NOT NULL))
);
-- It is packed already.
ALTER TABLE chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE INDEX chunk_piece ON chunk (day, device) WHERE part > 0;

-- Time of each device's last sealed row; the list of all devices that have chunks.
CREATE TABLE device_sealed (
    device UUID PRIMARY KEY,
    last_at BIGINT NOT NULL
);

-- Half of a page stays free, so that a status can be rewritten in its place.
CREATE TABLE device_status (
    device UUID PRIMARY KEY,
    -- As of its last sample; where it is now is the registry's to say.
    site UUID,
    last_seen BIGINT NOT NULL,
    status BYTEA NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE site_state (
    site UUID PRIMARY KEY,
    state BYTEA NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE bucket_day (
    site UUID NOT NULL,
    -- Days since 1970, UTC.
    day BIGINT NOT NULL,
    buckets BYTEA NOT NULL,
    PRIMARY KEY (site, day)
);
-- It is packed already.
ALTER TABLE bucket_day ALTER COLUMN buckets SET STORAGE EXTERNAL;

CREATE TABLE site_day (
    site UUID NOT NULL,
    date TEXT COLLATE "C" NOT NULL,
    installer UUID,
    -- Quarters since 1970: from the first, up to before the end.
    first_quarter BIGINT NOT NULL,
    end_quarter BIGINT NOT NULL,
    -- NULL is unknown, which is not zero.
    solar BIGINT,
    import BIGINT,
    export BIGINT,
    home BIGINT,
    battery_charge BIGINT,
    battery_discharge BIGINT,
    peak_demand BIGINT,
    covered_ms BIGINT NOT NULL,
    breaks BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    as_of BIGINT NOT NULL,
    is_final BOOLEAN NOT NULL,
    PRIMARY KEY (site, date)
);
CREATE INDEX site_day_open ON site_day (date, site) WHERE NOT is_final;

-- The date is the month's first day.
CREATE TABLE site_month (
    site UUID NOT NULL,
    date TEXT COLLATE "C" NOT NULL,
    installer UUID,
    -- Quarters since 1970: from the first, up to before the end.
    first_quarter BIGINT NOT NULL,
    end_quarter BIGINT NOT NULL,
    -- NULL is unknown, which is not zero.
    solar BIGINT,
    import BIGINT,
    export BIGINT,
    home BIGINT,
    battery_charge BIGINT,
    battery_discharge BIGINT,
    peak_demand BIGINT,
    covered_ms BIGINT NOT NULL,
    breaks BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    as_of BIGINT NOT NULL,
    is_final BOOLEAN NOT NULL,
    PRIMARY KEY (site, date)
);

CREATE TABLE fleet_total (
    -- The installer; zeros for the whole platform.
    fleet UUID NOT NULL,
    period TEXT COLLATE "C" NOT NULL CHECK (period IN ('day', 'month')),
    date TEXT COLLATE "C" NOT NULL,
    sites BIGINT NOT NULL,
    final_sites BIGINT NOT NULL,
    covered_ms BIGINT NOT NULL,
    elapsed_ms BIGINT NOT NULL,
    -- Energies, and how many sites know each.
    solar BIGINT NOT NULL,
    solar_sites BIGINT NOT NULL,
    import BIGINT NOT NULL,
    import_sites BIGINT NOT NULL,
    export BIGINT NOT NULL,
    export_sites BIGINT NOT NULL,
    home BIGINT NOT NULL,
    home_sites BIGINT NOT NULL,
    battery_charge BIGINT NOT NULL,
    battery_charge_sites BIGINT NOT NULL,
    battery_discharge BIGINT NOT NULL,
    battery_discharge_sites BIGINT NOT NULL,
    PRIMARY KEY (fleet, period, date)
);

CREATE TABLE fleet_quarter (
    -- The installer; zeros for the whole platform.
    fleet UUID NOT NULL,
    -- Days since 1970, UTC.
    day BIGINT NOT NULL,
    quarters BYTEA NOT NULL,
    PRIMARY KEY (fleet, day)
);

-- Days as devices summed them up themselves.
CREATE TABLE told_day (
    site UUID NOT NULL,
    date TEXT COLLATE "C" NOT NULL,
    device UUID NOT NULL,
    told_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (site, date, device)
);

CREATE TABLE event (
    site UUID NOT NULL,
    device UUID,
    at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    details TEXT
);
-- The same event twice is one; and a site's events by time.
CREATE UNIQUE INDEX event_once ON event
    (site, at, code, subject, state, coalesce(device, '00000000-0000-0000-0000-000000000000'));

-- Jobs that one process at a time does. No holder: nobody does it now.
CREATE TABLE lease (
    job TEXT PRIMARY KEY,
    holder UUID,
    held_until BIGINT NOT NULL,
    done_at BIGINT
);
