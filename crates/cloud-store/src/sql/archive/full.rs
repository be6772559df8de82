//! A disk that is full, for which a test needs each of the store's connections.

use crate::StoreError;
use crate::archive::{Archive as _, Wrote};
use crate::conformance::archive::{everything, holds};
use crate::sql::{CONNECTIONS, Pool, SqlStore};

/// From now on no connection lets the file grow beyond so many pages.
async fn limit(store: &SqlStore, pages: u32) {
    let Pool::Sqlite(pool) = &store.pool else {
        panic!("not SQLite")
    };
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut one = pool.acquire().await.unwrap();
        let limit = format!("PRAGMA max_page_count = {pages}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(limit))
            .execute(&mut *one)
            .await
            .unwrap();
        all.push(one);
    }
}

#[test]
fn a_checkpoint_on_a_full_disk_changes_nothing_and_succeeds_later() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::sqlite(&folder.path().join("meta.db"))
            .await
            .unwrap();
        let first = everything(0, 5, 100);
        assert_eq!(store.checkpoint(&first).await.unwrap(), Wrote::Done);
        limit(&store, 1).await;
        let mut second = everything(5, 9, 200);
        second.told[0].json = "x".repeat(100_000);
        let error = store.checkpoint(&second).await.unwrap_err();
        assert!(matches!(error, StoreError::Full(_)), "{error}");
        holds(&store, &first).await;
        assert_eq!(store.cursors().await.unwrap().folded.get(), 5);
        limit(&store, u32::MAX - 1).await;
        assert_eq!(store.checkpoint(&second).await.unwrap(), Wrote::Done);
        second.events.extend(first.events);
        holds(&store, &second).await;
    });
}
