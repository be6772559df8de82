//! What the appliance stores is what the cloud has.

use std::collections::BTreeSet;
use std::time::Duration;

use super::appliance::Appliance;
use super::cloud::Cloud;

fn connected(status: &serde_json::Value) -> bool {
    status["state"] == "connected" && status["delivery"]["waiting_rows"] == 0
}

#[test]
fn registered_by_a_code_an_appliance_delivers_through_kills_on_both_sides_and_nothing_is_missing() {
    let mut cloud = Cloud::start();
    let mut appliance = Appliance::start(&cloud);
    appliance.until("not registered", |status| {
        status["state"] == "not_registered"
    });
    let (code, text) = appliance.cli(&["cloud", "register", "AAAA-BBBB-CC"]);
    assert!(code == Some(2) && text.contains("installer"), "{text}");
    appliance.register(&cloud);
    appliance.until("connected", connected);
    // The cloud dies; the home is measured on.
    cloud.kill();
    std::thread::sleep(Duration::from_secs(8));
    let away = appliance.until("away", |status| status["state"] == "unreachable");
    assert!(
        away["delivery"]["waiting_rows"].as_u64() > Some(0),
        "{away}"
    );
    cloud.serve();
    appliance.until("back", connected);
    // A proper stop and a start.
    appliance.stop();
    appliance.switch_on();
    appliance.until("connected again", connected);
    // The plug is pulled: at most the samples that were not stored yet are the cloud's alone.
    std::thread::sleep(Duration::from_secs(6));
    appliance.kill();
    appliance.switch_on();
    appliance.until("connected after the plug", connected);
    appliance.stop();
    let (stored, there): (BTreeSet<i64>, BTreeSet<i64>) = (
        appliance.samples().into_iter().collect(),
        cloud.rows().into_iter().collect(),
    );
    assert!(stored.len() > 4, "{stored:?}");
    let missing: Vec<_> = stored.difference(&there).collect();
    assert!(
        missing.is_empty(),
        "the cloud lacks {missing:?} of {stored:?}"
    );
}
