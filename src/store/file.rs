//! The database file: made whole or not at all, checked before it is trusted, never replaced.

use super::StoreError;
use super::folder::{access, beside, folder_of, sync};
use super::rows::{Fault, SCHEMA, TO_VERSION_2};
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// Marks the file as ours: "DERg" in ASCII. `file(1)` and we look at it.
const APPLICATION_ID: i64 = 0x4445_5267;

/// The layout of the tables that this program writes. One more for each change of [`SCHEMA`].
pub(super) const SCHEMA_VERSION: i64 = 2;

/// How long a write waits for an operator's sqlite3 that holds the write lock; well under what a request may take.
const BUSY: Duration = Duration::from_secs(5);

/// The WAL is cut back to this after a checkpoint, so that one burst does not keep the disk space for ever.
const WAL_KEPT: i64 = 16 * 1024 * 1024;

/// Faults that the integrity check lists before it gives up.
const FAULTS_LISTED: usize = 5;

/// Opens the database; makes an empty one if there is none. The caller holds the lock of the data_dir.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    if !exists(path)? {
        let left = beside(path, "-wal");
        if exists(&left)? {
            let what = format!("its journal {} is there, but the file itself is gone", left.display());
            return Err(StoreError::Damaged { path: path.to_owned(), what });
        }
        create(path)?;
    }
    let db = connect(path, "open the store")?;
    // SQLite opens a write-protected file for reading only, and would say so at the first commit.
    if db.is_readonly("main").unwrap_or(false) {
        return Err(access(path, "write to the store", &ErrorKind::PermissionDenied.into()));
    }
    let version = check(&db, path)?;
    upgrade(&db, version).map_err(|fault| fault.while_doing(path, "upgrade the store"))?;
    prepare(&db).map_err(|fault| fault.while_doing(path, "prepare the store for writing"))?;
    Ok(db)
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(StoreError::Access {
            path: path.to_owned(),
            doing: "open the store",
            why: "it is not a file; move it away".to_owned(),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(access(path, "look at the store", &error)),
    }
}

/// Makes an empty store under another name and renames it: a file under the real name is always whole, so an empty or
/// half one there is damage and not a first start that was cut short.
fn create(path: &Path) -> Result<(), StoreError> {
    let fresh = beside(path, ".new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(access(&fresh, "remove what an earlier start left", &error));
        }
        _ => {}
    }
    // Made by us first, for the mode; SQLite gives its -wal and -shm files the mode of the database.
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(|error| access(&fresh, "make the store", &error))?;
    let db = connect(&fresh, "make the store")?;
    fill(&db).map_err(|fault| fault.while_doing(&fresh, "make the store"))?;
    db.close().map_err(|(_, error)| Fault::from(error).while_doing(&fresh, "make the store"))?;
    file.sync_all().map_err(|error| access(&fresh, "make the store", &error))?;
    fs::rename(&fresh, path).map_err(|error| access(path, "name the store", &error))?;
    sync(&folder_of(path))
}

fn fill(db: &Connection) -> Result<(), Fault> {
    // No journal file: a creation that is cut short is thrown away as a whole.
    db.pragma_update(None, "journal_mode", "MEMORY")?;
    db.execute_batch(&format!(
        "BEGIN; {SCHEMA} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
    ))?;
    Ok(())
}

fn connect(path: &Path, doing: &'static str) -> Result<Connection, StoreError> {
    // Without CREATE: a store that vanishes between two steps must not come back empty. One thread uses it: no mutex.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)
        .and_then(|db| db.busy_timeout(BUSY).map(|()| db))
        .map_err(|error| Fault::from(error).while_doing(path, doing))?;
    Ok(db)
}

/// Whose file it is, which version, and whether it is sound: in this order, because the words differ.
fn check(db: &Connection, path: &Path) -> Result<i64, StoreError> {
    let damaged = |what: String| StoreError::Damaged { path: path.to_owned(), what };
    let size = fs::metadata(path).map_err(|error| access(path, "look at the store", &error))?.len();
    if size == 0 {
        return Err(damaged("the file is empty".to_owned()));
    }
    let pragma = |name: &str| {
        db.pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(|error| Fault::from(error).while_doing(path, "read the store's header"))
    };
    if pragma("application_id")? != APPLICATION_ID {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    let version = pragma("user_version")?;
    match version {
        1..=SCHEMA_VERSION => {}
        found if found > SCHEMA_VERSION => {
            return Err(StoreError::Newer { path: path.to_owned(), found, known: SCHEMA_VERSION });
        }
        found => return Err(damaged(format!("its schema version is {found}, which never existed"))),
    }
    let faults = faults(db).map_err(|fault| fault.while_doing(path, "check the store"))?;
    if faults.is_empty() { Ok(version) } else { Err(damaged(faults.join("; "))) }
}

/// Brings the tables of an earlier version to those of this program, whole or not at all.
fn upgrade(db: &Connection, version: i64) -> Result<(), Fault> {
    if version < 2 {
        db.execute_batch(&format!("BEGIN; {TO_VERSION_2} PRAGMA user_version=2; COMMIT;"))?;
        tracing::info!(from = version, to = SCHEMA_VERSION, "store upgraded");
    }
    Ok(())
}

fn faults(db: &Connection) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    db.pragma_query(None, "quick_check", |row| {
        let line: String = row.get(0)?;
        if line != "ok" && found.len() < FAULTS_LISTED {
            found.push(line.trim().replace('\n', " "));
        }
        Ok(())
    })?;
    db.pragma_query(None, "foreign_key_check", |row| {
        let table: String = row.get(0)?;
        if found.len() < FAULTS_LISTED {
            found.push(format!("a row of {table} belongs to nothing"));
        }
        Ok(())
    })?;
    Ok(found)
}

fn prepare(db: &Connection) -> Result<(), Fault> {
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::Text(format!(
            "this file system does not carry a WAL (SQLite offers {mode}); put the data_dir on a local disk"
        )));
    }
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update_and_check(None, "journal_size_limit", WAL_KEPT, |_| Ok(()))?;
    Ok(())
}
