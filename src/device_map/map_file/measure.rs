//! `unit`, `quantity`, `phase` and `negate` of a point: what it reports.

use super::names::short_word;
use super::units::{self, QUANTITIES};
use super::words::{one_of, quoted};
use crate::device_map::registers::{RegisterQuantity, RegisterType};
use crate::toml_file::{Placed, Table};

/// Unit as written; quantity, and by what a value is multiplied to be in its SI unit and sign.
pub(super) type Measure = (Option<String>, Option<(RegisterQuantity, f64)>);

/// The keys as they are written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) unit: Option<Placed<String>>,
    pub(super) quantity: Option<Placed<String>>,
    pub(super) phase: Option<Placed<String>>,
    pub(super) negate: Option<Placed<bool>>,
}

/// Unit, quantity, phase and sign.
pub(super) fn read(table: &mut Table, kind: Option<RegisterType>, label: &str) -> Measure {
    let written = Written {
        unit: table.text("unit", "\"W\""),
        quantity: table.text("quantity", "\"active_power\""),
        phase: table.text("phase", "\"l1\""),
        negate: table.boolean("negate"),
    };
    of(written, kind, label)
}

/// What the keys mean together.
pub(super) fn of(written: Written, kind: Option<RegisterType>, label: &str) -> Measure {
    let Written { unit, quantity: word, phase, negate } = written;
    let unit = unit.and_then(short_word);
    let Some(word) = word else {
        for (key, place) in [("negate", negate.map(|n| n.place)), ("phase", phase.map(|p| p.place))] {
            if let Some(place) = place {
                place.fault(format!("{label}: {key} says how a quantity is meant, but there is no quantity"));
            }
        }
        return (unit.map(|unit| unit.value), None);
    };
    let quantity =
        one_of(&word, &format!("{label}: quantity"), QUANTITIES).map(|q| of_phase(q, phase.as_ref(), label));
    let sign = if negate.is_some_and(|given| given.value) { -1.0 } else { 1.0 };
    let Some(quantity) = quantity else { return (unit.map(|unit| unit.value), None) };
    let factor = factor(quantity, unit.as_ref(), &word, kind, label).unwrap_or(1.0);
    (unit.map(|unit| unit.value), Some((quantity, sign * factor)))
}

/// `quantity = "voltage"` and `phase = "l1"`, for those who keep them apart.
fn of_phase(quantity: RegisterQuantity, phase: Option<&Placed<String>>, label: &str) -> RegisterQuantity {
    let Some(phase) = phase else { return quantity };
    let wanted = match units::word(quantity) {
        "voltage" if phase.value.len() == 2 => format!("voltage_{}n", phase.value),
        known => format!("{known}_{}", phase.value),
    };
    match QUANTITIES.iter().find(|(word, _)| *word == wanted) {
        Some((_, quantity)) => *quantity,
        None => {
            phase.place.fault(format!(
                "{label}: phase {} does not go with quantity {}; write \"l1\", \"l2\" or \"l3\" for voltage and current, \"l1l2\", \"l2l3\" or \"l3l1\" for voltage",
                quoted(&phase.value),
                units::word(quantity)
            ));
            quantity
        }
    }
}

/// By what a value is multiplied to be in the SI unit of its quantity.
fn factor(
    quantity: RegisterQuantity,
    unit: Option<&Placed<String>>,
    word: &Placed<String>,
    kind: Option<RegisterType>,
    label: &str,
) -> Option<f64> {
    let is_text = matches!(kind, Some(RegisterType::Text(_)));
    let Some(dimension) = units::dimension(quantity) else {
        // A serial number may be a number, but never one with decimals.
        if matches!(kind, Some(RegisterType::F32 | RegisterType::F64 | RegisterType::Bool)) {
            word.place.fault(format!(
                "{label}: quantity {} is a text or a whole number; write type = \"string(8)\"",
                word.value
            ));
        }
        return None;
    };
    if is_text || matches!(kind, Some(RegisterType::Bits16 | RegisterType::Bits32 | RegisterType::Bool)) {
        word.place.fault(format!("{label}: quantity {} is a number, which its type is not", word.value));
    }
    let right = units::units_of(dimension);
    let Some(unit) = unit else {
        word.place
            .fault(format!("{label}: quantity {} needs a unit; write unit = one of {right}", word.value));
        return None;
    };
    match units::unit(&unit.value) {
        Some((of, factor)) if of == dimension => Some(factor),
        _ => {
            unit.place.fault(format!(
                "{label}: unit {} cannot be used for quantity {}; use {right} (case matters)",
                quoted(&unit.value),
                word.value
            ));
            None
        }
    }
}
