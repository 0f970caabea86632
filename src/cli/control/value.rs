//! Commands and values of `dergate control` as a person writes them.

use crate::der::{Excitation, PowerFactor};
use crate::device_map::registers::CommandName;
use crate::southbound::tools::{Amount, Manual};

const RELEASES: [(&str, Manual); 2] = [
    ("release_active_power", Manual::ReleaseActivePower),
    ("release_reactive_power", Manual::ReleaseReactivePower),
];

/// The command of a word.
///
/// # Errors
/// There is none, in words with the nearest.
pub(super) fn command_of(word: &str) -> Result<Manual, String> {
    if let Some((_, release)) = RELEASES.iter().find(|(name, _)| *name == word) {
        return Ok(*release);
    }
    if let Some(name) = CommandName::from_name(word) {
        return Ok(Manual::Command(name));
    }
    let names = || CommandName::ALL.into_iter().map(CommandName::name).chain(RELEASES.map(|(name, _)| name));
    let shown: String = word.chars().take(80).collect();
    let right = match crate::toml_file::nearest(&shown, names()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("the commands are {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(format!("there is no command \"{}\"; {right}", shown.escape_debug()))
}

/// The value of a text.
///
/// # Errors
/// It is none, in words with examples.
pub(super) fn amount_of(text: &str) -> Result<Amount, String> {
    let wrong = || {
        let shown: String = text.chars().take(80).collect();
        format!(
            "\"{}\" is not a value; write it like 4800W, 4.8kW, 60%, 1200var or 0.95over",
            shown.escape_debug()
        )
    };
    let unit_at =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let factor = |excitation| {
        if number > 0.0 && number <= 1.0 {
            Ok(Amount::Factor(PowerFactor { size: number, excitation }))
        } else {
            Err(format!("a power factor is over 0 and at most 1, not {number}"))
        }
    };
    match unit.trim() {
        "W" => Ok(Amount::Watts(number)),
        "kW" => Ok(Amount::Watts(number * 1e3)),
        "MW" => Ok(Amount::Watts(number * 1e6)),
        "var" | "VAr" | "Var" => Ok(Amount::Vars(number)),
        "kvar" | "kVAr" | "kVar" => Ok(Amount::Vars(number * 1e3)),
        "%" | "%/s" => Ok(Amount::Percent(number)),
        "over" => factor(Excitation::Over),
        "under" => factor(Excitation::Under),
        "" => Err(format!("{number} has no unit; write it like {number}W, {number}% or 0.95over")),
        _ => Err(wrong()),
    }
}
