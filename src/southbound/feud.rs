//! What becomes of something that a device held on our behalf and somebody else took away: it is put back at once, but only a
//! few times a minute, for two that push each other away help nobody. For all drivers.
//!
//! Pure: time comes in as `now`. It neither sends nor reads.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Within this time it is put back no more often than [`MOST`] times; and so long it must stand to be believed again.
const WINDOW: Duration = Duration::from_mins(1);
const MOST: usize = 3;

/// One command that was taken away, or may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feud {
    put: VecDeque<Instant>,
    amiss: Option<String>,
}

impl Feud {
    /// True if it may be put back now.
    pub fn may_put_back(&mut self, now: Instant) -> bool {
        while self.put.front().is_some_and(|at| now.saturating_duration_since(*at) >= WINDOW) {
            self.put.pop_front();
        }
        self.put.len() < MOST
    }

    /// It is put back now.
    pub fn put_back(&mut self, now: Instant) {
        self.put.push_back(now);
    }

    /// It cannot be relied on, for this reason. True if that is news.
    pub fn fails(&mut self, why: String) -> bool {
        let news = self.amiss.is_none();
        self.amiss = Some(why);
        news
    }

    /// It stands. True if it could not be relied on until now, and can be again.
    pub fn stands(&mut self, now: Instant) -> bool {
        self.amiss.is_some() && {
            self.may_put_back(now);
            self.put.is_empty() && self.amiss.take().is_some()
        }
    }

    /// Why it cannot be relied on, in words.
    pub fn amiss(&self) -> Option<&str> {
        self.amiss.as_deref()
    }
}

/// That something is taken away again and again, in words. `asked`: what was asked; `shown`: what the device shows instead.
pub fn again_and_again(asked: &str, shown: &str) -> String {
    format!(
        "another master or the local panel, or the device itself, ends or changes what it was asked ({asked}) again and again: {shown}; it is put back no more than {MOST} times a minute"
    )
}

/// That something was taken away and could not be put back, in words.
pub fn in_vain(asked: &str, shown: &str, why: &str) -> String {
    format!(
        "what it was asked ({asked}) was ended or changed, not by the gateway ({shown}), and could not be put back: {why}"
    )
}

/// That something was taken away and put back, in words.
pub fn restored(asked: &str, shown: &str) -> String {
    format!("what it was asked ({asked}) was ended or changed, not by the gateway ({shown}); it was put back")
}

#[cfg(test)]
mod tests;
