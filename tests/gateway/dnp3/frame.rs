//! Link-layer frames of DNP3 as they pass by: where one ends, its addresses, its check sums.
//!
//! A tool of the tests and no part of a DNP3 implementation: it asks nothing, answers nothing, and looks no further into a frame
//! than two octets of its user data, which tell where a message begins and ends and whether it came unasked.

/// What a frame begins with.
const START: [u8; 2] = [0x05, 0x64];
/// Octets of a header with its check sum.
const HEADER: usize = 10;
/// Octets of user data before each check sum.
const BLOCK: usize = 16;

/// One frame, all octets of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame(pub Vec<u8>);

impl Frame {
    /// The same frame from another link address.
    pub fn from(mut self, source: u16) -> Self {
        self.0[6..8].copy_from_slice(&source.to_le_bytes());
        let sum = crc(&self.0[..8]);
        self.0[8..HEADER].copy_from_slice(&sum.to_le_bytes());
        self
    }

    /// The same frame with a last octet that its check sum does not fit.
    pub fn corrupt(mut self) -> Self {
        let last = self.0.len() - 1;
        self.0[last] ^= 0x55;
        self
    }

    /// True if it carries data and not only a word about the link.
    pub fn has_data(&self) -> bool {
        self.0.len() > HEADER
    }

    /// True if a message begins with it (FIR of the transport header).
    pub fn first(&self) -> bool {
        self.has_data() && self.0[HEADER] & 0x40 != 0
    }

    /// True if a message ends with it (FIN of the transport header).
    pub fn last(&self) -> bool {
        !self.has_data() || self.0[HEADER] & 0x80 != 0
    }

    /// True if it begins a message that nobody asked for (function code 130).
    pub fn unsolicited(&self) -> bool {
        self.first() && self.0.get(HEADER + 2) == Some(&0x82)
    }
}

/// Makes frames of octets as they come.
#[derive(Debug, Default)]
pub struct Frames(Vec<u8>);

impl Frames {
    /// The frames that are whole now; octets that belong to none are passed over.
    pub fn take(&mut self, octets: &[u8]) -> Vec<Frame> {
        self.0.extend_from_slice(octets);
        let mut frames = Vec::new();
        loop {
            let begins = self.0.windows(2).position(|two| two == START);
            self.0.drain(..begins.unwrap_or(self.0.len().saturating_sub(1)));
            let Some(length) = self.0.get(2).filter(|_| begins.is_some()).map(|count| total(*count)) else {
                break;
            };
            if self.0.len() < length {
                break;
            }
            frames.push(Frame(self.0.drain(..length).collect()));
        }
        frames
    }
}

/// Octets of a frame whose length octet is this: it counts control, addresses and data, and no check sum.
fn total(count: u8) -> usize {
    let data = usize::from(count).saturating_sub(5);
    HEADER + data + 2 * data.div_ceil(BLOCK)
}

/// The check sum of DNP3: polynomial 0x3D65, reflected, inverted at the end.
pub fn crc(octets: &[u8]) -> u16 {
    let step = |sum: u16, _| if sum & 1 == 1 { (sum >> 1) ^ 0xA6BC } else { sum >> 1 };
    !octets.iter().fold(0, |sum, octet| (0..8).fold(sum ^ u16::from(*octet), step))
}

/// A frame of an outstation with this user data, for tests.
#[cfg(test)]
pub fn frame(source: u16, data: &[u8]) -> Frame {
    let count = u8::try_from(data.len() + 5).unwrap();
    let mut octets = vec![START[0], START[1], count, 0x44, 1, 0];
    octets.extend(source.to_le_bytes());
    octets.extend(crc(&octets).to_le_bytes());
    for block in data.chunks(BLOCK) {
        octets.extend(block);
        octets.extend(crc(block).to_le_bytes());
    }
    Frame(octets)
}
