//! Modbus RTU as pure functions: frames, their checksum, the times of a line, and which answers may still come.
//!
//! RTU has no transaction id: an answer that comes late looks like the answer to the next request. What can be told
//! apart is unit, function and length, so [`Owed`] remembers per unit what was asked and not answered. Units answer in
//! the order they are asked; an answer to a later request therefore settles all earlier ones.
//!
//! It opens no port and reads no clock.

use super::pdu::Shape;
use crate::device_map::{Parity, SerialOptions};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// An answer that has not come in this time does not come any more.
const LATEST: Duration = Duration::from_secs(120);
/// Most answers remembered as owed by one unit; back-off keeps it far below.
const MAX_OWED: usize = 16;
/// Longest frame (Modbus over serial line 2.5.1).
const MAX_FRAME: usize = 256;
/// Silence between frames on fast lines (Modbus over serial line 2.5.1.1).
const SHORTEST_SILENCE: Duration = Duration::from_micros(1750);

/// How long so many characters take on a line.
#[must_use]
pub fn characters(count: usize, line: &SerialOptions) -> Duration {
    let parity = u32::from(line.parity != Parity::None);
    let bits = 1 + u32::from(line.data_bits) + parity + u32::from(line.stop_bits);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    Duration::from_secs(u64::from(bits) * u64::from(count)) / line.baud.max(1)
}

/// The silence that parts two frames: 3.5 characters, but no less than 1.75 ms on lines above 19200 Bd.
#[must_use]
pub fn silence(line: &SerialOptions) -> Duration {
    if line.baud > 19200 { SHORTEST_SILENCE } else { characters(7, line) / 2 }
}

/// The checksum of a frame (CRC-16/MODBUS).
#[must_use]
pub fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8)
            .fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 })
    })
}

/// Puts a request into its frame.
#[must_use]
pub fn frame(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(pdu.len() + 3);
    bytes.push(unit);
    bytes.extend(pdu);
    bytes.extend(crc(&bytes).to_le_bytes());
    bytes
}

/// An answer out of its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Who answers.
    pub unit: u8,
    /// Function code and data.
    pub pdu: Vec<u8>,
}

/// What came over a line and is not understood yet.
#[derive(Debug, Default)]
pub struct Received {
    bytes: Vec<u8>,
    /// Bytes that belong to no frame.
    pub noise: usize,
}

impl Received {
    /// Takes what was read.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Forgets all of it.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.noise = 0;
    }

    /// Takes our own frame out of what came, as an adapter hands it back that hears itself. `anywhere`: also behind noise.
    pub fn take_echo(&mut self, sent: &[u8], anywhere: bool) -> bool {
        let places = if anywhere { self.bytes.len() } else { 1 };
        let Some(at) = self.bytes.windows(sent.len().max(1)).take(places).position(|bytes| bytes == sent)
        else {
            return false;
        };
        self.bytes.drain(..at + sent.len());
        self.noise += at;
        true
    }

    /// True if what came may become our own frame.
    #[must_use]
    pub fn may_be_echo(&self, sent: &[u8]) -> bool {
        !self.bytes.is_empty() && self.noise == 0 && sent.starts_with(&self.bytes)
    }

    /// Bytes that came, without those of whole frames.
    #[must_use]
    pub fn unexplained(&self) -> usize {
        self.noise + self.bytes.len()
    }

    /// The next whole frame with a right checksum. What stands before it is noise. A frame of the unit and shape
    /// wanted is found even behind the beginning of something that never ends.
    pub fn take(&mut self, unit: u8, wanted: Shape) -> Option<Frame> {
        loop {
            match length(&self.bytes) {
                Length::Is(length) if self.bytes.len() >= length => {
                    if let Some(frame) = checked(&self.bytes, length) {
                        self.bytes.drain(..length);
                        return Some(frame);
                    }
                }
                Length::Is(_) | Length::More => break,
                Length::None => {}
            }
            self.bytes.drain(..1);
            self.noise += 1;
        }
        let (at, length, frame) = (1..self.bytes.len()).find_map(|at| {
            let rest = self.bytes.get(at..)?;
            let Length::Is(length) = length(rest) else { return None };
            let frame = checked(rest, length)?;
            (frame.unit == unit && wanted.fits(&frame.pdu)).then_some((at, length, frame))
        })?;
        self.bytes.drain(..at + length);
        self.noise += at;
        Some(frame)
    }
}

enum Length {
    Is(usize),
    More,
    /// No answer begins so.
    None,
}

/// Length of the frame that begins here.
fn length(bytes: &[u8]) -> Length {
    let length = match *bytes {
        [] | [_] | [_, 3 | 4] => return Length::More,
        [_, 3 | 4, count, ..] => 5 + usize::from(count),
        [_, 6 | 16, ..] => 8,
        [_, 0x83 | 0x84 | 0x86 | 0x90, ..] => 5,
        _ => return Length::None,
    };
    if length > MAX_FRAME { Length::None } else { Length::Is(length) }
}

fn checked(bytes: &[u8], length: usize) -> Option<Frame> {
    let (body, sum) = bytes.get(..length)?.split_last_chunk::<2>()?;
    let (unit, pdu) = body.split_first()?;
    (crc(body) == u16::from_le_bytes(*sum)).then(|| Frame { unit: *unit, pdu: pdu.to_vec() })
}

/// What one unit was asked and has not answered yet, oldest first.
#[derive(Debug, Default)]
pub struct Owed {
    answers: VecDeque<(Shape, Instant)>,
}

/// What an answer settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The request asked last, and with it all before.
    Last,
    /// An earlier request.
    Earlier,
    /// Nothing that was asked.
    Nothing,
}

impl Owed {
    /// True if an answer of this shape may still come.
    #[must_use]
    pub fn holds(&self, shape: Shape) -> bool {
        self.answers.iter().any(|(owed, _)| *owed == shape)
    }

    /// Forgets what is too old to be answered.
    pub fn forget(&mut self, now: Instant) {
        self.answers.retain(|(_, at)| now.saturating_duration_since(*at) < LATEST);
    }

    /// Remembers a request that is about to be sent.
    pub fn ask(&mut self, shape: Shape, now: Instant) {
        if self.answers.len() >= MAX_OWED {
            self.answers.pop_front();
        }
        self.answers.push_back((shape, now));
    }

    /// Takes an answer. It belongs to the oldest request that it fits: an exception after a time-out is therefore not
    /// believed to be that of the last request.
    pub fn settle(&mut self, pdu: &[u8]) -> Settled {
        let Some(place) = self.answers.iter().position(|(shape, _)| shape.fits(pdu)) else {
            return Settled::Nothing;
        };
        self.answers.drain(..=place);
        if self.answers.is_empty() { Settled::Last } else { Settled::Earlier }
    }

    /// The shortest read whose answer cannot be taken for any that is owed, nor for that of `next`.
    #[must_use]
    pub fn distinct_quantity(&self, next: Shape, shape: impl Fn(u16) -> Shape) -> u16 {
        let free = |quantity: &u16| shape(*quantity) != next && !self.holds(shape(*quantity));
        // One of so many is free: fewer are owed.
        (1..).take(MAX_OWED + 2).find(free).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests;
