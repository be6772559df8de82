//! How many calls one may make: each credential for itself, and an address for all that come from it.
//!
//! Every answer says what is left (`RateLimit`, draft-ietf-httpapi-ratelimit-headers-10), so that nobody has to run
//! into the limit to learn of it. Each node counts for itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Api;
use super::problem::Problem;
use crate::http::Peer;
use crate::ingest::{Allowance, TokenBucket};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// So many credentials' worth for one address: a company can sit behind it.
const ADDRESS: f64 = 10.0;
/// Callers that are remembered; beyond, those who did not call for a minute are forgotten.
const KEPT: usize = 50_000;

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Caller {
    /// By a hash of what he shows.
    Credential([u8; 16]),
    Address(IpAddr),
}

/// What everybody has used.
#[derive(Debug)]
pub(super) struct Quota {
    calls_per_min: u32,
    used: Mutex<HashMap<Caller, TokenBucket>>,
}

/// What a caller has left: calls, and the time until all of them are there again.
type Left = (f64, Duration);

impl Quota {
    pub(super) fn new(calls_per_min: u32) -> Self {
        Self {
            calls_per_min: calls_per_min.max(1),
            used: Mutex::default(),
        }
    }

    fn allowance(&self, caller: &Caller) -> Allowance {
        let calls = f64::from(self.calls_per_min);
        let calls = match caller {
            Caller::Credential(_) => calls,
            Caller::Address(_) => calls * ADDRESS,
        };
        Allowance {
            per_s: calls / 60.0,
            burst: calls,
        }
    }

    /// Counts a call; the time to wait if there are too many.
    fn take(&self, caller: Caller, now: Duration) -> Result<Left, Duration> {
        let allowed = self.allowance(&caller);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= KEPT && !used.contains_key(&caller) {
            used.retain(|caller, bucket| {
                let allowed = self.allowance(caller);
                bucket.left(allowed, now).0 < allowed.burst
            });
        }
        let bucket = used.entry(caller).or_default();
        bucket.take(allowed, 1.0, now)?;
        Ok(bucket.left(allowed, now))
    }
}

/// What somebody shows: a token, or the cookie of a session.
fn credential(headers: &HeaderMap) -> Option<Caller> {
    let shown = headers
        .get(header::AUTHORIZATION)
        .or_else(|| headers.get(header::COOKIE))?;
    let hash = digest::digest(&digest::SHA256, shown.as_bytes());
    let mut short = [0; 16];
    short.copy_from_slice(&hash.as_ref()[..16]);
    Some(Caller::Credential(short))
}

/// Lets a call through, or not now; and says what is left.
pub(super) async fn counted(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let now = api.clock.elapsed();
    let address = request
        .extensions()
        .get::<Peer>()
        .map(|peer| peer.household());
    let address = address.map(Caller::Address);
    let mut left = None;
    // The address first: whoever shows another credential each time is counted by where he comes from.
    for caller in address.into_iter().chain(credential(request.headers())) {
        match api.quota.take(caller, now) {
            Ok(told) => left = Some(told),
            Err(wait) => {
                let mut response = Problem::too_many(wait).into_response();
                tell(response.headers_mut(), api.quota.calls_per_min, (0.0, wait));
                return response;
            }
        }
    }
    let mut response = next.run(request).await;
    if let Some(left) = left {
        tell(response.headers_mut(), api.quota.calls_per_min, left);
    }
    response
}

fn tell(headers: &mut HeaderMap, calls_per_min: u32, (left, full): Left) {
    let seconds = full.as_secs_f64().ceil();
    let limit = format!("\"calls\";r={left:.0};t={seconds:.0}", left = left.floor());
    let policy = format!("\"calls\";q={calls_per_min};w=60");
    for (name, value) in [(LIMIT, limit), (POLICY, policy)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn address(last: u8) -> Caller {
        Caller::Address(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, last)))
    }

    #[test]
    fn a_caller_has_so_many_calls_a_minute_and_nobody_elses() {
        let quota = Quota::new(3);
        let (one, other) = (Caller::Credential([1; 16]), Caller::Credential([2; 16]));
        let at = Duration::from_secs;
        for left in [2.0, 1.0, 0.0] {
            assert_eq!(quota.take(one.clone(), at(0)).unwrap().0, left);
        }
        assert_eq!(quota.take(one.clone(), at(0)), Err(at(20)));
        assert_eq!(quota.take(other, at(0)).unwrap().0, 2.0);
        assert!(quota.take(one.clone(), at(20)).is_ok());
        assert!(quota.take(one.clone(), at(20)).is_err());
        assert_eq!(quota.take(one, at(200)).unwrap().0, 2.0);
        // An address has ten credentials' worth.
        for _ in 0..30 {
            assert!(quota.take(address(1), at(0)).is_ok());
        }
        assert!(quota.take(address(1), at(0)).is_err());
        assert!(quota.take(address(2), at(0)).is_ok());
    }

    #[test]
    fn who_called_long_ago_is_forgotten_before_there_are_too_many() {
        let quota = Quota::new(1_000);
        for n in 0..u32::try_from(KEPT).unwrap() + 10 {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            let now = Duration::from_millis(u64::from(n));
            quota.take(Caller::Credential(id), now).unwrap();
        }
        assert!(quota.used.lock().unwrap().len() <= KEPT);
    }
}
