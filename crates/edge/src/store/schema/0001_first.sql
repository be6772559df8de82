-- The first schema. A landed migration is never edited: a change is a new file.
-- Units: energies in micro-watt-hours, powers in milliwatts, voltages in millivolts, currents in
-- milliamperes, frequency in millihertz, power factors in ten-thousandths, instants in microseconds
-- since 1970 UTC, minutes in minutes since 1970 UTC. NULL is unknown, never zero.

-- Facts about the file: boot, boot_count, starts, timezone, pruned_to.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- One start of the daemon. clean: it said goodbye.
CREATE TABLE run (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  run TEXT NOT NULL UNIQUE,
  version TEXT NOT NULL,
  started INTEGER NOT NULL,
  clean INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Names of inputs and channels, as numbers in minute.detail.
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

-- One row a minute, run and part. id = minute << 32 | (run.seq & 65535) << 16 | part: ordered by
-- time, appended at the end. detail: voltages, currents and powers by name (store/detail.rs).
CREATE TABLE minute (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  covered_ms INTEGER NOT NULL,
  solar_uwh INTEGER, import_uwh INTEGER, export_uwh INTEGER, home_uwh INTEGER, charge_uwh INTEGER, discharge_uwh INTEGER, ev_uwh INTEGER,
  solar_bridged INTEGER, import_bridged INTEGER, export_bridged INTEGER, home_bridged INTEGER, charge_bridged INTEGER, discharge_bridged INTEGER, ev_bridged INTEGER,
  samples INTEGER NOT NULL,
  solar_total INTEGER, import_total INTEGER, export_total INTEGER, home_total INTEGER, charge_total INTEGER, discharge_total INTEGER, ev_total INTEGER,
  solar_mw INTEGER, home_mw INTEGER, grid_mw INTEGER, battery_mw INTEGER, ev_mw INTEGER,
  solar_min INTEGER, home_min INTEGER, grid_min INTEGER, battery_min INTEGER, ev_min INTEGER,
  solar_max INTEGER, home_max INTEGER, grid_max INTEGER, battery_max INTEGER, ev_max INTEGER,
  frequency INTEGER,
  pf INTEGER,
  quality TEXT,
  detail BLOB
) STRICT;

-- Local days: key is yyyymmdd, the span in UTC minutes tells where the zone cut them.
CREATE TABLE day (
  key INTEGER PRIMARY KEY,
  from_minute INTEGER NOT NULL,
  to_minute INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  covered_ms INTEGER NOT NULL,
  peak_mw INTEGER,
  solar_uwh INTEGER, import_uwh INTEGER, export_uwh INTEGER, home_uwh INTEGER, charge_uwh INTEGER, discharge_uwh INTEGER, ev_uwh INTEGER
) STRICT;

-- Local months: key is yyyymm, otherwise as day.
CREATE TABLE month (
  key INTEGER PRIMARY KEY,
  from_minute INTEGER NOT NULL,
  to_minute INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  covered_ms INTEGER NOT NULL,
  peak_mw INTEGER,
  solar_uwh INTEGER, import_uwh INTEGER, export_uwh INTEGER, home_uwh INTEGER, charge_uwh INTEGER, discharge_uwh INTEGER, ev_uwh INTEGER
) STRICT;

-- What happened: flags raised and cleared, ledger entries, clock steps, starts. what is JSON.
CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL) STRICT;
CREATE INDEX event_at ON event (at);

-- One row: the ledger after the newest batch, with a checksum. run and batch tell whether a commit
-- that seemed to fail is there all the same.
CREATE TABLE state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  run INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  at INTEGER,
  ledger TEXT,
  checksum INTEGER NOT NULL
) STRICT;
