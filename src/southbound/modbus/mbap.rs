//! Modbus TCP framed by us, for devices that put a wrong unit or transaction id into their answers (map quirk
//! `lenient_header`). Function, byte count and echo are checked all the same.
//!
//! Leniency is safe only because the connection is dropped after every time-out and every fault: no late answer is
//! there to be taken for the next one. Without the quirk the ids are checked here too.

use super::pdu::Asked;
use super::{Peer, Stream};
use futures_util::FutureExt as _;
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Longest frame: header and a PDU of 253 bytes.
const MAX_FRAME: usize = 260;

/// Most reads of what came without being asked for.
const MOST_UNASKED: usize = 64;

/// A connection, and the request under way.
pub struct Mbap {
    stream: Box<dyn Stream>,
    transaction: u16,
    bytes: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The connection ended.
    #[error("connection ended")]
    Ended,
    /// What came is no answer.
    #[error("{0}")]
    Wrong(String),
}

impl From<io::Error> for Fault {
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Frame {
    transaction: u16,
    unit: u8,
    pdu: Vec<u8>,
}

impl Mbap {
    /// A client over a fresh connection.
    #[must_use]
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, transaction: 0, bytes: Vec::with_capacity(MAX_FRAME) }
    }

    /// Sends a request and waits for its answer, without a limit. After a fault the connection is of no more use.
    ///
    /// # Errors
    /// The connection ends, or what comes is no answer to this.
    pub async fn call(&mut self, peer: &Peer, asked: &Asked) -> Result<Vec<u8>, Fault> {
        self.listen_away()?;
        self.transaction = self.transaction.wrapping_add(1);
        self.stream.write_all(&frame(self.transaction, peer.unit, &asked.pdu)).await?;
        self.stream.flush().await?;
        loop {
            if let Some(frame) = take(&mut self.bytes)? {
                return self.judge(peer, asked, frame);
            }
            let mut chunk = [0; MAX_FRAME];
            let count = self.stream.read(&mut chunk).await?;
            if count == 0 {
                return Err(Fault::Ended);
            }
            self.bytes.extend(chunk.iter().take(count));
        }
    }

    /// Drops what came since the last answer: an answer that was sent twice would be taken for the next one, and each
    /// answer after it for the one behind.
    fn listen_away(&mut self) -> Result<(), Fault> {
        self.bytes.clear();
        let mut chunk = [0; MAX_FRAME];
        for _ in 0..MOST_UNASKED {
            match self.stream.read(&mut chunk).now_or_never() {
                None => return Ok(()),
                Some(Ok(1..)) => {}
                Some(_) => return Err(Fault::Ended),
            }
        }
        Err(Fault::Wrong("the device sends more than it is asked for".to_owned()))
    }

    fn judge(&self, peer: &Peer, asked: &Asked, frame: Frame) -> Result<Vec<u8>, Fault> {
        let ids = (frame.transaction, frame.unit);
        if !peer.lenient && ids != (self.transaction, peer.unit) {
            return Err(Fault::Wrong(format!(
                "asked unit {} in transaction {}, got an answer of unit {} to transaction {}",
                peer.unit, self.transaction, ids.1, ids.0
            )));
        }
        if !asked.shape.fits(&frame.pdu) {
            let function = asked.shape.function();
            return Err(Fault::Wrong(format!("not an answer to this request with function code {function}")));
        }
        Ok(frame.pdu)
    }
}

fn frame(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let length = u16::try_from(pdu.len() + 1).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(pdu.len() + 7);
    bytes.extend(transaction.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(length.to_be_bytes());
    bytes.push(unit);
    bytes.extend(pdu);
    bytes
}

/// Takes a whole frame from the front.
fn take(bytes: &mut Vec<u8>) -> Result<Option<Frame>, Fault> {
    let Some(&[t1, t0, p1, p0, l1, l0]) = bytes.first_chunk::<6>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([l1, l0]));
    if [p1, p0] != [0, 0] || !(3..=MAX_FRAME - 6).contains(&length) {
        return Err(Fault::Wrong("not a Modbus TCP frame".to_owned()));
    }
    let Some((&unit, pdu)) = bytes.get(6..6 + length).and_then(<[u8]>::split_first) else { return Ok(None) };
    let frame = Frame { transaction: u16::from_be_bytes([t1, t0]), unit, pdu: pdu.to_vec() };
    bytes.drain(..6 + length);
    Ok(Some(frame))
}

#[cfg(test)]
mod tests;
