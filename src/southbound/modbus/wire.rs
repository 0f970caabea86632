//! The requests and answers of one TCP connection: framed by tokio-modbus, which checks ids, or by us, for devices that
//! get them wrong. No limits and no retries: those are the bus's.

use super::mbap::{self, Mbap};
use super::pdu::{self, Asked};
use super::{BusError, Peer, Stream};
use std::io;
use tokio_modbus::client::{Client, Context, tcp};
use tokio_modbus::slave::{Slave, SlaveContext};
use tokio_modbus::{ExceptionCode, ProtocolError, Request, Response};

/// Nothing here sends such a request.
pub const NOT_KNOWN: BusError = BusError::NotSent("this function code is not used here");

/// Who frames the requests of a TCP connection.
pub enum Wire {
    /// tokio-modbus, set to a unit.
    Strict(Context, u8),
    /// We do.
    Own(Mbap),
}

/// Why a request over TCP failed.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The connection failed or ended.
    #[error("connection failed: {0}")]
    Failed(io::Error),
    /// What came is no answer.
    #[error("{0}")]
    Wrong(String),
}

impl Wire {
    /// Over a fresh connection, checking ids or not.
    pub fn new(stream: Box<dyn Stream>, unit: u8, lenient: bool) -> Self {
        if lenient {
            Self::Own(Mbap::new(stream))
        } else {
            Self::Strict(tcp::attach_slave(stream, Slave(unit)), unit)
        }
    }

    /// A lenient peer cannot use a connection that checks ids.
    pub const fn suits(&self, peer: &Peer) -> bool {
        !peer.lenient || matches!(self, Self::Own(_))
    }

    /// Sends a request and waits for its answer, without a limit.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub async fn call(
        &mut self,
        peer: &Peer,
        request: Request<'_>,
    ) -> Result<Result<Response, ExceptionCode>, Broken> {
        match self {
            Self::Strict(context, unit) => {
                if *unit != peer.unit {
                    context.set_slave(Slave(peer.unit));
                    *unit = peer.unit;
                }
                context.call(request).await.map_err(broken)
            }
            Self::Own(client) => {
                let Some(asked) = Asked::of(&request) else {
                    return Err(Broken::Wrong(NOT_KNOWN.to_string()));
                };
                match client.call(peer, &asked).await {
                    Ok(pdu) => pdu::decode(&pdu).ok_or_else(|| Broken::Wrong("no answer".to_owned())),
                    Err(mbap::Fault::Ended) => Err(Broken::Failed(io::ErrorKind::UnexpectedEof.into())),
                    Err(mbap::Fault::Wrong(what)) => Err(Broken::Wrong(what)),
                }
            }
        }
    }
}

/// What a failed call means. tokio-modbus reports the end of the stream with a meaningless text of the system.
fn broken(error: tokio_modbus::Error) -> Broken {
    match error {
        // Without the answer itself: it may be a hundred registers long.
        tokio_modbus::Error::Protocol(ProtocolError::HeaderMismatch { message, .. }) => {
            Broken::Wrong(mismatch(&message))
        }
        tokio_modbus::Error::Protocol(ProtocolError::FunctionCodeMismatch { request, .. }) => {
            Broken::Wrong(format!("not an answer to {request}"))
        }
        tokio_modbus::Error::Transport(fault) => Broken::Failed(fault),
    }
}

/// The ids in tokio-modbus' text about two headers, in words of our own.
fn mismatch(message: &str) -> String {
    two_headers(message).map_or_else(
        || "the answer is for transaction and unit ids that were not asked for".to_owned(),
        |(asked, got)| wrong_ids(asked, got),
    )
}

fn two_headers(message: &str) -> Option<((u16, u8), (u16, u8))> {
    let mut numbers = message.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
    let mut header = || Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?));
    Some((header()?, header()?))
}

/// What to say of an answer with wrong ids, each a transaction and a unit. Who gives advice knows it by its beginning.
pub fn wrong_ids(asked: (u16, u8), got: (u16, u8)) -> String {
    format!(
        "the answer is for transaction {} and unit {}, not for transaction {} and unit {}",
        got.0, got.1, asked.0, asked.1
    )
}

#[cfg(test)]
mod tests;
