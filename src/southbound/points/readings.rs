//! What the points of one poll come to: quantities in SI, with one sign, and who the device is.
//!
//! Pure. A value that is not known is never shown as 0: it is left out, or invalid if the device is known to have it.

use super::codec::Value;
use crate::der::{Nameplate, Quality, Quantity, Reading, Vars, VoltAmperes, WattHours, Watts};
use crate::device_map::registers::{Identity, Rating, RegisterMap, RegisterQuantity};
use jiff::Timestamp;

/// What a point said, and when its registers were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What it said.
    pub value: Value,
    /// When.
    pub at: Timestamp,
}

/// A value on its way to a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    /// `None` if the point is there but cannot be used.
    value: Option<f64>,
    at: Timestamp,
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

/// The readings of a poll. `fresh` gives what a point said in it, by its place in the map.
#[must_use]
pub fn readings(map: &RegisterMap, fresh: &dyn Fn(usize) -> Option<Sample>) -> Vec<Reading> {
    let mut found: Vec<(RegisterQuantity, Piece)> = Vec::new();
    for (place, point) in map.points.iter().enumerate() {
        let Some((quantity, factor)) = point.quantity else { continue };
        if reading_of(quantity).is_none() {
            continue;
        }
        let Some(Sample { value, at }) = fresh(place) else { continue };
        let value = match value {
            Value::Absent => continue,
            Value::Number(number) => Some(number * factor),
            Value::Text(_) | Value::Bad(_) => None,
        };
        found.push((quantity, Piece { value, at }));
    }
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

/// A rating, in SI. 0 is one that the maker did not fill in.
#[must_use]
pub fn rating(map: &RegisterMap, rating: Rating, known: &dyn Fn(usize) -> Option<Value>) -> Option<f64> {
    map.points.iter().enumerate().find_map(|(place, point)| match point.quantity {
        Some((RegisterQuantity::Rating(this), factor)) if this == rating => {
            known(place)?.number().map(|value| (value * factor).abs()).filter(|value| *value > 0.0)
        }
        _ => None,
    })
}

/// Who the device is, from what its points said last.
#[must_use]
pub fn nameplate(map: &RegisterMap, known: &dyn Fn(usize) -> Option<Value>) -> Nameplate {
    let text = |identity: Identity| {
        map.points.iter().enumerate().find_map(|(place, point)| match point.quantity {
            Some((RegisterQuantity::Identity(this), _)) if this == identity => match known(place)? {
                Value::Text(text) => Some(text),
                Value::Number(number) => Some(super::codec::say(point, number).into_owned()),
                Value::Absent | Value::Bad(_) => None,
            },
            _ => None,
        })
    };
    let number = |which: Rating| rating(map, which, known);
    Nameplate {
        manufacturer: text(Identity::Manufacturer),
        model: text(Identity::Model),
        serial: text(Identity::Serial),
        version: text(Identity::Version),
        active_power_max: number(Rating::ActivePowerMax).map(Watts::new),
        charge_max: number(Rating::ChargeMax).map(Watts::new),
        apparent_power_max: number(Rating::ApparentPowerMax).map(VoltAmperes::new),
        reactive_injected_max: number(Rating::ReactiveInjectedMax).map(Vars::new),
        reactive_absorbed_max: number(Rating::ReactiveAbsorbedMax).map(Vars::new),
        energy_rating: number(Rating::EnergyRating).map(WattHours::new),
    }
}

#[cfg(test)]
mod tests;
