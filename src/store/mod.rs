//! What must survive a power cut: groups, dispatches, and which groups of the configuration were created once.
//!
//! One SQLite file, owned by one thread of one process. It decides nothing and knows no protocol: it writes the
//! [`Change`](crate::core::port::Change)s that the core hands it and gives them back at the next start. An operator can
//! read the file with `sqlite3` at any time, also while the gateway runs.
//!
//! Journal: WAL with `synchronous=FULL`. WAL, because a commit then costs one sync of one file and a reader never
//! blocks the writer; FULL, because in WAL mode NORMAL does not sync at commit, and what was acknowledged would not
//! survive a power cut.

mod file;
mod folder;
mod rows;
mod worker;

use crate::core::port::{Commit, Stored};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::mpsc;

pub use worker::Running;

/// Name of the database in the data_dir.
pub const FILE_NAME: &str = "dergate.db";

/// Settings of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The database file; the folder it is in is the data_dir.
    pub path: PathBuf,
}

impl Settings {
    /// The database of a data_dir.
    #[must_use]
    pub fn in_dir(data_dir: impl Into<PathBuf>) -> Self {
        Self { path: data_dir.into().join(FILE_NAME) }
    }
}

/// Why the store cannot be used. Each says what would be right.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data_dir, the lock file or the database could not be made or opened.
    #[error("{}: cannot {doing}: {why}", path.display())]
    Access {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why it failed and what would be right.
        why: String,
    },
    /// Somebody holds it.
    #[error("another dergate is running on this data_dir ({}, {holder}); stop it first, or give this one its own data_dir", dir.display())]
    Held {
        /// The data_dir.
        dir: PathBuf,
        /// Who holds it, as far as the lock file tells.
        holder: String,
    },
    /// The file cannot be trusted. Nothing was changed.
    #[error(
        "{}: the store is damaged: {what}. Nothing was changed. Restore a backup of the file, or, to start without stored \
         groups and dispatches, move it away together with the files of the same name ending in -wal and -shm",
        path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Written by a later program.
    #[error("{}: the store has schema version {found}, this dergate knows up to {known}; run the newer dergate, or restore a backup made before the upgrade", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest one this program knows.
        known: i64,
    },
    /// Somebody else's database.
    #[error("{}: this is a SQLite database, but not one of dergate; point data_dir elsewhere", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("{}: cannot {doing}: {why}", path.display())]
    Failed {
        /// The database.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why it failed and what would be right.
        why: String,
    },
    /// The thread ended by a panic.
    #[error("the store ended by a fault of its own; what it had acknowledged is on disk")]
    Panicked,
}

/// An open store: the database and the lock that keeps others off it.
#[derive(Debug)]
pub struct Store {
    db: rusqlite::Connection,
    path: PathBuf,
    writable: Arc<AtomicBool>,
    // Held, not read: closing the file gives the lock back. Declared last, so that the database is closed first.
    _lock: std::fs::File,
}

/// Opens the store and reads everything in it; makes the data_dir (mode 0700) and an empty store if there is none.
/// Blocks while it checks the file.
///
/// # Errors
/// Held by another process, damaged, written by a newer program, somebody else's, or not accessible. A damaged file
/// is left as it is.
pub fn open(settings: &Settings) -> Result<(Store, Stored), StoreError> {
    let path = settings.path.clone();
    let lock = folder::claim(&path)?;
    let db = file::open(&path)?;
    let stored = rows::load(&db).map_err(|fault| fault.while_doing(&path, "read what is stored"))?;
    let writable = Arc::new(AtomicBool::new(true));
    Ok((Store { db, path, writable, _lock: lock }, stored))
}

/// Starts the store's thread. It ends when every [`Persistence`](crate::core::port::Persistence) of this receiver is
/// dropped and what was queued is on disk, or when the file turns out to be damaged.
///
/// # Errors
/// The system gives no thread.
pub fn spawn(store: Store, commits: mpsc::Receiver<Commit>) -> Result<Running, StoreError> {
    worker::spawn(store, commits)
}

impl Store {
    /// True while writing works; false from a failed write (disk full, read-only) until writing works again. For the
    /// health pages: dispatches cannot be accepted meanwhile.
    #[must_use]
    pub fn writable(&self) -> Arc<AtomicBool> {
        self.writable.clone()
    }
}

#[cfg(test)]
mod tests;
