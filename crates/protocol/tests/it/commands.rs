use std::time::Duration;

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use solthrive_domain::CommandId;
use solthrive_domain::command::{Kind, Word};
use solthrive_protocol::{
    Args, BadArgs, BadCommand, BadReport, Close, Command, CommandBody, MAX_REPORT, Report,
    Restarted,
};

const ID: &str = "5f0c1d9e-0000-4000-8000-00000000000c";

fn id() -> CommandId {
    ID.parse().unwrap()
}

fn object(json: Value) -> Map<String, Value> {
    let Value::Object(fields) = json else {
        panic!("{json} is no object");
    };
    fields
}

fn sent(kind: &str, args: &Value) -> String {
    format!(
        r#"{{"id":"{ID}","kind":"{kind}","args":{args},"expires_at":"2026-06-21T12:10:00Z","expires_in_s":600,"of_tomorrow":1}}"#
    )
}

#[test]
fn a_command_reads_as_the_contract_says() {
    let body = CommandBody {
        id: id(),
        kind: Kind::Live.as_str().to_owned(),
        args: object(Args::Live { seconds: 60 }.to_json()),
        expires_at: "2026-06-21T12:01:00Z".parse().unwrap(),
        expires_in_s: 60,
    };
    let text = serde_json::to_string(&body).unwrap();
    assert_snapshot!(text, @r#"{"id":"5f0c1d9e-0000-4000-8000-00000000000c","kind":"live","args":{"seconds":60},"expires_at":"2026-06-21T12:01:00Z","expires_in_s":60}"#);
    let command = Command::parse(&text).unwrap();
    assert_eq!(command.args, Args::Live { seconds: 60 });
    assert!(command.may_begin(Duration::from_millis(59_999)));
    assert!(!command.may_begin(Duration::from_secs(60)));
}

#[test]
fn what_is_not_said_is_usual_and_what_is_not_known_is_passed_over() {
    for (kind, args, expected) in [
        ("live", json!({}), Args::Live { seconds: 60 }),
        (
            "logs_tail",
            json!({ "color": true }),
            Args::LogsTail { lines: 200 },
        ),
        ("update", json!({}), Args::Update { version: None }),
        (
            "restart",
            json!({}),
            Args::Restart {
                what: Restarted::Service,
            },
        ),
        (
            "restart",
            json!({ "what": "machine" }),
            Args::Restart {
                what: Restarted::Machine,
            },
        ),
        (
            "tunnel_open",
            json!({ "minutes": 5 }),
            Args::TunnelOpen { minutes: 5 },
        ),
        ("token_rotate", json!({ "seconds": "x" }), Args::TokenRotate),
    ] {
        assert_eq!(
            Command::parse(&sent(kind, &args)).unwrap().args,
            expected,
            "{kind}"
        );
    }
    let bare = format!(
        r#"{{"id":"{ID}","kind":"diagnostics","expires_at":"2026-06-21T12:10:00Z","expires_in_s":0}}"#
    );
    let bare = Command::parse(&bare).unwrap();
    assert!(!bare.may_begin(Duration::ZERO));
}

#[test]
fn a_kind_of_tomorrow_is_refused_by_its_id() {
    let bad = Command::parse(&sent("self_destruct", &json!({}))).unwrap_err();
    let answer = bad.refusal().unwrap().to_text().unwrap();
    assert_snapshot!(answer, @r#"{"id":"5f0c1d9e-0000-4000-8000-00000000000c","state":"refused","result":{"code":"unknown_kind","detail":"there is no command of the kind `self_destruct`"}}"#);
    let bad = Command::parse(&sent("live", &json!({ "seconds": 0 }))).unwrap_err();
    let refusal = bad.refusal().unwrap();
    assert_eq!((refusal.id, refusal.word), (id(), Word::Refused));
    assert!(refusal.result.unwrap().contains("bad_args"));
    let bad = Command::parse("{}").unwrap_err();
    assert!(matches!(bad, BadCommand::Malformed(_)));
    assert_eq!(bad.refusal(), None);
}

#[test]
fn who_asks_is_told_what_cannot_be() {
    let strict = |kind, args| Args::strict(kind, &object(args)).unwrap_err();
    assert_eq!(
        strict(Kind::Live, json!({ "second": 5 })),
        BadArgs::Unknown("second".to_owned())
    );
    assert_eq!(
        strict(Kind::Restart, json!({ "lines": 5 })),
        BadArgs::Unknown("lines".to_owned())
    );
    let out = BadArgs::OutOfRange {
        field: "lines",
        least: 1,
        most: 2_000,
    };
    assert_eq!(strict(Kind::LogsTail, json!({ "lines": 2_001 })), out);
    assert_eq!(
        strict(Kind::Update, json!({ "version": "" })),
        BadArgs::Name("version")
    );
    assert_eq!(
        strict(Kind::ConfigSet, json!({ "config": {}, "base": "a\u{7}" })),
        BadArgs::Name("base")
    );
    let large = json!({ "config": { "text": "x".repeat(13_000) } });
    assert_eq!(strict(Kind::ConfigSet, large), BadArgs::TooLarge);
    for (kind, args) in [
        (Kind::ConfigSet, json!({})),
        (Kind::ConfigSet, json!({ "config": [] })),
        (Kind::Live, json!({ "seconds": -1 })),
        (Kind::Live, json!({ "seconds": 1.5 })),
        (Kind::Restart, json!({ "what": "everything" })),
    ] {
        assert!(
            matches!(strict(kind, args.clone()), BadArgs::Malformed(_)),
            "{kind} {args}"
        );
    }
}

#[test]
fn arguments_are_read_back_as_they_were_written() {
    for args in [
        Args::Live { seconds: 300 },
        Args::Diagnostics,
        Args::Validate,
        Args::LogsTail { lines: 1 },
        Args::ConfigGet,
        Args::ConfigSet {
            config: object(json!({ "a": 1 })),
            base: Some("v7".to_owned()),
        },
        Args::Update {
            version: Some("2.1.0".to_owned()),
        },
        Args::Restart {
            what: Restarted::Machine,
        },
        Args::TunnelOpen { minutes: 480 },
        Args::TokenRotate,
    ] {
        let again = Args::strict(args.kind(), &object(args.to_json()));
        assert_eq!(again, Ok(args));
    }
}

#[test]
fn a_report_is_taken_whole_or_not_at_all() {
    let text = format!(
        r#"{{"id":"{ID}","state":"running","progress":0.5,"result":{{"n":1.50}},"of_tomorrow":[]}}"#
    );
    let report = Report::parse(&text).unwrap();
    assert_eq!(
        (report.id, report.word, report.progress),
        (id(), Word::Running, Some(0.5))
    );
    assert_eq!(
        report.result.as_deref(),
        Some(r#"{"n":1.50}"#),
        "as it was written"
    );
    let again = Report::parse(&report.to_text().unwrap());
    assert_eq!(again, Ok(report));
    let state = |state: &str| Report::parse(&format!(r#"{{"id":"{ID}","state":"{state}"}}"#));
    assert_eq!(state("done"), Ok(Report::of(id(), Word::Done)));
    // What the cloud alone says of a command is none of a device's words.
    for word in ["queued", "cancelled", "expired", "Done", ""] {
        assert_eq!(state(word), Err(BadReport::State(word.to_owned())));
    }
    for share in ["-0.1", "1.01", "1e3"] {
        let text = format!(r#"{{"id":"{ID}","state":"running","progress":{share}}}"#);
        assert_eq!(Report::parse(&text), Err(BadReport::Progress), "{share}");
    }
    for text in ["", "{}", "[]", r#"{"id":"x","state":"done"}"#, "\u{0}"] {
        assert!(
            matches!(Report::parse(text), Err(BadReport::Malformed(_))),
            "{text}"
        );
    }
}

#[test]
fn a_report_is_bounded_in_size_and_depth() {
    let with = |result: &str| format!(r#"{{"id":"{ID}","state":"done","result":{result}}}"#);
    let frame = with("\"\"").len();
    let fits = with(&format!("\"{}\"", "x".repeat(MAX_REPORT - frame)));
    assert_eq!(fits.len(), MAX_REPORT);
    let report = Report::parse(&fits).unwrap();
    assert_eq!(report.to_text().unwrap().len(), MAX_REPORT);
    let larger = format!("{fits} ");
    let too_large = Err(BadReport::TooLarge {
        got: MAX_REPORT + 1,
    });
    assert_eq!(Report::parse(&larger), too_large);
    let mut longer = report;
    longer.progress = Some(1.0);
    assert!(matches!(longer.to_text(), Err(BadReport::TooLarge { .. })));
    let deep = with(&format!("{}{}", "[".repeat(1_000), "]".repeat(1_000)));
    assert!(matches!(Report::parse(&deep), Err(BadReport::Malformed(_))));
    // A control character that is not written as such is no JSON.
    assert!(matches!(
        Report::parse(&with("\"\u{0}\"")),
        Err(BadReport::Malformed(_))
    ));
}

#[test]
fn a_code_of_a_close_frame_is_read_back() {
    for close in Close::ALL {
        assert_eq!(Close::of(close.code()), Some(close));
        assert!(close.reason().len() < 123, "as much as a close frame holds");
    }
    assert_eq!(Close::of(1000), None);
}

proptest! {
    #[test]
    fn no_text_breaks_a_reader(text in "\\PC*") {
        let _ = Report::parse(&text);
        let _ = Command::parse(&text);
    }
}
