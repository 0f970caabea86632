//! What a device can be told beyond a power: power factor, ramp rates, curves, enter service.

use super::{Hertz, Percent};
use std::fmt;
use std::time::Duration;

/// A power factor to be held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerFactor {
    /// Its size, over 0 to 1.
    pub size: f64,
    /// Which way reactive power flows.
    pub excitation: Excitation,
}

/// Which way reactive power flows while active power is injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excitation {
    /// Injects reactive power.
    Over,
    /// Absorbs reactive power.
    Under,
}

impl Excitation {
    /// The word in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Over => "over-excited",
            Self::Under => "under-excited",
        }
    }
}

impl fmt::Display for PowerFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.size, self.excitation.name())
    }
}

/// How fast power may change. What is `None` is left as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RampRates {
    /// Active power upwards, % of the maximum active power per second; over 0.
    pub active_up: Option<Percent>,
    /// Active power downwards, % of the maximum active power per second; over 0.
    pub active_down: Option<Percent>,
    /// Reactive power, % of the maximum reactive power per second; over 0.
    pub reactive: Option<Percent>,
}

/// When and how a device returns to service. What is `None` is left as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EnterService {
    /// Highest voltage, % of nominal.
    pub voltage_high: Option<Percent>,
    /// Lowest voltage, % of nominal.
    pub voltage_low: Option<Percent>,
    /// Highest frequency.
    pub frequency_high: Option<Hertz>,
    /// Lowest frequency.
    pub frequency_low: Option<Hertz>,
    /// Wait before it.
    pub delay: Option<Duration>,
    /// Largest random wait on top.
    pub random_delay: Option<Duration>,
    /// Time over which power rises.
    pub ramp: Option<Duration>,
}

/// A function that follows a curve (IEEE 1547-2018 names; SunSpec models in brackets).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CurveKind {
    /// Reactive power by voltage (705, 126).
    VoltVar,
    /// Active power by voltage (706, 132).
    VoltWatt,
    /// Reactive power by active power (712).
    WattVar,
    /// Power factor by active power (131).
    WattPowerFactor,
    /// Active power by frequency, with dead bands and slopes (711) or points (134).
    FrequencyWatt,
    /// Low voltage trip (707, 129).
    LowVoltageTrip,
    /// High voltage trip (708, 130).
    HighVoltageTrip,
    /// Low frequency trip (709, 135).
    LowFrequencyTrip,
    /// High frequency trip (710, 136).
    HighFrequencyTrip,
}

impl CurveKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::VoltVar,
        Self::VoltWatt,
        Self::WattVar,
        Self::WattPowerFactor,
        Self::FrequencyWatt,
        Self::LowVoltageTrip,
        Self::HighVoltageTrip,
        Self::LowFrequencyTrip,
        Self::HighFrequencyTrip,
    ];

    /// The word in documents and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VoltVar => "volt-var",
            Self::VoltWatt => "volt-watt",
            Self::WattVar => "watt-var",
            Self::WattPowerFactor => "watt-pf",
            Self::FrequencyWatt => "freq-watt",
            Self::LowVoltageTrip => "low-voltage-trip",
            Self::HighVoltageTrip => "high-voltage-trip",
            Self::LowFrequencyTrip => "low-frequency-trip",
            Self::HighFrequencyTrip => "high-frequency-trip",
        }
    }

    /// True for a protection: it stays in force, so it is set, but never switched off.
    #[must_use]
    pub const fn is_trip(self) -> bool {
        matches!(
            self,
            Self::LowVoltageTrip | Self::HighVoltageTrip | Self::LowFrequencyTrip | Self::HighFrequencyTrip
        )
    }

    /// The function of a word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A curve to be followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Of which function.
    pub kind: CurveKind,
    /// What it looks like.
    pub shape: CurveShape,
    /// Open-loop response time; `None` leaves it as it is.
    pub response: Option<Duration>,
}

/// What a curve looks like.
#[derive(Clone, Debug, PartialEq)]
pub enum CurveShape {
    /// Points in order of the first number. Volt-var: % of nominal voltage, % of the dependent reference (positive =
    /// injected). Volt-watt: % of nominal voltage, % of maximum active power. Watt-var: % of maximum active power, % of
    /// the dependent reference. Watt-PF: % of maximum active power, power factor signed by excitation (positive =
    /// over-excited). Frequency-watt (134): Hz, % of the reference active power. Trips: % of nominal voltage or Hz, and
    /// seconds.
    Points(Vec<(f64, f64)>),
    /// Frequency droop (711).
    Droop {
        /// Dead band above nominal, Hz.
        over_band: f64,
        /// Dead band below nominal, Hz.
        under_band: f64,
        /// Per-unit frequency change for a per-unit power change, above nominal.
        over_slope: f64,
        /// The same below nominal.
        under_slope: f64,
    },
}
