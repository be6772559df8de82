//! Flags of devices as alerts.

use serde_json::json;
use solthrive_domain::alert::Ending;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, Severity, SiteId};
use sqlx::types::Uuid;

use super::convert::damaged;
use super::record::record;
use super::tables::{EventRow, FLAG_EVENTS};
use crate::StoreError;
use crate::archive::{FlagAlert, FlagPast};
use crate::sql::{SqlStore, ask, instant};

record! {
    /// An alert as the worker writes it; what people did about it is in other columns.
    AlertRow by (id) {
        1 id: Uuid,
        2 code: String,
        3 subject: String,
        4 site: Uuid,
        5 device: Uuid,
        6 severity: String,
        7 state: String,
        8 memory: String,
        9 began_at: i64,
        10 fired_at: i64,
        11 resolved_at: Option<i64>,
        12 changed_at: i64,
        13 resolution: Option<String>,
        14 message: String,
        15 origin: String,
        16 part: String,
    }
    table ALERT = "alert" replacing;
    read FLAG_ALERTS = "FROM alert WHERE origin = 'device' AND site = $1 AND device = $2
        AND (resolved_at IS NULL OR resolved_at >= $3) ORDER BY began_at, code, part";
}

const fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Cleared => "cleared",
        Ending::Restarted => "restarted",
        Ending::Left => "left",
    }
}

impl From<&FlagAlert> for AlertRow {
    fn from(alert: &FlagAlert) -> Self {
        let why = alert.ended.map(|(_, why)| why);
        let resolution = why.map(|why| match why {
            Ending::Cleared | Ending::Restarted => "auto".to_owned(),
            Ending::Left => "replaced".to_owned(),
        });
        let state = if why.is_some() { "resolved" } else { "firing" };
        let memory = why.map_or_else(|| json!({}), |why| json!({ "ended": word(why) }));
        Self {
            id: alert.id,
            code: alert.code.clone(),
            // No rule's subject begins like this, and one is open once.
            subject: format!("flag {} {} {}", alert.site, alert.device, alert.subject),
            site: alert.site.as_uuid(),
            device: alert.device.as_uuid(),
            severity: alert.severity.as_str().to_owned(),
            state: state.to_owned(),
            memory: memory.to_string(),
            began_at: alert.began_at.get(),
            // A flag was patient before it was raised.
            fired_at: alert.began_at.get(),
            resolved_at: alert.ended.map(|(at, _)| at.get()),
            changed_at: alert.changed_at.get(),
            resolution,
            message: alert.message.clone(),
            origin: "device".to_owned(),
            part: alert.subject.clone(),
        }
    }
}

impl TryFrom<AlertRow> for FlagAlert {
    type Error = StoreError;
    fn try_from(row: AlertRow) -> Result<Self, StoreError> {
        let memory: serde_json::Value = serde_json::from_str(&row.memory).map_err(damaged)?;
        let all = [Ending::Cleared, Ending::Restarted, Ending::Left];
        let why = all
            .into_iter()
            .find(|why| memory["ended"].as_str() == Some(word(*why)));
        let severity = Severity::parse(&row.severity);
        let ended = row.resolved_at.map(instant).transpose()?;
        Ok(Self {
            id: row.id,
            site: SiteId::from_uuid(row.site),
            device: DeviceId::from_uuid(row.device),
            code: row.code,
            subject: row.part,
            severity: severity.ok_or_else(|| damaged("the severity of an alert"))?,
            began_at: instant(row.began_at)?,
            ended: ended.map(|at| (at, why.unwrap_or(Ending::Cleared))),
            changed_at: instant(row.changed_at)?,
            message: row.message,
        })
    }
}

pub(super) async fn past(
    db: &SqlStore,
    site: SiteId,
    device: DeviceId,
    from: UnixMillis,
) -> Result<FlagPast, StoreError> {
    let rows: Vec<AlertRow> = ask!(db, |pool| {
        sqlx::query_as(FLAG_ALERTS)
            .bind(site.as_uuid())
            .bind(device.as_uuid())
            .bind(from.get())
            .fetch_all(pool)
            .await?
    });
    let first = rows.first().map_or(from.get(), |row| row.began_at);
    let events: Vec<EventRow> = ask!(db, |pool| {
        sqlx::query_as(FLAG_EVENTS)
            .bind(site.as_uuid())
            .bind(device.as_uuid())
            .bind(first.min(from.get()))
            .fetch_all(pool)
            .await?
    });
    let alerts = rows.into_iter().map(TryInto::try_into);
    let events = events.into_iter().map(TryInto::try_into);
    Ok(FlagPast {
        alerts: alerts.collect::<Result<_, _>>()?,
        events: events.collect::<Result<_, _>>()?,
    })
}

pub(super) async fn open(db: &SqlStore) -> Result<Vec<(SiteId, DeviceId, UnixMillis)>, StoreError> {
    let rows: Vec<(Uuid, Uuid, i64)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT site, device, min(began_at) FROM alert
             WHERE resolved_at IS NULL AND origin = 'device' GROUP BY site, device",
        )
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(site, device, began)| {
            let (site, device) = (SiteId::from_uuid(site), DeviceId::from_uuid(device));
            Ok((site, device, instant(began)?))
        })
        .collect()
}
