//! From what single points report to the readings of a device: totals as they are, phases put together. Common to the drivers
//! whose maps name points.
//!
//! Pure. A value that is not known is never shown as 0: it is left out, or invalid if the device is known to have it.

use crate::der::{Quality, Quantity, Reading};
use crate::device_map::registers::{PollClass, Rating, RegisterQuantity};
use jiff::Timestamp;

/// [`PollClass::Normal`] is every so many polls.
pub const NORMAL: u32 = 10;
/// [`PollClass::Slow`] is every so many polls.
pub const SLOW: u32 = 300;

/// The ratings that a measurement is compared with, the best first: one of its own kind, else the apparent or the active
/// power.
#[must_use]
pub const fn ratings_of(quantity: Quantity) -> &'static [Rating] {
    match quantity {
        Quantity::ReactivePower => &[
            Rating::ReactiveInjectedMax,
            Rating::ReactiveAbsorbedMax,
            Rating::ApparentPowerMax,
            Rating::ActivePowerMax,
        ],
        _ => &[Rating::ActivePowerMax, Rating::ApparentPowerMax],
    }
}

/// A value on its way to a reading, in SI and with our sign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// `None` if the point is there but cannot be used.
    pub value: Option<f64>,
    /// When it was measured.
    pub at: Timestamp,
}

/// Which quantities a device has reported. One that it reported and then does not is not known any more, and says so
/// instead of standing at its last value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported([bool; Quantity::ALL.len()]);

impl Reported {
    /// Notes what a poll's readings tell, and adds as invalid what is missing from them although it was asked for.
    pub fn complete(&mut self, readings: &mut Vec<Reading>, asked: &dyn Fn(Quantity) -> bool, at: Timestamp) {
        for (quantity, reported) in Quantity::ALL.into_iter().zip(&mut self.0) {
            if readings.iter().any(|r| r.quantity == quantity) {
                *reported = true;
            } else if *reported && asked(quantity) {
                readings.push(Reading { quantity, value: f64::NAN, quality: Quality::Invalid, at });
            }
        }
    }
}

/// The reading that a point has a part in, if it has.
#[must_use]
pub const fn reading_of(quantity: RegisterQuantity) -> Option<Quantity> {
    match quantity {
        RegisterQuantity::Reading(quantity) => Some(quantity),
        RegisterQuantity::PhaseVoltage(_) | RegisterQuantity::LineVoltage(_) => Some(Quantity::Voltage),
        RegisterQuantity::PhaseCurrent(_) => Some(Quantity::Current),
        RegisterQuantity::Rating(_) | RegisterQuantity::Identity(_) => None,
    }
}

/// How often a point is read: as the map says, but a measurement that the gateway expects with each poll is read with
/// each poll, and others often enough not to look stale.
#[must_use]
pub fn class_for(quantity: Option<RegisterQuantity>, poll: PollClass) -> PollClass {
    match quantity {
        Some(RegisterQuantity::Reading(quantity)) => match quantity {
            Quantity::ActivePower
            | Quantity::ReactivePower
            | Quantity::ApparentPower
            | Quantity::Voltage
            | Quantity::Current
            | Quantity::Frequency => PollClass::Fast,
            _ => poll.min(PollClass::Normal),
        },
        Some(
            RegisterQuantity::PhaseVoltage(_)
            | RegisterQuantity::LineVoltage(_)
            | RegisterQuantity::PhaseCurrent(_),
        ) => PollClass::Fast,
        _ => poll,
    }
}

/// The readings that the pieces make, in the order of [`Quantity::ALL`].
#[must_use]
pub fn combine(found: &[(RegisterQuantity, Piece)]) -> Vec<Reading> {
    let whole = |quantity: Quantity| {
        let mut pieces = found.iter().filter(|(q, _)| *q == RegisterQuantity::Reading(quantity));
        pieces.next().map(|(_, piece)| *piece)
    };
    let some = |wanted: fn(&RegisterQuantity) -> bool| -> Vec<Piece> {
        found.iter().filter(|(q, _)| wanted(q)).map(|(_, piece)| *piece).collect()
    };
    let one = |quantity: Quantity| {
        whole(quantity).or_else(|| match quantity {
            Quantity::Voltage => {
                let between = || {
                    let mean = mean(&some(|q| matches!(q, RegisterQuantity::LineVoltage(_))))?;
                    Some(Piece { value: mean.value.map(|volts| volts / 3.0_f64.sqrt()), ..mean })
                };
                mean(&some(|q| matches!(q, RegisterQuantity::PhaseVoltage(_)))).or_else(between)
            }
            Quantity::Current => sum(&some(|q| matches!(q, RegisterQuantity::PhaseCurrent(_)))),
            _ => None,
        })
    };
    let reading = |quantity: Quantity| {
        let Piece { value, at } = one(quantity)?;
        let quality = if value.is_some_and(f64::is_finite) { Quality::Good } else { Quality::Invalid };
        Some(Reading { quantity, value: value.unwrap_or(f64::NAN), quality, at })
    };
    Quantity::ALL.into_iter().filter_map(reading).collect()
}

/// The mean of the phases that report. A phase at 0 beside others that are not is not connected.
fn mean(pieces: &[Piece]) -> Option<Piece> {
    let at = pieces.iter().map(|piece| piece.at).min()?;
    let live: Vec<f64> =
        pieces.iter().filter_map(|piece| piece.value).filter(|volts| *volts != 0.0).collect();
    let value = match u32::try_from(live.len()) {
        Ok(count) if count > 0 => Some(live.iter().sum::<f64>() / f64::from(count)),
        _ => pieces.iter().find_map(|piece| piece.value),
    };
    Some(Piece { value, at })
}

/// The sum of the phases that report; not known if one of them cannot be used.
fn sum(pieces: &[Piece]) -> Option<Piece> {
    let at = pieces.iter().map(|piece| piece.at).min()?;
    Some(Piece { value: pieces.iter().map(|piece| piece.value).sum(), at })
}
