//! Where a Modbus server is: the part of a link that devices behind the same connection have in common.

use crate::device_map::{Parity, SerialOptions};
use crate::southbound::tls::Client;
use crate::southbound::{Link, ModbusRtu, ModbusTcp};
use std::fmt;
use std::net::IpAddr;

/// Where a Modbus server listens, or the serial line its units are on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Modbus TCP.
    Tcp {
        /// Host name or address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// Modbus/TCP Security.
    Tls {
        /// Host name or address.
        host: String,
        /// TCP port.
        port: u16,
        /// How the session is made; without it there is none.
        client: Option<Client>,
    },
    /// Modbus RTU.
    Serial {
        /// The serial port.
        path: String,
        /// How the line is set.
        serial: SerialOptions,
    },
}

impl Endpoint {
    /// A serial port that is not there: nothing can be sent to it.
    pub const NOWHERE: Self = Self::Serial {
        path: String::new(),
        serial: SerialOptions { baud: 9600, data_bits: 8, parity: Parity::None, stop_bits: 1 },
    };

    /// Where a link leads; `None` for a link of another protocol.
    #[must_use]
    pub fn of(link: &Link) -> Option<Self> {
        Some(match link {
            Link::ModbusTcp(ModbusTcp { host, port, .. }) => Self::Tcp { host: spelled(host), port: *port },
            Link::ModbusTls(ModbusTcp { host, port, .. }) => {
                Self::Tls { host: spelled(host), port: *port, client: None }
            }
            Link::ModbusRtu(ModbusRtu { path, serial, .. }) => {
                Self::Serial { path: path.clone(), serial: *serial }
            }
            Link::Dnp3Tcp(_) | Link::Dnp3Tls(_) | Link::Dnp3Serial(_) => return None,
        })
    }

    /// The same, with the settings of its TLS session if it has one.
    #[must_use]
    pub fn secured(self, with: Option<&Client>) -> Self {
        match self {
            Self::Tls { host, port, .. } => Self::Tls { host, port, client: with.cloned() },
            other => other,
        }
    }

    /// How its TLS session is made.
    #[must_use]
    pub const fn client(&self) -> Option<&Client> {
        match self {
            Self::Tls { client, .. } => client.as_ref(),
            Self::Tcp { .. } | Self::Serial { .. } => None,
        }
    }
}

/// A host in one spelling, so that a device with one session is not called twice.
fn spelled(host: &str) -> String {
    host.parse::<IpAddr>().map_or_else(|_| host.to_ascii_lowercase(), |address| address.to_string())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } | Self::Tls { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Serial { path, .. } => f.write_str(path),
        }
    }
}

#[cfg(test)]
mod tests;
