//! A sample as an appliance takes it from its snapshot.

use serde::{Deserialize, Serialize};

use super::{
    MicroWattHours, MilliAmps, MilliHertz, MilliVolts, MilliWatts, PowerFactorSteps, Powers,
    Sample, Totals, UnixMillis,
};
use crate::units::{WattHours, Watts};
use crate::{HomeModel, Input, LedgerId, Role, Snapshot};

/// A part of the home that is in no sum: a sub-panel, a car.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSample {
    /// Its name.
    pub name: String,
    /// Power in the sign of its role.
    pub power: Option<MilliWatts>,
    /// Current.
    pub current: Option<MilliAmps>,
    /// Power factor.
    pub pf: Option<PowerFactorSteps>,
}

impl Sample {
    /// The snapshot in whole steps. A number that these cannot hold is absent, never another number;
    /// `None` when its time is no instant that a calendar knows.
    #[must_use]
    pub fn of(snapshot: &Snapshot, home: &HomeModel, ledger: LedgerId) -> Option<Self> {
        let power = |power: Option<Watts>| power.and_then(|power| MilliWatts::try_from(power).ok());
        let energy = |energy: Option<WattHours>| {
            energy.and_then(|energy| MicroWattHours::try_from(energy).ok())
        };
        let volts = |input: Input| {
            let volts = snapshot.voltages.get(&input)?;
            MilliVolts::try_from(*volts).ok()
        };
        let amps = |role: Role| {
            let channel = home.channels.iter().find(|channel| channel.role == role)?;
            let current = snapshot.channels.get(&channel.name)?.current?;
            MilliAmps::try_from(current).ok()
        };
        let (flow, totals) = (&snapshot.flow, &snapshot.totals);
        Some(Self {
            ts: UnixMillis::try_from(snapshot.ts).ok()?,
            ledger,
            power: Powers {
                solar: power(flow.solar),
                home: power(flow.home),
                grid: power(flow.grid),
                battery: power(flow.battery),
            },
            voltage_l1: volts(Input::L1),
            voltage_l2: volts(Input::L2),
            current_l1: amps(Role::MainL1).or_else(|| amps(Role::Main)),
            current_l2: amps(Role::MainL2),
            current_pv: amps(Role::Pv),
            pf: snapshot
                .pf
                .and_then(|pf| PowerFactorSteps::try_from(pf).ok()),
            frequency: snapshot
                .frequency
                .and_then(|hertz| MilliHertz::try_from(hertz).ok()),
            totals: Totals {
                solar: energy(totals.solar),
                import: energy(totals.import),
                export: energy(totals.export),
                battery_charge: energy(totals.battery_charge),
                battery_discharge: energy(totals.battery_discharge),
            },
            quality: snapshot.quality.reasons().iter().copied().collect(),
        })
    }
}

impl ChannelSample {
    /// The channels of a snapshot that its sample does not have.
    #[must_use]
    pub fn all(snapshot: &Snapshot, home: &HomeModel) -> Vec<Self> {
        let extra = |role: Role| matches!(role, Role::SubPanel | Role::Ev);
        let channels = home.channels.iter().filter(|channel| extra(channel.role));
        channels
            .filter_map(|channel| {
                let values = snapshot.channels.get(&channel.name)?;
                Some(Self {
                    name: channel.name.clone(),
                    power: values
                        .power
                        .and_then(|power| MilliWatts::try_from(power).ok()),
                    current: values
                        .current
                        .and_then(|amps| MilliAmps::try_from(amps).ok()),
                    pf: values.pf.and_then(|pf| PowerFactorSteps::try_from(pf).ok()),
                })
            })
            .collect()
    }
}
