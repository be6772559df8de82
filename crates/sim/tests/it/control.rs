use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use serde_json::{Value, json};
use solthrive_sim::{SimConfig, Simulation};

use crate::client::{Client, PATIENCE, fast, input};

fn start() -> Simulation {
    let control = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    Simulation::start(SimConfig { control, ..fast() }).unwrap()
}

/// One HTTP request; status and body.
pub(crate) fn http(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = body.map(ToString::to_string).unwrap_or_default();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

fn call(
    sim: &Simulation,
    method: &str,
    path: &str,
    body: impl Into<Option<Value>>,
) -> (u16, Value) {
    let (status, text) = http(sim.control().unwrap(), method, path, body.into().as_ref());
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

#[test]
fn the_truth_adds_up_and_names_every_point() {
    let sim = start();
    Client::of(&sim).ask(input(1, 0, 36));
    let (status, truth) = call(&sim, "GET", "/truth", None);
    assert_eq!(status, 200);
    let kw = |name: &str| truth["home"][name].as_f64().unwrap();
    assert!((kw("home_kw") - kw("solar_kw") - kw("grid_kw")).abs() < 1e-9);
    assert!(
        truth["home"].get("battery_kw").is_none(),
        "no battery is not a battery at 0"
    );
    assert!(truth["seen"]["home_kw"].as_f64().unwrap() - kw("home_kw") < 0.05);
    let points = truth["meters"][0]["points"].as_object().unwrap();
    assert!(points.len() >= 40 && points["v_l1"].as_f64().unwrap() > 100.0);
    assert_eq!(
        truth["meters"][0]["channels"][2],
        json!({"role": "pv", "input": "l3", "volt_ref": "l1", "multiplier": 2.0})
    );
    assert_eq!(
        truth["replies"][0]["points"]["v_l1"]
            .as_object()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        (
            truth["bus"]["requests"].as_u64(),
            truth["bus"]["gap_violations"].as_u64()
        ),
        (Some(1), Some(0))
    );
}

#[test]
fn values_can_be_fixed_and_let_go() {
    let sim = start();
    let wanted = json!({"solar_kw": 3.0, "home_kw": 1.0, "points": {"1": {"f": 60.5}}});
    assert_eq!(call(&sim, "POST", "/set", Some(wanted)).0, 200);
    let truth = call(&sim, "GET", "/truth", None).1;
    assert!((truth["home"]["grid_kw"].as_f64().unwrap() + 2.0).abs() < 1e-9);
    assert_eq!(truth["meters"][0]["points"]["f"], 60.5);
    call(&sim, "POST", "/set", Some(json!({"solar_kw": null})));
    let truth = call(&sim, "GET", "/truth", None).1;
    assert_eq!(truth["pins"], json!({"home_kw": 1.0}), "the others stay");
    call(&sim, "POST", "/set", Some(json!({})));
    let truth = call(&sim, "GET", "/truth", None).1;
    assert_eq!(truth["pins"], json!({}));
    assert_ne!(truth["meters"][0]["points"]["f"], 60.5);
}

#[test]
fn what_cannot_be_fixed_is_refused_and_changes_nothing() {
    let sim = start();
    for (body, part) in [
        (json!({"solar": 3}), "unknown field `solar`"),
        (
            json!({"home_kw": 1, "points": {"9": {"f": 1}}}),
            "no meter at unit 9",
        ),
        (
            json!({"home_kw": 1, "points": {"1": {"volts": 1}}}),
            "`volts` is no measurement",
        ),
    ] {
        let (status, error) = call(&sim, "POST", "/set", Some(body));
        assert!(
            status == 422 && error["error"].as_str().unwrap().contains(part),
            "{error}"
        );
    }
    assert_eq!(call(&sim, "GET", "/truth", None).1["pins"], json!({}));
}

#[test]
fn faults_are_begun_listed_and_ended() {
    let sim = start();
    let list = json!([{"kind": "delay", "ms": 20, "probability": 0.5, "seconds": 60}, {"kind": "ct_unplugged", "leg": "l2"}]);
    let (status, begun) = call(&sim, "POST", "/faults", Some(list));
    assert_eq!((status, begun), (200, json!({"ids": [1, 2]})));
    assert_eq!(
        call(&sim, "POST", "/faults", Some(json!({"kind": "stuck"}))).1,
        json!({"ids": [3]})
    );
    let at_work = call(&sim, "GET", "/faults", None).1;
    assert_eq!(
        (at_work.as_array().unwrap().len(), &at_work[1]["kind"]),
        (3, &json!("ct_unplugged"))
    );
    assert_eq!(call(&sim, "DELETE", "/faults/2", None).0, 200);
    assert_eq!(call(&sim, "DELETE", "/faults/2", None).0, 404);
    assert_eq!(call(&sim, "DELETE", "/faults", None).0, 200);
    assert_eq!(call(&sim, "GET", "/faults", None).1, json!([]));
}

#[test]
fn a_list_with_one_bad_fault_begins_none() {
    let sim = start();
    let (status, error) = call(
        &sim,
        "POST",
        "/faults",
        Some(json!([{"kind": "stuck"}, {"kind": "delay"}])),
    );
    assert!(status == 422 && error["error"].as_str().unwrap().contains("it needs `ms`"));
    assert_eq!(call(&sim, "GET", "/faults", None).1, json!([]));
}

#[test]
fn an_address_on_the_network_is_refused() {
    let config = SimConfig {
        control: Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
        ..fast()
    };
    assert!(
        Simulation::start(config)
            .unwrap_err()
            .to_string()
            .contains("not on the loopback")
    );
}
