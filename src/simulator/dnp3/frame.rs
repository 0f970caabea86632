//! Link frames as far as a post office needs them: where one ends, whom it is for and whom it is from.
//!
//! What is inside is for the master and the outstation: all it can read there is whether somebody had asked.

/// Bytes of a header with its checksum.
const HEADER: usize = 10;
/// Bytes of data between two checksums.
const BLOCK: usize = 16;
/// Longest frame.
pub const MAX_FRAME: usize = 292;
/// Where a frame that is the first of its message has the function code.
const RESPONSE_AT: usize = HEADER + 2;
/// The function code of an answer.
const RESPONSE: u8 = 0x81;
/// Addresses from here on are broadcasts.
const BROADCAST: u16 = 0xFFFD;

/// A link frame, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(pub Vec<u8>);

impl Frame {
    /// Whom it is for.
    #[must_use]
    pub fn destination(&self) -> u16 {
        self.word(4)
    }

    /// True if it is for everybody.
    #[must_use]
    pub fn is_broadcast(&self) -> bool {
        self.destination() >= BROADCAST
    }

    /// True for an outstation's answer, as opposed to what it reports unasked.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        self.0.get(RESPONSE_AT) == Some(&RESPONSE)
    }

    /// What a master sends to an outstation when it has taken note of a restart: index 7 of group 80, off.
    #[must_use]
    pub fn restart_noted(outstation: u16, master: u16) -> Self {
        Self::request(outstation, master, &[0xC0, 0xC0, 2, 80, 1, 0, 7, 7, 0])
    }

    /// What a master sends when it has got this report, which nobody had asked for.
    #[must_use]
    pub fn confirmation(&self) -> Self {
        let number = self.0.get(RESPONSE_AT - 1).copied().unwrap_or_default() & 0x0F;
        Self::request(self.word(6), self.word(4), &[0xC0, 0xD0 | number, 0])
    }

    /// A message of a master of up to 16 bytes.
    fn request(outstation: u16, master: u16, data: &[u8]) -> Self {
        let length = u8::try_from(data.len() + 5).unwrap_or(u8::MAX);
        let mut bytes = vec![0x05, 0x64, length, 0xC4];
        bytes.extend(outstation.to_le_bytes());
        bytes.extend(master.to_le_bytes());
        bytes.extend(checksum(&bytes).to_le_bytes());
        bytes.extend(data);
        bytes.extend(checksum(data).to_le_bytes());
        Self(bytes)
    }

    fn word(&self, at: usize) -> u16 {
        let byte = |at| self.0.get(at).copied().unwrap_or_default();
        u16::from_le_bytes([byte(at), byte(at + 1)])
    }

    /// The same as if from the next address.
    #[must_use]
    pub fn sent_by_another(mut self) -> Self {
        let other = self.word(6).wrapping_add(1).to_le_bytes();
        let sum = |header: &[u8]| checksum(header).to_le_bytes();
        if let Some(source) = self.0.get_mut(6..8) {
            source.copy_from_slice(&other);
        }
        let right = self.0.get(..8).map(sum).unwrap_or_default();
        if let Some(place) = self.0.get_mut(8..10) {
            place.copy_from_slice(&right);
        }
        self
    }

    /// The same with a wrong checksum at its end.
    #[must_use]
    pub fn garbled(mut self) -> Self {
        if let Some(last) = self.0.last_mut() {
            *last ^= 1;
        }
        self
    }
}

/// Takes the first whole frame; what comes before its start is noise and goes.
pub fn take(bytes: &mut Vec<u8>) -> Option<Frame> {
    loop {
        let start = bytes.windows(2).position(|two| two == [0x05, 0x64]);
        // The last byte may be the first of a start.
        let noise = start.unwrap_or(bytes.len().saturating_sub(1));
        bytes.drain(..noise);
        let header = bytes.get(..HEADER)?;
        let sum = header.get(8..).and_then(|s| <[u8; 2]>::try_from(s).ok()).map(u16::from_le_bytes);
        let length = header.get(2).copied().map(usize::from).and_then(|l| l.checked_sub(5));
        let (Some(data), true) = (length, header.get(..8).map(checksum) == sum) else {
            bytes.drain(..2);
            continue;
        };
        let whole = HEADER + data + 2 * data.div_ceil(BLOCK);
        if bytes.len() < whole {
            return None;
        }
        return Some(Frame(bytes.drain(..whole).collect()));
    }
}

/// The CRC of IEEE 1815 (CRC-16/DNP).
#[must_use]
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u16;
    for byte in bytes {
        sum ^= u16::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xA6BC } else { sum >> 1 };
        }
    }
    !sum
}

#[cfg(test)]
mod tests;
