//! Requests and answers as the bytes between the framing, for the wires that we frame ourselves (RTU, lenient TCP).
//!
//! Pure functions. Only what this gateway sends: FC 3, 4, 6 and 16.

use tokio_modbus::{ExceptionCode, Request, Response};

/// What an answer to a request must look like. It is all that tells answers of one unit apart on a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    function: u8,
    /// Byte count of a read, address of a write.
    first: u16,
    /// Quantity of a write of several registers.
    second: u16,
}

/// A request ready to be framed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Function code and data.
    pub pdu: Vec<u8>,
    /// What its answer must look like.
    pub shape: Shape,
    /// First register it names.
    pub address: u16,
}

impl Shape {
    /// The shape of a good answer; `None` if it is none.
    #[must_use]
    pub fn of_answer(pdu: &[u8]) -> Option<Self> {
        match *pdu {
            [function @ (3 | 4), bytes, ref data @ ..]
                if data.len() == usize::from(bytes) && bytes.is_multiple_of(2) =>
            {
                Some(Self { function, first: u16::from(bytes), second: 0 })
            }
            // The value is not compared: some servers echo what they stored.
            [6, a1, a0, _, _] => Some(Self { function: 6, first: u16::from_be_bytes([a1, a0]), second: 0 }),
            [16, a1, a0, n1, n0] => Some(Self {
                function: 16,
                first: u16::from_be_bytes([a1, a0]),
                second: u16::from_be_bytes([n1, n0]),
            }),
            _ => None,
        }
    }

    /// True if this answer, a good one or an exception, can be one to a request of this shape.
    #[must_use]
    pub fn fits(self, pdu: &[u8]) -> bool {
        match *pdu {
            [function, _] if function & 0x80 != 0 => function & 0x7F == self.function,
            _ => Self::of_answer(pdu) == Some(self),
        }
    }

    /// The function code.
    #[must_use]
    pub const fn function(self) -> u8 {
        self.function
    }

    /// Length of a good answer.
    #[must_use]
    pub fn length(self) -> usize {
        if matches!(self.function, 3 | 4) { 2 + usize::from(self.first) } else { 5 }
    }
}

impl Asked {
    /// A request as bytes; `None` for a function that this gateway does not send.
    #[must_use]
    pub fn of(request: &Request<'_>) -> Option<Self> {
        match request {
            Request::ReadHoldingRegisters(address, quantity) => Some(Self::read(3, *address, *quantity)),
            Request::ReadInputRegisters(address, quantity) => Some(Self::read(4, *address, *quantity)),
            Request::WriteSingleRegister(address, word) => Some(Self {
                pdu: pdu(6, *address, *word),
                shape: Shape { function: 6, first: *address, second: 0 },
                address: *address,
            }),
            Request::WriteMultipleRegisters(address, words) => {
                let quantity = u16::try_from(words.len()).ok()?;
                let mut pdu = pdu(16, *address, quantity);
                pdu.push(u8::try_from(words.len() * 2).ok()?);
                pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
                let shape = Shape { function: 16, first: *address, second: quantity };
                Some(Self { pdu, shape, address: *address })
            }
            _ => None,
        }
    }

    /// A read of at most 125 registers.
    #[must_use]
    pub fn read(function: u8, address: u16, quantity: u16) -> Self {
        let shape = Shape { function, first: quantity.saturating_mul(2), second: 0 };
        Self { pdu: pdu(function, address, quantity), shape, address }
    }
}

fn pdu(function: u8, first: u16, second: u16) -> Vec<u8> {
    let mut pdu = vec![function];
    pdu.extend(first.to_be_bytes());
    pdu.extend(second.to_be_bytes());
    pdu
}

/// The meaning of an answer; `None` if it is none.
#[must_use]
pub fn decode(pdu: &[u8]) -> Option<Result<Response, ExceptionCode>> {
    if let [function, code] = *pdu
        && function & 0x80 != 0
    {
        return Some(Err(ExceptionCode::new(code)));
    }
    let shape = Shape::of_answer(pdu)?;
    let word = |at: usize| pdu.get(at..at + 2).and_then(|w| w.try_into().ok()).map(u16::from_be_bytes);
    Some(Ok(match shape.function {
        3 | 4 => {
            let (pairs, _) = pdu.get(2..)?.as_chunks::<2>();
            let words = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            if shape.function == 3 {
                Response::ReadHoldingRegisters(words)
            } else {
                Response::ReadInputRegisters(words)
            }
        }
        6 => Response::WriteSingleRegister(shape.first, word(3)?),
        _ => Response::WriteMultipleRegisters(shape.first, shape.second),
    }))
}

#[cfg(test)]
mod tests;
