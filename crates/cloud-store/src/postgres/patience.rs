//! How long a database is waited for, by us and by itself: a network can swallow what is sent, a
//! machine can vanish in the middle of a transaction, and nobody must wait for either for hours.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};

use crate::StoreError;

/// How long a connection is waited for, and the answer of one that is given back.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What each connection asks of the server for itself. One that stands in a transaction and says nothing
/// holds locks that all others wait for; one whose other end is gone is noticed in a minute instead of
/// two hours. `statement_timeout` is far beyond every statement of ours: it ends what is out of hand. Statements
/// are not compiled: those of ours that the planner takes for expensive, lists of sites with policies in them, run
/// for 5 ms and were compiled for 80.
const ASKED: [(&str, &str); 7] = [
    ("application_name", "solthrive-cloud"),
    ("statement_timeout", "120s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("jit", "off"),
];

/// The options that a URL names, and ours.
///
/// # Errors
/// When it is no URL of PostgreSQL.
pub(crate) fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    Ok(PgConnectOptions::from_str(url)?.options(ASKED))
}

/// A pool of so many connections. One whose statement was given up is asked once more when it comes back,
/// and thrown away when it does not answer: it would keep its place for as long as TCP hopes.
pub(crate) fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .after_release(|connection, _| Box::pin(still_there(connection)))
}

async fn still_there(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    tokio::time::timeout(PATIENCE, connection.ping())
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
    Ok(true)
}
