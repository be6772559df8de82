//! The first admin: whoever reads the service's first words, and nobody else.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::meta::TokenHash;
use solthrive_cloud_store::people::NewUser;
use solthrive_domain::UserId;
use utoipa::ToSchema;

use super::Api;
use super::answer::{body, private};
use super::auth::no_foreign_page;
use super::cursor::secret;
use super::guard::{Allowed, Anyone};
use super::passwords::hashed;
use super::problem::{Problem, ProblemBody};
use super::typed::{address, name_of};
use crate::clock::new_id;
use crate::http::Peer;
use crate::secrets::hash_token;

/// What opens the set-up, while there is nobody.
#[derive(Debug, Default)]
pub(super) struct Setup(Mutex<Option<TokenHash>>);

impl Setup {
    fn is(&self, code: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known == Some(hash_token(code))
    }

    fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Api {
    /// Begins the set-up where there is nobody yet; the link to be printed. Only whoever can read what the service
    /// prints gets in: an address that is reachable before its owner came belongs to nobody.
    ///
    /// # Errors
    /// When the store is away, or there is no chance to be had.
    pub async fn begin_setup(&self) -> anyhow::Result<Option<String>> {
        if !self.accounts.is_empty().await? {
            return Ok(None);
        }
        let code = secret().map_err(|problem| anyhow::anyhow!("set-up: {}", problem.code()))?;
        let mut known = self.setup.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(hash_token(&code));
        Ok(Some(self.mail.link("setup", &code)))
    }
}

/// Whether there is an admin.
#[derive(Serialize, ToSchema)]
pub(super) struct Needed {
    /// There is nobody yet: the service printed a link.
    needed: bool,
}

/// `GET /api/v1/setup`.
#[utoipa::path(get, path = "/api/v1/setup", tag = "sign-in", operation_id = "setupNeeded", responses(
    (status = 200, body = Needed), (status = 503, body = ProblemBody, content_type = "application/problem+json")), security(()))]
pub(super) async fn needed(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    let needed = api.accounts.is_empty().await?;
    Ok(private(&Needed { needed }))
}

/// The first admin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct First {
    /// What stands after the `#` of the link that the service printed.
    code: String,
    /// The address to sign in with.
    #[schema(format = Email)]
    email: String,
    /// What to call the person.
    name: String,
    /// 10 to 1,000 bytes.
    password: String,
}

/// `POST /api/v1/setup`: makes the first admin, once.
#[utoipa::path(post, path = "/api/v1/setup", tag = "sign-in", operation_id = "setUp", request_body = First, responses(
    (status = 201), (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")), security(()))]
pub(super) async fn set_up(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    no_foreign_page(&headers)?;
    let first: First = body(&headers, &bytes)?;
    let (email, key) = address(&first.email)?;
    let (from, now) = (peer.household(), api.clock.elapsed());
    let wait = api.throttle.may_try(&key, from, now);
    wait.map_err(Problem::too_many)?;
    if !api.setup.is(&first.code) {
        api.throttle.failed(&key, from, now);
        return Err(Problem::not_found());
    }
    let name = name_of(&first.name)?;
    let user = NewUser {
        id: UserId::from_uuid(new_id()),
        email,
        key,
        name,
        locale: "en".to_owned(),
        password: Some(hashed(&api, "password", first.password).await?),
        proven: true,
        member_of: Vec::new(),
    };
    let made = api.accounts.add_first(&user, api.clock.now()).await?;
    api.setup.close();
    let done = || StatusCode::CREATED.into_response();
    made.then(done).ok_or(Problem::not_found())
}
