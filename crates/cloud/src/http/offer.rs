//! The next token of a device, said in the answer to its call.

use axum::http::HeaderMap;
use solthrive_domain::rotation::Step;
use solthrive_protocol::NextToken;

use super::state::{AppState, bearer_text};
use crate::devices::{Caller, Rotating};
use crate::secrets::{DeviceToken, hash_token};

/// Carries the caller's rotation one step on; the token that is to be offered to him now.
///
/// Called for calls that are answered with 200 only: a device whose first call with its next token was
/// taken knows that it may forget the old one.
pub(super) fn next_token(
    app: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
) -> Option<NextToken> {
    let rotating = caller.rotating.as_ref()?;
    match rotating.step() {
        Step::Rest => None,
        Step::Complete => {
            app.rotations.complete(caller.device, rotating.next?);
            None
        }
        Step::Prepare => {
            let current = bearer_text(headers)?;
            let next = DeviceToken::after(current, caller.device, rotating.number, &app.pepper);
            let (tokens, now) = ([hash_token(current), next.hash()], app.clock.elapsed());
            app.rotations
                .prepare(caller.device, rotating.number, tokens, now);
            None
        }
        Step::Offer => offered(app, caller, rotating, bearer_text(headers)?),
    }
}

/// The next token, derived anew.
fn offered(
    app: &AppState,
    caller: &Caller,
    rotating: &Rotating,
    current: &str,
) -> Option<NextToken> {
    let next = DeviceToken::after(current, caller.device, rotating.number, &app.pepper);
    if Some(next.hash()) != rotating.next {
        // A node with another pepper: what it says would lock the device out.
        tracing::warn!(device = %caller.device, "a prepared token is not this node's: is the file `pepper` the same everywhere?");
        return None;
    }
    Some(NextToken::new(next.reveal().to_owned()))
}
