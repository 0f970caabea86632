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

    /// The Modbus unit id.
    #[must_use]
    pub const fn unit(&self) -> u8 {
        match self {
            Self::ModbusTcp(tcp) | Self::ModbusTls(tcp) => tcp.unit,
            Self::ModbusRtu(rtu) => rtu.unit,
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tcp = |f: &mut fmt::Formatter<'_>, scheme: &str, ModbusTcp { host, port, unit }: &ModbusTcp| {
            if host.contains(':') {
                write!(f, "{scheme}://[{host}]:{port}?unit={unit}")
            } else {
                write!(f, "{scheme}://{host}:{port}?unit={unit}")
            }
        };
        match self {
            Self::ModbusTcp(link) => tcp(f, "modbus+tcp", link),
            Self::ModbusTls(link) => tcp(f, "modbus+tls", link),
            Self::ModbusRtu(ModbusRtu { path, serial, unit }) => {
                let SerialOptions { baud, data_bits, parity, stop_bits } = serial;
                let parity = parity_word(*parity);
                write!(f, "modbus+rtu://{path}?baud={baud}")?;
                if *data_bits != 8 {
                    write!(f, "&data={data_bits}")?;
                }
                write!(f, "&parity={parity}")?;
                if *stop_bits != 1 {
                    write!(f, "&stop={stop_bits}")?;
                }
                write!(f, "&unit={unit}")
            }
        }
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
