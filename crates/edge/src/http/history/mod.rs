//! `GET /api/history`: what was, streamed row by row with bounded memory.

mod bucket;
mod encode;
mod request;
mod source;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use encode::Encoder;
use request::Request;
use source::{Page, Source};

pub(super) use encode::Format;
pub(super) use request::Resolution;

use super::access::Holder;
use super::problem::ApiError;
use super::query::Params;
use super::reply::Problems;
use super::state::AppState;
use super::wire::HistoryRow;

/// Means of the past, oldest first; intervals without data are left out.
///
/// Either the last `hours`, or `[from, to)`. JSON by default; `Accept: text/csv` and
/// `application/x-ndjson`, or `format`, give the same rows in other clothes.
#[utoipa::path(get, path = "/api/history", tag = "history", operation_id = "history", security(("token" = []), ("session" = [])),
    params(
        ("hours" = Option<u32>, Query, minimum = 1, maximum = 8784, description = "The last so many hours. Not together with `from` and `to`."),
        ("from" = Option<jiff::Timestamp>, Query, description = "Start, included."),
        ("to" = Option<jiff::Timestamp>, Query, description = "End, left out; now if absent."),
        ("resolution" = Option<Resolution>, Query, description = "Length of an interval. `auto`, the default with `from`, stays below 1,500 rows; `1m` is the default with `hours`."),
        ("format" = Option<Format>, Query, description = "Overrides `Accept`."),
    ),
    responses(
        (status = 200, content(
            (Vec<HistoryRow> = "application/json"),
            (String = "text/csv"),
            (HistoryRow = "application/x-ndjson"),
        )),
        Problems,
    ))]
pub(super) async fn history(
    State(app): State<AppState>,
    holder: Holder,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let request = Request::parse(params, &headers, app.clock.now())?;
    let mut source = Source::new(&app, &holder, &request);
    // Read before answering: a history that cannot be read is a problem document, not half a body.
    let first = source.next_page().await?;
    let encoder = Encoder::new(request.format);
    let body = stream::try_unfold(Some((source, first, encoder)), |state| async {
        let Some((mut source, page, mut encoder)) = state else {
            return Ok(None);
        };
        let Page { rows, last } = page;
        let chunk = encoder.rows(&rows, last);
        let rest = if last {
            None
        } else {
            Some((source.next_page().await?, source))
        };
        Ok::<_, ApiError>(Some((
            chunk,
            rest.map(|(page, source)| (source, page, encoder)),
        )))
    });
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(request.format.content_type()),
    );
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if request.format == Format::Csv {
        let name = HeaderValue::from_static("attachment; filename=\"solthrive-history.csv\"");
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
