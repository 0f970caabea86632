//! The store's thread: takes commits in order, writes those that wait together in one transaction, and answers each
//! when it is on disk.
//!
//! One sync serves every commit of the transaction, so a burst costs little more than one commit. If the transaction
//! fails, its commits are done again one by one, so that a bad one fails alone.

use super::rows::{self, Fault};
use super::{Store, StoreError};
use crate::core::port::{Commit, PersistError};
use rusqlite::TransactionBehavior;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Most commits that share a transaction; the first of them waits for the last.
const TOGETHER: usize = 256;

/// How often a store that could not write tries whether it can again.
const RETRY: Duration = Duration::from_secs(10);

/// The running store.
#[derive(Debug)]
pub struct Running {
    end: oneshot::Receiver<Result<(), StoreError>>,
}

impl Running {
    /// Waits for its end: `Ok` after an orderly stop, with the file checkpointed and closed.
    ///
    /// # Errors
    /// The file turned out to be damaged, or the thread panicked. The process should end: nothing can be accepted.
    pub async fn ended(self) -> Result<(), StoreError> {
        self.end.await.unwrap_or(Err(StoreError::Panicked))
    }
}

pub(super) fn spawn(store: Store, commits: mpsc::Receiver<Commit>) -> Result<Running, StoreError> {
    let failed = |path: &std::path::Path, error: &std::io::Error| StoreError::Failed {
        path: path.to_owned(),
        doing: "start the store's thread",
        why: error.to_string(),
    };
    let path = store.path.clone();
    // A runtime of its own, only to wait with a time limit. SQLite blocks, and here it blocks nobody else.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| failed(&path, &error))?;
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new()
        .name("store".to_owned())
        .spawn(move || {
            let result = runtime.block_on(run(store, commits));
            let _ = ended.send(result);
        })
        .map_err(|error| failed(&path, &error))?;
    Ok(Running { end })
}

async fn run(mut store: Store, mut commits: mpsc::Receiver<Commit>) -> Result<(), StoreError> {
    loop {
        let first = if store.writable.load(Ordering::Relaxed) {
            commits.recv().await
        } else if let Ok(first) = timeout(RETRY, commits.recv()).await {
            first
        } else {
            store.probe()?;
            continue;
        };
        let Some(first) = first else { break };
        let mut group = vec![first];
        while group.len() < TOGETHER {
            let Ok(next) = commits.try_recv() else { break };
            group.push(next);
        }
        store.carry_out(group)?;
    }
    store.close()
}

impl Store {
    /// Writes the commits of one group and answers each.
    pub(super) fn carry_out(&mut self, group: Vec<Commit>) -> Result<(), StoreError> {
        match self.write(&group) {
            // Somebody else holds the write lock: no commit is to blame, and a wait for each would stall them all.
            Err(fault) if group.len() > 1 && !fault.is_busy() => {
                for commit in group {
                    self.carry_out(vec![commit])?;
                }
                Ok(())
            }
            result => self.answer(group, result),
        }
    }

    fn answer(&self, group: Vec<Commit>, result: Result<(), Fault>) -> Result<(), StoreError> {
        self.note(result.as_ref().err());
        let said = result.as_ref().map_err(|fault| PersistError(fault.to_string())).copied();
        for commit in group {
            let _ = commit.done.send(said.clone());
        }
        match result {
            Err(fault) if fault.is_damage() => Err(fault.while_doing(&self.path, "write")),
            _ => Ok(()),
        }
    }

    /// Tries whether writing works again, with a write that changes nothing.
    pub(super) fn probe(&mut self) -> Result<(), StoreError> {
        let version = super::file::SCHEMA_VERSION;
        match self.db.pragma_update(None, "user_version", version).map_err(Fault::from) {
            Ok(()) => self.note(None),
            Err(fault) if fault.is_damage() => return Err(fault.while_doing(&self.path, "write")),
            Err(fault) => self.note(Some(&fault)),
        }
        Ok(())
    }

    fn write(&mut self, group: &[Commit]) -> Result<(), Fault> {
        // IMMEDIATE: takes the write lock first, so that a wait for it comes before any work. Dropped, it rolls back.
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for change in group.iter().flat_map(|commit| &commit.changes) {
            rows::apply(&transaction, change)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Keeps the health flag, and logs when it changes. A commit that cannot be stored for what is in it says nothing
    /// about the store.
    fn note(&self, fault: Option<&Fault>) {
        match fault {
            None => {
                if !self.writable.swap(true, Ordering::Relaxed) {
                    tracing::info!(path = %self.path.display(), "the store can write again");
                }
            }
            Some(fault) if fault.is_of_the_store() => {
                if self.writable.swap(false, Ordering::Relaxed) {
                    tracing::error!(path = %self.path.display(), why = %fault, "the store cannot write");
                }
            }
            Some(fault) => tracing::warn!(why = %fault, "a change could not be stored"),
        }
    }

    fn close(self) -> Result<(), StoreError> {
        // All of it is safe in the WAL already; a checkpoint that fails only leaves work for the next start.
        let moved = self.db.pragma(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()));
        if let Err(error) = moved {
            tracing::warn!(path = %self.path.display(), why = %error, "the store's journal could not be emptied");
        }
        self.db.close().map_err(|(_, error)| Fault::from(error).while_doing(&self.path, "close the store"))
    }
}
