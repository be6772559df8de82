//! An identity provider: what it tells of itself, its keys, and what it gives for a code.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::{Serializer, byte_serialize};
use serde::Deserialize;

use super::keys::Key;
use super::settings::Setting;
use crate::outbound::{Form, NoAnswer, Outbound, is_address};

/// What a provider tells of itself is asked for again after this long.
const KEPT: Duration = Duration::from_hours(1);
/// Its keys are asked for again because of one that is not known at most so often.
const AGAIN: Duration = Duration::from_mins(1);

/// Why a provider is of no use now. Details are for the operator's log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Useless {
    /// It does not answer.
    #[error(transparent)]
    Away(#[from] NoAnswer),
    /// What it answers is not what a provider answers.
    #[error("{0}")]
    Strange(String),
    /// It does not take the code.
    #[error("it does not take the code: {0}")]
    Refused(String),
}

/// As `OpenID` Connect Discovery 1.0 has it.
#[derive(Debug, Clone, Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

#[derive(Debug, Default)]
struct Known {
    discovered: Option<(Duration, Arc<Discovered>)>,
    keys: Option<(Duration, Arc<[Key]>)>,
    /// When keys were asked for because of one that was not known.
    anew: Option<Duration>,
}

/// A provider, and what is known of it.
pub(crate) struct Provider {
    pub(super) setting: Setting,
    known: Mutex<Known>,
}

/// Where somebody is sent with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving<'a> {
    pub(super) redirect_uri: &'a str,
    pub(super) state: &'a str,
    pub(super) nonce: &'a str,
    /// SHA-256 of PKCE's secret, base64url.
    pub(super) challenge: &'a str,
}

#[derive(Deserialize)]
struct Given {
    id_token: String,
}

#[derive(Deserialize)]
struct NotGiven {
    error: String,
}

impl Provider {
    pub(super) fn new(setting: Setting) -> Self {
        Self {
            setting,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn discovered(
        &self,
        outbound: &Outbound,
        now: Duration,
    ) -> Result<Arc<Discovered>, Useless> {
        if let Some((at, discovered)) = &self.known().discovered
            && now.saturating_sub(*at) < KEPT
        {
            return Ok(Arc::clone(discovered));
        }
        let base = self.setting.issuer.trim_end_matches('/');
        let told: Discovered = asked(
            outbound,
            &format!("{base}/.well-known/openid-configuration"),
        )
        .await?;
        if told.issuer != self.setting.issuer {
            return Err(Useless::Strange(format!(
                "it calls itself `{}`: set `issuer` to that if it is right",
                told.issuer
            )));
        }
        for url in [
            &told.authorization_endpoint,
            &told.token_endpoint,
            &told.jwks_uri,
        ] {
            // Who is reached over TLS sends nobody's secrets to where there is none.
            let is_like = url.starts_with("https:") || !self.setting.issuer.starts_with("https:");
            if !is_address(url) || !is_like {
                return Err(Useless::Strange(format!("it names the address `{url}`")));
            }
        }
        let told = Arc::new(told);
        self.known().discovered = Some((now, Arc::clone(&told)));
        Ok(told)
    }

    /// Its keys; asked for again when `anew`, but not by everybody who comes with a key that is not known.
    pub(super) async fn keys(
        &self,
        outbound: &Outbound,
        now: Duration,
        anew: bool,
    ) -> Result<Arc<[Key]>, Useless> {
        {
            let mut known = self.known();
            let tried = known.anew.is_some_and(|at| now.saturating_sub(at) < AGAIN);
            if let Some((at, keys)) = &known.keys
                && (tried || !anew)
                && now.saturating_sub(*at) < KEPT
            {
                return Ok(Arc::clone(keys));
            }
            known.anew = anew.then_some(now).or(known.anew);
        }
        let discovered = self.discovered(outbound, now).await?;
        let url = &discovered.jwks_uri;
        let answered = outbound.get(url).await?;
        let keys = Key::all(&answered.body).filter(|_| answered.status.is_success());
        let keys: Arc<[Key]> = keys
            .ok_or_else(|| Useless::Strange(format!("its keys at {url} cannot be read")))?
            .into();
        self.known().keys = Some((now, Arc::clone(&keys)));
        Ok(keys)
    }

    /// The address that somebody is sent to.
    pub(super) async fn door(
        &self,
        outbound: &Outbound,
        leaving: Leaving<'_>,
        now: Duration,
    ) -> Result<String, Useless> {
        let discovered = self.discovered(outbound, now).await?;
        let door = &discovered.authorization_endpoint;
        let query = Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.setting.client)
            .append_pair("redirect_uri", leaving.redirect_uri)
            .append_pair("scope", "openid")
            .append_pair("state", leaving.state)
            .append_pair("nonce", leaving.nonce)
            .append_pair("code_challenge", leaving.challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        let joint = if door.contains('?') { '&' } else { '?' };
        Ok(format!("{door}{joint}{query}"))
    }

    /// Whether it says in each answer who it is.
    pub(super) async fn names_itself(
        &self,
        outbound: &Outbound,
        now: Duration,
    ) -> Result<bool, Useless> {
        let discovered = self.discovered(outbound, now).await?;
        Ok(discovered.authorization_response_iss_parameter_supported)
    }

    /// The code, with how we prove to be who it is for.
    fn form(
        &self,
        discovered: &Discovered,
        (code, verifier, redirect_uri): (&str, &str, &str),
    ) -> Form {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("code_verifier", verifier);
        let client = &self.setting.client;
        let ways = discovered.token_endpoint_auth_methods_supported.as_deref();
        // What is not said is `client_secret_basic`.
        let by_header = ways.is_none_or(|ways| ways.iter().any(|way| way == "client_secret_basic"));
        let mut authorization = None;
        match &self.setting.secret {
            Some(secret) if by_header => authorization = Some(basic(client, secret)),
            Some(secret) => {
                form.append_pair("client_id", client)
                    .append_pair("client_secret", secret);
            }
            None => {
                form.append_pair("client_id", client);
            }
        }
        Form {
            body: form.finish(),
            authorization,
        }
    }

    /// What it gives for a code: a token that says who came.
    pub(super) async fn exchange(
        &self,
        outbound: &Outbound,
        (code, verifier, redirect_uri): (&str, &str, &str),
        now: Duration,
    ) -> Result<String, Useless> {
        let discovered = self.discovered(outbound, now).await?;
        let form = self.form(&discovered, (code, verifier, redirect_uri));
        let answered = outbound.post(&discovered.token_endpoint, form).await?;
        if answered.status.is_success() {
            let given: Given = serde_json::from_slice(&answered.body)
                .map_err(|_| Useless::Strange("it gives no id_token".to_owned()))?;
            return Ok(given.id_token);
        }
        match serde_json::from_slice::<NotGiven>(&answered.body) {
            Ok(not) if answered.status.is_client_error() => {
                Err(Useless::Refused(not.error.chars().take(60).collect()))
            }
            _ => Err(Useless::Strange(format!(
                "it answers {} to a code",
                answered.status
            ))),
        }
    }
}

/// RFC 6749, section 2.3.1: both are encoded as in a form first.
fn basic(client: &str, secret: &str) -> String {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let both = format!("{}:{}", encoded(client), encoded(secret));
    format!("Basic {}", STANDARD.encode(both))
}

async fn asked<T: serde::de::DeserializeOwned>(
    outbound: &Outbound,
    url: &str,
) -> Result<T, Useless> {
    let answered = outbound.get(url).await?;
    if !answered.status.is_success() {
        return Err(Useless::Strange(format!(
            "{url} is answered {}",
            answered.status
        )));
    }
    serde_json::from_slice(&answered.body)
        .map_err(|error| Useless::Strange(format!("{url} is not what it should be: {error}")))
}
