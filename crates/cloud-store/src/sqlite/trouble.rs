//! What an error of SQLite means to the caller.

use rusqlite::ErrorCode;

use crate::StoreError;

/// Names the error after what can be done about it.
pub(super) fn of(error: &rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full(text),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(text),
        _ => StoreError::Unavailable(text),
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        of(&error)
    }
}
