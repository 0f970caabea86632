//! DERFunction: what a group is allowed to be used for. Nine flags, always given together.

/// One flag of DERFunction (61968-5 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the standard's own")]
pub enum DerFunction {
    ConnectDisconnect,
    FrequencyWattCurveFunction,
    MaxRealPowerLimiting,
    RampRateControl,
    ReactivePowerDispatch,
    RealPowerDispatch,
    VoltageRegulation,
    VoltVarCurveFunction,
    VoltWattCurveFunction,
}

impl DerFunction {
    /// All nine in the order of the schema.
    pub const ALL: [Self; 9] = [
        Self::ConnectDisconnect,
        Self::FrequencyWattCurveFunction,
        Self::MaxRealPowerLimiting,
        Self::RampRateControl,
        Self::ReactivePowerDispatch,
        Self::RealPowerDispatch,
        Self::VoltageRegulation,
        Self::VoltVarCurveFunction,
        Self::VoltWattCurveFunction,
    ];

    /// The element name in the schema and the word in gateway.toml.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConnectDisconnect => "connectDisconnect",
            Self::FrequencyWattCurveFunction => "frequencyWattCurveFunction",
            Self::MaxRealPowerLimiting => "maxRealPowerLimiting",
            Self::RampRateControl => "rampRateControl",
            Self::ReactivePowerDispatch => "reactivePowerDispatch",
            Self::RealPowerDispatch => "realPowerDispatch",
            Self::VoltageRegulation => "voltageRegulation",
            Self::VoltVarCurveFunction => "voltVarCurveFunction",
            Self::VoltWattCurveFunction => "voltWattCurveFunction",
        }
    }

    /// The function of a name; case matters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    const fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

/// The nine flags of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DerFunctions(u16);

impl DerFunctions {
    /// No function enabled.
    pub const NONE: Self = Self(0);

    /// These and the given one.
    #[must_use]
    pub const fn with(self, function: DerFunction) -> Self {
        Self(self.0 | function.bit())
    }

    /// True if the function is enabled.
    #[must_use]
    pub const fn has(self, function: DerFunction) -> bool {
        self.0 & function.bit() != 0
    }

    /// The enabled ones, in the order of the schema.
    pub fn iter(self) -> impl Iterator<Item = DerFunction> {
        DerFunction::ALL.into_iter().filter(move |f| self.has(*f))
    }
}

impl FromIterator<DerFunction> for DerFunctions {
    fn from_iter<I: IntoIterator<Item = DerFunction>>(functions: I) -> Self {
        functions.into_iter().fold(Self::NONE, Self::with)
    }
}
