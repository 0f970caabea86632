//! Numbers and texts into registers, and numbers back out of them.
//!
//! Written apart from the gateway's own decoder on purpose: two that share a mistake would agree with each other.

use crate::device_map::PointType;

/// Numbers that an integer type can carry, its sentinel excluded; `None` if it is no integer type.
#[must_use]
pub fn range(kind: PointType) -> Option<(f64, f64)> {
    Some(match kind {
        PointType::Int16 => (-32767.0, 32767.0),
        PointType::Sunssf => (-10.0, 10.0),
        PointType::Uint16 | PointType::Count | PointType::Enum16 => (0.0, 65534.0),
        PointType::Acc16 | PointType::Raw16 => (0.0, 65535.0),
        PointType::Bitfield16 => (0.0, 32767.0),
        PointType::Int32 => (-2_147_483_647.0, 2_147_483_647.0),
        PointType::Uint32 | PointType::Enum32 => (0.0, 4_294_967_294.0),
        PointType::Acc32 => (0.0, 4_294_967_295.0),
        PointType::Bitfield32 => (0.0, 2_147_483_647.0),
        // Far below the type's own end, and exact in a double.
        PointType::Int64 => (-9e15, 9e15),
        PointType::Uint64 | PointType::Acc64 | PointType::Bitfield64 => (0.0, 9e15),
        _ => return None,
    })
}

/// Writes a number, saturated at the ends of the type's range. False if the type carries no numbers.
pub fn encode(kind: PointType, power: i8, value: f64, out: &mut [u16]) -> bool {
    match kind {
        PointType::Float32 => {
            #[expect(clippy::cast_possible_truncation, reason = "the point is a float32")]
            let bits = (value as f32).to_bits();
            put(u64::from(bits), out);
        }
        PointType::Float64 => put(value.to_bits(), out),
        _ => {
            let Some((lowest, highest)) = range(kind) else {
                return false;
            };
            let raw = unscale(value, power).round().clamp(lowest, highest);
            #[expect(clippy::cast_possible_truncation, reason = "clamped into the type's range just above")]
            let whole = raw as i64;
            put(whole.cast_unsigned(), out);
        }
    }
    true
}

/// Reads a number; `None` if the registers say "not implemented" or the type carries no numbers.
#[must_use]
pub fn decode(kind: PointType, power: i8, registers: &[u16]) -> Option<f64> {
    if kind.not_implemented() == Some(registers) && !matches!(kind, PointType::Acc32 | PointType::Acc64) {
        return None;
    }
    let bits = registers.iter().fold(0_u64, |all, r| (all << 16) | u64::from(*r));
    let low = u32::try_from(bits & 0xFFFF_FFFF).unwrap_or_default();
    let number = match kind {
        PointType::Float32 => return Some(f64::from(f32::from_bits(low))).filter(|v| v.is_finite()),
        PointType::Float64 => return Some(f64::from_bits(bits)).filter(|v| v.is_finite()),
        PointType::Int16 | PointType::Sunssf => f64::from(registers.first()?.cast_signed()),
        PointType::Int32 => f64::from(low.cast_signed()),
        PointType::Int64 => bits.cast_signed() as f64,
        _ => {
            range(kind)?;
            bits as f64
        }
    };
    Some(scale(number, power))
}

fn scale(raw: f64, power: i8) -> f64 {
    let factor = 10_f64.powi(i32::from(power.unsigned_abs()));
    if power < 0 { raw / factor } else { raw * factor }
}

fn unscale(value: f64, power: i8) -> f64 {
    let factor = 10_f64.powi(i32::from(power.unsigned_abs()));
    if power < 0 { value * factor } else { value / factor }
}

/// Low 16 bits into the last register, and so on upwards.
fn put(bits: u64, out: &mut [u16]) {
    let mut left = bits;
    for register in out.iter_mut().rev() {
        *register = u16::try_from(left & 0xFFFF).unwrap_or_default();
        left >>= 16;
    }
}

/// Writes a text, cut to the point's size at a character border and padded with NUL.
pub fn encode_text(text: &str, out: &mut [u16]) {
    let mut end = text.len().min(out.len() * 2);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut bytes = text.bytes().take(end);
    for register in out {
        *register = u16::from_be_bytes([bytes.next().unwrap_or(0), bytes.next().unwrap_or(0)]);
    }
}

/// The finest power of ten, not under −2, with which `most` still fits a raw value of `largest`.
#[must_use]
pub fn scale_for(most: f64, largest: f64) -> i8 {
    (-2..=9).find(|power| unscale(most, *power) <= largest).unwrap_or(9)
}
