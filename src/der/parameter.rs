//! What a group can be asked for or report: DERParameterKind of 61968-5.

/// DERParameterKind (61968-5 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the standard's own literals")]
pub enum Parameter {
    ActivePower,
    ApparentPower,
    ReactivePower,
    Voltage,
    IncreasingRampRate,
    DecreasingRampRate,
    HighFilterUpRegulation,
    HighFilterDownRegulation,
    HighFilterBiDirectionalRegulation,
    LowFilterUpRegulation,
    LowFilterDownRegulation,
    LowFilterBiDirectionalRegulation,
}

impl Parameter {
    /// Every parameter, in the standard's order.
    pub const ALL: [Self; 12] = [
        Self::ActivePower,
        Self::ApparentPower,
        Self::ReactivePower,
        Self::Voltage,
        Self::IncreasingRampRate,
        Self::DecreasingRampRate,
        Self::HighFilterUpRegulation,
        Self::HighFilterDownRegulation,
        Self::HighFilterBiDirectionalRegulation,
        Self::LowFilterUpRegulation,
        Self::LowFilterDownRegulation,
        Self::LowFilterBiDirectionalRegulation,
    ];

    /// The literal of the standard; case matters.
    #[must_use]
    pub const fn literal(self) -> &'static str {
        match self {
            Self::ActivePower => "activePower",
            Self::ApparentPower => "apparentPower",
            Self::ReactivePower => "reactivePower",
            Self::Voltage => "voltage",
            Self::IncreasingRampRate => "increasingRampRate",
            Self::DecreasingRampRate => "decreasingRampRate",
            Self::HighFilterUpRegulation => "highFilterUpRegulation",
            Self::HighFilterDownRegulation => "highFilterDownRegulation",
            Self::HighFilterBiDirectionalRegulation => "highFilterBiDirectionalRegulation",
            Self::LowFilterUpRegulation => "lowFilterUpRegulation",
            Self::LowFilterDownRegulation => "lowFilterDownRegulation",
            Self::LowFilterBiDirectionalRegulation => "lowFilterBiDirectionalRegulation",
        }
    }

    /// The parameter of a literal.
    #[must_use]
    pub fn from_literal(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.literal() == text)
    }
}
