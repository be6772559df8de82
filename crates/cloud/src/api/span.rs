//! Stretches of time as people ask for them: instants with an offset, local dates, points of a chart.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::problem::Problem;

/// Days of one answer by day.
const MOST_DAYS: i32 = 3_700;

/// Instants `[from, to)`. A time without an offset is refused: nobody can know which one was meant.
pub(super) fn instants(from: &str, to: &str) -> Result<(Timestamp, Timestamp), Problem> {
    let (from, to) = (instant("from", from)?, instant("to", to)?);
    if from >= to {
        return Err(Problem::field("to", "later than `from`"));
    }
    Ok((from, to))
}

fn instant(field: &'static str, text: &str) -> Result<Timestamp, Problem> {
    let wrong = "a time with its offset, such as 2026-06-21T00:00:00Z";
    text.parse().map_err(|_| Problem::field(field, wrong))
}

/// Local dates `[from, to)`.
pub(super) fn dates(from: &str, to: &str) -> Result<(Date, Date), Problem> {
    let (from, to) = (date("from", from)?, date("to", to)?);
    if from >= to {
        return Err(Problem::field("to", "later than `from`"));
    }
    if from
        .checked_add(MOST_DAYS.days())
        .is_ok_and(|most| to > most)
    {
        return Err(Problem::field("to", "at most ten years after `from`"));
    }
    Ok((from, to))
}

fn date(field: &'static str, text: &str) -> Result<Date, Problem> {
    let wrong = "a date, such as 2026-06-21";
    let plain = text.len() == 10;
    let date = text.parse().ok().filter(|_| plain);
    date.ok_or_else(|| Problem::field(field, wrong))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_an_offset_and_a_stretch_that_runs_backwards_are_refused() {
        assert!(instants("2026-06-21T00:00:00Z", "2026-06-21T00:00:00+02:00").is_err());
        assert!(instants("2026-06-21T00:00:00+02:00", "2026-06-21T00:00:00Z").is_ok());
        for wrong in [
            "",
            "2026-06-21",
            "2026-06-21T00:00:00",
            "yesterday",
            "1750000000",
        ] {
            assert!(instants(wrong, "2036-06-21T00:00:00Z").is_err(), "{wrong}");
        }
    }

    #[test]
    fn dates_are_plain_in_order_and_not_for_ever() {
        assert!(dates("2026-06-21", "2026-06-22").is_ok());
        for (from, to) in [
            ("2026-06-21", "2026-06-21"),
            ("2026-06-31", "2026-07-02"),
            ("2026-06-21T00:00:00Z", "2026-06-22"),
            ("1026-06-21", "2026-06-22"),
            ("2026-6-21", "2026-06-22"),
        ] {
            assert!(dates(from, to).is_err(), "{from} {to}");
        }
    }
}
