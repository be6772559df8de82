//! Keys of access tokens: drawn by whoever signs first, believed until the last token of them has ended.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use solthrive_cloud_store::people::SigningKey;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::Api;
use super::jwt::{Claims, LASTS_MS, Realm, Unproven, write};
use super::problem::Problem;
use crate::clock::new_id;

/// How long a key signs, ms.
const SIGNS_MS: i64 = 30 * 86_400_000;
/// Keys are read from the database again after this long.
const CACHED: Duration = Duration::from_secs(30);
/// A key's row goes so long after its last token ended.
const KEPT_MS: i64 = 86_400_000;

/// The keys as the database had them not long ago.
#[derive(Debug, Default)]
pub(super) struct Keys(Mutex<Option<(Duration, Arc<[SigningKey]>)>>);

impl Keys {
    fn cached(&self, elapsed: Duration) -> Option<Arc<[SigningKey]>> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, keys) = cached.as_ref()?;
        (elapsed.saturating_sub(*read_at) < CACHED).then(|| Arc::clone(keys))
    }

    fn keep(&self, elapsed: Duration, keys: &Arc<[SigningKey]>) {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *cached = Some((elapsed, Arc::clone(keys)));
    }
}

fn later(now: UnixMillis, ms: i64) -> UnixMillis {
    now.plus_ms(ms)
}

/// Who writes our tokens and for whom they are.
pub(super) fn realm(api: &Api) -> Realm {
    let issuer = api.mail.public_url().to_owned();
    Realm {
        audience: format!("{issuer}/api/v1"),
        issuer,
    }
}

/// Whether a token of this key may still count.
fn is_believed(key: &SigningKey, now: UnixMillis) -> bool {
    later(key.retires_at, LASTS_MS) > now
}

/// Keys whose tokens may still count, read from the database.
async fn read(api: &Api) -> Result<Arc<[SigningKey]>, Problem> {
    // Before the question, not after it: what is newer than the answer is not taken for part of it.
    let elapsed = api.clock.elapsed();
    let after = later(api.clock.now(), -LASTS_MS);
    let keys = api.programs.signing_keys(after).await?.into();
    api.keys.keep(elapsed, &keys);
    Ok(keys)
}

/// Keys whose tokens may still count, as they were at most 30 s ago.
pub(super) async fn believed(api: &Api) -> Result<Vec<SigningKey>, Problem> {
    let keys = match api.keys.cached(api.clock.elapsed()) {
        Some(keys) => keys,
        None => read(api).await?,
    };
    let now = api.clock.now();
    let believed = keys.iter().filter(|key| is_believed(key, now));
    Ok(believed.cloned().collect())
}

/// Whom a token speaks for; `None` for one that is not ours, or does not count now.
pub(super) async fn claims_of(api: &Api, token: &str) -> Result<Option<Claims>, Problem> {
    let Some(token) = Unproven::read(token) else {
        return Ok(None);
    };
    let mut known = believed(api).await?.into_iter();
    let key = match known.find(|key| key.id == token.kid) {
        Some(key) => Some(key),
        // Another node may have drawn it just now. It costs what any wrong token costs: one look by its id.
        None => api.programs.signing_key(token.kid).await?,
    };
    let now = api.clock.now();
    let key = key.filter(|key| is_believed(key, now));
    Ok(key.and_then(|key| token.proven(&key.public, &realm(api), now)))
}

/// A signed token.
pub(super) async fn sign(api: &Api, claims: &Claims) -> Result<String, Problem> {
    let now = api.clock.now();
    let signs = |key: &SigningKey| key.retires_at > now;
    let key = match believed(api).await?.into_iter().find(signs) {
        Some(key) => key,
        None => {
            let forget = later(now, -LASTS_MS - KEPT_MS);
            let key = draw(api, now)?;
            api.programs.add_signing_key(&key, forget, now).await?;
            let mut keys = read(api).await?.to_vec().into_iter();
            keys.find(signs).ok_or(Problem::unavailable())?
        }
    };
    let opened = api.seals.open(&context(key.id), &key.sealed);
    let opened = opened.map_err(|error| {
        tracing::error!(%error, key = %key.id, "a signing key");
        Problem::internal()
    })?;
    let pair = Ed25519KeyPair::from_pkcs8(&opened).map_err(|_| Problem::internal())?;
    let token = write((key.id, &pair), &realm(api), claims, new_id(), now);
    token.ok_or(Problem::internal())
}

/// Sealed with it: what is moved to another key's row, or to a person's, does not open.
fn context(key: Uuid) -> Vec<u8> {
    [b"signing key ".as_slice(), key.as_bytes()].concat()
}

fn draw(api: &Api, now: UnixMillis) -> Result<SigningKey, Problem> {
    let id = new_id();
    let private = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    let private = private.map_err(|_| Problem::unavailable())?;
    let pair = Ed25519KeyPair::from_pkcs8(private.as_ref()).map_err(|_| Problem::internal())?;
    let sealed = api.seals.seal(&context(id), private.as_ref());
    Ok(SigningKey {
        id,
        public: pair.public_key().as_ref().to_vec(),
        sealed: sealed.map_err(|_| Problem::unavailable())?,
        retires_at: later(now, SIGNS_MS),
    })
}
