//! `admin site show`.

use anyhow::{Context as _, Result};
use serde_json::json;
use solthrive_cloud_store::archive::Views as _;
use solthrive_cloud_store::meta::{Registry as _, Site, Standing};

use super::console::Console;
use super::output::{ago, instant, or_dash};
use super::screen::Screen;
use super::site::{json_of, size};

/// What it is, whose it is, and which devices are there.
pub(super) async fn show(site: &Site, console: &Console, screen: &mut Screen) -> Result<()> {
    let orgs = console.sql.orgs(&console.operator).await?;
    let owner = orgs.iter().find(|org| org.id == site.owner);
    let readable = console
        .operator
        .may_read(site.id)
        .context("only the console reads every site")?;
    let statuses = console.sql.status(readable).await?;
    let devices = console.sql.devices(&console.operator).await?;
    let there = devices
        .iter()
        .filter(|device| device.standing == Standing::Bound(site.id));
    let now = console.clock.now();
    let raw_days = console.sql.raw_days(&console.operator, site.id).await?;
    let kept = raw_days.map_or_else(
        || "as the service is set".to_owned(),
        |days| format!("{days} days"),
    );
    let mut facts = vec![
        ("site", site.name.clone()),
        ("id", site.id.to_string()),
        ("owner", or_dash(owner.map(|org| &org.name))),
        ("time zone", site.time_zone.clone()),
        ("size", size(site)),
        ("place", or_dash(site.place.map(place))),
        ("snapshots kept", kept),
    ];
    let mut listed = Vec::new();
    for device in there {
        let status = statuses.iter().find(|status| status.device == device.id);
        let seen = status.map(|status| status.last_seen);
        let seen_ago = seen.map_or_else(|| "never seen".to_owned(), |at| ago(at, now));
        facts.push(("device", format!("{}, {seen_ago}", device.serial)));
        listed.push(json!({
            "id": device.id, "serial": device.serial, "last_seen": seen.map(instant),
        }));
    }
    let mut value = json_of(site);
    value["raw_days"] = json!(raw_days);
    value["devices"] = listed.into();
    Ok(screen.facts(&facts, &value)?)
}

fn place((latitude, longitude): (i16, i16)) -> String {
    let side = |tenths: i16, positive, negative| {
        let letter = if tenths < 0 { negative } else { positive };
        format!("{}°{letter}", f64::from(tenths.abs()) / 10.0)
    };
    format!("{} {}", side(latitude, 'N', 'S'), side(longitude, 'E', 'W'))
}
