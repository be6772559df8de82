//! How finely a stretch is told.

use std::fmt;
use std::str::FromStr;

/// One point of a chart stands for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Resolution {
    /// What the device sent, row by row.
    Raw,
    /// So many minutes, 1 or 5, made of rows.
    Minutes(u32),
    /// So many quarters of an hour, of the local day.
    Quarters(u32),
    /// A local day.
    Day,
    /// A local month.
    Month,
}

/// Names and meanings, the finest first.
const ALL: [(&str, Resolution); 12] = [
    ("raw", Resolution::Raw),
    ("1m", Resolution::Minutes(1)),
    ("5m", Resolution::Minutes(5)),
    ("15m", Resolution::Quarters(1)),
    ("30m", Resolution::Quarters(2)),
    ("1h", Resolution::Quarters(4)),
    ("2h", Resolution::Quarters(8)),
    ("3h", Resolution::Quarters(12)),
    ("6h", Resolution::Quarters(24)),
    ("12h", Resolution::Quarters(48)),
    ("1d", Resolution::Day),
    ("1mo", Resolution::Month),
];

impl Resolution {
    /// The finest that tells so many seconds in at most so many points.
    pub(super) fn auto(seconds: i64, points: i64) -> Self {
        let mut all = ALL.iter().map(|(_, resolution)| *resolution);
        // A local stretch may begin anywhere in a point, so one more than fit can begin in it.
        let fits = |step: Self| (seconds - 1).div_euclid(step.seconds()) < points;
        all.find(|step| fits(*step) && seconds <= step.longest_json())
            .unwrap_or(Self::Month)
    }

    /// How long a point is, usually; rows are taken for a second, the shortest there is between two.
    pub(super) const fn seconds(self) -> i64 {
        match self {
            Self::Raw => 1,
            Self::Minutes(minutes) => minutes as i64 * 60,
            Self::Quarters(quarters) => quarters as i64 * 900,
            Self::Day => 86_400,
            Self::Month => 28 * 86_400,
        }
    }

    /// The longest stretch, in seconds, that is told in one JSON answer, which is made as a whole.
    pub(super) const fn longest_json(self) -> i64 {
        match self {
            Self::Raw => 2 * 86_400,
            Self::Minutes(1) => 31 * 86_400,
            Self::Minutes(_) => 92 * 86_400,
            Self::Quarters(_) | Self::Day | Self::Month => LONGEST_S,
        }
    }

    /// As it is said.
    pub(super) fn name(self) -> &'static str {
        let found = ALL.iter().find(|(_, resolution)| *resolution == self);
        found.map_or("raw", |(name, _)| name)
    }
}

/// The longest stretch of any answer, in seconds: five years.
pub(super) const LONGEST_S: i64 = 5 * 366 * 86_400;

/// Not one of the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of auto")?;
        ALL.iter().try_for_each(|(name, _)| write!(f, ", {name}"))
    }
}

impl FromStr for Resolution {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let found = ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, resolution)| *resolution).ok_or(Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_the_finest_that_fits() {
        let told = |seconds, points| Resolution::auto(seconds, points).name();
        assert_eq!(told(600, 1_000), "raw");
        assert_eq!(told(3_600, 1_000), "1m");
        assert_eq!(told(86_400, 1_440), "1m");
        assert_eq!(told(86_400, 1_000), "5m");
        assert_eq!(told(7 * 86_400, 1_000), "15m");
        assert_eq!(told(365 * 86_400, 1_000), "12h");
        assert_eq!(told(LONGEST_S, 5_000), "12h");
        assert_eq!(told(LONGEST_S, 1), "1mo", "the coarsest there is");
    }

    #[test]
    fn auto_never_gives_more_points_than_were_asked_for() {
        for seconds in [1, 59, 61, 899, 901, 86_401, 40_000_000] {
            for points in [1, 2, 7, 1_000, 5_000] {
                let step = Resolution::auto(seconds, points);
                let most = (seconds - 1) / step.seconds() + 1;
                assert!(
                    most <= points || step == Resolution::Month,
                    "{seconds} {points}"
                );
            }
        }
    }

    #[test]
    fn each_name_is_read_back() {
        for (name, resolution) in ALL {
            assert_eq!(name.parse(), Ok(resolution));
            assert_eq!(resolution.name(), name);
        }
        assert_eq!("7m".parse::<Resolution>(), Err(Unknown));
        assert!(Unknown.to_string().contains("auto, raw, 1m"));
    }
}
