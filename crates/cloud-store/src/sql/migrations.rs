//! The steps from an empty database to today's. A landed step is never edited.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::StoreError;

macro_rules! steps {
    ($dialect:literal: $($number:literal $name:literal),* $(,)?) => {
        Migrator::with_migrations(vec![$(Migration::new(
            $number,
            Cow::Borrowed($name),
            MigrationType::Simple,
            include_str!(concat!("../../migrations/", $dialect, "/", $name, ".sql")).into_sql_str(),
            false,
        )),*])
    };
}

pub(super) fn sqlite() -> Migrator {
    steps!("sqlite": 1 "0001_identity", 2 "0002_archive")
}

pub(super) fn postgres() -> Migrator {
    steps!("postgres": 1 "0001_identity", 2 "0002_archive")
}

pub(super) fn trouble(error: MigrateError) -> StoreError {
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
    let steps = sqlite();
    steps.iter().map(|step| step.version).max().unwrap_or(0)
}
