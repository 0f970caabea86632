//! The parts of what a device is asked for, and their words in map files. How they follow from a set point is the driver's
//! matter.

/// A part of what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Argument {
    /// W or var of a set point or limit.
    Input,
    /// How long it is held, s: the reversion time. A step with it that is accepted makes the command bounded.
    Reversion,
    /// Size of a power factor, 0 to 1.
    PowerFactor,
    /// 1 if a power factor absorbs reactive power, else 0.
    Absorbing,
    /// %/s of the maximum; the step is left out if it is not asked for, as with all below.
    RampUp,
    /// %/s of the maximum.
    RampDown,
    /// % of nominal.
    VoltageHigh,
    /// % of nominal.
    VoltageLow,
    /// Hz.
    FrequencyHigh,
    /// Hz.
    FrequencyLow,
    /// s.
    Delay,
    /// s.
    RandomDelay,
    /// s.
    RampTime,
    /// Number of the curve that was written.
    CurveNumber,
    /// Open-loop response time of a curve, s.
    Response,
    /// Dead band of a droop above nominal, Hz.
    DroopOverBand,
    /// Dead band of a droop below nominal, Hz.
    DroopUnderBand,
    /// Slope of a droop above nominal, % of power per Hz.
    DroopOverSlope,
    /// Slope of a droop below nominal, % of power per Hz.
    DroopUnderSlope,
    /// Slope of a droop above nominal, % of power per % of nominal frequency.
    DroopOverGain,
    /// Slope of a droop below nominal, % of power per % of nominal frequency.
    DroopUnderGain,
}

impl Argument {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Input,
        Self::Reversion,
        Self::PowerFactor,
        Self::Absorbing,
        Self::RampUp,
        Self::RampDown,
        Self::VoltageHigh,
        Self::VoltageLow,
        Self::FrequencyHigh,
        Self::FrequencyLow,
        Self::Delay,
        Self::RandomDelay,
        Self::RampTime,
        Self::CurveNumber,
        Self::Response,
        Self::DroopOverBand,
        Self::DroopUnderBand,
        Self::DroopOverSlope,
        Self::DroopUnderSlope,
        Self::DroopOverGain,
        Self::DroopUnderGain,
    ];

    /// The word in map files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Reversion => "reversion",
            Self::PowerFactor => "power_factor",
            Self::Absorbing => "absorbing",
            Self::RampUp => "ramp_up",
            Self::RampDown => "ramp_down",
            Self::VoltageHigh => "voltage_high",
            Self::VoltageLow => "voltage_low",
            Self::FrequencyHigh => "frequency_high",
            Self::FrequencyLow => "frequency_low",
            Self::Delay => "delay",
            Self::RandomDelay => "random_delay",
            Self::RampTime => "ramp_time",
            Self::CurveNumber => "curve",
            Self::Response => "response",
            Self::DroopOverBand => "droop_over_band",
            Self::DroopUnderBand => "droop_under_band",
            Self::DroopOverSlope => "droop_over_slope",
            Self::DroopUnderSlope => "droop_under_slope",
            Self::DroopOverGain => "droop_over_gain",
            Self::DroopUnderGain => "droop_under_gain",
        }
    }
}
