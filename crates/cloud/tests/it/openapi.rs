//! The OpenAPI document that is checked in is the one that the code says.

use std::path::PathBuf;

#[test]
fn the_document_is_what_the_code_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../openapi/cloud.json");
    let document = solthrive_cloud::http::openapi_document().unwrap();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap();
    assert!(
        checked_in == document,
        "openapi/cloud.json is stale: run `UPDATE_OPENAPI=1 cargo test -p solthrive-cloud --test it openapi`"
    );
}
