//! The OpenAPI document, for people to read.

use std::fmt::Write as _;
use std::sync::OnceLock;

use serde_json::Value;

use super::html::{described, document, escaped};
use crate::http::openapi_served;

/// How one begins.
const BEGIN: &str = "<p>This is made from the <a href=\"/api/v1/openapi.json\">OpenAPI document</a> of this very program. \
    What goes wrong is answered as one of these <a href=\"/problems\">problems</a>.</p>\
    <h2>In five minutes</h2><p>Make a token for your scripts (signed in, <code>POST /api/v1/me/tokens</code>), then:</p>\
    <pre tabindex=\"0\">curl -H \"Authorization: Bearer $TOKEN\" $HOST/api/v1/sites\n\
curl -H \"Authorization: Bearer $TOKEN\" \"$HOST/api/v1/sites/$SITE/telemetry?from=2026-06-21T00:00:00%2B02:00&amp;to=2026-06-22T00:00:00%2B02:00\"\n\
curl -H \"Authorization: Bearer $TOKEN\" \"$HOST/api/v1/sites/$SITE/telemetry?from=2026-01-01T00:00:00Z&amp;to=2027-01-01T00:00:00Z&amp;resolution=15m&amp;format=csv\" &gt; 2026.csv\n\
curl -N -H \"Authorization: Bearer $TOKEN\" $HOST/api/v1/sites/$SITE/live</pre>";

/// The page; it is made once.
pub(super) fn page() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| {
        let api: Value = serde_json::from_str(openapi_served()).unwrap_or_default();
        document("SolThrive API", &body(&api))
    })
}

fn body(api: &Value) -> String {
    let mut out = BEGIN.to_owned();
    let tags = api["tags"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    out.push_str("<nav>");
    for tag in tags {
        let name = escaped(text(&tag["name"]));
        let _ = write!(out, "<a href=\"#{name}\">{name}</a>");
    }
    out.push_str("<a href=\"#shapes\">shapes</a></nav>");
    for tag in tags {
        let name = text(&tag["name"]);
        let (id, about) = (escaped(name), described(text(&tag["description"])));
        let _ = write!(out, "<h2 id=\"{id}\">{id}</h2><p>{about}</p>");
        for (path, method, operation) in operations(api) {
            let mut mine = list(&operation["tags"]).map(text);
            if mine.any(|tag| tag == name) {
                tell(&mut out, path, method, operation);
            }
        }
    }
    out.push_str("<h2 id=\"shapes\">shapes</h2>");
    for (name, schema) in entries(&api["components"]["schemas"]) {
        let (id, about) = (escaped(name), described(text(&schema["description"])));
        let _ = write!(out, "<h3 id=\"shape-{id}\">{id}</h3><p>{about}</p>");
        fields(&mut out, schema);
    }
    out
}

fn operations(api: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = entries(&api["paths"]);
    paths.flat_map(|(path, item)| {
        entries(item).map(move |(method, operation)| (path, method, operation))
    })
}

fn tell(out: &mut String, path: &str, method: &str, operation: &Value) {
    let (method, path) = (escaped(&method.to_uppercase()), escaped(path));
    let _ = write!(
        out,
        "<h3><span class=\"method\">{method}</span> <code>{path}</code></h3>"
    );
    let about = [&operation["summary"], &operation["description"]];
    for about in about.map(text).iter().filter(|about| !about.is_empty()) {
        // A summary that only repeats the line above says nothing.
        let about = about.split_once("`: ").map_or(*about, |(_, rest)| rest);
        if !about.starts_with('`') {
            let _ = write!(out, "<p>{}</p>", described(about));
        }
    }
    out.push_str("<table>");
    for parameter in list(&operation["parameters"]) {
        let name = escaped(text(&parameter["name"]));
        let needed = if parameter["required"] == true {
            ""
        } else {
            "optional"
        };
        let about = described(text(&parameter["description"]));
        let place = escaped(text(&parameter["in"]));
        let _ = write!(
            out,
            "<tr><td><code>{name}</code></td><td>{place} {needed}</td><td>{about}</td></tr>"
        );
    }
    let asked = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let Some(shape) = shape(asked) {
        let _ = write!(out, "<tr><td>body</td><td></td><td>{shape}</td></tr>");
    }
    for (status, answer) in entries(&operation["responses"]) {
        let status = escaped(status);
        let shapes: Vec<String> = entries(&answer["content"])
            .filter_map(|(_, content)| shape(&content["schema"]))
            .collect();
        let (shapes, about) = (shapes.join(", "), described(text(&answer["description"])));
        let _ = write!(
            out,
            "<tr><td>{status}</td><td>{shapes}</td><td>{about}</td></tr>"
        );
    }
    out.push_str("</table>");
}

fn fields(out: &mut String, schema: &Value) {
    out.push_str("<table>");
    for (name, field) in entries(&schema["properties"]) {
        let needed = list(&schema["required"]).any(|one| one == name);
        let needed = if needed { "" } else { "optional" };
        let (name, about) = (escaped(name), described(text(&field["description"])));
        let kind = shape(field).unwrap_or_default();
        let _ = write!(
            out,
            "<tr><td><code>{name}</code></td><td>{kind} {needed}</td><td>{about}</td></tr>"
        );
    }
    out.push_str("</table>");
}

/// A shape by its name, or what kind of value it is.
fn shape(schema: &Value) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = escaped(name.rsplit('/').next()?);
        return Some(format!("<a href=\"#shape-{name}\">{name}</a>"));
    }
    if let Some(items) = schema.get("items") {
        return Some(format!("list of {}", shape(items)?));
    }
    match &schema["type"] {
        Value::String(kind) => Some(escaped(schema["format"].as_str().unwrap_or(kind))),
        Value::Array(kinds) => {
            let kinds: Vec<String> = kinds.iter().map(|kind| escaped(text(kind))).collect();
            Some(kinds.join(" or "))
        }
        _ => None,
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let all = value.as_object().into_iter().flatten();
    all.map(|(name, value)| (name.as_str(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_every_shape_is_on_the_page_and_no_link_leads_nowhere_or_away() {
        let api: Value = serde_json::from_str(openapi_served()).unwrap();
        let page = page();
        for (path, method, _) in operations(&api) {
            let line = format!(
                "{}</span> <code>{}</code>",
                method.to_uppercase(),
                escaped(path)
            );
            assert!(page.contains(&line), "{line}");
        }
        for link in page.split("href=\"").skip(1) {
            let link = link.split('"').next().unwrap();
            match link.strip_prefix('#') {
                Some(id) => assert!(page.contains(&format!("id=\"{id}\"")), "{link}"),
                None => assert!(link.starts_with('/') && !link.starts_with("//"), "{link}"),
            }
        }
        let asks = ["<script", "src=", "@import", "url("].map(|way| page.contains(way));
        assert_eq!(asks, [false; 4], "asks nobody else");
    }
}
