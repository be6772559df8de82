//! The first data of the page, written into its HTML: numbers show before the stream is open.

use jiff::Timestamp;
use serde::Serialize;

use super::messages::{bodies, snapshot_every_ms};
use super::state::{AppState, Shared};
use super::summary::as_of_now;
use super::wire::{DailySummary, FlagBody, Latest, SiteBody};

/// The page's first data, in a script element with the id `boot`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Boot {
    /// The appliance's version.
    version: &'static str,
    /// As in the stream's `hello`.
    snapshot_every_ms: u64,
    /// The site.
    site: SiteBody,
    /// The newest snapshot, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<Latest>,
    /// Conditions that hold now.
    errors: Vec<FlagBody>,
    /// The local day so far.
    today: DailySummary,
    /// When the page was made.
    ts: Timestamp,
}

/// The element that stands in for the page's placeholder.
pub(super) fn script(app: &AppState) -> String {
    let boot = Boot {
        version: app.facts.version,
        snapshot_every_ms: snapshot_every_ms(app),
        site: app.site_body().clone(),
        snapshot: app
            .live
            .frame()
            .map(|frame| Latest::new(&frame.snapshot, app.home())),
        errors: bodies(&app.live.flags()),
        today: today(app),
        ts: app.clock.now(),
    };
    let json = serde_json::to_string(&boot).unwrap_or_default();
    // Nothing that a site's name or a message contains may end the element.
    let json = json.replace('<', "\\u003c");
    format!("<script id=\"boot\" type=\"application/json\">{json}</script>")
}

/// The local day so far; before the first snapshot, a day of which nothing is known.
pub(super) fn today(app: &Shared) -> DailySummary {
    match app.live.frame() {
        Some(frame) => {
            let today = as_of_now(app, (*frame.today).clone());
            DailySummary::new(&today, app.tariff.as_ref())
        }
        None => DailySummary::unknown(app.clock.now().to_zoned(app.site.tz.clone()).date()),
    }
}
