//! The last lines of the log.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde_json::json;

use super::Came;
use crate::logging::log_file;

/// What of the log is read, from its end.
const MOST_READ: u64 = 1 << 20;
/// What of it is told: a report has 256 KiB, and its lines are JSON in JSON.
const MOST_TOLD: usize = 180 << 10;

pub(super) fn tail(data_dir: &Path, lines: u32) -> Came {
    let path = log_file(data_dir);
    match read(&path) {
        Err(error) => Came::Failed("no_log", format!("the log cannot be read: {error}")),
        Ok(text) => {
            let (told, cut) = last(&text, lines as usize);
            Came::Done(json!({"lines": told, "cut": cut}))
        }
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let skipped = length.saturating_sub(MOST_READ);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(MOST_READ).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The first line of a part is a part of a line.
    let begin = if skipped == 0 {
        0
    } else {
        text.find('\n').map_or(text.len(), |end| end + 1)
    };
    Ok(text[begin..].to_owned())
}

/// The last so many lines as far as they fit, oldest first, and whether some did not.
fn last(text: &str, most: usize) -> (Vec<&str>, bool) {
    let (mut told, mut size, mut cut) = (Vec::new(), 0, false);
    for line in text.lines().rev().take(most) {
        // Quotes are escaped once more on the way.
        size += line.len() + line.matches(['"', '\\']).count() + 4;
        if size > MOST_TOLD {
            cut = true;
            break;
        }
        told.push(line);
    }
    told.reverse();
    (told, cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_come_oldest_first_and_fit_into_a_report() {
        let folder = tempfile::tempdir().unwrap();
        let path = log_file(folder.path());
        assert!(matches!(tail(folder.path(), 5), Came::Failed("no_log", _)));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let line = |number: u32| format!("{{\"n\":{number},\"message\":\"{}\"}}", "x".repeat(300));
        let text: String = (0..5_000).map(|number| line(number) + "\n").collect();
        std::fs::write(&path, text).unwrap();
        let Came::Done(told) = tail(folder.path(), 2) else {
            panic!()
        };
        assert_eq!(
            told,
            json!({"lines": [line(4_998), line(4_999)], "cut": false})
        );
        let Came::Done(told) = tail(folder.path(), 2_000) else {
            panic!()
        };
        let count = told["lines"].as_array().unwrap().len();
        assert!(
            told["cut"] == true && (400..2_000).contains(&count),
            "{count}"
        );
        assert!(told.to_string().len() < solthrive_protocol::MAX_REPORT);
    }
}
