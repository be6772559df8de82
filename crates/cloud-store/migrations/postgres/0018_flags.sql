-- Flags of devices as alerts, kept up by whoever follows the log. What a device told is kept whatever becomes of its entry
-- in the registry, so the table refers to it no more. Its policy stays as it is.
-- Instants are ms since the Unix epoch, UTC. A landed migration is never edited.

ALTER TABLE alert DROP CONSTRAINT alert_site_fkey, DROP CONSTRAINT alert_device_fkey;
-- Who judges: a rule of the cloud, or the device itself, whose flag it is.
ALTER TABLE alert ADD COLUMN origin TEXT COLLATE "C" NOT NULL DEFAULT 'rule' CHECK (origin IN ('rule', 'device'));
-- Which meter, channel or part; empty where there is no such thing.
ALTER TABLE alert ADD COLUMN part TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX alert_of_device ON alert (device, site, began_at) WHERE origin = 'device';
