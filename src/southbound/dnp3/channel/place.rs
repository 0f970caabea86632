//! Where a channel goes and as which master: devices of the same place share it.

use crate::device_map::SerialOptions;
use crate::southbound::Link;
use crate::southbound::link::Dnp3Tcp;
use std::fmt;

/// Where a channel goes, and as which master.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The link address of the gateway.
    pub master: u16,
    /// What carries it.
    pub carrier: Carrier,
    /// The outstation that has it for itself; devices with none share it.
    pub own: Option<u16>,
}

/// What carries a channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// TCP.
    Tcp {
        /// Hosts and ports; the first is preferred.
        ends: Vec<(String, u16)>,
    },
    /// TLS.
    Tls {
        /// Hosts and ports; the first is preferred.
        ends: Vec<(String, u16)>,
    },
    /// A serial line.
    Serial {
        /// The port.
        path: String,
        /// How it is set.
        serial: SerialOptions,
    },
}

impl Place {
    /// Where a link goes; `None` for one of another protocol.
    pub fn of(link: &Link) -> Option<Self> {
        let carrier = match link {
            Link::Dnp3Tcp(tcp) => Carrier::Tcp { ends: ends(tcp) },
            Link::Dnp3Tls(tcp) => Carrier::Tls { ends: ends(tcp) },
            Link::Dnp3Serial(line) => Carrier::Serial { path: line.path.clone(), serial: line.serial },
            Link::ModbusTcp(_) | Link::ModbusTls(_) | Link::ModbusRtu(_) => return None,
        };
        let addresses = link.dnp3()?;
        let own = matches!(link, Link::Dnp3Tcp(to) | Link::Dnp3Tls(to) if to.own);
        Some(Self { master: addresses.master, carrier, own: own.then_some(addresses.outstation) })
    }

    /// True for a serial line.
    pub const fn is_serial(&self) -> bool {
        matches!(self.carrier, Carrier::Serial { .. })
    }
}

fn ends(tcp: &Dnp3Tcp) -> Vec<(String, u16)> {
    std::iter::once((tcp.host.clone(), tcp.port)).chain(tcp.second.clone()).collect()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.carrier {
            Carrier::Tcp { ends } | Carrier::Tls { ends } => {
                for (place, (host, port)) in ends.iter().enumerate() {
                    let or = if place == 0 { "" } else { " or " };
                    if host.contains(':') {
                        write!(f, "{or}[{host}]:{port}")?;
                    } else {
                        write!(f, "{or}{host}:{port}")?;
                    }
                }
            }
            Carrier::Serial { path, .. } => f.write_str(path)?,
        }
        match self.own {
            Some(outstation) => write!(f, " (master {}, outstation {outstation} alone)", self.master),
            None => write!(f, " (master {})", self.master),
        }
    }
}
