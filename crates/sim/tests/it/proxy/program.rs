//! `solthrive-sim proxy` as scripts use it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_solthrive-sim"));
    command
        .arg("proxy")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn it_says_where_it_listens_and_at_the_end_what_it_did() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = server.local_addr().unwrap().to_string();
    let mut child = command()
        .args(["--to", &to, "--until-stdin-closes", "--fault"])
        .arg("drop:direction=down,after=4,connections=0")
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on ").unwrap();
    let mut client = TcpStream::connect(address.parse::<SocketAddr>().unwrap()).unwrap();
    let (mut accepted, _) = server.accept().unwrap();
    client.write_all(b"ping").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut heard = String::new();
    accepted.read_to_string(&mut heard).unwrap();
    accepted.write_all(b"pong and more").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!((heard.as_str(), answer.as_str()), ("ping", "pong"));
    drop(child.stdin.take());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(
        rest.lines().last(),
        Some(
            "1 connections, 0 open, 0 cut, 0 unreachable; 4 bytes up, 4 down, 0 discarded; faults: 1 drop"
        )
    );
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_signal_ends_it_with_its_counts() {
    let mut child = command().args(["--to", "127.0.0.1:9"]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("0 connections, 0 open"), "{rest}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_fault_that_is_none_is_refused_with_those_there_are() {
    let wrong = command()
        .args(["--to", "127.0.0.1:9", "--fault", "resett"])
        .output()
        .unwrap();
    assert!(!wrong.status.success());
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(
        said.contains("no fault is called `resett`; there are latency, rate_limit"),
        "{said}"
    );
}

#[test]
fn the_help_teaches_every_fault_by_example() {
    let output = command().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let kinds = solthrive_sim::proxy::Kind::ALL.map(solthrive_sim::proxy::Kind::name);
    for part in kinds
        .into_iter()
        .chain(["Examples:", "--to", "connections=0..3"])
    {
        assert!(help.contains(part), "{part}");
    }
}
