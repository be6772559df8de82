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

#[test]
fn what_a_path_names_is_in_the_path_and_everything_else_in_the_query() {
    let document: serde_json::Value =
        serde_json::from_str(solthrive_cloud::http::openapi_served()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            for parameter in parameters {
                let name = parameter["name"].as_str().unwrap();
                let named = path.contains(&format!("{{{name}}}"));
                let is_path = parameter["in"] == "path";
                assert_eq!(named, is_path, "{method} {path}: {name}");
            }
        }
    }
}
