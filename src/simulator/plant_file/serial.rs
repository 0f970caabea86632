//! Devices of a plant file that are on a serial port: `serial = "/dev/…"`, with `baud` and `parity`.

use crate::device_map::{Parity, SerialOptions};
use crate::simulator::serial::SerialPlace;
use crate::simulator::settings::DeviceSettings;
use crate::toml_file::{Place, Table};
use std::collections::HashMap;

/// Serial ports given so far, and the units on them.
#[derive(Default)]
pub struct Ports {
    lines: HashMap<String, (SerialOptions, Place)>,
    /// Units, and link addresses of outstations.
    units: HashMap<(String, bool, u16), Place>,
    /// Whether a line is one of outstations.
    protocols: HashMap<String, (bool, Place)>,
}

/// Where the serial port of an entry is named, and which it is.
pub fn read(table: &mut Table) -> Option<(SerialPlace, Place)> {
    let path = table.text("serial", "\"/dev/ttyUSB0\"");
    let baud = table.integer("baud", 300..=1_000_000, "19200");
    let words = [("none", Parity::None), ("even", Parity::Even), ("odd", Parity::Odd)];
    let parity = table.word("parity", &words);
    let Some(path) = path else {
        for place in baud.iter().map(|b| &b.place).chain(parity.iter().map(|p| &p.place)) {
            place.fault("this is about a serial port, but none is named; add serial = \"/dev/ttyUSB0\"");
        }
        return None;
    };
    if !path.value.starts_with('/') || path.value.len() < 2 {
        path.place.fault("a serial port is named by its whole path; write serial = \"/dev/ttyUSB0\"");
        return None;
    }
    let usual = SerialOptions::default();
    let line = SerialOptions {
        baud: baud.and_then(|b| u32::try_from(b.value).ok()).unwrap_or(usual.baud),
        parity: parity.map_or(usual.parity, |p| p.value),
        ..usual
    };
    Some((SerialPlace { path: path.value, line }, path.place))
}

impl Ports {
    /// True if the device's line is set as before and its unit id is free; else a fault. A device that is on no serial
    /// port is fine.
    pub fn check(&mut self, device: &DeviceSettings, at: &Place) -> bool {
        let Some(serial) = &device.serial else { return true };
        let own = device.outstation.map(|addresses| addresses.outstation);
        let first = (own.is_some(), at.clone());
        let (outstations, first) = self.protocols.entry(serial.path.clone()).or_insert(first);
        if *outstations != own.is_some() {
            let first = first.seen_from(at);
            at.fault(format!("{} speaks another protocol at {first}; a line has one", serial.path));
            return false;
        }
        if own.is_none() && !(1..=247).contains(&device.unit) {
            at.fault(format!("unit {} cannot be on a serial line; units are 1 to 247 there", device.unit));
            return false;
        }
        let (line, first) =
            self.lines.entry(serial.path.clone()).or_insert_with(|| (serial.line, at.clone()));
        if *line != serial.line {
            let first = first.seen_from(at);
            at.fault(format!(
                "{} has another baud rate or parity at {first}; all units of one line have the same",
                serial.path
            ));
            return false;
        }
        let (word, number) = own.map_or(("unit", u16::from(device.unit)), |own| ("outstation", own));
        if let Some(first) = self.units.insert((serial.path.clone(), own.is_some(), number), at.clone()) {
            let first = first.seen_from(at);
            at.fault(format!(
                "{word} {number} on {} is already a device ({first}); choose another {word}",
                serial.path
            ));
            return false;
        }
        true
    }
}
