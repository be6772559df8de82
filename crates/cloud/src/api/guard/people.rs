//! Who calls.

use axum::http::request::Parts;

use super::{Needs, Rule};
use crate::api::Api;
use crate::api::caller::{Asking, SignedIn, asking, who};
use crate::api::problem::Problem;

/// Whoever comes.
pub(in crate::api) struct Anyone;

impl Rule for Anyone {
    type Proof = ();
    const NEEDS: Needs = Needs::Nothing;

    async fn check(_: &Api, _: &mut Parts) -> Result<(), Problem> {
        Ok(())
    }
}

/// A session, however far it went: for what a half one needs, too.
pub(in crate::api) struct AnySession;

impl Rule for AnySession {
    type Proof = SignedIn;
    const NEEDS: Needs = Needs::AnySession;

    async fn check(api: &Api, parts: &mut Parts) -> Result<SignedIn, Problem> {
        let me = who(api, parts).await?;
        let session = matches!(
            me.actor.credential,
            solthrive_domain::access::Credential::Session(_)
        );
        if session {
            Ok(me)
        } else {
            Err(Problem::session_needed())
        }
    }
}

/// Whoever proved all that is asked of him: a person, an app that one let in, a partner's program.
pub(in crate::api) struct Caller;

impl Rule for Caller {
    type Proof = Asking;
    const NEEDS: Needs = Needs::Caller;

    async fn check(api: &Api, parts: &mut Parts) -> Result<Asking, Problem> {
        let me = asking(api, parts).await?;
        if me.actor.credential.ceiling().is_empty() {
            return Err(Problem::second_factor());
        }
        Ok(me)
    }
}

/// A person who proved all that is asked of him, himself.
pub(in crate::api) struct Person;

impl Rule for Person {
    type Proof = SignedIn;
    const NEEDS: Needs = Needs::Person;

    async fn check(api: &Api, parts: &mut Parts) -> Result<SignedIn, Problem> {
        Caller::check(api, parts).await?.person()
    }
}

/// Somebody at a browser: what makes new rights is not done with a token.
pub(in crate::api) struct FullSession;

impl Rule for FullSession {
    type Proof = SignedIn;
    const NEEDS: Needs = Needs::FullSession;

    async fn check(api: &Api, parts: &mut Parts) -> Result<SignedIn, Problem> {
        let me = Person::check(api, parts).await?;
        let full = me.actor.credential.is_full_session();
        if full {
            Ok(me)
        } else {
            Err(Problem::session_needed())
        }
    }
}
