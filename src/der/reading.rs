//! A reading: one value that came up from a device, with its quality and the time it was measured.

use jiff::Timestamp;

/// What a reading is of. The unit and sign follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantity {
    /// W; positive = injected.
    ActivePower,
    /// var; positive = injected.
    ReactivePower,
    /// VA.
    ApparentPower,
    /// V, line to neutral, mean of the phases that report.
    Voltage,
    /// A, sum of the phases as the device states it.
    Current,
    /// Hz.
    Frequency,
    /// Wh injected since the counter started.
    EnergyInjected,
    /// Wh absorbed since the counter started.
    EnergyAbsorbed,
    /// W on the DC side.
    DcPower,
    /// degC in the cabinet.
    Temperature,
    /// % of the usable energy.
    StateOfCharge,
    /// W that the source could give now, as the device estimates it.
    AvailableActivePower,
}

impl Quantity {
    /// Every quantity, in the order of [`Quantity::index`].
    pub const ALL: [Self; 12] = [
        Self::ActivePower,
        Self::ReactivePower,
        Self::ApparentPower,
        Self::Voltage,
        Self::Current,
        Self::Frequency,
        Self::EnergyInjected,
        Self::EnergyAbsorbed,
        Self::DcPower,
        Self::Temperature,
        Self::StateOfCharge,
        Self::AvailableActivePower,
    ];

    /// Its place in [`Quantity::ALL`], for dense tables.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in documents of ours, in the spelling of 61968-5 where it has the quantity.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ActivePower => "activePower",
            Self::ReactivePower => "reactivePower",
            Self::ApparentPower => "apparentPower",
            Self::Voltage => "voltage",
            Self::Current => "current",
            Self::Frequency => "frequency",
            Self::EnergyInjected => "energyInjected",
            Self::EnergyAbsorbed => "energyAbsorbed",
            Self::DcPower => "dcPower",
            Self::Temperature => "temperature",
            Self::StateOfCharge => "stateOfCharge",
            Self::AvailableActivePower => "availableActivePower",
        }
    }

    /// The unit of its value.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::ActivePower | Self::DcPower | Self::AvailableActivePower => "W",
            Self::ReactivePower => "VAr",
            Self::ApparentPower => "VA",
            Self::Voltage => "V",
            Self::Current => "A",
            Self::Frequency => "Hz",
            Self::EnergyInjected | Self::EnergyAbsorbed => "Wh",
            Self::Temperature => "degC",
            Self::StateOfCharge => "%",
        }
    }
}

/// How far a value can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Measured, and recent.
    Good,
    /// Measured, but nothing newer has come for too long.
    Stale,
    /// The device answered, but what it said cannot be used.
    Invalid,
    /// No value has come since the gateway started.
    NeverRead,
}

impl Quality {
    /// The word used in documents and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Stale => "stale",
            Self::Invalid => "invalid",
            Self::NeverRead => "never read",
        }
    }
}

/// One value of one device. A quantity that the device does not have is not sent at all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// What it is of.
    pub quantity: Quantity,
    /// In the SI unit of the quantity; meaningful only if the quality is good or stale.
    pub value: f64,
    /// Whether it can be trusted. Drivers send only `Good` and `Invalid`; the core marks `Stale`.
    pub quality: Quality,
    /// When it was measured: the device's own time stamp if it has one, else when its answer came in.
    pub at: Timestamp,
}
