-- Flags of devices as alerts, kept up by whoever follows the log. What a device told is kept whatever becomes of its entry
-- in the registry, so the table refers to it no more; SQLite cannot drop a reference, the table is made anew.
-- Instants are ms since the Unix epoch, UTC. A landed migration is never edited.

CREATE TABLE alert_anew (
    id UUID PRIMARY KEY,
    -- The rule, or the flag.
    code TEXT NOT NULL,
    -- Of what, within the rule: a site, a device and its channel, a group.
    subject TEXT NOT NULL,
    -- NULL for what concerns more than one.
    site UUID,
    device UUID,
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
    -- Who judges: a rule of the cloud, or the device itself, whose flag it is.
    origin TEXT NOT NULL DEFAULT 'rule' CHECK (origin IN ('rule', 'device')),
    -- Which meter, channel or part; empty where there is no such thing.
    part TEXT NOT NULL DEFAULT '',
    CHECK ((state = 'resolved') = (resolved_at IS NOT NULL))
);
INSERT INTO alert_anew (id, code, subject, site, device, severity, state, memory, began_at, fired_at, resolved_at, changed_at,
    acknowledged_at, acknowledged_by, assigned_to, snoozed_until, suppressed_by, resolution, lost_wh, message, details)
SELECT id, code, subject, site, device, severity, state, memory, began_at, fired_at, resolved_at, changed_at,
    acknowledged_at, acknowledged_by, assigned_to, snoozed_until, suppressed_by, resolution, lost_wh, message, details FROM alert;
DROP TABLE alert;
ALTER TABLE alert_anew RENAME TO alert;
CREATE UNIQUE INDEX alert_open ON alert (code, subject) WHERE resolved_at IS NULL;
CREATE INDEX alert_of_site ON alert (site, began_at);
CREATE INDEX alert_of_device ON alert (device, site, began_at) WHERE origin = 'device';
