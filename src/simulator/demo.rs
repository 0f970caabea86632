//! A feeder to show: PV and storage of every kind that the simulator knows, with names and mRIDs that stay the same.

use super::settings::{DeviceSettings, Kind, LinkAddresses, PlantSettings};
use crate::der::{Percent, WattHours, Watts};
use std::net::SocketAddr;

/// Kinds of PV in the order in which they recur.
const PV: [Kind; 4] = [Kind::Pv, Kind::Pv700, Kind::PvFloat, Kind::PvSingle];
/// Kinds of storage.
const STORAGE: [Kind; 2] = [Kind::Storage, Kind::Storage700];
/// Ratings of three-phase PV, W.
const PV_WATTS: [f64; 7] = [5_000.0, 8_000.0, 10_000.0, 12_500.0, 17_500.0, 25_000.0, 30_000.0];
/// Ratings of storage, W and Wh.
const STORAGE_WATTS: [(f64, f64); 5] = [
    (5_000.0, 10_000.0),
    (8_000.0, 16_000.0),
    (10_000.0, 20_000.0),
    (12_000.0, 32_000.0),
    (15_000.0, 40_000.0),
];

/// `sunspec` devices and behind them `dnp3` outstations, two thirds of each PV, on loopback: on ports from `first_port`
/// upwards, or on free ones. Past port 65535 the ports are free ones too. Names do not tell the two apart. A program
/// without DNP3 has no outstations.
#[must_use]
pub fn demo_plant(sunspec: usize, dnp3: usize, first_port: Option<u16>) -> PlantSettings {
    let dnp3 = if cfg!(feature = "dnp3") { dnp3 } else { 0 };
    let mut devices = Vec::with_capacity(sunspec + dnp3);
    let (mut pv, mut storage) = (0, 0);
    for place in 0..sunspec + dnp3 {
        let outstation = place.checked_sub(sunspec);
        let mut device = if outstation.unwrap_or(place) % 3 == 2 {
            storage += 1;
            battery(storage)
        } else {
            pv += 1;
            solar(pv)
        };
        if outstation.is_some() {
            device.kind = if device.kind.stores() { Kind::Storage } else { Kind::Pv };
            device.outstation = Some(LinkAddresses::default());
        }
        let port = first_port
            .filter(|port| *port > 0)
            .and_then(|first| u16::try_from(place).ok().and_then(|n| first.checked_add(n)))
            .unwrap_or(0);
        device.listen = SocketAddr::from(([127, 0, 0, 1], port));
        devices.push(device);
    }
    PlantSettings { control: None, devices }
}

/// The entry at a place of a list that goes round.
fn cycle<T: Copy>(list: &[T], place: usize) -> Option<T> {
    list.iter().copied().cycle().nth(place % list.len().max(1))
}

/// A number from −1 to 1 that differs from place to place without any pattern one sees.
fn scatter(place: usize) -> f64 {
    let mixed = place.wrapping_mul(7919) % 201;
    f64::from(u16::try_from(mixed).unwrap_or(100)) / 100.0 - 1.0
}

fn solar(number: usize) -> DeviceSettings {
    let kind = cycle(&PV, number - 1).unwrap_or(Kind::Pv);
    let mut device = DeviceSettings::new(format!("PV-{number:03}"), kind);
    // A single phase carries no more than a small inverter.
    let watts = if kind.three_phase() { cycle(&PV_WATTS, number - 1) } else { Some(5_000.0) };
    device.rated = Watts::new(watts.unwrap_or(10_000.0));
    device.irradiance = ((0.85 + 0.05 * scatter(number)) * 1000.0).round() / 1000.0;
    device.variation = 0.02;
    device
}

fn battery(number: usize) -> DeviceSettings {
    let kind = cycle(&STORAGE, number - 1).unwrap_or(Kind::Storage);
    let mut device = DeviceSettings::new(format!("BESS-{number:03}"), kind);
    let (watts, energy) = cycle(&STORAGE_WATTS, number - 1).unwrap_or((10_000.0, 20_000.0));
    device.rated = Watts::new(watts);
    device.energy = WattHours::new(energy);
    device.soc = Percent::new((55.0 + 25.0 * scatter(number)).round());
    device
}

#[cfg(test)]
mod tests;
