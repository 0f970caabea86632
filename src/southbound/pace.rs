//! When a device is polled: on a grid of its own, so that devices do not all ask at once.
//!
//! It only computes and compares instants.

use std::time::Duration;
use tokio::time::Instant;

/// What a timer cannot tell apart.
const TIMER_STEP: Duration = Duration::from_micros(500);

/// True if what is due then is due now.
#[must_use]
pub fn is_due(due: Instant) -> bool {
    due.saturating_duration_since(Instant::now()) <= TIMER_STEP
}

/// The device's place within a period, from its place in the registry: neighbours are far apart, however many there are.
#[must_use]
pub fn phase(place: usize, period: Duration) -> Duration {
    // Multiples of the golden ratio spread evenly over the unit interval.
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    period.mul_f64((f64::from(place) * 0.618_033_988_749_895).fract())
}

/// The first deadline after `now` on the grid of a period, which reaches to both sides of its anchor.
#[must_use]
pub fn next_due(anchor: Instant, period: Duration, now: Instant) -> Instant {
    let period = period.max(Duration::from_millis(1));
    // What is left of the period that `now` is in.
    let left = match anchor.checked_duration_since(now).filter(|ahead| !ahead.is_zero()) {
        Some(ahead) => rest(ahead, period),
        None => period.saturating_sub(rest(now.saturating_duration_since(anchor), period)),
    };
    now + if left.is_zero() { period } else { left }
}

/// What of a time is left over after whole periods.
fn rest(time: Duration, period: Duration) -> Duration {
    let nanos = time.as_nanos() % period.as_nanos();
    u64::try_from(nanos).map_or(Duration::ZERO, Duration::from_nanos)
}

#[cfg(test)]
mod tests;
