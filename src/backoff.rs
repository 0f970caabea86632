//! Waiting longer after each failure, so that a dead device is not hammered and a crowd does not come back at once.
//!
//! It only computes delays: it neither sleeps nor reads a clock.

use std::time::Duration;

/// Exponential back-off with jitter: each delay is between half of and the whole of a bound that doubles per failure.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    bound: Duration,
}

impl Backoff {
    /// Starts at `first`, never waits longer than `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, bound: first }
    }

    /// One second to one minute, as field devices bear it.
    #[must_use]
    pub const fn field() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(60))
    }

    /// How long to wait after one more failure.
    pub fn next_delay(&mut self) -> Duration {
        self.delay(fastrand::f64())
    }

    /// As [`Backoff::next_delay`], with the place within the jitter given, from 0 to 1.
    fn delay(&mut self, place: f64) -> Duration {
        let bound = self.bound.min(self.most);
        self.bound = bound.saturating_mul(2).min(self.most);
        bound.mul_f64(0.5 + place.clamp(0.0, 1.0) / 2.0)
    }

    /// Begins anew: something succeeded.
    pub const fn reset(&mut self) {
        self.bound = self.first;
    }
}

#[cfg(test)]
mod tests;
