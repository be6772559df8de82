//! A home as it is now: each row as soon as it is durable, as server-sent events.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use solthrive_cloud_store::chunk::{ColumnId, Known, Value};
use solthrive_cloud_store::hot::Row;
use solthrive_domain::DeviceId;
use solthrive_domain::access::Scope;
use solthrive_domain::telemetry::Doubts;

use super::Api;
use super::guard::{Allowed, Live, Reads};
use super::problem::{Problem, ProblemBody};
use super::sight::{Again, Sight};
use super::telemetry::words;
use super::watched::Watching;
use crate::recent::Subscription;

/// Streams of one node.
const MOST: usize = 5_000;
/// Rows that are told of the time in which a stream was broken; the newest.
const CAUGHT_UP: usize = 1_000;
/// How far back a broken stream is caught up, ms.
const BACK: i64 = 3_600_000;
/// Between two signs of life, so that proxies keep the line.
const SIGN: Duration = Duration::from_secs(10);
/// Between two looks at whether the reader still may.
const LOOK: Duration = Duration::from_secs(3);
/// Rows may be a little ahead of this clock, ms.
const AHEAD: i64 = 600_000;

/// `GET /api/v1/sites/{site}/live`.
#[utoipa::path(get, path = "/api/v1/sites/{site}/live", tag = "sites", operation_id = "live",
    params(("site" = uuid::Uuid, Path), ("last-event-id" = Option<String>, Header, description = "The id of the last event that came; those of the last hour that came after it are told first.")), responses(
    (status = 200, content_type = "text/event-stream", body = String, description = "Events `snapshot`: JSON of a row, `{\"t\":…,\"device\":…,\"solar_kw\":…,\"quality\":\"ok\"}`, with its time in ms as id; the newest row of each device first. What is not known is absent. An event `end` says why the stream ends: `not-allowed` once the right is over, `moved` when the home's devices changed, `slow` when the reader did not keep up, `restart` when the service ends. But for the first, come again with `Last-Event-ID`."),
    (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn live(
    Allowed((home, right)): Allowed<Reads<Live>>,
    State(api): State<Arc<Api>>,
    parts: Parts,
) -> Result<Response, Problem> {
    let sight = Sight::of(&home.access)?;
    // A right to the present does not reach back further than the right to look.
    let sight = Sight {
        right: sight.right.and(right).ok_or(Problem::not_allowed())?,
        ..sight
    };
    if api.recent.listeners() >= MOST {
        return Err(Problem::unavailable());
    }
    let told = parts.headers.get("last-event-id");
    let told = told.and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    let again = Again::new(parts, Sight::of(&home.access)?, Some(Scope::Live));
    let watching = api.watched.look_at(home.site.id);
    let line = Line::open(api, sight, again, told, watching).await?;
    let events = stream::unfold(line, |mut line| async move {
        let event = line.next().await?;
        Some((Ok::<_, Infallible>(event), line))
    });
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(SIGN))
        .into_response();
    let none = HeaderValue::from_static("private, no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, none);
    Ok(response)
}

/// One open stream.
struct Line {
    api: Arc<Api>,
    sight: Sight,
    again: Again,
    /// Where the devices were, and are.
    stays: Vec<(DeviceId, Range<i64>)>,
    news: Subscription,
    /// The newest time that was told of each device: an older row that comes late is history, not the present.
    newest: HashMap<DeviceId, i64>,
    waiting: VecDeque<Event>,
    looked: Duration,
    ended: bool,
    /// As long as the stream is open, the home's appliance sends a snapshot each second.
    _watching: Watching,
}

impl Line {
    async fn open(
        api: Arc<Api>,
        sight: Sight,
        again: Again,
        told: Option<i64>,
        watching: Watching,
    ) -> Result<Self, Problem> {
        let stays = api.views.stays(sight.right).await?;
        let devices: Vec<DeviceId> = stays.iter().map(|(device, _)| *device).collect();
        // First, so that no row falls between what is there and what comes.
        let news = api.recent.subscribe(&devices);
        let looked = api.clock.elapsed();
        let mut line = Self {
            api,
            sight,
            again,
            stays,
            news,
            newest: HashMap::new(),
            waiting: VecDeque::new(),
            looked,
            ended: false,
            _watching: watching,
        };
        line.catch_up(told)?;
        Ok(line)
    }

    /// What came after `told`, or the newest row of each device.
    fn catch_up(&mut self, told: Option<i64>) -> Result<(), Problem> {
        let now = self.api.clock.now().get();
        let mut rows = Vec::new();
        for (device, within) in &self.stays {
            let from = within.start.max(now - BACK);
            let span = from..within.end.min(now + AHEAD);
            let tables = self.api.recent.tables(*device, &span);
            let mut mine = Vec::new();
            for table in tables.map_err(|_| Problem::unavailable())? {
                let times = (0..).zip(table.times());
                let fresh =
                    times.filter(|(_, at)| span.contains(at) && told.is_none_or(|told| *at > told));
                for (row, time) in fresh {
                    let cells = table
                        .row(row)
                        .map(|(id, value)| (id.clone(), value))
                        .collect();
                    mine.push((*device, Row { time, cells }));
                }
            }
            if told.is_none() {
                mine.sort_by_key(|(_, row)| row.time);
                mine.drain(..mine.len().saturating_sub(1));
            }
            rows.append(&mut mine);
        }
        rows.sort_by_key(|(device, row)| (row.time, *device));
        let surplus = rows.len().saturating_sub(CAUGHT_UP);
        for (device, row) in rows.drain(..).skip(surplus) {
            self.tell(device, &row);
        }
        Ok(())
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            let left = LOOK.saturating_sub(self.api.clock.elapsed().saturating_sub(self.looked));
            let ending = self.api.ending.clone();
            tokio::select! {
                news = self.news.next() => match news {
                    Some(news) => self.tell(news.device, &news.row),
                    None => self.end("slow"),
                },
                () = tokio::time::sleep(left) => self.look().await,
                () = ending.cancelled() => self.end("restart"),
            }
        }
    }

    /// Whether the reader still may, and the devices are still there.
    async fn look(&mut self) {
        self.looked = self.api.clock.elapsed();
        match self.again.still(&self.api).await {
            Ok(()) => {}
            Err(problem) if problem.is_passing() => return,
            Err(_) => return self.end("not-allowed"),
        }
        match self.api.views.stays(self.sight.right).await {
            Ok(stays) if stays != self.stays => self.end("moved"),
            // A store that is away for a moment takes nobody's right.
            Ok(_) | Err(_) => {}
        }
    }

    fn end(&mut self, why: &'static str) {
        self.ended = true;
        let event = Event::default().event("end").data(why);
        self.waiting.push_back(event);
    }

    fn tell(&mut self, device: DeviceId, row: &Row) {
        let mut stays = self.stays.iter();
        let is_here = stays.any(|(of, within)| *of == device && within.contains(&row.time));
        let newest = self.newest.entry(device).or_insert(i64::MIN);
        let near = row.time < self.api.clock.now().get() + AHEAD;
        if !is_here || !near || row.time <= *newest {
            return;
        }
        *newest = row.time;
        if let Some(json) = shown(device, row, self.sight) {
            let event = Event::default().event("snapshot").id(row.time.to_string());
            self.waiting.push_back(event.data(json.to_string()));
        }
    }
}

/// A row as it may be seen; `None` for a time that no calendar knows.
fn shown(device: DeviceId, row: &Row, sight: Sight) -> Option<Json> {
    let at = Timestamp::from_millisecond(row.time).ok()?;
    let mut json = Map::new();
    json.insert("t".to_owned(), at.to_string().into());
    json.insert("device".to_owned(), device.to_string().into());
    for (id, value) in row.cells.iter().filter(|(id, _)| sight.shows(id)) {
        let value = match value {
            Value::Integer(bits) if *id == ColumnId::from(Known::Quality) => {
                let doubts = Doubts::from_bits(u32::try_from(*bits).unwrap_or(u32::MAX));
                words(doubts).into()
            }
            Value::Integer(integer) => Json::from(*integer),
            Value::Number(number) => Json::from(number.get()),
        };
        json.insert(id.name().to_owned(), value);
    }
    Some(Json::Object(json))
}
