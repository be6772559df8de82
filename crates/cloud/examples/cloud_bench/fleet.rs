//! A fleet that is registered: sites, devices, tokens.

use anyhow::{Result, ensure};
use solthrive_cloud::app::Stores;
use solthrive_cloud::config::Place;
use solthrive_cloud::secrets::{DeviceToken, InstallerCode, Pepper};
use solthrive_cloud_store::meta::{Asked, NewCode, NewDevice, Org, OrgKind, Site};
use solthrive_domain::access::Operator;
use solthrive_domain::registration::{Claim, Decision};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use uuid::Uuid;

/// A device that may send.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) site: SiteId,
    pub(crate) token: String,
}

/// Makes `count` homes with a device each, the same ids for the same number.
pub(crate) async fn register(place: &Place, count: usize, now: UnixMillis) -> Result<Vec<Device>> {
    let stores = Stores::open(place).await?;
    let by = Operator::at_the_console();
    let registry = &stores.registry;
    let org = OrgId::from_uuid(Uuid::from_u128(1));
    let installer = Org {
        id: org,
        kind: OrgKind::Installer,
        name: "Bench".to_owned(),
        contact: None,
    };
    registry.add_org(&by, &installer, now).await?;
    let pepper = Pepper::new(&[7; Pepper::LEN]);
    let mut devices = Vec::with_capacity(count);
    let mut made = Vec::with_capacity(count);
    for number in 0..count {
        let token = DeviceToken::draw()?;
        let id = DeviceId::from_uuid(Uuid::from_u128((2 << 64) + number as u128));
        let site = SiteId::from_uuid(Uuid::from_u128((3 << 64) + number as u128));
        made.push(NewDevice {
            id,
            serial: format!("B{number:06}"),
            token: token.hash(),
        });
        devices.push(Device {
            id,
            site,
            token: token.reveal().to_owned(),
        });
    }
    registry.provision(&by, &made, now).await?;
    for (number, (device, made)) in devices.iter().zip(&made).enumerate() {
        let site = Site {
            id: device.site,
            owner: org,
            name: format!("Home {number}"),
            time_zone: "America/Los_Angeles".to_owned(),
            size_w: Some(6_000),
            place: None,
        };
        registry.add_site(&by, &site, now).await?;
        let code = InstallerCode::draw()?.hash(&pepper);
        let expires_at = UnixMillis::try_from(now.get() + 86_400_000)?;
        let new = NewCode {
            id: Uuid::from_u128((4 << 64) + number as u128),
            hash: code,
            site: device.site,
            installer: org,
            expires_at,
            uses: 1,
        };
        registry.add_code(&by, &new, now).await?;
        let claim = Claim {
            serial: &made.serial,
            device: device.id,
        };
        let asked = Asked {
            claim,
            token: made.token,
            code,
            model: "bench",
            firmware: "0",
            config: None,
        };
        let ids = [Uuid::nil(), Uuid::max()];
        let decision = registry.register(&asked, ids, now).await?;
        ensure!(matches!(decision, Decision::Bind(_)), "{decision:?}");
    }
    stores.sql.close().await;
    Ok(devices)
}
