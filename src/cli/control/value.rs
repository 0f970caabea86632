//! Commands and values of `dergate control` as a person writes them.

use super::Args;
use crate::der::{Curve, CurveKind, CurveShape, Excitation, PowerFactor};
use crate::device_map::registers::CommandName;
use crate::southbound::tools::{Amount, Manual};
use std::time::Duration;

/// Most points of a curve; no model has more.
const MAX_POINTS: usize = 100;

const RELEASES: [(&str, Manual); 3] = [
    ("release_active_power", Manual::ReleaseActivePower),
    ("release_reactive_power", Manual::ReleaseReactivePower),
    ("release_curve", Manual::ReleaseCurve),
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
    let right = match crate::nearest::nearest(&shown, names()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("the commands are {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(format!("there is no command \"{}\"; {right}", shown.escape_debug()))
}

/// What the words of a command line ask for.
///
/// # Errors
/// They are not a command and its value, in words.
pub(super) fn asked(args: &Args) -> Result<(Manual, Option<Amount>), String> {
    let command = command_of(&args.command)?;
    let curve = command == Manual::Command(CommandName::SetCurve);
    if !curve && (args.points.is_some() || args.response.is_some()) {
        return Err("--points and --response are for set_curve".to_owned());
    }
    let amount = match (&args.value, command) {
        (value, _) if curve => {
            let kind = function_of(value.as_deref())?;
            let points = args
                .points
                .as_deref()
                .ok_or("set_curve needs its points: --points 92:44,98:0,102:0,108:-44 (x in order, x:y)")?;
            let response = args.response.map(|seconds| Duration::from_secs(seconds.into()));
            Some(Amount::Curve(Curve { kind, shape: CurveShape::Points(points_of(points)?), response }))
        }
        (value, Manual::ReleaseCurve) => Some(Amount::Function(function_of(value.as_deref())?)),
        (value, _) => value.as_deref().map(amount_of).transpose()?,
    };
    Ok((command, amount))
}

/// A function that follows a curve.
fn function_of(word: Option<&str>) -> Result<CurveKind, String> {
    let names = CurveKind::ALL.map(CurveKind::name);
    let right = match word.and_then(|word| crate::nearest::nearest(word, names)) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("the functions are {}", names.join(", ")),
    };
    let Some(word) = word else { return Err(format!("which function? {right}")) };
    let shown: String = word.chars().take(80).collect();
    CurveKind::from_name(word)
        .ok_or_else(|| format!("there is no function \"{}\" with a curve; {right}", shown.escape_debug()))
}

/// `92:44,98:0`.
fn points_of(text: &str) -> Result<Vec<(f64, f64)>, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let point = |text: &str| {
        text.split_once(':').and_then(|(x, y)| number(x).zip(number(y))).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            format!("--points \"{}\": a point is x:y, such as 92:44 or 108:-44", shown.escape_debug())
        })
    };
    if text.split(',').count() > MAX_POINTS {
        return Err(format!("--points has more than {MAX_POINTS} points"));
    }
    text.split(',').map(point).collect()
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
    let number: f64 = number.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(wrong)?;
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
