//! LINK: how a device is reached, written as a URL (`modbus+tcp://192.0.2.21:502?unit=1`).

mod parse;

use crate::device_map::{LinkOptions, Parity, SerialOptions};
use std::fmt;

/// How a device is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// SunSpec or plain Modbus over TCP.
    ModbusTcp(ModbusTcp),
    /// The same over TLS (Modbus/TCP Security).
    ModbusTls(ModbusTcp),
    /// The same over a serial line.
    ModbusRtu(ModbusRtu),
    /// DNP3 over TCP.
    Dnp3Tcp(Dnp3Tcp),
    /// The same over TLS.
    Dnp3Tls(Dnp3Tcp),
    /// The same over a serial line.
    Dnp3Serial(Dnp3Serial),
}

/// DNP3 over TCP, in the clear or inside TLS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dnp3Tcp {
    /// Host name or address.
    pub host: String,
    /// TCP port; 20000 if neither link nor map names one.
    pub port: u16,
    /// A second end point of the same outstation, tried when the first cannot be reached.
    pub second: Option<(String, u16)>,
    /// It has a connection of its own, shared with no other outstation of the same end point (`channel=own`).
    pub own: bool,
    /// Link addresses.
    pub addresses: Dnp3Addresses,
}

/// DNP3 over a serial line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dnp3Serial {
    /// The serial port, such as `/dev/ttyS0`.
    pub path: String,
    /// How the line is set.
    pub serial: SerialOptions,
    /// Link addresses.
    pub addresses: Dnp3Addresses,
}

/// Link addresses of both ends, 0 to 65519.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dnp3Addresses {
    /// Of the outstation; 1024 if the link names none.
    pub outstation: u16,
    /// Of the gateway; 1 if the link names none.
    pub master: u16,
}

/// Modbus over TCP, in the clear or inside TLS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModbusTcp {
    /// Host name or address.
    pub host: String,
    /// TCP port; 502, or 802 with TLS, if neither link nor map names one.
    pub port: u16,
    /// Unit id, 0 to 255; 1 if the link names none.
    pub unit: u8,
}

/// Modbus RTU.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModbusRtu {
    /// The serial port, such as `/dev/ttyUSB0`.
    pub path: String,
    /// How the line is set.
    pub serial: SerialOptions,
    /// Unit id, 1 to 247; 1 if the link names none.
    pub unit: u8,
}

/// Why a text is not a link, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LinkError(String);

impl Link {
    /// Reads a link.
    ///
    /// # Errors
    /// An unknown scheme, no host, a port or unit out of range, an unknown parameter: each in words.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        Self::parse_for(text, &LinkOptions::default())
    }

    /// Reads a link; what it leaves out (port, serial line) is as the device's map has it.
    ///
    /// # Errors
    /// As [`Link::parse`].
    pub fn parse_for(text: &str, options: &LinkOptions) -> Result<Self, LinkError> {
        parse::link(text, options)
    }

    /// The Modbus unit id; 0, which no message goes to, for a link of another protocol.
    #[must_use]
    pub const fn unit(&self) -> u8 {
        match self {
            Self::ModbusTcp(tcp) | Self::ModbusTls(tcp) => tcp.unit,
            Self::ModbusRtu(rtu) => rtu.unit,
            Self::Dnp3Tcp(_) | Self::Dnp3Tls(_) | Self::Dnp3Serial(_) => 0,
        }
    }

    /// The DNP3 link addresses; `None` for a link of another protocol.
    #[must_use]
    pub const fn dnp3(&self) -> Option<Dnp3Addresses> {
        match self {
            Self::Dnp3Tcp(tcp) | Self::Dnp3Tls(tcp) => Some(tcp.addresses),
            Self::Dnp3Serial(serial) => Some(serial.addresses),
            Self::ModbusTcp(_) | Self::ModbusTls(_) | Self::ModbusRtu(_) => None,
        }
    }

    /// True for a link over a serial line.
    #[must_use]
    pub const fn is_serial(&self) -> bool {
        matches!(self, Self::ModbusRtu(_) | Self::Dnp3Serial(_))
    }

    /// The host of a link over TLS, and its port.
    #[must_use]
    pub fn secured(&self) -> Option<(&str, u16)> {
        match self {
            Self::ModbusTls(tcp) => Some((&tcp.host, tcp.port)),
            Self::Dnp3Tls(tcp) => Some((&tcp.host, tcp.port)),
            _ => None,
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ModbusTcp(link) => {
                write!(f, "modbus+tcp://{}?unit={}", Host(&link.host, link.port), link.unit)
            }
            Self::ModbusTls(link) => {
                write!(f, "modbus+tls://{}?unit={}", Host(&link.host, link.port), link.unit)
            }
            Self::ModbusRtu(ModbusRtu { path, serial, unit }) => {
                write!(f, "modbus+rtu://{path}?{}&unit={unit}", Line(serial))
            }
            Self::Dnp3Tcp(link) => write!(f, "dnp3+tcp://{link}"),
            Self::Dnp3Tls(link) => write!(f, "dnp3+tls://{link}"),
            Self::Dnp3Serial(Dnp3Serial { path, serial, addresses }) => {
                write!(f, "dnp3+serial://{path}?{}&{addresses}", Line(serial))
            }
        }
    }
}

impl fmt::Display for Dnp3Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}?{}", Host(&self.host, self.port), self.addresses)?;
        if let Some((host, port)) = &self.second {
            write!(f, "&second={}", Host(host, *port))?;
        }
        f.write_str(if self.own { "&channel=own" } else { "" })
    }
}

impl fmt::Display for Dnp3Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "outstation={}&master={}", self.outstation, self.master)
    }
}

/// `host:port`, an IPv6 address in brackets.
struct Host<'a>(&'a str, u16);

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host, port) = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// How a serial line is set, as parameters.
struct Line<'a>(&'a SerialOptions);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SerialOptions { baud, data_bits, parity, stop_bits } = self.0;
        write!(f, "baud={baud}")?;
        if *data_bits != 8 {
            write!(f, "&data={data_bits}")?;
        }
        write!(f, "&parity={}", parity_word(*parity))?;
        if *stop_bits != 1 {
            write!(f, "&stop={stop_bits}")?;
        }
        Ok(())
    }
}

const fn parity_word(parity: Parity) -> &'static str {
    match parity {
        Parity::None => "none",
        Parity::Even => "even",
        Parity::Odd => "odd",
    }
}

#[cfg(test)]
mod tests;
