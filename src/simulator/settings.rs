//! What a plant is made of: settings as values. Reading them from a file is `plant_file`'s matter.

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

/// One simulated SunSpec device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceSettings {
    /// Its name, unique in the plant.
    pub name: String,
    /// Its identity for a gateway that is told of it; by default made from the name.
    pub mrid: Mrid,
    /// What it is and which models it speaks.
    pub kind: Kind,
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
            rated: Watts::new(10_000.0),
            energy: WattHours::new(20_000.0),
            irradiance: 0.85,
            variation: 0.0,
            soc: Percent::new(50.0),
            automatic: Watts::ZERO,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            serial: None,
            unit: 1,
            base: 40000,
            ramp_percent_per_s: 20.0,
            return_delay: Duration::ZERO,
            faults: Vec::new(),
            tls: None,
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
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Pv, Self::PvFloat, Self::PvSingle, Self::Pv700, Self::Storage, Self::Storage700];

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

    /// Its models, in chain order.
    #[must_use]
    pub const fn models(self) -> &'static [u16] {
        match self {
            Self::Pv => &[1, 103, 120, 121, 122, 123],
            Self::PvFloat => &[1, 113, 120, 121, 122, 123],
            Self::PvSingle => &[1, 101, 120, 121, 122, 123],
            Self::Pv700 => &[1, 701, 702, 703, 704],
            Self::Storage => &[1, 103, 120, 121, 122, 123, 124, 802],
            Self::Storage700 => &[1, 701, 702, 703, 704, 713, 714],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing listens.
    Refused,
    /// Connects, never answers.
    Silent,
    /// Answers, but never a right answer.
    Garbage,
    /// Answers late.
    Slow(Duration),
    /// Resets every connection after the first.
    OneConnection,
    /// Refuses longer reads with exception 3.
    MaxRead(u16),
    /// Answers everything with this exception.
    Exception(u8),
    /// Ignores writes to what cannot be written, as devices of the old specification do.
    SilentIgnore,
}

impl Fault {
    /// How each is written.
    pub const WORDS: &'static str =
        "refused, silent, garbage, slow:MS, one_connection, max_read:N, exception:CODE, silent_ignore";

    /// Reads a fault; `none` is an empty list of faults and not among them.
    ///
    /// # Errors
    /// An unknown word, a number that is missing or out of range: in words.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let (word, number) = match text.split_once(':') {
            Some((word, number)) => (word, Some(number)),
            None => (text, None),
        };
        let numbered = |lowest: u64, highest: u64| {
            number
                .and_then(|n| n.parse::<u64>().ok())
                .filter(|n| (lowest..=highest).contains(n))
                .ok_or_else(|| FaultError::Number { word: word.to_owned(), lowest, highest })
        };
        let fault = match word {
            "slow" => return Ok(Self::Slow(Duration::from_millis(numbered(1, 600_000)?))),
            "max_read" => return Ok(Self::MaxRead(u16::try_from(numbered(1, 125)?).unwrap_or(125))),
            "exception" => return Ok(Self::Exception(u8::try_from(numbered(1, 127)?).unwrap_or(4))),
            "refused" => Self::Refused,
            "silent" => Self::Silent,
            "garbage" => Self::Garbage,
            "one_connection" => Self::OneConnection,
            "silent_ignore" => Self::SilentIgnore,
            _ => return Err(FaultError::Word(text.to_owned())),
        };
        if number.is_some() { Err(FaultError::NoNumber(word.to_owned())) } else { Ok(fault) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("refused"),
            Self::Silent => f.write_str("silent"),
            Self::Garbage => f.write_str("garbage"),
            Self::Slow(time) => write!(f, "slow:{}", time.as_millis()),
            Self::OneConnection => f.write_str("one_connection"),
            Self::MaxRead(most) => write!(f, "max_read:{most}"),
            Self::Exception(code) => write!(f, "exception:{code}"),
            Self::SilentIgnore => f.write_str("silent_ignore"),
        }
    }
}

/// Why a text is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// Unknown.
    #[error("\"{0}\" is not a fault; one of {words}", words = Fault::WORDS)]
    Word(String),
    /// A number that is missing or wrong.
    #[error("fault {word} needs a number from {lowest} to {highest}, like {word}:{highest}")]
    Number {
        /// The fault.
        word: String,
        /// Smallest number.
        lowest: u64,
        /// Largest number.
        highest: u64,
    },
    /// A number where none belongs.
    #[error("fault {0} takes no number")]
    NoNumber(String),
}
