//! Sites that a caller reaches. SQL finds those that he might, by his orgs and grants; what he may there is
//! for `solthrive_domain::access` to say, of each one.

use std::collections::HashMap;

use solthrive_domain::access::{Actor, Grant, Grantee, SiteFacts};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, GrantId, OrgId, SiteId, UserId};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::parse;
use crate::StoreError;
use crate::meta::Site;
use crate::people::{Home, HomeFilter, Page, PageKey};
use crate::sql::sees::{Sees, seen};
use crate::sql::{SqlStore, ask, instant};

/// Sites whose grants one statement asks for: of one site, and of a page.
const FEW: usize = 1;
const MANY: usize = 128;

/// What a list shows of a site, and what access to it is judged by.
const COLUMNS: &str = "site.id, site.owner_org, site.name, site.time_zone, site.size_w, site.latitude_tenths,
    site.longitude_tenths, site.owner_data_from, site.handed_over_at, site.version,
    (SELECT max(known.last_seen) FROM assignment JOIN device_status AS known ON known.device = assignment.device
     WHERE assignment.site = site.id AND assignment.to_at IS NULL) AS last_seen,
    (SELECT count(*) FROM alert WHERE alert.site = site.id AND alert.state IN ('firing', 'recovering')) AS alerts";

struct Row {
    id: Uuid,
    owner_org: Uuid,
    name: String,
    time_zone: String,
    size_w: Option<i64>,
    latitude_tenths: Option<i64>,
    longitude_tenths: Option<i64>,
    owner_data_from: Option<i64>,
    handed_over_at: Option<i64>,
    version: i64,
    last_seen: Option<i64>,
    alerts: i64,
}

/// The same as it comes from the database.
type Columns = (
    Uuid,
    Uuid,
    String,
    String,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    i64,
    Option<i64>,
    i64,
);

impl From<Columns> for Row {
    fn from(columns: Columns) -> Self {
        let (
            id,
            owner_org,
            name,
            time_zone,
            size_w,
            north,
            east,
            from,
            handed,
            version,
            seen,
            alerts,
        ) = columns;
        Self {
            id,
            owner_org,
            name,
            time_zone,
            size_w,
            latitude_tenths: north,
            longitude_tenths: east,
            owner_data_from: from,
            handed_over_at: handed,
            version,
            last_seen: seen,
            alerts,
        }
    }
}

pub(super) type GrantRow = (
    Uuid,
    Uuid,
    Option<Uuid>,
    Option<Uuid>,
    String,
    String,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

/// Sites that may concern person `$1` or a program of org `$2` at `$3`: his own, those that were given to
/// him or his orgs, those that he helps at.
const REACHED: &str = "
    WITH mine AS (
        SELECT org FROM membership WHERE app_user = $1 UNION SELECT id FROM org WHERE id = $2
    ), reached AS (
        SELECT id FROM site WHERE owner_org IN (SELECT org FROM mine)
        UNION SELECT site FROM site_grant WHERE revoked_at IS NULL AND grantee_org IN (SELECT org FROM mine)
        UNION SELECT site FROM site_grant WHERE revoked_at IS NULL AND grantee_user = $1
        UNION SELECT site FROM support_session WHERE app_user = $1 AND ended_at IS NULL AND until_at > $3
    )";

/// What of a caller the statements need.
#[derive(Clone, Copy)]
struct Asker {
    user: Option<Uuid>,
    /// Of a program that asks for itself.
    org: Option<Uuid>,
}

impl Asker {
    fn of(actor: &Actor) -> Self {
        let program = actor.user.is_none();
        let org = actor.memberships.first().filter(|_| program);
        Self {
            user: actor.user.map(UserId::as_uuid),
            org: org.map(|mine| mine.org.as_uuid()),
        }
    }
}

impl Asker {
    /// One site, or the grants of some.
    fn visits(self) -> Sees {
        match (self.user, self.org) {
            (Some(user), _) => Sees::Person(user),
            (None, Some(org)) => Sees::Program(org),
            (None, None) => Sees::Nothing,
        }
    }

    /// All sites.
    fn lists(self) -> Sees {
        match (self.user, self.org) {
            (Some(user), _) => Sees::PersonsList(user),
            (None, Some(org)) => Sees::ProgramsList(org),
            (None, None) => Sees::Nothing,
        }
    }
}

fn facts(row: &Row, grants: Vec<Grant>) -> Result<SiteFacts, StoreError> {
    Ok(SiteFacts {
        site: SiteId::from_uuid(row.id),
        owner: OrgId::from_uuid(row.owner_org),
        owner_data_from: row.owner_data_from.map(instant).transpose()?,
        handed_over_at: row.handed_over_at.map(instant).transpose()?,
        grants,
    })
}

fn site_of(row: &Row) -> Result<Site, StoreError> {
    let damaged = |_| StoreError::Damaged("a site".to_owned());
    let tenths = |value: Option<i64>| value.map(i16::try_from).transpose();
    let latitude = tenths(row.latitude_tenths).map_err(damaged)?;
    let longitude = tenths(row.longitude_tenths).map_err(damaged)?;
    Ok(Site {
        id: SiteId::from_uuid(row.id),
        owner: OrgId::from_uuid(row.owner_org),
        name: row.name.clone(),
        time_zone: row.time_zone.clone(),
        size_w: row.size_w.map(u32::try_from).transpose().map_err(damaged)?,
        place: latitude.zip(longitude),
    })
}

pub(super) fn grant_of(row: GrantRow) -> Result<(Uuid, Grant), StoreError> {
    let (id, site, org, user, scopes, basis, valid_from, valid_to, data_from, revoked_at) = row;
    let grantee = match (org, user) {
        (Some(org), None) => Grantee::Org(OrgId::from_uuid(org)),
        (None, Some(user)) => Grantee::User(UserId::from_uuid(user)),
        _ => return Err(StoreError::Damaged("a grant is nobody's".to_owned())),
    };
    let grant = Grant {
        id: GrantId::from_uuid(id),
        grantee,
        scopes: parse::scopes(&scopes)?,
        basis: parse::basis(&basis)?,
        valid_from: instant(valid_from)?,
        valid_to: valid_to.map(instant).transpose()?,
        data_from: data_from.map(instant).transpose()?,
        revoked_at: revoked_at.map(instant).transpose()?,
    };
    Ok((site, grant))
}

/// Grants to the caller at these sites.
async fn grants(
    db: &SqlStore,
    asker: Asker,
    sites: &[Row],
) -> Result<HashMap<Uuid, Vec<Grant>>, StoreError> {
    let mut found: HashMap<Uuid, Vec<Grant>> = HashMap::new();
    // Two sizes, so that there are two statements to be prepared.
    let at_once = if sites.len() <= FEW { FEW } else { MANY };
    let text = grants_text(at_once);
    for some in sites.chunks(at_once) {
        let rows: Vec<GrantRow> = seen!(db, asker.visits(), |pool| {
            let mut ask = sqlx::query_as(AssertSqlSafe(text.clone()))
                .bind(asker.user)
                .bind(asker.org);
            for place in 0..at_once {
                ask = ask.bind(some.get(place).map(|row| row.id));
            }
            ask.fetch_all(pool).await?
        });
        for row in rows {
            let (site, grant) = grant_of(row)?;
            found.entry(site).or_default().push(grant);
        }
    }
    Ok(found)
}

fn grants_text(sites: usize) -> String {
    let places: Vec<String> = (0..sites).map(|place| format!("${}", place + 3)).collect();
    let places = places.join(", ");
    format!(
        "SELECT id, site, grantee_org, grantee_user, scopes, basis, valid_from, valid_to, data_from, revoked_at
         FROM site_grant WHERE site IN ({places}) AND revoked_at IS NULL
         AND (grantee_user = $1 OR grantee_org = $2
              OR grantee_org IN (SELECT org FROM membership WHERE app_user = $1))
         ORDER BY created_at, id"
    )
}

/// What of these sites the caller may, by the rules.
async fn judge(
    db: &SqlStore,
    actor: &Actor,
    rows: Vec<Row>,
    now: UnixMillis,
) -> Result<Vec<Home>, StoreError> {
    let mut grants = grants(db, Asker::of(actor), &rows).await?;
    let mut homes = Vec::with_capacity(rows.len());
    for row in rows {
        let facts = facts(&row, grants.remove(&row.id).unwrap_or_default())?;
        let Some(access) = actor.at(&facts, now) else {
            continue;
        };
        homes.push(Home {
            site: site_of(&row)?,
            access,
            last_seen: row.last_seen.map(instant).transpose()?,
            alerts: u32::try_from(row.alerts).unwrap_or(u32::MAX),
            handed_over_at: facts.handed_over_at,
            version: row.version,
        });
    }
    Ok(homes)
}

/// Where a device is.
pub(super) async fn place_of(
    db: &SqlStore,
    device: DeviceId,
) -> Result<Option<SiteId>, StoreError> {
    let row: Option<(Uuid,)> = ask!(db, |pool| {
        sqlx::query_as("SELECT site FROM assignment WHERE device = $1 AND to_at IS NULL")
            .bind(device.as_uuid())
            .fetch_optional(pool)
            .await?
    });
    Ok(row.map(|(site,)| SiteId::from_uuid(site)))
}

pub(super) async fn one(
    db: &SqlStore,
    actor: &Actor,
    site: SiteId,
    now: UnixMillis,
) -> Result<Option<Home>, StoreError> {
    let text =
        format!("SELECT {COLUMNS} FROM site WHERE site.id = $1 AND site.archived_at IS NULL");
    let rows: Vec<Columns> = seen!(db, Asker::of(actor).visits(), |pool| {
        sqlx::query_as(AssertSqlSafe(text))
            .bind(site.as_uuid())
            .fetch_all(pool)
            .await?
    });
    let rows = rows.into_iter().map(Row::from).collect();
    Ok(judge(db, actor, rows, now).await?.pop())
}

/// Sites that SQL found and the rules refused leave room on a page, which further ones fill.
pub(super) async fn page(
    db: &SqlStore,
    actor: &Actor,
    filter: &HomeFilter,
    page: &Page,
    now: UnixMillis,
) -> Result<Vec<Home>, StoreError> {
    let most = usize::try_from(page.most).unwrap_or(usize::MAX);
    let (mut homes, mut after) = (Vec::new(), page.after.clone());
    while homes.len() < most {
        let rows = candidates(
            db,
            Asker::of(actor),
            filter,
            (after.as_ref(), page.most),
            now,
        )
        .await?;
        let Some(last) = rows.last() else { break };
        let end = rows.len() < most;
        after = Some(PageKey {
            name: last.name.clone(),
            site: SiteId::from_uuid(last.id),
        });
        homes.extend(judge(db, actor, rows, now).await?);
        if end {
            break;
        }
    }
    homes.truncate(most);
    Ok(homes)
}

async fn candidates(
    db: &SqlStore,
    asker: Asker,
    filter: &HomeFilter,
    (after, most): (Option<&PageKey>, u32),
    now: UnixMillis,
) -> Result<Vec<Row>, StoreError> {
    let text = format!(
        "{REACHED} SELECT * FROM (SELECT {COLUMNS} FROM site
            WHERE site.id IN (SELECT id FROM reached) AND site.archived_at IS NULL
            AND ($4 IS NULL OR (site.name, site.id) > ($4, $5))
            AND ($6 IS NULL OR lower(site.name) LIKE $6 ESCAPE '\\')) AS site
         WHERE ($7 IS NULL OR site.last_seen IS NULL OR site.last_seen < $7)
         AND (NOT $8 OR site.alerts > 0)
         ORDER BY site.name, site.id LIMIT $9"
    );
    let rows: Vec<Columns> = seen!(db, asker.lists(), |pool| {
        sqlx::query_as(AssertSqlSafe(text))
            .bind(asker.user)
            .bind(asker.org)
            .bind(now.get())
            .bind(after.map(|after| after.name.as_str()))
            .bind(after.map(|after| after.site.as_uuid()))
            .bind(filter.name.as_deref().map(pattern))
            .bind(filter.silent_since.map(UnixMillis::get))
            .bind(filter.alerting)
            .bind(i64::from(most))
            .fetch_all(pool)
            .await?
    });
    Ok(rows.into_iter().map(Row::from).collect())
}

/// A text anywhere in a name; what LIKE takes for signs of its own means itself.
pub(super) fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern + "%"
}
