//! Back from a provider: is it the browser that left, is it who it says, and who is that here.

#![expect(unused_qualifications, reason = "of the code that makes the document")]

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use solthrive_cloud_store::people::{EmailKey, Linked, Linking, Trip, WhoElsewhere};
use solthrive_domain::access::By;
use utoipa::IntoParams;

use super::super::Api;
use super::super::arrival::Queried;
use super::super::auth::{new_session, set_cookie};
use super::super::caller::{cookie_named, who};
use super::super::guard::{Allowed, Anyone};
use super::super::problem::{Problem, ProblemBody};
use super::id_token::{self, Expected, NotBelieved};
use super::{COOKIE, redirect_uri, set_trip, state_of, useless, whose};
use crate::clock::new_id;
use crate::http::Peer;
use crate::secrets::hash_token;

/// What a provider sends along.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Back {
    /// What we gave it to repeat.
    #[serde(default)]
    state: Option<String>,
    /// For which it says who came.
    #[serde(default)]
    code: Option<String>,
    /// Why nobody came.
    #[serde(default)]
    error: Option<String>,
    /// Who it is (RFC 9207).
    #[serde(default)]
    iss: Option<String>,
}

/// `GET /oauth/callback`: where providers send people back to. A browser is led on to the page that it left for; one that asks
/// for HTML, and was not let in, to the page of the problem.
#[utoipa::path(get, path = "/oauth/callback", tag = "sign-in", operation_id = "signInElsewhere", params(Back), responses(
    (status = 303, description = "To the page that the sign-in was begun for, with the cookie of a session; or to the page of the problem."),
    (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 502, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")), security(()))]
pub(in crate::api) async fn back(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
    parts: Parts,
    back: Result<Queried<Back>, Problem>,
) -> Result<Response, Problem> {
    let Queried(back) = back?;
    let mut response = match arrived(&api, &parts, &back).await {
        Ok(response) => {
            if let Some(peer) = parts.extensions.get::<Peer>() {
                api.throttle.trip_ended(peer.household());
            }
            response
        }
        Err(problem) if wants_page(&parts.headers) => {
            led_to(&format!("/problems/{}", problem.code()))
        }
        Err(problem) => problem.into_response(),
    };
    // It was used, whatever came of it.
    set_trip(&mut response, "", 0);
    Ok(response)
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn led_to(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    if let Ok(path) = HeaderValue::from_str(path) {
        headers.insert(header::LOCATION, path);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn arrived(api: &Api, parts: &Parts, back: &Back) -> Result<Response, Problem> {
    let secret = cookie_named(&parts.headers, COOKIE).ok_or(Problem::no_trip())?;
    let hash = hash_token(secret);
    let trip = api.identities.end_trip(hash, api.clock.now()).await?;
    let trip = trip.ok_or(Problem::no_trip())?;
    let state = back.state.as_deref().unwrap_or_default();
    verify_slices_are_equal(state.as_bytes(), state_of(secret).as_bytes())
        .map_err(|_| Problem::no_trip())?;
    is_of_its_issuer(api, &trip, back).await?;
    if let Some(error) = &back.error {
        let error: String = error
            .chars()
            .filter(|letter| !letter.is_control())
            .take(60)
            .collect();
        tracing::info!(
            issuer = trip.issuer,
            error,
            "an identity provider sent somebody back"
        );
        return Err(Problem::identity_refused());
    }
    let code = back.code.as_deref().ok_or(Problem::identity_refused())?;
    let verifier = api.seals.open(&whose(&hash.0), &trip.verifier);
    let verifier = verifier.map_err(|error| {
        tracing::error!(%error, "a sign-in that was away");
        Problem::internal()
    })?;
    let verifier = String::from_utf8(verifier).map_err(|_| Problem::internal())?;
    let subject = subject_of(api, &trip, code, &verifier).await?;
    let elsewhere = WhoElsewhere {
        issuer: trip.issuer.clone(),
        subject,
    };
    match trip.links {
        Some(linking) => link(api, parts, &trip, linking, &elsewhere).await,
        None => sign_in(api, parts, &trip, &elsewhere).await,
    }
}

/// An answer of another provider is not taken for this one's (RFC 9207).
async fn is_of_its_issuer(api: &Api, trip: &Trip, back: &Back) -> Result<(), Problem> {
    let right = match &back.iss {
        Some(iss) => *iss == trip.issuer,
        None => {
            let (provider, outbound) = api
                .providers
                .find(|known| known.setting.issuer == trip.issuer)?;
            let named = provider.names_itself(outbound, api.clock.elapsed()).await;
            !named.map_err(|error| useless(provider, &error))?
        }
    };
    right.then_some(()).ok_or(Problem::no_trip())
}

/// Who the provider says came.
async fn subject_of(api: &Api, trip: &Trip, code: &str, verifier: &str) -> Result<String, Problem> {
    let (provider, outbound) = api
        .providers
        .find(|known| known.setting.issuer == trip.issuer)?;
    let elapsed = api.clock.elapsed();
    let redirect_uri = redirect_uri(api);
    let token = provider
        .exchange(outbound, (code, verifier, &redirect_uri), elapsed)
        .await
        .map_err(|error| useless(provider, &error))?;
    let expected = Expected {
        issuer: &trip.issuer,
        client: &provider.setting.client,
        nonce: &trip.nonce,
        begun: trip.created_at.get().div_euclid(1_000),
        now: api.clock.now().get().div_euclid(1_000),
    };
    let mut judged = Err(NotBelieved::NoKey);
    for anew in [false, true] {
        let keys = provider.keys(outbound, elapsed, anew).await;
        let keys = keys.map_err(|error| useless(provider, &error))?;
        judged = id_token::subject(&token, &keys, expected);
        if judged != Err(NotBelieved::NoKey) {
            break;
        }
    }
    match judged {
        Ok(subject) => Ok(subject),
        Err(why) => Err(not_believed(api, trip, why).await),
    }
}

/// Whoever runs the service is to know of a provider whose word is not to be taken.
async fn not_believed(api: &Api, trip: &Trip, why: NotBelieved) -> Problem {
    tracing::warn!(
        issuer = trip.issuer,
        why = why.as_str(),
        "a provider's token is not believed"
    );
    let by = trip
        .links
        .map_or(By::Service, |linking| By::User(linking.user));
    let now = api.clock.now();
    let noted = api.identities.refused(by, &trip.issuer, why.as_str(), now);
    if let Err(error) = noted.await {
        return error.into();
    }
    if why == NotBelieved::Clock {
        Problem::identity_provider_clock()
    } else {
        Problem::identity_answer()
    }
}

/// Only who began it, in a session of his, ends it: nobody's account gets an identity by a link that he was sent.
async fn link(
    api: &Api,
    parts: &Parts,
    trip: &Trip,
    linking: Linking,
    elsewhere: &WhoElsewhere,
) -> Result<Response, Problem> {
    let me = who(api, parts).await?;
    let is_same = me.user == linking.user && me.credential == linking.session;
    if !is_same || !me.actor.credential.is_full_session() {
        return Err(Problem::no_trip());
    }
    let now = api.clock.now();
    match api
        .identities
        .link(linking, elsewhere, new_id(), now)
        .await?
    {
        Linked::Done => Ok(led_to(&trip.return_to)),
        Linked::Taken => Err(Problem::identity_taken()),
        Linked::Over => Err(Problem::no_trip()),
    }
}

/// As far as the right password leads: a second factor is still asked for.
async fn sign_in(
    api: &Api,
    parts: &Parts,
    trip: &Trip,
    elsewhere: &WhoElsewhere,
) -> Result<Response, Problem> {
    let unknown = Problem::identity_unknown;
    let user = api.identities.whose(elsewhere).await?.ok_or(unknown())?;
    let account = api.accounts.user(user).await?.ok_or(unknown())?;
    let key = EmailKey::of(&account.email).map_err(|_| Problem::internal())?;
    let found = api.accounts.sign_in(&key).await?;
    let found = found.filter(|found| found.user == user && !found.deactivated);
    let found = found.ok_or(unknown())?;
    let (session, secret) = new_session(api, &found, &parts.headers)?;
    let now = api.clock.now();
    if !api.identities.let_in(elsewhere, &session, now).await? {
        return Err(unknown());
    }
    let mut response = led_to(&trip.return_to);
    set_cookie(&mut response, &secret, api.policy.session.as_secs());
    Ok(response)
}
