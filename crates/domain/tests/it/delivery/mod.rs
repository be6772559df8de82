//! What a device says next, and that it loses nothing.

mod cases;
mod laws;

use std::time::Duration;

use solthrive_domain::Mono;
use solthrive_domain::delivery::{Budget, Delivery, Next, Numbers, Span, Taken, Way};

pub(crate) const BUDGET: Budget = Budget {
    live_rows: 10,
    live_call: 5,
    backfill_call: 20,
    spread: Duration::from_hours(1),
};

pub(crate) fn at(seconds: u64) -> Mono {
    Mono::from_origin(Duration::from_secs(seconds))
}

pub(crate) fn span(first: u64, last: u64) -> Span {
    Span { first, last }
}

/// A device with rows 0 to `last`, of which the cloud has none.
pub(crate) fn device(last: u64) -> Delivery {
    Delivery::new(BUDGET, Some(span(0, last)), Numbers::default())
}

pub(crate) fn said(next: &Next) -> Vec<u64> {
    match next {
        Next::Say(spans) => spans
            .iter()
            .flat_map(|span| span.first..=span.last)
            .collect(),
        Next::At(_) | Next::Idle => Vec::new(),
    }
}

pub(crate) fn taken() -> Taken {
    Taken {
        backfill_per_s: 10,
        ..Taken::default()
    }
}

pub(crate) const WAYS: [Way; 2] = [Way::Live, Way::Backfill];
