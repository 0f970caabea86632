//! What was heard on a connection, whichever of its outstations it came from.

use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by the dialler, the listener and all associations of a channel.
#[derive(Debug, Default)]
pub struct Heard {
    answered: AtomicBool,
    damaged: AtomicBool,
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

    /// The last that came was no frame.
    pub fn damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }
}
