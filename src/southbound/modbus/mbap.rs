//! Modbus TCP framed by us, for devices that put a wrong unit or transaction id into their answers (map quirk
//! `lenient_header`). Function, byte count and echo are checked all the same.
//!
//! Leniency is safe only because the connection is dropped after every time-out and every fault, and when something
//! comes that nobody asked for: no late or doubled answer is there to be taken for the next one. Without the quirk the
//! ids are checked here too.

use super::pdu::Asked;
use super::wire::wrong_ids;
use super::{Peer, Stream};
use std::io;
use std::task::Poll;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Longest frame: header and a PDU of 253 bytes.
const MAX_FRAME: usize = 260;

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
        self.nothing_unasked().await?;
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

    /// What came before the request is the answer to none, and might be followed by more of its kind.
    async fn nothing_unasked(&mut self) -> Result<(), Fault> {
        if !self.bytes.is_empty() {
            return Err(Fault::Wrong("an answer came that nobody asked for".to_owned()));
        }
        let mut chunk = [0; MAX_FRAME];
        let mut read = std::pin::pin!(self.stream.read(&mut chunk));
        match std::future::poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await {
            Poll::Pending => Ok(()),
            Poll::Ready(Ok(count)) if count > 0 => {
                Err(Fault::Wrong("an answer came that nobody asked for".to_owned()))
            }
            Poll::Ready(_) => Err(Fault::Ended),
        }
    }

    fn judge(&self, peer: &Peer, asked: &Asked, frame: Frame) -> Result<Vec<u8>, Fault> {
        let ids = (frame.transaction, frame.unit);
        if !peer.lenient && ids != (self.transaction, peer.unit) {
            return Err(Fault::Wrong(wrong_ids((self.transaction, peer.unit), ids)));
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
