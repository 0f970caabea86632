//! Modbus over TCP: one connection, one request at a time. The one home of tokio-modbus.
//!
//! It knows registers and exceptions, nothing of SunSpec. It does not retry and does not decide when to reconnect in
//! vain: see [`Line`] for the sharing of one connection by several units, and [`Bus`] for the connection itself.

mod bus;
mod error;
mod line;

pub use bus::{Bus, Endpoint, MAX_READ, MAX_WRITE, Peer};
pub use error::{BusError, ConnectFault, Exception};
pub use line::{Line, SharedBus, Turn};
