//! Whatever lies where a backup's manifest should, it is refused or names files of a backup only, each
//! once; and it is written again alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_cloud::admin::manifest::Manifest;

fuzz_target!(|bytes: &[u8]| {
    let Ok(manifest) = Manifest::parse(bytes) else { return };
    let mut names: Vec<_> = manifest.names().collect();
    assert!(names.iter().all(|name| !name.contains(['/', '\\', '\0']) && *name != ".."));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a file twice");
    let _ = manifest.bytes();
    let again = manifest.text().expect("a manifest that was read");
    assert_eq!(Manifest::parse(&again).expect("our own"), manifest);
});
