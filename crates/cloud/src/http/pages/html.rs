//! Texts as HTML.

use std::fmt::Write as _;

/// A whole page.
pub(super) fn document(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><link rel=\"stylesheet\" href=\"/api/docs/pages.css\"><main><h1>{title}</h1>{body}</main></html>"
    )
}

/// A text in which nothing is markup.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A description as it stands in the code: what is between backticks is code.
pub(super) fn described(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split('`').enumerate() {
        let part = escaped(part);
        // Writing to a string cannot fail.
        let _ = if index % 2 == 1 {
            write!(out, "<code>{part}</code>")
        } else {
            write!(out, "{part}")
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_becomes_markup() {
        let evil = "<script>alert('x')</script> & \"y\"";
        assert!(!escaped(evil).contains(['<', '>', '"', '\'']));
        assert_eq!(described("a `<b>` c"), "a <code>&lt;b&gt;</code> c");
        assert!(document(evil, "").contains("&lt;script&gt;"));
    }
}
