//! Ten thousand homes of other people, and who may see them: written in bulk, since it is their number that is measured.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use solthrive_cloud::api::{Cost, Passwords};
use solthrive_cloud::app::Stores;
use solthrive_cloud::config::Place;
use solthrive_cloud_store::people::{Accounts as _, Added, EmailKey, NewUser};
use solthrive_domain::access::{By, Role};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{OrgId, UserId};
use uuid::Uuid;

pub(crate) const SITES: u128 = 10_000;
/// To each site.
const GRANTS: u128 = 3;
pub(crate) const INSTALLERS: u128 = 100;
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Of the org, site or grant of this number.
fn id(kind: u128, number: u128) -> Uuid {
    Uuid::from_u128((kind << 64) + number)
}

/// The first of the installers: a tenth of the homes is theirs to look after.
pub(crate) fn installer() -> OrgId {
    OrgId::from_uuid(id(21, 0))
}

/// The site of this number; every tenth is one of [`installer`]'s.
pub(crate) fn site(number: u128) -> Uuid {
    id(22, number)
}

/// Writes them.
pub(crate) fn fill(place: &Place, postgres: Option<&str>, now: UnixMillis) -> Result<()> {
    let text = statements(now.get(), |id| match postgres {
        Some(_) => format!("'{id}'"),
        None => format!("X'{}'", id.simple()),
    });
    let mut command = match postgres {
        Some(url) => {
            let mut psql = Command::new("psql");
            psql.args([url, "-q", "--set=ON_ERROR_STOP=1"]);
            psql
        }
        None => {
            let mut sqlite = Command::new("sqlite3");
            sqlite.arg(Place::database(&place.data)).arg("-bail");
            sqlite
        }
    };
    let mut running = command
        .stdin(Stdio::piped())
        .spawn()
        .context("sqlite3 or psql")?;
    let mut end = running.stdin.take().context("no pipe")?;
    end.write_all(text.as_bytes())?;
    drop(end);
    ensure!(running.wait()?.success(), "people could not be written");
    Ok(())
}

/// Each home has a household of its own, one installer of its own tenth, and two of the others.
fn statements(now: i64, literal: impl Fn(Uuid) -> String) -> String {
    let (mut orgs, mut sites, mut grants) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..INSTALLERS {
        let org = literal(id(21, number));
        orgs.push(format!("({org},'installer','Installer {number}',{now})"));
    }
    for number in 0..SITES {
        let (org, site) = (literal(id(20, number)), literal(id(22, number)));
        orgs.push(format!("({org},'household','Household {number}',{now})"));
        // Not in the order of their ids, so that a list by name has to sort.
        let name = number * 7_919 % SITES;
        sites.push(format!(
            "({site},{org},'Site {name:05}','Europe/Berlin',6000,{now})"
        ));
        let first = if number % 10 == 0 {
            0
        } else {
            1 + number % (INSTALLERS - 1)
        };
        for (nth, installer) in [first, 1 + number * 31 % 99, 1 + number * 57 % 99]
            .into_iter()
            .enumerate()
        {
            let grant = literal(id(23, number * GRANTS + nth as u128));
            let to = literal(id(21, installer));
            grants.push(format!(
                "({grant},{site},{to},'production alerts','owner_consent',{now},{now})"
            ));
        }
    }
    let mut text = "BEGIN;\n".to_owned();
    for (table, rows) in [
        ("org(id,kind,name,created_at)", orgs),
        ("site(id,owner_org,name,time_zone,size_w,created_at)", sites),
        (
            "site_grant(id,site,grantee_org,scopes,basis,created_at,valid_from)",
            grants,
        ),
    ] {
        for some in rows.chunks(500) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "INSERT INTO {table} VALUES {};", some.join(","));
        }
    }
    text + "COMMIT;\nANALYZE org; ANALYZE site; ANALYZE site_grant;\n"
}

/// Somebody who may sign in.
pub(crate) async fn admin_of(
    place: &Place,
    org: OrgId,
    email: &str,
    now: UnixMillis,
) -> Result<()> {
    let stores = Stores::open(place).await?;
    let password = Passwords::new(Cost::Least)?.hash(PASSWORD.to_owned()).await;
    let user = NewUser {
        id: UserId::from_uuid(solthrive_cloud::clock::new_id()),
        email: email.to_owned(),
        key: EmailKey::of(email)?,
        name: email.to_owned(),
        locale: "en".to_owned(),
        password: Some(password.context("no password")?),
        proven: true,
        member_of: vec![(org, Role::Admin)],
    };
    let added = stores.sql.add_user(By::Console, &user, now).await?;
    ensure!(added == Added::Done, "{email}: {added:?}");
    stores.sql.close().await;
    Ok(())
}
