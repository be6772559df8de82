//! What a device makes of the cloud's answer: the status, and a body that may be anybody's.
//!
//! Between a device and the cloud there are routers, captive portals and proxies that answer in the
//! cloud's place. Only a body of the cloud's own shape says that rows are durable; everything else is
//! no answer, whatever its status.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{Failure, FailureCode, Receipt, Registered};

/// The longest wait that an answer may ask for.
const LONGEST_WAIT: Duration = Duration::from_hours(6);
/// Bytes of a stranger's answer that are repeated to a person.
const MOST_REPEATED: usize = 80;

/// What was answered to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard<T> {
    /// `"status":"ok"`.
    Ok(T),
    /// `"status":"error"`, and how long to wait, where that is said.
    Error(Failure, Option<Duration>),
    /// Not from the cloud, or of a version that this one does not understand; for a person. With a wait
    /// where a proxy asked for one.
    Stranger(String, Option<Duration>),
}

impl Heard<Receipt> {
    /// The answer to a call with so many elements. An `ok` that does not account for each of them is
    /// none: nothing is believed to be stored that nobody counted.
    #[must_use]
    pub fn receipt(status: u16, retry_after: Option<&str>, body: &[u8], elements: usize) -> Self {
        let heard = Self::of(status, retry_after, body);
        let Self::Ok(receipt) = &heard else {
            return heard;
        };
        let counted = u64::from(receipt.accepted)
            + u64::from(receipt.duplicates)
            + u64::from(receipt.conflicts)
            + receipt.rejected.len() as u64;
        let mut places: Vec<u32> = receipt
            .rejected
            .iter()
            .map(|refused| refused.index)
            .collect();
        places.sort_unstable();
        places.dedup();
        let named = places.len() == receipt.rejected.len()
            && places.iter().all(|place| (*place as usize) < elements);
        if counted == elements as u64 && named {
            return heard;
        }
        let why = format!("the answer accounts for {counted} of {elements} elements");
        Self::Stranger(why, None)
    }
}

impl Heard<Registered> {
    /// The answer to a registration.
    #[must_use]
    pub fn registered(status: u16, retry_after: Option<&str>, body: &[u8]) -> Self {
        Self::of(status, retry_after, body)
    }
}

impl<T: DeserializeOwned> Heard<T> {
    fn of(status: u16, retry_after: Option<&str>, body: &[u8]) -> Self {
        let wait = retry_after
            .and_then(|text| text.trim().parse().ok())
            .map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
        if status == 200 {
            return match serde_json::from_slice(body) {
                Ok(said) => Self::Ok(said),
                Err(_) => Self::Stranger(stranger(status, body), wait),
            };
        }
        match serde_json::from_slice::<Failure>(body) {
            // A code that is not known says no more than its status; one that is known says so together.
            Ok(failure)
                if failure.code == FailureCode::Other || failure.code.status() == status =>
            {
                Self::Error(failure, wait)
            }
            _ => Self::Stranger(stranger(status, body), wait),
        }
    }
}

/// What a person is told of an answer that is not the cloud's.
fn stranger(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let begin: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MOST_REPEATED)
        .collect();
    let html = begin.trim_start().starts_with('<');
    let kind = if html {
        "a web page: a router or captive portal answers in the cloud's place"
    } else {
        "not what this version understands"
    };
    format!("status {status} with {kind} ({})", begin.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = r#"{"status":"ok","accepted":2,"duplicates":1,"conflicts":0,"rejected":[{"index":3,"code":"too_old","detail":""}],"server_time":"2026-01-01T00:00:00Z","next_after_s":15,"backfill_rows_per_s":500,"config_version":0,"commands_pending":false}"#;

    #[test]
    fn an_ok_counts_only_when_it_accounts_for_every_element() {
        assert!(matches!(
            Heard::receipt(200, None, OK.as_bytes(), 4),
            Heard::Ok(_)
        ));
        for elements in [0, 3, 5] {
            let heard = Heard::receipt(200, None, OK.as_bytes(), elements);
            assert!(
                matches!(heard, Heard::Stranger(..)),
                "{elements}: {heard:?}"
            );
        }
        let twice = OK.replace(r#""accepted":2"#, r#""accepted":1"#).replace(
            r#""rejected":[{"#,
            r#""rejected":[{"index":3,"code":"too_old","detail":""},{"#,
        );
        assert!(matches!(
            Heard::receipt(200, None, twice.as_bytes(), 4),
            Heard::Stranger(..)
        ));
    }

    #[test]
    fn a_captive_portal_is_not_the_cloud_whatever_its_status() {
        for status in [200, 302, 401, 403, 410, 413, 422, 500, 511] {
            let heard = Heard::receipt(status, None, b"<html>Please log in</html>", 1);
            let Heard::Stranger(why, None) = heard else {
                panic!("{status}")
            };
            assert!(
                why.contains("captive portal") && why.contains("Please log in"),
                "{why}"
            );
        }
        for body in [
            "",
            "{}",
            "null",
            r#"{"status":"ok"}"#,
            r#"{"status":"fine","v":3}"#,
        ] {
            let heard = Heard::receipt(200, None, body.as_bytes(), 1);
            assert!(matches!(heard, Heard::Stranger(..)), "{body}");
        }
    }

    #[test]
    fn an_error_is_believed_only_with_the_status_that_goes_with_it() {
        let gone = br#"{"status":"error","code":"deactivated","detail":"x"}"#;
        assert!(matches!(
            Heard::receipt(410, None, gone, 1),
            Heard::Error(..)
        ));
        assert!(matches!(
            Heard::receipt(500, None, gone, 1),
            Heard::Stranger(..)
        ));
        let newer = br#"{"status":"error","code":"of_2030","detail":"x"}"#;
        let Heard::Error(failure, wait) = Heard::receipt(429, Some("30"), newer, 1) else {
            panic!()
        };
        assert_eq!(
            (failure.code, wait),
            (FailureCode::Other, Some(Duration::from_secs(30)))
        );
    }

    #[test]
    fn nobody_makes_a_device_wait_for_years() {
        let busy = br#"{"status":"error","code":"unavailable","detail":"x"}"#;
        let wait = |after: &str| match Heard::<Receipt>::of(503, Some(after), busy) {
            Heard::Error(_, wait) => wait,
            heard => panic!("{heard:?}"),
        };
        assert_eq!(wait("99999999"), Some(LONGEST_WAIT));
        assert_eq!(
            (wait("Fri, 31 Dec 2027 23:59:59 GMT"), wait("-1")),
            (None, None)
        );
    }
}
