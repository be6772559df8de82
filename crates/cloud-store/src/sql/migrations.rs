//! The steps from an empty database to today's. A landed step is never edited.
//!
//! Both engines count alike; what only one of them needs has no step on the other.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::StoreError;

macro_rules! steps {
    (@ alone) => { true };
    (@) => { false };
    // Those after `alone` begin and end their transactions themselves.
    ($dialect:literal: $($number:literal $name:literal $($alone:ident)?),* $(,)?) => {
        Migrator::with_migrations(vec![$(Migration::new(
            $number,
            Cow::Borrowed($name),
            MigrationType::Simple,
            include_str!(concat!("../../migrations/", $dialect, "/", $name, ".sql")).into_sql_str(),
            steps!(@ $($alone)?),
        )),*])
    };
}

pub(crate) fn sqlite() -> Migrator {
    steps!(
        "sqlite":
        1 "0001_identity",
        2 "0002_archive",
        4 "0004_people",
        10 "0010_partners" alone,
        11 "0011_access",
        12 "0012_rotation",
        14 "0014_export_parts",
        15 "0015_erasure",
        16 "0016_identities",
        17 "0017_commands",
        18 "0018_flags",
    )
}

pub(crate) fn postgres() -> Migrator {
    steps!(
        "postgres":
        1 "0001_identity",
        2 "0002_archive",
        3 "0003_hot_log",
        4 "0004_people",
        10 "0010_partners",
        11 "0011_access",
        12 "0012_rotation",
        13 "0013_second_wall",
        14 "0014_export_parts",
        15 "0015_erasure",
        16 "0016_identities",
        17 "0017_commands",
        18 "0018_flags",
    )
}

pub(crate) fn trouble(error: MigrateError) -> StoreError {
    match error {
        // A step that is not known here was taken by a newer program.
        MigrateError::VersionMissing(found) => StoreError::Newer {
            found,
            known: newest(),
        },
        MigrateError::VersionMismatch(_) | MigrateError::Dirty(_) => {
            StoreError::Damaged(error.to_string())
        }
        MigrateError::Execute(error) => error.into(),
        error => StoreError::Unavailable(error.to_string()),
    }
}

fn newest() -> i64 {
    let steps = [sqlite(), postgres()];
    let all = steps.iter().flat_map(Migrator::iter);
    all.map(|step| step.version).max().unwrap_or(0)
}
