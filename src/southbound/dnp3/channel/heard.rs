//! What was heard on a connection, whichever of its outstations it came from.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Shared by the dialler, the listener and all associations of a channel.
#[derive(Debug, Default)]
pub struct Heard {
    answered: AtomicBool,
    damaged: AtomicBool,
    end: Mutex<Option<String>>,
}

impl Heard {
    /// An answer came whole.
    pub fn answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
        self.damaged.store(false, Ordering::Relaxed);
    }

    /// Something came that is no frame.
    pub fn damage(&self) {
        self.damaged.store(true, Ordering::Relaxed);
    }

    /// An outstation has answered since the connection was made.
    pub fn answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// The same, and from here on it is asked of the next connection.
    pub fn take_answered(&self) -> bool {
        self.answered.swap(false, Ordering::Relaxed)
    }

    /// The connection is made to another end point than before; in words.
    pub fn moved(&self, words: String) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }

    /// The same, once.
    pub fn take_moved(&self) -> Option<String> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The last that came was no frame.
    pub fn damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }
}
