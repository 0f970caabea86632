//! What has to be done about one that answers: what it refuses, what was missed of its values, whether it is still there. Its
//! silence is no matter of this file.

use super::{Duty, ENOUGH, FLOOD, Health, Restart};
use tokio::time::Instant;

impl Health {
    /// What it has refused so often that it is left.
    pub(super) fn refusals(&mut self, now: Instant) -> Option<Duty> {
        if self.time_refusals >= ENOUGH {
            self.time_refusals = 0;
            self.offer_time = Some(now + self.pace.time);
            return Some(Duty::LeaveTime);
        }
        if self.integrity_refusals >= ENOUGH {
            self.integrity_refusals = 0;
            self.by_ranges = true;
            self.just_connected = true;
            return Some(Duty::LeaveClasses);
        }
        if self.offer_time.is_some_and(|at| now >= at) && self.indications.need_time {
            self.offer_time = Some(now + self.pace.time);
            return Some(Duty::OfferTime);
        }
        None
    }

    /// What has to be read because something was missed.
    pub(super) fn reading(&mut self, now: Instant, room: bool) -> Option<Duty> {
        if self.by_ranges && self.just_connected {
            self.just_connected = false;
            self.values_lost = false;
            return Some(Duty::ReadRanges);
        }
        self.just_connected = false;
        if self.by_ranges && self.restart == Restart::Seen {
            self.restart = Restart::None;
            self.clearings = 0;
            return Some(Duty::Restarted);
        }
        if self.clearings >= ENOUGH {
            self.clearings = 0;
            self.stubborn = true;
            return Some(Duty::Stubborn);
        }
        if self.values_lost && room && self.read_again.is_none_or(|at| now >= at) {
            self.values_lost = false;
            return Some(Duty::ReadAll(FLOOD));
        }
        if self.indications.overflow && self.next_overflow.is_none_or(|at| now >= at) {
            if self.overflows < ENOUGH {
                self.overflows += 1;
                self.next_overflow = Some(now + self.pace.overflow);
                return Some(Duty::ReadAll("the outstation has lost events"));
            }
            if self.overflows == ENOUGH {
                self.overflows += 1;
                return Some(Duty::IgnoreOverflow);
            }
        }
        None
    }

    /// A long silence.
    pub(super) fn quiet(&mut self, now: Instant) -> Option<Duty> {
        let last = self.heard.max(self.checked);
        let due = self.keep_alive.is_some_and(|alive| now.saturating_duration_since(last) >= alive);
        due.then(|| {
            self.checked = now;
            Duty::CheckLink
        })
    }
}
