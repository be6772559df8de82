//! What only the hot log on PostgreSQL has: tables by day, and a connection that can break.

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::hot::{Appended, HotLog, Seq};
use solthrive_cloud_store::postgres::PostgresHotLog;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_testkit::Database;
use sqlx::{Connection as _, PgConnection};

use crate::engines::run;

const DAY_MS: i64 = 86_400_000;
/// 2026-11-25.
const TODAY: i64 = 20_782;

fn at(day: i64) -> UnixMillis {
    UnixMillis::try_from(day * DAY_MS + 5).unwrap()
}

struct World {
    log: PostgresHotLog,
    /// A connection beside the log's.
    db: PgConnection,
    _kept: Database,
}

impl World {
    async fn new() -> Self {
        let database = Database::fresh().unwrap();
        Self {
            log: PostgresHotLog::open(database.url()).await.unwrap(),
            db: PgConnection::connect(database.url()).await.unwrap(),
            _kept: database,
        }
    }

    async fn append(&self, last: i64, day: i64) {
        let told = self.log.append(Seq::new(last), at(day), vec![1]).await;
        assert_eq!(told.unwrap(), Appended::At(Seq::new(last + 1)));
    }

    /// The tables of the log, by the end of their names.
    async fn tables(&mut self) -> Vec<String> {
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT substr(relname, 11) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
             WHERE inhparent = 'hot_entry'::regclass ORDER BY relname",
        )
        .fetch_all(&mut self.db)
        .await
        .unwrap();
        rows.into_iter().map(|(name,)| name).collect()
    }

    /// Entries of the table for clocks that are off.
    async fn others(&mut self) -> i64 {
        let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM hot_entry_other")
            .fetch_one(&mut self.db)
            .await
            .unwrap();
        count
    }

    async fn break_connections(&mut self) {
        sqlx::query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .execute(&mut self.db)
        .await
        .unwrap();
    }
}

#[test]
fn tables_are_made_ahead_and_dropped_once_all_in_them_is_forgotten() {
    run(async {
        let mut world = World::new().await;
        world.log.prepare(at(TODAY)).await.unwrap();
        world.log.prepare(at(TODAY)).await.unwrap();
        let ahead = ["20261125", "20261126", "20261127", "20261128", "other"];
        assert_eq!(world.tables().await, ahead);
        world.append(0, TODAY).await;
        world.append(1, TODAY).await;
        world.append(2, TODAY + 1).await;
        assert_eq!(world.others().await, 0);

        world.log.forget_through(Seq::new(2)).await.unwrap();
        assert_eq!(world.tables().await, ahead, "the day is not over");
        world.log.prepare(at(TODAY + 1)).await.unwrap();
        world.log.forget_through(Seq::new(1)).await.unwrap();
        let tomorrow = ["20261126", "20261127", "20261128", "20261129", "other"];
        assert_eq!(world.tables().await, tomorrow);
        let left = world.log.after(Seq::START, usize::MAX).await.unwrap();
        assert_eq!(left.len(), 1);

        // A late clock's entry of the day that is gone.
        world.append(3, TODAY).await;
        assert_eq!(world.others().await, 1);
        world.log.prepare(at(TODAY + 2)).await.unwrap();
        world.log.forget_through(Seq::new(2)).await.unwrap();
        assert!(world.tables().await.contains(&"20261126".to_owned()));
        world.log.forget_through(Seq::new(4)).await.unwrap();
        assert!(!world.tables().await.contains(&"20261126".to_owned()));
        assert_eq!(world.others().await, 0);
    });
}

#[test]
fn a_day_of_which_there_are_entries_elsewhere_is_made_when_they_are_forgotten() {
    run(async {
        let mut world = World::new().await;
        world.append(0, TODAY + 1).await;
        world.log.prepare(at(TODAY)).await.unwrap();
        let tables = ["20261125", "20261127", "20261128", "other"];
        assert_eq!(world.tables().await, tables);
        world.log.forget_through(Seq::new(1)).await.unwrap();
        world.log.prepare(at(TODAY)).await.unwrap();
        assert_eq!(world.tables().await.len(), 5);
    });
}

#[test]
fn a_table_that_somebody_reads_is_dropped_another_time_and_nobody_waits() {
    run(async {
        let mut world = World::new().await;
        world.log.prepare(at(TODAY)).await.unwrap();
        world.append(0, TODAY).await;
        world.log.prepare(at(TODAY + 1)).await.unwrap();
        let mut reading = world.db.begin().await.unwrap();
        sqlx::query("SELECT count(*) FROM hot_entry")
            .execute(&mut *reading)
            .await
            .unwrap();
        world.log.forget_through(Seq::new(1)).await.unwrap();
        let told = world.log.append(Seq::new(1), at(TODAY + 1), vec![2]).await;
        assert_eq!(told.unwrap(), Appended::At(Seq::new(2)));
        reading.rollback().await.unwrap();
        assert!(world.tables().await.contains(&"20261125".to_owned()));
        world.log.forget_through(Seq::new(1)).await.unwrap();
        assert!(!world.tables().await.contains(&"20261125".to_owned()));
    });
}

#[test]
fn a_broken_connection_is_trouble_once_and_then_it_works_again() {
    run(async {
        let mut world = World::new().await;
        world.append(0, TODAY).await;
        world.break_connections().await;
        let told = world.log.append(Seq::new(1), at(TODAY), vec![2]).await;
        assert!(matches!(told, Err(StoreError::Unavailable(_))), "{told:?}");
        world.append(1, TODAY).await;
        world.break_connections().await;
        let entries = world.log.after(Seq::START, usize::MAX).await.unwrap();
        assert_eq!(entries.len(), 2, "a read finds a connection that works");
    });
}

#[test]
fn an_append_is_durable_also_where_the_database_would_rather_be_quick() {
    run(async {
        let mut world = World::new().await;
        sqlx::query("SET synchronous_commit = off")
            .execute(&mut world.db)
            .await
            .unwrap();
        let mut tx = world.db.begin().await.unwrap();
        sqlx::query("SELECT hot_append(0, 1, 'x')")
            .execute(&mut *tx)
            .await
            .unwrap();
        let (how,): (String,) = sqlx::query_as("SHOW synchronous_commit")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        assert_eq!(how, "on");
    });
}
