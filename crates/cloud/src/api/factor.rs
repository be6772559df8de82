//! The second factor: a code from an app (RFC 6238), or a recovery code.

use std::sync::Arc;

use aws_lc_rs::rand;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::Proof;
use totp_rs::{Builder, Totp};
use utoipa::ToSchema;

use super::Api;
use super::answer::{body, private};
use super::caller::SignedIn;
use super::cursor::hex;
use super::guard::{Allowed, AnySession};
use super::problem::{Problem, ProblemBody};
use crate::secrets::hash_token;

/// Bytes of a secret, as RFC 4226 recommends for SHA-1.
const SECRET: usize = 20;
/// Recovery codes of a person.
const CODES: usize = 10;
/// Random bytes of a recovery code: 80 bits, nothing to guess.
const CODE: usize = 10;
/// What apps show above the code.
const ISSUER: &str = "SolThrive";

/// A factor that was begun.
#[derive(Serialize, ToSchema)]
pub(super) struct Begun {
    /// For the app, as text to be typed: base 32.
    secret: String,
    /// For the app, as a link or a QR code.
    link: String,
}

/// `POST /api/v1/me/factor`: draws a secret. It counts once a code of it was proven.
#[utoipa::path(post, path = "/api/v1/me/factor", tag = "sign-in", operation_id = "beginFactor", responses(
    (status = 201, body = Begun), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn begin(
    Allowed(me): Allowed<AnySession>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    let user = api
        .accounts
        .user(me.user)
        .await?
        .ok_or(Problem::not_signed_in())?;
    let mut secret = [0; SECRET];
    rand::fill(&mut secret).map_err(|_| Problem::unavailable())?;
    let sealed = api.seals.seal(me.user.as_uuid().as_bytes(), &secret);
    let sealed = sealed.map_err(broken)?;
    if !api.accounts.begin_factor(me.user, &sealed).await? {
        return Err(Problem::set_up());
    }
    let secret = base32(&secret);
    // Of the label only what is safe in a link: apps show it, nobody reads it back.
    let label: String = user
        .email
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || "@.-_".contains(*letter))
        .collect();
    let begun = Begun {
        link: format!(
            "otpauth://totp/{ISSUER}:{label}?secret={secret}&issuer={ISSUER}&digits=6&period=30"
        ),
        secret,
    };
    Ok((StatusCode::CREATED, private(&begun)).into_response())
}

/// A code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    /// Six digits of the app, or a recovery code.
    code: String,
}

/// Codes for the day on which the app is lost. They are shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct Recovery {
    recovery_codes: Vec<String>,
}

/// `POST /api/v1/me/factor/proof`: proves the secret that was drawn; from then on it is asked for.
#[utoipa::path(post, path = "/api/v1/me/factor/proof", tag = "sign-in", operation_id = "proveFactor", request_body = Code, responses(
    (status = 200, body = Recovery), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn prove(
    Allowed(me): Allowed<AnySession>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let Code { code } = body(&headers, &bytes)?;
    let now = api.clock.elapsed();
    api.throttle
        .may_prove(me.user, now)
        .map_err(Problem::too_many)?;
    let factor = api
        .accounts
        .factor(me.user)
        .await?
        .ok_or(Problem::wrong_code())?;
    if factor.proven {
        return Err(Problem::set_up());
    }
    let Some(step) = step_of(&api, &me, &factor.sealed, &code)? else {
        api.throttle.wrong_code(me.user, now);
        return Err(Problem::wrong_code());
    };
    let mut codes = Vec::new();
    for _ in 0..CODES {
        let mut bytes = [0; CODE];
        rand::fill(&mut bytes).map_err(|_| Problem::unavailable())?;
        codes.push(hex(&bytes));
    }
    let hashes: Vec<_> = codes.iter().map(|code| hash_token(code)).collect();
    let proven = api
        .accounts
        .prove_factor(me.user, me.credential, step, &hashes, api.clock.now())
        .await?;
    if !proven {
        return Err(Problem::wrong_code());
    }
    let recovery_codes = codes;
    Ok(private(&Recovery { recovery_codes }))
}

/// `POST /api/v1/auth/factor`: lets the session go all the way.
#[utoipa::path(post, path = "/api/v1/auth/factor", tag = "sign-in", operation_id = "passFactor", request_body = Code, responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn pass(
    Allowed(me): Allowed<AnySession>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let Code { code } = body(&headers, &bytes)?;
    let now = api.clock.elapsed();
    api.throttle
        .may_prove(me.user, now)
        .map_err(Problem::too_many)?;
    let factor = api
        .accounts
        .factor(me.user)
        .await?
        .filter(|factor| factor.proven);
    let factor = factor.ok_or(Problem::wrong_code())?;
    let typed: String = code
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '-'))
        .collect();
    let proof = match step_of(&api, &me, &factor.sealed, &typed)? {
        Some(step) => Proof::Code(step),
        None => Proof::Recovery(hash_token(&typed.to_lowercase())),
    };
    let passed = api
        .accounts
        .pass_factor(me.user, me.credential, &proof, api.clock.now())
        .await?;
    if !passed {
        api.throttle.wrong_code(me.user, now);
        return Err(Problem::wrong_code());
    }
    api.throttle.right_code(me.user);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The step of a right code: this half minute, or the one before or after.
fn step_of(api: &Api, me: &SignedIn, sealed: &[u8], code: &str) -> Result<Option<i64>, Problem> {
    let secret = api.seals.open(me.user.as_uuid().as_bytes(), sealed);
    let totp = totp(secret.map_err(broken)?)?;
    let seconds = u64::try_from(api.clock.now().get() / 1000).unwrap_or(0);
    let step = totp.check(code.trim(), seconds);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

fn totp(secret: Vec<u8>) -> Result<Totp, Problem> {
    let totp = Builder::new().with_secret(secret).with_skew(1).build();
    totp.map_err(|error| {
        tracing::error!(%error, "a second factor's secret is none");
        Problem::internal()
    })
}

fn broken(error: super::seal::NotOpened) -> Problem {
    tracing::error!(%error, "second factors cannot be checked");
    Problem::internal()
}

/// RFC 4648 without padding, as apps take it.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in bytes {
        (bits, count) = (bits << 8 | u32::from(*byte), count + 8);
        while count >= 5 {
            count -= 5;
            text.push(char::from(LETTERS[(bits >> count & 31) as usize]));
        }
    }
    if count > 0 {
        text.push(char::from(LETTERS[(bits << (5 - count) & 31) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10, without padding.
    #[test]
    fn base_32_is_that_of_the_standard() {
        for (plain, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()), text);
        }
    }

    /// RFC 6238, appendix B: its eight digits end in our six.
    #[test]
    fn codes_are_those_of_the_standard() {
        let totp = totp(b"12345678901234567890".to_vec()).unwrap();
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(totp.check(code, seconds), Some(seconds / 30));
            assert_eq!(totp.check(code, seconds + 90), None);
        }
    }
}
