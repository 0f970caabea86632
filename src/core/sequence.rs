//! The latest events that one device recorded by itself, and how many of them are written to the log.
//!
//! Both are bounded, and fairly: a point that chatters takes neither the list nor the log away from the others, and what is
//! told again and again becomes a count. What was left out of the list or of the log is counted and said. It changes neither
//! the order nor the time of an event, and does not judge which of two events matters more.

use super::service::EventView;
use crate::der::SequenceEvent;
use jiff::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Events kept of one device.
const KEPT: usize = 50;
/// Events kept of one point of it.
const KEPT_OF_POINT: usize = 20;
/// Of events that say the same of the same point, those that are kept with a time of their own: earlier ones are a count.
const KEPT_ALIKE: usize = 3;
/// The log is bounded by this time.
const WINDOW: Duration = Duration::from_secs(60);
/// Lines in that time of one point, of one device, and of all devices together.
const LINES_OF_POINT: usize = 6;
const LINES_OF_DEVICE: usize = 60;
const LINES: usize = 1200;

/// One device's latest events; most devices have none, and pay next to nothing.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    kept: VecDeque<EventView>,
    /// What is kept, as it is shown: made when it changes and not at each look.
    shown: Arc<Vec<EventView>>,
    /// How many were told that are neither kept nor counted in one that is.
    left_out: u64,
    log: Option<Box<Window>>,
}

/// What of one device was logged lately.
#[derive(Debug)]
struct Window {
    since: Instant,
    /// Lines by point; no more than [`LINES_OF_DEVICE`] points.
    lines: Vec<(String, usize)>,
    left_out: u64,
}

/// What of all devices was logged lately.
#[derive(Debug, Default)]
pub(super) struct Lines {
    since: Option<Instant>,
    written: usize,
}

impl Lines {
    /// True if one more line may be written.
    fn take(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.duration_since(since) >= WINDOW) {
            *self = Self { since: Some(now), written: 0 };
        }
        let free = self.written < LINES;
        self.written += usize::from(free);
        free
    }
}

impl Sequence {
    /// Takes what the device told, oldest first; what is to be logged goes to `log`.
    pub(super) fn take(
        &mut self,
        events: Vec<SequenceEvent>,
        (received, now): (Timestamp, Instant),
        lines: &mut Lines,
        mut log: impl FnMut(&SequenceEvent),
    ) {
        for event in events {
            if self.may_log(&event.point, now, lines) {
                log(&event);
            }
            self.keep(event, received);
        }
        self.shown = Arc::new(self.kept.iter().rev().cloned().collect());
    }

    fn keep(&mut self, event: SequenceEvent, received: Timestamp) {
        if !self.count_as_repeated(&event) {
            let of_point = |kept: &&EventView| kept.point == event.point;
            if self.kept.iter().filter(of_point).count() >= KEPT_OF_POINT {
                self.leave_out(&event.point);
            } else if self.kept.len() >= KEPT
                && let Some(fullest) = self.fullest()
            {
                self.leave_out(&fullest);
            }
        }
        self.kept.push_back(EventView { event: Arc::new(event), received, repeats: 0, first: None });
    }

    /// Makes room for one more event if enough are kept that say the same: the oldest of them becomes a count of the next.
    fn count_as_repeated(&mut self, event: &SequenceEvent) -> bool {
        let mut places = self.kept.iter().enumerate().filter(|(_, kept)| says_the_same(kept, event));
        let (Some((oldest, _)), Some((next, _))) = (places.next(), places.next()) else { return false };
        if places.count() + 2 < KEPT_ALIKE {
            return false;
        }
        let earlier = self.kept.get(oldest).map(|kept| (kept.repeats + 1, kept.first.unwrap_or(kept.at)));
        if let (Some((count, first)), Some(next)) = (earlier, self.kept.get_mut(next)) {
            next.repeats += count;
            next.first = Some(first);
        }
        self.kept.remove(oldest);
        true
    }

    /// The point that has most of the list; of several, the one of which the oldest event is.
    fn fullest(&self) -> Option<String> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for kept in &self.kept {
            *counts.entry(&kept.point).or_default() += 1;
        }
        let most = counts.values().copied().max()?;
        let fullest = self.kept.iter().find(|kept| counts.get(kept.point.as_str()) == Some(&most));
        fullest.map(|kept| kept.point.clone())
    }

    /// Gives up the oldest event of a point, and counts it.
    fn leave_out(&mut self, point: &str) {
        let oldest = self.kept.iter().position(|kept| kept.point == point);
        if let Some(gone) = oldest.and_then(|place| self.kept.remove(place)) {
            self.left_out += gone.repeats + 1;
        }
    }

    fn may_log(&mut self, point: &str, now: Instant, lines: &mut Lines) -> bool {
        let window =
            self.log.get_or_insert_with(|| Box::new(Window { since: now, lines: Vec::new(), left_out: 0 }));
        let all: usize = window.lines.iter().map(|(_, written)| written).sum();
        let place = window.lines.iter_mut().find(|(known, _)| known == point);
        let free = all < LINES_OF_DEVICE && place.as_ref().is_none_or(|(_, n)| *n < LINES_OF_POINT);
        if !free || !lines.take(now) {
            window.left_out += 1;
            return false;
        }
        match place {
            Some((_, written)) => *written += 1,
            None => window.lines.push((point.to_owned(), 1)),
        }
        true
    }

    /// Ends a time of the log that is over: how many events were left out of it, if any.
    pub(super) fn close_log(&mut self, now: Instant) -> Option<u64> {
        let over = self.log.take_if(|window| now.duration_since(window.since) >= WINDOW)?;
        Some(over.left_out).filter(|left_out| *left_out > 0)
    }

    /// Those that are kept, latest received first.
    pub(super) fn latest(&self) -> Arc<Vec<EventView>> {
        self.shown.clone()
    }

    /// How many were told that are neither kept nor counted in one that is.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// True if two events differ only in when they happened.
fn says_the_same(one: &SequenceEvent, other: &SequenceEvent) -> bool {
    (one.clock, one.quality, &one.point, &one.value)
        == (other.clock, other.quality, &other.point, &other.value)
}

#[cfg(test)]
mod tests;
