//! What is asked of the history, checked.

use std::ops::Range;

use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use utoipa::ToSchema;

use super::super::problem::ApiError;
use super::super::query::Params;
use super::encode::Format;

/// Rows that `auto` stays below.
const AUTO_ROWS: i64 = 1_500;
/// The longest span of one request.
const LONGEST_HOURS: i64 = 366 * 24;

/// Length of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
pub(in super::super) enum Resolution {
    /// The samples themselves; only the last hour is kept.
    #[schema(rename = "raw")]
    Raw,
    /// One minute.
    #[schema(rename = "1m")]
    Minute,
    /// Five minutes.
    #[schema(rename = "5m")]
    FiveMinutes,
    /// A quarter of an hour.
    #[schema(rename = "15m")]
    Quarter,
    /// An hour of the site's clock.
    #[schema(rename = "1h")]
    Hour,
    /// The finest that stays below 1,500 rows, but not `raw`.
    #[schema(rename = "auto")]
    Auto,
}

impl Resolution {
    const RULE: &str = "raw, 1m, 5m, 15m, 1h or auto (for days: /api/days)";

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "raw" => Self::Raw,
            "1m" => Self::Minute,
            "5m" => Self::FiveMinutes,
            "15m" => Self::Quarter,
            "1h" => Self::Hour,
            "auto" => Self::Auto,
            _ => return None,
        })
    }

    /// Seconds of an interval; zero for samples.
    pub(super) const fn seconds(self) -> i64 {
        match self {
            Self::Raw => 0,
            Self::Minute | Self::Auto => 60,
            Self::FiveMinutes => 300,
            Self::Quarter => 900,
            Self::Hour => 3600,
        }
    }

    fn settled(self, span: SignedDuration) -> Self {
        if self != Self::Auto {
            return self;
        }
        let steps = [Self::Minute, Self::FiveMinutes, Self::Quarter];
        steps
            .into_iter()
            .find(|step| span.as_secs() / step.seconds() <= AUTO_ROWS)
            .unwrap_or(Self::Hour)
    }
}

/// A checked request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// `[from, to)`.
    pub(super) span: Range<Timestamp>,
    /// Never `auto`.
    pub(super) resolution: Resolution,
    /// How rows are written.
    pub(super) format: Format,
}

impl Request {
    pub(super) fn parse(
        mut params: Params,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let instant = "an instant such as 2026-06-21T00:00:00Z (write a + as %2B)";
        let hours = params.optional("hours", "a whole number from 1 to 8784", |text| {
            text.parse::<i64>()
                .ok()
                .filter(|hours| (1..=LONGEST_HOURS).contains(hours))
        });
        let from = params.optional("from", instant, |text| text.parse::<Timestamp>().ok());
        let to = params.optional("to", instant, |text| text.parse::<Timestamp>().ok());
        let resolution = params.optional("resolution", Resolution::RULE, Resolution::parse);
        let format = params.optional("format", Format::RULE, Format::parse);
        if hours.is_some() && (from.is_some() || to.is_some()) {
            params.refuse("hours", "not together with from and to");
        }
        let end = to.unwrap_or(now);
        let span = match (hours, from) {
            (None, None) => {
                if to.is_some() {
                    params.refuse("from", "needed together with to");
                } else {
                    params.refuse("hours", "hours, or from and to, must be given");
                }
                end..end
            }
            (Some(hours), _) => {
                now.checked_sub(SignedDuration::from_hours(hours))
                    .unwrap_or(Timestamp::MIN)..now
            }
            (None, Some(from)) => {
                if from >= end {
                    params.refuse("to", "must be after from");
                } else if end.duration_since(from).as_hours() > LONGEST_HOURS {
                    params.refuse("from", "at most 366 days before to");
                }
                from..end
            }
        };
        params.finish(&["hours", "from", "to", "resolution", "format"])?;
        let default = if hours.is_some() {
            Resolution::Minute
        } else {
            Resolution::Auto
        };
        let resolution = resolution
            .unwrap_or(default)
            .settled(span.end.duration_since(span.start));
        let format = format.unwrap_or_else(|| Format::accepted(headers.get(header::ACCEPT)));
        Ok(Self {
            span,
            resolution,
            format,
        })
    }
}
