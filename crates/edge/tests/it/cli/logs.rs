//! The log file, chosen, read and followed.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use super::Site;

const OLD: &str = r#"{"timestamp":"2026-06-01T10:00:00.000001Z","level":"INFO","message":"stopping","target":"solthrive_edge::app"}
{"timestamp":"2026-06-01T10:00:01.5Z","level":"WARN","message":"the link cannot be opened","bus":"roof","fault":"the port is gone: no such device","target":"x"}
"#;
const NEW: &str = r#"{"timestamp":"2026-06-01T11:00:00Z","level":"ERROR","message":"the history cannot be written","target":"x"}
{"timestamp":"2026-06-01T11:00:01Z","level":"DEBUG","message":"a read failed","unit":3,"target":"x"}
{"timestamp":"2026-06-01T11:0
"#;

fn site() -> Site {
    let site = Site::new();
    site.write("var/logs/solthrived.jsonl.1", OLD);
    site.write("var/logs/solthrived.jsonl", NEW);
    site
}

#[test]
fn both_files_are_read_in_order_and_made_readable() {
    let done = site().cli(&["logs"]);
    assert_eq!(done.code, Some(0));
    insta::assert_snapshot!(done.out, @r#"
    2026-06-01 03:00:00.000  info   stopping
    2026-06-01 03:00:01.500  WARN   the link cannot be opened  bus=roof  fault="the port is gone: no such device"
    2026-06-01 04:00:00.000  ERROR  the history cannot be written
    2026-06-01 04:00:01.000  debug  a read failed  unit=3
    {"timestamp":"2026-06-01T11:0
    "#);
}

#[test]
fn lines_are_chosen() {
    let site = site();
    let count = |args: &[&str]| site.cli(&[&["logs"], args].concat()).out.lines().count();
    assert_eq!(
        count(&["--level", "error"]),
        2,
        "what broke off is never hidden"
    );
    assert_eq!(count(&["--since", "2026-06-01T10:30:00Z"]), 3);
    assert_eq!(count(&["--grep", "ROOF"]), 1);
    assert_eq!(count(&["-n", "1"]), 1);
    assert_eq!(count(&["-n", "0"]), 5);
    assert_eq!(
        site.cli(&["logs", "--json", "--level", "info", "--grep", "roof"])
            .out,
        format!("{}\n", OLD.lines().nth(1).unwrap())
    );
}

#[test]
fn a_log_that_is_not_there_is_an_error() {
    let done = Site::new().cli(&["logs"]);
    assert_eq!(done.code, Some(2));
    assert!(
        done.err
            .contains("there is no log at SITE/var/logs/solthrived.jsonl yet"),
        "{}",
        done.err
    );
}

#[test]
fn a_log_that_is_followed_goes_on_in_the_next_file() {
    let site = site();
    let path = site.path("var/logs/solthrived.jsonl");
    let mut child = site
        .command(env!("CARGO_BIN_EXE_solthrive-cli"))
        .args(["logs", "--follow", "-n", "1", "--level", "error"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(
        next().starts_with('{'),
        "the line that broke off is the last one"
    );
    let write = |text: &str| {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        let (at, level) = ("2026-06-01T12:00:00Z", "ERROR");
        let line = format!(r#"{{"timestamp":"{at}","level":"{level}","message":"{text}"}}"#);
        writeln!(file, "{line}").unwrap();
    };
    write("before");
    assert!(next().ends_with("ERROR  before"));
    std::fs::rename(&path, path.with_extension("jsonl.1")).unwrap();
    write("after");
    assert!(next().ends_with("ERROR  after"));
    child.kill().unwrap();
    child.wait().unwrap();
}
