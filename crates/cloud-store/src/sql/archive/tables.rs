//! The tables that a checkpoint writes, as rows.

use sqlx::types::Uuid;

use super::record::record;

record! {
    /// What is known of a device now.
    StatusRow by (device) {
        1 device: Uuid,
        2 site: Option<Uuid>,
        3 last_seen: i64,
        4 status: Vec<u8>,
    }
    table DEVICE_STATUS = "device_status" replacing;
    read STATUS_OF_DEVICE = "FROM device_status WHERE device = $1";
}

record! {
    /// Where a site's fold stands.
    StateRow by (site) {
        1 site: Uuid,
        2 state: Vec<u8>,
    }
    table SITE_STATE = "site_state" replacing;
}

record! {
    /// A site's buckets of a UTC day.
    BucketDayRow by (site, day) {
        1 site: Uuid,
        2 day: i64,
        3 buckets: Vec<u8>,
    }
    table BUCKET_DAY = "bucket_day" replacing;
    read BUCKET_DAYS = "FROM bucket_day WHERE site = $1 AND day >= $2 AND day < $3 ORDER BY day";
}

record! {
    /// A local day or month of a site.
    RollupRow by (site, date) {
        1 site: Uuid,
        2 date: String,
        3 installer: Option<Uuid>,
        4 first_quarter: i64,
        5 end_quarter: i64,
        6 solar: Option<i64>,
        7 import: Option<i64>,
        8 export: Option<i64>,
        9 home: Option<i64>,
        10 battery_charge: Option<i64>,
        11 battery_discharge: Option<i64>,
        12 peak_demand: Option<i64>,
        13 covered_ms: i64,
        14 breaks: i64,
        15 revision: i64,
        16 as_of: i64,
        17 is_final: bool,
    }
    table SITE_DAY = "site_day" replacing;
    table SITE_MONTH = "site_month" replacing;
    read SITE_DAYS = "FROM site_day WHERE site = $1 AND date >= $2 AND date < $3 ORDER BY date";
    read SITE_MONTHS = "FROM site_month WHERE site = $1 AND date >= $2 AND date < $3 ORDER BY date";
}

record! {
    /// A fleet's sums of a day or a month.
    TotalRow by (fleet, period, date) {
        1 fleet: Uuid,
        2 period: String,
        3 date: String,
        4 sites: i64,
        5 final_sites: i64,
        6 covered_ms: i64,
        7 elapsed_ms: i64,
        8 solar: i64,
        9 solar_sites: i64,
        10 import: i64,
        11 import_sites: i64,
        12 export: i64,
        13 export_sites: i64,
        14 home: i64,
        15 home_sites: i64,
        16 battery_charge: i64,
        17 battery_charge_sites: i64,
        18 battery_discharge: i64,
        19 battery_discharge_sites: i64,
    }
    table FLEET_TOTAL = "fleet_total" replacing;
    read FLEET_TOTALS = "FROM fleet_total
        WHERE fleet = $1 AND period = $2 AND date >= $3 AND date < $4 ORDER BY date";
}

record! {
    /// A fleet's UTC day, quarter by quarter.
    FleetQuarterRow by (fleet, day) {
        1 fleet: Uuid,
        2 day: i64,
        3 quarters: Vec<u8>,
    }
    table FLEET_QUARTER = "fleet_quarter" replacing;
    read FLEET_QUARTERS = "FROM fleet_quarter WHERE fleet = $1 AND day >= $2 AND day < $3 ORDER BY day";
}

record! {
    /// A day as a device summed it up.
    ToldRow by (site, date, device) {
        1 site: Uuid,
        2 date: String,
        3 device: Uuid,
        4 told_at: i64,
        5 body: String,
    }
    table TOLD_DAY = "told_day" replacing;
    read TOLD_DAYS = "FROM told_day WHERE site = $1 AND date >= $2 AND date < $3 ORDER BY date, device";
}

record! {
    /// Something that happened at a site.
    EventRow by (site, at, code, subject, state, device) {
        1 site: Uuid,
        2 device: Option<Uuid>,
        3 at: i64,
        4 received_at: i64,
        5 code: String,
        6 subject: String,
        7 state: String,
        8 severity: String,
        9 message: String,
        10 details: Option<String>,
    }
    table EVENT = "event" (" ON CONFLICT DO NOTHING");
    read EVENTS = "FROM event WHERE site = $1
        ORDER BY at DESC, received_at DESC, code, subject, state, device NULLS FIRST LIMIT $2";
    read EVENTS_WITHIN = "FROM event WHERE site = $1 AND at >= $2 AND at < $3
        ORDER BY at, received_at, code, subject, state, device NULLS FIRST";
    read FLAG_EVENTS = "FROM event WHERE site = $1 AND device = $2 AND at >= $3 AND state IN ('raised', 'cleared')
        ORDER BY at, code, subject, state DESC";
}

record! {
    /// A piece of a day's telemetry.
    PieceRow by (device, day, part) {
        1 device: Uuid,
        2 day: i64,
        3 part: i64,
        4 first_at: i64,
        5 last_at: i64,
        6 row_count: i64,
        7 bytes: Vec<u8>,
    }
    table CHUNK = "chunk" ("");
}

record! {
    /// How far a device is sealed.
    SealedRow by (device) {
        1 device: Uuid,
        2 last_at: i64,
    }
    table DEVICE_SEALED = "device_sealed" (" ON CONFLICT (device) DO UPDATE
        SET last_at = excluded.last_at WHERE excluded.last_at > device_sealed.last_at");
    read SEALED_TO = "FROM device_sealed ORDER BY device";
}
