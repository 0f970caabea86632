//! The data_dir: made if missing, and claimed by one process at a time. It does not look into the database.

use super::StoreError;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Claims the data_dir of this database for this process, until the returned file is closed (also by a crash).
///
/// A lock file beside the database, and not SQLite's exclusive mode: that one would shut out the operator's sqlite3.
pub(super) fn claim(database: &Path) -> Result<File, StoreError> {
    let dir = folder_of(database);
    make(&dir)?;
    let path = beside(database, ".lock");
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| access(&path, "open the lock file", &error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::Held { dir, holder: holder(&mut lock) }),
        Err(TryLockError::Error(error)) => return Err(access(&path, "lock", &error)),
    }
    // The number is only for people: a full disk must not keep us from starting and saying so better.
    let _ =
        lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| writeln!(lock, "{}", std::process::id()));
    Ok(lock)
}

/// The folder of a file; a bare file name is in the working directory.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The path with something added to the file name.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes sure that names made in a folder survive a power cut.
pub(super) fn sync(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| access(dir, "sync the folder", &error))
}

/// An I/O error in words, with what would be right.
pub(super) fn access(path: &Path, doing: &'static str, error: &io::Error) -> StoreError {
    let advice = match error.kind() {
        ErrorKind::PermissionDenied => "; the user that runs dergate must own the data_dir and what is in it",
        ErrorKind::ReadOnlyFilesystem => "; it must be on a disk mounted for writing",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free some space",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "; a file is in the way of the data_dir",
        _ => "",
    };
    StoreError::Access { path: path.to_owned(), doing, why: format!("{error}{advice}") }
}

fn make(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    // 0700: dispatches say when and how much power moves; nobody else on the computer needs to know.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| access(dir, "make the data_dir", &error))?;
    // The folder's own name must survive too. A parent that cannot be opened for reading is no reason not to start.
    let _ = sync(&folder_of(dir));
    Ok(())
}

fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    let read = lock.take(32).read_to_string(&mut text);
    match (read, text.trim()) {
        (Ok(_), pid) if !pid.is_empty() => format!("process {pid}"),
        _ => "process unknown".to_owned(),
    }
}
