//! The 700 series: models 701, 702, 703 and 715.

use super::super::super::orders::Control;
use super::{
    Bind, Electric, Energy, Rating, Role, Setting, Status, Table, What, electric, energy, kept, once, rated,
    scale_of, set, status,
};

/// Model 701.
pub const MEASURE: Table = &[
    ("ACType", rated(Rating::AcType)),
    ("St", status(Status::OnOff)),
    ("InvSt", status(Status::InverterState)),
    ("ConnSt", status(Status::Connected)),
    ("Alrm", once(0.0)),
    ("DERMode", once(1.0)),
    ("W", electric(Electric::Power)),
    ("VA", electric(Electric::Apparent)),
    ("Var", electric(Electric::Reactive)),
    ("PF", electric(Electric::Factor)),
    ("A", electric(Electric::Current)),
    ("LLV", electric(Electric::LineVoltage)),
    ("LNV", electric(Electric::Voltage)),
    ("Hz", electric(Electric::Frequency)),
    ("TotWhInj", energy(Energy::Injected)),
    ("TotWhAbs", energy(Energy::Absorbed)),
    ("TotVarhInj", energy(Energy::ReactiveInjected)),
    ("TotVarhAbs", energy(Energy::ReactiveAbsorbed)),
    ("TmpCab", electric(Electric::Temperature)),
    ("WL1", electric(Electric::PhasePower)),
    ("VAL1", electric(Electric::PhaseApparent)),
    ("VarL1", electric(Electric::PhaseReactive)),
    ("PFL1", electric(Electric::Factor)),
    ("AL1", electric(Electric::PhaseCurrent)),
    ("VL1L2", electric(Electric::LineVoltage)),
    ("VL1", electric(Electric::Voltage)),
    ("WL2", electric(Electric::PhasePower)),
    ("VAL2", electric(Electric::PhaseApparent)),
    ("VarL2", electric(Electric::PhaseReactive)),
    ("PFL2", electric(Electric::Factor)),
    ("AL2", electric(Electric::PhaseCurrent)),
    ("VL2L3", electric(Electric::LineVoltage)),
    ("VL2", electric(Electric::Voltage)),
    ("WL3", electric(Electric::PhasePower)),
    ("VAL3", electric(Electric::PhaseApparent)),
    ("VarL3", electric(Electric::PhaseReactive)),
    ("PFL3", electric(Electric::Factor)),
    ("AL3", electric(Electric::PhaseCurrent)),
    ("VL3L1", electric(Electric::LineVoltage)),
    ("VL3", electric(Electric::Voltage)),
    ("ThrotPct", status(Status::ThrotPct)),
    ("ThrotSrc", status(Status::ThrotSrc)),
    ("A_SF", scale_of(Rating::Current)),
    ("V_SF", once(-1.0)),
    ("Hz_SF", once(-3.0)),
    ("W_SF", scale_of(Rating::Power)),
    ("PF_SF", once(-3.0)),
    ("VA_SF", scale_of(Rating::Apparent)),
    ("Var_SF", scale_of(Rating::Reactive)),
    ("TotWh_SF", once(0.0)),
    ("TotVarh_SF", once(0.0)),
    ("Tmp_SF", once(-1.0)),
];

/// Model 702. CtrlModes: MAX_W, FIXED_W, FIXED_VAR and FIXED_PF.
pub const CAPACITY: Table = &[
    ("WMaxRtg", rated(Rating::Power)),
    ("VAMaxRtg", rated(Rating::Apparent)),
    ("VarMaxInjRtg", rated(Rating::Reactive)),
    ("VarMaxAbsRtg", rated(Rating::Reactive)),
    ("VNomRtg", rated(Rating::Voltage)),
    ("AMaxRtg", rated(Rating::Current)),
    ("PFOvrExtRtg", once(0.8)),
    ("PFUndExtRtg", once(0.8)),
    ("NorOpCatRtg", once(1.0)),
    ("AbnOpCatRtg", once(2.0)),
    ("CtrlModes", once(15.0)),
    ("WMax", Bind::Setting(Setting::MaxPower, What::Rated(Rating::Power))),
    ("VAMax", kept(20, What::Rated(Rating::Apparent))),
    ("VarMaxInj", kept(21, What::Rated(Rating::Reactive))),
    ("VarMaxAbs", kept(22, What::Rated(Rating::Reactive))),
    ("VNom", kept(23, What::Rated(Rating::Voltage))),
    ("AMax", kept(24, What::Rated(Rating::Current))),
    ("W_SF", scale_of(Rating::Power)),
    ("PF_SF", once(-3.0)),
    ("VA_SF", scale_of(Rating::Apparent)),
    ("Var_SF", scale_of(Rating::Reactive)),
    ("V_SF", once(-1.0)),
    ("A_SF", scale_of(Rating::Current)),
];

/// Model 702 of a device with a battery.
pub const CAPACITY_STORAGE: Table = &[
    ("WChaRteMaxRtg", rated(Rating::Power)),
    ("WDisChaRteMaxRtg", rated(Rating::Power)),
    ("WChaRteMax", Bind::Setting(Setting::MaxCharge, What::Rated(Rating::Power))),
    ("WDisChaRteMax", kept(26, What::Rated(Rating::Power))),
];

/// Model 703; voltage in percent of the nominal one.
pub const ENTER_SERVICE: Table = &[
    ("ES", set(Control::Connect, Role::Enable, 1.0)),
    ("ESVHi", kept(30, What::Number(105.0))),
    ("ESVLo", kept(31, What::Number(91.7))),
    ("ESHzHi", kept(32, What::Number(50.1))),
    ("ESHzLo", kept(33, What::Number(49.5))),
    ("ESDlyTms", Bind::Setting(Setting::ReturnDelay, What::Rated(Rating::ReturnDelay))),
    ("ESRmpTms", Bind::Setting(Setting::ReturnRamp, What::Number(0.0))),
    ("ESDlyRemTms", status(Status::ReturnRemaining)),
    ("V_SF", once(-1.0)),
    ("Hz_SF", once(-2.0)),
];

/// Model 715.
pub const DER_CONTROL: Table = &[
    ("LocRemCtl", once(0.0)),
    ("DERHb", status(Status::Heartbeat)),
    ("ControllerHb", kept(50, What::Number(0.0))),
    ("AlarmReset", kept(51, What::Number(0.0))),
    ("OpCtl", kept(52, What::Number(1.0))),
];
