//! Access rules, as types: a handler says in its first argument what right it needs, and gets it.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::Deserialize;
use solthrive_cloud_store::people::Home;
use solthrive_domain::access::{
    CommissioningOrg, ManagedOrg, Operator, OwnedSite, Reach, ReadableFleet, ReadableOrg,
    ReadableSite, Scope,
};
use solthrive_domain::{DeviceId, OrgId, SiteId};
use uuid::Uuid;

use super::Api;
use super::caller::{Asking, SignedIn, asking, who};
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

/// Whoever comes.
pub(super) struct Anyone;

impl Rule for Anyone {
    type Proof = ();
    const NEEDS: Needs = Needs::Nothing;

    async fn check(_: &Api, _: &mut Parts) -> Result<(), Problem> {
        Ok(())
    }
}

/// A session, however far it went: for what a half one needs, too.
pub(super) struct AnySession;

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
pub(super) struct Caller;

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
pub(super) struct Person;

impl Rule for Person {
    type Proof = SignedIn;
    const NEEDS: Needs = Needs::Person;

    async fn check(api: &Api, parts: &mut Parts) -> Result<SignedIn, Problem> {
        let me = who(api, parts).await?;
        if me.actor.credential.ceiling().is_empty() {
            return Err(Problem::second_factor());
        }
        Ok(me)
    }
}

/// Somebody at a browser: what makes new rights is not done with a token.
pub(super) struct FullSession;

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

/// The site of the path, with whatever right the caller has there.
pub(super) struct AtSite;

impl Rule for AtSite {
    type Proof = (Asking, Home);
    const NEEDS: Needs = Needs::Site;

    async fn check(api: &Api, parts: &mut Parts) -> Result<(Asking, Home), Problem> {
        let me = Caller::check(api, parts).await?;
        let site = ids(parts).await?.site.ok_or(Problem::not_found())?;
        let site = SiteId::from_uuid(site);
        let home = api.homes.home(&me.actor, site, api.clock.now()).await?;
        Ok((me, home.ok_or(Problem::not_found())?))
    }
}

/// A scope as a type.
pub(super) trait Marks: Send + Sync + 'static {
    /// Which one.
    const SCOPE: Scope;
}

/// [`Scope::Live`].
pub(super) struct Live;
impl Marks for Live {
    const SCOPE: Scope = Scope::Live;
}
/// [`Scope::Alerts`].
pub(super) struct Alerts;
impl Marks for Alerts {
    const SCOPE: Scope = Scope::Alerts;
}
/// [`Scope::ConfigRead`].
pub(super) struct ConfigRead;
impl Marks for ConfigRead {
    const SCOPE: Scope = Scope::ConfigRead;
}

/// A scope at the site of the path.
pub(super) struct Reads<S>(PhantomData<S>);

impl<S: Marks> Rule for Reads<S> {
    type Proof = (Home, ReadableSite);
    const NEEDS: Needs = Needs::Scope(S::SCOPE);

    async fn check(api: &Api, parts: &mut Parts) -> Result<(Home, ReadableSite), Problem> {
        let (_, home) = AtSite::check(api, parts).await?;
        let right = home.access.readable(S::SCOPE);
        let right = right.ok_or(Problem::not_allowed())?;
        Ok((home, right))
    }
}

/// Exports of the site of the path, for a person: its owner, or to whom it was given. A visit looks, and takes nothing along.
pub(super) struct Exports;

impl Rule for Exports {
    type Proof = (SignedIn, Home, ReadableSite);
    const NEEDS: Needs = Needs::Exporter;

    async fn check(api: &Api, parts: &mut Parts) -> Result<Self::Proof, Problem> {
        let (me, home) = AtSite::check(api, parts).await?;
        let looks = |reach| matches!(reach, Reach::Support(_));
        let given = !home.access.reaches().all(looks);
        let right = home.access.readable(Scope::Export).filter(|_| given);
        let right = right.ok_or(Problem::not_allowed())?;
        Ok((me.person()?, home, right))
    }
}

/// A scope at the site where the device of the path is now.
pub(super) struct ReadsDevice<S>(PhantomData<S>);

impl<S: Marks> Rule for ReadsDevice<S> {
    type Proof = (DeviceId, ReadableSite);
    const NEEDS: Needs = Needs::Scope(S::SCOPE);

    async fn check(api: &Api, parts: &mut Parts) -> Result<(DeviceId, ReadableSite), Problem> {
        let me = Caller::check(api, parts).await?;
        let device = ids(parts).await?.device.ok_or(Problem::not_found())?;
        let device = DeviceId::from_uuid(device);
        let now = api.clock.now();
        let home = api.homes.home_of(&me.actor, device, now).await?;
        let right = home.ok_or(Problem::not_found())?;
        let right = right.access.readable(S::SCOPE);
        Ok((device, right.ok_or(Problem::not_allowed())?))
    }
}

/// The site of the path is the caller's own.
pub(super) struct Owns;

impl Rule for Owns {
    type Proof = (SignedIn, OwnedSite);
    const NEEDS: Needs = Needs::Owner;

    async fn check(api: &Api, parts: &mut Parts) -> Result<(SignedIn, OwnedSite), Problem> {
        let (me, home) = AtSite::check(api, parts).await?;
        let owned = home.access.owned().ok_or(Problem::not_allowed())?;
        Ok((me.person()?, owned))
    }
}

/// The same, with the site as it is.
pub(super) struct OwnsHome;

impl Rule for OwnsHome {
    type Proof = (SignedIn, Home, OwnedSite);
    const NEEDS: Needs = Needs::Owner;

    async fn check(api: &Api, parts: &mut Parts) -> Result<Self::Proof, Problem> {
        let (me, home) = AtSite::check(api, parts).await?;
        let owned = home.access.owned().ok_or(Problem::not_allowed())?;
        Ok((me.person()?, home, owned))
    }
}

/// The caller belongs to the installer of the path.
pub(super) struct WorksFor;

impl Rule for WorksFor {
    type Proof = ReadableFleet;
    const NEEDS: Needs = Needs::Fleet;

    async fn check(api: &Api, parts: &mut Parts) -> Result<ReadableFleet, Problem> {
        let me = Caller::check(api, parts).await?;
        let org = ids(parts).await?.installer.ok_or(Problem::not_found())?;
        let fleet = me.actor.reads_fleet(OrgId::from_uuid(org));
        fleet.ok_or(Problem::not_found())
    }
}

async fn org_of(parts: &mut Parts) -> Result<OrgId, Problem> {
    let org = ids(parts).await?.org.ok_or(Problem::not_found())?;
    Ok(OrgId::from_uuid(org))
}

/// The caller belongs to the org of the path.
pub(super) struct Belongs;

impl Rule for Belongs {
    type Proof = ReadableOrg;
    const NEEDS: Needs = Needs::Member;

    async fn check(api: &Api, parts: &mut Parts) -> Result<ReadableOrg, Problem> {
        let me = Person::check(api, parts).await?;
        let org = org_of(parts).await?;
        me.actor.reads_org(org).ok_or(Problem::not_found())
    }
}

/// The caller manages the org of the path.
pub(super) struct Manages;

impl Rule for Manages {
    type Proof = (SignedIn, ManagedOrg);
    const NEEDS: Needs = Needs::Manager;

    async fn check(api: &Api, parts: &mut Parts) -> Result<(SignedIn, ManagedOrg), Problem> {
        let me = Person::check(api, parts).await?;
        let org = org_of(parts).await?;
        me.actor.reads_org(org).ok_or(Problem::not_found())?;
        let managed = me.actor.manages_org(org).ok_or(Problem::not_allowed())?;
        Ok((me, managed))
    }
}

/// The caller commissions homes for the installer of the path.
pub(super) struct Commissions;

impl Rule for Commissions {
    type Proof = (SignedIn, CommissioningOrg);
    const NEEDS: Needs = Needs::Commissioner;

    async fn check(api: &Api, parts: &mut Parts) -> Result<(SignedIn, CommissioningOrg), Problem> {
        let me = Person::check(api, parts).await?;
        let org = ids(parts).await?.installer.ok_or(Problem::not_found())?;
        let org = OrgId::from_uuid(org);
        me.actor.reads_org(org).ok_or(Problem::not_found())?;
        let right = me.actor.commissions_for(org);
        Ok((me, right.ok_or(Problem::not_allowed())?))
    }
}

/// The caller is an admin of the platform.
pub(super) struct RunsThePlatform;

impl Rule for RunsThePlatform {
    type Proof = (SignedIn, Operator);
    const NEEDS: Needs = Needs::Platform;

    async fn check(api: &Api, parts: &mut Parts) -> Result<(SignedIn, Operator), Problem> {
        let me = Person::check(api, parts).await?;
        let operator = me.actor.operator().ok_or(Problem::not_found())?;
        Ok((me, operator))
    }
}
