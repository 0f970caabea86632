//! Raw and scaled values of register points: which fit, and which do not.

use super::words::{instead, quoted};
use crate::device_map::registers::{RegisterPoint, RegisterType};
use crate::toml_file::Item;
use std::ops::RangeInclusive;

/// Largest size of a number in a map.
pub(super) const NUMBERS: RangeInclusive<f64> = -1e15..=1e15;

/// How far a raw value may be from a whole number, in parts of it: binary fractions of 0.1 are not exact.
const ROUNDING: f64 = 1e-6;

impl RegisterType {
    /// The words of the file format; a text is `string(n)`.
    pub(super) const WORDS: [(&'static str, Self); 11] = [
        ("u16", Self::U16),
        ("i16", Self::I16),
        ("u32", Self::U32),
        ("i32", Self::I32),
        ("u64", Self::U64),
        ("i64", Self::I64),
        ("f32", Self::F32),
        ("f64", Self::F64),
        ("bits16", Self::Bits16),
        ("bits32", Self::Bits32),
        ("bool", Self::Bool),
    ];

    /// The word in map files.
    pub(super) fn word(self) -> String {
        match self {
            Self::Text(registers) => format!("string({registers})"),
            _ => Self::WORDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word).to_owned(),
        }
    }

    /// True for whole numbers and bits.
    pub(super) const fn is_whole(self) -> bool {
        !matches!(self, Self::F32 | Self::F64 | Self::Text(_))
    }

    const fn is_signed(self) -> bool {
        matches!(self, Self::I16 | Self::I32 | Self::I64)
    }

    /// Smallest and largest raw value; `None` for a text.
    pub(super) fn bounds(self) -> Option<(f64, f64)> {
        Some(match self {
            Self::U16 | Self::Bits16 => (0.0, f64::from(u16::MAX)),
            Self::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
            Self::U32 | Self::Bits32 => (0.0, f64::from(u32::MAX)),
            Self::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            Self::U64 => (0.0, u64::MAX as f64),
            Self::I64 => (i64::MIN as f64, i64::MAX as f64),
            Self::F32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
            Self::F64 => (f64::MIN, f64::MAX),
            Self::Bool => (0.0, 1.0),
            Self::Text(_) => return None,
        })
    }

    /// A raw value as the type reads it: 0x8000 of an i16 is -32768; of a float it stays the bit pattern.
    pub(super) fn raw(self, written: i128) -> Option<i128> {
        let bits = match self {
            Self::Text(_) => return None,
            Self::Bool => 1,
            _ => 16 * u32::from(self.registers()),
        };
        let (end, half) = (1_i128 << bits, 1_i128 << (bits - 1));
        match written {
            0.. if written < half => Some(written),
            0.. if written < end => Some(if self.is_signed() { written - end } else { written }),
            _ if self.is_signed() && (-half..0).contains(&written) => Some(written),
            _ => None,
        }
    }
}

/// A raw number in the file: `0xFFFF`, or as a text if it is beyond 64 bits.
pub(super) fn raw_number(item: Item, kind: RegisterType, label: &str, key: &str) -> Option<i128> {
    let (written, place, shown) = if item.is_text() {
        let text = item.text("\"0xFFFFFFFFFFFFFFFF\"")?;
        (parse_raw(&text.value), text.place, quoted(&text.value))
    } else {
        let number = item.integer(&(i64::MIN..=i64::MAX), "0xFFFF")?;
        (Some(i128::from(number.value)), number.place, number.value.to_string())
    };
    let raw = written.and_then(|n| kind.raw(n));
    if raw.is_none() {
        place.fault(format!("{label}: {key} {shown} is no raw value of type {}", kind.word()));
    }
    raw
}

/// `207` or `0xCF`.
pub(super) fn parse_raw(text: &str) -> Option<i128> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => i128::from_str_radix(hex, 16).ok().filter(|n| *n >= 0),
        None => text.parse().ok(),
    }
}

/// The raw value of a scaled one, as a number: whole for whole types.
fn raw_of(point: &RegisterPoint, value: f64) -> Result<f64, String> {
    let raw = (value - point.offset) / point.scale;
    if !point.kind.is_whole() || point.scale_from.is_some() {
        return Ok(raw);
    }
    let whole = raw.round();
    if (raw - whole).abs() > ROUNDING * raw.abs().max(1.0) {
        return Err(format!(
            "{value} is between two values of the device, which counts in steps of {}",
            point.scale
        ));
    }
    Ok(whole)
}

/// Whether a scaled value can stand in a point at all.
pub(super) fn can_stand(point: &RegisterPoint, value: f64) -> Result<(), String> {
    let (low, high) = point
        .kind
        .bounds()
        .ok_or_else(|| format!("a point of type {} holds a text, not {value}", point.kind.word()))?;
    let raw = raw_of(point, value)?;
    if point.scale_from.is_none() && !(low..=high).contains(&raw) {
        return Err(format!(
            "{value} does not fit in type {}: the raw value is {raw}, beyond {low} to {high}",
            point.kind.word()
        ));
    }
    if point.kind.is_whole() && point.invalid.iter().any(|invalid| *invalid as f64 == raw) {
        return Err(format!("{value} is the raw value {raw}, which means \"not there\" (invalid)"));
    }
    Ok(())
}

/// Whether a scaled value may be written to a point.
pub(super) fn can_be_written(point: &RegisterPoint, value: f64) -> Result<(), String> {
    can_stand(point, value)?;
    match point.range {
        Some((low, high)) if !(low..=high).contains(&value) => {
            Err(format!("{value} is outside its range {low} to {high}"))
        }
        _ => Ok(()),
    }
}

/// Whether every value from `low` to `high` may be written, each rounded to the steps of the device.
pub(super) fn all_can_be_written(point: &RegisterPoint, low: f64, high: f64) -> Result<(), String> {
    let (least, most) =
        point.kind.bounds().ok_or_else(|| format!("a point of type {} holds a text", point.kind.word()))?;
    if let Some((from, to)) = point.range
        && (low < from || high > to)
    {
        return Err(format!("{low} to {high} is more than its range {from} to {to}"));
    }
    if point.scale_from.is_some() {
        return Ok(());
    }
    let (first, last) = raw_span(point, low, high);
    if first < least || last > most {
        let kind = point.kind.word();
        return Err(format!("{low} to {high} is {first} to {last} in raw values, beyond type {kind}"));
    }
    match sentinel_between(point, first, last) {
        Some(raw) => {
            Err(format!("{low} to {high} has the raw value {raw} in it, which means \"not there\" (invalid)"))
        }
        None => Ok(()),
    }
}

/// Smallest and largest raw value of a span of scaled ones.
pub(super) fn raw_span(point: &RegisterPoint, low: f64, high: f64) -> (f64, f64) {
    let raw = |value: f64| {
        let raw = (value - point.offset) / point.scale;
        if point.kind.is_whole() { raw.round() } else { raw }
    };
    (raw(low).min(raw(high)), raw(low).max(raw(high)))
}

/// A raw value that means "not there" between two others.
pub(super) fn sentinel_between(point: &RegisterPoint, first: f64, last: f64) -> Option<i128> {
    let between = |raw: &&i128| point.kind.is_whole() && (first..=last).contains(&(**raw as f64));
    point.invalid.iter().find(between).copied()
}

/// A value for a point: a number after scaling, or the name of a symbol; else a fault.
pub(super) fn value_for(
    point: &RegisterPoint,
    item: Item,
    label: &str,
    fits: fn(&RegisterPoint, f64) -> Result<(), String>,
) -> Option<f64> {
    let (value, place) = if item.is_text() {
        let word = item.text("\"enable\"")?;
        let symbol = point.symbols.iter().find(|(_, name)| *name == word.value);
        let Some((raw, _)) = symbol else {
            let names: Vec<&str> = point.symbols.iter().map(|(_, name)| name.as_str()).collect();
            word.place.fault(format!(
                "{label}: {} is no name in the enum of \"{}\"; {}",
                quoted(&word.value),
                point.name,
                instead(&word.value, &names)
            ));
            return None;
        };
        (*raw as f64 * point.scale + point.offset, word.place)
    } else {
        let number = item.number(&NUMBERS, "100")?;
        (number.value, number.place)
    };
    if let Err(why) = fits(point, value) {
        place.fault(format!("{label}: \"{}\": {why}", point.name));
        return None;
    }
    Some(value)
}
