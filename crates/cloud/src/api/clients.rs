//! An org's programs: those of a partner, which act for it, and apps, which people let in.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{NewProgram, ProgramLine};
use solthrive_domain::ClientId;
use solthrive_domain::access::Scope;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::answer::{body, gone, private, tagged};
use super::arrival::Second;
use super::cursor::secret;
use super::guard::{Allowed, Manages};
use super::problem::{Problem, ProblemBody};
use super::typed::{name_of, scopes_of};
use crate::clock::new_id;
use crate::secrets::hash_token;

/// What a program's secret begins with.
const SECRET: &str = "stc_";
/// Redirect URIs of one program.
const URIS: usize = 10;
/// The longest of them, in bytes.
const LONGEST: usize = 500;

/// A program.
#[derive(Serialize, ToSchema)]
pub(super) struct Client {
    id: Uuid,
    name: String,
    /// It has a secret.
    confidential: bool,
    redirect_uris: Vec<String>,
    scopes: Vec<&'static str>,
    created_at: Timestamp,
}

impl From<ProgramLine> for Client {
    fn from(line: ProgramLine) -> Self {
        Self {
            id: line.id.as_uuid(),
            name: line.name,
            confidential: line.confidential,
            redirect_uris: line.redirect_uris,
            scopes: line.scopes.iter().map(Scope::as_str).collect(),
            created_at: line.created_at.into(),
        }
    }
}

/// The org's programs, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Clients {
    items: Vec<Client>,
}

/// `GET /api/v1/orgs/{org}/clients`.
#[utoipa::path(get, path = "/api/v1/orgs/{org}/clients", tag = "oauth", operation_id = "clients", params(("org" = Uuid, Path)), responses(
    (status = 200, body = Clients), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn list(
    Allowed((_, org)): Allowed<Manages>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lines = api.programs.programs(org).await?;
    let items = lines.into_iter().map(Client::from).collect();
    Ok(tagged(&headers, &Clients { items }))
}

/// A program to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedClient {
    /// What people call it; at most 100 letters.
    name: String,
    /// It can keep a secret, and gets one. Only a partner's program does; an app on somebody's device cannot.
    confidential: bool,
    /// Where people are sent back to: `https://…`, or `http://127.0.0.1:…`. Compared letter by letter.
    #[serde(default)]
    redirect_uris: Vec<String>,
    /// What it may at most, such as `["production","consumption"]`.
    scopes: Vec<String>,
}

/// A program that was made. The secret is shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeClient {
    /// The `client_id`.
    id: Uuid,
    /// The `client_secret`.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// `POST /api/v1/orgs/{org}/clients`.
#[utoipa::path(post, path = "/api/v1/orgs/{org}/clients", tag = "oauth", operation_id = "addClient", params(("org" = Uuid, Path)), request_body = AskedClient, responses(
    (status = 201, body = MadeClient), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn add(
    Allowed((me, org)): Allowed<Manages>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedClient = body(&headers, &bytes)?;
    let mut mine = me.actor.memberships.iter();
    let kind = mine
        .find(|mine| mine.org == org.org())
        .map(|mine| mine.kind);
    if !kind.is_some_and(|kind| kind.has_programs(asked.confidential)) {
        let detail = "partners have programs with a secret; partners and installers have apps";
        return Err(Problem::field("confidential", detail));
    }
    let secret = asked.confidential.then(secret).transpose()?;
    let secret = secret.map(|drawn| format!("{SECRET}{drawn}"));
    let new = NewProgram {
        id: ClientId::from_uuid(new_id()),
        name: name_of(&asked.name)?,
        secret: secret.as_deref().map(hash_token),
        redirect_uris: redirects(asked.redirect_uris, asked.confidential)?,
        scopes: scopes_of(&asked.scopes)?,
    };
    let (by, now) = (me.actor.by(), api.clock.now());
    api.programs.add_program(by, org, &new, now).await?;
    let id = new.id.as_uuid();
    Ok((StatusCode::CREATED, private(&MadeClient { id, secret })).into_response())
}

/// An app has at least one; a program with a secret may do without.
fn redirects(named: Vec<String>, confidential: bool) -> Result<Vec<String>, Problem> {
    let wrong = |detail: &str| Err(Problem::field("redirect_uris", detail));
    if named.is_empty() && !confidential {
        return wrong("an app has at least one");
    }
    if named.len() > URIS {
        return wrong("at most 10");
    }
    if !named.iter().all(|uri| is_redirect(uri)) {
        return wrong("https://…, or http://127.0.0.1:…; no fragment, no user, at most 500 bytes");
    }
    Ok(named)
}

/// Whether a person may be sent there: over TLS, or to a program on his own machine.
fn is_redirect(text: &str) -> bool {
    let plain = text
        .bytes()
        .all(|it| it.is_ascii_graphic() && !b"#\\\"<>^`{|}".contains(&it));
    let Some(uri) = text.parse::<Uri>().ok().filter(|_| plain) else {
        return false;
    };
    let own = uri.scheme_str() == Some("http") && uri.host() == Some("127.0.0.1");
    let tls = uri.scheme_str() == Some("https") && uri.host().is_some_and(|it| !it.is_empty());
    let user = uri.authority().is_none_or(|it| it.as_str().contains('@'));
    text.len() <= LONGEST && (own || tls) && !user
}

/// `DELETE /api/v1/orgs/{org}/clients/{client}`: its tokens are worth nothing with the next call.
#[utoipa::path(delete, path = "/api/v1/orgs/{org}/clients/{client}", tag = "oauth", operation_id = "revokeClient",
    params(("org" = Uuid, Path), ("client" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn revoke(
    Allowed((me, org)): Allowed<Manages>,
    State(api): State<Arc<Api>>,
    Second(client): Second,
) -> Result<Response, Problem> {
    let (client, now) = (ClientId::from_uuid(client), api.clock.now());
    let revoked = api.programs.revoke_program(me.actor.by(), org, client, now);
    gone(revoked.await?)
}

#[cfg(test)]
mod tests {
    use super::is_redirect;

    #[test]
    fn people_are_sent_back_over_tls_or_to_their_own_machine() {
        for uri in [
            "https://app.example/cb",
            "https://app.example:8443/cb?x=1",
            "http://127.0.0.1:4711/cb",
            "http://127.0.0.1/",
        ] {
            assert!(is_redirect(uri), "{uri}");
        }
        for uri in [
            "",
            "/cb",
            "app.example/cb",
            "http://app.example/cb",
            "http://localhost/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1@evil.example/cb",
            "https://user@app.example/cb",
            "https://app.example/cb#x",
            "https://app.example/c b",
            "https:///cb",
            "https:app.example",
            "javascript:alert(1)",
            "myapp://cb",
            "HTTP://127.0.0.1\\@evil/",
        ] {
            assert!(!is_redirect(uri), "{uri}");
        }
    }
}
