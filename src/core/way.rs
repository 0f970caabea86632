//! Whether a device still moves towards what it was asked, or has come to rest.
//!
//! Pure, for words only: who is limited is learned in `held`, from larger movements.

use std::time::Duration;
use tokio::time::Instant;

/// A movement by this part of the capability towards what was asked, since the last one, is one.
const STIR: f64 = 0.001;
/// A movement away from it by this part of the capability is more than unrest.
const BACK: f64 = 0.005;

/// A delivery this close to what is asked, as a part of that, meets it.
pub(super) const MET: f64 = 0.02;

/// Where a device stands on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// It delivers what it was asked.
    Met,
    /// It has moved towards it of late, or was asked of late.
    Towards,
    /// It has moved away from it of late, be it that its source went or that somebody took it back.
    Away,
    /// It has been asked for the settling time, is not there, and has not moved.
    Rests,
}

/// The way of a device to what it was asked at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Way {
    /// When it was asked that.
    asked_at: Instant,
    /// What it had come to, W.
    mark: f64,
    /// When it was seen to move, to begin, or to be where it was asked to be.
    moved: Instant,
    course: Course,
}

impl Way {
    /// What a measurement shows of a device of this `size`, which was asked for `asked` W at `asked_at`; small changes since
    /// then do not make another way of it, but it has to fall short of them for the settling time as well.
    pub(super) fn seen(
        before: Option<Self>,
        (asked, asked_at): (f64, Instant),
        power: f64,
        size: f64,
        (now, settle): (Instant, Duration),
    ) -> Self {
        let met = (asked - power).abs() <= (MET * asked.abs()).max(STIR * size);
        let begins = |course| Self { asked_at, mark: power, moved: now, course };
        if met {
            return begins(Course::Met);
        }
        let Some(way) = before.filter(|way| way.asked_at == asked_at) else {
            return begins(Course::Towards);
        };
        let towards = (power - way.mark) * (asked - way.mark).signum();
        if towards <= -BACK * size {
            begins(Course::Away)
        } else if towards >= STIR * size || way.course == Course::Met {
            begins(Course::Towards)
        } else if now.duration_since(way.moved) >= settle {
            Self { course: Course::Rests, ..way }
        } else {
            way
        }
    }

    /// How it goes with what it was asked at `asked_at`, as far as that was seen.
    pub(super) fn course(&self, asked_at: Instant) -> Option<Course> {
        (self.asked_at == asked_at).then_some(self.course)
    }
}

#[cfg(test)]
mod tests;
