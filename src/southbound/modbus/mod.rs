//! Modbus over TCP and serial lines: one connection, one request at a time. The one home of tokio-modbus.
//!
//! It knows registers and exceptions, nothing of SunSpec. It does not retry and does not decide when to reconnect in
//! vain: see `line` for the sharing of one connection by several units, `bus` for the connection itself, and `serial`
//! for what is different on a line without transaction ids.

mod bus;
mod dial;
mod endpoint;
mod error;
mod line;
mod mbap;
mod patience;
mod pdu;
mod rtu;
mod serial;
mod tls;
mod trace;
mod wire;

#[cfg(any(test, fuzzing))]
pub use bus::Bus;
pub use bus::Peer;
pub use endpoint::Endpoint;
pub use error::{BusError, ConnectFault, Exception};
pub use line::{Line, SharedBus, Turn};
#[cfg(any(test, fuzzing))]
pub use rtu::crc;

use tokio::io::{AsyncRead, AsyncWrite};

/// What frames go over: a TCP or TLS stream, or a serial port.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug> Stream for T {}
