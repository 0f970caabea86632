//! When a device is polled: on a grid of its own, so that devices do not all ask at once.
//!
//! It only computes instants.

use std::time::Duration;
use tokio::time::Instant;

/// The device's place within a period, from its place in the registry: neighbours are far apart, however many there are.
#[must_use]
pub fn phase(place: usize, period: Duration) -> Duration {
    // Multiples of the golden ratio spread evenly over the unit interval.
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    period.mul_f64((f64::from(place) * 0.618_033_988_749_895).fract())
}

/// The first deadline after `now` on the grid of a period.
#[must_use]
pub fn next_due(anchor: Instant, period: Duration, now: Instant) -> Instant {
    let period = period.max(Duration::from_millis(1));
    let since = now.saturating_duration_since(anchor);
    let done = u32::try_from(since.as_nanos() / period.as_nanos()).unwrap_or(u32::MAX - 1);
    anchor + period.saturating_mul(done + 1)
}

#[cfg(test)]
mod tests;
