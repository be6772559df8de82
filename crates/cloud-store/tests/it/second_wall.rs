//! The wall that PostgreSQL holds around homes, whatever a statement asks for.

use solthrive_cloud_store::archive::Views as _;
use solthrive_cloud_store::conformance;
use solthrive_cloud_store::meta::Registry as _;
use solthrive_cloud_store::people::{
    Commands as _, HomeFilter, Homes as _, Page, Tenancy as _, Transfers as _,
};
use solthrive_cloud_store::sql::SqlStore;
use solthrive_domain::access::{
    Actor, Credential, Membership, Operator, OrgKind, ReadableSite, Role, SecondFactor,
};
use solthrive_domain::bucket::Quarter;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{CommandId, OrgId, SiteId, UserId};
use solthrive_testkit::Database;
use sqlx::{Connection as _, Executor as _, PgConnection};
use uuid::Uuid;

use crate::engines::run;

/// Tables that name a site, a device or a fleet and are nobody's home: why.
const OUTSIDE: [(&str, &str); 5] = [
    (
        "assignment",
        "since when a device is at a site depends on where it was before",
    ),
    (
        "device",
        "what a device is, wherever it is; read for people nowhere",
    ),
    ("device_token", "hashes of what devices show"),
    (
        "notice",
        "what an installer is told of a device that was moved; by org",
    ),
    ("tenure", "a view of assignment"),
];

const ONE: Uuid = Uuid::from_u128(1);
const TWO: Uuid = Uuid::from_u128(2);

/// Tables whose rows are copied from home to home as they are.
const OF_A_SITE: [&str; 6] = [
    "site_state",
    "bucket_day",
    "site_day",
    "site_month",
    "told_day",
    "event",
];

async fn world() -> (SqlStore, Database, PgConnection) {
    let database = Database::fresh().unwrap();
    let store = SqlStore::postgres(database.url()).await.unwrap();
    conformance::archive::a_site_sees_chunks_of_its_own_time(&store).await;
    let folded = store_folded(&store).await;
    let everything = conformance::archive::everything(folded, folded + 5, 100);
    solthrive_cloud_store::archive::Archive::checkpoint(&store, &everything)
        .await
        .unwrap();
    let mut raw = PgConnection::connect(database.url()).await.unwrap();
    // What one home has, the other has, too; and each fleet, and each device.
    for table in OF_A_SITE {
        let copy = format!(
            "INSERT INTO {table} SELECT (jsonb_populate_record({table}, jsonb_build_object('site', other))).*
             FROM {table}, unnest(ARRAY['{ONE}', '{TWO}']::uuid[]) AS other ON CONFLICT DO NOTHING"
        );
        raw.execute(sqlx::AssertSqlSafe(copy)).await.unwrap();
    }
    raw.execute(sqlx::AssertSqlSafe(format!(
        "INSERT INTO fleet_total SELECT (jsonb_populate_record(fleet_total, jsonb_build_object('fleet', '{ONE}'))).*
         FROM fleet_total ON CONFLICT DO NOTHING;
         INSERT INTO device_status (device, site, last_seen, status) SELECT there.device, there.site, 1, known.status
         FROM assignment AS there, (SELECT status FROM device_status LIMIT 1) AS known ON CONFLICT DO NOTHING"
    )))
    .await
    .unwrap();
    (store, database, raw)
}

async fn store_folded(store: &SqlStore) -> i64 {
    let cursors = solthrive_cloud_store::archive::Archive::cursors(store).await;
    cursors.unwrap().folded.get()
}

/// Every table with something of a home stands behind the wall; a new one is not forgotten.
#[test]
fn every_table_with_something_of_a_home_stands_behind_the_wall() {
    run(async {
        let (store, _database, mut raw) = world().await;
        let tables: Vec<(String, bool)> = sqlx::query_as(
            "SELECT pg_class.relname::TEXT, relrowsecurity AND relforcerowsecurity
                 AND EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = pg_class.oid)
             FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
             WHERE nspname = 'public' AND relkind IN ('r', 'p', 'v') AND (relname = 'site' OR EXISTS
                 (SELECT 1 FROM pg_attribute WHERE attrelid = pg_class.oid AND attname IN ('site', 'device', 'fleet')))
             ORDER BY 1",
        )
        .fetch_all(&mut raw)
        .await
        .unwrap();
        assert!(tables.len() > 20, "{tables:?}");
        for (table, behind) in tables {
            let outside = OUTSIDE.iter().any(|(name, _)| *name == table);
            assert_ne!(behind, outside, "{table}");
        }
        store.close().await;
    });
}

/// Counts of rows: the site's own, those of others, as they are shown for this setting.
async fn shown(raw: &mut PgConnection, sees: &str, table: &str, column: &str) -> (i64, i64) {
    let mut transaction = raw.begin().await.unwrap();
    let set = format!("SET LOCAL solthrive.sees = '{sees}'");
    transaction.execute(sqlx::AssertSqlSafe(set)).await.unwrap();
    let text = format!(
        "SELECT count(*) FILTER (WHERE {column} = $1), count(*) FILTER (WHERE {column} IS DISTINCT FROM $1) FROM {table}"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(Uuid::from_u128(1))
        .fetch_one(&mut *transaction)
        .await
        .unwrap()
}

#[test]
fn who_reads_for_one_site_is_shown_no_row_of_another() {
    run(async {
        let (store, _database, mut raw) = world().await;
        let one = format!("site {}", Uuid::from_u128(1));
        let mut with_rows = 0;
        let tables = [
            "site_state",
            "bucket_day",
            "site_day",
            "site_month",
            "told_day",
            "event",
            "installer_code",
            "audit",
        ];
        let all = tables.map(|table| (table, "site")).into_iter();
        for (table, column) in all.chain([("site", "id")]) {
            let (own, others) = shown(&mut raw, "", table, column).await;
            assert_eq!(
                shown(&mut raw, &one, table, column).await,
                (own, 0),
                "{table}"
            );
            assert_eq!(
                shown(&mut raw, "nothing", table, column).await,
                (0, 0),
                "{table}"
            );
            assert_eq!(
                shown(&mut raw, "site", table, column).await,
                (0, 0),
                "{table}"
            );
            with_rows += usize::from(own > 0 && others > 0);
        }
        assert!(
            with_rows >= 7,
            "only {with_rows} tables had something to hide"
        );
        store.close().await;
    });
}

fn actor(user: u128, of: u128) -> Actor {
    Actor {
        user: Some(UserId::from_uuid(Uuid::from_u128(user))),
        client: None,
        credential: Credential::Session(SecondFactor::Passed),
        memberships: vec![Membership {
            org: OrgId::from_uuid(Uuid::from_u128(of)),
            kind: OrgKind::Installer,
            role: Role::Admin,
        }],
        support: Vec::new(),
    }
}

fn right(site: u128) -> ReadableSite {
    let site = SiteId::from_uuid(Uuid::from_u128(site));
    Operator::at_the_console().may_read(site).unwrap()
}

/// How many things each way of reading for people shows.
async fn seen_by_people(store: &SqlStore, me: &Actor) -> Vec<usize> {
    let now = UnixMillis::try_from(500).unwrap();
    let (right, right_2) = (right(1), right(2));
    let dates = "0001-01-01".parse().unwrap().."9998-01-01".parse().unwrap();
    let quarters = Quarter::not_before(jiff::Timestamp::UNIX_EPOCH)
        ..Quarter::not_before("2200-01-01T00:00Z".parse().unwrap());
    let mut seen = vec![
        store.status(right).await.unwrap().len() + store.status(right_2).await.unwrap().len(),
        store.stays(right).await.unwrap().len(),
        store.chunks(right, 0..i64::MAX / 2).await.unwrap().len(),
        store.buckets(right, quarters).await.unwrap().len(),
        store.days(right, dates.clone()).await.unwrap().len(),
        store.months(right, dates.clone()).await.unwrap().len(),
        store.events(right, 99).await.unwrap().len(),
        usize::from(store.site(right).await.unwrap().is_some()),
    ];
    let fleet = me.reads_fleet(me.memberships[0].org).unwrap();
    seen.push(store.own_fleet_days(fleet, dates).await.unwrap().len());
    let page = Page {
        after: None,
        most: 9,
    };
    let homes = store.homes(me, &HomeFilter::default(), &page, now).await;
    seen.push(homes.unwrap().len());
    let home = store.home(me, right.site(), now).await.unwrap();
    seen.push(usize::from(home.is_some()));
    if let Some(home) = &home {
        let right = home.access.sees_commands().unwrap();
        seen.push(store.commands(&right, None, 9).await.unwrap().len());
        let id = CommandId::from_uuid(ONE);
        let one = store.command(right.site(), id).await.unwrap();
        seen.push(usize::from(one.is_some()));
    }
    if let Some(owned) = home.and_then(|home| home.access.owned()) {
        seen.push(store.grants(owned).await.unwrap().len());
        store.transfers(owned).await.unwrap();
        store.supports(owned).await.unwrap();
    }
    seen
}

/// With a wall that shows nothing to anybody but the service itself, people see nothing: no way leads around it.
#[test]
fn everything_that_people_read_goes_through_the_wall() {
    run(async {
        let (store, _database, mut raw) = world().await;
        raw.execute(sqlx::AssertSqlSafe(format!(
            "INSERT INTO app_user (id, email, email_key, name, locale, created_at, sessions_since) VALUES ('{one}', 'a@b.c', 'a@b.c', 'Ada', 'en', 1, 0);
             INSERT INTO membership (org, app_user, role, created_at) VALUES ('{one}', '{one}', 'admin', 1);
             INSERT INTO command (id, site, device, kind, args, created_at, expires_at, state, revision)
                 VALUES ('{one}', '{one}', '{one}', 'restart', '{{}}', 1, 2, 'queued', 1)",
            one = Uuid::from_u128(1)
        )))
        .await
        .unwrap();
        let me = actor(1, 1);
        let before = seen_by_people(&store, &me).await;
        assert!(before.iter().all(|count| *count > 0), "{before:?}");
        let other = store.home(&me, right(2).site(), UnixMillis::EPOCH).await;
        assert!(other.unwrap().is_none());
        let stranger = actor(9, 1);
        let claimed = store.home(&stranger, right(1).site(), UnixMillis::EPOCH);
        assert!(
            claimed.await.unwrap().is_none(),
            "the database knows of no such member"
        );
        raw.execute(
            "DO $$ DECLARE held TEXT; BEGIN
             FOR held IN SELECT polrelid::regclass::TEXT FROM pg_policy LOOP
                 EXECUTE format('ALTER POLICY second_wall ON %s USING ((SELECT seen_kind()) = %L)', held, '');
             END LOOP; END $$",
        )
        .await
        .unwrap();
        let after = seen_by_people(&store, &me).await;
        assert!(after.iter().all(|count| *count == 0), "{after:?}");
        let all = store.sites(&Operator::at_the_console()).await.unwrap();
        assert_eq!(all.len(), 2, "the service itself sees on");
        store.close().await;
    });
}

#[test]
fn a_superuser_is_known_to_see_everything() {
    run(async {
        let database = Database::fresh().unwrap();
        let store = SqlStore::postgres(database.url()).await.unwrap();
        assert_eq!(store.second_wall().await.unwrap(), Some(true));
        store.close().await;
        let root = database.url().replace("solthrive@", "postgres@");
        let store = SqlStore::postgres(&root).await.unwrap();
        assert_eq!(store.second_wall().await.unwrap(), Some(false));
        store.close().await;
    });
}
