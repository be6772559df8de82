//! Lines as YAML counts them: they end with LF, CR LF or CR alone, as old editors leave it.

/// Line `number` of `text`, counted from 1, without its end.
pub(super) fn line(text: &str, number: usize) -> Option<&str> {
    let mut rest = Some(text);
    for _ in 1..number {
        rest = rest.and_then(after_the_first);
    }
    rest.map(|text| text.split(['\n', '\r']).next().unwrap_or_default())
}

fn after_the_first(text: &str) -> Option<&str> {
    let end = text.find(['\n', '\r'])?;
    let rest = &text[end..];
    Some(rest.strip_prefix("\r\n").unwrap_or(&rest[1..]))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn every_kind_of_line_end_counts_once() {
        let text = "one\ntwo\r\nthree\rfour\r\rsix";
        let lines: Vec<_> = (1..=7).map(|number| line(text, number)).collect();
        assert_eq!(
            lines,
            [
                Some("one"),
                Some("two"),
                Some("three"),
                Some("four"),
                Some(""),
                Some("six"),
                None
            ]
        );
    }
}
