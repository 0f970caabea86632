//! What the points of an outstation come to: quantities in SI with our sign, who it is and what it is rated for, and what it
//! complains of.
//!
//! Pure. A value that is not known is never shown as 0.

use super::Identity;
use super::image::{Image, Value, is};
use crate::der::{Nameplate, Quantity, Reading, Vars, VoltAmperes, WattHours, Watts};
use crate::device_map::dnp3::{OutstationPoint, PointKind};
use crate::device_map::registers::{Identity as Who, Rating, RegisterQuantity};
use crate::southbound::aggregate::{Piece, combine, reading_of};

/// Longest text of a point in a word for people.
const MAX_TEXT: usize = 64;

/// The readings in which points have a part that are `fresh`. Of quantities put together from several points, what is not
/// `current` any more counts as not usable.
#[must_use]
pub fn readings(
    image: &Image,
    fresh: &dyn Fn(&OutstationPoint) -> bool,
    current: &dyn Fn(&OutstationPoint) -> bool,
) -> Vec<Reading> {
    let points = || {
        let measures =
            |point: &OutstationPoint| point.quantity.and_then(|(quantity, _)| reading_of(quantity));
        image.map().points.iter().filter_map(move |point| Some((measures(point)?, point)))
    };
    let mut concerned = [false; Quantity::ALL.len()];
    for (quantity, _) in points().filter(|(_, point)| fresh(point)) {
        if let Some(concerned) = concerned.get_mut(quantity.index()) {
            *concerned = true;
        }
    }
    let found: Vec<(RegisterQuantity, Piece)> = points()
        .filter(|(quantity, _)| concerned.get(quantity.index()) == Some(&true))
        .filter_map(|(_, point)| piece(image, point, current(point)))
        .collect();
    let mut told = combine(&found);
    let empty = |reading: &Reading| reading.quantity == Quantity::StateOfCharge && reading.value == 0.0;
    told.retain(|reading| !empty(reading) || !stores_nothing(image));
    told
}

/// True if the outstation tells what it could charge or store, and that is 0: then the 0 of its state of charge is that of
/// a profile that has the point for generators too, and no empty battery.
#[must_use]
pub fn stores_nothing(image: &Image) -> bool {
    let about = |point: &&OutstationPoint| {
        let of = point.quantity.map(|(quantity, _)| quantity);
        matches!(of, Some(RegisterQuantity::Rating(Rating::ChargeMax | Rating::EnergyRating)))
    };
    let mut told =
        image.map().points.iter().filter(about).filter_map(|point| image.value(point).number()).peekable();
    told.peek().is_some() && told.all(|value| value == 0.0)
}

/// The quantities that fresh points are about, whether or not they have a value.
#[must_use]
pub fn asked(image: &Image, quantity: Quantity, fresh: &dyn Fn(&OutstationPoint) -> bool) -> bool {
    let about = |point: &&OutstationPoint| {
        point.quantity.is_some_and(|(of, _)| reading_of(of) == Some(quantity)) && fresh(point)
    };
    image.map().points.iter().any(|point| about(&point))
}

fn piece(image: &Image, point: &OutstationPoint, current: bool) -> Option<(RegisterQuantity, Piece)> {
    let (quantity, _) = point.quantity?;
    let value = match image.value(point) {
        Value::Absent => return None,
        Value::Number { value, .. } => Some(point.in_quantity(value)).filter(|_| current),
        Value::Bad(_) => None,
    };
    let at = image.measured(point.at)?;
    Some((quantity, Piece { value, at }))
}

/// Who the outstation is and what it is rated for: from its points, and from its device attributes.
#[must_use]
pub fn nameplate(image: &Image, identity: &Identity) -> Nameplate {
    let text = |which: Who, attribute: &Option<String>| {
        let said = attribute.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        said.or_else(|| {
            let mut points = image.map().points.iter();
            points.find_map(|point| match point.quantity {
                Some((RegisterQuantity::Identity(this), _)) if this == which => {
                    image.value(point).number()?;
                    Some(say(point, image.seen(point.at)?.raw))
                }
                _ => None,
            })
        })
    };
    let size = |which: Rating| rating(image, which);
    Nameplate {
        manufacturer: text(Who::Manufacturer, &identity.manufacturer),
        model: text(Who::Model, &identity.model),
        serial: text(Who::Serial, &identity.serial),
        version: text(Who::Version, &identity.version),
        active_power_max: size(Rating::ActivePowerMax).map(Watts::new),
        charge_max: size(Rating::ChargeMax).map(Watts::new),
        apparent_power_max: size(Rating::ApparentPowerMax).map(VoltAmperes::new),
        reactive_injected_max: size(Rating::ReactiveInjectedMax).map(Vars::new),
        reactive_absorbed_max: size(Rating::ReactiveAbsorbedMax).map(Vars::new),
        energy_rating: size(Rating::EnergyRating).map(WattHours::new),
    }
}

/// A rating in SI, as a size. 0 is one that the maker did not fill in.
#[must_use]
pub fn rating(image: &Image, which: Rating) -> Option<f64> {
    image.map().points.iter().find_map(|point| match point.quantity {
        Some((RegisterQuantity::Rating(this), _)) if this == which => {
            image.value(point).number().map(|value| point.in_quantity(value).abs()).filter(|size| *size > 0.0)
        }
        _ => None,
    })
}

/// What the outstation complains of, and what it does not let itself be commanded for, in words.
#[must_use]
pub fn complaints(image: &Image) -> Vec<String> {
    let on = |point: &&OutstationPoint| image.shows(point) == Some(true);
    let told = |pick: fn(&OutstationPoint) -> Option<&String>| {
        let points = image.map().points.iter().filter(move |point| pick(point).is_some()).filter(on);
        points.filter_map(pick).cloned()
    };
    let mut words: Vec<String> = Vec::new();
    for more in told(|point| point.blocks.as_ref()).chain(told(|point| point.alarm.as_ref())) {
        if !words.contains(&more) {
            words.push(more);
        }
    }
    words
}

/// A raw value in words: its name, `on` or `off`, or a number with its unit.
#[must_use]
pub fn say(point: &OutstationPoint, raw: f64) -> String {
    if let Some((_, name)) = point.symbols.iter().find(|(value, _)| is(raw, *value)) {
        return name.chars().take(MAX_TEXT).collect();
    }
    let named = match point.at.kind {
        PointKind::BinaryInput | PointKind::BinaryOutput => Some(if is(raw, 0) { "off" } else { "on" }),
        PointKind::DoubleBitInput => ["intermediate", "off", "on", "indeterminate"]
            .into_iter()
            .zip(0..)
            .find(|(_, v)| is(raw, *v))
            .map(|(w, _)| w),
        _ => None,
    };
    if let Some(word) = named {
        return word.to_owned();
    }
    // Adding 0 makes -0 a 0.
    let value = (point.value(raw) * 1000.0).round() / 1000.0 + 0.0;
    match &point.unit {
        Some(unit) => format!("{value} {unit}"),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests;
