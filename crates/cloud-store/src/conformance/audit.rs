//! Promises of the audit log.

use uuid::Uuid;

use super::registry::{BY, a_small_world, at, device, new, register, site, token};
use crate::conformance::readable;
use crate::meta::{AuditCheck, AuditRow, Registry, Site};

async fn rows(registry: &dyn Registry) -> Vec<AuditRow> {
    registry.audit(&BY, None, 99).await.expect("reads")
}

/// Every change of an operator leaves a row, in the order in which they were made.
pub async fn every_change_is_written_down(registry: &dyn Registry) {
    a_small_world(registry).await;
    register(registry, 1, 1, 10).await;
    let before = rows(registry).await.len();
    let now = at(20);
    let home = registry.site(readable(site(1))).await.expect("reads");
    let home = Site {
        name: "Annex".to_owned(),
        ..home.expect("is there")
    };
    let (code, keep) = (Uuid::from_u128(1), token(11));
    let replaced = async { registry.replace(&BY, device(1), device(3), now).await };
    let done = [
        registry.update_site(&BY, &home, now).await,
        registry.keep_raw(&BY, site(1), None, now).await,
        registry.add_token(&BY, device(1), keep, now).await,
        registry
            .retire_older_tokens(&BY, device(1), keep, now)
            .await,
        registry.revoke_token(&BY, token(2), now).await,
        replaced.await.map(|site| site.is_some()),
        registry.deactivate(&BY, device(1), now).await,
        registry.revoke_code(&BY, code, now).await,
    ];
    assert!(done.into_iter().all(|done| done.expect("changes")));
    let rows = rows(registry).await;
    let mut actions: Vec<_> = rows.iter().map(|row| row.action.as_str()).collect();
    actions.reverse();
    let expected = [
        "site.updated",
        "site.raw_days_set",
        "device.token_added",
        "device.older_tokens_retired",
        "device.token_revoked",
        "device.replaced",
        "device.deactivated",
        "code.revoked",
    ];
    assert_eq!(actions[before..], expected);
    let all: String = rows
        .iter()
        .filter_map(|row| row.details.as_deref())
        .collect();
    assert!(
        !all.contains("Annex"),
        "what is personal is not kept for ever"
    );
}

/// What changed nothing leaves no row.
pub async fn what_changed_nothing_is_not_written_down(registry: &dyn Registry) {
    a_small_world(registry).await;
    let before = rows(registry).await;
    let now = at(20);
    let replaced = async { registry.replace(&BY, device(9), device(3), now).await };
    let done = [
        registry.keep_raw(&BY, site(9), None, now).await,
        registry.add_token(&BY, device(9), token(9), now).await,
        registry
            .retire_older_tokens(&BY, device(1), token(2), now)
            .await,
        registry.revoke_token(&BY, token(9), now).await,
        replaced.await.map(|site| site.is_some()),
        registry.deactivate(&BY, device(9), now).await,
        registry.revoke_code(&BY, Uuid::from_u128(9), now).await,
    ];
    assert!(done.into_iter().all(|done| !done.expect("answers")));
    let same = registry.provision(&BY, &[new(1)], now).await;
    same.expect("answers");
    register(registry, 1, 9, 20).await;
    assert_eq!(rows(registry).await, before);
}

/// Rows are read in pages, the newest first; what a device brings about is its own act.
pub async fn rows_are_read_the_newest_first(registry: &dyn Registry) {
    a_small_world(registry).await;
    register(registry, 1, 1, 10).await;
    let newest = registry.audit(&BY, None, 1).await.expect("reads").remove(0);
    let what = (newest.actor.as_str(), newest.action.as_str());
    assert_eq!(what, ("device", "device.bound"));
    let whose = (newest.site, newest.device, newest.at);
    assert_eq!(whose, (Some(site(1)), Some(device(1)), at(10)));
    let page = registry.audit(&BY, Some(4), 2).await.expect("reads");
    let seqs: Vec<i64> = page.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, [3, 2]);
}

/// The chain holds, also over acts of two nodes at the same moment.
pub async fn the_chain_holds(registry: &dyn Registry) {
    let empty = registry.audit_check(&BY).await.expect("checks");
    let nothing = AuditCheck::Whole {
        rows: 0,
        hash: [0; 32],
    };
    assert_eq!(empty, nothing);
    a_small_world(registry).await;
    let (one, other) = tokio::join!(
        registry.keep_raw(&BY, site(1), None, at(2)),
        registry.keep_raw(&BY, site(2), None, at(2))
    );
    assert!(one.expect("keeps") && other.expect("keeps"));
    let newest = registry.audit(&BY, None, 1).await.expect("reads").remove(0);
    let whole = registry.audit_check(&BY).await.expect("checks");
    let expected = AuditCheck::Whole {
        rows: newest.seq,
        hash: newest.hash,
    };
    assert_eq!(whole, expected);
}
