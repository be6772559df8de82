//! Orgs, sites and devices, made as an operator makes them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use solthrive_cloud::app::pepper;
use solthrive_cloud::clock::{Clock, new_id};
use solthrive_cloud::config::{Place, StoreUrl};
use solthrive_cloud::secrets::{DeviceToken, InstallerCode};
use solthrive_cloud_store::meta::{NewCode, NewDevice, Org, OrgKind, Registry, Site};
use solthrive_domain::access::Operator;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};

use super::client::{Answer, Client};

/// Makes what a test needs.
#[derive(Clone)]
pub(crate) struct Fleet {
    pub(super) registry: Arc<dyn Registry>,
    folder: PathBuf,
    next: Arc<AtomicU32>,
}

/// A device as it leaves the factory.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) serial: String,
    pub(crate) token: String,
}

/// A home that waits for a device.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub(super) site: SiteId,
    pub(super) org: OrgId,
    pub(super) code: String,
}

pub(crate) fn now() -> UnixMillis {
    Clock::system().now()
}

/// So many seconds before now.
pub(crate) fn ago(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(now().get() / 1000 * 1000 - seconds * 1000).unwrap()
}

impl Fleet {
    pub(crate) fn new(registry: Arc<dyn Registry>, folder: &Path) -> Self {
        Self {
            registry,
            folder: folder.to_owned(),
            next: Arc::default(),
        }
    }

    pub(crate) async fn device(&self) -> Device {
        let token = DeviceToken::draw().unwrap();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = DeviceId::from_uuid(new_id());
        let serial = format!("ST-{number}");
        let new = NewDevice {
            id,
            serial: serial.clone(),
            token: token.hash(),
        };
        self.registry
            .provision(&Operator::at_the_console(), &[new], now())
            .await
            .unwrap();
        Device {
            id,
            serial,
            token: token.reveal().to_owned(),
        }
    }

    pub(super) async fn home(&self) -> Home {
        self.home_with(3_600_000, 1).await
    }

    /// A home whose code ends so many ms from now.
    pub(super) async fn home_with(&self, lasts_ms: i64, uses: u32) -> Home {
        let (by, registry) = (Operator::at_the_console(), &self.registry);
        let (org, site) = (OrgId::from_uuid(new_id()), SiteId::from_uuid(new_id()));
        let installer = Org {
            id: org,
            kind: OrgKind::Installer,
            name: format!("Installer {org}"),
            contact: None,
        };
        registry.add_org(&by, &installer, now()).await.unwrap();
        let home = Site {
            id: site,
            owner: org,
            name: "Home".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            size_w: None,
            place: None,
        };
        assert!(registry.add_site(&by, &home, now()).await.unwrap());
        let code = self.code_for(site, org, lasts_ms, uses).await;
        Home { site, org, code }
    }

    /// A code of this installer's for a home.
    pub(crate) async fn code_for(
        &self,
        site: SiteId,
        installer: OrgId,
        lasts_ms: i64,
        uses: u32,
    ) -> String {
        let code = InstallerCode::draw().unwrap();
        let place = Place {
            data: self.folder.clone(),
            store: StoreUrl::Sqlite,
        };
        let expires_at = UnixMillis::try_from(now().get() + lasts_ms).unwrap();
        let hash = code.hash(&pepper(&place).unwrap());
        let new = NewCode {
            id: new_id(),
            hash,
            site,
            installer,
            expires_at,
            uses,
        };
        let by = Operator::at_the_console();
        assert!(self.registry.add_code(&by, &new, now()).await.unwrap());
        code.to_string()
    }

    /// A device that is at home already.
    pub(super) async fn at_home(&self, client: &Client) -> Device {
        let (device, home) = (self.device().await, self.home().await);
        let answer = device.register(client, &home.code).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        device
    }
}

impl Device {
    pub(crate) async fn register(&self, client: &Client, code: &str) -> Answer {
        let body = json!({
            "serial": self.serial, "device_id": self.id, "installer_code": code, "model": "Pi 4", "firmware": "2.0.0",
        });
        client
            .post("/v1/device/register", &self.token, body.to_string())
            .await
    }

    pub(crate) async fn deliver(&self, client: &Client, snapshots: &[Value]) -> Answer {
        client
            .post(
                "/v1/ingest/telemetry",
                &self.token,
                self.body("live", snapshots),
            )
            .await
    }

    pub(crate) fn body(&self, lane: &str, snapshots: &[Value]) -> String {
        json!({
            "device_id": self.id, "firmware": "2.0.0", "sent_at": ago(0), "ledger_id": self.id, "lane": lane,
            "snapshots": snapshots,
        })
        .to_string()
    }
}

/// A snapshot of so many seconds ago.
pub(crate) fn snapshot(seconds: i64, home_kw: f64) -> Value {
    json!({
        "ts": ago(seconds), "solar_kw": 1.5, "home_kw": home_kw, "grid_kw": home_kw - 1.5,
        "voltage_l1": 121.4, "import_kwh_total": 17.25, "export_kwh_total": 3.5, "quality": "ok",
    })
}

/// A snapshot of this time, in ms since the Unix epoch; the same time gives the same snapshot.
pub(crate) fn snapshot_at(time: i64) -> Value {
    let home_kw = (time / 1000 % 4_000) as f64 / 1000.0;
    json!({
        "ts": jiff::Timestamp::from_millisecond(time).unwrap(), "solar_kw": 1.5, "home_kw": home_kw, "grid_kw": home_kw - 1.5,
        "import_kwh_total": 17.25, "export_kwh_total": 3.5, "quality": "ok",
    })
}
