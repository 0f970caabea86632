//! Modbus over TCP: one connection, one request at a time. The one home of tokio-modbus.
//!
//! It knows registers and exceptions, nothing of SunSpec. It does not retry and does not decide when to reconnect in
//! vain: see `line` for the sharing of one connection by several units, and `bus` for the connection itself.

mod bus;
mod endpoint;
mod error;
mod line;
mod trace;

pub use bus::Peer;
pub use endpoint::Endpoint;
pub use error::{BusError, ConnectFault, Exception};
pub use line::{Line, SharedBus, Turn};
