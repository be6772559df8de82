//! Rows that are written many at a time: [`AT_ONCE`] in a statement on SQLite, all of them as arrays on
//! PostgreSQL.
//!
//! A checkpoint has thousands of rows. To PostgreSQL each statement is a round trip, to SQLite a way to
//! its thread and back, while nobody else can write.

use std::marker::PhantomData;

use sqlx::{PgConnection, SqliteConnection};

/// Rows of one statement on SQLite; fewer are written one by one.
pub(super) const AT_ONCE: usize = 16;

/// How rows get into a table, in both databases.
pub(super) struct Table<R> {
    /// One row.
    pub(super) one: &'static str,
    /// [`AT_ONCE`] rows.
    pub(super) some: &'static str,
    /// Rows as arrays, one for each column.
    pub(super) arrays: &'static str,
    /// Whether a row takes the place of the one with its key.
    pub(super) replaces: bool,
    pub(super) row: PhantomData<R>,
}

/// A row of some table; see [`record`].
pub(super) trait Record: Sized + Send {
    async fn put_in_sqlite(
        rows: Vec<Self>,
        table: &Table<Self>,
        to: &mut SqliteConnection,
    ) -> Result<(), sqlx::Error>;

    async fn put_in_postgres(
        rows: Vec<Self>,
        table: &Table<Self>,
        to: &mut PgConnection,
    ) -> Result<(), sqlx::Error>;
}

/// A connection that takes rows.
pub(super) trait Put {
    /// Writes all rows. Where rows replace others, the last one of a key counts.
    async fn put<R: Record>(&mut self, table: &Table<R>, rows: Vec<R>) -> Result<(), sqlx::Error>;
}

impl Put for SqliteConnection {
    async fn put<R: Record>(&mut self, table: &Table<R>, rows: Vec<R>) -> Result<(), sqlx::Error> {
        R::put_in_sqlite(rows, table, self).await
    }
}

impl Put for PgConnection {
    async fn put<R: Record>(&mut self, table: &Table<R>, rows: Vec<R>) -> Result<(), sqlx::Error> {
        if rows.is_empty() {
            return Ok(());
        }
        R::put_in_postgres(rows, table, self).await
    }
}

/// A struct for the rows of a table (or of several with the same columns), from its columns and their
/// numbers as parameters; with statements that write such rows (`table`) and read them (`read`).
///
/// `replacing` puts a row in place of the one with its key; any other text says what is done instead.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident by $key:tt $columns:tt
        $(table $table:ident = $in:literal $conflict:tt;)*
        $(read $read:ident = $rest:literal;)*
    ) => {
        record!(@row [$(#[$doc])*] $name $key $columns);
        $(record!(@table $name $table $in $conflict $key $columns);)*
        $(record!(@read $read $rest $columns);)*
    };

    (@row [$(#[$doc:meta])*] $name:ident ($($key:ident),*) { $($number:literal $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name {
            $(pub(super) $field: $type,)*
        }

        impl sqlx::FromRow<'_, sqlx::sqlite::SqliteRow> for $name {
            fn from_row(row: &sqlx::sqlite::SqliteRow) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: sqlx::Row::try_get(row, stringify!($field))?,)* })
            }
        }

        impl sqlx::FromRow<'_, sqlx::postgres::PgRow> for $name {
            fn from_row(row: &sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: sqlx::Row::try_get(row, stringify!($field))?,)* })
            }
        }

        impl $crate::sql::archive::record::Record for $name {
            async fn put_in_sqlite(
                rows: Vec<Self>,
                table: &$crate::sql::archive::record::Table<Self>,
                to: &mut sqlx::SqliteConnection,
            ) -> Result<(), sqlx::Error> {
                use $crate::sql::archive::record::AT_ONCE;
                let mut rows = rows.into_iter();
                while rows.len() > 0 {
                    let (statement, count) = match rows.len() {
                        AT_ONCE.. => (table.some, AT_ONCE),
                        _ => (table.one, 1),
                    };
                    let mut query = sqlx::query(statement);
                    for row in rows.by_ref().take(count) {
                        query = query$(.bind(row.$field))*;
                    }
                    query.execute(&mut *to).await?;
                }
                Ok(())
            }

            async fn put_in_postgres(
                mut rows: Vec<Self>,
                table: &$crate::sql::archive::record::Table<Self>,
                to: &mut sqlx::PgConnection,
            ) -> Result<(), sqlx::Error> {
                if table.replaces {
                    // PostgreSQL refuses to replace a row twice in one statement; the last one counts.
                    let mut seen = std::collections::HashSet::with_capacity(rows.len());
                    rows.reverse();
                    rows.retain(|row| seen.insert(($(row.$key.clone(),)*)));
                }
                sqlx::query(table.arrays)
                    $(.bind(rows.iter_mut().map(|row| std::mem::take(&mut row.$field)).collect::<Vec<$type>>()))*
                    .execute(to)
                    .await?;
                Ok(())
            }
        }
    };

    (@table $name:ident $table:ident $in:literal replacing
        ($key0:ident $(, $key:ident)*)
        { $number0:literal $field0:ident: $type0:ty, $($number:literal $field:ident: $type:ty,)* }
    ) => {
        record!(@write $name $table $in true (concat!(
            " ON CONFLICT (", stringify!($key0), $(", ", stringify!($key),)* ") DO UPDATE SET ",
            stringify!($field0), " = excluded.", stringify!($field0),
            $(", ", stringify!($field), " = excluded.", stringify!($field),)*
        )) { $number0 $field0: $type0, $($number $field: $type,)* });
    };

    (@table $name:ident $table:ident $in:literal ($conflict:literal) $key:tt $columns:tt) => {
        record!(@write $name $table $in false ($conflict) $columns);
    };

    (@write $name:ident $table:ident $in:literal $replaces:literal ($conflict:expr)
        { $number0:literal $field0:ident: $type0:ty, $($number:literal $field:ident: $type:ty,)* }
    ) => {
        pub(super) const $table: $crate::sql::archive::record::Table<$name> =
            $crate::sql::archive::record::Table {
                one: record!(@values ($in) ($conflict) [$field0 $($field)*]
                    concat!("(?", $(record!(@mark $field),)* ")")),
                some: record!(@values ($in) ($conflict) [$field0 $($field)*]
                    record!(@sixteen concat!("(?", $(record!(@mark $field),)* ")"))),
                arrays: concat!(
                    "INSERT INTO ", $in, " (", stringify!($field0), $(", ", stringify!($field),)*
                    ") SELECT * FROM unnest($", $number0, $(", $", $number,)* ")", $conflict
                ),
                replaces: $replaces,
                row: std::marker::PhantomData,
            };
    };

    (@values ($in:literal) ($conflict:expr) [$field0:ident $($field:ident)*] $values:expr) => {
        concat!(
            "INSERT INTO ", $in, " (", stringify!($field0), $(", ", stringify!($field),)* ") VALUES ",
            $values, $conflict
        )
    };
    (@mark $field:ident) => { ", ?" };
    (@sixteen $row:expr) => { record!(@fourfold record!(@fourfold $row)) };
    (@fourfold $row:expr) => { concat!($row, ", ", $row, ", ", $row, ", ", $row) };

    (@read $read:ident $rest:literal
        { $number0:literal $field0:ident: $type0:ty, $($number:literal $field:ident: $type:ty,)* }
    ) => {
        pub(super) const $read: &str = concat!(
            "SELECT ", stringify!($field0), $(", ", stringify!($field),)* " ", $rest
        );
    };
}

pub(super) use record;
