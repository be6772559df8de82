//! The program `solthrive-sim` as scripts use it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::client::{Client, input};
use crate::control::http;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_solthrive-sim"));
    command
        .arg("meter")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn ready(child: &mut Child) -> Value {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

#[test]
fn it_says_where_it_is_in_one_line_and_ends_with_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("meter");
    let mut child = command()
        .args([
            "--baud",
            "115200",
            "--control",
            "127.0.0.1:0",
            "--tcp",
            "127.0.0.1:0",
            "--until-stdin-closes",
            "--pty",
        ])
        .arg(&link)
        .spawn()
        .unwrap();
    let ready = ready(&mut child);
    assert_eq!(ready["pty"], link.display().to_string());
    assert_eq!(Client::open(&link, 115_200).ask(input(1, 0, 2)).len(), 9);
    let control: SocketAddr = ready["control"].as_str().unwrap().parse().unwrap();
    assert_eq!(http(control, "GET", "/truth", None).0, 200);
    assert!(
        ready["tcp"]
            .as_str()
            .unwrap()
            .parse::<SocketAddr>()
            .unwrap()
            .port()
            > 0
    );
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(link.symlink_metadata().is_err(), "and takes its link along");
}

#[test]
fn a_signal_ends_it_cleanly() {
    let mut child = command().spawn().unwrap();
    let ready = ready(&mut child);
    assert!(Path::new(ready["pty"].as_str().unwrap()).exists());
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_mistake_is_one_clear_line_and_a_failure() {
    let output = command()
        .args(["--profile", "eastron-sdm360"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "solthrive-sim: no profile is called `eastron-sdm360`; did you mean `eastron-sdm630`?\n"
    );
}

#[test]
fn the_help_teaches_by_example() {
    let output = command().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for part in [
        "Examples:",
        "--replay",
        "curl 127.0.0.1:8090/truth",
        "--until-stdin-closes",
    ] {
        assert!(help.contains(part), "{part}");
    }
}
