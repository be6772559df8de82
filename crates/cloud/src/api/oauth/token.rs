//! `POST /oauth/token`.

use std::sync::Arc;

use aws_lc_rs::digest;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{BroughtCode, Exchanged, NewRefresh, Program};
use solthrive_domain::access::Scopes;
use utoipa::ToSchema;

use super::super::cursor::secret;
use super::super::guard::{Allowed, Anyone};
use super::super::jwt::{Claims, LASTS_MS};
use super::super::{Api, signing};
use super::client::proven;
use super::form::Form;
use super::refusal::{Refusal, RefusalBody};
use crate::http::Peer;
use crate::secrets::hash_token;

/// What a refresh token begins with.
const REFRESH: &str = "str_";
/// How long an app may leave one unused, ms.
const REFRESH_MS: i64 = 30 * 86_400_000;

/// What is sent for a token. The client says who it is here, or by HTTP Basic.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the form; it is read field by field")]
pub(in super::super) struct TokenRequest {
    /// `client_credentials`, `authorization_code` or `refresh_token`.
    grant_type: String,
    client_id: Option<String>,
    client_secret: Option<String>,
    /// With a space between; absent for all that there is.
    scope: Option<String>,
    /// Of `authorization_code`.
    code: Option<String>,
    /// The same that the code was sent to.
    redirect_uri: Option<String>,
    /// Whose SHA-256 is the `code_challenge`.
    code_verifier: Option<String>,
    /// Used once: the answer holds the next.
    refresh_token: Option<String>,
}

/// Tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessTokens)]
pub(in super::super) struct Tokens {
    /// For `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    /// With a space between.
    scope: String,
    /// Where a person let the app in.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// `POST /oauth/token`.
#[utoipa::path(post, path = "/oauth/token", tag = "oauth", operation_id = "token",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"), responses(
    (status = 200, body = Tokens), (status = 400, body = RefusalBody), (status = 401, body = RefusalBody),
    (status = 429, body = RefusalBody), (status = 503, body = RefusalBody)), security(()))]
pub(in super::super) async fn token(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let form = Form::read(&headers, &bytes)?;
    let program = proven(&api, peer.household(), &headers, &form).await?;
    let kind = form.need("grant_type", "grant_type is missing")?;
    let tokens = match kind {
        "client_credentials" => for_itself(&api, &program, &form).await?,
        "authorization_code" => by_code(&api, &program, &form).await?,
        "refresh_token" => by_refresh(&api, &program, &form).await?,
        _ => return Err(Refusal::grant_type()),
    };
    let mut response = Json(tokens).into_response();
    let none = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, none);
    Ok(response)
}

/// The scopes that are asked for; `None` where the call leaves it to us.
fn asked(form: &Form) -> Result<Option<Scopes>, Refusal> {
    let scopes = form.get("scope").map(str::parse::<Scopes>).transpose();
    let scopes = scopes.map_err(|_| Refusal::scope())?;
    if scopes.is_some_and(Scopes::is_empty) {
        return Err(Refusal::scope());
    }
    Ok(scopes)
}

async fn for_itself(api: &Api, program: &Program, form: &Form) -> Result<Tokens, Refusal> {
    if program.secret.is_none() || !program.org.kind.has_programs(true) {
        return Err(Refusal::unauthorized());
    }
    let scopes = asked(form)?.unwrap_or(program.scopes);
    if scopes.and(program.scopes) != scopes {
        return Err(Refusal::scope());
    }
    let id = program.id.as_uuid();
    let claims = Claims {
        sub: id,
        client_id: id,
        consent: None,
        scopes,
    };
    tokens(api, &claims, None).await
}

async fn by_code(api: &Api, program: &Program, form: &Form) -> Result<Tokens, Refusal> {
    let code = form.need("code", "code is missing")?;
    let redirect_uri = form.need("redirect_uri", "redirect_uri is missing")?;
    let verifier = form.need("code_verifier", "code_verifier is missing")?;
    if !is_verifier(verifier) {
        return Err(Refusal::request("code_verifier has 43 to 128 letters"));
    }
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    let mut challenge = [0; 32];
    challenge.copy_from_slice(hash.as_ref());
    let brought = BroughtCode {
        hash: hash_token(code),
        client: program.id,
        redirect_uri,
        challenge,
    };
    let (text, next) = next(api)?;
    let exchanged = api.consents.redeem(brought, next, api.clock.now()).await?;
    for_person(api, program, exchanged, text).await
}

/// As RFC 7636, section 4.1 has it.
fn is_verifier(text: &str) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~".contains(&it);
    (43..=128).contains(&text.len()) && text.bytes().all(plain)
}

async fn by_refresh(api: &Api, program: &Program, form: &Form) -> Result<Tokens, Refusal> {
    let token = form.need("refresh_token", "refresh_token is missing")?;
    let (asked, (text, next)) = (asked(form)?, next(api)?);
    let now = api.clock.now();
    let exchanged = api
        .consents
        .refresh(program.id, hash_token(token), asked, next, now);
    for_person(api, program, exchanged.await?, text).await
}

/// A fresh refresh token.
fn next(api: &Api) -> Result<(String, NewRefresh), Refusal> {
    let (text, now) = (format!("{REFRESH}{}", secret()?), api.clock.now());
    let next = NewRefresh {
        hash: hash_token(&text),
        expires_at: now.plus_ms(REFRESH_MS),
    };
    Ok((text, next))
}

async fn for_person(
    api: &Api,
    program: &Program,
    exchanged: Exchanged,
    refresh: String,
) -> Result<Tokens, Refusal> {
    let given = match exchanged {
        Exchanged::Done(given) => given,
        Exchanged::TooWide => return Err(Refusal::scope()),
        Exchanged::Refused => return Err(Refusal::grant()),
        Exchanged::Again => {
            tracing::warn!(client = %program.id, "a code or refresh token came again: its consent is over");
            return Err(Refusal::grant());
        }
    };
    let claims = Claims {
        sub: given.user.as_uuid(),
        client_id: program.id.as_uuid(),
        consent: Some(given.consent),
        scopes: given.scopes,
    };
    tokens(api, &claims, Some(refresh)).await
}

async fn tokens(
    api: &Api,
    claims: &Claims,
    refresh_token: Option<String>,
) -> Result<Tokens, Refusal> {
    Ok(Tokens {
        access_token: signing::sign(api, claims).await?,
        token_type: "Bearer",
        expires_in: LASTS_MS / 1_000,
        scope: claims.scopes.to_string(),
        refresh_token,
    })
}
