//! Promises about commands: stored first, sent until heard of, over once.

use std::collections::BTreeSet;

use solthrive_domain::access::{
    Actor, By, CommandedSite, Credential, Membership, OrgKind, Role, SecondFactor, SeenCommands,
    SiteAccess, SiteFacts,
};
use solthrive_domain::command::{Kind, State, Word};
use solthrive_domain::registration::Decision;
use solthrive_domain::{CommandId, SiteId};
use uuid::Uuid;

use super::archive::{BY, at, device, org, site};
use super::people::{ada, user};
use super::registry::register;
use crate::meta::{AuditCheck, Registry};
use crate::people::{
    Accounts, AskedFor, Command, CommandKey, Commands, NewCommand, Share, TakenBack, Told,
};

/// What Ada may at her site.
fn access(since: Option<i64>) -> SiteAccess {
    let actor = Actor {
        user: Some(user(1)),
        client: None,
        credential: Credential::Session(SecondFactor::Passed),
        memberships: vec![Membership {
            org: org(1),
            kind: OrgKind::Household,
            role: Role::Admin,
        }],
        support: Vec::new(),
    };
    let facts = SiteFacts {
        site: site(1),
        owner: org(1),
        owner_data_from: since.map(at),
        handed_over_at: None,
        grants: Vec::new(),
    };
    actor.at(&facts, at(0)).expect("it is hers")
}

pub(super) fn may(kind: Kind) -> CommandedSite {
    access(None).commands(kind).expect("she may")
}

fn sees() -> SeenCommands {
    access(None).sees_commands().expect("she may")
}

fn id(number: u128) -> CommandId {
    CommandId::from_uuid(Uuid::from_u128(number))
}

const SHARE: Share = Share { open: 5, a_day: 8 };

/// Ada, at whose home device 1 is.
async fn a_home(store: &(impl Registry + Accounts)) {
    ada(store).await;
    let bound = register(store, 1, 1, 100).await;
    assert!(matches!(bound, Decision::Bind(_)), "{bound:?}");
}

pub(super) async fn ask(store: &impl Commands, number: u128, kind: Kind, now: i64) -> AskedFor {
    let new = NewCommand {
        id: id(number),
        device: None,
        args: "{\"n\":1}".to_owned(),
        expires_at: at(now + 1_000),
    };
    let by = By::User(user(1));
    let asked = store.ask_command(by, may(kind), &new, SHARE, at(now)).await;
    asked.expect("answers")
}

async fn command(store: &impl Commands, number: u128) -> Command {
    let known = store.command(site(1), id(number)).await;
    known.expect("reads").expect("is known")
}

async fn send(store: &impl Commands, number: u128, now: i64) -> bool {
    let sent = store.begin_to_send(id(number), at(now)).await;
    sent.expect("answers")
}

async fn tell(store: &impl Commands, of: u128, number: u128, word: Word, now: i64) -> bool {
    tell_more(store, (of, number), (word, None, None), now).await
}

async fn tell_more(
    store: &impl Commands,
    (of, number): (u128, u128),
    (word, progress, result): (Word, Option<u16>, Option<&str>),
    now: i64,
) -> bool {
    let told = Told {
        word,
        progress,
        result: result.map(str::to_owned),
    };
    let told = store.command_told(device(of), id(number), &told, at(now));
    told.await.expect("answers")
}

/// A command is there before anything is sent, with who asked, for the device that is at the site.
pub async fn a_command_is_stored_first(store: &(impl Registry + Accounts + Commands)) {
    ada(store).await;
    let nowhere = ask(store, 1, Kind::Restart, 50).await;
    assert_eq!(nowhere, AskedFor::NoDevice);
    let bound = register(store, 1, 1, 100).await;
    assert!(matches!(bound, Decision::Bind(_)), "{bound:?}");
    let asked = ask(store, 1, Kind::Restart, 200).await;
    assert_eq!(asked, AskedFor::Stored(device(1)));
    let stored = command(store, 1).await;
    assert_eq!(
        (stored.state, stored.kind, stored.asked_by),
        (State::Queued, Kind::Restart, By::User(user(1)))
    );
    assert_eq!(
        (stored.args.as_str(), stored.asker.as_deref()),
        ("{\"n\":1}", Some("Ada"))
    );
    assert_eq!((stored.created_at, stored.expires_at), (at(200), at(1_200)));
    let elsewhere = store.command(site(2), id(1)).await;
    assert_eq!(elsewhere.expect("reads"), None);
    let wrong = NewCommand {
        id: id(2),
        device: Some(device(2)),
        args: "{}".to_owned(),
        expires_at: at(900),
    };
    let by = By::User(user(1));
    let wrong = store.ask_command(by, may(Kind::Restart), &wrong, SHARE, at(210));
    assert_eq!(wrong.await.expect("answers"), AskedFor::NoDevice);
    let rows = store.audit(&BY, None, 1).await.expect("reads");
    assert_eq!(
        (rows[0].action.as_str(), rows[0].site, rows[0].device),
        ("command.asked", Some(site(1)), Some(device(1)))
    );
    let details = rows[0].details.as_deref().expect("says which");
    assert!(
        details.contains("restart") && !details.contains("\"n\""),
        "{details}"
    );
}

/// So many are open and so many asked for in a day, whoever asks.
pub async fn a_device_has_so_many_commands(store: &(impl Registry + Accounts + Commands)) {
    a_home(store).await;
    for number in 0..5 {
        let asked = ask(store, number, Kind::Diagnostics, 200).await;
        assert_eq!(asked, AskedFor::Stored(device(1)));
    }
    let more = ask(store, 9, Kind::Diagnostics, 201).await;
    assert_eq!(more, AskedFor::TooManyOpen);
    for number in 0..5 {
        assert!(tell(store, 1, number, Word::Done, 300).await);
    }
    for number in 5..8 {
        let asked = ask(store, number, Kind::Diagnostics, 400).await;
        assert_eq!(asked, AskedFor::Stored(device(1)));
    }
    let tomorrow = 86_400_000 + 200;
    let more = ask(store, 9, Kind::Diagnostics, 500).await;
    assert_eq!(more, AskedFor::TooManyToday(at(tomorrow)));
    let later = ask(store, 9, Kind::Diagnostics, tomorrow).await;
    assert_eq!(later, AskedFor::Stored(device(1)));
}

/// It is sent until it is over; what comes twice or too late changes nothing.
pub async fn a_command_is_over_once(store: &(impl Registry + Accounts + Commands)) {
    a_home(store).await;
    ask(store, 1, Kind::Update, 200).await;
    assert!(send(store, 1, 210).await);
    assert!(send(store, 1, 220).await, "until something is heard of it");
    let sent = command(store, 1).await;
    assert_eq!(
        (sent.state, sent.sent_at),
        (State::Delivered, Some(at(210)))
    );
    assert!(tell(store, 1, 1, Word::Accepted, 230).await);
    assert!(!tell(store, 1, 1, Word::Accepted, 240).await);
    let half = (Word::Running, Some(500), Some("{\"step\":2}"));
    assert!(tell_more(store, (1, 1), half, 250).await);
    assert!(!tell_more(store, (1, 1), half, 251).await, "twice");
    let less = (Word::Running, Some(400), None);
    assert!(!tell_more(store, (1, 1), less, 252).await, "never back");
    assert!(!tell(store, 1, 1, Word::Accepted, 253).await, "too late");
    let more = (Word::Running, Some(900), None);
    assert!(tell_more(store, (1, 1), more, 260).await);
    let runs = command(store, 1).await;
    assert_eq!(
        (runs.state, runs.progress, runs.result.as_deref()),
        (State::Running, Some(900), Some("{\"step\":2}"))
    );
    let end = (Word::Done, None, Some("{\"version\":\"2.1.0\"}"));
    assert!(tell_more(store, (1, 1), end, 300).await);
    let done = command(store, 1).await;
    for word in Word::ALL {
        let late = (word, Some(1_000), Some("{}"));
        assert!(!tell_more(store, (1, 1), late, 400).await, "{word:?}");
    }
    assert!(!send(store, 1, 400).await, "nothing is left to do");
    assert!(!store.void_command(id(1), at(400)).await.expect("answers"));
    assert_eq!(command(store, 1).await, done);
    assert_eq!((done.state, done.ended_at), (State::Done, Some(at(300))));
    assert_eq!(done.result.as_deref(), Some("{\"version\":\"2.1.0\"}"));
}

/// A device has a say in commands of its own, at the site where they were asked.
pub async fn a_foreign_devices_word_counts_nothing(store: &(impl Registry + Accounts + Commands)) {
    a_home(store).await;
    let other = register(store, 2, 2, 100).await;
    assert!(matches!(other, Decision::Bind(_)));
    ask(store, 1, Kind::ConfigGet, 200).await;
    assert!(!tell(store, 2, 1, Word::Done, 210).await, "not its own");
    assert!(!tell(store, 1, 99, Word::Done, 210).await, "there is none");
    assert!(
        store
            .open_commands(device(2))
            .await
            .expect("reads")
            .is_empty()
    );
    // The device goes elsewhere: what it would tell now is of another home.
    assert!(send(store, 1, 220).await);
    let place = store.replace(&BY, device(1), device(3), at(300)).await;
    assert_eq!(place.expect("replaces"), Some(site(1)));
    let open = store.open_commands(device(1)).await.expect("reads");
    assert_eq!(
        open.iter().map(|open| open.is_there).collect::<Vec<_>>(),
        [false]
    );
    assert!(!tell(store, 1, 1, Word::Done, 310).await);
    assert!(
        store
            .open_commands(device(3))
            .await
            .expect("reads")
            .is_empty()
    );
    assert_eq!(
        store.sweep_commands(at(320), at(0)).await.expect("sweeps"),
        1
    );
    assert_eq!(command(store, 1).await.state, State::Cancelled);
}

/// What was not sent is taken back by whoever may ask for it; what was sent may have begun.
pub async fn a_command_is_taken_back_before_it_is_sent(
    store: &(impl Registry + Accounts + Commands),
) {
    a_home(store).await;
    let by = By::User(user(1));
    for number in 1..=3 {
        ask(store, number, Kind::Restart, 200).await;
    }
    let back = |number, kind| store.take_back(by, may(kind), id(number), at(300));
    let other = back(1, Kind::Update).await.expect("answers");
    assert_eq!(other, TakenBack::Unknown, "the right is for another kind");
    assert_eq!(
        back(1, Kind::Restart).await.expect("answers"),
        TakenBack::Done
    );
    assert_eq!(
        back(1, Kind::Restart).await.expect("answers"),
        TakenBack::TooLate
    );
    assert_eq!(
        back(9, Kind::Restart).await.expect("answers"),
        TakenBack::Unknown
    );
    assert!(!send(store, 1, 310).await);
    assert!(send(store, 2, 310).await);
    assert_eq!(
        back(2, Kind::Restart).await.expect("answers"),
        TakenBack::TooLate
    );
    // Sent and taken back at the same moment: one of both.
    let (sent, taken) = tokio::join!(send(store, 3, 320), back(3, Kind::Restart));
    assert_ne!(sent, taken.expect("answers") == TakenBack::Done);
    let rows = store.audit(&BY, None, 9).await.expect("reads");
    let cancelled = rows.iter().filter(|row| row.action == "command.cancelled");
    assert_eq!(cancelled.count(), 1 + usize::from(!sent));
    let check = store.audit_check(&BY).await.expect("checks");
    assert!(matches!(check, AuditCheck::Whole { .. }), "{check:?}");
}

/// Nodes hear of what waits and of what does not any more, and of nothing twice.
pub async fn nodes_hear_of_what_waits(store: &(impl Registry + Accounts + Commands)) {
    a_home(store).await;
    ask(store, 1, Kind::Restart, 200).await;
    ask(store, 2, Kind::Restart, 200).await;
    assert!(tell(store, 1, 2, Word::Done, 210).await);
    let (mut known, first) = store.command_news(None).await.expect("reads");
    let ids: Vec<_> = first.iter().map(|news| (news.id, news.state)).collect();
    assert_eq!(ids, [(id(1), State::Queued)], "what is over is no news");
    let mut news = async || {
        let (revision, news) = store.command_news(Some(known)).await.expect("reads");
        known = revision;
        let told = news.into_iter().map(|news| (news.id, news.state));
        told.collect::<Vec<_>>()
    };
    assert_eq!(news().await, []);
    ask(store, 3, Kind::Update, 300).await;
    assert_eq!(news().await, [(id(3), State::Queued)]);
    assert!(send(store, 3, 310).await);
    assert_eq!(news().await, [], "it still waits for its device");
    assert!(tell(store, 1, 3, Word::Running, 320).await);
    assert_eq!(news().await, [(id(3), State::Running)]);
    let half = (Word::Running, Some(500), None);
    assert!(tell_more(store, (1, 3), half, 330).await);
    assert_eq!(news().await, [], "how far it is concerns nobody else");
    assert!(tell(store, 1, 3, Word::Failed, 340).await);
    assert_eq!(news().await, [(id(3), State::Failed)]);
}

/// What is overdue ends, each in its time; what has ended for long is forgotten.
pub async fn what_is_overdue_ends(store: &(impl Registry + Accounts + Commands)) {
    a_home(store).await;
    for number in 1..=3 {
        // Until 1,200.
        ask(store, number, Kind::Update, 200).await;
    }
    assert!(send(store, 2, 210).await);
    assert!(tell(store, 1, 3, Word::Running, 220).await);
    let sweep = async |now| store.sweep_commands(at(now), at(0)).await.expect("sweeps");
    assert_eq!(sweep(1_199).await, 0);
    assert_eq!(sweep(1_200).await, 1);
    assert_eq!(command(store, 1).await.state, State::Expired);
    assert_eq!(sweep(61_199).await, 0, "word of it may be on its way");
    assert_eq!(sweep(61_200).await, 1);
    assert_eq!(sweep(86_401_199).await, 0, "what runs may take long");
    assert_eq!(sweep(86_401_200).await, 1);
    assert!(
        !tell(store, 1, 3, Word::Done, 86_401_300).await,
        "over is over"
    );
    // A device that was shut out gets nothing any more.
    ask(store, 4, Kind::Update, 90_000_000).await;
    let out = store.deactivate(&BY, device(1), at(90_000_001)).await;
    assert!(out.expect("does"));
    assert_eq!(sweep(90_000_002).await, 1);
    assert_eq!(command(store, 4).await.state, State::Cancelled);
    let forget = store.sweep_commands(at(90_000_003), at(61_201)).await;
    assert_eq!(forget.expect("sweeps"), 0);
    let left = store.commands(&sees(), None, 9).await.expect("reads");
    let left: Vec<_> = left.iter().map(|left| left.id).collect();
    assert_eq!(left, [id(4), id(3)], "1 and 2 ended long ago");
}

/// A site's commands are seen page by page, of the kinds that may be seen, and no older than may be.
pub async fn commands_are_listed_page_by_page(store: &(impl Registry + Accounts + Commands)) {
    a_home(store).await;
    for (number, kind) in [
        (1, Kind::Restart),
        (2, Kind::LogsTail),
        (3, Kind::ConfigGet),
        (4, Kind::Restart),
    ] {
        // Two at the same moment.
        let now = 200 + i64::try_from(number / 2).expect("is small");
        ask(store, number, kind, now).await;
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.commands(&sees(), after, 2).await.expect("reads");
        seen.extend(page.iter().map(|command| command.id.as_uuid().as_u128()));
        let Some(last) = page.last().filter(|_| page.len() == 2) else {
            break;
        };
        after = Some(CommandKey {
            created_at: last.created_at,
            id: last.id,
        });
    }
    assert_eq!(seen, [4, 3, 2, 1]);
    let since = access(Some(201)).sees_commands().expect("she may");
    let newer = store.commands(&since, None, 9).await.expect("reads");
    assert_eq!(newer.len(), 3, "the oldest was before her time");
}

/// A home is watched until the last moment that anybody named.
pub async fn a_watched_home_is_known(store: &(impl Registry + Accounts + Commands)) {
    a_home(store).await;
    let sites =
        |numbers: &[u128]| -> BTreeSet<SiteId> { numbers.iter().copied().map(site).collect() };
    let watched = async |now| store.live_watched(at(now)).await.expect("reads");
    assert_eq!(watched(0).await, sites(&[]));
    let (one, both) = (sites(&[1, 99]), sites(&[1, 2]));
    store.watch_live(&both, at(500)).await.expect("watches");
    store.watch_live(&one, at(900)).await.expect("watches");
    store.watch_live(&one, at(600)).await.expect("watches");
    assert_eq!(watched(499).await, both);
    assert_eq!(watched(500).await, sites(&[1]));
    assert_eq!(watched(900).await, sites(&[]));
    store.sweep_commands(at(900), at(0)).await.expect("sweeps");
    assert_eq!(watched(0).await, sites(&[]));
}
