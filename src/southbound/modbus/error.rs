//! What can come back instead of registers, in words for an operator.

use crate::southbound::tls;
use std::fmt;
use std::time::Duration;

/// A Modbus exception code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exception(pub u8);

impl Exception {
    pub const ILLEGAL_FUNCTION: Self = Self(1);
    pub const ILLEGAL_ADDRESS: Self = Self(2);
    pub const ILLEGAL_VALUE: Self = Self(3);
    pub const DEVICE_FAILURE: Self = Self(4);
    pub const ACKNOWLEDGE: Self = Self(5);
    pub const BUSY: Self = Self(6);
    pub const GATEWAY_PATH: Self = Self(0x0A);

    /// What it means as the answer to a write, to an operator.
    #[must_use]
    pub const fn of_a_write(self) -> &'static str {
        match self {
            Self::ILLEGAL_FUNCTION => "the device does not accept this way of writing",
            Self::ILLEGAL_ADDRESS => {
                "the point is read-only or not there, or control over Modbus is switched off in the device's menu"
            }
            Self::ILLEGAL_VALUE => "the device does not accept the value",
            Self::DEVICE_FAILURE => {
                "not possible in the device's present state (local mode, a limit, a fault)"
            }
            Self::BUSY => "the device stayed busy",
            _ => "the device refused it",
        }
    }

    /// What the code means.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            1 => "illegal function",
            2 => "illegal data address",
            3 => "illegal data value",
            4 => "device failure",
            5 => "acknowledge",
            6 => "device busy",
            8 => "memory parity error",
            0x0A => "gateway path unavailable",
            0x0B => "gateway target did not respond",
            _ => "unknown exception",
        }
    }

    /// True if a gateway says that the unit behind it is not there.
    #[must_use]
    pub const fn unit_missing(self) -> bool {
        matches!(self.0, 0x0A | 0x0B)
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exception {} ({})", self.0, self.name())
    }
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectFault {
    /// Nothing listens there.
    Refused,
    /// No answer at all.
    TimedOut,
    /// The network says there is no way.
    Unreachable,
    /// The host name is not known.
    NotResolved,
    /// Accepted, but no request was answered.
    Mute,
    /// This unit answered of late, but what came was no answer to what was asked.
    Garbled,
    /// Accepted, then closed before the first answer.
    AcceptedThenReset,
    /// Connected, but TLS does not come about.
    Tls(tls::Fault),
    /// There is no such serial port.
    NoPort,
    /// Another program has the serial port.
    PortBusy,
    /// The serial port may not be opened by this user.
    PortDenied,
    /// It cannot be set up as a serial port.
    NotAPort,
    /// The serial port is open, but this unit did not answer of late.
    UnitSilent,
    /// Anything else; the system's word for it.
    Other(std::io::ErrorKind),
}

impl ConnectFault {
    /// True if nothing listens there.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused)
    }

    /// True if it stays until somebody changes a certificate or a setting: it is said at once and not tried again soon.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        matches!(self, Self::Tls(fault) if fault.kind.lasts())
    }
}

impl fmt::Display for ConnectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused: no Modbus server at this port, or it is switched off",
            Self::TimedOut => "no answer to the connection request: is the device on and the address right?",
            Self::Mute => "connected, but no request is answered: is the unit id right, is the device busy with another client?",
            Self::Garbled => {
                "connected, but what comes back is no answer to what is asked: is it a Modbus device of its own unit id, with nobody else on its line?"
            }
            Self::Unreachable => "no route to the device: check network and address",
            Self::NotResolved => "the host name could not be resolved",
            Self::AcceptedThenReset => {
                "connection accepted, then closed before the first answer: another Modbus client may hold the only session, or this address is not allowed"
            }
            Self::Tls(fault) => return fault.fmt(f),
            Self::NoPort => "there is no such serial port: is the adapter plugged in and the path right?",
            Self::PortBusy => "the serial port is in use by another program",
            Self::PortDenied => "no permission to open the serial port: add the user of this program to the group dialout",
            Self::NotAPort => {
                "this path could not be set up as a serial port: is it one, and can it do this baud rate and parity?"
            }
            Self::UnitSilent => {
                "this unit does not answer: is it on, and are unit id, baud rate and parity right?"
            }
            Self::Other(kind) => return write!(f, "could not connect: {kind}"),
        })
    }
}

/// Why a request has no result. Only [`BusError::Refused`] leaves the connection usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The device, or a gateway before it, answered with an exception.
    #[error("{}", refusal(*.0))]
    Refused(Exception),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The connection ended.
    #[error("connection closed by the device")]
    Closed,
    /// An answer that does not belong to the request.
    #[error("bad answer: {0}")]
    BadAnswer(String),
    /// There is no connection.
    #[error("{0}")]
    Connect(ConnectFault),
    /// The request itself breaks a limit of the protocol; nothing was sent.
    #[error("request not sent: {0}")]
    NotSent(&'static str),
}

/// A missing unit in the words of who looks for it; the number of the exception is for the maker's manual.
fn refusal(exception: Exception) -> String {
    if exception.unit_missing() {
        format!("nothing answers as this unit behind this address (exception {})", exception.0)
    } else {
        exception.to_string()
    }
}

impl BusError {
    /// The exception, if the device answered with one.
    #[must_use]
    pub const fn exception(&self) -> Option<Exception> {
        match self {
            Self::Refused(exception) => Some(*exception),
            _ => None,
        }
    }

    /// True if waiting changes nothing: see [`ConnectFault::lasts`].
    #[must_use]
    pub const fn lasts(&self) -> bool {
        matches!(self, Self::Connect(fault) if fault.lasts())
    }
}
