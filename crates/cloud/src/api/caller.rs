//! Who calls: a browser by its cookie, a script by its token.

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use solthrive_cloud_store::people::Caller;
use solthrive_domain::UserId;
use solthrive_domain::access::{Actor, Credential, FactorFacts, SecondFactor};
use uuid::Uuid;

use super::Api;
use super::problem::Problem;
use crate::secrets::hash_token;

/// The session's cookie. The prefix makes browsers take it from this very host over TLS only.
pub(super) const COOKIE: &str = "__Host-solthrive";
/// What a token for scripts begins with.
pub(super) const TOKEN: &str = "stp_";

/// Somebody who proved who he is.
#[derive(Debug, Clone)]
pub(super) struct SignedIn {
    /// The person.
    pub(super) user: UserId,
    /// His session's or token's id.
    pub(super) credential: Uuid,
    /// As the rules see him.
    pub(super) actor: Actor,
}

/// Finds out who calls.
pub(super) async fn who(api: &Api, parts: &Parts) -> Result<SignedIn, Problem> {
    if let Some(token) = bearer(&parts.headers) {
        let found = api.accounts.by_token(hash_token(token), api.clock.now());
        return found.await?.map(by_token).ok_or(Problem::not_signed_in());
    }
    let cookie = cookie(&parts.headers).ok_or(Problem::not_signed_in())?;
    if !parts.method.is_safe() {
        same_origin(&parts.headers)?;
    }
    let idle = api.policy.idle_ms();
    let found = api
        .accounts
        .by_session(hash_token(cookie), idle, api.clock.now());
    let caller = found.await?.ok_or(Problem::not_signed_in())?;
    Ok(by_session(api, caller))
}

fn by_token(caller: Caller) -> SignedIn {
    let (ceiling, only_sites) = caller.confined.unwrap_or_default();
    SignedIn {
        user: caller.user,
        credential: caller.credential,
        actor: Actor {
            user: Some(caller.user),
            client: None,
            credential: Credential::Token {
                ceiling,
                only_sites,
            },
            memberships: caller.memberships,
            support: Vec::new(),
        },
    }
}

fn by_session(api: &Api, caller: Caller) -> SignedIn {
    let facts = FactorFacts {
        passed: caller.factor,
        set_up: caller.factor_set_up,
        asked_of_staff: api.policy.second_factor_for_staff,
    };
    let factor = SecondFactor::of(facts, &caller.memberships);
    SignedIn {
        user: caller.user,
        credential: caller.credential,
        actor: Actor {
            user: Some(caller.user),
            client: None,
            credential: Credential::Session(factor),
            memberships: caller.memberships,
            support: caller.support,
        },
    }
}

/// A script's token. What is no token of ours is not looked up.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && token.starts_with(TOKEN)).then_some(token)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter();
    let mut pairs = all
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Whether a browser's page of this very origin sent an unsafe call. A browser says so in one of two ways, and
/// who says nothing is none that should have a cookie.
pub(super) fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let of = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let same = match (of("sec-fetch-site"), of("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == of("host")
        }
        (None, None) => false,
    };
    if same {
        Ok(())
    } else {
        Err(Problem::foreign_page())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        pairs.collect()
    }

    #[test]
    fn only_a_page_of_this_very_origin_may_change_anything() {
        let may = |pairs: &[(&'static str, &str)]| same_origin(&headers(pairs)).is_ok();
        let host = ("host", "cloud.example");
        assert!(may(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(may(&[host, ("origin", "https://cloud.example")]));
        for site in ["cross-site", "same-site", "none"] {
            let page = ("origin", "https://cloud.example");
            assert!(!may(&[host, page, ("sec-fetch-site", site)]), "{site}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "https://cloud.example.evil",
            "cloud.example",
        ] {
            assert!(!may(&[host, ("origin", origin)]), "{origin}");
        }
        assert!(!may(&[host]));
    }

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let of = |line: &str| cookie(&headers(&[("cookie", line)])).map(str::to_owned);
        assert_eq!(of("a=1; __Host-solthrive=x; b=2").as_deref(), Some("x"));
        assert_eq!(of("__Host-solthrive2=x; solthrive=y"), None);
        assert_eq!(of("x__Host-solthrive=x"), None);
    }
}
