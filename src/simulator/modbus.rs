//! Modbus TCP from the device's side, as pure functions: frames out of bytes, answers out of requests.
//!
//! Own framing, and not the crate the gateway uses, because a simulated device must be able to be wrong on purpose.
//! It opens no socket and knows no SunSpec: registers are behind [`Bank`].

/// Most registers in one read (Modbus 6.3).
pub const MAX_READ: u16 = 125;
/// Most registers in one write (Modbus 6.12).
const MAX_WRITE: u16 = 123;
/// Longest request: MBAP header and a PDU of 253 bytes.
pub const MAX_FRAME: usize = 260;

/// A Modbus exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception(pub u8);

impl Exception {
    /// The function code is not known.
    pub const FUNCTION: Self = Self(1);
    /// No such register, or not to be written.
    pub const ADDRESS: Self = Self(2);
    /// A value or a quantity that is not allowed.
    pub const VALUE: Self = Self(3);
    /// It cannot be done in this state.
    pub const FAILURE: Self = Self(4);
    /// Too busy at the moment.
    pub const BUSY: Self = Self(6);
    /// Nobody with this unit id.
    pub const NO_UNIT: Self = Self(11);
}

/// What holds the registers.
pub trait Bank {
    /// Reads `count` registers, 1 to 125.
    ///
    /// # Errors
    /// The exception to answer with.
    fn read(&mut self, address: u16, count: u16) -> Result<Vec<u16>, Exception>;
    /// Reads input registers, 1 to 125; SunSpec has none.
    ///
    /// # Errors
    /// The exception to answer with.
    fn read_input(&mut self, _address: u16, _count: u16) -> Result<Vec<u16>, Exception> {
        Err(Exception::FUNCTION)
    }
    /// Writes registers, 1 to 123, by the function code named.
    ///
    /// # Errors
    /// The exception to answer with.
    fn write(&mut self, function: u8, address: u16, registers: &[u16]) -> Result<(), Exception>;
}

/// A request in its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Transaction id, sent back as it is.
    pub transaction: u16,
    /// Unit id.
    pub unit: u8,
    /// Function code and data; never empty.
    pub pdu: Vec<u8>,
}

/// The stream is no Modbus TCP; nothing after this point can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Modbus TCP frame")]
pub struct NotModbus;

/// Takes the first whole frame from the front of `bytes`; `None` while it is not whole.
///
/// # Errors
/// The header names another protocol or an impossible length: the connection has to be closed.
pub fn take_frame(bytes: &mut Vec<u8>) -> Result<Option<Frame>, NotModbus> {
    let Some(&[t1, t0, p1, p0, l1, l0]) = bytes.first_chunk::<6>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([l1, l0]));
    if [p1, p0] != [0, 0] || !(2..=MAX_FRAME - 6).contains(&length) {
        return Err(NotModbus);
    }
    let Some((&unit, pdu)) = bytes.get(6..6 + length).and_then(<[u8]>::split_first) else {
        return Ok(None);
    };
    let frame = Frame { transaction: u16::from_be_bytes([t1, t0]), unit, pdu: pdu.to_vec() };
    bytes.drain(..6 + length);
    Ok(Some(frame))
}

/// Puts an answer into its frame.
#[must_use]
pub fn frame(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let length = u16::try_from(pdu.len() + 1).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(pdu.len() + 7);
    bytes.extend(transaction.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(length.to_be_bytes());
    bytes.push(unit);
    bytes.extend(pdu);
    bytes
}

/// An exception as a PDU.
#[must_use]
pub fn refusal(function: u8, exception: Exception) -> Vec<u8> {
    vec![function | 0x80, exception.0]
}

/// The answer to a request. `max_read` is the longest read this device does.
pub fn answer(pdu: &[u8], bank: &mut impl Bank, max_read: u16) -> Vec<u8> {
    let Some((&function, data)) = pdu.split_first() else {
        return refusal(0, Exception::FUNCTION);
    };
    let done = match function {
        3 => read(data, max_read, |address, count| bank.read(address, count)),
        4 => read(data, max_read, |address, count| bank.read_input(address, count)),
        6 => write_one(data, bank),
        16 => write_many(data, bank),
        _ => Err(Exception::FUNCTION),
    };
    match done {
        Ok(body) => {
            let mut pdu = vec![function];
            pdu.extend(body);
            pdu
        }
        Err(exception) => refusal(function, exception),
    }
}

fn read(
    data: &[u8],
    max_read: u16,
    take: impl FnOnce(u16, u16) -> Result<Vec<u16>, Exception>,
) -> Result<Vec<u8>, Exception> {
    let &[a1, a0, c1, c0] = data else {
        return Err(Exception::VALUE);
    };
    let count = u16::from_be_bytes([c1, c0]);
    if !(1..=max_read.min(MAX_READ)).contains(&count) {
        return Err(Exception::VALUE);
    }
    let registers = take(u16::from_be_bytes([a1, a0]), count)?;
    let bytes = u8::try_from(registers.len() * 2).map_err(|_| Exception::FAILURE)?;
    let mut body = vec![bytes];
    body.extend(registers.iter().flat_map(|r| r.to_be_bytes()));
    Ok(body)
}

fn write_one(data: &[u8], bank: &mut impl Bank) -> Result<Vec<u8>, Exception> {
    let &[a1, a0, v1, v0] = data else {
        return Err(Exception::VALUE);
    };
    bank.write(6, u16::from_be_bytes([a1, a0]), &[u16::from_be_bytes([v1, v0])])?;
    Ok(data.to_vec())
}

fn write_many(data: &[u8], bank: &mut impl Bank) -> Result<Vec<u8>, Exception> {
    let Some((&[a1, a0, c1, c0, bytes], values)) = data.split_first_chunk::<5>() else {
        return Err(Exception::VALUE);
    };
    let count = u16::from_be_bytes([c1, c0]);
    let whole = values.len() == usize::from(bytes) && values.len() == usize::from(count) * 2;
    if !(1..=MAX_WRITE).contains(&count) || !whole {
        return Err(Exception::VALUE);
    }
    let (pairs, _) = values.as_chunks::<2>();
    let registers: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    bank.write(16, u16::from_be_bytes([a1, a0]), &registers)?;
    Ok(vec![a1, a0, c1, c0])
}

/// A wrong answer: each kind of wrong in turn, as `turn` counts up; `noise` is where random bytes come from.
#[must_use]
pub fn garbage(request: &Frame, turn: u32, noise: &mut fastrand::Rng) -> Vec<u8> {
    let function = request.pdu.first().copied().unwrap_or(3);
    let mut right = vec![function, 4, 0, 1, 0, 2];
    match turn % 6 {
        // No frame at all.
        0 => (0..noise.usize(1..64)).map(|_| noise.u8(..)).collect(),
        // An answer to something nobody asked.
        1 => frame(request.transaction.wrapping_add(0x5A5A), request.unit, &right),
        // A byte count that disagrees with what follows.
        2 => {
            if let Some(count) = right.get_mut(1) {
                *count = 0xF0;
            }
            frame(request.transaction, request.unit, &right)
        }
        // A header that announces more than comes.
        3 => {
            let mut bytes = frame(request.transaction, request.unit, &right);
            if let Some(length) = bytes.get_mut(5) {
                *length = 0xFE;
            }
            bytes
        }
        // Another function, another unit.
        4 => frame(request.transaction, request.unit.wrapping_add(1), &[function ^ 0x11, 1]),
        // A well-formed frame of the wrong number of registers.
        _ => frame(request.transaction, request.unit, &[function, 2, 0xDE, 0xAD]),
    }
}

#[cfg(test)]
mod tests;
