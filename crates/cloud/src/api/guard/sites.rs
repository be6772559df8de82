//! What the caller may at a site.

use std::marker::PhantomData;

use axum::http::request::Parts;
use solthrive_cloud_store::people::Home;
use solthrive_domain::access::{OwnedSite, Reach, ReadableSite, Scope};
use solthrive_domain::{DeviceId, SiteId};

use super::people::Caller;
use super::{Needs, Rule, ids};
use crate::api::Api;
use crate::api::caller::{Asking, SignedIn};
use crate::api::problem::Problem;

/// The site of the path, with whatever right the caller has there.
pub(in crate::api) struct AtSite;

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
pub(in crate::api) trait Marks: Send + Sync + 'static {
    /// Which one.
    const SCOPE: Scope;
}

/// [`Scope::Live`].
pub(in crate::api) struct Live;
impl Marks for Live {
    const SCOPE: Scope = Scope::Live;
}
/// [`Scope::Alerts`].
pub(in crate::api) struct Alerts;
impl Marks for Alerts {
    const SCOPE: Scope = Scope::Alerts;
}
/// [`Scope::ConfigRead`].
pub(in crate::api) struct ConfigRead;
impl Marks for ConfigRead {
    const SCOPE: Scope = Scope::ConfigRead;
}

/// A scope at the site of the path.
pub(in crate::api) struct Reads<S>(PhantomData<S>);

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
pub(in crate::api) struct Exports;

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
pub(in crate::api) struct ReadsDevice<S>(PhantomData<S>);

impl<S: Marks> Rule for ReadsDevice<S> {
    type Proof = (DeviceId, Home, ReadableSite);
    const NEEDS: Needs = Needs::Scope(S::SCOPE);

    async fn check(api: &Api, parts: &mut Parts) -> Result<Self::Proof, Problem> {
        let me = Caller::check(api, parts).await?;
        let device = ids(parts).await?.device.ok_or(Problem::not_found())?;
        let device = DeviceId::from_uuid(device);
        let now = api.clock.now();
        let home = api.homes.home_of(&me.actor, device, now).await?;
        let home = home.ok_or(Problem::not_found())?;
        let right = home.access.readable(S::SCOPE);
        let right = right.ok_or(Problem::not_allowed())?;
        Ok((device, home, right))
    }
}

/// The site of the path is the caller's own.
pub(in crate::api) struct Owns;

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
pub(in crate::api) struct OwnsHome;

impl Rule for OwnsHome {
    type Proof = (SignedIn, Home, OwnedSite);
    const NEEDS: Needs = Needs::Owner;

    async fn check(api: &Api, parts: &mut Parts) -> Result<Self::Proof, Problem> {
        let (me, home) = AtSite::check(api, parts).await?;
        let owned = home.access.owned().ok_or(Problem::not_allowed())?;
        Ok((me.person()?, home, owned))
    }
}
