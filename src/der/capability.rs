//! What a device is rated for, and what it can be asked to do.

use super::{Vars, VoltAmperes, WattHours, Watts};

/// Identity and ratings as the maker states them. What the device does not tell is `None`, never 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nameplate {
    /// Maker.
    pub manufacturer: Option<String>,
    /// Model name.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Firmware version.
    pub version: Option<String>,
    /// Largest active power it can inject.
    pub active_power_max: Option<Watts>,
    /// Largest active power it can absorb, as a size without sign.
    pub charge_max: Option<Watts>,
    /// Largest apparent power.
    pub apparent_power_max: Option<VoltAmperes>,
    /// Largest reactive power it can inject.
    pub reactive_injected_max: Option<Vars>,
    /// Largest reactive power it can absorb, as a size without sign.
    pub reactive_absorbed_max: Option<Vars>,
    /// Usable energy of a storage.
    pub energy_rating: Option<WattHours>,
}

/// One thing a device can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// Keep active power at or under a limit.
    LimitActivePower,
    /// Bring active power to a value, negative to charge.
    SetActivePower,
    /// Cease to energise, and return.
    Connect,
    /// Bring reactive power to a value.
    SetReactivePower,
    /// Hold a power factor.
    SetPowerFactor,
    /// Change power no faster than a rate.
    SetRampRates,
    /// Follow a curve; which functions have one is the device's matter.
    SetCurve,
    /// When and how to return to service.
    SetEnterService,
    /// Reset latched alarms.
    ResetAlarms,
}

impl Control {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::LimitActivePower,
        Self::SetActivePower,
        Self::Connect,
        Self::SetReactivePower,
        Self::SetPowerFactor,
        Self::SetRampRates,
        Self::SetCurve,
        Self::SetEnterService,
        Self::ResetAlarms,
    ];

    /// The word in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LimitActivePower => "limitActivePower",
            Self::SetActivePower => "setActivePower",
            Self::Connect => "connectDisconnect",
            Self::SetReactivePower => "setReactivePower",
            Self::SetPowerFactor => "setPowerFactor",
            Self::SetRampRates => "setRampRates",
            Self::SetCurve => "setCurve",
            Self::SetEnterService => "setEnterService",
            Self::ResetAlarms => "resetAlarms",
        }
    }

    const fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

/// A set of controls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Controls(u16);

impl Controls {
    /// The device only reports.
    pub const NONE: Self = Self(0);

    /// These and the given one.
    #[must_use]
    pub const fn with(self, control: Control) -> Self {
        Self(self.0 | control.bit())
    }

    /// These but for the given one.
    #[must_use]
    pub const fn without(self, control: Control) -> Self {
        Self(self.0 & !control.bit())
    }

    /// True if the control is offered.
    #[must_use]
    pub const fn has(self, control: Control) -> bool {
        self.0 & control.bit() != 0
    }

    /// The offered ones.
    pub fn iter(self) -> impl Iterator<Item = Control> {
        Control::ALL.into_iter().filter(move |c| self.has(*c))
    }
}

/// What a device can be asked for now: its configured limits, which may be under the nameplate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Capability {
    /// Most it can be asked to inject.
    pub injection_max: Watts,
    /// Most it can be asked to absorb, as a size without sign; zero for a generator.
    pub absorption_max: Watts,
    /// What it can be asked to do.
    pub controls: Controls,
}
