//! Instants as people write them: `2h`, `yesterday`, `2026-06-01`, `2026-06-01 14:30`, RFC 3339.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// The instant that `text` means. A time without an offset is the site's; a day is its midnight.
///
/// # Errors
/// What is expected instead.
pub(super) fn parse(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    let wrong = || {
        format!(
            "`{text}` is no time; write 2h, 3d, yesterday, 2026-06-01, \"2026-06-01 14:30\" or 2026-06-01T14:30:00Z"
        )
    };
    if let Some(ago) = ago(text) {
        return now.checked_sub(ago).map_err(|_| wrong());
    }
    let today = now.to_zoned(zone.clone()).date();
    let day = match text {
        "now" => return Ok(now),
        "today" => Some(today),
        "yesterday" => today.checked_sub(1.day()).ok(),
        _ => text.parse::<Date>().ok().filter(|_| text.len() <= 10),
    };
    if let Some(day) = day {
        return day
            .to_zoned(zone.clone())
            .map(|start| start.timestamp())
            .map_err(|_| wrong());
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let local: DateTime = text.parse().map_err(|_| wrong())?;
    local
        .to_zoned(zone.clone())
        .map(|at| at.timestamp())
        .map_err(|_| wrong())
}

/// `90s`, `15m`, `2h`, `3d`, `1w`.
fn ago(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let number: i64 = text
        .strip_suffix(unit)?
        .parse()
        .ok()
        .filter(|number| *number >= 0)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(SignedDuration::from_secs)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2h", "2026-06-10T05:00:00Z")]
    #[case("1w", "2026-06-03T07:00:00Z")]
    #[case("now", "2026-06-10T07:00:00Z")]
    #[case::a_day_is_the_sites("today", "2026-06-09T22:00:00Z")]
    #[case("yesterday", "2026-06-08T22:00:00Z")]
    #[case("2026-06-01", "2026-05-31T22:00:00Z")]
    #[case::so_is_a_time("2026-06-01 14:30", "2026-06-01T12:30:00Z")]
    #[case::an_offset_counts("2026-06-01T14:30:00-07:00", "2026-06-01T21:30:00Z")]
    fn a_time_is_understood(#[case] text: &str, #[case] expected: &str) {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now = "2026-06-10T07:00:00Z".parse().unwrap();
        assert_eq!(parse(text, &zone, now).unwrap().to_string(), expected);
    }

    #[rstest]
    fn what_is_no_time_is_refused(
        #[values(
            "",
            "soon",
            "2x",
            "-2h",
            "h",
            "2026-13-01",
            "99999999999999999999h",
            "9000000000000w"
        )]
        text: &str,
    ) {
        assert!(
            parse(text, &TimeZone::UTC, Timestamp::UNIX_EPOCH).is_err(),
            "{text}"
        );
    }
}
