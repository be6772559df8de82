//! How values look.

use jiff::Timestamp;
use solthrive_cloud_store::archive::UtcDay;
use solthrive_domain::telemetry::UnixMillis;

pub(super) use crate::secrets::hex;

/// Milliseconds of a UTC day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// An instant in UTC, to the second.
pub(super) fn instant(at: UnixMillis) -> String {
    Timestamp::from(at)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// A value, or a dash where there is none.
pub(super) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// How long ago, in the largest unit that has a whole number of it.
pub(super) fn ago(at: UnixMillis, now: UnixMillis) -> String {
    let seconds = (now.get() - at.get()).div_euclid(1000);
    match seconds {
        ..0 => "in the future".to_owned(),
        0..120 => format!("{seconds} s ago"),
        120..7_200 => format!("{} min ago", seconds / 60),
        7_200..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Bytes in the largest unit of which there are some.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (count as f64, "B");
    for larger in UNITS {
        if value < 1_000.0 {
            break;
        }
        (value, unit) = (value / 1_000.0, larger);
    }
    if unit == "B" {
        format!("{count} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// A UTC day by its number.
pub(super) fn day(number: UtcDay) -> String {
    let start = number.checked_mul(DAY_MS).map(UnixMillis::try_from);
    match start {
        Some(Ok(start)) => Timestamp::from(start).strftime("%Y-%m-%d").to_string(),
        _ => format!("day {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_are_short() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_500_000), "1.5 MB");
        let at = |ms| UnixMillis::try_from(ms).unwrap();
        assert_eq!(ago(at(0), at(119_000)), "119 s ago");
        assert_eq!(ago(at(0), at(7_199_000)), "119 min ago");
        assert_eq!(ago(at(0), at(86_400_000 * 3)), "3 days ago");
        assert_eq!(ago(at(5_000), at(0)), "in the future");
        assert_eq!(instant(at(1_500)), "1970-01-01T00:00:01Z");
    }
}
