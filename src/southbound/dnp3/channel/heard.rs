//! What was heard on a connection, whichever of its outstations it came from.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// Shared by the dialler, the listener and all associations of a channel.
#[derive(Debug, Default)]
pub struct Heard {
    answered: AtomicBool,
    damaged: AtomicBool,
    end: Mutex<Option<String>>,
    /// When a request ended last, whoever was asked.
    ended: Mutex<Option<Instant>>,
}

impl Heard {
    /// An answer came whole.
    pub fn answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
        self.damaged.store(false, Ordering::Relaxed);
    }

    /// A request ended, well or not.
    pub fn ended(&self, now: Instant) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// When a request that was asked for then was sent at the earliest: one goes after another.
    pub fn sent_after(&self, asked: Instant) -> Instant {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).map_or(asked, |ended| ended.max(asked))
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

#[cfg(test)]
mod tests {
    use super::Heard;
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn a_request_is_sent_when_the_one_before_it_has_ended() {
        let (heard, now) = (Heard::default(), Instant::now());
        let later = now + Duration::from_secs(30);
        assert_eq!(heard.sent_after(now), now);
        heard.ended(now);
        assert_eq!(heard.sent_after(later), later);
        heard.ended(later);
        assert_eq!(heard.sent_after(now), later, "it waited behind it");
    }
}
