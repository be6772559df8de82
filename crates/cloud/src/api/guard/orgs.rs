//! What the caller may for an org, or for the platform.

use axum::http::request::Parts;
use solthrive_domain::OrgId;
use solthrive_domain::access::{
    CommissioningOrg, ManagedOrg, Operator, ReadableFleet, ReadableOrg,
};

use super::people::{Caller, Person};
use super::{Needs, Rule, ids};
use crate::api::Api;
use crate::api::caller::SignedIn;
use crate::api::problem::Problem;

/// The caller belongs to the installer of the path.
pub(in crate::api) struct WorksFor;

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
pub(in crate::api) struct Belongs;

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
pub(in crate::api) struct Manages;

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
pub(in crate::api) struct Commissions;

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
pub(in crate::api) struct RunsThePlatform;

impl Rule for RunsThePlatform {
    type Proof = (SignedIn, Operator);
    const NEEDS: Needs = Needs::Platform;

    async fn check(api: &Api, parts: &mut Parts) -> Result<(SignedIn, Operator), Problem> {
        let me = Person::check(api, parts).await?;
        let operator = me.actor.operator().ok_or(Problem::not_found())?;
        Ok((me, operator))
    }
}
