//! Energy counters only go up: a counter that falls, or leaps further than the device can have produced, is held back
//! for one poll. If the next one goes on from there, the device has counted anew; if not, it was a slip.
//!
//! Pure. (SunSpec reference section 2.)

use crate::der::{Quality, Quantity, Reading};
use crate::southbound::sunspec::block::Span;
use jiff::Timestamp;

/// A fall from beyond this share of the range is a counter that began again.
const NEAR_END: f64 = 0.9;
/// A device may count so many times what its rating allows: ratings are rounded, and counters lag.
const LEAP: f64 = 2.0;

/// The counters of one device.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    injected: Counter,
    absorbed: Counter,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    /// The last value that was believed, and when it was first seen.
    believed: Option<(f64, Timestamp)>,
    /// A value that was held back.
    held: Option<(f64, Timestamp)>,
}

/// What bounds a counter: how it counts, and the device's rating in W, if known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// How it counts.
    pub span: Option<Span>,
    /// Most that it can count in an hour.
    pub rating: Option<f64>,
}

impl Counters {
    /// Marks counter readings that cannot be believed yet as invalid. Says why, in words for the log.
    pub fn judge(
        &mut self,
        readings: &mut [Reading],
        bounds: &dyn Fn(Quantity) -> Bounds,
    ) -> Vec<(Quantity, String)> {
        let mut doubts = Vec::new();
        for reading in readings.iter_mut().filter(|r| r.quality == Quality::Good) {
            let counter = match reading.quantity {
                Quantity::EnergyInjected => &mut self.injected,
                Quantity::EnergyAbsorbed => &mut self.absorbed,
                _ => continue,
            };
            if let Some(words) = counter.doubt(reading.value, reading.at, bounds(reading.quantity)) {
                doubts.push((reading.quantity, words));
                reading.quality = Quality::Invalid;
                reading.value = f64::NAN;
            }
        }
        doubts
    }
}

impl Counter {
    /// Why a value cannot be believed, in words; `None` if it can.
    fn doubt(&mut self, value: f64, at: Timestamp, bounds: Bounds) -> Option<String> {
        let Some(believed) = self.believed else {
            self.believed = Some((value, at));
            return None;
        };
        let goes_on = follows(believed, value, at, bounds);
        if goes_on || self.held.is_some_and(|held| value >= held.0 && follows(held, value, at, bounds)) {
            self.held = None;
            // Counters are renewed now and then: the time counts from their last step.
            #[expect(clippy::float_cmp, reason = "whether the very same number came again")]
            if value != believed.0 {
                self.believed = Some((value, at));
            }
            return None;
        }
        self.held = Some((value, at));
        let how = if value < believed.0 { "fell" } else { "leapt" };
        Some(format!("{how} from {} to {value} Wh", believed.0))
    }
}

/// True if a counter can have gone from one value to another.
fn follows((before, since): (f64, Timestamp), value: f64, at: Timestamp, bounds: Bounds) -> bool {
    let rise = if value >= before {
        value - before
    } else {
        match bounds.span {
            Some(Span { range, .. }) if before > NEAR_END * range => range - before + value,
            _ => return false,
        }
    };
    let Some(rating) = bounds.rating else { return true };
    let hours = at.duration_since(since).as_secs_f64().max(0.0) / 3600.0;
    let steps = bounds.span.map_or(0.0, |span| 2.0 * span.step);
    rise <= rating * hours * LEAP + steps.max(1.0)
}

#[cfg(test)]
mod tests;
