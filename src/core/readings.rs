//! The latest reading of each quantity of one device. Silence marks a value stale and never erases it.

use super::service::ReadingView;
use crate::der::{Quality, Quantity, Reading};
use jiff::Timestamp;

/// One device's latest readings.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings {
    slots: [Option<Slot>; Quantity::ALL.len()],
    stale: bool,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    value: f64,
    good: bool,
    at: Timestamp,
}

impl Readings {
    /// Takes a reading. A value that is not a number counts as invalid; an invalid one keeps the last known number.
    pub(super) fn take(&mut self, reading: &Reading) {
        let Some(slot) = self.slots.get_mut(reading.quantity.index()) else { return };
        let good = reading.quality == Quality::Good && reading.value.is_finite();
        match slot {
            Some(old) if !good => old.good = false,
            _ if !good => *slot = Some(Slot { value: f64::NAN, good, at: reading.at }),
            _ => *slot = Some(Slot { value: reading.value, good, at: reading.at }),
        }
    }

    /// Marks all of them stale, or fresh again. True if that changed something.
    pub(super) fn set_stale(&mut self, stale: bool) -> bool {
        std::mem::replace(&mut self.stale, stale) != stale
    }

    /// The value and its time, if it can be trusted now.
    pub(super) fn trusted(&self, quantity: Quantity) -> Option<(f64, Timestamp)> {
        let slot = self.slots.get(quantity.index())?.as_ref()?;
        (slot.good && !self.stale).then_some((slot.value, slot.at))
    }

    /// What can be shown: every quantity that was ever reported.
    pub(super) fn views(&self) -> Vec<ReadingView> {
        let shown = Quantity::ALL.into_iter().zip(&self.slots);
        shown
            .filter_map(|(quantity, slot)| {
                let slot = slot.as_ref()?;
                let quality = match (slot.good, self.stale) {
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
