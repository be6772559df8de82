//! A chunk as a person sees it.

use solthrive_cloud_store::chunk::{Codec, Known, Rows, Table, Value, dump};

use crate::support::{encode, id, number};

fn dumped(rows: Rows) -> String {
    let mut table = Table::default();
    table
        .insert(
            1000,
            &[
                (Known::SolarKw.into(), number(1.5)),
                (Known::Quality.into(), Value::Integer(0)),
            ],
        )
        .unwrap();
    table
        .insert(
            2000,
            &[
                (Known::SolarKw.into(), number(1.25)),
                (id("a \"b\", c"), number(-7.0)),
            ],
        )
        .unwrap();
    let mut out = Vec::new();
    dump(&mut Codec::new().unwrap(), &encode(&table), rows, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_header_alone_tells_the_statistics() {
    let said = dumped(Rows::None);
    assert!(said.contains("# 2 rows, "), "{said}");
    assert!(
        said.contains("# solar_kw 2 ") && said.contains(" 2 1.5 1.25 1.25 1.5 2.75\n"),
        "{said}"
    );
    assert!(said.lines().all(|line| line.starts_with('#')), "{said}");
}

#[test]
fn absent_cells_are_empty_fields_in_csv() {
    let said = dumped(Rows::Csv);
    let rows: Vec<&str> = said.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        rows,
        [
            "ts,solar_kw,quality,\"a \"\"b\"\", c\"",
            "1000,1.5,0,",
            "2000,1.25,,-7"
        ]
    );
}

#[test]
fn absent_cells_are_no_keys_in_json() {
    let said = dumped(Rows::JsonLines);
    let rows: Vec<&str> = said.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        rows,
        [
            r#"{"ts":1000,"solar_kw":1.5,"quality":0}"#,
            r#"{"ts":2000,"solar_kw":1.25,"a \"b\", c":-7}"#
        ]
    );
}
