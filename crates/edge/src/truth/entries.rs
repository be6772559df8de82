//! Ledger entries in words.

use solthrive_domain::counter::CounterEvent;
use solthrive_domain::ledger::{LedgerEntry, LedgerEvent};
use solthrive_domain::units::WattHours;

/// What the entry is about, such as `main/e_imp`; empty for the ledger as a whole.
pub(super) fn subject(entry: &LedgerEntry) -> String {
    match &entry.what {
        LedgerEvent::Counter { meter, point, .. } => format!("{meter}/{point}"),
        LedgerEvent::GapBridged { .. } | LedgerEvent::LedgerStarted { .. } => String::new(),
    }
}

/// What happened, with numbers.
pub(super) fn message(entry: &LedgerEntry) -> String {
    match &entry.what {
        LedgerEvent::LedgerStarted { ledger } => {
            format!("A new ledger began: {ledger}. All totals start at zero.")
        }
        LedgerEvent::GapBridged { line, energy, gap } => {
            let lasted = gap.map_or_else(
                || "the time the appliance was off".to_owned(),
                |gap| format!("a gap of {} s", gap.as_secs()),
            );
            format!(
                "The meter's counter filled {lasted}: {} kWh of {}.",
                kwh(*energy),
                line.name()
            )
        }
        LedgerEvent::Counter {
            meter,
            point,
            line,
            counter,
        } => {
            format!(
                "Counter {point} of meter {meter} ({}) {}",
                line.name(),
                counter_said(*counter)
            )
        }
    }
}

fn counter_said(event: CounterEvent) -> String {
    match event {
        CounterEvent::Started { at } => format!("stands at {} kWh at the start.", kwh(at)),
        CounterEvent::Glitch {
            expected,
            read,
            readings,
        } => format!(
            "stood at {} kWh, read {} kWh {readings} times and came back. It was ignored; totals are unaffected.",
            kwh(expected),
            kwh(read)
        ),
        CounterEvent::Rollover { from, to } => format!(
            "passed its last digit, from {} to {} kWh. Totals go on.",
            kwh(from),
            kwh(to)
        ),
        CounterEvent::Reset { from, to } => {
            format!(
                "started again: from {} to {} kWh. Totals go on from where they were.",
                kwh(from),
                kwh(to)
            )
        }
        CounterEvent::Swap { from, to } => {
            format!(
                "changed from {} to {} kWh without counting there: another meter? Totals go on from where they were.",
                kwh(from),
                kwh(to)
            )
        }
    }
}

fn kwh(energy: WattHours) -> String {
    format!("{:.3}", energy.kwh())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use solthrive_domain::ledger::Line;
    use solthrive_domain::{MeterId, Mono, Point};

    use super::*;

    #[test]
    fn a_reset_is_told_with_both_values() {
        let (from, to) = (
            WattHours::from_kwh(35.6).unwrap(),
            WattHours::from_kwh(0.1).unwrap(),
        );
        let point: Point = "e_imp".parse().unwrap();
        let what = LedgerEvent::Counter {
            meter: MeterId::new("main"),
            point,
            line: Line::Import,
            counter: CounterEvent::Reset { from, to },
        };
        let entry = LedgerEntry {
            at: Mono::ZERO,
            what,
        };
        assert_snapshot!(message(&entry), @"Counter e_imp of meter main (import) started again: from 35.600 to 0.100 kWh. Totals go on from where they were.");
        assert_eq!(subject(&entry), "main/e_imp");
    }
}
