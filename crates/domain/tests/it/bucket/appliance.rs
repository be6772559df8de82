//! What a real ledger tells over a power cut, seen from the cloud.

use std::time::Duration;

use rstest::rstest;
use solthrive_domain::telemetry::{MicroWattHours, MilliWatts, Powers, Totals};
use solthrive_domain::units::WattHours;
use solthrive_domain::{
    Channel, CounterScope, Energies, Input, Ledger, LedgerPlan, LedgerState, MeterId, Mono,
    OfferedCounter, PowerFlow, Role, Sample,
};

use super::{at, fold, quarter};
use crate::support::{
    amps, assert_near, channel, flow, home, ledger_id, main_meter, reading, secs, seen, wh,
};

/// An appliance at a home that draws the same power all the time; its meter counts in steps of 10 Wh.
struct Appliance {
    ledger: Ledger,
    watts: f64,
    /// Seconds after ten o'clock.
    now: u64,
    /// When this run of the daemon began.
    began: u64,
    stored: (LedgerState, u64),
    sent: Vec<Sample>,
}

fn plan() -> LedgerPlan {
    let grid = Channel {
        ct_rating: Some(amps(100.0)),
        ..channel(Role::Main, "grid", Input::Total)
    };
    let pv = Channel {
        meter: MeterId::new("pv"),
        ..channel(Role::Pv, "pv", Input::Total)
    };
    let netted = |point: &str| OfferedCounter {
        meter: main_meter(),
        point: point.parse().unwrap(),
        scope: CounterScope::MainsNet,
        scale: 1.0,
        resolution: wh(10.0),
        wrap: None,
    };
    LedgerPlan::new(&home(vec![grid, pv]), &[netted("e_imp"), netted("e_exp")])
}

impl Appliance {
    fn new(watts: f64) -> Self {
        let ledger = Ledger::start(ledger_id(), plan());
        let stored = (ledger.state().clone(), 0);
        Self {
            ledger,
            watts,
            now: 0,
            began: 0,
            stored,
            sent: Vec::new(),
        }
    }

    /// Polls each second, stores each minute, sends every fifteen seconds.
    fn run(&mut self, seconds: u64, sees: bool) {
        for _ in 0..seconds {
            self.now += 1;
            let kwh =
                500.0 + self.watts * Duration::from_secs(self.now).as_secs_f64() / 3_600_000.0;
            let shown = [("e_imp", (kwh * 100.0).floor() / 100.0), ("e_exp", 7.0)];
            let shown = if sees && self.now.is_multiple_of(10) {
                &shown[..]
            } else {
                &[]
            };
            let flow = if sees {
                flow(Some(0.0), Some(self.watts))
            } else {
                PowerFlow::default()
            };
            let mono = secs(self.now - self.began);
            self.ledger.step(mono, &flow, &seen(&reading(mono, shown)));
            if self.now.is_multiple_of(60) {
                self.stored = (self.ledger.state().clone(), self.now);
            }
            if self.now.is_multiple_of(15) {
                self.send(&flow);
            }
        }
    }

    fn send(&mut self, flow: &PowerFlow) {
        let Energies {
            solar,
            import,
            export,
            ..
        } = self.ledger.totals();
        let total = |energy: Option<WattHours>| {
            energy.map(|energy| MicroWattHours::try_from(energy).unwrap())
        };
        let mw = |power: Option<_>| power.map(|power| MilliWatts::try_from(power).unwrap());
        self.sent.push(Sample {
            power: Powers {
                solar: mw(flow.solar),
                home: mw(flow.home),
                grid: mw(flow.grid),
                battery: None,
            },
            totals: Totals {
                solar: total(solar),
                import: total(import),
                export: total(export),
                ..Totals::default()
            },
            ..Sample::empty(at(Duration::from_secs(self.now).as_secs_f64()), ledger_id())
        });
    }

    /// The power is cut: what was not stored is lost, and the home goes on drawing.
    fn cut(&mut self, seconds: u64) {
        self.now += seconds;
        let (state, stored_at) = self.stored.clone();
        let downtime = Duration::from_secs(self.now - stored_at);
        self.ledger = Ledger::restore(state, plan(), Mono::ZERO, Some(downtime));
        self.began = self.now;
    }
}

#[rstest]
#[case::a_power_cut_of_five_minutes(300, false)]
#[case::of_three_hours(10_800, false)]
#[case::of_a_night(43_200, false)]
#[case::a_meter_unplugged_for_an_hour(3600, true)]
fn the_cloud_keeps_the_kilowatt_hours_of_an_outage_and_puts_them_into_it(
    #[case] seconds: u64,
    #[case] blind: bool,
) {
    let mut appliance = Appliance::new(800.0);
    // Cut in the middle of a minute, so that half of one is lost.
    appliance.run(1290, true);
    if blind {
        appliance.run(seconds, false);
    } else {
        appliance.cut(seconds);
    }
    appliance.run(1800, true);
    let (buckets, told) = fold(&appliance.sent);
    assert_eq!(told.breaks, vec![]);
    let sum: i64 = buckets
        .values()
        .filter_map(|bucket| bucket.energy.import)
        .map(MicroWattHours::get)
        .sum();
    let [first, last] = [0, appliance.sent.len() - 1].map(|n| appliance.sent[n]);
    let grown = last.totals.import.unwrap().get() - first.totals.import.unwrap().get();
    assert_eq!(sum, grown, "what the appliance's own total grew by");
    let truth = 800.0 * Duration::from_secs(appliance.now).as_secs_f64() / 3600.0;
    assert_near(WattHours::from(MicroWattHours::new(sum)).get(), truth, 25.0);
    // 200 Wh flowed in each quarter, and no quarter shows a demand that never was.
    for bucket in buckets.values().skip(1).take(buckets.len() - 2) {
        assert_near(
            WattHours::from(bucket.energy.import.unwrap()).get(),
            200.0,
            25.0,
        );
        let demand = bucket.demand().map_or(800_000, MilliWatts::get);
        assert_near(demand.into(), 800_000.0, 30_000.0);
    }
    assert!(buckets.contains_key(&quarter("10:15")));
}
