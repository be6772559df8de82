//! Each snapshot counts once.

use solthrive_cloud_store::chunk::{Finite, Known, Table, TableError, Value};
use solthrive_cloud_store::hot::{
    Counts, Delivery, Index, Known as Day, NotStaged, Row, Rows, Seq, Staged,
};
use solthrive_domain::{DeviceId, LedgerId};
use uuid::Uuid;

pub(crate) const DAY_MS: i64 = 86_400_000;

pub(crate) fn device(number: u128) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn row(time: i64, kw: f64) -> Row {
    let value = Value::Number(Finite::try_from(kw).unwrap());
    Row {
        time,
        cells: vec![(Known::SolarKw.into(), value)],
    }
}

pub(crate) fn counts(accepted: u32, duplicates: u32, conflicts: u32) -> Counts {
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
    let mut index = Index::default();
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
    let mut index = Index::default();
    let mut staged = Staged::default();
    index
        .stage(&mut staged, device(1), vec![row(1, 1.0)])
        .unwrap();
    let (_, told) = index
        .stage(&mut staged, device(2), vec![row(1, 2.0)])
        .unwrap();
    assert_eq!(told, counts(1, 0, 0));
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::default();
    for row in rows {
        table.insert(row.time, &row.cells).unwrap();
    }
    table
}

fn stage(index: &mut Index, rows: &[Row]) -> Result<Counts, NotStaged> {
    let staged = index.stage(&mut Staged::default(), device(1), rows.to_vec());
    staged.map(|(_, counts)| counts)
}

#[test]
fn a_sealed_day_is_wanted_before_a_row_of_it_is_judged_and_only_then() {
    let mut index = Index::default();
    index.sealed_to(device(1), 3 * DAY_MS);
    index.sealed_to(device(1), DAY_MS);
    let late = [
        row(DAY_MS, 1.0),
        row(4 * DAY_MS, 1.0),
        row(DAY_MS + 1, 1.0),
        row(3 * DAY_MS + 1, 1.0),
    ];
    let day = Day {
        device: device(1),
        day: 1,
    };
    assert_eq!(index.wanted(device(1), &late), [day]);
    assert_eq!(index.wanted(device(2), &late), []);
    let refused = stage(&mut index, &late);
    assert_eq!(refused, Err(NotStaged::Wanted(vec![day])));

    assert!(index.bring(day, &table(&[row(DAY_MS, 1.0)]), index.epoch()));
    assert_eq!(index.wanted(device(1), &late), []);
    assert_eq!(stage(&mut index, &late), Ok(counts(3, 1, 0)));
}

#[test]
fn what_waits_is_judged_without_a_look_at_what_is_sealed() {
    let mut index = Index::default();
    let mut staged = Staged::default();
    index
        .stage(&mut staged, device(1), vec![row(5, 1.0)])
        .unwrap();
    index.commit(staged);
    index.sealed_to(device(1), 10);
    let twice = [row(5, 1.0), row(11, 1.0)];
    assert_eq!(stage(&mut index, &twice), Ok(counts(1, 1, 0)));
}

#[test]
fn a_day_that_was_read_before_rows_of_it_were_let_go_is_not_believed() {
    let mut index = Index::default();
    let day = Day {
        device: device(1),
        day: 0,
    };
    let (before, nothing_sealed) = (index.epoch(), Table::default());
    assert!(index.bring(day, &nothing_sealed, before));
    let mut staged = Staged::default();
    index
        .stage(&mut staged, device(1), vec![row(5, 1.0)])
        .unwrap();
    index.commit(staged);
    index.rotate(Seq::new(1));
    index.drop_sealed(Seq::new(1));
    assert_eq!(index.waiting(device(1)), 0);
    assert!(!index.bring(day, &nothing_sealed, before));
    let refused = stage(&mut index, &[row(5, 1.0)]);
    assert_eq!(refused, Err(NotStaged::Wanted(vec![day])));
    assert!(index.bring(day, &table(&[row(5, 1.0)]), index.epoch()));
    assert_eq!(stage(&mut index, &[row(5, 1.0)]), Ok(counts(0, 1, 0)));
}

#[test]
fn a_generation_is_let_go_when_its_last_entry_is_sealed_and_not_before() {
    let mut index = Index::default();
    for seq in 1..=3 {
        let mut staged = Staged::default();
        let fresh = vec![row(seq, 1.0)];
        index.stage(&mut staged, device(1), fresh).unwrap();
        index.commit(staged);
        index.rotate(Seq::new(seq));
    }
    let mut left = Vec::new();
    for sealed in [0, 2, 2, 3] {
        index.drop_sealed(Seq::new(sealed));
        left.push((index.waiting(device(1)), index.epoch()));
    }
    assert_eq!(left, [(3, 0), (1, 1), (1, 1), (0, 2)]);
}

#[test]
fn there_is_room_for_some_days_and_the_least_used_goes_first() {
    let mut index = Index::new(200_000);
    index.sealed_to(device(1), 100 * DAY_MS);
    let day = |day| Day {
        device: device(1),
        day,
    };
    let full = |day: i64| {
        let rows: Vec<Row> = (0..1_000).map(|at| row(day * DAY_MS + at, 1.0)).collect();
        table(&rows)
    };
    for number in 0..20 {
        assert!(index.bring(day(number), &full(number), index.epoch()));
        stage(&mut index, &[row(3, 1.0)]).unwrap();
    }
    assert!(index.heap() > 300_000, "no day goes before it had its use");
    index.commit(Staged::default());
    assert!(index.heap() < 200_000);
    assert_eq!(stage(&mut index, &[row(3, 1.0)]), Ok(counts(0, 1, 0)));
    assert!(stage(&mut index, &[row(DAY_MS, 1.0)]).is_err());
}

#[test]
fn a_row_that_could_not_be_sealed_is_not_taken() {
    let mut index = Index::default();
    let cell = |value| (Known::SolarKw.into(), value);
    let mut of_two = row(1, 1.0);
    of_two.cells.push(of_two.cells[0].clone());
    let kind = Row {
        time: 1,
        cells: vec![cell(Value::Integer(1))],
    };
    for (bad, why) in [
        (of_two, TableError::Twice(Known::SolarKw.into())),
        (kind, TableError::WrongKind(Known::SolarKw.into())),
        (row(i64::MAX, 1.0), TableError::TimeOutOfRange(i64::MAX)),
    ] {
        let refused = stage(&mut index, &[row(5, 1.0), bad]);
        assert_eq!(refused, Err(NotStaged::Unacceptable(why)));
    }
}

/// Figures of `docs/decisions/0007`.
#[test]
fn a_device_with_few_waiting_rows_takes_few_bytes() {
    let of = |rows: i64| {
        let mut index = Index::default();
        for seq in 0..rows {
            let mut staged = Staged::default();
            for number in 0..1_000 {
                let fresh = vec![row(seq * 30_000, 1.0)];
                index.stage(&mut staged, device(number), fresh).unwrap();
            }
            index.commit(staged);
        }
        index.heap() / 1_000
    };
    assert!(of(1) < 140, "{}", of(1));
    assert!(of(120) < 2_200, "{}", of(120));
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
