//! The checked-in OpenAPI document is what the code says.

use std::path::PathBuf;

#[test]
fn the_checked_in_document_is_what_the_code_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../openapi/edge.json");
    let rendered = solthrive_edge::http::openapi::render();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &rendered).unwrap();
        return;
    }
    let checked_in = std::fs::read_to_string(&path).unwrap();
    assert!(
        checked_in == rendered,
        "openapi/edge.json is stale: run `UPDATE_OPENAPI=1 cargo test -p solthrive-edge --test it http::openapi`"
    );
}
