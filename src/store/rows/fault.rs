//! What can go wrong between a value and its row, in words that say what would be right.

use crate::store::StoreError;
use rusqlite::ErrorCode;
use std::path::Path;

/// A fault of reading or writing.
#[derive(Debug)]
pub(in crate::store) enum Fault {
    /// SQLite says no.
    Sql(rusqlite::Error),
    /// A row holds what was never written there.
    Content(String),
    /// A value that cannot be stored.
    Text(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    /// A column holds what was never written there.
    pub(super) fn content(column: &str, found: &str) -> Self {
        let found: String = found.chars().take(80).collect();
        Self::Content(format!("{column} holds \"{found}\""))
    }

    /// Says which row it is about.
    pub(super) fn in_row(self, table: &str, name: &str) -> Self {
        let at = format!("row \"{name}\" of {table}");
        match self {
            Self::Content(what) => Self::Content(format!("{at}: {what}")),
            // A value of another type than the column has: written by somebody else.
            Self::Sql(error) if error.sqlite_error_code().is_none() => {
                Self::Content(format!("{at}: {error}"))
            }
            other => other,
        }
    }

    /// True if the file can no longer be trusted.
    pub(in crate::store) fn is_damage(&self) -> bool {
        match self {
            Self::Content(_) => true,
            Self::Text(_) => false,
            Self::Sql(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
            ),
        }
    }

    /// True if another program holds the write lock.
    pub(in crate::store) fn is_busy(&self) -> bool {
        matches!(self, Self::Sql(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
    }

    /// True if it is about the store and not about one value.
    pub(in crate::store) fn is_of_the_store(&self) -> bool {
        match self {
            Self::Content(_) => true,
            Self::Text(_) => false,
            Self::Sql(error) => !matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::TooBig | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch)
            ),
        }
    }

    /// The same, for the room's border.
    pub(in crate::store) fn while_doing(self, path: &Path, doing: &'static str) -> StoreError {
        let path = path.to_owned();
        if self.is_damage() {
            return StoreError::Damaged { path, what: self.to_string() };
        }
        StoreError::Failed { path, doing, why: self.to_string() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let error = match self {
            Self::Content(text) | Self::Text(text) => return f.write_str(text),
            Self::Sql(error) => error,
        };
        let advice = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "; free space on the disk of the data_dir",
            Some(ErrorCode::ReadOnly) => {
                "; the data_dir must be on a disk mounted for writing, and the user that runs dergate must own it"
            }
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                "; the user that runs dergate must own the data_dir and be able to write in it"
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                "; another program, such as sqlite3, is writing to it: end it"
            }
            Some(ErrorCode::SystemIoFailure) => {
                "; the disk of the data_dir is full, or faulty: the system's log says which"
            }
            _ => "",
        };
        write!(f, "{error}{advice}")
    }
}
