//! What is common to calls that write somebody a letter with a secret in it.

use solthrive_domain::UserId;
use tracing::Instrument as _;

use super::Api;
use super::cursor::secret;
use super::problem::Problem;

/// A secret for a letter that this person has sent to somebody, if letters can be sent, and by him now.
pub(super) fn secret_for(api: &Api, user: UserId) -> Result<String, Problem> {
    if !api.mail.works() {
        return Err(Problem::no_mail());
    }
    let wait = api.throttle.letter_by(user, api.clock.elapsed());
    wait.map_err(Problem::too_many)?;
    secret()
}

/// Runs to its end, whether or not the caller waits for the answer: a letter that did not go out is taken back, also
/// when he hung up meanwhile.
pub(super) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::spawn(work.in_current_span()).await;
    done.unwrap_or_else(|_| Err(Problem::internal()))
}
