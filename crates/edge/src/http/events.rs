//! `GET /api/events`: the error log, of earlier runs of the service too.
//!
//! The store has what is a minute old; the hub has the newest, and everything of this run that a
//! store in trouble could not take. What both have is shown once.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::Holder;
use super::problem::ApiError;
use super::query::Params;
use super::reply::{Problems, json};
use super::state::AppState;
use super::wire::{Code, FlagEvent, FlagState};
use crate::live::FlagChange;

/// Flags without another word.
pub(super) const USUAL: usize = 256;
/// The most flags of one request.
const MOST: usize = 1000;

/// Flags that came and went.
#[derive(Serialize, ToSchema)]
pub(super) struct Events {
    /// Newest first.
    items: Vec<FlagEvent>,
    /// False when the history cannot be read now: then only what happened since the service started
    /// is here.
    complete: bool,
}

/// Flags that came and went in `[from, to)`, newest first, of earlier runs of the service too.
///
/// At most `limit`, and those of the same instant as the last. To read on, ask again with `to` as the
/// `ts` of the last; an answer with fewer than `limit` is the end.
#[utoipa::path(get, path = "/api/events", tag = "history", operation_id = "events", security(("token" = []), ("session" = [])),
    params(
        ("from" = Option<Timestamp>, Query, description = "Start, included; as far back as events are kept if absent."),
        ("to" = Option<Timestamp>, Query, description = "End, left out; the newest if absent."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "How many; 256 if absent."),
    ),
    responses((status = 200, body = Events), Problems))]
pub(super) async fn events(
    State(app): State<AppState>,
    holder: Holder,
    mut params: Params,
) -> Result<Response, ApiError> {
    let instant = "an instant such as 2026-06-21T00:00:00Z (write a + as %2B)";
    let from = params.optional("from", instant, |text| text.parse().ok());
    let to = params.optional("to", instant, |text| text.parse().ok());
    let limit = params.optional("limit", "a whole number from 1 to 1000", |text| {
        text.parse().ok().filter(|limit| (1..=MOST).contains(limit))
    });
    let (from, to) = (from.unwrap_or(Timestamp::MIN), to.unwrap_or(Timestamp::MAX));
    if from >= to {
        params.refuse("to", "must be after from");
    }
    params.finish(&["from", "to", "limit"])?;
    Ok(json(
        &read(&app, &holder, from, to, limit.unwrap_or(USUAL)).await?,
    ))
}

/// The newest flags, for whoever wants to see what went wrong.
pub(super) async fn recent(app: &AppState, holder: &Holder) -> Result<Vec<FlagEvent>, ApiError> {
    let events = read(app, holder, Timestamp::MIN, Timestamp::MAX, USUAL).await?;
    Ok(events.items)
}

async fn read(
    app: &AppState,
    holder: &Holder,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> Result<Events, ApiError> {
    let history = app.history(holder);
    let read = move || Arc::clone(&history).flags(from, to, limit);
    let stored = tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| ApiError::Internal(error.into()))?;
    // A history that is out of reach is what the log is read for.
    let (complete, stored) = match stored {
        Ok(stored) => (true, stored),
        Err(error) => {
            tracing::warn!(%error, "the error log is shown without the history");
            (false, Vec::new())
        }
    };
    let mut live = app.live.changes();
    live.retain(|change| (from..to).contains(&change.at));
    live.reverse();
    Ok(Events {
        items: together(stored, live, limit)
            .into_iter()
            .map(event)
            .collect(),
        complete,
    })
}

/// Both, newest first, each change once; the last instant is whole.
fn together(stored: Vec<FlagChange>, live: Vec<FlagChange>, limit: usize) -> Vec<FlagChange> {
    let mut seen = BTreeSet::new();
    let mut all: Vec<_> = stored
        .into_iter()
        .chain(live)
        .map(|change| FlagChange {
            at: to_microsecond(change.at),
            ..change
        })
        .filter(|change| {
            let flag = &change.flag;
            seen.insert((change.at, flag.code, flag.subject.clone(), change.raised))
        })
        .collect();
    all.sort_by_key(|change| Reverse(change.at));
    if let Some(last) = all.get(limit.saturating_sub(1)).map(|change| change.at) {
        all.retain(|change| change.at >= last);
    }
    all
}

/// As the store keeps it.
fn to_microsecond(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

fn event(change: FlagChange) -> FlagEvent {
    FlagEvent {
        ts: change.at,
        state: if change.raised {
            FlagState::Raised
        } else {
            FlagState::Cleared
        },
        code: Code(change.flag.code),
        subject: change.flag.subject,
        severity: change.flag.severity.into(),
        message: change.flag.message,
    }
}

#[cfg(test)]
mod tests {
    use solthrive_domain::{Flag, FlagCode, Severity};

    use super::*;

    /// A flag of this subject that came so many nanoseconds after the epoch.
    fn change(nanos: i128, subject: &str) -> FlagChange {
        FlagChange {
            at: Timestamp::from_nanosecond(nanos).unwrap(),
            raised: true,
            flag: Flag {
                code: FlagCode::DataStale,
                subject: subject.to_owned(),
                severity: Severity::High,
                since: Timestamp::UNIX_EPOCH,
                message: String::new(),
            },
        }
    }

    fn subjects(changes: &[FlagChange]) -> String {
        changes
            .iter()
            .map(|change| change.flag.subject.as_str())
            .collect()
    }

    #[test]
    fn what_the_store_and_the_hub_both_have_is_shown_once() {
        let stored = vec![change(9_000, "c"), change(5_000, "b"), change(1_000, "a")];
        let live = vec![change(12_000, "d"), change(9_999, "c"), change(5_432, "b")];
        assert_eq!(subjects(&together(stored, live, 9)), "dcba");
    }

    #[test]
    fn an_answer_ends_between_two_instants_never_within_one() {
        let stored = || vec![change(9_000, "c"), change(5_000, "b"), change(1_000, "a")];
        let live = || vec![change(5_000, "x")];
        assert_eq!(subjects(&together(stored(), live(), 1)), "c");
        assert_eq!(subjects(&together(stored(), live(), 2)), "cbx");
        assert_eq!(subjects(&together(stored(), live(), 3)), "cbx");
        assert_eq!(subjects(&together(stored(), live(), 4)), "cbxa");
    }
}
