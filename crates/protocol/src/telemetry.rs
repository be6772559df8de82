//! `POST /v1/ingest/telemetry`: snapshots of the home.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use solthrive_domain::telemetry::{
    ChannelSample, MicroWattHours, MilliAmps, MilliVolts, MilliWatts, PowerFactorSteps, UnixMillis,
};
use solthrive_domain::{DeviceId, LedgerId, Sample};
use utoipa::ToSchema;

use crate::answer::{Refused, RefusedCode};
use crate::body::{self, BodyError, Sender};
use crate::capped::Capped;
use crate::{MAX_SNAPSHOTS, QualityBody, Snapshot};

/// Which way a call goes: news and history have budgets of their own, so that a long backfill never
/// delays what is happening now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The newest snapshots, newest call first.
    #[default]
    Live,
    /// What was kept during an outage, oldest first.
    Backfill,
}

/// The body. Values that are not known, or not installed, are left out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TelemetryBody {
    /// The device that sends.
    #[schema(value_type = uuid::Uuid)]
    pub device_id: DeviceId,
    /// Version of its software.
    pub firmware: String,
    /// When it sent this, by its own clock.
    pub sent_at: Timestamp,
    /// The ledger whose totals these are.
    #[schema(value_type = uuid::Uuid)]
    pub ledger_id: LedgerId,
    /// `live` unless it is said.
    #[serde(default)]
    pub lane: Lane,
    /// 1 to 5,000 snapshots, in any order.
    pub snapshots: Vec<SnapshotBody>,
}

/// The home at one instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotBody {
    /// When. Two snapshots of one device within the same millisecond are the same snapshot.
    pub ts: Timestamp,
    /// kW produced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solar_kw: Option<f64>,
    /// kW used: solar + grid + battery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_kw: Option<f64>,
    /// kW; positive while importing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid_kw: Option<f64>,
    /// kW; positive while discharging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_kw: Option<f64>,
    /// V, leg 1 to neutral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voltage_l1: Option<f64>,
    /// V, leg 2 to neutral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voltage_l2: Option<f64>,
    /// A, mains leg 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_l1: Option<f64>,
    /// A, mains leg 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_l2: Option<f64>,
    /// A, PV backfeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_pv: Option<f64>,
    /// Power factor of the mains, -1 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pf: Option<f64>,
    /// Hz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<f64>,
    /// kWh produced since the ledger began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solar_kwh_total: Option<f64>,
    /// kWh drawn from the grid since the ledger began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_kwh_total: Option<f64>,
    /// kWh fed into the grid since the ledger began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_kwh_total: Option<f64>,
    /// kWh into the battery since the ledger began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_charge_kwh_total: Option<f64>,
    /// kWh out of the battery since the ledger began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_discharge_kwh_total: Option<f64>,
    /// `"ok"`, or what makes the numbers doubtful.
    #[schema(value_type = serde_json::Value)]
    pub quality: QualityBody,
    /// Further channels by name: sub-panels, cars.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<String, ChannelBody>,
}

impl SnapshotBody {
    /// A sample as it is said. What the cloud makes of it is the same sample again.
    #[must_use]
    pub fn of(sample: &Sample, channels: BTreeMap<String, ChannelBody>) -> Self {
        let volts = |volts: Option<MilliVolts>| volts.map(|volts| f64::from(volts.get()) / 1e3);
        let kwh = |energy: Option<MicroWattHours>| energy.map(|energy| energy.get() as f64 / 1e9);
        let Sample { power, totals, .. } = sample;
        Self {
            ts: sample.ts.into(),
            solar_kw: kw(power.solar),
            home_kw: kw(power.home),
            grid_kw: kw(power.grid),
            battery_kw: kw(power.battery),
            voltage_l1: volts(sample.voltage_l1),
            voltage_l2: volts(sample.voltage_l2),
            current_l1: amps(sample.current_l1),
            current_l2: amps(sample.current_l2),
            current_pv: amps(sample.current_pv),
            pf: ratio(sample.pf),
            frequency: sample.frequency.map(|hertz| f64::from(hertz.get()) / 1e3),
            solar_kwh_total: kwh(totals.solar),
            import_kwh_total: kwh(totals.import),
            export_kwh_total: kwh(totals.export),
            battery_charge_kwh_total: kwh(totals.battery_charge),
            battery_discharge_kwh_total: kwh(totals.battery_discharge),
            quality: QualityBody(sample.quality),
            channels,
        }
    }
}

fn kw(power: Option<MilliWatts>) -> Option<f64> {
    power.map(|power| f64::from(power.get()) / 1e6)
}

fn amps(amps: Option<MilliAmps>) -> Option<f64> {
    amps.map(|amps| f64::from(amps.get()) / 1e3)
}

fn ratio(pf: Option<PowerFactorSteps>) -> Option<f64> {
    pf.map(|pf| f64::from(pf.get()) / 1e4)
}

impl ChannelBody {
    /// A channel as it is said.
    #[must_use]
    pub fn of(channel: &ChannelSample) -> Self {
        Self {
            kw: kw(channel.power),
            a: amps(channel.current),
            pf: ratio(channel.pf),
        }
    }
}

/// One channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChannelBody {
    /// kW in the sign of its role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kw: Option<f64>,
    /// A.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<f64>,
    /// Power factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pf: Option<f64>,
}

/// A call that was checked: every snapshot is sound, or stands among the refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// Who sends.
    pub sender: Sender,
    /// Whose totals they are.
    pub ledger: LedgerId,
    /// Which way.
    pub lane: Lane,
    /// The sound ones, each with its place in the call.
    pub snapshots: Vec<(u32, Snapshot)>,
    /// The others, by place.
    pub refused: Vec<Refused>,
}

/// The body as it is heard: `S` is a snapshot, or the text of one.
#[derive(Deserialize)]
struct Heard<S> {
    device_id: DeviceId,
    firmware: String,
    sent_at: Timestamp,
    ledger_id: LedgerId,
    #[serde(default)]
    lane: Lane,
    #[serde(bound(deserialize = "S: Deserialize<'de>"))]
    snapshots: Capped<S, MAX_SNAPSHOTS>,
}

impl Telemetry {
    /// Checks a body that arrived at `now`. One bad snapshot does not sink the others.
    ///
    /// # Errors
    /// [`BodyError`] when nothing of it can be taken.
    pub fn parse(text: &[u8], now: UnixMillis) -> Result<Self, BodyError> {
        // Nearly all bodies are sound as a whole; only the others are taken apart.
        if let Ok(heard) = serde_json::from_slice::<Heard<SnapshotBody>>(text) {
            return Self::check(heard, now, Ok);
        }
        let heard: Heard<&RawValue> = body::parse(text)?;
        Self::check(heard, now, |raw| {
            serde_json::from_str::<SnapshotBody>(raw.get())
                .map_err(|error| (RefusedCode::Malformed, body::said(&error)))
        })
    }

    fn check<S>(
        heard: Heard<S>,
        now: UnixMillis,
        read: impl Fn(S) -> Result<SnapshotBody, (RefusedCode, String)>,
    ) -> Result<Self, BodyError> {
        let Capped { items, beyond } = heard.snapshots;
        body::sized("snapshots", items.len(), beyond, MAX_SNAPSHOTS)?;
        let mut snapshots = Vec::with_capacity(items.len());
        let mut refused = Vec::new();
        for (index, item) in (0..).zip(items) {
            match read(item).and_then(|body| Snapshot::check(body, now)) {
                Ok(snapshot) => snapshots.push((index, snapshot)),
                Err((code, detail)) => refused.push(Refused {
                    index,
                    code,
                    detail,
                }),
            }
        }
        Ok(Self {
            sender: Sender::new(heard.device_id, &heard.firmware, heard.sent_at),
            ledger: heard.ledger_id,
            lane: heard.lane,
            snapshots,
            refused,
        })
    }
}
