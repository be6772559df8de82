-- What the cloud is told: the samples of a batch, packed (store/delivery.rs). first and last are the
-- numbers of its first and last sample, minute that of the last one in minutes since 1970 UTC.
CREATE TABLE sample (
  first INTEGER PRIMARY KEY,
  last INTEGER NOT NULL,
  minute INTEGER NOT NULL,
  packed BLOB NOT NULL
) STRICT;

-- How much of everything the cloud has, as JSON; with the row that is written each minute anyway.
ALTER TABLE state ADD COLUMN told TEXT;
