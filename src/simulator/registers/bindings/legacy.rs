//! Measurements and status of the legacy models 101, 103, 113 and 122.

use super::{Bind, Electric, Energy, Rating, Status, Table, What, electric, energy, once, scale_of, status};

/// What every inverter model has: total and phase A.
pub const INVERTER: Table = &[
    ("A", electric(Electric::Current)),
    ("AphA", electric(Electric::PhaseCurrent)),
    ("PhVphA", electric(Electric::Voltage)),
    ("W", electric(Electric::Power)),
    ("Hz", electric(Electric::Frequency)),
    ("VA", electric(Electric::Apparent)),
    ("VAr", electric(Electric::Reactive)),
    ("PF", electric(Electric::FactorEei)),
    ("WH", energy(Energy::Injected)),
    ("DCA", electric(Electric::DcCurrentSize)),
    ("DCV", electric(Electric::DcVoltage)),
    ("DCW", electric(Electric::DcPower)),
    ("TmpCab", electric(Electric::Temperature)),
    ("St", status(Status::LegacyState)),
    ("Evt1", once(0.0)),
    ("Evt2", once(0.0)),
];

/// Phases B and C.
pub const OTHER_PHASES: Table = &[
    ("AphB", electric(Electric::PhaseCurrent)),
    ("AphC", electric(Electric::PhaseCurrent)),
    ("PPVphAB", electric(Electric::LineVoltage)),
    ("PPVphBC", electric(Electric::LineVoltage)),
    ("PPVphCA", electric(Electric::LineVoltage)),
    ("PhVphB", electric(Electric::Voltage)),
    ("PhVphC", electric(Electric::Voltage)),
];

/// Scale factors of the integer models.
pub const SCALES: Table = &[
    ("A_SF", scale_of(Rating::Current)),
    ("V_SF", once(-1.0)),
    ("W_SF", scale_of(Rating::Power)),
    ("Hz_SF", once(-2.0)),
    ("VA_SF", scale_of(Rating::Apparent)),
    ("VAr_SF", scale_of(Rating::Reactive)),
    ("PF_SF", once(-3.0)),
    ("WH_SF", once(0.0)),
    ("DCA_SF", scale_of(Rating::Current)),
    ("DCV_SF", once(-1.0)),
    ("DCW_SF", scale_of(Rating::Power)),
    ("Tmp_SF", once(-1.0)),
];

/// Model 122.
pub const STATUS: Table = &[
    ("PVConn", status(Status::PvConn)),
    ("StorConn", status(Status::StorConn)),
    ("ECPConn", status(Status::Connected)),
    ("ActWh", energy(Energy::Injected)),
    ("ActVArhQ1", energy(Energy::ReactiveInjected)),
    ("ActVArhQ4", energy(Energy::ReactiveAbsorbed)),
    ("VArAval", status(Status::AvailableVars)),
    ("VArAval_SF", scale_of(Rating::Reactive)),
    ("WAval", status(Status::AvailablePower)),
    ("WAval_SF", scale_of(Rating::Power)),
    ("StActCtl", status(Status::ActiveControls)),
    ("TmSrc", Bind::Once(What::Text("RTC"))),
    ("Tms", status(Status::Seconds2000)),
];
