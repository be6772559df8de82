//! Passwords: hashed slowly, a few at a time, so that signing in cannot starve what devices deliver.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use aws_lc_rs::rand;
use tokio::sync::Semaphore;
use tokio::task;

use crate::secrets::NoRandomness;

/// Hashes at a time.
const AT_ONCE: usize = 2;
/// Callers that wait for their turn; who comes beyond is sent away.
const WAITING: usize = 64;
/// Of a password; longer ones are no safer and cost more.
pub(super) const LONGEST: usize = 256;
/// Letters that a password has at least: shorter ones are guessed.
pub const SHORTEST: usize = 12;

/// How slow a hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// 19 MiB, two passes, one lane: what OWASP names first for argon2id.
    Usual,
    /// As little as there can be, for tests of something else.
    Least,
}

/// A password could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoHash {
    /// Too many sign in at once.
    #[error("too many sign in at once")]
    Busy,
    /// The machine has no memory or no chance for it.
    #[error("a password could not be hashed")]
    Broken,
}

/// The pool that hashes.
#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    params: Params,
    /// Of a password that nobody has: who is not known is checked as long as who is.
    nobody: Arc<str>,
}

impl Passwords {
    /// A pool.
    ///
    /// # Errors
    /// [`NoHash::Broken`].
    pub fn new(cost: Cost) -> Result<Self, NoHash> {
        let params = match cost {
            Cost::Usual => Params::new(19 * 1024, 2, 1, None),
            Cost::Least => Params::new(Params::MIN_M_COST, 1, 1, None),
        };
        let params = params.map_err(|_| NoHash::Broken)?;
        let nobody = hash(&params, b"a password that nobody has")?;
        Ok(Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            queue: Arc::new(Semaphore::new(WAITING)),
            params,
            nobody: nobody.into(),
        })
    }

    /// The hash of a password in the PHC form.
    ///
    /// # Errors
    /// [`NoHash`].
    pub async fn hash(&self, password: String) -> Result<String, NoHash> {
        let params = self.params.clone();
        self.in_turn(move || hash(&params, password.as_bytes()))
            .await?
    }

    /// Whether this is the password of the hash. Without a hash it is not, after the same time.
    pub(super) async fn is(&self, password: String, known: Option<String>) -> Result<bool, NoHash> {
        let (argon, nobody) = (argon(&self.params), Arc::clone(&self.nobody));
        self.in_turn(move || {
            let hash = known.as_deref().unwrap_or(&nobody);
            let same = argon.verify_password(password.as_bytes(), hash).is_ok();
            same && known.is_some()
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NoHash> {
        let _place = self.queue.try_acquire().map_err(|_| NoHash::Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| NoHash::Broken)?;
        let done = task::spawn_blocking(move || {
            // Held by the work, not by the caller: one that hangs up must not let in another beside it.
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| NoHash::Broken)
    }
}

fn argon(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

fn hash(params: &Params, password: &[u8]) -> Result<String, NoHash> {
    let mut salt = [0; 16];
    rand::fill(&mut salt)
        .map_err(|_| NoRandomness)
        .map_err(|_| NoHash::Broken)?;
    let hash = argon(params).hash_password_with_salt(password, &salt);
    Ok(hash.map_err(|_| NoHash::Broken)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let passwords = Passwords::new(Cost::Least).unwrap();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        let is = |typed: &str, hash: Option<&String>| passwords.is(typed.to_owned(), hash.cloned());
        assert_eq!(is("correct horse", Some(&hash)).await, Ok(true));
        assert_eq!(is("correct hors", Some(&hash)).await, Ok(false));
        assert_eq!(is("a password that nobody has", None).await, Ok(false));
        let garbage = "$argon2id$garbage".to_owned();
        assert_eq!(is("x", Some(&garbage)).await, Ok(false));
    }

    #[tokio::test]
    async fn the_same_password_has_another_hash_each_time() {
        let passwords = Passwords::new(Cost::Least).unwrap();
        let of = || passwords.hash("correct horse".to_owned());
        assert_ne!(of().await, of().await);
    }
}
