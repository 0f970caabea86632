//! What must hold between the links of all devices: nobody stands in two places, and who shares a connection agrees on it.

use super::registry::once;
use crate::device_map::SerialOptions;
use crate::southbound::{Dnp3Addresses, Dnp3Tcp, Link, ModbusTcp};
use crate::toml_file::{Place, Placed};
use std::collections::HashMap;

/// A host in small letters, and a port.
type End = (String, u16);

/// The links so far.
#[derive(Debug, Default)]
pub(super) struct Links {
    devices: HashMap<Link, Place>,
    lines: HashMap<String, Line>,
    ends: HashMap<End, Shared>,
}

/// How the first device on a serial line uses it.
#[derive(Debug)]
struct Line {
    serial: SerialOptions,
    master: Option<u16>,
    place: Place,
}

/// How the first device behind an end point uses it.
#[derive(Debug)]
struct Shared {
    master: Option<u16>,
    secured: bool,
    /// Over a connection that no other has.
    own: bool,
    /// All end points of its link.
    ends: Vec<End>,
    place: Place,
}

impl Links {
    /// Takes one more link; says what does not agree with those before.
    pub(super) fn take(&mut self, link: &Placed<Link>) {
        let place = &link.place;
        let first =
            once(&mut self.devices, key(&link.value), place, "this link is already that of the device");
        let second = second_key(&link.value).filter(|_| first).is_none_or(|second| {
            let what = "the second end point of this link already leads to the device";
            once(&mut self.devices, second, place, what)
        });
        match &link.value {
            Link::ModbusRtu(rtu) => self.line(&rtu.path, rtu.serial, None, place),
            Link::Dnp3Serial(to) => self.line(&to.path, to.serial, Some(to.addresses.master), place),
            // One fault is enough.
            _ if !(first && second) => {}
            Link::ModbusTcp(to) | Link::ModbusTls(to) => {
                self.end(&[end(&to.host, to.port)], (None, false), &link.value, place);
            }
            Link::Dnp3Tcp(to) | Link::Dnp3Tls(to) => {
                self.end(&ends(to), (Some(to.addresses.master), to.own), &link.value, place);
            }
        }
    }

    /// All devices of a serial line speak one protocol at one rate.
    fn line(&mut self, path: &str, serial: SerialOptions, master: Option<u16>, place: &Place) {
        let Some(first) = self.lines.get(path) else {
            self.lines.insert(path.to_owned(), Line { serial, master, place: place.clone() });
            return;
        };
        let there = first.place.seen_from(place);
        if first.master.is_some() != master.is_some() {
            let protocol = protocol(first.master);
            place.fault(format!(
                "{path} carries {protocol} for the device at {there}; one serial line carries one protocol"
            ));
        } else if first.serial != serial {
            place.fault(format!(
                "{path} has other line settings for the device at {there}; all devices of one serial line have the same baud, data, parity and stop"
            ));
        } else {
            masters(path, (first.master, master), &there, place);
        }
    }

    /// All devices behind an end point speak one protocol, all over TLS or none; those that share a connection have the same
    /// second one.
    fn end(&mut self, ends: &[End], (master, own): (Option<u16>, bool), link: &Link, place: &Place) {
        let secured = link.secured().is_some();
        for end in ends {
            let Some(first) = self.ends.get(end) else {
                let shared = Shared { master, secured, own, ends: ends.to_vec(), place: place.clone() };
                self.ends.insert(end.clone(), shared);
                continue;
            };
            let (there, shown) = (first.place.seen_from(place), format!("{}:{}", end.0, end.1));
            if first.master.is_some() != master.is_some() {
                let protocol = protocol(first.master);
                place.fault(format!(
                    "{shown} speaks {protocol} for the device at {there}; one end point speaks one protocol, so one of the links has a wrong port"
                ));
            } else if first.secured != secured {
                let way = |secured| if secured { "over TLS" } else { "in the clear" };
                let (first, this) = (way(first.secured), way(secured));
                place.fault(format!(
                    "{shown} is reached {first} for the device at {there} and {this} for this one; one end point has TLS or has not, so one of the links has a wrong scheme or port"
                ));
            } else if first.ends != ends && !first.own && !own {
                place.fault(format!(
                    "the device at {there} shares {shown} with this one; give both links the same end points, in the same order (second), or this one a connection of its own (channel=own)"
                ));
            } else {
                masters(&shown, (first.master, master), &there, place);
            }
            return;
        }
    }
}

const fn protocol(master: Option<u16>) -> &'static str {
    if master.is_some() { "DNP3" } else { "Modbus" }
}

/// Two masters at one place are allowed, and seldom meant.
fn masters(shared: &str, masters: (Option<u16>, Option<u16>), there: &str, place: &Place) {
    if let (Some(first), Some(own)) = masters
        && first != own
    {
        place.remark(format!(
            "warning: {shared} is reached as master {own} for this device and as master {first} for the one at {there}, over connections of their own; outstations that serve one master need the same in both links"
        ));
    }
}

fn end(host: &str, port: u16) -> End {
    (host.to_lowercase(), port)
}

/// All end points of a link.
pub(super) fn ends(to: &Dnp3Tcp) -> Vec<End> {
    std::iter::once(end(&to.host, to.port)).chain(second(to)).collect()
}

fn second(to: &Dnp3Tcp) -> Option<End> {
    to.second.as_ref().map(|(host, port)| end(host, *port))
}

/// Two links with the same key reach the same device: however its name is written, its line is set, and whichever master asks.
fn key(link: &Link) -> Link {
    match link {
        Link::ModbusTcp(to) => Link::ModbusTcp(modbus(to)),
        Link::ModbusTls(to) => Link::ModbusTls(modbus(to)),
        Link::ModbusRtu(to) => {
            let mut key = to.clone();
            key.serial = SerialOptions::default();
            Link::ModbusRtu(key)
        }
        Link::Dnp3Tcp(to) => Link::Dnp3Tcp(dnp3(end(&to.host, to.port), to.addresses)),
        Link::Dnp3Tls(to) => Link::Dnp3Tls(dnp3(end(&to.host, to.port), to.addresses)),
        Link::Dnp3Serial(to) => {
            let mut key = to.clone();
            key.serial = SerialOptions::default();
            key.addresses.master = 0;
            Link::Dnp3Serial(key)
        }
    }
}

/// The key of the same device at its second end point.
fn second_key(link: &Link) -> Option<Link> {
    match link {
        Link::Dnp3Tcp(to) => Some(Link::Dnp3Tcp(dnp3(second(to)?, to.addresses))),
        Link::Dnp3Tls(to) => Some(Link::Dnp3Tls(dnp3(second(to)?, to.addresses))),
        _ => None,
    }
}

fn modbus(to: &ModbusTcp) -> ModbusTcp {
    ModbusTcp { host: to.host.to_lowercase(), ..to.clone() }
}

fn dnp3((host, port): End, addresses: Dnp3Addresses) -> Dnp3Tcp {
    Dnp3Tcp { host, port, second: None, own: false, addresses: Dnp3Addresses { master: 0, ..addresses } }
}

#[cfg(test)]
#[cfg(feature = "dnp3")]
mod tests;
