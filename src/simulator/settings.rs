//! What a plant is made of: settings as values. Reading them from a file is `plant_file`'s matter.

use super::faults::Fault;
use super::image::Image;
use super::tls::TlsSettings;
use crate::der::{Mrid, Percent, WattHours, Watts};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// Devices, and where to steer them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlantSettings {
    /// Where the control listener is; none if absent.
    pub control: Option<SocketAddr>,
    /// The devices.
    pub devices: Vec<DeviceSettings>,
}

/// One simulated device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceSettings {
    /// Its name, unique in the plant.
    pub name: String,
    /// Its identity for a gateway that is told of it; by default made from the name.
    pub mrid: Mrid,
    /// What it is and which models it speaks.
    pub kind: Kind,
    /// Registers beside its SunSpec chain, or all that it has (kind registers).
    pub image: Option<Image>,
    /// Its models in chain order; empty for those that its kind has.
    pub models: Vec<u16>,
    /// Rated active power.
    pub rated: Watts,
    /// Battery energy; only storage has use for it.
    pub energy: WattHours,
    /// Sun, 0 to 1 of what gives the rated power.
    pub irradiance: f64,
    /// How far the sun slowly swings around that value, 0 to 1; 0 holds it still.
    pub variation: f64,
    /// State of charge at the start.
    pub soc: Percent,
    /// What a battery does when nobody asks anything of it.
    pub automatic: Watts,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The serial port that it is on; then it does not listen on a socket.
    pub serial: Option<super::serial::SerialPlace>,
    /// Modbus unit id.
    pub unit: u8,
    /// Its link addresses, if it is a DNP3 outstation instead of a device with registers.
    pub outstation: Option<LinkAddresses>,
    /// Where the SunSpec marker stands: 40000, 0 or 50000.
    pub base: u16,
    /// Ramp in percent of the rated power per second.
    pub ramp_percent_per_s: f64,
    /// Wait between permission to return and return.
    pub return_delay: Duration,
    /// How it misbehaves.
    pub faults: Vec<Fault>,
    /// Its certificates, if it is reached over TLS only.
    pub tls: Option<TlsSettings>,
}

impl DeviceSettings {
    /// A well-behaved device of a kind: 10 kW, 20 kWh, half full, bright sun, any free loopback port.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        let name = name.into();
        Self {
            mrid: mrid_of(&name),
            name,
            kind,
            image: None,
            models: Vec::new(),
            rated: Watts::new(10_000.0),
            energy: WattHours::new(20_000.0),
            irradiance: 0.85,
            variation: 0.0,
            soc: Percent::new(50.0),
            automatic: Watts::ZERO,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            serial: None,
            unit: 1,
            outstation: None,
            base: 40000,
            ramp_percent_per_s: 20.0,
            return_delay: Duration::ZERO,
            faults: Vec::new(),
            tls: None,
        }
    }
}

/// DNP3 link addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkAddresses {
    /// Of the outstation.
    pub outstation: u16,
    /// Of the only master that it answers.
    pub master: u16,
}

impl Default for LinkAddresses {
    fn default() -> Self {
        Self { outstation: 1024, master: 1 }
    }
}

impl DeviceSettings {
    /// A well-behaved DNP3 outstation, `pv` or `storage`, with the usual link addresses; otherwise as [`Self::new`].
    #[must_use]
    pub fn dnp3(name: impl Into<String>, kind: Kind) -> Self {
        Self { outstation: Some(LinkAddresses::default()), ..Self::new(name, kind) }
    }

    /// Its models, in chain order.
    #[must_use]
    pub fn chain(&self) -> Vec<u16> {
        match self.kind {
            _ if !self.models.is_empty() => self.models.clone(),
            Kind::Models => crate::device_map::models().ids(),
            kind => kind.models().to_vec(),
        }
    }
}

/// The stable mRID of a simulated device: a version 5 UUID of its name.
#[must_use]
pub fn mrid_of(name: &str) -> Mrid {
    let name = format!("urn:dergate:simulated:{name}");
    Mrid::from(uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes()))
}

/// What a simulated device is, and which SunSpec models it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Three-phase PV inverter, legacy integer models.
    Pv,
    /// Three-phase PV inverter, legacy float measurements.
    PvFloat,
    /// Single-phase PV inverter, legacy integer models.
    PvSingle,
    /// PV inverter of the 700 series.
    Pv700,
    /// Storage, legacy models with 124 and 802.
    Storage,
    /// Storage of the 700 series.
    Storage700,
    /// A meter at the terminals of a PV inverter that has no Modbus of its own.
    Meter,
    /// Three-phase PV inverter with a meter as second logical device of its chain.
    PvMeter,
    /// A device of any models: every point of each implemented, with values that mean little.
    Models,
    /// A device without SunSpec: the registers of a file. Not a kind of `[[sunspec]]`.
    Registers,
}

impl Kind {
    /// All kinds of SunSpec device.
    pub const ALL: [Self; 9] = [
        Self::Pv,
        Self::PvFloat,
        Self::PvSingle,
        Self::Pv700,
        Self::Storage,
        Self::Storage700,
        Self::Meter,
        Self::PvMeter,
        Self::Models,
    ];
    /// The ordinary ones of which a feeder is made: each can be told its power.
    pub const DER: [Self; 6] =
        [Self::Pv, Self::PvFloat, Self::PvSingle, Self::Pv700, Self::Storage, Self::Storage700];

    /// What a DNP3 outstation can be.
    pub const OUTSTATIONS: [Self; 2] = [Self::Pv, Self::Storage];

    /// Its word in PLANT.toml and in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pv => "pv",
            Self::PvFloat => "pv-float",
            Self::PvSingle => "pv-single",
            Self::Pv700 => "pv-700",
            Self::Storage => "storage",
            Self::Storage700 => "storage-700",
            Self::Meter => "meter",
            Self::PvMeter => "pv+meter",
            Self::Models => "models",
            Self::Registers => "registers",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }

    /// Has a battery.
    #[must_use]
    pub const fn stores(self) -> bool {
        matches!(self, Self::Storage | Self::Storage700)
    }

    /// Feeds three phases.
    #[must_use]
    pub const fn three_phase(self) -> bool {
        !matches!(self, Self::PvSingle)
    }

    /// The models of a device that names none, in chain order; empty for all that there are.
    #[must_use]
    pub const fn models(self) -> &'static [u16] {
        match self {
            Self::Pv => &[1, 103, 120, 121, 122, 123, 126, 127, 131, 132, 134, 145, 160],
            Self::PvFloat => &[1, 113, 120, 121, 122, 123],
            Self::PvSingle => &[1, 101, 120, 121, 122, 123],
            Self::Pv700 => &[1, 701, 702, 703, 704, 705, 706, 707, 708, 709, 710, 711, 712, 714, 715],
            Self::Storage => &[1, 103, 120, 121, 122, 123, 124, 802],
            Self::Storage700 => &[1, 701, 702, 703, 704, 713, 714, 715],
            Self::Meter => &[1, 203],
            Self::PvMeter => &[1, 103, 120, 121, 122, 123, 1, 203],
            Self::Models | Self::Registers => &[],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
