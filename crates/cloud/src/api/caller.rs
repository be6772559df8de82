//! Who calls: a browser by its cookie, a script by its token, a program by what it was signed.

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use solthrive_cloud_store::people::{Caller, Program};
use solthrive_domain::access::{
    Actor, Credential, FactorFacts, Membership, Role, Scopes, SecondFactor,
};
use solthrive_domain::{ClientId, UserId};
use uuid::Uuid;

use super::problem::Problem;
use super::{Api, signing};
use crate::secrets::hash_token;

/// The session's cookie. The prefix makes browsers take it from this very host over TLS only.
pub(super) const COOKIE: &str = "__Host-solthrive";
/// What a token for scripts begins with.
pub(super) const TOKEN: &str = "stp_";

/// Who proved who it is: a person, or a program for itself or for a person.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    /// The person's or the program's id.
    pub(super) whose: Uuid,
    /// The session's, token's, consent's or program's id.
    pub(super) credential: Uuid,
    /// As the rules see him.
    pub(super) actor: Actor,
}

/// Somebody who proved who he is, himself.
#[derive(Debug, Clone)]
pub(super) struct SignedIn {
    /// The person.
    pub(super) user: UserId,
    /// His session's or token's id.
    pub(super) credential: Uuid,
    /// As the rules see him.
    pub(super) actor: Actor,
}

impl Asking {
    fn of(caller: Caller, client: Option<ClientId>, credential: Credential) -> Self {
        Self {
            whose: caller.user.as_uuid(),
            credential: caller.credential,
            actor: Actor {
                user: Some(caller.user),
                client,
                credential,
                memberships: caller.memberships,
                support: caller.support,
            },
        }
    }

    /// The person who asks himself.
    ///
    /// # Errors
    /// A program is none, whomever it acts for.
    pub(super) fn person(self) -> Result<SignedIn, Problem> {
        let user = self.actor.user.filter(|_| self.actor.client.is_none());
        Ok(SignedIn {
            user: user.ok_or(Problem::not_for_programs())?,
            credential: self.credential,
            actor: self.actor,
        })
    }
}

/// Finds out which person calls.
pub(super) async fn who(api: &Api, parts: &Parts) -> Result<SignedIn, Problem> {
    asking(api, parts).await?.person()
}

/// Finds out who or what calls.
pub(super) async fn asking(api: &Api, parts: &Parts) -> Result<Asking, Problem> {
    let unknown = Problem::not_signed_in;
    if let Some(token) = bearer(&parts.headers) {
        if !token.starts_with(TOKEN) {
            return by_access_token(api, token).await?.ok_or(unknown());
        }
        let found = api.accounts.by_token(hash_token(token), api.clock.now());
        let caller = found.await?.ok_or(unknown())?;
        let credential = confined(&caller, Scopes::ALL);
        return Ok(Asking::of(caller, None, credential));
    }
    let cookie = cookie(&parts.headers).ok_or(unknown())?;
    if !parts.method.is_safe() {
        same_origin(&parts.headers)?;
    }
    let idle = api.policy.idle_ms();
    let found = api
        .accounts
        .by_session(hash_token(cookie), idle, api.clock.now());
    let caller = found.await?.ok_or(unknown())?;
    Ok(by_session(api, caller))
}

/// What a token of this person may: what it was made with, and no more than `said`.
fn confined(caller: &Caller, said: Scopes) -> Credential {
    let (ceiling, only_sites) = caller.confined.clone().unwrap_or_default();
    Credential::Token {
        ceiling: ceiling.and(said),
        only_sites,
    }
}

/// Whom an access token speaks for. It says who and how much at most; whether it still counts, and for how
/// much, the database says with each call.
async fn by_access_token(api: &Api, token: &str) -> Result<Option<Asking>, Problem> {
    let Some(claims) = signing::claims_of(api, token).await? else {
        return Ok(None);
    };
    let client = ClientId::from_uuid(claims.client_id);
    let found = match claims.consent {
        Some(consent) => {
            let found = api.consents.by_consent(client, consent).await?;
            found.map(|caller| {
                let credential = confined(&caller, claims.scopes);
                Asking::of(caller, Some(client), credential)
            })
        }
        None => {
            let found = api.programs.program(client).await?;
            found.and_then(|program| by_program(&program, claims.scopes))
        }
    };
    Ok(found.filter(|asking| asking.whose == claims.sub))
}

/// A partner's program with everything that it may, where what it was signed is not at hand.
pub(crate) fn program_as_actor(program: &Program) -> Option<Actor> {
    by_program(program, Scopes::ALL).map(|asking| asking.actor)
}

/// A partner's program, which acts for the org: at homes as its technicians do, nothing about people.
fn by_program(program: &Program, said: Scopes) -> Option<Asking> {
    let acts = program.secret.is_some() && program.org.kind.has_programs(true);
    let membership = Membership {
        org: program.org.id,
        kind: program.org.kind,
        role: Role::Technician,
    };
    acts.then(|| Asking {
        whose: program.id.as_uuid(),
        credential: program.id.as_uuid(),
        actor: Actor {
            user: None,
            client: Some(program.id),
            credential: Credential::Client {
                ceiling: program.scopes.and(said),
            },
            memberships: vec![membership],
            support: Vec::new(),
        },
    })
}

fn by_session(api: &Api, caller: Caller) -> Asking {
    let facts = FactorFacts {
        passed: caller.factor,
        set_up: caller.factor_set_up,
        asked_of_staff: api.policy.second_factor_for_staff,
    };
    let factor = SecondFactor::of(facts, &caller.memberships);
    Asking::of(caller, None, Credential::Session(factor))
}

/// A script's or program's token. What has the form of neither is not looked at.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let ours = token.starts_with(TOKEN) || token.split('.').count() == 3;
    (scheme.eq_ignore_ascii_case("bearer") && ours).then_some(token)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    cookie_named(headers, COOKIE)
}

/// A cookie by its whole name.
pub(super) fn cookie_named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter();
    let mut pairs = all
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
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
