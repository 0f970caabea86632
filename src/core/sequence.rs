//! The latest events that one device recorded by itself, and how many of them are written to the log.
//!
//! Both are bounded, and fairly: a point that chatters takes neither the list nor the log away from the others. What was
//! left out of the log is counted and said.

use super::service::EventView;
use crate::der::SequenceEvent;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Events kept of one device.
const KEPT: usize = 50;
/// Events kept of one point of it.
const KEPT_OF_POINT: usize = 20;
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
            let same = |kept: &&EventView| kept.point == event.point;
            if self.kept.iter().filter(same).count() >= KEPT_OF_POINT {
                let oldest = self.kept.iter().position(|kept| kept.point == event.point);
                oldest.and_then(|place| self.kept.remove(place));
            } else if self.kept.len() >= KEPT {
                self.kept.pop_front();
            }
            self.kept.push_back(EventView { event: Arc::new(event), received });
        }
        self.shown = Arc::new(self.kept.iter().rev().cloned().collect());
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
}

#[cfg(test)]
mod tests;
