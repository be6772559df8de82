//! From what the meters said to the power flow of the home.
//!
//! Raw values become channel values (scale, multiplier, sign), channels become solar, home, grid,
//! battery and EV. A sum with an unknown part is unknown; home is never clipped, so a clearly
//! negative home stays visible as the wiring fault it is.

use std::collections::BTreeMap;

use crate::snapshot::ChannelValues;
use crate::units::{Amps, Hertz, PowerFactor, Volts, Watts};
use crate::{
    Cadence, Channel, HomeModel, Input, MeterId, Point, PowerFlow, Quantity, Reading, Role,
};

/// Below this apparent power a power factor says nothing: meters round it to anything.
const LEAST_APPARENT: f64 = 20.0;
/// Active power may exceed V x I of the same poll by this much, since they are not of one instant.
const UNITY_SLACK: f64 = 1.05;

/// The newest reading of each meter that answered in this poll.
pub type Readings<'a> = BTreeMap<MeterId, &'a Reading>;

/// The flow of this poll and every channel by its name.
///
/// * Grid is the sum of the mains: `main` where there is such a channel, else `main_l1` to `main_l3`.
/// * Without any main, grid is the measured home less solar and battery.
/// * With mains, home is solar + grid + battery, always; a measured home is then a channel to look at.
/// * No PV channel means no solar installation, and the same for battery and EV: `None`, and no part of the sums.
#[must_use]
pub fn power_flow(
    home: &HomeModel,
    readings: &Readings<'_>,
) -> (PowerFlow, BTreeMap<String, ChannelValues>) {
    let channels: BTreeMap<_, _> = home
        .channels
        .iter()
        .map(|channel| (channel.name.clone(), channel_values(channel, readings)))
        .collect();
    let power = |channel: &Channel| channels.get(&channel.name).and_then(|values| values.power);
    let sum = |role| sum_of(home.with_role(role).map(power));

    let solar = Part::of(home, Role::Pv, sum(Role::Pv));
    let battery = Part::of(home, Role::Battery, sum(Role::Battery));
    let (grid, used) = if has_mains(home) {
        let grid = sum_of(mains(home).map(power));
        (grid, add([solar, Part(Some(grid)), battery]))
    } else {
        let used = sum(Role::Home);
        let sources = add([solar, battery, Part(None)]);
        (
            used.zip(sources).map(|(used, sources)| used - sources),
            used,
        )
    };
    let flow = PowerFlow {
        solar: solar.known(),
        home: used,
        grid,
        battery: battery.known(),
        ev: sum(Role::Ev),
    };
    (flow, channels)
}

/// How often each power of the flow is measured: as often as the slowest meter it is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowCadence {
    /// Production.
    pub solar: Cadence,
    /// Grid connection.
    pub grid: Cadence,
    /// Battery.
    pub battery: Cadence,
    /// Car charger.
    pub ev: Cadence,
}

impl FlowCadence {
    /// All of them alike.
    #[must_use]
    pub const fn even(cadence: Cadence) -> Self {
        Self {
            solar: cadence,
            grid: cadence,
            battery: cadence,
            ev: cadence,
        }
    }

    /// Of a home whose meters have these cadences; what is not installed is `planned`.
    #[must_use]
    pub fn of(home: &HomeModel, planned: Cadence, meter: impl Fn(&MeterId) -> Cadence) -> Self {
        let slowest = |channel: &dyn Fn(&Channel) -> bool| {
            let channels = home.channels.iter().filter(|c| channel(c));
            channels.map(|c| meter(&c.meter)).max().unwrap_or(planned)
        };
        let of = |role| slowest(&|channel| channel.role == role);
        let measured = has_mains(home);
        Self {
            solar: of(Role::Pv),
            // A grid connection that is not measured is what the others leave for it.
            grid: slowest(&|channel| {
                if measured {
                    channel.role.is_main()
                } else {
                    channel.role != Role::Ev
                }
            }),
            battery: of(Role::Battery),
            ev: of(Role::Ev),
        }
    }
}

/// What the snapshot says about the grid connection beside its power.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GridQuality {
    /// Line-to-neutral voltages of the service's legs.
    pub voltages: BTreeMap<Input, Volts>,
    /// Frequency.
    pub frequency: Option<Hertz>,
    /// Total power factor: netted active power of the mains over their apparent power.
    pub pf: Option<PowerFactor>,
}

/// Voltages and frequency of the reference meter, power factor of the mains.
#[must_use]
pub fn grid_quality(home: &HomeModel, readings: &Readings<'_>) -> GridQuality {
    let reference = readings.get(&home.reference_meter);
    let read =
        |quantity, input| reference.and_then(|reading| reading.get(Point::new(quantity, input)));
    let volts = |input| read(Quantity::Voltage, input).and_then(|v| Volts::try_from(v).ok());
    GridQuality {
        voltages: home
            .service
            .legs()
            .iter()
            .filter_map(|leg| Some((*leg, volts(*leg)?)))
            .collect(),
        frequency: read(Quantity::Frequency, Input::Total).and_then(|f| Hertz::try_from(f).ok()),
        pf: mains_pf(home, readings),
    }
}

/// The channels that make up the grid connection.
pub(crate) fn mains(home: &HomeModel) -> impl Iterator<Item = &Channel> {
    let netted = home.has(Role::Main);
    home.channels
        .iter()
        .filter(move |channel| channel.role.is_main() && (channel.role == Role::Main) == netted)
}

/// Whether the grid connection is measured, rather than derived.
pub(crate) fn has_mains(home: &HomeModel) -> bool {
    mains(home).next().is_some()
}

/// Apparent power of a channel in VA: as measured, else V x I, else from its power factor.
pub(crate) fn apparent(channel: &Channel, reading: &Reading) -> Option<f64> {
    let read = |quantity, input| reading.get(Point::new(quantity, input));
    let measured = || read(Quantity::ApparentPower, channel.input).map(f64::abs);
    let product = || {
        let volts = read(Quantity::Voltage, channel.volt_ref)?;
        Some((volts * read(Quantity::Current, channel.input)?).abs())
    };
    let from_pf = || {
        let pf = read(Quantity::PowerFactor, channel.input).filter(|pf| pf.abs() > 0.01)?;
        Some((read(Quantity::ActivePower, channel.input)? / pf).abs())
    };
    measured().or_else(product).or_else(from_pf)
}

/// A part of the bus: `None` is not installed, `Some(None)` is unknown.
#[derive(Clone, Copy)]
struct Part(Option<Option<Watts>>);

impl Part {
    fn of(home: &HomeModel, role: Role, value: Option<Watts>) -> Self {
        Self(home.has(role).then_some(value))
    }

    fn known(self) -> Option<Watts> {
        self.0.flatten()
    }
}

/// What is not installed adds nothing; what is unknown makes the sum unknown.
fn add(parts: [Part; 3]) -> Option<Watts> {
    parts.into_iter().filter_map(|part| part.0).sum()
}

/// `None` for no channel at all, and when any is unknown.
fn sum_of(powers: impl Iterator<Item = Option<Watts>>) -> Option<Watts> {
    let mut powers = powers.peekable();
    powers.peek()?;
    powers.sum()
}

fn channel_values(channel: &Channel, readings: &Readings<'_>) -> ChannelValues {
    let Some(reading) = readings.get(&channel.meter) else {
        return ChannelValues::default();
    };
    let read = |quantity| reading.get(Point::new(quantity, channel.input));
    let watts = read(Quantity::ActivePower).map(|power| power * channel.power_factor());
    ChannelValues {
        power: watts.and_then(|power| Watts::try_from(power).ok()),
        current: read(Quantity::Current)
            .and_then(|amps| Amps::try_from((amps * channel.scale).abs()).ok()),
        pf: read(Quantity::PowerFactor).and_then(|pf| PowerFactor::try_from(pf).ok()),
    }
}

fn mains_pf(home: &HomeModel, readings: &Readings<'_>) -> Option<PowerFactor> {
    let (mut active, mut total) = (0.0, 0.0);
    for channel in mains(home) {
        let reading = readings.get(&channel.meter)?;
        active +=
            reading.get(Point::new(Quantity::ActivePower, channel.input))? * channel.power_factor();
        total += apparent(channel, reading)? * channel.power_factor().abs();
    }
    let pf = if total >= LEAST_APPARENT {
        active / total
    } else {
        return None;
    };
    (pf.abs() <= UNITY_SLACK)
        .then(|| PowerFactor::try_from(pf.clamp(-1.0, 1.0)).ok())
        .flatten()
}
