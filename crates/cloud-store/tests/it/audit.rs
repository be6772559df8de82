//! What was changed in the audit log behind the program's back is found.

use solthrive_cloud_store::meta::{AuditCheck, Org, OrgKind, Registry};
use solthrive_cloud_store::sql::SqlStore;
use solthrive_domain::OrgId;
use solthrive_domain::access::Operator;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_testkit::Database;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use crate::engines::run;

const BY: Operator = Operator::at_the_console();

/// What somebody does to the rows 1 to 5, and the first row that is wrong then.
const HARM: [(&str, i64); 6] = [
    ("UPDATE audit SET actor = 'nobody' WHERE seq = 3", 3),
    ("UPDATE audit SET details = NULL WHERE seq = 1", 1),
    ("DELETE FROM audit WHERE seq = 2", 2),
    ("DELETE FROM audit WHERE seq = 5", 5),
    ("UPDATE audit SET seq = 6 WHERE seq = 5", 5),
    ("UPDATE audit SET hash = prev_hash WHERE seq = 4", 4),
];

async fn five_acts(registry: &SqlStore) {
    for number in 1..=5 {
        let org = Org {
            id: OrgId::from_uuid(Uuid::from_u128(number)),
            kind: OrgKind::Installer,
            name: format!("Org {number}"),
            contact: None,
        };
        let now = UnixMillis::try_from(1).unwrap();
        registry.add_org(&BY, &org, now).await.unwrap();
    }
    let check = registry.audit_check(&BY).await.unwrap();
    assert!(matches!(check, AuditCheck::Whole { rows: 5, .. }));
}

#[test]
fn a_row_that_was_changed_is_found_on_sqlite() {
    for (harm, seq) in HARM {
        run(async {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("meta.db");
            let registry = SqlStore::sqlite(&path).await.unwrap();
            five_acts(&registry).await;
            let db = rusqlite::Connection::open(&path).unwrap();
            let refused = db.execute(harm, []).unwrap_err();
            assert_eq!(refused.to_string(), "the audit log is append-only");
            db.execute_batch("DROP TRIGGER audit_is_kept; DROP TRIGGER audit_is_kept_whole")
                .unwrap();
            db.execute(harm, []).unwrap();
            let check = registry.audit_check(&BY).await.unwrap();
            assert_eq!(check, AuditCheck::Broken { seq }, "{harm}");
        });
    }
}

#[test]
fn a_row_that_was_changed_is_found_on_postgres() {
    run(async {
        let database = Database::fresh().unwrap();
        let registry = SqlStore::postgres(database.url()).await.unwrap();
        five_acts(&registry).await;
        let mut db = PgConnection::connect(database.url()).await.unwrap();
        for harm in [HARM[0].0, HARM[2].0, "TRUNCATE audit"] {
            let refused = sqlx::query(AssertSqlSafe(harm)).execute(&mut db).await;
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("the audit log is append-only"), "{error}");
        }
        sqlx::query("DROP TRIGGER audit_is_kept ON audit")
            .execute(&mut db)
            .await
            .unwrap();
        sqlx::query(AssertSqlSafe(HARM[0].0))
            .execute(&mut db)
            .await
            .unwrap();
        let check = registry.audit_check(&BY).await.unwrap();
        assert_eq!(check, AuditCheck::Broken { seq: 3 });
    });
}
