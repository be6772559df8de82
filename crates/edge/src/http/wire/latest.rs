//! The newest snapshot, in V1's names with V2's beside them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use solthrive_domain::units::Watts;
use solthrive_domain::{HomeModel, Input, Role, Snapshot};
use utoipa::ToSchema;

use crate::live::current_of;

use super::{QualityBody, amps, hertz, kw, kwh, pf, volts, watts};

/// The home at one instant. A value that is not known, or not installed, is absent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Latest {
    /// Wall time of the sample.
    pub timestamp: Timestamp,
    /// Grows by one with each snapshot of a run of the appliance.
    pub seq: u64,
    /// `"ok"`, or what makes the numbers doubtful.
    pub quality: QualityBody,
    /// V, leg or phase 1 to neutral.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voltage_l1: Option<f64>,
    /// V, leg or phase 2 to neutral.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voltage_l2: Option<f64>,
    /// V, phase 3 to neutral.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voltage_l3: Option<f64>,
    /// A, mains leg or phase 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_l1: Option<f64>,
    /// A, mains leg or phase 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_l2: Option<f64>,
    /// A, mains phase 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_l3: Option<f64>,
    /// A, PV backfeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_pv: Option<f64>,
    /// W at the mains; positive while importing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_total: Option<f64>,
    /// kWh drawn from the grid since the ledger began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_import: Option<f64>,
    /// kWh fed into the grid since the ledger began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_export: Option<f64>,
    /// Hz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency: Option<f64>,
    /// Power factor of the mains, -1 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pf: Option<f64>,
    /// kW produced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solar_kw: Option<f64>,
    /// kW used by the home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_kw: Option<f64>,
    /// kW; positive while importing, negative while exporting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid_kw: Option<f64>,
    /// kW; positive while discharging, negative while charging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_kw: Option<f64>,
    /// kW into the car; a part of `home_kw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ev_kw: Option<f64>,
    /// kWh produced since the ledger began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solar_kwh_total: Option<f64>,
    /// kWh drawn from the grid since the ledger began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import_kwh_total: Option<f64>,
    /// kWh fed into the grid since the ledger began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export_kwh_total: Option<f64>,
    /// kWh into the battery since the ledger began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_charge_kwh_total: Option<f64>,
    /// kWh out of the battery since the ledger began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_discharge_kwh_total: Option<f64>,
    /// Every channel by its name.
    pub channels: BTreeMap<String, ChannelBody>,
}

/// One channel: a meter input put to use.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Channel)]
pub struct ChannelBody {
    /// What it measures.
    pub role: RoleBody,
    /// kW in the sign of its role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kw: Option<f64>,
    /// A, never negative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<f64>,
    /// Power factor as the meter gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pf: Option<f64>,
}

/// What a channel measures in the home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Role)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the roles are described where the domain defines them"
)]
pub enum RoleBody {
    MainL1,
    MainL2,
    MainL3,
    Main,
    Pv,
    Home,
    SubPanel,
    Battery,
    Ev,
}

impl From<Role> for RoleBody {
    fn from(role: Role) -> Self {
        match role {
            Role::MainL1 => Self::MainL1,
            Role::MainL2 => Self::MainL2,
            Role::MainL3 => Self::MainL3,
            Role::Main => Self::Main,
            Role::Pv => Self::Pv,
            Role::Home => Self::Home,
            Role::SubPanel => Self::SubPanel,
            Role::Battery => Self::Battery,
            Role::Ev => Self::Ev,
        }
    }
}

impl Latest {
    /// The snapshot as clients see it; `home` says which channel is which.
    #[must_use]
    pub fn new(snapshot: &Snapshot, home: &HomeModel) -> Self {
        let current = |role| current_of(snapshot, home, role).map(amps);
        let voltage = |input| snapshot.voltages.get(&input).copied().map(volts);
        let (flow, totals) = (&snapshot.flow, &snapshot.totals);
        Self {
            timestamp: snapshot.ts,
            seq: snapshot.seq,
            quality: (&snapshot.quality).into(),
            voltage_l1: voltage(Input::L1),
            voltage_l2: voltage(Input::L2),
            voltage_l3: voltage(Input::L3),
            current_l1: current(Role::MainL1).or_else(|| current(Role::Main)),
            current_l2: current(Role::MainL2),
            current_l3: current(Role::MainL3),
            current_pv: current(Role::Pv),
            power_total: flow.grid.map(watts),
            energy_import: totals.import.map(kwh),
            energy_export: totals.export.map(kwh),
            frequency: snapshot.frequency.map(hertz),
            pf: snapshot.pf.map(pf),
            solar_kw: flow.solar.map(kw),
            home_kw: flow.home.map(kw),
            grid_kw: flow.grid.map(kw),
            battery_kw: flow.battery.map(kw),
            ev_kw: flow.ev.map(kw),
            solar_kwh_total: totals.solar.map(kwh),
            import_kwh_total: totals.import.map(kwh),
            export_kwh_total: totals.export.map(kwh),
            battery_charge_kwh_total: totals.battery_charge.map(kwh),
            battery_discharge_kwh_total: totals.battery_discharge.map(kwh),
            channels: channels(snapshot, home),
        }
    }
}

fn channels(snapshot: &Snapshot, home: &HomeModel) -> BTreeMap<String, ChannelBody> {
    let named = home
        .channels
        .iter()
        .filter_map(|channel| Some((channel, snapshot.channels.get(&channel.name)?)));
    named
        .map(|(channel, values)| {
            let body = ChannelBody {
                role: channel.role.into(),
                kw: values.power.map(kw),
                a: values.current.map(amps),
                pf: values.pf.map(pf),
            };
            (channel.name.clone(), body)
        })
        .collect()
}

/// The flow alone, as V1's `/api/powerflow` gave it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Powerflow)]
pub struct PowerflowBody {
    /// Wall time of the sample.
    pub timestamp: Timestamp,
    /// Grows by one with each snapshot of a run of the appliance.
    pub seq: u64,
    /// `"ok"`, or what makes the numbers doubtful.
    pub quality: QualityBody,
    /// kW produced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solar_kw: Option<f64>,
    /// kW used by the home: solar + grid + battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_kw: Option<f64>,
    /// kW; positive while importing, negative while exporting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid_kw: Option<f64>,
    /// kW; positive while discharging, negative while charging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_kw: Option<f64>,
    /// kW into the car; a part of `home_kw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ev_kw: Option<f64>,
}

impl From<&Snapshot> for PowerflowBody {
    fn from(snapshot: &Snapshot) -> Self {
        let shown = |power: Option<Watts>| power.map(kw);
        let flow = &snapshot.flow;
        Self {
            timestamp: snapshot.ts,
            seq: snapshot.seq,
            quality: (&snapshot.quality).into(),
            solar_kw: shown(flow.solar),
            home_kw: shown(flow.home),
            grid_kw: shown(flow.grid),
            battery_kw: shown(flow.battery),
            ev_kw: shown(flow.ev),
        }
    }
}
