//! Which program asks for a token, and whether it is that one.

use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use solthrive_cloud_store::people::Program;
use solthrive_domain::ClientId;
use uuid::Uuid;

use super::super::Api;
use super::form::Form;
use super::refusal::Refusal;
use crate::secrets::hash_token;

/// What a program says of itself.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    id: String,
    secret: Option<String>,
}

/// The program of the call, proven where it has a secret.
///
/// # Errors
/// When it is not known, has ended, or shows another secret than its own.
pub(super) async fn proven(
    api: &Api,
    from: IpAddr,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Program, Refusal> {
    let said = said(headers, form)?;
    let id = Uuid::try_parse(&said.id).map_err(|_| Refusal::client())?;
    let (id, now) = (ClientId::from_uuid(id), api.clock.elapsed());
    let wait = api.throttle.may_call(id, from, now);
    wait.map_err(Refusal::too_many)?;
    let program = api.programs.program(id).await?;
    match program.filter(|program| is_proven(program, said.secret.as_deref())) {
        Some(program) => {
            api.throttle.called(id, from);
            Ok(program)
        }
        None => {
            api.throttle.wrong_secret(id, from, now);
            Err(Refusal::client())
        }
    }
}

/// An app that has no secret shows none.
fn is_proven(program: &Program, secret: Option<&str>) -> bool {
    match (program.secret, secret) {
        (Some(known), Some(secret)) => {
            verify_slices_are_equal(&known.0, &hash_token(secret).0).is_ok()
        }
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// By HTTP Basic or in the body, not both (RFC 6749, section 2.3).
fn said(headers: &HeaderMap, form: &Form) -> Result<Said, Refusal> {
    let in_body = form.get("client_id");
    let secret = form.get("client_secret");
    if let Some(basic) = headers.get(header::AUTHORIZATION) {
        let basic = basic.to_str().ok().and_then(basic_of);
        let basic = basic.ok_or(Refusal::client())?;
        if secret.is_some() || in_body.is_some_and(|id| id != basic.id) {
            return Err(Refusal::request("say who you are in one way"));
        }
        return Ok(basic);
    }
    Ok(Said {
        id: in_body.ok_or(Refusal::client())?.to_owned(),
        secret: secret.map(str::to_owned),
    })
}

/// Ids and secrets of ours have no letter that a form writes otherwise, so nothing has to be unwrapped twice.
fn basic_of(value: &str) -> Option<Said> {
    let (scheme, text) = value.split_once(' ')?;
    let bytes = STANDARD.decode(text.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| Said {
        id: id.to_owned(),
        secret: Some(secret.to_owned()).filter(|secret| !secret.is_empty()),
    })
}
