//! Access rules, as types: a handler says in its first argument what right it needs, and gets it.

mod orgs;
mod people;
mod sites;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::Deserialize;
use solthrive_domain::access::Scope;
use uuid::Uuid;

pub(super) use self::orgs::{Belongs, Commissions, Manages, RunsThePlatform, WorksFor};
pub(super) use self::people::{AnySession, Anyone, Caller, FullSession, Person};
pub(super) use self::sites::{
    Alerts, AtSite, ConfigRead, Exports, Live, Owns, OwnsHome, Reads, ReadsDevice,
};
use super::Api;
use super::problem::Problem;

/// What an operation needs, for the document and for the tests that walk all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: whoever comes may call it.
    Nothing,
    /// A session, also one whose second factor is missing.
    AnySession,
    /// A session that went all the way, a token, or a program.
    Caller,
    /// A session that went all the way, or a person's own token.
    Person,
    /// A session that went all the way.
    FullSession,
    /// Any right at the site of the path.
    Site,
    /// This scope at the site of the path.
    Scope(Scope),
    /// To be a person with the scope `export` at the site of the path.
    Exporter,
    /// To own the site of the path.
    Owner,
    /// To belong to the installer of the path.
    Fleet,
    /// To belong to the org of the path.
    Member,
    /// To manage the org of the path.
    Manager,
    /// To commission homes for the installer of the path.
    Commissioner,
    /// To run the platform.
    Platform,
}

/// A right, given by its rule. There is no other way to make one.
pub(super) struct Allowed<R: Rule>(pub(super) R::Proof);

/// An access rule.
pub(super) trait Rule: Send + Sync + 'static {
    /// What the handler gets.
    type Proof: Send;
    /// What it is about.
    const NEEDS: Needs;

    /// Gives the right, or says why not.
    fn check(
        api: &Api,
        parts: &mut Parts,
    ) -> impl Future<Output = Result<Self::Proof, Problem>> + Send;
}

impl<R: Rule> FromRequestParts<Arc<Api>> for Allowed<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        R::check(api, parts).await.map(Self)
    }
}

/// The arguments of a handler that begin with a right.
pub(super) trait Guarded {
    /// Of the right.
    const NEEDS: Needs;
}

macro_rules! guarded {
    ($($argument:ident),*) => {
        impl<M, R: Rule, $($argument),*> Guarded for (M, Allowed<R>, $($argument,)*) {
            const NEEDS: Needs = R::NEEDS;
        }
    };
}
guarded!();
guarded!(A);
guarded!(A, B);
guarded!(A, B, C);
guarded!(A, B, C, D);
guarded!(A, B, C, D, E);

/// The ids of a path; what is no id leads nowhere.
#[derive(Deserialize)]
struct Ids {
    site: Option<Uuid>,
    installer: Option<Uuid>,
    org: Option<Uuid>,
    device: Option<Uuid>,
}

async fn ids(parts: &mut Parts) -> Result<Ids, Problem> {
    let ids = Path::<Ids>::from_request_parts(parts, &()).await;
    ids.map(|Path(ids)| ids).map_err(|_| Problem::not_found())
}
