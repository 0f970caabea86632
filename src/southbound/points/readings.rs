//! What the points of one poll come to: quantities in SI, with one sign, and who the device is.
//!
//! Pure. A value that is not known is never shown as 0: it is left out, or invalid if the device is known to have it.

use super::codec::Value;
use crate::der::{Nameplate, Reading, Vars, VoltAmperes, WattHours, Watts};
use crate::device_map::registers::{Identity, Rating, RegisterMap, RegisterQuantity};
use crate::southbound::aggregate::{Piece, combine, reading_of};
use jiff::Timestamp;

/// What a point said, and when its registers were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What it said.
    pub value: Value,
    /// When.
    pub at: Timestamp,
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
    combine(&found)
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

/// True if the device tells what it could charge or store, and that is 0.
#[must_use]
pub fn stores_nothing(map: &RegisterMap, known: &dyn Fn(usize) -> Option<Value>) -> bool {
    let about = |quantity: Option<(RegisterQuantity, f64)>| {
        matches!(quantity, Some((RegisterQuantity::Rating(Rating::ChargeMax | Rating::EnergyRating), _)))
    };
    let points = map.points.iter().enumerate().filter(|(_, point)| about(point.quantity));
    let mut told = points.filter_map(|(place, _)| known(place)?.number()).peekable();
    told.peek().is_some() && told.all(|value| value == 0.0)
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
