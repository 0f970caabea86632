//! Units and quantities of register points: their words, and which goes with which.

use crate::der::Quantity;
use crate::device_map::registers::{Identity, Rating, RegisterQuantity};

/// What can be converted into each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    ActivePower,
    ReactivePower,
    ApparentPower,
    Voltage,
    Current,
    Frequency,
    Energy,
    Temperature,
    Percent,
}

/// Unit, and how many of the SI unit one of it is.
const UNITS: &[(&str, Dimension, f64)] = &[
    ("W", Dimension::ActivePower, 1.0),
    ("kW", Dimension::ActivePower, 1e3),
    ("MW", Dimension::ActivePower, 1e6),
    ("var", Dimension::ReactivePower, 1.0),
    ("kvar", Dimension::ReactivePower, 1e3),
    ("Mvar", Dimension::ReactivePower, 1e6),
    ("VAr", Dimension::ReactivePower, 1.0),
    ("kVAr", Dimension::ReactivePower, 1e3),
    ("MVAr", Dimension::ReactivePower, 1e6),
    ("VA", Dimension::ApparentPower, 1.0),
    ("kVA", Dimension::ApparentPower, 1e3),
    ("MVA", Dimension::ApparentPower, 1e6),
    ("V", Dimension::Voltage, 1.0),
    ("kV", Dimension::Voltage, 1e3),
    ("A", Dimension::Current, 1.0),
    ("mA", Dimension::Current, 1e-3),
    ("kA", Dimension::Current, 1e3),
    ("Hz", Dimension::Frequency, 1.0),
    ("mHz", Dimension::Frequency, 1e-3),
    ("Wh", Dimension::Energy, 1.0),
    ("kWh", Dimension::Energy, 1e3),
    ("MWh", Dimension::Energy, 1e6),
    ("GWh", Dimension::Energy, 1e9),
    ("degC", Dimension::Temperature, 1.0),
    ("°C", Dimension::Temperature, 1.0),
    ("%", Dimension::Percent, 1.0),
];

/// Words of `quantity`.
pub(super) const QUANTITIES: &[(&str, RegisterQuantity)] = &[
    ("active_power", RegisterQuantity::Reading(Quantity::ActivePower)),
    ("reactive_power", RegisterQuantity::Reading(Quantity::ReactivePower)),
    ("apparent_power", RegisterQuantity::Reading(Quantity::ApparentPower)),
    ("voltage", RegisterQuantity::Reading(Quantity::Voltage)),
    ("voltage_l1n", RegisterQuantity::PhaseVoltage(0)),
    ("voltage_l2n", RegisterQuantity::PhaseVoltage(1)),
    ("voltage_l3n", RegisterQuantity::PhaseVoltage(2)),
    ("voltage_l1l2", RegisterQuantity::LineVoltage(0)),
    ("voltage_l2l3", RegisterQuantity::LineVoltage(1)),
    ("voltage_l3l1", RegisterQuantity::LineVoltage(2)),
    ("current", RegisterQuantity::Reading(Quantity::Current)),
    ("current_l1", RegisterQuantity::PhaseCurrent(0)),
    ("current_l2", RegisterQuantity::PhaseCurrent(1)),
    ("current_l3", RegisterQuantity::PhaseCurrent(2)),
    ("frequency", RegisterQuantity::Reading(Quantity::Frequency)),
    ("energy_injected", RegisterQuantity::Reading(Quantity::EnergyInjected)),
    ("energy_absorbed", RegisterQuantity::Reading(Quantity::EnergyAbsorbed)),
    ("dc_power", RegisterQuantity::Reading(Quantity::DcPower)),
    ("temperature", RegisterQuantity::Reading(Quantity::Temperature)),
    ("state_of_charge", RegisterQuantity::Reading(Quantity::StateOfCharge)),
    ("available_active_power", RegisterQuantity::Reading(Quantity::AvailableActivePower)),
    ("rated_power", RegisterQuantity::Rating(Rating::ActivePowerMax)),
    ("rated_charge_power", RegisterQuantity::Rating(Rating::ChargeMax)),
    ("rated_apparent_power", RegisterQuantity::Rating(Rating::ApparentPowerMax)),
    ("rated_reactive_injected", RegisterQuantity::Rating(Rating::ReactiveInjectedMax)),
    ("rated_reactive_absorbed", RegisterQuantity::Rating(Rating::ReactiveAbsorbedMax)),
    ("rated_energy", RegisterQuantity::Rating(Rating::EnergyRating)),
    ("manufacturer", RegisterQuantity::Identity(Identity::Manufacturer)),
    ("model", RegisterQuantity::Identity(Identity::Model)),
    ("serial", RegisterQuantity::Identity(Identity::Serial)),
    ("version", RegisterQuantity::Identity(Identity::Version)),
];

/// What a unit measures, and how many of the SI unit one of it is.
pub(super) fn unit(word: &str) -> Option<(Dimension, f64)> {
    UNITS.iter().find(|(known, ..)| *known == word).map(|(_, dimension, factor)| (*dimension, *factor))
}

/// The units of a dimension, in quotes.
pub(super) fn units_of(dimension: Dimension) -> String {
    let words = UNITS.iter().filter(|(_, of, _)| *of == dimension).map(|(word, ..)| format!("\"{word}\""));
    words.collect::<Vec<_>>().join(", ")
}

/// What a quantity is measured in; `None` for a text.
pub(super) const fn dimension(quantity: RegisterQuantity) -> Option<Dimension> {
    Some(match quantity {
        RegisterQuantity::PhaseVoltage(_) | RegisterQuantity::LineVoltage(_) => Dimension::Voltage,
        RegisterQuantity::PhaseCurrent(_) => Dimension::Current,
        RegisterQuantity::Rating(rating) => match rating {
            Rating::ActivePowerMax | Rating::ChargeMax => Dimension::ActivePower,
            Rating::ApparentPowerMax => Dimension::ApparentPower,
            Rating::ReactiveInjectedMax | Rating::ReactiveAbsorbedMax => Dimension::ReactivePower,
            Rating::EnergyRating => Dimension::Energy,
        },
        RegisterQuantity::Identity(_) => return None,
        RegisterQuantity::Reading(quantity) => match quantity {
            Quantity::ActivePower | Quantity::DcPower | Quantity::AvailableActivePower => {
                Dimension::ActivePower
            }
            Quantity::ReactivePower => Dimension::ReactivePower,
            Quantity::ApparentPower => Dimension::ApparentPower,
            Quantity::Voltage => Dimension::Voltage,
            Quantity::Current => Dimension::Current,
            Quantity::Frequency => Dimension::Frequency,
            Quantity::EnergyInjected | Quantity::EnergyAbsorbed => Dimension::Energy,
            Quantity::Temperature => Dimension::Temperature,
            Quantity::StateOfCharge => Dimension::Percent,
        },
    })
}

/// The word of a quantity.
pub(super) fn word(quantity: RegisterQuantity) -> &'static str {
    QUANTITIES.iter().find(|(_, known)| *known == quantity).map_or("", |(word, _)| *word)
}
