//! Homes that somebody looks at now: their appliances are asked for a snapshot each second as long as he does.
//!
//! A node says which ones in the store, and every node reads it there, because the appliance's line may be on another. What
//! is said ends by itself, so a node that dies leaves nobody watched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use solthrive_domain::SiteId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Api;

/// For so long it is said, ms, and between two times that it is.
const HOLDS_MS: i64 = 30_000;
const RENEWED: Duration = Duration::from_secs(10);
/// Between two times that new ones are said: somebody may open and close streams without end.
const PAUSE: Duration = Duration::from_millis(200);
/// For an answer of the store.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which homes, and by how many.
#[derive(Debug, Default)]
pub(super) struct Watched {
    sites: Mutex<Sites>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Sites {
    all: BTreeMap<SiteId, usize>,
    /// Those that were not said yet.
    new: BTreeSet<SiteId>,
}

/// Somebody looks at a home until this is dropped.
#[derive(Debug)]
pub(super) struct Watching {
    watched: Arc<Watched>,
    site: SiteId,
}

impl Watched {
    /// Somebody begins to look.
    pub(super) fn look_at(self: &Arc<Self>, site: SiteId) -> Watching {
        let mut sites = self.sites();
        let count = sites.all.entry(site).or_default();
        *count += 1;
        if *count == 1 {
            sites.new.insert(site);
            self.news.notify_one();
        }
        Watching {
            watched: Arc::clone(self),
            site,
        }
    }

    fn sites(&self) -> std::sync::MutexGuard<'_, Sites> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> BTreeSet<SiteId> {
        let mut sites = self.sites();
        sites.new.clear();
        sites.all.keys().copied().collect()
    }

    /// Those that were not said yet; they count as said from now on.
    fn unsaid(&self) -> BTreeSet<SiteId> {
        std::mem::take(&mut self.sites().new)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut sites = self.watched.sites();
        if let Some(count) = sites.all.get_mut(&self.site) {
            *count -= 1;
            if *count == 0 {
                sites.all.remove(&self.site);
                sites.new.remove(&self.site);
            }
        }
    }
}

/// Says in the store which homes are looked at on this node.
pub(crate) struct Watcher(Arc<Api>);

impl Watcher {
    pub(crate) const fn new(api: Arc<Api>) -> Self {
        Self(api)
    }

    /// Until it is told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let watched = Arc::clone(&self.0.watched);
        let mut renewal = tokio::time::interval(RENEWED);
        loop {
            let sites = tokio::select! {
                () = stop.cancelled() => return,
                _ = renewal.tick() => watched.all(),
                () = watched.news.notified() => watched.unsaid(),
            };
            if !sites.is_empty() {
                self.say(&sites).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What could not be said is said with the next renewal: a picture that moves less often, until then.
    async fn say(&self, sites: &BTreeSet<SiteId>) {
        let api = &self.0;
        let until = api.clock.now().plus_ms(HOLDS_MS);
        let said = tokio::time::timeout(PATIENCE, api.commands.watch_live(sites, until));
        match said.await {
            Ok(Ok(())) => api.commands_wait.notify_one(),
            Ok(Err(error)) => {
                tracing::warn!(%error, "appliances were not asked for live snapshots");
            }
            Err(_) => tracing::warn!("appliances were not asked for live snapshots in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_home_is_watched_as_long_as_anybody_looks_and_is_news_once() {
        let watched = Arc::new(Watched::default());
        let site = |n| SiteId::from_uuid(Uuid::from_u128(n));
        let one = watched.look_at(site(1));
        let other = watched.look_at(site(1));
        let elsewhere = watched.look_at(site(2));
        assert_eq!(watched.unsaid(), BTreeSet::from([site(1), site(2)]));
        assert_eq!(watched.unsaid(), BTreeSet::new());
        drop(one);
        assert_eq!(watched.all(), BTreeSet::from([site(1), site(2)]));
        drop((other, elsewhere));
        assert_eq!(watched.all(), BTreeSet::new());
        drop(watched.look_at(site(1)));
        assert_eq!(watched.unsaid(), BTreeSet::new(), "gone before it was said");
    }
}
