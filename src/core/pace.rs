//! How quickly a device really answers, and what follows: how long its values count, for how long it may be silent, when it can
//! have followed an order, and how long a command may take.
//!
//! Pure. Many devices answer within milliseconds, and one behind a radio takes seconds: neither is to be judged by the other's
//! measure. Every bound that a slow one stretches ends somewhere: what is slower than that is treated as away.

use std::time::Duration;
use tokio::time::Instant;

/// Whatever the pace, a value not heard of for this long is stale (unless its polls are meant to be further apart).
const LONGEST_FRESH: Duration = Duration::from_secs(60);
/// However long its answers take, nobody counts on a device that says nothing for this long.
const LONGEST_SILENCE: Duration = Duration::from_secs(20);
/// However slow its polls, what it does is judged after this.
const LONGEST_SETTLING: Duration = Duration::from_secs(20);
/// However slow, an order that could not be begun by then is one of yesterday.
const LONGEST_ORDER: Duration = Duration::from_secs(30);
/// A slow one counts for about so many more: an order each 20 s delays polls each time.
const FORGETS: u32 = 32;
/// So many polls, or answers, may be missed.
const MISSED: u32 = 3;

/// The pace of one device, as it was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// How far apart its polls are meant to be.
    period: Duration,
    /// How long it takes from when a poll is due until its values are here: of late, at the slowest.
    polled: Duration,
    /// How long it takes to answer anything: the same.
    answers: Duration,
    heard: Option<Instant>,
}

impl Pace {
    pub(super) fn new(period: Duration) -> Self {
        Self { period, ..Self::default() }
    }

    /// A poll came to its end, so long after it was due.
    pub(super) fn polled(&mut self, after: Duration) {
        self.polled = slowest(self.polled, after);
    }

    /// It told something, or somebody vouches for it.
    pub(super) const fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// It answered something that was asked, after this long.
    pub(super) fn answered(&mut self, took: Duration) {
        self.answers = slowest(self.answers, took);
    }

    /// How long its values count; `usual` is that of a quick device.
    pub(super) fn fresh_for(&self, usual: Duration) -> Duration {
        usual.max(self.period * MISSED).max((self.polled * MISSED).min(LONGEST_FRESH))
    }

    /// True if nothing was heard of it for longer than it may take.
    pub(super) fn is_overdue(&self, usual: Duration, now: Instant) -> bool {
        let patience = (self.answers * MISSED).min(LONGEST_SILENCE);
        let limit = usual.max(self.period * MISSED).max(patience);
        self.heard.is_some_and(|heard| now.duration_since(heard) > limit)
    }

    /// How long after an order its measurements can show what became of it: one that comes slowly may have been taken before.
    pub(super) fn settling(&self, usual: Duration) -> Duration {
        usual + self.polled.min(LONGEST_SETTLING)
    }

    /// Until when an order may be begun that is to be held for `hold`; orders of late took `took`, and one may be under way.
    /// What is refreshed must arrive before it runs out; a release (no hold) is in no such haste.
    pub(super) fn order_within(&self, usual: Duration, took: Duration, hold: Duration) -> Duration {
        let longest = if hold.is_zero() { LONGEST_ORDER } else { LONGEST_ORDER.min(hold / 2) };
        usual.max((self.polled + took * 2).min(longest))
    }
}

/// The slowest of late: a slow one counts at once, and is forgotten by and by.
pub(super) fn slowest(before: Duration, now: Duration) -> Duration {
    now.max(before - before / FORGETS)
}

#[cfg(test)]
mod tests;
