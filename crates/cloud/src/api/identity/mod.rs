//! Signing in at an identity provider (OpenID Connect, code flow with PKCE): away and back again.
//!
//! Somebody is let in by an identity that he linked while he was signed in otherwise. An address that a provider names links
//! nothing: who runs a provider could name anybody's.

mod back;
mod id_token;
mod keys;
mod provider;
mod settings;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use aws_lc_rs::digest::{SHA256, digest};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path as Named, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{Linking, NewTrip};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) use self::back::*;
use self::provider::{Leaving, Provider, Useless};
use super::Api;
use super::answer::{body, gone, private, tagged};
use super::arrival::Only;
use super::auth::no_foreign_page;
use super::cursor::{hex, secret};
use super::guard::{Allowed, Anyone, FullSession};
use super::jwt::encode;
use super::problem::{Problem, ProblemBody};
use crate::http::Peer;
use crate::outbound::Outbound;
use crate::secrets::hash_token;

/// How long somebody may be away, ms.
const AWAY_MS: i64 = 10 * 60_000;
/// The cookie that binds a trip to its browser.
const COOKIE: &str = "__Host-solthrive-trip";
/// The longest path to come back to, in bytes.
const RETURN: usize = 1_000;

/// Providers that are set up, and the way to them.
pub struct Providers {
    all: Vec<Provider>,
    outbound: Option<Outbound>,
}

impl Providers {
    /// None.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            all: Vec::new(),
            outbound: None,
        }
    }

    /// Those of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(path: &Path) -> Result<Self> {
        let (all, certificates) = settings::read(path)?;
        Ok(Self {
            all: all.into_iter().map(Provider::new).collect(),
            outbound: Some(Outbound::new(certificates.as_deref())?),
        })
    }

    /// One, and the way to it.
    fn find(&self, wanted: impl Fn(&Provider) -> bool) -> Result<(&Provider, &Outbound), Problem> {
        let found = self.all.iter().find(|provider| wanted(provider));
        found
            .zip(self.outbound.as_ref())
            .ok_or(Problem::not_found())
    }
}

/// A provider that a sign-in page can offer.
#[derive(Serialize, ToSchema)]
pub(super) struct Offered {
    id: String,
    /// For people.
    name: String,
}

/// All of them.
#[derive(Serialize, ToSchema)]
pub(super) struct AllOffered {
    items: Vec<Offered>,
}

/// `GET /api/v1/auth/providers`: where else somebody can sign in.
#[utoipa::path(get, path = "/api/v1/auth/providers", tag = "sign-in", operation_id = "identityProviders",
    responses((status = 200, body = AllOffered)), security(()))]
pub(super) async fn providers(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    let items = api.providers.all.iter().map(|provider| Offered {
        id: provider.setting.id.clone(),
        name: provider.setting.name.clone(),
    });
    Ok(private(&AllOffered {
        items: items.collect(),
    }))
}

/// Where to come back to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedTrip {
    /// A path of this service; `/` unless it is said.
    #[serde(default)]
    return_to: Option<String>,
}

/// Where to go.
#[derive(Serialize, ToSchema)]
pub(super) struct Trip {
    /// An address of the provider, to be opened in this browser within ten minutes.
    url: String,
}

/// `POST /api/v1/auth/providers/{provider}/trips`: begins a sign-in at a provider. The answer's cookie binds it to this browser.
#[utoipa::path(post, path = "/api/v1/auth/providers/{provider}/trips", tag = "sign-in", operation_id = "beginSignInElsewhere",
    params(("provider" = String, Path)), request_body = AskedTrip, responses(
    (status = 201, body = Trip), (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json"),
    (status = 502, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")), security(()))]
pub(super) async fn begin(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    Named(provider): Named<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    no_foreign_page(&headers)?;
    leave(&api, peer, &provider, body(&headers, &bytes), None).await
}

/// `POST /api/v1/me/identities/{provider}/trips`: begins to link an identity at a provider to the caller's account.
#[utoipa::path(post, path = "/api/v1/me/identities/{provider}/trips", tag = "me", operation_id = "beginToLinkIdentity",
    params(("provider" = String, Path)), request_body = AskedTrip, responses(
    (status = 201, body = Trip), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 502, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn begin_to_link(
    Allowed(me): Allowed<FullSession>,
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    Named(provider): Named<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let linking = Linking {
        user: me.user,
        session: me.credential,
    };
    leave(&api, peer, &provider, body(&headers, &bytes), Some(linking)).await
}

/// Where the provider sends people back to.
fn redirect_uri(api: &Api) -> String {
    format!("{}/oauth/callback", api.mail.public_url())
}

/// What the provider repeats in the address. It follows from the cookie's secret, and does not give it away.
fn state_of(secret: &str) -> String {
    hex(digest(&SHA256, format!("state of {secret}").as_bytes()).as_ref())
}

async fn leave(
    api: &Api,
    peer: Peer,
    provider: &str,
    asked: Result<AskedTrip, Problem>,
    links: Option<Linking>,
) -> Result<Response, Problem> {
    let (provider, outbound) = api.providers.find(|known| known.setting.id == provider)?;
    let asked = asked?;
    let wait = api.throttle.trip(peer.household(), api.clock.elapsed());
    wait.map_err(Problem::too_many)?;
    let return_to = asked.return_to.unwrap_or_else(|| "/".to_owned());
    if !is_path(&return_to) {
        return Err(Problem::field("return_to", "a path of this service: `/…`"));
    }
    let (cookie, nonce, verifier) = (secret()?, secret()?, secret()?);
    let (now, hash) = (api.clock.now(), hash_token(&cookie));
    let challenge = encode(digest(&SHA256, verifier.as_bytes()));
    let leaving = Leaving {
        redirect_uri: &redirect_uri(api),
        state: &state_of(&cookie),
        nonce: &nonce,
        challenge: &challenge,
    };
    let door = provider.door(outbound, leaving, api.clock.elapsed()).await;
    let url = door.map_err(|error| useless(provider, &error))?;
    let sealed = api.seals.seal(&whose(&hash.0), verifier.as_bytes());
    let trip = NewTrip {
        hash,
        issuer: provider.setting.issuer.clone(),
        nonce,
        verifier: sealed.map_err(|_| Problem::unavailable())?,
        return_to,
        links,
        expires_at: now.plus_ms(AWAY_MS),
    };
    api.identities.begin_trip(&trip, now).await?;
    let mut response = (StatusCode::CREATED, private(&Trip { url })).into_response();
    set_trip(&mut response, &cookie, AWAY_MS / 1_000);
    Ok(response)
}

/// Sealed with it: what is moved to another trip's row does not open.
fn whose(hash: &[u8]) -> Vec<u8> {
    [b"identity trip ".as_slice(), hash].concat()
}

fn set_trip(response: &mut Response, value: &str, max_age: i64) {
    let cookie =
        format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={max_age}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Whether it leads to a page of ours: browsers take `//host` and `/\host` for another's.
fn is_path(text: &str) -> bool {
    text.len() <= RETURN
        && text.starts_with('/')
        && !text.starts_with("//")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// A provider that is of no use: the person learns what to do, the operator why.
fn useless(provider: &Provider, error: &Useless) -> Problem {
    tracing::warn!(provider = provider.setting.id, %error, "an identity provider is of no use");
    match error {
        Useless::Away(_) => Problem::identity_provider_away(),
        Useless::Strange(_) => Problem::identity_answer(),
        Useless::Refused(_) => Problem::identity_refused(),
    }
}

/// An identity that is linked.
#[derive(Serialize, ToSchema)]
pub(super) struct Identity {
    id: Uuid,
    /// The provider's name, or its address where it is not set up any more.
    provider: String,
    linked_at: Timestamp,
}

/// All of them.
#[derive(Serialize, ToSchema)]
pub(super) struct AllIdentities {
    items: Vec<Identity>,
}

/// `GET /api/v1/me/identities`: by which the caller can sign in elsewhere.
#[utoipa::path(get, path = "/api/v1/me/identities", tag = "me", operation_id = "identities", responses(
    (status = 200, body = AllIdentities), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn list(
    Allowed(me): Allowed<FullSession>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lines = api.identities.identities(me.user).await?;
    let name = |issuer: String| {
        let known = api.providers.all.iter();
        let mut known = known.filter(|provider| provider.setting.issuer == issuer);
        known
            .next()
            .map_or(issuer.clone(), |provider| provider.setting.name.clone())
    };
    let items = lines.into_iter().map(|line| Identity {
        id: line.id,
        provider: name(line.issuer),
        linked_at: line.created_at.into(),
    });
    let items = items.collect();
    Ok(tagged(&headers, &AllIdentities { items }))
}

/// `DELETE /api/v1/me/identities/{identity}`: it signs nobody in any more. Sessions that it began go on.
#[utoipa::path(delete, path = "/api/v1/me/identities/{identity}", tag = "me", operation_id = "unlinkIdentity", params(("identity" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn unlink(
    Allowed(me): Allowed<FullSession>,
    State(api): State<Arc<Api>>,
    Only(id): Only,
) -> Result<Response, Problem> {
    gone(api.identities.unlink(me.user, id, api.clock.now()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_back_to_a_page_of_somebody_elses() {
        for ours in ["/", "/sites/1?a=b#c", "/a//b"] {
            assert!(is_path(ours), "{ours}");
        }
        let long = format!("/{}", "a".repeat(RETURN));
        for not in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nb",
            "/ä",
            "/a b",
            &long,
        ] {
            assert!(!is_path(not), "{not}");
        }
    }
}
