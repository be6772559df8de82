//! What a call brings, before it is judged.
//!
//! A call has arrived when its body has: only then is anything judged. Who could hold a body back would choose how old
//! the right is that he uses.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::problem::Problem;

/// The largest body that a call of people or programs has.
pub(super) const LARGEST_BODY: usize = 16 * 1024;

/// A body must be there after this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads the body, then goes on with it. Of one that is too large so much is read that whoever parses it sees that.
pub(super) async fn whole(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match in_time(body, PATIENCE).await {
        Ok(bytes) => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn in_time(body: Body, patience: Duration) -> Result<Bytes, Problem> {
    match tokio::time::timeout(patience, read(body)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Problem::body("the body did not come to its end")),
        Err(_) => Err(Problem::body("the body did not come in time")),
    }
}

async fn read(mut body: Body) -> Result<Bytes, axum::Error> {
    let mut whole = Vec::new();
    while whole.len() <= LARGEST_BODY {
        let Some(frame) = body.frame().await.transpose()? else {
            break;
        };
        if let Ok(data) = frame.into_data() {
            let most = (LARGEST_BODY + 1).saturating_sub(whole.len());
            whole.extend(data.into_iter().take(most));
        }
    }
    Ok(whole.into())
}

/// The one id of a path; what is no id leads nowhere.
pub(super) struct Only(pub(super) Uuid);

/// The second of two ids of a path. The first one is for the rule.
pub(super) struct Second(pub(super) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Only {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = Path::<Uuid>::from_request_parts(parts, state).await;
        id.map(|Path(id)| Self(id))
            .map_err(|_| Problem::not_found())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Second {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let ids = Path::<(Uuid, Uuid)>::from_request_parts(parts, state).await;
        ids.map(|Path((_, id))| Self(id))
            .map_err(|_| Problem::not_found())
    }
}

/// A query, as it is documented and nothing beside.
pub(super) struct Queried<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Queried<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(query)| Self(query))
            .map_err(|error| Problem::field("query", error.body_text()))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use axum::body::{Body, Bytes};
    use futures_util::stream;

    use super::{Duration, LARGEST_BODY, PATIENCE, in_time};

    #[tokio::test]
    async fn a_body_comes_whole_in_time_or_is_none() {
        let whole = in_time(Body::from("abc"), PATIENCE).await.unwrap();
        assert_eq!(whole, "abc");
        let never = Body::from_stream(stream::pending::<io::Result<Bytes>>());
        assert_eq!(
            in_time(never, Duration::ZERO).await.unwrap_err().code(),
            "invalid-body"
        );
        let broken = Body::from_stream(stream::iter([
            Ok(Bytes::from_static(b"ab")),
            Err(io::Error::other("gone")),
        ]));
        assert_eq!(
            in_time(broken, PATIENCE).await.unwrap_err().code(),
            "invalid-body"
        );
    }

    #[tokio::test]
    async fn of_a_body_without_end_one_byte_too_many_is_read() {
        let endless =
            stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(&[b' '; 1_000])));
        let read = in_time(Body::from_stream(endless), PATIENCE).await.unwrap();
        assert_eq!(read.len(), LARGEST_BODY + 1);
    }
}
