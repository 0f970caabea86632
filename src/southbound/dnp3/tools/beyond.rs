//! Whether a value that a person writes to an output by hand lies beyond what map and profile say of it.
//!
//! Pure, and a doubt only: an outstation may take more than its map knows, so who writes by hand is warned and decides.

use super::Catalogue;
use super::catalogue::tidy;
use crate::device_map::dnp3::{At, PointKind};

/// What speaks against a raw number, in words; `None` if nothing does.
pub fn beyond(catalogue: Catalogue<'_>, at: At, raw: f64) -> Option<String> {
    if at.kind != PointKind::AnalogOutput {
        return None;
    }
    let point = catalogue.blank(at);
    let unit = point.unit.as_deref().unwrap_or_default();
    let name = point.known_as().unwrap_or_default().to_ascii_lowercase();
    let ranges = catalogue.ranges(at);
    if let Some((low, high, scale)) = ranges.first() {
        let within = |(low, high, scale): &(f64, f64, f64)| {
            // Half a step of rounding is not beyond.
            let (value, slack) = (raw * scale, scale.abs() / 2.0);
            (low - slack..=high + slack).contains(&value)
        };
        let words = || {
            let value = tidy(raw * scale);
            format!("{at} = {value}{} is outside {low} to {high}, the range in the device map", spaced(unit))
        };
        return (!ranges.iter().any(within)).then(words);
    }
    let value = tidy(raw * point.scale + point.offset);
    let said = || format!("{at} = {value}{}", spaced(unit));
    if unit == "%" && !refers_to_more(&name) {
        if value.abs() > 100.0 {
            return Some(format!("{} is beyond 100 %", said()));
        }
        if value < 0.0 && catalogue.is_of_profile(at) && !takes_a_sign(&name) {
            return Some(format!("{} is negative, and the point takes no sign", said()));
        }
    }
    (matches!(unit, "s" | "ms") && value < 0.0).then(|| format!("{} is a time below 0", said()))
}

fn spaced(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" {unit}") }
}

/// Percentages of a nominal voltage, and ratios, may well be more than 100.
fn refers_to_more(name: &str) -> bool {
    ["volt", "deadband", "ratio"].iter().any(|word| name.contains(word))
}

/// Of the percentages of the profile only targets have a direction; a state of charge has none.
fn takes_a_sign(name: &str) -> bool {
    name.contains("target") && !name.contains("state_of_charge")
}

#[cfg(test)]
mod tests;
