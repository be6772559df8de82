//! Promises about the end of homes.

use std::collections::BTreeSet;

use solthrive_domain::access::{By, OwnedSite, Role, Scopes};
use solthrive_domain::command::Kind;
use solthrive_domain::registration::Decision;
use solthrive_domain::{GrantId, SiteId};
use uuid::Uuid;

use super::archive::{BY, at, device, everything, open_day, org, piece, seq, site};
use super::people::user;
use super::registry::register_as;
use super::transfers::{BUYER, DAY, home, member, sale, take, to_buyer};
use crate::archive::{Archive, Closed, Going, GoingPart, OpenDay, Piece, Purge, Wrote};
use crate::meta::{AuditCheck, NewCode, Registry, Standing};
use crate::people::{
    Accounts, AskedFor, Backup, Closing, Commands, Erasure, ErasureState, Erasures, History, Homes,
    JobKind, Jobs, NewErasure, NewGrant, NewJob, Passed, Remnant, Tenancy, Transfers,
};

const ID: Uuid = Uuid::from_u128(70);

fn of_site() -> Closed {
    Closed {
        erasure: ID,
        site: site(1),
    }
}

async fn ask(store: &impl Erasures, owned: OwnedSite, id: u128, due: i64, now: i64) -> bool {
    let new = NewErasure {
        id: Uuid::from_u128(id),
        asked_by: user(1),
        due_at: at(due),
    };
    let asked = store.ask_erasure(By::User(user(1)), owned, &new, at(now));
    asked.await.expect("answers")
}

async fn erasure(store: &impl Erasures, id: u128) -> Erasure {
    let known = store.erasure(Uuid::from_u128(id)).await;
    known.expect("reads").expect("is known")
}

async fn close(store: &impl Erasures, now: i64) -> Option<Closing> {
    store.close_due(at(now)).await.expect("answers")
}

/// What a search finds that should not be there, by table.
async fn left(store: &impl Erasures) -> BTreeSet<String> {
    let found: Vec<Remnant> = store
        .search(&erasure(store, ID.as_u128()).await)
        .await
        .expect("searches");
    // In this small world a site, a device and a person have the same id: only what says that it is a site counts.
    let left = found
        .into_iter()
        .filter(|found| found.kept.is_none() && matches!(found.column.as_str(), "site" | ""));
    left.map(|found| found.table).collect()
}

/// The end of a home is asked for once at a time, and can be taken back until it closes.
pub async fn an_end_can_be_taken_back_until_it_comes(
    store: &(impl Registry + Accounts + Homes + Erasures),
) {
    let mine = sale(store).await;
    let by = By::User(user(1));
    assert!(ask(store, mine, 70, 1_000, 100).await);
    assert!(!ask(store, mine, 71, 1_000, 100).await, "one at a time");
    assert_eq!(close(store, 999).await, None, "its time has not come");
    assert!(store.cancel_erasure(by, mine, at(200)).await.expect("does"));
    assert!(
        !store
            .cancel_erasure(by, mine, at(201))
            .await
            .expect("answers")
    );
    assert_eq!(erasure(store, 70).await.state(), ErasureState::Cancelled);
    assert_eq!(store.erasure_of(mine).await.expect("reads"), None);
    assert_eq!(close(store, 5_000).await, None);
    assert!(ask(store, mine, 72, 6_000, 5_000).await, "asked for again");
    let open = store.erasure_of(mine).await.expect("reads");
    assert_eq!(open.map(|open| open.id), Some(Uuid::from_u128(72)));
    let both = tokio::join!(close(store, 6_000), close(store, 6_000));
    let closed = [both.0, both.1].into_iter().flatten();
    assert_eq!(closed.collect::<Vec<_>>(), [Closing::Closed(site(1))]);
    let over = store.cancel_erasure(by, mine, at(6_001)).await;
    assert!(over.is_err(), "nobody owns it any more");
    assert_eq!(erasure(store, 72).await.state(), ErasureState::Running);
}

/// Who buys a home did not ask for its end.
pub async fn a_sold_home_is_not_erased(
    store: &(impl Registry + Accounts + Homes + Tenancy + Transfers + Erasures),
) {
    let mine = sale(store).await;
    assert!(ask(store, mine, 70, 1_000, 100).await);
    let offer = to_buyer(3, History::All);
    let offered = store.offer(By::Console, mine, &offer, at(200)).await;
    assert!(offered.expect("offers"));
    take(store, 3, BUYER, 300).await;
    assert_eq!(close(store, 2_000).await, None);
    assert_eq!(erasure(store, 70).await.state(), ErasureState::Cancelled);
}

/// The home as its owner, its installer and its appliance know it, with something in every table that names it.
async fn full(
    store: &(impl Registry + Accounts + Homes + Tenancy + Jobs + Commands + Archive + Transfers),
) -> OwnedSite {
    let mine = sale(store).await;
    let by = By::User(user(1));
    let bound = register_as(store, 1, 1, 100, Some("{\"clamps\":[]}")).await;
    assert!(matches!(bound, Decision::Bind(_)), "{bound:?}");
    let grant = NewGrant {
        id: GrantId::from_uuid(Uuid::from_u128(7)),
        org: org(2),
        scopes: Scopes::ALL,
        valid_to: None,
        data_from: None,
    };
    store
        .add_grant(by, mine, &grant, at(110))
        .await
        .expect("adds");
    let asked = super::commands::ask(store, 9, Kind::Restart, 115).await;
    assert_eq!(asked, AskedFor::Stored(device(1)));
    let here = BTreeSet::from([site(1)]);
    let watched = store.watch_live(&here, at(5_000_000)).await;
    watched.expect("watches");
    let right = BY.may_read(site(1)).expect("the console");
    let job = NewJob {
        id: Uuid::from_u128(8),
        kind: JobKind::Export,
        format: "csv".to_owned(),
        asked_by: user(1),
        asked: "{}".to_owned(),
    };
    assert!(store.ask(by, right, &job, 9, at(120)).await.expect("asks"));
    let claimed = store.claim(JobKind::Export, at(0), at(121)).await;
    let claimed = claimed.expect("answers").expect("waits");
    let part = store.go_on(&claimed, "{}", Some((0, b"part")), at(122));
    assert!(part.await.expect("stores").is_some());
    let offer = to_buyer(3, History::All);
    assert!(
        store
            .offer(by, mine, &offer, at(130))
            .await
            .expect("offers")
    );
    let wrote = store.checkpoint(&everything(0, 5, 100)).await;
    assert_eq!(wrote.expect("stores"), Wrote::Done);
    let pieces = [piece(1, (100, 900), 2), piece(1, (-DAY, -DAY + 5), 3)];
    let wrote = store.seal(seq(0), seq(5), &pieces).await;
    assert_eq!(wrote.expect("seals"), Wrote::Done);
    mine
}

fn code(id: u128, byte: u8) -> NewCode {
    NewCode {
        id: Uuid::from_u128(id),
        hash: super::registry::code(byte),
        site: site(1),
        installer: org(1),
        expires_at: at(9_000),
        uses: 3,
    }
}

/// From one moment to the next nobody reaches a closed home, and nothing that was given of it is left.
pub async fn a_closed_home_is_nobodys(
    store: &(
         impl Registry
         + Accounts
         + Homes
         + Tenancy
         + Jobs
         + Commands
         + Archive
         + Transfers
         + Erasures
         + Purge
     ),
) {
    let mine = full(store).await;
    assert!(ask(store, mine, 70, 1_000, 150).await);
    assert_eq!(close(store, 1_000).await, Some(Closing::Closed(site(1))));
    for number in [1, 2] {
        let of = member(org(number), Role::Admin);
        assert!(home(store, &of, 1_001).await.is_none());
    }
    let sites = store.sites(&BY).await.expect("reads");
    assert!(sites.iter().all(|known| known.id != site(1)));
    let orgs = store.orgs(&BY).await.expect("reads");
    assert_eq!(orgs.len(), 2, "no org of nobody's");
    let deleted = erasure(store, 70).await.deleted;
    for table in [
        "site_grant",
        "installer_code",
        "site_job",
        "export_part",
        "site_transfer",
        "site_config",
        "command",
        "live_watch",
    ] {
        let rows = deleted.get(table).copied().unwrap_or_default();
        assert!(rows > 0, "{table}: {deleted:?}");
    }
    let telemetry = [
        "bucket_day",
        "chunk",
        "device_status",
        "event",
        "site_day",
        "site_month",
        "site_state",
        "told_day",
    ];
    let telemetry = telemetry.map(str::to_owned).into();
    assert_eq!(left(store).await, telemetry, "and nothing else");
}

/// The appliance of a closed home is free for another, and no code brings it or another one back there.
pub async fn the_appliance_of_a_closed_home_is_free(
    store: &(
         impl Registry
         + Accounts
         + Homes
         + Tenancy
         + Jobs
         + Commands
         + Archive
         + Transfers
         + Erasures
         + Purge
     ),
) {
    let mine = full(store).await;
    let added = store.add_code(&BY, &code(40, 9), at(140)).await;
    assert!(added.expect("adds"));
    assert!(ask(store, mine, 70, 800, 150).await);
    let before = store.assignments(0).await.expect("reads");
    assert_eq!(close(store, 800).await, Some(Closing::Closed(site(1))));
    let newest = before.iter().map(|stay| stay.revision).max().unwrap_or(0);
    let heard = store.assignments(newest).await.expect("reads");
    let stay = heard.first().expect("followers hear of it");
    assert!(stay.is_erased && stay.to_at == Some(at(800)), "{stay:?}");
    let standing = store.credentials(newest).await.expect("reads");
    let standing: Vec<_> = standing.iter().map(|device| device.standing).collect();
    assert_eq!(standing, [Standing::Waiting]);
    let refused = register_as(store, 1, 9, 850, None).await;
    assert!(!matches!(refused, Decision::Bind(_)), "{refused:?}");
    let added = store.add_code(&BY, &code(41, 8), at(850)).await;
    assert!(!added.expect("answers"), "there is no such home");
    let bound = register_as(store, 1, 2, 900, None).await;
    assert!(
        matches!(bound, Decision::Bind(_)),
        "another home's: {bound:?}"
    );
}

/// Its days, in one step with the sums of fleets, if the log is where it was.
async fn let_days_go(store: &(impl Purge + Erasures)) {
    let span = store.bucket_span(site(1)).await.expect("reads");
    assert_eq!(span, Some(20_600..20_601));
    let going = Going {
        of: of_site(),
        dates: jiff::civil::date(2026, 6, 1)..jiff::civil::date(2026, 7, 1),
        days: 20_600..20_601,
        totals: Vec::new(),
        quarters: Vec::new(),
    };
    let overtaken = store.let_go(seq(4), &going).await;
    assert_eq!(overtaken.expect("answers"), Wrote::Overtaken);
    assert!(left(store).await.contains("bucket_day"));
    let done = store.let_go(seq(5), &going).await;
    assert_eq!(done.expect("does"), Wrote::Done);
    let without_days = left(store).await;
    assert!(!without_days.contains("bucket_day") && !without_days.contains("site_day"));
}

/// What goes is counted, and what is left is found.
pub async fn a_purged_home_leaves_nothing_that_a_search_finds(
    store: &(
         impl Registry
         + Accounts
         + Homes
         + Tenancy
         + Jobs
         + Commands
         + Archive
         + Transfers
         + Erasures
         + Purge
     ),
) {
    let mine = full(store).await;
    assert!(ask(store, mine, 70, 1_000, 150).await);
    assert_eq!(store.to_purge(at(9_999)).await.expect("reads"), []);
    assert_eq!(close(store, 1_000).await, Some(Closing::Closed(site(1))));
    assert_eq!(store.to_purge(at(999)).await.expect("reads"), []);
    assert_eq!(store.to_purge(at(1_000)).await.expect("reads"), [of_site()]);
    // What is erased is not written again by who had it in mind; others' is.
    let again = store.checkpoint(&everything(5, 6, 100)).await;
    assert_eq!(again.expect("answers"), Wrote::Overtaken);
    let_days_go(store).await;
    store.let_rest_go(of_site()).await.expect("does");
    for days in [i64::MIN..0, 0..9] {
        assert_eq!(left(store).await, ["chunk".to_owned()].into());
        let gone = store.let_chunks_go(of_site(), device(1), days, 500).await;
        assert_eq!(gone.expect("does"), 1);
    }
    assert_eq!(left(store).await, BTreeSet::new());
    assert_eq!(store.sealed_to().await.expect("reads"), []);
    let deleted = erasure(store, 70).await.deleted;
    let count = |table: &str| deleted.get(table).copied();
    let counts = (count("chunk"), count("site_day"), count("event"));
    assert_eq!(counts, (Some(2), Some(1), Some(1)));
}

/// There is one receipt, after the purge, and the audit log has its hash.
pub async fn a_receipt_is_written_once_and_not_before_the_purge(
    store: &(impl Registry + Accounts + Homes + Erasures + Purge),
) {
    let mine = sale(store).await;
    assert!(ask(store, mine, 70, 1_000, 150).await);
    close(store, 1_000).await;
    let early = store.erased(ID, "receipt", "hash", at(1_001)).await;
    assert!(!early.expect("answers"), "it is not purged");
    let purged = store.purged(of_site(), seq(5), at(1_100)).await;
    purged.expect("does");
    assert_eq!(store.to_purge(at(9_999)).await.expect("reads"), []);
    let over = erasure(store, 70).await;
    assert_eq!(over.purged, Some((at(1_100), seq(5))));
    let done = store.erased(ID, "receipt", "hash", at(1_200)).await;
    assert!(done.expect("does"));
    let again = store.erased(ID, "other", "other", at(1_300)).await;
    assert!(!again.expect("answers"));
    let done = erasure(store, 70).await;
    let told = (done.state(), done.receipt.as_deref());
    assert_eq!(told, (ErasureState::Done, Some("receipt")));
    assert_eq!(store.closed().await.expect("reads"), []);
    let check = store.audit_check(&BY).await.expect("checks");
    assert!(matches!(check, AuditCheck::Whole { .. }), "the chain holds");
    let newest = store.audit(&BY, None, 1).await.expect("reads");
    assert_eq!(newest[0].action, "erasure.done");
    let details = newest[0].details.as_deref().unwrap_or_default();
    assert!(details.contains("\"receipt_sha256\":\"hash\""), "{details}");
}

/// Of a day that a device spent at two homes, the other home's rows stay; whoever read the day before puts nothing back.
pub async fn a_shared_day_keeps_the_other_homes_rows(
    store: &(
         impl Registry
         + Accounts
         + Homes
         + Tenancy
         + Jobs
         + Commands
         + Archive
         + Transfers
         + Erasures
         + Purge
     ),
) {
    let mine = full(store).await;
    assert!(ask(store, mine, 70, 1_000, 150).await);
    close(store, 1_000).await;
    let day: OpenDay = open_day(1, 0);
    let parts: BTreeSet<i64> = store
        .parts(day)
        .await
        .expect("reads")
        .iter()
        .map(|part| part.part)
        .collect();
    assert_eq!(parts.len(), 1);
    let going = GoingPart {
        of: of_site(),
        day,
        span: 0..500,
        rows: 7,
    };
    let rest: Piece = piece(1, (500, 900), 5);
    let strange = BTreeSet::from([99]);
    let wrote = store
        .let_rows_go(&going, &strange, std::slice::from_ref(&rest))
        .await;
    assert_eq!(wrote.expect("answers"), Wrote::Overtaken);
    let wrote = store
        .let_rows_go(&going, &parts, std::slice::from_ref(&rest))
        .await;
    assert_eq!(wrote.expect("does"), Wrote::Done);
    let now = store.parts(day).await.expect("reads");
    assert_eq!(now.len(), 1);
    assert_eq!(now[0].bytes, rest.bytes);
    let merged = store.merge(day, &parts, &piece(1, (100, 900), 2)).await;
    assert_eq!(merged.expect("answers"), Wrote::Overtaken);
    assert_eq!(
        erasure(store, 70).await.deleted.get("rows of shared days"),
        Some(&7)
    );
}

/// A store that was put back hears of the ends that came true since, and they come true again.
pub async fn an_end_comes_true_again_in_a_store_that_was_put_back(
    store: &(impl Registry + Accounts + Homes + Erasures),
) {
    let mine = sale(store).await;
    // It was asked for before the backup, and another was since.
    assert!(ask(store, mine, 71, 9_000, 100).await);
    let passed = Passed {
        id: ID,
        site: site(1).as_uuid(),
        closed_at: jiff::Timestamp::UNIX_EPOCH,
    };
    assert!(store.erase_again(&passed, at(600)).await.expect("does"));
    assert_eq!(close(store, 600).await, Some(Closing::Closed(site(1))));
    assert!(
        !store.erase_again(&passed, at(700)).await.expect("answers"),
        "it is"
    );
    let told = store.passed().await.expect("reads");
    assert_eq!(
        told.iter().map(|passed| passed.id).collect::<Vec<_>>(),
        [ID]
    );
    assert_eq!(erasure(store, 71).await.state(), ErasureState::Cancelled);
    let strange = Passed {
        site: Uuid::from_u128(999),
        ..passed
    };
    assert!(!store.erase_again(&strange, at(700)).await.expect("answers"));
    let other = home(store, &member(org(2), Role::Admin), 700).await;
    let _site: Option<SiteId> = other.map(|home| home.site.id);
}

/// Backups are remembered until they are deleted.
pub async fn backups_are_known_until_they_are_deleted(store: &impl Erasures) {
    let backup = |id: u128, began: i64| Backup {
        id: Uuid::from_u128(id),
        began_at: at(began),
        ended_at: None,
        place: format!("/backups/{id}"),
        keep_until: at(began + DAY),
        deleted_at: None,
    };
    for new in [backup(2, 20), backup(1, 10)] {
        store.backup_began(&new).await.expect("adds");
    }
    store
        .backup_ended(Uuid::from_u128(1), at(15))
        .await
        .expect("does");
    let gone = store.backup_deleted(Uuid::from_u128(2), at(99)).await;
    assert!(gone.expect("does"));
    let again = store.backup_deleted(Uuid::from_u128(2), at(100)).await;
    assert!(!again.expect("answers"));
    let known = store.backups().await.expect("reads");
    let first = Backup {
        ended_at: Some(at(15)),
        ..backup(1, 10)
    };
    let second = Backup {
        deleted_at: Some(at(99)),
        ..backup(2, 20)
    };
    assert_eq!(known, [first, second]);
}
