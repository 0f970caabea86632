//! Meters: SunSpec models 201 to 204 and 211 to 214. Their power is positive when it is taken from the grid.

use super::{Electric, Energy, Rating, Table, electric, energy, once, scale_of};

/// What every meter has here.
pub const METER: Table = &[
    ("A", electric(Electric::Current)),
    ("AphA", electric(Electric::PhaseCurrent)),
    ("AphB", electric(Electric::PhaseCurrent)),
    ("AphC", electric(Electric::PhaseCurrent)),
    ("PhV", electric(Electric::Voltage)),
    ("PhVphA", electric(Electric::Voltage)),
    ("PhVphB", electric(Electric::Voltage)),
    ("PhVphC", electric(Electric::Voltage)),
    ("PPV", electric(Electric::LineVoltage)),
    ("Hz", electric(Electric::Frequency)),
    ("W", electric(Electric::MeterPower)),
    ("WphA", electric(Electric::MeterPhasePower)),
    ("WphB", electric(Electric::MeterPhasePower)),
    ("WphC", electric(Electric::MeterPhasePower)),
    ("VA", electric(Electric::Apparent)),
    ("VAR", electric(Electric::MeterReactive)),
    ("PF", electric(Electric::FactorEei)),
    ("TotWhExp", energy(Energy::Injected)),
    ("TotWhImp", energy(Energy::Absorbed)),
    ("Evt", once(0.0)),
];

/// Voltages between the lines, as most meters name them.
pub const LINES: Table = &[
    ("PPVphAB", electric(Electric::LineVoltage)),
    ("PPVphBC", electric(Electric::LineVoltage)),
    ("PPVphCA", electric(Electric::LineVoltage)),
];

/// The same, as 203 and 204 name them.
pub const LINES_203: Table = &[
    ("PhVphAB", electric(Electric::LineVoltage)),
    ("PhVphBC", electric(Electric::LineVoltage)),
    ("PhVphCA", electric(Electric::LineVoltage)),
];

/// Scale factors of the integer models.
pub const SCALES: Table = &[
    ("A_SF", scale_of(Rating::Current)),
    ("V_SF", once(-1.0)),
    ("Hz_SF", once(-2.0)),
    ("W_SF", scale_of(Rating::Power)),
    ("VA_SF", scale_of(Rating::Apparent)),
    ("VAR_SF", scale_of(Rating::Reactive)),
    ("PF_SF", once(-3.0)),
    ("TotWh_SF", once(0.0)),
];
