//! One point's registers as a value and back: types, "not implemented", scale factors.
//!
//! Pure. It knows nothing of models or addresses. (SunSpec reference section 2.)

use crate::device_map::PointType;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What the registers of an implemented point say, before scaling.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number, an enumeration, a bit field, an accumulator.
    Integer(i128),
    /// A floating-point number; infinite is possible, NaN is not.
    Float(f64),
    /// A text, trimmed.
    Text(String),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A MAC address.
    Mac([u8; 6]),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(v) => v.fmt(f),
            Self::Float(v) => v.fmt(f),
            Self::Text(v) => v.fmt(f),
            Self::Ipv4(v) => v.fmt(f),
            Self::Ipv6(v) => v.fmt(f),
            Self::Mac([a, b, c, d, e, g]) => write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"),
        }
    }
}

/// 10^0 to 10^10: exact as doubles.
const POWERS: [f64; 11] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];

/// The exact power of ten of a scale factor's size; `None` outside -10..=10.
fn power(sf: i8) -> Option<f64> {
    POWERS.get(usize::from(sf.unsigned_abs())).copied()
}

/// A raw number times a power of ten. Negative powers divide, so that 2301 with -1 is 230.1 and nothing near it.
#[must_use]
pub fn scaled(raw: f64, sf: i8) -> Option<f64> {
    let power = power(sf)?;
    Some(if sf < 0 { raw / power } else { raw * power })
}

/// The registers of a point as a value; `None` if the device does not implement it, or the registers are not as many
/// as the type needs.
#[must_use]
pub fn decode(kind: PointType, registers: &[u16]) -> Option<Value> {
    use PointType as T;
    if kind == T::String {
        return text(registers);
    }
    if kind == T::Pad || registers.len() != usize::from(kind.registers()?) {
        return None;
    }
    // An accumulator that reads 0 is new or not accumulating; 0 is true for both.
    let counts_zero = matches!(kind, T::Acc16 | T::Acc32 | T::Acc64);
    if !counts_zero && kind.not_implemented() == Some(registers) {
        return None;
    }
    let bits = registers.iter().fold(0_u128, |sum, word| (sum << 16) | u128::from(*word));
    match kind {
        T::Int16 | T::Sunssf => Some(Value::Integer(signed(bits, 16))),
        T::Int32 => Some(Value::Integer(signed(bits, 32))),
        T::Int64 => Some(Value::Integer(signed(bits, 64))),
        T::Float32 => float(f64::from(f32::from_bits(u32::try_from(bits).ok()?))),
        T::Float64 => float(f64::from_bits(u64::try_from(bits).ok()?)),
        // A set top bit makes the whole field invalid: 0xFFFFFFFF is not 32 alarms.
        T::Bitfield16 => (bits >> 15 == 0).then(|| integer(bits)),
        T::Bitfield32 => (bits >> 31 == 0).then(|| integer(bits)),
        T::Bitfield64 => (bits >> 63 == 0).then(|| integer(bits)),
        T::Ipaddr => Some(Value::Ipv4(Ipv4Addr::from_bits(u32::try_from(bits).ok()?))),
        T::Ipv6addr => Some(Value::Ipv6(Ipv6Addr::from_bits(bits))),
        T::Eui48 => {
            let [_, _, a, b, c, d, e, f] = u64::try_from(bits).ok()?.to_be_bytes();
            let mac = [a, b, c, d, e, f];
            (mac != [0; 6] && mac != [0xFF; 6]).then_some(Value::Mac(mac))
        }
        T::Pad | T::String => None,
        T::Uint16
        | T::Count
        | T::Raw16
        | T::Acc16
        | T::Enum16
        | T::Uint32
        | T::Enum32
        | T::Acc32
        | T::Uint64
        | T::Acc64 => Some(integer(bits)),
    }
}

fn integer(bits: u128) -> Value {
    Value::Integer(i128::try_from(bits).unwrap_or(i128::MAX))
}

/// The two's complement number in the lowest `width` bits.
fn signed(bits: u128, width: u32) -> i128 {
    let value = i128::try_from(bits).unwrap_or(i128::MAX);
    if bits >> (width - 1) & 1 == 1 { value - (1_i128 << width) } else { value }
}

fn float(value: f64) -> Option<Value> {
    (!value.is_nan()).then_some(Value::Float(value))
}

fn text(registers: &[u16]) -> Option<Value> {
    let bytes: Vec<u8> =
        registers.iter().flat_map(|word| word.to_be_bytes()).take_while(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&bytes);
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| Value::Text(clean.to_owned()))
}

/// Why a value cannot be written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EncodeError {
    /// NaN or infinite.
    #[error("{0} is not a number that can be written")]
    NotFinite(f64),
    /// It does not fit, or it would read as "not implemented".
    #[error("{value} is outside the range of the point ({low} to {high})")]
    OutOfRange {
        /// What was to be written.
        value: f64,
        /// Least that fits.
        low: f64,
        /// Most that fits.
        high: f64,
    },
    /// Not a number, or the scale factor cannot be used.
    #[error("a {0} point with this scale factor cannot be written")]
    Kind(&'static str),
}

/// A value as the point can hold it.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// What goes to the wire.
    pub registers: Vec<u16>,
    /// The value that they stand for, which is the given one rounded to the point's resolution.
    pub quantised: f64,
}

/// Valid raw range of a writable number type, sentinel excluded.
const fn range(kind: PointType) -> Option<(i64, i64)> {
    use PointType as T;
    match kind {
        T::Int16 => Some((-0x7FFF, 0x7FFF)),
        T::Uint16 | T::Count | T::Enum16 => Some((0, 0xFFFE)),
        T::Raw16 | T::Acc16 => Some((0, 0xFFFF)),
        T::Bitfield16 => Some((0, 0x7FFF)),
        T::Int32 => Some((-0x7FFF_FFFF, 0x7FFF_FFFF)),
        T::Uint32 | T::Enum32 => Some((0, 0xFFFF_FFFE)),
        T::Acc32 => Some((0, 0xFFFF_FFFF)),
        T::Bitfield32 => Some((0, 0x7FFF_FFFF)),
        // A double holds integers exactly up to 2^53; nothing that is written needs more.
        T::Int64 => Some((-(1 << 53), 1 << 53)),
        T::Uint64 | T::Acc64 => Some((0, 1 << 53)),
        _ => None,
    }
}

/// Encodes a value for a point of a type and scale factor, rounding halves away from zero.
///
/// # Errors
/// See [`EncodeError`].
pub fn encode(kind: PointType, value: f64, sf: i8) -> Result<Encoded, EncodeError> {
    encode_with(kind, value, sf, f64::round)
}

/// As [`encode`], but rounded down: for a limit, which must never become more than was asked.
///
/// # Errors
/// See [`EncodeError`].
pub fn encode_down(kind: PointType, value: f64, sf: i8) -> Result<Encoded, EncodeError> {
    // What lies this near under a step is that step: 59.99999999 % is 60 % after a division.
    encode_with(kind, value, sf, |raw| (raw + 1e-6).floor())
}

fn encode_with(
    kind: PointType,
    value: f64,
    sf: i8,
    round: impl Fn(f64) -> f64,
) -> Result<Encoded, EncodeError> {
    if !value.is_finite() {
        return Err(EncodeError::NotFinite(value));
    }
    if kind == PointType::Float32 {
        return float32(value);
    }
    let unusable = || EncodeError::Kind(kind.name());
    let (low, high) = range(kind).ok_or_else(unusable)?;
    let power = power(sf).ok_or_else(unusable)?;
    let raw = round(if sf < 0 { value * power } else { value / power });
    #[expect(clippy::cast_precision_loss, reason = "the limits are at most 2^53")]
    let (low, high) = (low as f64, high as f64);
    if raw < low || raw > high {
        let (low, high) = (scaled(low, sf).unwrap_or(low), scaled(high, sf).unwrap_or(high));
        return Err(EncodeError::OutOfRange { value, low, high });
    }
    #[expect(clippy::cast_possible_truncation, reason = "within the range checked above, which fits")]
    let integer = raw as i64;
    let size = usize::from(kind.registers().unwrap_or(1));
    let quantised = scaled(raw, sf).ok_or_else(unusable)?;
    Ok(Encoded { registers: words(integer, size), quantised })
}

fn float32(value: f64) -> Result<Encoded, EncodeError> {
    #[expect(clippy::cast_possible_truncation, reason = "rounding to the point's type is what is wanted")]
    let narrow = value as f32;
    if !narrow.is_finite() {
        let most = f64::from(f32::MAX);
        return Err(EncodeError::OutOfRange { value, low: -most, high: most });
    }
    let [a, b, c, d] = narrow.to_be_bytes();
    let registers = vec![u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
    Ok(Encoded { registers, quantised: f64::from(narrow) })
}

/// The lowest `size` registers of a number, first register first.
fn words(value: i64, size: usize) -> Vec<u16> {
    let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
    let all = [[a, b], [c, d], [e, f], [g, h]].map(u16::from_be_bytes);
    all.into_iter().skip(4_usize.saturating_sub(size)).collect()
}

#[cfg(test)]
mod tests;
