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
    let snapshots = lines.filter_map(|line| time_of(&line));
    let times: Vec<i64> = snapshots.take(14).collect();
    let steps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The first ones may be from before the appliance was asked.
    let last = &steps[steps.len() - 6..];
    assert!(
        last.iter().all(|step| (500..2_600).contains(step)),
        "{steps:?}"
    );
}

/// From the instant of a sample to the reader, ms, in order.
#[expect(
    clippy::disallowed_methods,
    reason = "how long something takes is what is measured"
)]
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn told(name: &str, mut took: Vec<i64>) -> i64 {
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100];
    println!(
        "{name}: {} samples, p50 {} ms, p95 {} ms, max {} ms",
        took.len(),
        at(50),
        at(95),
        at(100)
    );
    at(95)
}

/// Both modes, end to end: meter, appliance, TLS, log, worker, API: `cargo xtask bench path`.
#[test]
#[ignore = "takes minutes, and its figures are for people"]
fn how_long_a_sample_takes_from_the_meter_to_the_reader() {
    let cloud = Cloud::start();
    let appliance = Appliance::start(&cloud);
    appliance.register(&cloud);
    appliance.until("connected", |status| status["state"] == "connected");
    // Nobody watches: the newest row, as a page that polls sees it.
    let (mut newest, mut took, begin) = (0, Vec::new(), now());
    while took.len() < 20 && now() - begin < 180_000 {
        let row = cloud.rows().into_iter().max().unwrap_or(0);
        if row > newest {
            took.push(now() - row);
            newest = row;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // The first one was there before anybody looked.
    let normal = told("normal mode, a sample each 5 s", took.split_off(1));
    let path = format!("/api/v1/sites/{}/live", cloud.home.site);
    let arrivals = cloud
        .stream(&path)
        .filter_map(|line| Some((time_of(&line)?, now())));
    let took: Vec<i64> = arrivals
        .skip(5)
        .take(60)
        .map(|(at, came)| came - at)
        .collect();
    let live = told("live mode, a sample each second", took);
    println!(
        "targets: 2000 ms and 1200 ms at p95: {}",
        if normal < 2_000 && live < 1_200 {
            "met"
        } else {
            "NOT met"
        }
    );
}

fn time_of(line: &str) -> Option<i64> {
    let body: Value = serde_json::from_str(line.strip_prefix("data:")?.trim()).ok()?;
    let text = || body["t"].as_str()?.parse::<jiff::Timestamp>().ok();
    body["t"]
        .as_i64()
        .or_else(|| text().map(jiff::Timestamp::as_millisecond))
}
