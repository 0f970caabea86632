//! Whether a device still moves towards what it was asked, or has come to rest.
//!
//! Pure, for words only: who is limited is learned in `held`, from larger movements.

use std::time::Duration;
use tokio::time::Instant;

/// A movement by this part of the capability towards what was asked, since the last one, is one.
const STIR: f64 = 0.001;
/// A movement away from it by this part of the capability is more than unrest.
const BACK: f64 = 0.005;

/// The way of a device to what it was asked at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Way {
    /// When it was asked that.
    asked_at: Instant,
    /// What it had come to, W.
    mark: f64,
    /// When it was seen to move, or to begin.
    moved: Instant,
    rests: bool,
}

impl Way {
    /// What a measurement shows of a device of this `size`, which was asked for `asked` W at `asked_at`; small changes since
    /// then do not make another way of it.
    pub(super) fn seen(
        before: Option<Self>,
        (asked, asked_at): (f64, Instant),
        power: f64,
        size: f64,
        (now, settle): (Instant, Duration),
    ) -> Self {
        let Some(mut way) = before.filter(|way| way.asked_at == asked_at) else {
            return Self { asked_at, mark: power, moved: now, rests: false };
        };
        let towards = (power - way.mark) * (asked - way.mark).signum();
        if towards >= STIR * size {
            way = Self { mark: power, moved: now, rests: false, ..way };
        } else if towards <= -BACK * size {
            way.mark = power;
        }
        way.rests |= now.duration_since(way.moved) >= settle;
        way
    }

    /// True if it has not moved towards what it was asked at `asked_at` for the settling time.
    pub(super) fn rests(&self, asked_at: Instant) -> bool {
        self.rests && self.asked_at == asked_at
    }
}

#[cfg(test)]
mod tests;
