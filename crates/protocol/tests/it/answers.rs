use insta::assert_snapshot;
use solthrive_domain::SiteId;
use solthrive_protocol::{
    Failure, FailureCode, NextToken, Receipt, Refused, RefusedCode, Registered,
};

fn receipt() -> Receipt {
    Receipt {
        accepted: 2,
        duplicates: 1,
        conflicts: 0,
        rejected: vec![Refused {
            index: 3,
            code: RefusedCode::ClockSkew,
            detail: "7 min ahead".to_owned(),
        }],
        server_time: "2026-06-21T12:00:00Z".parse().unwrap(),
        next_after_s: 30,
        backfill_rows_per_s: 200,
        config_version: 4,
        commands_pending: false,
        next_token: None,
    }
}

#[test]
fn a_receipt_reads_as_the_contract_says() {
    let receipt = receipt();
    let json = serde_json::to_string(&receipt).unwrap();
    assert_snapshot!(json, @r#"{"status":"ok","accepted":2,"duplicates":1,"conflicts":0,"rejected":[{"index":3,"code":"clock_skew","detail":"7 min ahead"}],"server_time":"2026-06-21T12:00:00Z","next_after_s":30,"backfill_rows_per_s":200,"config_version":4,"commands_pending":false}"#);
    assert_eq!(serde_json::from_str::<Receipt>(&json).unwrap(), receipt);
}

#[test]
fn a_next_token_is_said_to_the_device_and_printed_nowhere() {
    let offering = Receipt {
        next_token: Some(NextToken::new("std_0123".to_owned())),
        ..receipt()
    };
    let json = serde_json::to_string(&offering).unwrap();
    assert!(
        json.ends_with(r#","commands_pending":false,"next_token":"std_0123"}"#),
        "{json}"
    );
    let heard: Receipt = serde_json::from_str(&json).unwrap();
    assert_eq!(
        heard.next_token.as_ref().map(NextToken::reveal),
        Some("std_0123")
    );
    assert_eq!(heard, offering);
    assert!(!format!("{offering:?}").contains("std_"));
}

#[test]
fn a_failure_names_its_code_and_a_code_of_tomorrow_is_understood_as_one() {
    let failure = Failure {
        code: FailureCode::Deactivated,
        detail: "this device was deactivated".to_owned(),
    };
    let json = serde_json::to_string(&failure).unwrap();
    assert_snapshot!(json, @r#"{"status":"error","code":"deactivated","detail":"this device was deactivated"}"#);
    assert_eq!(FailureCode::Deactivated.status(), 410);
    let newer: Failure =
        serde_json::from_str(r#"{"status":"error","code":"moon","detail":""}"#).unwrap();
    assert_eq!(newer.code, FailureCode::Other);
}

#[test]
fn a_registered_device_learns_where_it_is() {
    let answer = Registered {
        site_id: SiteId::from_uuid(uuid::Uuid::from_u128(7)),
        time_zone: "America/Los_Angeles".to_owned(),
        server_time: "2026-06-21T12:00:00Z".parse().unwrap(),
    };
    let json = serde_json::to_string(&answer).unwrap();
    assert_snapshot!(json, @r#"{"status":"ok","site_id":"00000000-0000-0000-0000-000000000007","time_zone":"America/Los_Angeles","server_time":"2026-06-21T12:00:00Z"}"#);
    assert_eq!(serde_json::from_str::<Registered>(&json).unwrap(), answer);
}
