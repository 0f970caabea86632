//! The latest reading of each quantity of one device. Silence marks a value stale and never erases it.

use super::service::ReadingView;
use crate::der::{Quality, Quantity, Reading};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Quantities that a driver may read far less often than it polls stay fresh at least this long.
const SLOW: Duration = Duration::from_secs(180);

/// One device's latest readings.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings {
    slots: [Option<Slot>; Quantity::ALL.len()],
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    value: f64,
    good: bool,
    stale: bool,
    at: Timestamp,
    heard: Instant,
}

/// How long a quantity stays fresh without being heard of, on a device whose polled values stay fresh for `polled`.
fn limit(quantity: Quantity, polled: Duration) -> Duration {
    match quantity {
        Quantity::ActivePower
        | Quantity::ReactivePower
        | Quantity::ApparentPower
        | Quantity::Voltage
        | Quantity::Current
        | Quantity::Frequency => polled,
        Quantity::EnergyInjected
        | Quantity::EnergyAbsorbed
        | Quantity::DcPower
        | Quantity::Temperature
        | Quantity::StateOfCharge
        | Quantity::AvailableActivePower => polled.max(SLOW),
    }
}

impl Readings {
    /// Takes a reading. A value that is not a number counts as invalid; an invalid one keeps the last known number. A
    /// device clock that is ahead of ours does not make a measurement of the future.
    pub(super) fn take(&mut self, reading: &Reading, wall: Timestamp, heard: Instant) {
        let Some(slot) = self.slots.get_mut(reading.quantity.index()) else { return };
        let good = reading.quality == Quality::Good && reading.value.is_finite();
        match slot {
            Some(old) if !good => old.good = false,
            _ => {
                let value = if good { reading.value } else { f64::NAN };
                *slot = Some(Slot { value, good, stale: false, at: reading.at.min(wall), heard });
            }
        }
    }

    /// Marks what was not heard of for too long, or everything if `all`. True if that changed something.
    pub(super) fn mark_stale(&mut self, polled: Duration, now: Instant, all: bool) -> bool {
        let mut changed = false;
        for (quantity, slot) in Quantity::ALL.into_iter().zip(&mut self.slots) {
            let Some(slot) = slot.as_mut().filter(|s| !s.stale) else { continue };
            slot.stale = all || now.duration_since(slot.heard) > limit(quantity, polled);
            changed |= slot.stale;
        }
        changed
    }

    /// What its device tells seldom, and is no older than usual, is not stale any more: the device was only silent for a moment.
    pub(super) fn heard_again(&mut self, polled: Duration, now: Instant) {
        for (quantity, slot) in Quantity::ALL.into_iter().zip(&mut self.slots) {
            if let Some(slot) = slot {
                slot.stale &= now.duration_since(slot.heard) > limit(quantity, polled);
            }
        }
    }

    /// The value and its time, if it can be trusted now.
    pub(super) fn trusted(&self, quantity: Quantity) -> Option<(f64, Timestamp)> {
        let slot = self.slots.get(quantity.index())?.as_ref()?;
        (slot.good && !slot.stale).then_some((slot.value, slot.at))
    }

    /// The last number that came, whatever its age.
    pub(super) fn last(&self, quantity: Quantity) -> Option<f64> {
        let slot = self.slots.get(quantity.index())?.as_ref()?;
        slot.value.is_finite().then_some(slot.value)
    }

    /// What can be shown: every quantity that was ever reported.
    pub(super) fn views(&self) -> Vec<ReadingView> {
        let shown = Quantity::ALL.into_iter().zip(&self.slots);
        shown
            .filter_map(|(quantity, slot)| {
                let slot = slot.as_ref()?;
                let quality = match (slot.good, slot.stale) {
                    (false, _) => Quality::Invalid,
                    (true, true) => Quality::Stale,
                    (true, false) => Quality::Good,
                };
                let value = slot.value.is_finite().then_some(slot.value);
                Some(ReadingView { quantity, value, quality, at: Some(slot.at) })
            })
            .collect()
    }
}
