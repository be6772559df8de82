//! What is known of each device now.

use solthrive_cloud_store::archive::DeviceStatus;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, Sample};

/// A device that was never heard of.
pub(super) fn unheard(device: DeviceId, at: UnixMillis) -> DeviceStatus {
    DeviceStatus {
        device,
        site: None,
        last_seen: at,
        newest: None,
        rows: 0,
        firmware: None,
        firmware_since: None,
        system: None,
        system_at: None,
        clock_offset_ms: None,
    }
}

/// Any delivery is a sign of life.
pub(super) fn seen(status: &mut DeviceStatus, at: UnixMillis) {
    status.last_seen = status.last_seen.max(at);
}

/// A row that was taken. What an outage left behind never makes the newest sample older.
pub(super) fn took(status: &mut DeviceStatus, sample: Option<Sample>) {
    status.rows = status.rows.saturating_add(1);
    let newest = status.newest.map(|newest| newest.ts);
    if let Some(sample) = sample.filter(|sample| newest.is_none_or(|newest| sample.ts > newest)) {
        status.newest = Some(sample);
    }
}

/// What it says of its software; nothing at all is no news.
pub(super) fn runs(status: &mut DeviceStatus, firmware: String, at: UnixMillis) {
    if !firmware.is_empty() && status.firmware.as_ref() != Some(&firmware) {
        status.firmware = Some(firmware);
        status.firmware_since = Some(at);
    }
}

/// What it says of the machine, and how far its clock is ahead.
pub(super) fn reported(
    status: &mut DeviceStatus,
    system: Option<String>,
    ahead_ms: Option<i64>,
    at: UnixMillis,
) {
    if system.is_some() {
        status.system = system;
        status.system_at = Some(at);
    }
    status.clock_offset_ms = ahead_ms.or(status.clock_offset_ms);
}

#[cfg(test)]
mod tests {
    use solthrive_domain::LedgerId;
    use uuid::Uuid;

    use super::*;

    fn ms(at: i64) -> UnixMillis {
        UnixMillis::try_from(at).unwrap()
    }

    #[test]
    fn backfill_is_a_sign_of_life_and_no_news() {
        let mut status = unheard(DeviceId::from_uuid(Uuid::nil()), ms(10));
        let sample = |at| Some(Sample::empty(ms(at), LedgerId::from_uuid(Uuid::nil())));
        took(&mut status, sample(9));
        seen(&mut status, ms(20));
        took(&mut status, sample(3));
        took(&mut status, None);
        assert_eq!(status.newest.map(|newest| newest.ts), Some(ms(9)));
        assert_eq!((status.last_seen, status.rows), (ms(20), 3));
        seen(&mut status, ms(15));
        assert_eq!(status.last_seen, ms(20));
    }

    #[test]
    fn software_runs_since_it_was_first_heard_of() {
        let mut status = unheard(DeviceId::from_uuid(Uuid::nil()), ms(10));
        for (at, version) in [(10, "1"), (20, "1"), (30, ""), (40, "2"), (50, "2")] {
            runs(&mut status, version.to_owned(), ms(at));
        }
        assert_eq!(status.firmware_since, Some(ms(40)));
        reported(&mut status, Some("{}".to_owned()), Some(5), ms(60));
        reported(&mut status, None, None, ms(70));
        assert_eq!(
            (status.system_at, status.clock_offset_ms),
            (Some(ms(60)), Some(5))
        );
    }
}
