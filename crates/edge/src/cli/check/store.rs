//! The history: is the file whole, and does it grow. Read only, also while the daemon writes.

use jiff::SignedDuration;
use rusqlite::{Connection, OpenFlags};

use super::super::site::Site;
use super::Finding;
use crate::store::{self, Reader, StoreError};

/// A daemon that runs stores a minute each minute.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// Every page of the file.
pub(super) fn integrity(site: &Site) -> Finding {
    let path = site.places.data_dir.join(store::FILE);
    let shown = path.display();
    match Reader::open(&site.places.data_dir) {
        Ok(_) => {}
        Err(StoreError::Missing(_)) => {
            return Finding::note(
                "history",
                format!("none yet at {shown}; solthrived begins it"),
            );
        }
        Err(error @ StoreError::Newer { .. }) => {
            return Finding::problem("history", error.to_string());
        }
        Err(error) => {
            let causes = format!("{:#}", anyhow::Error::new(error));
            return Finding::problem("history", format!("{shown}: {causes}")).advice("if you are not its owner, try again with sudo; solthrived sets a damaged history aside at its next start and keeps the totals");
        }
    }
    match check(&path) {
        Ok(found) if found == ["ok"] => {
            let size = std::fs::metadata(&path).map(|meta| meta.len()).unwrap_or(0);
            Finding::ok("history", format!("{shown} is sound ({})", super::machine::bytes(size)))
        }
        Ok(found) => Finding::problem("history", format!("{shown} is damaged: {}", found.join("; "))).advice("sudo systemctl restart solthrived: it sets the damaged file aside and keeps what is sound. The card may be failing"),
        Err(error) => Finding::problem("history", format!("{shown} cannot be checked: {error}")),
    }
}

fn check(path: &std::path::Path) -> rusqlite::Result<Vec<String>> {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    let mut lines = db.prepare("PRAGMA quick_check(3)")?;
    lines.query_map([], |row| row.get(0))?.collect()
}

/// The newest minute; only a daemon that runs should have one of just now.
pub(super) fn newest(site: &Site, running: bool) -> Option<Finding> {
    let newest = Reader::open(&site.places.data_dir).ok()?.newest().ok()??;
    let age = site.now().duration_since(newest);
    if age < -SignedDuration::from_mins(2) {
        let detail = format!(
            "the newest minute ends at {newest}, which is in the future: the clock is wrong now, or was"
        );
        return Some(
            Finding::problem("newest minute", detail).advice("compare `date` with a watch"),
        );
    }
    let ago = super::machine::span(age);
    if running && age > LATE {
        let detail = format!("ends {ago} ago, though solthrived runs");
        return Some(
            Finding::problem("newest minute", detail).advice("solthrive-cli logs --level warn"),
        );
    }
    Some(Finding::ok("newest minute", format!("ends {ago} ago")))
}
