//! Modbus RTU from the device's side, as pure functions: requests out of bytes, answers into frames, and wrong answers.
//!
//! Own framing, for the same reason as in `modbus`. It opens no port and knows no registers.

use super::modbus::Frame;
use crate::device_map::{Parity, SerialOptions};
use std::time::Duration;

/// Longest frame.
pub const MAX_FRAME: usize = 256;

/// CRC-16 as Modbus has it: low byte first on the line.
#[must_use]
pub fn checksum(bytes: &[u8]) -> [u8; 2] {
    let mut register = 0xFFFF_u16;
    for byte in bytes {
        register ^= u16::from(*byte);
        for _ in 0..8 {
            let carry = register & 1 == 1;
            register >>= 1;
            if carry {
                register ^= 0xA001;
            }
        }
    }
    register.to_le_bytes()
}

/// Puts an answer into its frame.
#[must_use]
pub fn frame(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut bytes = vec![unit];
    bytes.extend(pdu);
    bytes.extend(checksum(&bytes));
    bytes
}

/// How long so many characters take on a line.
#[must_use]
pub fn time_of(characters: usize, line: &SerialOptions) -> Duration {
    let parity = u32::from(line.parity != Parity::None);
    let bits = 1 + u32::from(line.data_bits) + parity + u32::from(line.stop_bits);
    Duration::from_secs(u64::from(bits)).saturating_mul(u32::try_from(characters).unwrap_or(u32::MAX))
        / line.baud.max(1)
}

/// Takes the first whole request from the front of `bytes`; what cannot begin one is thrown away. `None` while there is
/// none.
pub fn take_request(bytes: &mut Vec<u8>) -> Option<Frame> {
    while let [_, function, rest @ ..] = bytes.as_slice() {
        let length = match (function, rest) {
            (1..=6, _) => 8,
            (15 | 16, [_, _, _, _, count, ..]) => 9 + usize::from(*count),
            (15 | 16, _) => return None,
            // Of unknown length: it ends where the line falls silent.
            _ => return None,
        };
        if bytes.len() < length {
            return None;
        }
        if let Some(frame) = bytes.get(..length).and_then(whole) {
            bytes.drain(..length);
            return Some(frame);
        }
        bytes.drain(..1);
    }
    None
}

/// A request of any function that these bytes are from first to last.
#[must_use]
pub fn whole(bytes: &[u8]) -> Option<Frame> {
    let (body, sum) = bytes.split_last_chunk::<2>()?;
    let (unit, pdu) = body.split_first()?;
    let good = !pdu.is_empty() && checksum(body) == *sum;
    good.then(|| Frame { transaction: 0, unit: *unit, pdu: pdu.to_vec() })
}

/// A wrong answer: each kind of wrong in turn, as `turn` counts up; `noise` is where random bytes come from.
#[must_use]
pub fn garbage(request: &Frame, turn: u32, noise: &mut fastrand::Rng) -> Vec<u8> {
    let function = request.pdu.first().copied().unwrap_or(3);
    let mut wrong = frame(request.unit, &[function, 4, 0, 1, 0, 2]);
    match turn % 5 {
        // No frame at all.
        0 => return (0..noise.usize(1..64)).map(|_| noise.u8(..)).collect(),
        // A checksum that is not right.
        1 => {
            if let Some(last) = wrong.last_mut() {
                *last ^= 1;
            }
        }
        // Cut short.
        2 => wrong.truncate(5),
        // Another unit.
        3 => wrong = frame(request.unit.wrapping_add(1), &[function, 4, 0, 1, 0, 2]),
        // A wrong number of registers, well framed.
        _ => wrong = frame(request.unit, &[function, 2, 0xDE, 0xAD]),
    }
    wrong
}

#[cfg(test)]
mod tests;
