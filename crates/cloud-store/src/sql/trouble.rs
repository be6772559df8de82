//! What an error of a database means to the caller.

use crate::StoreError;

/// SQLite's primary codes and PostgreSQL's SQLSTATE.
const FULL: [&str; 2] = ["13", "53100"];
const DAMAGED: [&str; 4] = ["11", "26", "XX001", "XX002"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        match error {
            sqlx::Error::Database(told) => {
                let code = told.code().unwrap_or_default().into_owned();
                if FULL.contains(&code.as_str()) {
                    Self::Full(text)
                } else if DAMAGED.contains(&code.as_str()) {
                    Self::Damaged(text)
                } else {
                    Self::Unavailable(text)
                }
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Damaged(text),
            sqlx::Error::PoolClosed => Self::Closed,
            _ => Self::Unavailable(text),
        }
    }
}
