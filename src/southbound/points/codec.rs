//! One value between registers and numbers: type, order of words and bytes, scale, and what means "not there".
//!
//! Pure. It knows one point and its registers, nothing of the device.

use crate::device_map::registers::{RegisterPoint, RegisterType, WordOrder};
use std::borrow::Cow;

/// What registers hold, before scaling.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    /// All integers, bits and truth values.
    Integer(i128),
    /// Floating point.
    Float(f64),
    /// Text, without what pads it.
    Text(String),
}

/// What a point says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The device does not have it, or does not know it now: a raw value that means so, or an empty text.
    Absent,
    /// A number, in the point's unit.
    Number(f64),
    /// A text.
    Text(String),
    /// It is there but cannot be used; why.
    Bad(&'static str),
}

impl Value {
    /// The number, if it is one.
    #[must_use]
    pub const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// A value as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// The registers, in the order in which they are sent.
    pub words: Vec<u16>,
    /// What they mean: the value as the resolution of the point made it.
    pub value: f64,
}

/// The registers with the most significant byte first.
fn ordered(point: &RegisterPoint, words: &[u16]) -> Vec<u16> {
    let swapped = words.iter().map(|word| if point.byte_swap { word.swap_bytes() } else { *word });
    // The order of words is one of numbers: a text runs forward in any case.
    if point.word_order == WordOrder::LowFirst && !matches!(point.kind, RegisterType::Text(_)) {
        swapped.rev().collect()
    } else {
        swapped.collect()
    }
}

fn unsigned(words: &[u16]) -> u64 {
    words.iter().fold(0, |all, word| (all << 16) | u64::from(*word))
}

/// The registers as they stand; `None` if there are fewer than the type takes.
#[must_use]
pub fn raw(point: &RegisterPoint, words: &[u16]) -> Option<Raw> {
    let words = words.get(..usize::from(point.kind.registers())).filter(|words| !words.is_empty())?;
    let words = ordered(point, words);
    let bits = unsigned(&words);
    // The two lowest words and the lowest one; nothing is lost, since the type has no more.
    let low = u32::try_from(bits & 0xFFFF_FFFF).unwrap_or_default();
    let lowest = u16::try_from(bits & 0xFFFF).unwrap_or_default();
    Some(match point.kind {
        RegisterType::U16
        | RegisterType::U32
        | RegisterType::U64
        | RegisterType::Bits16
        | RegisterType::Bits32 => Raw::Integer(bits.into()),
        RegisterType::I16 => Raw::Integer(lowest.cast_signed().into()),
        RegisterType::I32 => Raw::Integer(low.cast_signed().into()),
        RegisterType::I64 => Raw::Integer(bits.cast_signed().into()),
        RegisterType::Bool => Raw::Integer((bits != 0).into()),
        RegisterType::F32 => Raw::Float(f32::from_bits(low).into()),
        RegisterType::F64 => Raw::Float(f64::from_bits(bits)),
        RegisterType::Text(_) => Raw::Text(text(&words)),
    })
}

fn text(words: &[u16]) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).take_while(|b| *b != 0).collect();
    let text = String::from_utf8_lossy(&bytes);
    let clean = text.chars().filter(|c| !c.is_control()).collect::<String>();
    // Registers that hold no text at all, such as 0xFFFF for "not there", must not pass as a serial number.
    if clean.chars().all(|c| c == char::REPLACEMENT_CHARACTER || c.is_whitespace()) {
        return String::new();
    }
    clean.trim().to_owned()
}

/// True if the registers hold a raw value that means "not there". Such a value may be written with its sign or as its
/// bits: 0x8000 is found in an `i16` too.
#[must_use]
pub fn means_absent(point: &RegisterPoint, words: &[u16]) -> bool {
    one_of(point, words, &point.invalid)
}

/// True if the registers hold one of these raw values.
#[must_use]
pub fn one_of(point: &RegisterPoint, words: &[u16], values: &[i128]) -> bool {
    if values.is_empty() {
        return false;
    }
    let Some(words) = words.get(..usize::from(point.kind.registers())) else { return false };
    let signed = match raw(point, words) {
        Some(Raw::Integer(value)) => Some(value),
        Some(Raw::Float(_)) => None,
        Some(Raw::Text(_)) | None => return false,
    };
    let bits = i128::from(unsigned(&ordered(point, words)));
    values.iter().any(|value| *value == bits || Some(*value) == signed)
}

/// What a point says. `exponent` is what its `scale_from` says: 0 if it has none, `None` if that cannot be used.
#[must_use]
pub fn decode(point: &RegisterPoint, words: &[u16], exponent: Option<i32>) -> Value {
    let Some(raw) = raw(point, words) else { return Value::Bad("its registers are not all there") };
    if means_absent(point, words) {
        return Value::Absent;
    }
    let number = match raw {
        Raw::Text(text) if text.is_empty() => return Value::Absent,
        Raw::Text(text) => return Value::Text(text),
        // As in SunSpec: what is not a number is not there.
        Raw::Float(float) if float.is_nan() => return Value::Absent,
        Raw::Integer(integer) => integer as f64,
        Raw::Float(float) => float,
    };
    let Some(exponent) = exponent else { return Value::Bad("its scale cannot be used") };
    let number = scaled(number, point.scale, exponent) + point.offset;
    if number.is_finite() { Value::Number(number) } else { Value::Bad("it is not a finite number") }
}

/// Largest size of a power of ten that a `scale_from` may hold, as for a SunSpec scale factor.
pub const MAX_EXPONENT: f64 = 10.0;

/// The power of ten that a point of `scale_from` holds.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a whole number between -10 and 10")]
pub fn exponent(value: &Value) -> Option<i32> {
    let number = value.number()?;
    (number.abs() <= MAX_EXPONENT && number.fract() == 0.0).then_some(number as i32)
}

/// Divides by 10 where the map says 0.1: a tenth has no exact binary form, and 601 times it is not 60.1.
fn scaled(raw: f64, scale: f64, exponent: i32) -> f64 {
    let inverse = (1.0 / scale).round();
    let tidy = scale.abs() < 1.0 && inverse.is_finite() && (scale * inverse - 1.0).abs() < 1e-12;
    let value = if tidy { raw / inverse } else { raw * scale };
    if exponent < 0 { value / 10_f64.powi(-exponent) } else { value * 10_f64.powi(exponent) }
}

/// The least and the largest raw value of a type; `None` for one that holds no integer.
const fn limits(kind: RegisterType) -> Option<(i128, i128)> {
    Some(match kind {
        RegisterType::U16 | RegisterType::Bits16 => (0, 0xFFFF),
        RegisterType::I16 => (-0x8000, 0x7FFF),
        RegisterType::U32 | RegisterType::Bits32 => (0, 0xFFFF_FFFF),
        RegisterType::I32 => (-0x8000_0000, 0x7FFF_FFFF),
        RegisterType::U64 => (0, 0xFFFF_FFFF_FFFF_FFFF),
        RegisterType::I64 => (-0x8000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF),
        RegisterType::Bool => (0, 1),
        RegisterType::F32 | RegisterType::F64 | RegisterType::Text(_) => return None,
    })
}

/// How a value between two steps of a point is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearer one; halves away from zero.
    #[default]
    Nearest,
    /// To the smaller one: a limit is never above what was asked.
    Down,
    /// To the larger one: a limit of a device that counts the other way.
    Up,
}

impl Rounding {
    /// The raw value. The last digits of a binary fraction are no reason to take another step.
    fn whole(self, exact: f64, ascending: bool) -> f64 {
        let slack = 1e-9 * exact.abs().max(1.0);
        match self {
            // 0.15 by 0.1 is a little under 1.5 in binary, and must round as 1.5 does.
            Self::Nearest => (exact * (1.0 + 1e-12)).round(),
            Self::Down if ascending => (exact + slack).floor(),
            Self::Up if !ascending => (exact + slack).floor(),
            Self::Down | Self::Up => (exact - slack).ceil(),
        }
    }
}

/// The registers that mean a value, and the value as they mean it.
///
/// # Errors
/// The value is outside the range of the point or of its type, or would mean "not there"; in words.
pub fn encode(
    point: &RegisterPoint,
    value: f64,
    exponent: Option<i32>,
    rounding: Rounding,
) -> Result<Encoded, String> {
    let name = &point.name;
    if !value.is_finite() {
        return Err(format!("{name}: {value} is not a number that can be written"));
    }
    if let Some((least, most)) = point.range
        && !(least..=most).contains(&value)
    {
        return Err(format!("{name}: {value} is outside {least} to {most}"));
    }
    let Some(exponent) = exponent else {
        return Err(format!("{name}: its scale cannot be used, so nothing was written"));
    };
    let step = scaled(1.0, point.scale, exponent);
    let exact = (value - point.offset) / step;
    let words = match limits(point.kind) {
        Some((least, most)) => {
            let rounded = rounding.whole(exact, step > 0.0);
            let integer = whole(rounded).filter(|raw| (least..=most).contains(raw)).ok_or_else(|| {
                format!("{name}: {value} does not fit; the registers hold {least} to {most} steps of {step}")
            })?;
            words_of(point.kind, integer)
        }
        None => float_words(point.kind, exact).ok_or_else(|| format!("{name}: {value} does not fit"))?,
    };
    let words = ordered(point, &words);
    match decode(point, &words, Some(exponent)) {
        Value::Number(value) => Ok(Encoded { words, value }),
        _ => Err(format!("{name}: {value} is what the device shows for \"not there\"")),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be far within the type")]
fn whole(rounded: f64) -> Option<i128> {
    (rounded.abs() < 1e30).then_some(rounded as i128)
}

fn words_of(kind: RegisterType, integer: i128) -> Vec<u16> {
    let all: Vec<u16> = integer.to_be_bytes().chunks_exact(2).map(word).collect();
    all.get(all.len().saturating_sub(usize::from(kind.registers()))..).unwrap_or_default().to_vec()
}

fn word(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |all, byte| (all << 8) | u16::from(*byte))
}

#[expect(clippy::cast_possible_truncation, reason = "rounded to what the device can hold, on purpose")]
fn float_words(kind: RegisterType, exact: f64) -> Option<Vec<u16>> {
    let bytes = match kind {
        RegisterType::F32 => Some(exact as f32).filter(|f| f.is_finite())?.to_be_bytes().to_vec(),
        RegisterType::F64 => Some(exact).filter(|f| f.is_finite())?.to_be_bytes().to_vec(),
        _ => return None,
    };
    Some(bytes.chunks_exact(2).map(word).collect())
}

/// The smallest difference that a point can show; 0 for floating point.
#[must_use]
pub fn step(point: &RegisterPoint, exponent: i32) -> f64 {
    if limits(point.kind).is_some() { scaled(1.0, point.scale, exponent).abs() } else { 0.0 }
}

/// By how much a value that is read may differ from one that was written and still be the same.
#[must_use]
pub fn tolerance(point: &RegisterPoint, value: f64, exponent: Option<i32>) -> f64 {
    let relative = (value.abs() + point.offset.abs()) * 1e-6;
    match limits(point.kind) {
        Some(_) => (scaled(1.0, point.scale, exponent.unwrap_or(0)) / 2.0).abs() * (1.0 + 1e-6),
        None => relative + f64::EPSILON,
    }
}

/// A value in words: its name or the names of its bits where the map has them, else the number with its unit.
#[must_use]
pub fn say(point: &RegisterPoint, value: f64) -> Cow<'_, str> {
    let raw = whole(((value - point.offset) / point.scale).round());
    if let Some((_, name)) = point.symbols.iter().find(|(symbol, _)| Some(*symbol) == raw) {
        return Cow::Borrowed(name.as_str());
    }
    let set = |bit: u8| bit < 64 && raw.is_some_and(|raw| (raw >> u32::from(bit)) & 1 == 1);
    let bits: Vec<&str> =
        point.bits.iter().filter(|(bit, _)| set(*bit)).map(|(_, name)| name.as_str()).collect();
    if bits.is_empty() {
        Cow::Owned(format!("{value} {}", point.unit.as_deref().unwrap_or_default()).trim().to_owned())
    } else {
        Cow::Owned(bits.join(" | "))
    }
}

#[cfg(test)]
mod tests;
