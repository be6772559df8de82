//! `admin site`.

use std::num::NonZeroU32;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use solthrive_cloud_store::meta::{Registry as _, Site};
use solthrive_domain::SiteId;

use super::console::Console;
use super::org::named;
use super::output::or_dash;
use super::place::{Degrees, Kilowatts, Zone};
use super::screen::Screen;
use super::{Verdict, find};
use crate::clock::new_id;

const ABOUT_PLACE: &str = "\
Latitude and longitude are rounded to a tenth of a degree, about 10 km: enough for the sun, too little \
for an address.

Example:
  solthrive-cloud admin site new \"Ana's house\" --owner \"Ana Ruiz\" --zone America/Los_Angeles \\
      --size-kw 7.6 --latitude 34.05 --longitude -118.24";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a home
    #[command(after_help = ABOUT_PLACE)]
    New(New),
    /// All homes, by name
    List,
    /// Everything about a home: what it is, and which devices are there
    Show {
        /// The site, by id or name
        site: String,
    },
    /// Change what is known of a home. What is not named stays
    #[command(
        after_help = "Example:\n  solthrive-cloud admin site set \"Ana's house\" --zone America/Denver --raw-days 90"
    )]
    Set(Set),
}

#[derive(Debug, Args)]
pub(super) struct New {
    /// What it is called
    name: String,
    /// Whose it is: an org, by id or name
    #[arg(long, value_name = "ORG")]
    owner: String,
    /// IANA time zone, which says when its days begin
    #[arg(long)]
    zone: Zone,
    #[command(flatten)]
    facts: Facts,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// The site, by id or name
    site: String,
    /// What it is called from now on
    #[arg(long)]
    name: Option<String>,
    /// IANA time zone. Days that are over keep theirs
    #[arg(long)]
    zone: Option<Zone>,
    #[command(flatten)]
    facts: Facts,
    /// Days for which every snapshot is kept, or `default` for what the service is set to. Buckets, days and months are kept for ever
    #[arg(long, value_name = "DAYS", value_parser = raw_days)]
    raw_days: Option<RawDays>,
}

#[derive(Debug, Args)]
struct Facts {
    /// Nameplate of the array in kW
    #[arg(long, value_name = "KW")]
    size_kw: Option<Kilowatts>,
    /// Degrees north
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true, requires = "longitude", value_parser = Degrees::latitude)]
    latitude: Option<Degrees>,
    /// Degrees east; west is negative
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true, requires = "latitude", value_parser = Degrees::longitude)]
    longitude: Option<Degrees>,
}

/// How long snapshots are kept; `None` is the service's setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RawDays(Option<NonZeroU32>);

fn raw_days(text: &str) -> Result<RawDays, String> {
    if text == "default" {
        return Ok(RawDays(None));
    }
    let days = text.parse().ok();
    days.map(|days| RawDays(Some(days)))
        .ok_or_else(|| "write a number of days from 1, or `default`".to_owned())
}

pub(super) async fn run(
    command: &Command,
    console: &Console,
    screen: &mut Screen,
) -> Result<Verdict> {
    match command {
        Command::New(new) => add(new, console, screen).await?,
        Command::List => list(console, screen).await?,
        Command::Show { site } => {
            let site = find::site(console, site).await?;
            super::site_show::show(&site, console, screen).await?;
        }
        Command::Set(set) => change(set, console, screen).await?,
    }
    Ok(Verdict::Fine)
}

async fn add(new: &New, console: &Console, screen: &mut Screen) -> Result<()> {
    let owner = find::org(console, &new.owner).await?;
    let mut site = Site {
        id: SiteId::from_uuid(new_id()),
        owner: owner.id,
        name: named(&new.name)?,
        time_zone: new.zone.to_string(),
        size_w: None,
        place: None,
    };
    new.facts.put(&mut site);
    let added = console
        .sql
        .add_site(&console.operator, &site, console.clock.now())
        .await?;
    if !added {
        bail!("the owner {} is not there any more", owner.name);
    }
    let facts = [("site", site.name.clone()), ("id", site.id.to_string())];
    Ok(screen.facts(&facts, &json_of(&site))?)
}

async fn change(set: &Set, console: &Console, screen: &mut Screen) -> Result<()> {
    let before = find::site(console, &set.site).await?;
    let mut site = before.clone();
    if let Some(name) = &set.name {
        site.name = named(name)?;
    }
    if let Some(zone) = &set.zone {
        site.time_zone = zone.to_string();
    }
    set.facts.put(&mut site);
    if site == before && set.raw_days.is_none() {
        bail!("nothing to change; `admin site set --help` says what can be");
    }
    let now = console.clock.now();
    let mut is_there = true;
    if site != before {
        is_there = console
            .sql
            .update_site(&console.operator, &site, now)
            .await?;
    }
    if let Some(RawDays(days)) = set.raw_days {
        is_there &= console
            .sql
            .keep_raw(&console.operator, site.id, days, now)
            .await?;
    }
    if !is_there {
        bail!("the site is not there any more");
    }
    super::site_show::show(&site, console, screen).await
}

impl Facts {
    fn put(&self, site: &mut Site) {
        if let Some(size) = self.size_kw {
            site.size_w = Some(size.watts());
        }
        if let (Some(latitude), Some(longitude)) = (self.latitude, self.longitude) {
            site.place = Some((latitude.tenths(), longitude.tenths()));
        }
    }
}

pub(super) fn json_of(site: &Site) -> Value {
    let degrees = |tenths: i16| f64::from(tenths) / 10.0;
    json!({
        "id": site.id,
        "name": site.name,
        "owner": site.owner,
        "time_zone": site.time_zone,
        "size_kw": site.size_w.map(|watts| f64::from(watts) / 1000.0),
        "latitude": site.place.map(|(latitude, _)| degrees(latitude)),
        "longitude": site.place.map(|(_, longitude)| degrees(longitude)),
    })
}

/// The nameplate, for people.
pub(super) fn size(site: &Site) -> String {
    or_dash(
        site.size_w
            .map(|watts| format!("{} kW", f64::from(watts) / 1000.0)),
    )
}

async fn list(console: &Console, screen: &mut Screen) -> Result<()> {
    let sites = console.sql.sites(&console.operator).await?;
    screen.list(
        &sites,
        "There is no site yet. `admin site new NAME --owner ORG --zone ZONE` adds one.",
        ["NAME", "TIME ZONE", "SIZE", "ID"],
        |site| {
            [
                site.name.as_str().into(),
                site.time_zone.as_str().into(),
                size(site).into(),
                site.id.to_string().into(),
            ]
        },
        json_of,
    )?;
    Ok(())
}
