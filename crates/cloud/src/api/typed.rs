//! What people type, checked once.

use jiff::Timestamp;
use solthrive_cloud_store::people::EmailKey;
use solthrive_domain::access::{Scope, Scopes};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::units::Watts;

use super::problem::Problem;

/// The largest array, kW.
const LARGEST: f64 = 10_000.0;

/// An address that was typed: as it was, and as it is compared.
pub(super) fn address(text: &str) -> Result<(String, EmailKey), Problem> {
    let key = EmailKey::of(text);
    let key = key.map_err(|_| Problem::field("email", "no e-mail address"))?;
    Ok((text.trim().to_owned(), key))
}

/// A name as a person may give it.
pub(super) fn name_of(typed: &str) -> Result<String, Problem> {
    let name = typed.trim();
    let sound =
        !name.is_empty() && name.chars().count() <= 100 && !name.chars().any(char::is_control);
    let problem = || Problem::field("name", "1 to 100 letters, in one line");
    sound.then(|| name.to_owned()).ok_or_else(problem)
}

/// At least one scope.
pub(super) fn scopes_of(named: &[String]) -> Result<Scopes, Problem> {
    let scopes = named.iter().map(|name| name.parse::<Scope>());
    let scopes: Result<Scopes, _> = scopes.collect();
    let scopes = scopes.map_err(|error| Problem::field("scopes", error.to_string()))?;
    if scopes.is_empty() {
        return Err(Problem::field("scopes", "name at least one"));
    }
    Ok(scopes)
}

/// A time to come.
pub(super) fn ends(at: Timestamp, now: UnixMillis) -> Result<UnixMillis, Problem> {
    let at = UnixMillis::try_from(at).ok().filter(|at| *at > now);
    at.ok_or_else(|| Problem::field("expires_at", "a time to come"))
}

/// How many lines of a list at most.
pub(super) fn limit(asked: Option<u32>, usual: u32) -> Result<u32, Problem> {
    let most = asked.unwrap_or(usual);
    let fits = (1..=500).contains(&most);
    fits.then_some(most)
        .ok_or_else(|| Problem::field("limit", "1 to 500"))
}

/// Whole watts of an array's nameplate in kW.
pub(super) fn watts_of(size_kw: f64) -> Result<u32, Problem> {
    let fits = (0.0..=LARGEST).contains(&size_kw);
    let watts = Watts::from_kw(size_kw).ok().filter(|_| fits);
    let watts = watts.and_then(|watts| format!("{:.0}", watts.get()).parse().ok());
    watts.ok_or_else(|| Problem::field("size_kw", "0 to 10,000"))
}
