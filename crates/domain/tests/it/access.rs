//! Who may do what at a site, in an org, on the platform.

use std::collections::BTreeSet;

use solthrive_domain::access::{
    Actor, Basis, Credential, FactorFacts, Grant, Grantee, Membership, OrgKind, Reach, Role, Scope,
    Scopes, SecondFactor, SiteFacts, Support,
};
use solthrive_domain::command::Kind;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{GrantId, OrgId, SiteId, SupportId, UserId};
use uuid::Uuid;

const DAY: i64 = 86_400_000;

fn at(day: i64) -> UnixMillis {
    UnixMillis::try_from(1_700_000_000_000 + day * DAY).unwrap()
}

fn org(n: u128) -> OrgId {
    OrgId::from_uuid(Uuid::from_u128(n))
}

fn site(n: u128) -> SiteId {
    SiteId::from_uuid(Uuid::from_u128(n))
}

const HOME: u128 = 1;
const INSTALLER: u128 = 2;
const PLATFORM: u128 = 3;

fn member(kind: OrgKind, of: u128, role: Role) -> Actor {
    Actor {
        user: Some(UserId::from_uuid(Uuid::from_u128(9))),
        client: None,
        credential: Credential::Session(SecondFactor::Passed),
        memberships: vec![Membership {
            org: org(of),
            kind,
            role,
        }],
        support: Vec::new(),
    }
}

fn owner() -> Actor {
    member(OrgKind::Household, HOME, Role::Admin)
}

fn installer() -> Actor {
    member(OrgKind::Installer, INSTALLER, Role::Technician)
}

fn home(grants: Vec<Grant>) -> SiteFacts {
    SiteFacts {
        site: site(1),
        owner: org(HOME),
        owner_data_from: None,
        handed_over_at: None,
        grants,
    }
}

fn grant(scopes: Scopes) -> Grant {
    Grant {
        id: GrantId::from_uuid(Uuid::from_u128(7)),
        grantee: Grantee::Org(org(INSTALLER)),
        scopes,
        basis: Basis::OwnerConsent,
        valid_from: at(10),
        valid_to: Some(at(20)),
        data_from: None,
        revoked_at: None,
    }
}

#[test]
fn an_owner_has_every_scope_and_the_rights_of_an_owner() {
    let access = owner().at(&home(Vec::new()), at(0)).unwrap();
    assert_eq!(access.scopes(), Scopes::ALL);
    assert!(access.owned().is_some());
    assert_eq!(access.reaches().collect::<Vec<_>>(), [Reach::Owner]);
}

#[test]
fn a_viewer_of_the_household_looks_and_changes_nothing() {
    let viewer = member(OrgKind::Household, HOME, Role::Viewer);
    let access = viewer.at(&home(Vec::new()), at(0)).unwrap();
    assert_eq!(access.scopes(), Scopes::LOOKING);
    assert!(access.writable(Scope::ConfigWrite).is_none());
    assert!(access.owned().is_none());
}

#[test]
fn a_stranger_learns_not_even_that_there_is_a_site() {
    let mut other = grant(Scopes::ALL);
    other.grantee = Grantee::Org(org(44));
    assert_eq!(installer().at(&home(vec![other]), at(15)), None);
    other.grantee = Grantee::User(UserId::from_uuid(Uuid::from_u128(10)));
    assert_eq!(installer().at(&home(vec![other]), at(15)), None);
}

#[test]
fn a_grant_counts_from_its_begin_to_its_end_and_until_it_is_revoked() {
    let scopes = |grant, day| {
        let access = installer().at(&home(vec![grant]), at(day));
        access.map_or(Scopes::NONE, |access| access.scopes())
    };
    let some = Scopes::of(&[Scope::Production, Scope::Alerts]);
    let mut given = grant(some);
    assert_eq!(scopes(given, 9), Scopes::NONE);
    assert_eq!(scopes(given, 10), some);
    assert_eq!(scopes(given, 19), some);
    assert_eq!(scopes(given, 20), Scopes::NONE);
    given.revoked_at = Some(at(12));
    assert_eq!(scopes(given, 11), some);
    assert_eq!(scopes(given, 12), Scopes::NONE);
    given.valid_to = None;
    assert_eq!(scopes(given, 400), Scopes::NONE);
}

#[test]
fn commissioning_shrinks_thirty_days_after_the_hand_over_and_not_before() {
    let mut built = grant(Scopes::ALL);
    (built.basis, built.valid_to) = (Basis::Commissioning, None);
    let mut facts = home(vec![built]);
    let scopes = |facts: &SiteFacts, day| installer().at(facts, at(day)).unwrap().scopes();
    assert_eq!(scopes(&facts, 500), Scopes::ALL);
    facts.handed_over_at = Some(at(20));
    assert_eq!(scopes(&facts, 49), Scopes::ALL);
    assert_eq!(scopes(&facts, 50), Scopes::AFTER_COMMISSIONING);
    facts.grants.push(grant(Scopes::of(&[Scope::Live])));
    facts.grants[1].valid_to = None;
    let more = Scopes::AFTER_COMMISSIONING.or(Scopes::of(&[Scope::Live]));
    assert_eq!(scopes(&facts, 50), more);
}

#[test]
fn a_grant_never_makes_an_owner() {
    let access = member(OrgKind::Installer, INSTALLER, Role::Admin)
        .at(&home(vec![grant(Scopes::ALL)]), at(15))
        .unwrap();
    assert!(access.owned().is_none());
    assert!(access.writable(Scope::Commands).is_some());
}

#[test]
fn each_scope_goes_back_as_far_as_the_source_that_gives_it() {
    let mut narrow = grant(Scopes::of(&[Scope::Production]));
    narrow.data_from = Some(at(5));
    let mut wide = grant(Scopes::of(&[Scope::Consumption, Scope::Production]));
    wide.data_from = Some(at(8));
    let access = installer().at(&home(vec![narrow, wide]), at(15)).unwrap();
    let production = access.readable(Scope::Production).unwrap();
    let consumption = access.readable(Scope::Consumption).unwrap();
    assert_eq!(production.since(), Some(at(5)));
    assert_eq!(consumption.since(), Some(at(8)));
    assert_eq!(access.readable(Scope::Live), None);
    let both = production.and(consumption).unwrap();
    assert_eq!(both.since(), Some(at(8)));
    assert_eq!(both.clamp(0..at(9).get()), at(8).get()..at(9).get());
}

#[test]
fn a_buyer_sees_nothing_that_the_seller_kept() {
    let mut facts = home(Vec::new());
    facts.owner_data_from = Some(at(3));
    let access = owner().at(&facts, at(15)).unwrap();
    let since = access.readable(Scope::Production).unwrap().since();
    assert_eq!(since, Some(at(3)));
}

#[test]
fn a_token_may_no_more_than_it_says_and_makes_no_rights() {
    let mut script = owner();
    script.credential = Credential::Token {
        ceiling: Scopes::of(&[Scope::Production]),
        only_sites: Some(BTreeSet::from([site(1)])),
    };
    let access = script.at(&home(Vec::new()), at(0)).unwrap();
    assert_eq!(access.scopes(), Scopes::of(&[Scope::Production]));
    assert!(access.owned().is_none());
    assert!(script.manages_org(org(HOME)).is_none());
    let mut elsewhere = home(Vec::new());
    elsewhere.site = site(2);
    assert_eq!(script.at(&elsewhere, at(0)), None);
}

#[test]
fn a_session_whose_second_factor_is_missing_is_good_for_nothing() {
    let mut half = member(OrgKind::Platform, PLATFORM, Role::Admin);
    half.credential = Credential::Session(SecondFactor::Missing);
    let mut facts = home(Vec::new());
    facts.owner = org(PLATFORM);
    assert_eq!(half.at(&facts, at(0)), None);
    assert!(half.operator().is_none());
    assert!(half.manages_org(org(PLATFORM)).is_none());
    assert!(half.reads_org(org(PLATFORM)).is_none());
}

#[test]
fn an_admin_sees_a_site_only_while_a_support_session_for_it_is_open() {
    let mut admin = member(OrgKind::Platform, PLATFORM, Role::Admin);
    let facts = home(Vec::new());
    assert_eq!(admin.at(&facts, at(15)), None);
    admin.support.push(Support {
        id: SupportId::from_uuid(Uuid::from_u128(1)),
        site: site(1),
        from: at(10),
        until: at(11),
    });
    assert!(admin.at(&facts, at(10)).is_some());
    assert_eq!(admin.at(&facts, at(11)), None);
    assert_eq!(admin.at(&facts, at(9)), None);
    admin.support[0].site = site(2);
    assert_eq!(admin.at(&facts, at(10)), None);
    let mut former = admin.clone();
    former.support[0].site = site(1);
    former.memberships.clear();
    assert_eq!(former.at(&facts, at(10)), None);
}

#[test]
fn only_admins_of_the_platform_operate_it_and_operating_shows_no_site() {
    let admin = member(OrgKind::Platform, PLATFORM, Role::Admin);
    let operator = admin.operator().unwrap();
    assert!(operator.may_read(site(1)).is_none());
    assert!(operator.by().to_string().starts_with("user:"));
    for actor in [
        member(OrgKind::Platform, PLATFORM, Role::Technician),
        member(OrgKind::Installer, INSTALLER, Role::Admin),
        owner(),
    ] {
        assert!(actor.operator().is_none());
    }
    let mut script = admin;
    script.credential = Credential::Token {
        ceiling: Scopes::ALL,
        only_sites: None,
    };
    assert!(script.operator().is_none());
}

#[test]
fn a_fleet_is_for_the_members_of_its_installer() {
    assert!(installer().reads_fleet(org(INSTALLER)).is_some());
    assert!(installer().reads_fleet(org(HOME)).is_none());
    assert!(owner().reads_fleet(org(HOME)).is_none());
    let mut confined = installer();
    confined.credential = Credential::Token {
        ceiling: Scopes::ALL,
        only_sites: Some(BTreeSet::new()),
    };
    assert!(confined.reads_fleet(org(INSTALLER)).is_none());
}

#[test]
fn a_second_factor_is_asked_of_who_set_one_up_and_of_staff_where_the_platform_says_so() {
    let of = |actor: &Actor, passed, set_up, asked_of_staff| {
        let facts = FactorFacts {
            passed,
            set_up,
            asked_of_staff,
        };
        SecondFactor::of(facts, &actor.memberships)
    };
    assert_eq!(of(&owner(), false, false, true), SecondFactor::NotAsked);
    assert_eq!(of(&owner(), false, true, false), SecondFactor::Missing);
    assert_eq!(of(&installer(), false, false, true), SecondFactor::Missing);
    assert_eq!(
        of(&installer(), false, false, false),
        SecondFactor::NotAsked
    );
    assert_eq!(of(&installer(), true, true, true), SecondFactor::Passed);
}

#[test]
fn a_kind_of_command_needs_its_own_scope() {
    let given = Scopes::of(&[Scope::Logs, Scope::Live]);
    let access = installer().at(&home(vec![grant(given)]), at(15)).unwrap();
    let may: Vec<_> = Kind::ALL
        .into_iter()
        .filter(|kind| access.commands(*kind).is_some())
        .collect();
    assert_eq!(may, [Kind::Live, Kind::LogsTail]);
    assert_eq!(access.sees_commands().unwrap().kinds(), may);
    let nothing = grant(Scopes::of(&[Scope::Production]));
    let access = installer().at(&home(vec![nothing]), at(15)).unwrap();
    assert!(access.sees_commands().is_none());
}

#[test]
fn a_visit_gives_the_right_to_command_where_nothing_else_does() {
    let mut helper = member(OrgKind::Platform, PLATFORM, Role::Admin);
    let visit = SupportId::from_uuid(Uuid::from_u128(5));
    helper.support = vec![Support {
        id: visit,
        site: site(1),
        from: at(0),
        until: at(1),
    }];
    let access = helper.at(&home(Vec::new()), at(0)).unwrap();
    let right = access.commands(Kind::Restart).unwrap();
    assert_eq!(
        (right.support(), right.kind()),
        (Some(visit), Kind::Restart)
    );
    helper.memberships.extend(owner().memberships);
    let access = helper.at(&home(Vec::new()), at(0)).unwrap();
    assert_eq!(access.commands(Kind::Restart).unwrap().support(), None);
}

#[test]
fn a_buyer_sees_no_command_of_before_his_time() {
    let mut facts = home(Vec::new());
    facts.owner_data_from = Some(at(3));
    let access = owner().at(&facts, at(9)).unwrap();
    assert_eq!(access.sees_commands().unwrap().since(), Some(at(3)));
}
