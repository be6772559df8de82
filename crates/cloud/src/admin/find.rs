//! Who is meant: an id, or a name or serial that only one has.

use anyhow::{Result, bail};
use solthrive_cloud_store::meta::{DeviceLine, Org, Registry as _, Site};
use uuid::Uuid;

use super::console::Console;

/// The org that is meant.
pub(super) async fn org(console: &Console, said: &str) -> Result<Org> {
    let orgs = console.sql.orgs(&console.operator).await?;
    one("org", said, orgs, |org| (org.id.as_uuid(), &org.name))
}

/// The site that is meant.
pub(super) async fn site(console: &Console, said: &str) -> Result<Site> {
    let sites = console.sql.sites(&console.operator).await?;
    one("site", said, sites, |site| (site.id.as_uuid(), &site.name))
}

/// The device that is meant.
pub(super) async fn device(console: &Console, said: &str) -> Result<DeviceLine> {
    let devices = console.sql.devices(&console.operator).await?;
    one("device", said, devices, |device| {
        (device.id.as_uuid(), &device.serial)
    })
}

fn one<T>(kind: &str, said: &str, all: Vec<T>, names: impl Fn(&T) -> (Uuid, &String)) -> Result<T> {
    let id = Uuid::parse_str(said).ok();
    let mut meant = all.into_iter().filter(|thing| {
        let (its_id, name) = names(thing);
        Some(its_id) == id || name == said
    });
    match (meant.next(), meant.next()) {
        (Some(thing), None) => Ok(thing),
        (None, _) => bail!("there is no {kind} `{said}`; `admin {kind} list` shows them all"),
        (Some(_), Some(_)) => bail!(
            "more than one {kind} is called `{said}`: name one by its id, which `admin {kind} list` shows"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(said: &str) -> Result<u128, String> {
        let all = [(1, "Ana"), (2, "Ben"), (3, "Ben")]
            .map(|(id, name)| (Uuid::from_u128(id), name.to_owned()));
        one("org", said, all.to_vec(), |(id, name)| (*id, name))
            .map(|(id, _)| id.as_u128())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_id_or_a_name_that_only_one_has_will_do() {
        assert_eq!(found("Ana"), Ok(1));
        assert_eq!(found(&Uuid::from_u128(3).to_string()), Ok(3));
        assert!(found("Ben").unwrap_err().contains("by its id"));
        assert!(found("ana").unwrap_err().contains("org list"));
    }
}
