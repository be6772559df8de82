//! The history: is the file whole, and does it grow. Read only, also while the daemon writes.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OpenFlags};

use super::super::site::Site;
use super::Finding;
use crate::store::{self, Reader, StoreError};

/// A daemon that runs stores a minute each minute.
const LATE: SignedDuration = SignedDuration::from_mins(5);
/// A minute that is still going on ends in the future; a later one should not be there.
const AHEAD: SignedDuration = SignedDuration::from_mins(2);

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

/// The newest minute; only a daemon that is `up` for a while should have one of just now.
pub(super) fn newest(site: &Site, up: Option<SignedDuration>) -> Option<Finding> {
    let newest = Reader::open(&site.places.data_dir).ok()?.newest().ok()??;
    Some(judge(newest, site.now(), up))
}

fn judge(newest: Timestamp, now: Timestamp, up: Option<SignedDuration>) -> Finding {
    let age = now.duration_since(newest);
    if age < -AHEAD {
        let detail = format!(
            "the newest minute ends at {newest}, which is in the future: the clock is wrong now, or was"
        );
        return Finding::problem("newest minute", detail).advice("compare `date` with a watch");
    }
    let ago = super::machine::span(age);
    if up.is_some_and(|up| up > LATE) && age > LATE {
        let detail = format!("ends {ago} ago, though solthrived runs");
        return Finding::problem("newest minute", detail).advice("solthrive-cli logs --level warn");
    }
    Finding::ok("newest minute", format!("ends {ago} ago"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::State;
    use super::*;

    #[rstest]
    #[case::a_daemon_that_stores(Some(60), 1, State::Ok)]
    #[case::a_daemon_that_does_not(Some(60), 6, State::Problem)]
    #[case::a_daemon_that_has_just_begun(Some(1), 600, State::Ok)]
    #[case::no_daemon(None, 600, State::Ok)]
    #[case::the_minute_that_is_still_going_on(Some(60), -1, State::Ok)]
    #[case::a_minute_of_tomorrow(None, -1440, State::Problem)]
    fn a_newest_minute(#[case] up: Option<i64>, #[case] age: i64, #[case] expected: State) {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let newest = now - SignedDuration::from_mins(age);
        let found = judge(newest, now, up.map(SignedDuration::from_mins));
        assert_eq!(found.state, expected, "{}", found.detail);
    }
}
