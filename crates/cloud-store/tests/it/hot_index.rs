//! Each snapshot counts once.

use std::collections::BTreeMap;

use proptest::prelude::*;
use solthrive_cloud_store::chunk::{Finite, Known, Table, Value};
use solthrive_cloud_store::hot::{Counts, Delivery, Index, Row, Rows, Staged};
use solthrive_domain::{DeviceId, LedgerId};
use uuid::Uuid;

fn device(number: u128) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(number))
}

fn row(time: i64, kw: f64) -> Row {
    let value = Value::Number(Finite::try_from(kw).unwrap());
    Row {
        time,
        cells: vec![(Known::SolarKw.into(), value)],
    }
}

fn counts(accepted: u32, duplicates: u32, conflicts: u32) -> Counts {
    Counts {
        accepted,
        duplicates,
        conflicts,
    }
}

#[test]
fn the_first_row_of_a_time_wins_within_a_call_a_group_and_for_ever() {
    let mut index = Index::default();
    let mut staged = Staged::default();
    let call = vec![row(1, 1.0), row(1, 1.0), row(1, 2.0), row(2, 5.0)];
    let (new, told) = index.stage(&mut staged, device(1), call).unwrap();
    assert_eq!(
        (new, told),
        (vec![row(1, 1.0), row(2, 5.0)], counts(2, 1, 1))
    );
    let (new, told) = index
        .stage(&mut staged, device(1), vec![row(2, 5.0), row(3, 0.0)])
        .unwrap();
    assert_eq!((new, told), (vec![row(3, 0.0)], counts(1, 1, 0)));
    index.commit(staged);
    let mut later = Staged::default();
    let (new, told) = index
        .stage(&mut later, device(1), vec![row(3, -0.0), row(1, 1.0)])
        .unwrap();
    assert_eq!((new, told), (vec![], counts(0, 1, 1)));
}

#[test]
fn what_could_not_be_stored_did_not_happen() {
    let index = Index::default();
    let mut lost = Staged::default();
    index
        .stage(&mut lost, device(1), vec![row(1, 1.0)])
        .unwrap();
    drop(lost);
    let mut again = Staged::default();
    let (_, told) = index
        .stage(&mut again, device(1), vec![row(1, 2.0)])
        .unwrap();
    assert_eq!(told, counts(1, 0, 0));
}

#[test]
fn two_devices_of_one_time_have_nothing_to_do_with_each_other() {
    let index = Index::default();
    let mut staged = Staged::default();
    index
        .stage(&mut staged, device(1), vec![row(1, 1.0)])
        .unwrap();
    let (_, told) = index
        .stage(&mut staged, device(2), vec![row(1, 2.0)])
        .unwrap();
    assert_eq!(told, counts(1, 0, 0));
}

#[test]
fn a_sealed_day_is_wanted_before_a_row_of_it_is_judged_and_only_then() {
    let mut index = Index::default();
    index.sealed_to(device(1), 3 * 86_400_000);
    let late = [
        row(86_400_000, 1.0),
        row(86_400_001, 1.0),
        row(4 * 86_400_000, 1.0),
    ];
    let mut wanted: Vec<_> = index.wanted(device(1), &late).collect();
    wanted.dedup();
    assert_eq!(
        wanted.iter().map(|known| known.day).collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(index.wanted(device(2), &late).count(), 0);

    let mut sealed = Table::default();
    sealed.insert(86_400_000, &row(0, 1.0).cells).unwrap();
    index.bring(wanted[0], sealed);
    assert_eq!(index.wanted(device(1), &late).count(), 0);
    let (new, told) = index
        .stage(&mut Staged::default(), device(1), late.to_vec())
        .unwrap();
    assert_eq!((new.len(), told), (2, counts(2, 1, 0)));
}

proptest! {
    /// Against a map that knows nothing of groups, tables and commits.
    #[test]
    fn whatever_is_grouped_the_first_of_a_time_wins(
        calls in prop::collection::vec((0u128..3, prop::collection::vec((0i64..20, 0u8..3), 0..8), any::<bool>(), any::<bool>()), 0..20),
    ) {
        let mut index = Index::default();
        let mut staged = Staged::default();
        let (mut known, mut pending) = (BTreeMap::new(), Vec::new());
        for (whose, rows, ends, survives) in calls {
            let told: Vec<Row> = rows.iter().map(|(time, kw)| row(*time, f64::from(*kw))).collect();
            let mut expected = Counts::default();
            for (time, kw) in rows {
                let staged_now: Option<&u8> = pending.iter().find(|((device, at), _)| (*device, *at) == (whose, time)).map(|(_, kw)| kw);
                match known.get(&(whose, time)).or(staged_now) {
                    None => { pending.push(((whose, time), kw)); expected.accepted += 1; }
                    Some(there) if *there == kw => expected.duplicates += 1,
                    Some(_) => expected.conflicts += 1,
                }
            }
            let (_, counts) = index.stage(&mut staged, device(whose), told).unwrap();
            prop_assert_eq!(counts, expected);
            if ends {
                let group = std::mem::take(&mut staged);
                if survives {
                    index.commit(group);
                    known.extend(pending.drain(..));
                }
                pending.clear();
            }
        }
        index.commit(staged);
        known.extend(pending);
        for whose in 0..3 {
            let rows = index.open_rows(device(whose)).map_or(0, Table::rows);
            prop_assert_eq!(rows, known.keys().filter(|(device, _)| *device == whose).count());
        }
    }
}

#[test]
fn a_replayed_log_knows_what_the_first_run_knew() {
    let rows = |rows| {
        let ledger = LedgerId::from_uuid(Uuid::nil());
        Delivery::Rows(Rows {
            device: device(1),
            ledger,
            rows,
        })
    };
    let mut index = Index::default();
    index.replay(&[
        rows(vec![row(1, 1.0), row(2, 2.0)]),
        rows(vec![row(3, 3.0)]),
    ]);
    let call = vec![row(1, 1.0), row(2, 9.0), row(4, 4.0)];
    let (_, told) = index
        .stage(&mut Staged::default(), device(1), call)
        .unwrap();
    assert_eq!(told, counts(1, 1, 1));
    assert!(index.heap() > 0 && index.devices() == 1);
}
