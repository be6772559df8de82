//! The list of devices that were made, as CSV: every line is checked, and every bad one named.

use std::collections::HashSet;
use std::fmt;

use csv::{ReaderBuilder, StringRecord, Trim};
use solthrive_cloud_store::meta::TokenHash;
use solthrive_domain::DeviceId;

/// A device that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it stands, from 1.
    pub number: u64,
    /// The number on its case.
    pub serial: String,
    /// Its id and its token's hash, if the factory gave it them.
    pub given: Option<(DeviceId, TokenHash)>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Where it stands, from 1.
    pub number: u64,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.what)
    }
}

/// Every line, if all are good.
///
/// # Errors
/// Every bad one, and only those.
pub fn parse(text: &[u8]) -> Result<Vec<Line>, Vec<BadLine>> {
    // Spreadsheets put a mark in front, and a carriage return at the end of a line.
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let mut numbered = (1..)
        .zip(text.split(|byte| *byte == b'\n'))
        .filter(|(_, line)| !line.trim_ascii().is_empty());
    let complete = match numbered.next() {
        Some((number, heads)) => heading(heads).map_err(|what| vec![BadLine { number, what }])?,
        None => return Err(nothing(1)),
    };
    let (mut lines, mut bad) = (Vec::new(), Vec::new());
    let mut seen = Seen::default();
    for (number, text) in numbered {
        let checked = fields(text)
            .and_then(|fields| line(&fields, number, complete))
            .and_then(|line| seen.take(line));
        match checked {
            Ok(line) => lines.push(line),
            Err(what) => bad.push(BadLine { number, what }),
        }
    }
    match (lines.is_empty(), bad.is_empty()) {
        (_, false) => Err(bad),
        (true, true) => Err(nothing(2)),
        (false, true) => Ok(lines),
    }
}

fn nothing(number: u64) -> Vec<BadLine> {
    let what = "there is no device in the list".to_owned();
    vec![BadLine { number, what }]
}

/// Whether the factory's columns are there, too.
fn heading(text: &[u8]) -> Result<bool, String> {
    let heads: Vec<String> = fields(text)?.iter().map(str::to_owned).collect();
    match heads.join(",").as_str() {
        "serial" => Ok(false),
        "serial,device_id,token_hash" => Ok(true),
        found => Err(format!(
            "the columns are `serial`, or `serial,device_id,token_hash`, but here is `{found}`"
        )),
    }
}

/// The fields of one line. None of ours has a line end in it.
fn fields(line: &[u8]) -> Result<StringRecord, String> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .trim(Trim::All)
        .from_reader(line);
    let mut record = StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(_) => Ok(record),
        Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
            Err("it is not UTF-8".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

fn line(record: &StringRecord, number: u64, complete: bool) -> Result<Line, String> {
    let expected = if complete { 3 } else { 1 };
    if record.len() != expected {
        return Err(format!("it has {} fields and not {expected}", record.len()));
    }
    let field = |at| record.get(at).unwrap_or_default();
    let serial = field(0);
    // As the ingest takes it from the device.
    if serial.is_empty() || serial.len() > 64 || serial.chars().any(char::is_control) {
        return Err("a serial has 1 to 64 letters and digits".to_owned());
    }
    let given = if complete {
        let device = field(1)
            .parse()
            .map_err(|_| format!("`{}` is no device_id, which is a UUID", field(1)))?;
        Some((device, token_hash(field(2))?))
    } else {
        None
    };
    Ok(Line {
        number,
        serial: serial.to_owned(),
        given,
    })
}

/// SHA-256 in hexadecimal.
pub(super) fn token_hash(text: &str) -> Result<TokenHash, String> {
    let wrong = || "a token_hash is SHA-256 of the token: 64 hexadecimal digits".to_owned();
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    let mut hash = [0u8; 32];
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| wrong())?;
    }
    Ok(TokenHash(hash))
}

/// What was on the lines before.
#[derive(Default)]
struct Seen {
    serials: HashSet<String>,
    devices: HashSet<DeviceId>,
    tokens: HashSet<TokenHash>,
}

impl Seen {
    fn take(&mut self, line: Line) -> Result<Line, String> {
        if !self.serials.insert(line.serial.clone()) {
            return Err(format!("the serial {} was on a line before", line.serial));
        }
        if let Some((device, token)) = line.given {
            if !self.devices.insert(device) {
                return Err(format!("the device_id {device} was on a line before"));
            }
            if !self.tokens.insert(token) {
                return Err("the token_hash was on a line before".to_owned());
            }
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let bad = parse(text.as_bytes()).unwrap_err();
        bad.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn serials_alone_will_do_with_the_marks_of_a_spreadsheet() {
        let lines = parse(b"\xEF\xBB\xBFserial\r\nST-1\r\n\r\n ST-2 \r\n").unwrap();
        let serials: Vec<_> = lines
            .iter()
            .map(|line| (line.number, line.serial.as_str()))
            .collect();
        assert_eq!(serials, [(2, "ST-1"), (4, "ST-2")]);
        assert!(lines.iter().all(|line| line.given.is_none()));
    }

    #[test]
    fn the_factorys_ids_and_hashes_are_taken() {
        let id = uuid::Uuid::from_u128(7);
        let text = format!(
            "serial,device_id,token_hash\nST-1,{id},{}\n",
            "0F".repeat(32)
        );
        let lines = parse(text.as_bytes()).unwrap();
        let given = (DeviceId::from_uuid(id), TokenHash([15; 32]));
        assert_eq!(lines[0].given, Some(given));
    }

    #[test]
    fn every_bad_line_is_named() {
        let (id, hash) = (uuid::Uuid::from_u128(7), "ab".repeat(32));
        let text = format!(
            "serial,device_id,token_hash\nST-1,{id},{hash}\nST-2,7,{hash}\nST-3\n,{id},{hash}\nST-1,{id},{hash}\nST-4,{id},xyz\n"
        );
        insta::assert_snapshot!(told(&text).join("\n"), @r"
        line 3: `7` is no device_id, which is a UUID
        line 4: it has 1 fields and not 3
        line 5: a serial has 1 to 64 letters and digits
        line 6: the serial ST-1 was on a line before
        line 7: a token_hash is SHA-256 of the token: 64 hexadecimal digits
        ");
    }

    #[test]
    fn other_columns_and_no_lines_are_refused() {
        assert!(told("serial,token\nST-1,x\n")[0].contains("`serial,token`"));
        assert_eq!(told("serial\n"), ["line 2: there is no device in the list"]);
        assert!(told("")[0].starts_with("line 1"));
    }
}
