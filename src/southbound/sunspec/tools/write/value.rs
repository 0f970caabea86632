//! A value as a person writes it, as the registers of a point.

use crate::device_map::{PlacedPoint, PointType, Symbol};
use crate::nearest::nearest;
use crate::southbound::sunspec::probe::has_bits;
use crate::southbound::sunspec::value::encode;

/// Most names of values listed in a refusal.
const LISTED: usize = 12;

/// The registers of a value for a point of a model, and what must be said about it.
///
/// # Errors
/// It is no value of the point; in words, with what would be right.
pub fn registers_of(
    model: u16,
    placed: &PlacedPoint,
    power: i8,
    value: &str,
) -> Result<(Vec<u16>, Option<String>), String> {
    let point = &placed.point;
    match point.kind {
        PointType::String => return text(point.size, value).map(|registers| (registers, None)),
        PointType::Ipaddr | PointType::Ipv6addr | PointType::Eui48 | PointType::Float64 => {
            return Err(format!(
                "points of type {} are not written by name; write their registers as holding:ADDRESS=…",
                point.kind.name()
            ));
        }
        _ => {}
    }
    let number = if has_bits(model, placed) {
        bits(&point.symbols, value)?
    } else if point.symbols.is_empty() {
        plain(value, point.unit.as_deref().unwrap_or_default().trim())?
    } else {
        symbol(&point.symbols, value)?
    };
    let encoded = encode(point.kind, number, power).map_err(|fault| fault.to_string())?;
    #[expect(clippy::float_cmp, reason = "any difference is worth saying")]
    let rounded = encoded.quantised != number;
    let note = rounded
        .then(|| format!("{number} becomes {}, the nearest that the point can hold", encoded.quantised));
    Ok((encoded.registers, note))
}

fn text(size: u16, value: &str) -> Result<Vec<u16>, String> {
    let most = usize::from(size) * 2;
    if value.len() > most || value.chars().any(char::is_control) {
        return Err(format!("the point takes a text of at most {most} bytes, without control characters"));
    }
    let mut bytes = value.bytes();
    Ok((0..size)
        .map(|_| u16::from_be_bytes([bytes.next().unwrap_or_default(), bytes.next().unwrap_or_default()]))
        .collect())
}

/// A number, with the point's unit behind it or without.
fn plain(value: &str, unit: &str) -> Result<f64, String> {
    if let Some(number) = integer(value) {
        return Ok(number);
    }
    let behind =
        value.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')).trim();
    let percent = behind == "%" && (unit.starts_with('%') || unit == "Pct");
    let number = value.strip_suffix(behind).unwrap_or(value).trim();
    match number.parse::<f64>() {
        Ok(number) if behind.is_empty() || behind == unit || percent => Ok(number),
        Ok(_) if unit.is_empty() => {
            Err(format!("\"{}\": the point has no unit; give the number alone", value.escape_debug()))
        }
        Ok(_) => {
            Err(format!("\"{}\": the point is in {unit}; give a number in {unit}", value.escape_debug()))
        }
        Err(_) => Err(format!("\"{}\" is not a number", value.escape_debug())),
    }
}

/// A whole number, also as 0x….
fn integer(text: &str) -> Option<f64> {
    let number = match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok()?,
        None => text.parse::<i64>().ok()?,
    };
    #[expect(clippy::cast_precision_loss, reason = "the encoder refuses what is beyond 2^53")]
    let number = number as f64;
    Some(number)
}

fn symbol(symbols: &[Symbol], value: &str) -> Result<f64, String> {
    let number = integer(value);
    let known = symbols
        .iter()
        .find(|s| number.map_or_else(|| s.name.eq_ignore_ascii_case(value), |n| n == f64::from(s.value)));
    known.map(|s| f64::from(s.value)).ok_or_else(|| {
        format!("\"{}\" is none of its values{}", value.escape_debug(), instead(value, symbols))
    })
}

/// Bits by number of the whole field, or by names joined with `+`.
fn bits(symbols: &[Symbol], value: &str) -> Result<f64, String> {
    if let Some(number) = integer(value) {
        return Ok(number);
    }
    let mut field = 0_u64;
    for name in value.split('+') {
        let name = name.trim();
        let bit =
            symbols.iter().find(|s| s.name.eq_ignore_ascii_case(name)).filter(|s| s.value < 64).ok_or_else(
                || format!("\"{}\" is none of its bits{}", name.escape_debug(), instead(name, symbols)),
            )?;
        field |= 1 << bit.value;
    }
    #[expect(clippy::cast_precision_loss, reason = "the encoder refuses what is beyond 2^53")]
    let field = field as f64;
    Ok(field)
}

/// `; did you mean ENABLED?`, or what there is.
fn instead(word: &str, symbols: &[Symbol]) -> String {
    match nearest(word, symbols.iter().map(|symbol| symbol.name.as_str())) {
        Some(near) => format!("; did you mean {near}?"),
        None => format!(": {}", listed(symbols)),
    }
}

fn listed(symbols: &[Symbol]) -> String {
    let mut names: Vec<String> =
        symbols.iter().take(LISTED).map(|s| format!("{}={}", s.name, s.value)).collect();
    if symbols.len() > LISTED {
        names.push("…".to_owned());
    }
    names.join(", ")
}
