//! The truth pipeline as the configuration and the history say it starts.

use solthrive_domain::ids::RunId;
use solthrive_domain::ledger::{CounterScope, Ledger, LedgerPlan, OfferedCounter};
use solthrive_domain::units::WattHours;
use solthrive_meter::bus::{BusConfig, MeterConfig};
use solthrive_meter::decode::Scaling;
use solthrive_meter::profile::{CounterScope as ProfileScope, PointDef};

use super::{clocks, poll_every};
use crate::config::AppConfig;
use crate::store::{LedgerSource, Opened};
use crate::truth::{Now, Pipeline, Start};

/// Totals go on where they were stored.
pub(super) fn pipeline(config: &AppConfig, opened: &Opened, run: RunId, now: Now) -> Pipeline {
    let plan = LedgerPlan::new(&config.home, &offered_counters(&config.buses));
    let ledger = match &opened.ledger {
        Some(saved) => {
            let state = match saved.source {
                LedgerSource::History => saved.state.clone(),
                // The copy may be a quarter of an hour old, and totals of one ledger never fall.
                LedgerSource::Copy => saved.state.clone().begin_anew(clocks::new_ledger()),
            };
            Ledger::restore(state, plan, now.mono, None)
        }
        None => Ledger::start(clocks::new_ledger(), plan),
    };
    Pipeline::new(Start {
        home: config.home.clone(),
        zone: config.site.tz.clone(),
        meters: config
            .buses
            .iter()
            .flat_map(|bus| &bus.meters)
            .map(|meter| (meter.id.clone(), meter.profile.id.clone()))
            .collect(),
        poll_every: poll_every(config),
        ledger,
        run,
        time_floor: clocks::released(),
        newest_row: opened.newest,
        ledger_at: opened.ledger.as_ref().and_then(|saved| saved.at),
        trust_clock_after: config.site.trust_clock_after,
        trust_unsynced_clock_after: config.site.trust_unsynced_clock_after,
        now,
    })
}

/// Counters of the meters in use, with what their registers can hold.
fn offered_counters(buses: &[BusConfig]) -> Vec<OfferedCounter> {
    let meters = buses.iter().flat_map(|bus| &bus.meters);
    let counters =
        meters.flat_map(|meter| meter.profile.points.iter().map(move |def| (meter, def)));
    counters
        .filter(|(meter, def)| {
            meter
                .points
                .as_ref()
                .is_none_or(|points| points.contains(&def.point))
        })
        .filter_map(|(meter, def)| offered(meter, def))
        .collect()
}

fn offered(meter: &MeterConfig, def: &PointDef) -> Option<OfferedCounter> {
    let scaling = Scaling::ct(meter.ct_ratio);
    let scope = match def.scope? {
        ProfileScope::MainsNet => CounterScope::MainsNet,
        ProfileScope::Leg => CounterScope::Leg,
        ProfileScope::AllInputs => CounterScope::AllInputs,
    };
    Some(OfferedCounter {
        meter: meter.id.clone(),
        point: def.point,
        scope,
        scale: def.factor(scaling),
        // A float's step grows with its value: what a counter of 10 MWh can tell is assumed.
        resolution: WattHours::from_kwh(def.resolution(10_000.0, scaling)).ok()?,
        wrap: def
            .rollover(scaling)
            .and_then(|kwh| WattHours::from_kwh(kwh).ok()),
    })
}
