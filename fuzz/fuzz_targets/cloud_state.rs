//! Whatever bytes stand for a site's state or a fleet's day, they are read or refused; what is read is
//! written again alike. Checksums are not checked in a fuzzing build.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_cloud_store::archive::{SiteState, fleet_day};

fuzz_target!(|bytes: &[u8]| {
    const DAY: i64 = 20_625;
    let mut versioned = vec![1];
    versioned.extend_from_slice(bytes);
    if let Ok(state) = SiteState::decode(&versioned) {
        let again = state.encode().expect("a state that was read");
        assert_eq!(SiteState::decode(&again).as_ref(), Ok(&state));
    }
    versioned.extend_from_slice(&[0; 4]);
    if let Ok(quarters) = fleet_day::decode(DAY, &versioned) {
        let again = fleet_day::encode(DAY, &quarters).expect("quarters that were read");
        assert_eq!(fleet_day::decode(DAY, &again), Ok(quarters));
    }
});
