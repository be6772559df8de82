use serde_json::{Value, json};
use solthrive_domain::RunId;
use uuid::Uuid;

use super::*;
use crate::store::{Options, Store};

fn noon() -> Timestamp {
    Timestamp::from_second(1_780_000_000).unwrap()
}

/// What there is to report after a start with this configuration.
fn started(store: &Store, config: &Value, progress: &Progress) -> Arc<FromHistory> {
    let history = store.reader().apart();
    FromHistory::new(history, TimeZone::UTC, noon, Some(config.clone()), progress)
}

#[test]
fn a_configuration_is_told_once_and_again_when_it_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunId::from_uuid(Uuid::from_u128(1));
    let options = Options::new(folder.path(), TimeZone::UTC, run, noon());
    let (store, _) = Store::open(options).unwrap();
    let (one, other) = (
        json!({ "service": "split_phase" }),
        json!({ "service": "single_phase" }),
    );
    let mut progress = Progress::default();
    for (config, is_told) in [(&one, true), (&one, false), (&other, true), (&other, false)] {
        let reports = started(&store, config, &progress);
        // An event of the start may come first.
        let next = loop {
            match reports.next() {
                Some((number, Report::Health(..))) => reports.told(number),
                next => break next,
            }
        };
        assert_eq!(next.is_some(), is_told, "{config}");
        if let Some((number, report)) = next {
            assert_eq!(report, Report::Config(config.clone()));
            assert!(reports.next().is_some(), "until the cloud has it");
            let (again, _) = reports.next().unwrap();
            assert!(again > number);
            reports.told(again);
            assert_eq!(reports.next(), None);
        }
        progress.config = reports.progress().2;
    }
}
