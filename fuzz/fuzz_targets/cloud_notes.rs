//! Whatever a stored note holds, it is read or refused; what is read is written again alike. Days, flags
//! and rows of a call come out of the log as they went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_cloud::notes::Content;
use solthrive_cloud::rows::{row_of, sample_of};
use solthrive_cloud_store::hot::{Delivery, Note, NoteKind, Rows, decode, encode};
use solthrive_domain::DeviceId;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_protocol::{Dailies, HealthReport, Telemetry};

const NOW: i64 = 1_782_043_200_000;

fuzz_target!(|bytes: &[u8]| {
    let device = DeviceId::from_uuid(uuid::Uuid::from_u128(1));
    for kind in [NoteKind::Daily, NoteKind::Health, NoteKind::Registered] {
        let note = Note { device, kind, json: bytes.to_vec() };
        if let Ok(content) = Content::parse(&note) {
            let again = content.note(device).expect("a note that was read");
            assert_eq!(Content::parse(&again).expect("our own"), content);
        }
    }
    let now = UnixMillis::try_from(NOW).expect("an instant");
    if let Ok(heard) = Dailies::parse(bytes) {
        is_kept(&Content::Daily(heard.days.iter().map(|(_, day)| day).collect()));
    }
    if let Ok(heard) = HealthReport::parse(bytes, now) {
        is_kept(&Content::Health((&heard).into()));
    }
    let Ok(call) = Telemetry::parse(bytes, now) else { return };
    let rows: Vec<_> = call.snapshots.iter().map(|(_, snapshot)| row_of(snapshot, call.ledger)).collect();
    if rows.is_empty() {
        return;
    }
    let before: Vec<_> = rows.iter().map(sample_of).collect();
    let delivery = Delivery::Rows(Rows { device, ledger: call.ledger, rows });
    let stored = decode(&encode(&[delivery])).expect("our own");
    let [Delivery::Rows(stored)] = &stored[..] else { panic!("{stored:?}") };
    assert_eq!(stored.rows.iter().map(sample_of).collect::<Vec<_>>(), before);
});

/// What was heard comes out of the log as it went in.
fn is_kept(content: &Content) {
    let device = DeviceId::from_uuid(uuid::Uuid::from_u128(1));
    let note = content.note(device).expect("what was heard");
    let stored = decode(&encode(&[Delivery::Note(note)])).expect("our own");
    let [Delivery::Note(note)] = &stored[..] else { panic!("{stored:?}") };
    assert_eq!(Content::parse(note).expect("our own"), *content);
}
