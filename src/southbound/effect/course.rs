//! Whether a measurement stays beyond everything that was asked of late: for orders that stand for long, and for those that
//! change all the time.
//!
//! Pure. It knows no words, no readings and no protocol, and does not judge whether something follows.
//!
//! The rule accuses nobody who follows late or on a ramp: a device that comes to any value within the window, however it gets
//! there, is not beyond the highest nor the lowest of the values of the last window. That alone is not enough either: it must
//! be beyond them for a whole window more, without interruption.

use crate::device_map::registers::EffectBound;
use std::time::Duration;
use tokio::time::Instant;

/// Values in one part of the window are not told apart, so that their number is bounded: at most this many parts and one.
const PARTS: u32 = 32;
/// Measurements that must be beyond, at least: two may be a gust.
const SURE: u32 = 3;
/// A pause between measurements of more windows than this is an interruption.
const PAUSE: u32 = 2;

/// What was asked of late, and since when the measurements are beyond it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// What is asked now, and since when something is asked.
    asked: Option<(f64, Instant)>,
    /// What was asked before, oldest first.
    past: Vec<Past>,
    beyond: Option<Beyond>,
}

/// Values of one part of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Past {
    low: f64,
    high: f64,
    begun: Instant,
    until: Instant,
}

/// A row of measurements that are all beyond.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Beyond {
    since: Instant,
    last: Instant,
    count: u32,
}

impl Course {
    /// Something is asked from now on.
    pub fn ask(&mut self, value: f64, window: Duration, now: Instant) {
        let Some((before, since)) = self.asked.replace((value, now)) else { return };
        self.asked = Some((value, since));
        self.past.retain(|past| past.until + window > now);
        match self.past.last_mut().filter(|last| now.duration_since(last.begun) < window / PARTS) {
            Some(last) => {
                (last.low, last.high) = (last.low.min(before), last.high.max(before));
                last.until = now;
            }
            None => self.past.push(Past { low: before, high: before, begun: now, until: now }),
        }
    }

    /// True if `value` is beyond what was asked, with all measurements of a window. That there is less than was asked is
    /// never beyond it: a source may give no more, a storage may be full or empty.
    pub fn strays(
        &mut self,
        value: f64,
        bound: EffectBound,
        tolerance: f64,
        window: Duration,
        now: Instant,
    ) -> bool {
        let beyond = self.band(window, now).is_some_and(|(low, high)| match bound {
            EffectBound::AtMost => value > high + tolerance,
            EffectBound::Equals => value > high.max(0.0) + tolerance || value < low.min(0.0) - tolerance,
        });
        self.note(beyond, window, now)
    }

    /// The same for what is known to be beyond or not.
    pub fn note(&mut self, beyond: bool, window: Duration, now: Instant) -> bool {
        let row = self.beyond.filter(|row| now.duration_since(row.last) <= window * PAUSE);
        self.beyond = beyond.then(|| match row {
            Some(row) => Beyond { last: now, count: row.count.saturating_add(1), ..row },
            None => Beyond { since: now, last: now, count: 1 },
        });
        self.beyond.is_some_and(|row| row.count >= SURE && now.duration_since(row.since) >= window)
    }

    /// The lowest and the highest of what was asked in the last window; `None` while nothing was asked for a part of it.
    fn band(&self, window: Duration, now: Instant) -> Option<(f64, f64)> {
        let (value, since) = self.asked?;
        if now.duration_since(since) < window {
            return None;
        }
        let late = self.past.iter().filter(|past| past.until + window > now);
        Some(late.fold((value, value), |(low, high), past| (low.min(past.low), high.max(past.high))))
    }
}

#[cfg(test)]
mod tests;
