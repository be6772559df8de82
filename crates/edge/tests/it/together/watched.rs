//! While somebody watches, the cloud has each second.

use serde_json::Value;

use super::appliance::Appliance;
use super::cloud::Cloud;

#[test]
fn who_watches_sees_each_second_and_the_appliance_rests_afterwards() {
    let cloud = Cloud::start();
    let appliance = Appliance::start(&cloud);
    appliance.register(&cloud);
    appliance.until("connected", |status| status["state"] == "connected");
    let path = format!("/api/v1/sites/{}/live", cloud.home.site);
    let lines = cloud.stream(&path);
    let snapshots = lines.filter_map(|line| {
        let body: Value = serde_json::from_str(line.strip_prefix("data:")?.trim()).ok()?;
        let at = body["t"].as_i64().or_else(|| {
            body["t"]
                .as_str()?
                .parse::<jiff::Timestamp>()
                .ok()
                .map(jiff::Timestamp::as_millisecond)
        });
        at
    });
    let times: Vec<i64> = snapshots.take(14).collect();
    let steps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The first ones may be from before the appliance was asked.
    let last = &steps[steps.len() - 6..];
    assert!(
        last.iter().all(|step| (500..2_600).contains(step)),
        "{steps:?}"
    );
}
