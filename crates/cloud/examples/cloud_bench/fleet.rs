//! A fleet that is registered: sites, devices, tokens.

use anyhow::{Result, ensure};
use solthrive_cloud::app::Stores;
use solthrive_cloud::config::Place;
use solthrive_cloud::secrets::{DeviceToken, InstallerCode, Pepper};
use solthrive_cloud_store::meta::{Asked, NewCode, NewDevice, Org, OrgKind, Registry, Site};
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
    let (devices, made) = draw(count)?;
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
        let code = NewCode {
            id: Uuid::from_u128((4 << 64) + number as u128),
            hash: InstallerCode::draw()?.hash(&pepper),
            site: device.site,
            installer: org,
            expires_at: UnixMillis::try_from(now.get() + 86_400_000)?,
            uses: 1,
        };
        registry.add_code(&by, &code, now).await?;
        bind(registry.as_ref(), made, &code, now).await?;
    }
    stores.sql.close().await;
    Ok(devices)
}

/// Ids and tokens.
fn draw(count: usize) -> Result<(Vec<Device>, Vec<NewDevice>)> {
    let (mut devices, mut made) = (Vec::with_capacity(count), Vec::with_capacity(count));
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
    Ok((devices, made))
}

/// As the device would ask for it itself.
async fn bind(
    registry: &dyn Registry,
    made: &NewDevice,
    code: &NewCode,
    now: UnixMillis,
) -> Result<()> {
    let asked = Asked {
        claim: Claim {
            serial: &made.serial,
            device: made.id,
        },
        token: made.token,
        code: code.hash,
        model: "bench",
        firmware: "0",
        config: None,
    };
    // Its code's id is its own, and so is this one.
    let ids = [
        Uuid::from_u128((5 << 64) | (code.id.as_u128() & u128::from(u64::MAX))),
        Uuid::max(),
    ];
    let decision = registry.register(&asked, ids, now).await?;
    ensure!(matches!(decision, Decision::Bind(_)), "{decision:?}");
    Ok(())
}
