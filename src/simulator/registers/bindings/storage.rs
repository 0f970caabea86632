//! Storage and what stands behind the inverter: models 124, 160, 802, 713 and 714.

use super::super::super::orders::Control;
use super::{
    Bind, Electric, Energy, Rating, Role, Setting, Status, Table, What, electric, energy, kept, once, rated,
    scale_of, set, status,
};

/// Model 124. The mode is the enable: writing it puts the window in force.
pub const BASIC: Table = &[
    ("WChaMax", Bind::Setting(Setting::MaxCharge, What::Rated(Rating::Power))),
    ("WChaMax_SF", scale_of(Rating::Power)),
    ("WChaGra", Bind::Setting(Setting::ChargeRamp, What::Rated(Rating::Ramp))),
    ("WDisChaGra", Bind::Setting(Setting::DischargeRamp, What::Rated(Rating::Ramp))),
    ("WChaDisChaGra_SF", once(-2.0)),
    ("StorCtl_Mod", set(Control::Window, Role::Enable, 0.0)),
    ("MinRsvPct", Bind::Setting(Setting::Reserve, What::Number(5.0))),
    ("MinRsvPct_SF", once(-2.0)),
    ("ChaState", energy(Energy::Charge)),
    ("ChaState_SF", once(-2.0)),
    ("StorAval", energy(Energy::StoredAmpereHours)),
    ("StorAval_SF", scale_of(Rating::AmpereHours)),
    ("InBatV", electric(Electric::DcVoltage)),
    ("InBatV_SF", once(-1.0)),
    ("ChaSt", status(Status::Charging)),
    ("OutWRte", set(Control::Window, Role::Discharge, 100.0)),
    ("InWRte", set(Control::Window, Role::Charge, 100.0)),
    ("InOutWRte_WinTms", set(Control::Window, Role::Delay, 0.0)),
    ("InOutWRte_RvrtTms", set(Control::Window, Role::RevertAfter, 0.0)),
    ("InOutWRte_RmpTms", set(Control::Window, Role::Ramp, 0.0)),
    ("InOutWRte_SF", once(-2.0)),
    ("ChaGriSet", Bind::Setting(Setting::GridCharging, What::Number(1.0))),
];

/// Model 802. Its own controls drive the DC side only, and are kept without effect.
pub const BATTERY: Table = &[
    ("AHRtg", rated(Rating::AmpereHours)),
    ("AHRtg_SF", scale_of(Rating::AmpereHours)),
    ("WHRtg", rated(Rating::Energy)),
    ("WHRtg_SF", scale_of(Rating::Energy)),
    ("WChaRteMax", rated(Rating::Power)),
    ("WDisChaRteMax", rated(Rating::Power)),
    ("WChaDisChaMax_SF", scale_of(Rating::Power)),
    ("SoCMax", once(100.0)),
    ("SoCMin", once(0.0)),
    ("SoC", energy(Energy::Charge)),
    ("SoC_SF", once(-2.0)),
    ("DoD", energy(Energy::Discharge)),
    ("DoD_SF", once(-2.0)),
    ("SoH", once(98.0)),
    ("SoH_SF", once(-2.0)),
    ("ChaSt", status(Status::Charging)),
    ("LocRemCtl", once(0.0)),
    ("Hb", status(Status::Heartbeat)),
    ("CtrlHb", kept(60, What::Number(0.0))),
    ("AlmRst", kept(61, What::Number(0.0))),
    ("Typ", once(4.0)),
    ("State", status(Status::BatteryState)),
    ("Evt1", once(0.0)),
    ("Evt2", once(0.0)),
    ("EvtVnd1", once(0.0)),
    ("EvtVnd2", once(0.0)),
    ("V", electric(Electric::DcVoltage)),
    ("V_SF", once(-1.0)),
    ("CellV_SF", once(-3.0)),
    ("A", electric(Electric::DcCurrent)),
    ("A_SF", scale_of(Rating::Current)),
    ("AMax_SF", scale_of(Rating::Current)),
    ("W", electric(Electric::DcPower)),
    ("W_SF", scale_of(Rating::Power)),
    ("SetOp", kept(62, What::Number(1.0))),
    ("SetInvState", kept(63, What::Number(3.0))),
];

/// Model 713.
pub const CAPACITY_713: Table = &[
    ("WHRtg", rated(Rating::Energy)),
    ("WHAvail", energy(Energy::Stored)),
    ("SoC", energy(Energy::Charge)),
    ("SoH", once(98.0)),
    ("Sta", once(0.0)),
    ("WH_SF", scale_of(Rating::Energy)),
    ("Pct_SF", once(-2.0)),
];

/// Model 714, and below the points of one port under names of their own.
pub const DC_714: Table = &[
    ("PrtAlrms", once(0.0)),
    ("NPrt", rated(Rating::Ports)),
    ("DCA", electric(Electric::DcCurrent)),
    ("DCW", electric(Electric::DcPower)),
    ("DCWhInj", energy(Energy::DcInjected)),
    ("DCWhAbs", energy(Energy::DcAbsorbed)),
    ("DCA_SF", scale_of(Rating::Current)),
    ("DCV_SF", once(-1.0)),
    ("DCW_SF", scale_of(Rating::Power)),
    ("DCWH_SF", once(0.0)),
    ("Tmp_SF", once(-1.0)),
    ("port current", electric(Electric::PortCurrent)),
    ("port voltage", electric(Electric::DcVoltage)),
    ("port power", electric(Electric::PortPower)),
    ("port injected", energy(Energy::PortInjected)),
    ("port absorbed", energy(Energy::PortAbsorbed)),
    ("port temperature", electric(Electric::Temperature)),
    ("port state", once(1.0)),
    ("port alarm", once(0.0)),
];

/// Kind of the ports of model 714.
pub const PORT_STORAGE: Table = &[("port type", once(1.0))];
/// The same of PV.
pub const PORT_PV: Table = &[("port type", once(0.0))];

/// Model 160, and below the points of one string under names of their own.
pub const STRINGS_160: Table = &[
    ("DCA_SF", scale_of(Rating::Current)),
    ("DCV_SF", once(-1.0)),
    ("DCW_SF", scale_of(Rating::Power)),
    ("DCWH_SF", once(0.0)),
    ("Evt", once(0.0)),
    ("N", rated(Rating::Ports)),
    ("TmsPer", once(0.0)),
    ("string current", electric(Electric::PortCurrent)),
    ("string voltage", electric(Electric::DcVoltage)),
    ("string power", electric(Electric::PortPower)),
    ("string injected", energy(Energy::PortInjected)),
    ("string time", status(Status::Seconds2000)),
    ("string temperature", electric(Electric::Temperature)),
    ("string state", once(4.0)),
    ("string events", once(0.0)),
];

/// Points of a string of model 160 and their names in [`STRINGS_160`].
pub const STRING_POINTS: &[(&str, &str)] = &[
    ("DCA", "string current"),
    ("DCV", "string voltage"),
    ("DCW", "string power"),
    ("DCWH", "string injected"),
    ("Tms", "string time"),
    ("Tmp", "string temperature"),
    ("DCSt", "string state"),
    ("DCEvt", "string events"),
];

/// Points of a port of model 714 and their names in [`DC_714`].
pub const PORT_POINTS: &[(&str, &str)] = &[
    ("PrtTyp", "port type"),
    ("DCA", "port current"),
    ("DCV", "port voltage"),
    ("DCW", "port power"),
    ("DCWhInj", "port injected"),
    ("DCWhAbs", "port absorbed"),
    ("Tmp", "port temperature"),
    ("DCSta", "port state"),
    ("DCAlrm", "port alarm"),
];
