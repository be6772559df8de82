//! Which counters may stand in for which totals: only those that count exactly what the total counts.
//!
//! A three-input meter with the mains on two inputs and PV on the third counts PV into its totals,
//! and its per-leg counters do not net the legs. Such counters are never used.

use serde::{Deserialize, Serialize};

use crate::counter::CounterRules;
use crate::flow::{has_mains, mains};
use crate::units::{WattHours, Watts};
use crate::{Channel, HomeModel, Input, MeterId, Point, Quantity, Role};

/// Assumed where a CT's rating is not known, A.
const UNKNOWN_RATING: f64 = 400.0;
/// Meters measure beyond the rating, up to about this.
const OVERLOAD: f64 = 1.5;

/// One direction of energy with a total of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Produced.
    Solar,
    /// Drawn from the grid.
    Import,
    /// Fed into the grid.
    Export,
    /// Into the battery.
    BatteryCharge,
    /// Out of the battery.
    BatteryDischarge,
    /// Into the car.
    Ev,
}

impl Line {
    /// Every line.
    pub const ALL: [Self; 6] = [
        Self::Solar,
        Self::Import,
        Self::Export,
        Self::BatteryCharge,
        Self::BatteryDischarge,
        Self::Ev,
    ];

    /// For a message.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Solar => "solar",
            Self::Import => "import",
            Self::Export => "export",
            Self::BatteryCharge => "battery charge",
            Self::BatteryDischarge => "battery discharge",
            Self::Ev => "EV",
        }
    }
}

/// How a meter's counter adds up its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CounterScope {
    /// The inputs' powers are added first, then import and export are told apart.
    MainsNet,
    /// One input on its own.
    Leg,
    /// All inputs, each counted on its own or nobody knows how.
    AllInputs,
}

/// A counter that a meter has, as its profile describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferedCounter {
    /// The meter.
    pub meter: MeterId,
    /// An energy counter.
    pub point: Point,
    /// How it counts.
    pub scope: CounterScope,
    /// What the meter's number is multiplied with to be kWh, such as a CT's ratio.
    pub scale: f64,
    /// Its smallest step.
    pub resolution: WattHours,
    /// Where it starts again from zero, where known.
    pub wrap: Option<WattHours>,
}

/// A counter in use.
#[derive(Debug, Clone, PartialEq)]
pub struct CounterPlan {
    /// The meter.
    pub meter: MeterId,
    /// The counter.
    pub point: Point,
    /// The total it counts for.
    pub line: Line,
    /// What its value is multiplied with.
    pub factor: f64,
    /// What the meter's own number is multiplied with in all: values of different scales have
    /// nothing to do with each other.
    pub scale: f64,
    /// How it behaves, after the factor.
    pub rules: CounterRules,
}

/// What the home has, so that "none" is told from "unknown".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installed {
    /// PV.
    pub solar: bool,
    /// A grid connection that is measured or derived.
    pub grid: bool,
    /// A battery.
    pub battery: bool,
    /// A car charger.
    pub ev: bool,
}

/// What a ledger keeps and from what.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerPlan {
    /// What the home has.
    pub installed: Installed,
    /// Counters that count exactly what a line does.
    pub counters: Vec<CounterPlan>,
}

impl LedgerPlan {
    /// The plan for a home whose meters offer these counters.
    #[must_use]
    pub fn new(home: &HomeModel, offered: &[OfferedCounter]) -> Self {
        let installed = Installed {
            solar: home.has(Role::Pv),
            grid: has_mains(home) || home.has(Role::Home),
            battery: home.has(Role::Battery),
            ev: home.has(Role::Ev),
        };
        let grid: Vec<_> = mains(home).collect();
        let role = |role| home.with_role(role).collect::<Vec<_>>();
        let find = Finder { home, offered };
        let counters = [
            find.counters(&role(Role::Pv), Line::Solar, true),
            find.counters(&grid, Line::Import, true),
            find.counters(&grid, Line::Export, false),
            find.counters(&role(Role::Battery), Line::BatteryCharge, false),
            find.counters(&role(Role::Battery), Line::BatteryDischarge, true),
            find.counters(&role(Role::Ev), Line::Ev, true),
        ];
        Self {
            installed,
            counters: counters.into_iter().flatten().collect(),
        }
    }
}

struct Finder<'a> {
    home: &'a HomeModel,
    offered: &'a [OfferedCounter],
}

impl Finder<'_> {
    /// Counters that together count the channels' energy in one direction, or none at all.
    fn counters(&self, channels: &[&Channel], line: Line, positive: bool) -> Vec<CounterPlan> {
        // Mains and batteries flow both ways: what one channel takes, another may give at once.
        let one_way = matches!(line, Line::Solar | Line::Ev);
        let whole = || {
            self.total_of(channels, one_way, positive)
                .map(|found| vec![found])
        };
        let parts = || {
            let single = one_way || channels.len() == 1;
            channels
                .iter()
                .map(|channel| self.leg_of(channel, positive).filter(|_| single))
                .collect()
        };
        let found: Option<Vec<(&OfferedCounter, f64, f64)>> = if channels.is_empty() {
            None
        } else {
            whole().or_else(parts)
        };
        found
            .unwrap_or_default()
            .into_iter()
            .map(|found| plan(found, line))
            .collect()
    }

    /// The meter's total, where the meter measures these channels in the same way and nothing else.
    fn total_of(
        &self,
        channels: &[&Channel],
        one_way: bool,
        positive: bool,
    ) -> Option<(&OfferedCounter, f64, f64)> {
        let first = channels.first()?;
        let factor = first.power_factor();
        let alike = channels
            .iter()
            .all(|c| c.meter == first.meter && (c.power_factor() - factor).abs() < 1e-9);
        let alone = self
            .home
            .channels
            .iter()
            .filter(|c| c.meter == first.meter)
            .count()
            == channels.len();
        let counter = self.offered(first, Input::Total, positive)?;
        let nets = counter.scope == CounterScope::MainsNet || one_way || channels.len() == 1;
        let power = channels
            .iter()
            .map(|channel| self.most_power(channel))
            .sum();
        (alike && alone && nets).then_some((counter, factor.abs(), power))
    }

    fn leg_of(&self, channel: &Channel, positive: bool) -> Option<(&OfferedCounter, f64, f64)> {
        let counter = self.offered(channel, channel.input, positive)?;
        (channel.input != Input::Total && counter.scope == CounterScope::Leg).then_some((
            counter,
            channel.power_factor().abs(),
            self.most_power(channel),
        ))
    }

    fn offered(&self, channel: &Channel, input: Input, positive: bool) -> Option<&OfferedCounter> {
        let quantity = if positive == (channel.power_factor() > 0.0) {
            Quantity::EnergyImport
        } else {
            Quantity::EnergyExport
        };
        self.offered
            .iter()
            .find(|o| o.meter == channel.meter && o.point == Point::new(quantity, input))
    }

    /// The largest power that can flow through a channel, W.
    fn most_power(&self, channel: &Channel) -> f64 {
        let rating = channel
            .ct_rating
            .map_or(UNKNOWN_RATING, crate::units::Amps::get);
        let legs = if channel.input == Input::Total {
            self.home.service.legs().len()
        } else {
            1
        };
        let legs = u32::try_from(legs).map_or(1.0, f64::from);
        OVERLOAD * rating * self.home.service.nominal().get() * channel.multiplier.abs() * legs
    }
}

fn plan((counter, factor, power): (&OfferedCounter, f64, f64), line: Line) -> CounterPlan {
    CounterPlan {
        meter: counter.meter.clone(),
        point: counter.point,
        line,
        factor,
        scale: counter.scale * factor,
        rules: CounterRules {
            resolution: counter.resolution.scaled(factor),
            wrap: counter.wrap.map(|wrap| wrap.scaled(factor)),
            max_power: Watts::try_from(power).unwrap_or_default(),
            confirm: CounterRules::DEFAULT_CONFIRM,
        },
    }
}
