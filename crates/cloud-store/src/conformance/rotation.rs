//! Promises of a registry about tokens that take over from one another.

use solthrive_domain::rotation::Asking;

use super::registry::{BY, a_small_world, at, device, token};
use crate::meta::{Credential, Registry, Rotation, TokenHash};

async fn credential(registry: &dyn Registry, number: u128) -> Credential {
    let all = registry.credentials(0).await.expect("reads");
    let mut mine = all.into_iter().filter(|it| it.device == device(number));
    mine.next().expect("is there")
}

async fn ask(registry: &dyn Registry, number: u128, now: i64) -> Option<Asking> {
    let told = registry.ask_rotation(&BY, &[device(number)], at(now)).await;
    told.expect("answers").remove(0)
}

/// Of the first device, whose current token is 1 at first.
async fn prepare(registry: &dyn Registry, rotation: i64, [current, next]: [u8; 2]) -> bool {
    let tokens = [token(current), token(next)];
    let done = registry
        .prepare_token(device(1), rotation, tokens, at(20))
        .await;
    done.expect("answers")
}

async fn complete(registry: &dyn Registry, next: u8) -> bool {
    let done = registry
        .complete_rotation(device(1), token(next), at(30))
        .await;
    done.expect("answers")
}

const fn open(number: i64, next: Option<TokenHash>) -> Option<Rotation> {
    Some(Rotation { number, next })
}

/// Asked for, prepared, used: the old token works until the new one was used, and nodes hear of each step.
pub async fn a_token_takes_over_when_it_is_used(registry: &dyn Registry) {
    a_small_world(registry).await;
    let before = credential(registry, 1).await;
    assert_eq!(before.rotation, None);
    assert_eq!(ask(registry, 1, 10).await, Some(Asking::Begin));
    let asked = credential(registry, 1).await;
    assert_eq!(
        (asked.rotation, &asked.tokens),
        (open(1, None), &before.tokens)
    );
    assert!(prepare(registry, 1, [1, 11]).await);
    let prepared = credential(registry, 1).await;
    assert_eq!(prepared.rotation, open(1, Some(token(11))));
    assert_eq!(prepared.tokens, [token(1)], "the old one works on");
    assert!(complete(registry, 11).await);
    let over = credential(registry, 1).await;
    assert_eq!((over.rotation, over.tokens), (None, vec![token(11)]));
    let steps = [before.revision, asked.revision, prepared.revision];
    assert!(steps.is_sorted() && over.revision > prepared.revision);
    assert!(steps[0] < steps[1] && steps[1] < steps[2]);
}

/// Asking twice is once; each rotation that begins has a number of its own.
pub async fn a_rotation_is_asked_for_once(registry: &dyn Registry) {
    a_small_world(registry).await;
    assert_eq!(ask(registry, 1, 10).await, Some(Asking::Begin));
    assert_eq!(ask(registry, 1, 11).await, Some(Asking::Open));
    assert_eq!(ask(registry, 9, 11).await, None);
    let lines = registry.rotations(&BY).await.expect("reads");
    assert_eq!((lines.len(), lines[0].asked_at), (1, at(10)));
    assert_eq!(lines[0].prepared_at, None);
    assert!(prepare(registry, 1, [1, 11]).await);
    let lines = registry.rotations(&BY).await.expect("reads");
    assert_eq!(lines[0].prepared_at, Some(at(20)));
    assert!(complete(registry, 11).await);
    assert_eq!(registry.rotations(&BY).await.expect("reads"), []);
    assert_eq!(ask(registry, 1, 40).await, Some(Asking::Begin));
    assert_eq!(credential(registry, 1).await.rotation, open(2, None));
}

/// Who was shut out, or has two tokens, begins none.
pub async fn a_rotation_needs_one_token_and_a_free_slot(registry: &dyn Registry) {
    a_small_world(registry).await;
    let gone = registry.deactivate(&BY, device(1), at(5)).await;
    let second = registry.add_token(&BY, device(2), token(12), at(5)).await;
    let last = registry.revoke_token(&BY, token(3), at(5)).await;
    assert!(gone.expect("ends") && second.expect("adds") && last.expect("revokes"));
    assert_eq!(ask(registry, 1, 10).await, Some(Asking::Deactivated));
    assert_eq!(ask(registry, 2, 10).await, Some(Asking::TwoTokens));
    assert_eq!(ask(registry, 3, 10).await, Some(Asking::NoToken));
    assert_eq!(registry.rotations(&BY).await.expect("reads"), []);
}

/// Nothing is prepared but for the rotation that is open, by whoever has the device's token.
pub async fn only_the_open_rotation_prepares_a_token(registry: &dyn Registry) {
    a_small_world(registry).await;
    assert!(!prepare(registry, 1, [1, 11]).await, "nobody asked");
    ask(registry, 1, 10).await;
    assert!(!prepare(registry, 2, [1, 11]).await, "another rotation");
    assert!(!prepare(registry, 1, [2, 11]).await, "another's token");
    assert!(prepare(registry, 1, [1, 11]).await);
    assert!(prepare(registry, 1, [1, 11]).await, "twice is once");
    assert!(!prepare(registry, 1, [1, 12]).await, "the first one stays");
    assert!(!prepare(registry, 1, [11, 12]).await, "11 is not used yet");
    let mine = credential(registry, 1).await;
    assert_eq!(mine.rotation, open(1, Some(token(11))));
    registry
        .deactivate(&BY, device(2), at(5))
        .await
        .expect("ends");
    let late = registry
        .prepare_token(device(2), 1, [token(2), token(12)], at(20))
        .await;
    assert!(!late.expect("answers"), "it was shut out");
}

/// A rotation is completed once, by the token that was prepared, and never by the old one.
pub async fn only_the_prepared_token_completes_a_rotation(registry: &dyn Registry) {
    a_small_world(registry).await;
    assert!(!complete(registry, 1).await, "no rotation");
    ask(registry, 1, 10).await;
    assert!(!complete(registry, 1).await && !complete(registry, 11).await);
    prepare(registry, 1, [1, 11]).await;
    assert!(
        !complete(registry, 1).await,
        "the old one completes nothing"
    );
    assert!(!complete(registry, 2).await, "another device's");
    assert!(complete(registry, 11).await);
    assert!(!complete(registry, 11).await, "it is over");
    let old = registry.revoke_token(&BY, token(1), at(31)).await;
    assert!(!old.expect("answers"), "the old one is gone");
}

/// Whatever an operator does to a device's tokens by hand ends its rotation, and what was offered is worth
/// nothing.
pub async fn an_act_by_hand_ends_a_rotation(registry: &dyn Registry) {
    a_small_world(registry).await;
    ask(registry, 1, 10).await;
    prepare(registry, 1, [1, 11]).await;
    let added = registry.add_token(&BY, device(1), token(12), at(21)).await;
    assert!(added.expect("adds"));
    let mine = credential(registry, 1).await;
    let tokens = vec![token(1), token(12)];
    assert_eq!((mine.rotation, mine.tokens), (None, tokens));
    assert!(!complete(registry, 11).await);
    // The one that it has is revoked: who held it may have been offered the next one.
    let one = registry.revoke_token(&BY, token(12), at(22)).await;
    assert!(one.expect("revokes"));
    ask(registry, 1, 23).await;
    prepare(registry, 2, [1, 13]).await;
    let one = registry.revoke_token(&BY, token(1), at(24)).await;
    assert!(one.expect("revokes"));
    let mine = credential(registry, 1).await;
    assert_eq!((mine.rotation, mine.tokens), (None, vec![]));
    assert!(!complete(registry, 13).await);
}

/// The one that was offered can be taken back; the old one works on, and another rotation may begin.
pub async fn an_offer_is_taken_back(registry: &dyn Registry) {
    a_small_world(registry).await;
    ask(registry, 1, 10).await;
    prepare(registry, 1, [1, 11]).await;
    let back = registry.revoke_token(&BY, token(11), at(21)).await;
    assert!(back.expect("revokes"));
    let mine = credential(registry, 1).await;
    assert_eq!((mine.rotation, mine.tokens), (None, vec![token(1)]));
    assert_eq!(ask(registry, 1, 22).await, Some(Asking::Begin));
    // And one that was prepared is kept where somebody says so.
    prepare(registry, 2, [1, 12]).await;
    let kept = registry
        .retire_older_tokens(&BY, device(1), token(12), at(23))
        .await;
    assert!(kept.expect("retires"));
    let mine = credential(registry, 1).await;
    assert_eq!((mine.rotation, mine.tokens), (None, vec![token(12)]));
}

/// Every step is in the audit log, with who took it, and no token is.
pub async fn every_step_is_written_down(registry: &dyn Registry) {
    a_small_world(registry).await;
    ask(registry, 1, 10).await;
    ask(registry, 1, 10).await;
    prepare(registry, 1, [1, 11]).await;
    prepare(registry, 1, [1, 11]).await;
    complete(registry, 11).await;
    complete(registry, 11).await;
    ask(registry, 1, 40).await;
    registry
        .revoke_token(&BY, token(11), at(41))
        .await
        .expect("revokes");
    let mut rows = registry.audit(&BY, None, 5).await.expect("reads");
    rows.reverse();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.actor.as_str(), row.action.as_str()))
        .collect();
    let expected = [
        ("console", "device.token_rotation_asked"),
        ("service", "device.token_prepared"),
        ("device", "device.token_rotated"),
        ("console", "device.token_rotation_asked"),
        ("console", "device.token_revoked"),
    ];
    assert_eq!(told, expected);
    assert!(rows.iter().all(|row| row.device == Some(device(1))));
    let ended = rows[4].details.as_deref();
    assert_eq!(ended, Some(r#"{"rotation":"ended"}"#));
}

/// Tokens are listed by age: which ones are due can be told.
pub async fn tokens_are_listed_by_age(registry: &dyn Registry) {
    a_small_world(registry).await;
    ask(registry, 1, 10).await;
    prepare(registry, 1, [1, 11]).await;
    let all = registry.device_tokens(&BY).await.expect("reads");
    let ages: Vec<_> = all
        .iter()
        .map(|it| (it.device, it.created_at, it.is_next))
        .collect();
    assert_eq!(ages.len(), 4);
    assert_eq!(ages[3], (device(1), at(20), true));
    assert!(
        ages[..3]
            .iter()
            .all(|(_, made, next)| *made == at(1) && !next)
    );
}

/// Two nodes that prepare or complete at the same moment do it once.
pub async fn two_nodes_rotate_once(registry: &dyn Registry) {
    a_small_world(registry).await;
    ask(registry, 1, 10).await;
    let prepared = tokio::join!(prepare(registry, 1, [1, 11]), prepare(registry, 1, [1, 11]));
    assert_eq!(prepared, (true, true));
    let completed = tokio::join!(complete(registry, 11), complete(registry, 11));
    assert!(completed.0 ^ completed.1, "{completed:?}");
    assert_eq!(credential(registry, 1).await.tokens, [token(11)]);
}
