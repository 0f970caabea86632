//! Which points a simulated device implements, and what each shows: a vocabulary and, in the modules below, tables.
//!
//! Data only. A point without a binding reads "not implemented".

mod control;
mod legacy;
mod ratings;
mod seven;
mod storage;

use super::super::orders::Control;
use super::super::settings::Kind;

/// What stands behind a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bind {
    /// Never changes: written when the device is built.
    Once(What),
    /// Computed at each read.
    Live(What),
    /// Written by clients; starts with this value.
    Setting(Setting, What),
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    /// This number.
    Number(f64),
    /// This text.
    Text(&'static str),
    /// A text that differs between devices.
    Identity(Identity),
    /// A rating.
    Rated(Rating),
    /// The power of ten that suits a rating, for 16-bit points.
    ScaleOf(Rating),
    /// Something electric.
    Electric(Electric),
    /// A counter or a store of energy.
    Energy(Energy),
    /// A state.
    Status(Status),
    /// Seconds until a control reverts.
    Remaining(Control),
}

/// Texts of model 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    Model,
    Serial,
}

/// Ratings, SI units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rating {
    Power,
    Apparent,
    Reactive,
    MinusReactive,
    Current,
    Voltage,
    Energy,
    AmpereHours,
    /// Percent of the rated power per second.
    Ramp,
    /// Seconds between permission and return.
    ReturnDelay,
    Ports,
    /// SunSpec 120 DERTyp.
    DerType,
    /// SunSpec 701 ACType.
    AcType,
}

/// Electric values at the terminals and behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Electric {
    Power,
    PhasePower,
    Apparent,
    PhaseApparent,
    Reactive,
    PhaseReactive,
    /// Sign of the active power.
    Factor,
    /// Negative when active and reactive power have the same sign (EEI).
    FactorEei,
    Current,
    PhaseCurrent,
    Voltage,
    /// Between two lines.
    LineVoltage,
    Frequency,
    DcPower,
    /// Of one port of several.
    PortPower,
    DcCurrent,
    /// Without sign.
    DcCurrentSize,
    PortCurrent,
    DcVoltage,
    Temperature,
}

/// Energy: counters in Wh and varh, stores in Wh, Ah and percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Energy {
    Injected,
    Absorbed,
    ReactiveInjected,
    ReactiveAbsorbed,
    DcInjected,
    DcAbsorbed,
    PortInjected,
    PortAbsorbed,
    /// Percent.
    Charge,
    /// 100 less the charge.
    Discharge,
    Stored,
    StoredAmpereHours,
}

/// States and what is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 10x, 11x St.
    LegacyState,
    /// 701 InvSt.
    InverterState,
    /// 701 St.
    OnOff,
    /// 701 ConnSt, 122 ECPConn.
    Connected,
    PvConn,
    StorConn,
    AvailablePower,
    AvailableVars,
    ActiveControls,
    ThrotPct,
    ThrotSrc,
    Seconds2000,
    ReturnRemaining,
    /// 124 and 802 ChaSt.
    Charging,
    /// 802 State.
    BatteryState,
    Heartbeat,
}

/// What a client may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setting {
    /// A part of a control.
    Control(Control, Role),
    /// Configured maximum of the active power.
    MaxPower,
    /// Configured maximum of charging.
    MaxCharge,
    /// Ramp, percent of the configured maximum per second.
    Ramp,
    /// Ramp of charging, percent of the charging rate per second.
    ChargeRamp,
    /// Ramp of discharging.
    DischargeRamp,
    /// State of charge that is kept, percent.
    Reserve,
    /// 0: no charging from the grid.
    GridCharging,
    /// Wait before returning, s.
    ReturnDelay,
    /// First ramp after a return, s.
    ReturnRamp,
    /// Kept and read back, without effect here; each by its own number.
    Kept(u16),
}

/// The parts of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Enable,
    Mode,
    Value,
    Percent,
    /// The same, when the mode asks for another base.
    PercentOfMax,
    PercentOfAvailable,
    Excitation,
    Charge,
    Discharge,
    /// Random delay window, s.
    Delay,
    Ramp,
    RevertAfter,
    RevertEnable,
    RevertValue,
    RevertPercent,
    RevertExcitation,
}

/// Points of a model by name, with what stands behind them.
type Table = &'static [(&'static str, Bind)];

const fn once(value: f64) -> Bind {
    Bind::Once(What::Number(value))
}

const fn rated(rating: Rating) -> Bind {
    Bind::Once(What::Rated(rating))
}

const fn scale_of(rating: Rating) -> Bind {
    Bind::Once(What::ScaleOf(rating))
}

const fn electric(what: Electric) -> Bind {
    Bind::Live(What::Electric(what))
}

const fn energy(what: Energy) -> Bind {
    Bind::Live(What::Energy(what))
}

const fn status(what: Status) -> Bind {
    Bind::Live(What::Status(what))
}

const fn set(control: Control, role: Role, start: f64) -> Bind {
    Bind::Setting(Setting::Control(control, role), What::Number(start))
}

const fn kept(number: u16, start: What) -> Bind {
    Bind::Setting(Setting::Kept(number), start)
}

/// What stands behind a point of a kind of device; `None` is not implemented.
#[must_use]
pub fn bind(kind: Kind, model: u16, path: &str) -> Option<Bind> {
    // Ports are alike: Prt[1].DCW is bound as Prt[0].DCW is.
    let path = match path.split_once("].") {
        Some((group, point)) if group.starts_with("Prt[") => bound_name(point),
        _ => path,
    };
    names(kind, model).find(|(name, _)| *name == path).map(|(_, bind)| *bind)
}

/// Everything that a kind of device implements of a model, by name.
pub fn names(kind: Kind, model: u16) -> impl Iterator<Item = &'static (&'static str, Bind)> {
    let tables: &[Table] = match model {
        1 => &[ratings::COMMON],
        101 => &[legacy::INVERTER, legacy::SCALES],
        103 => &[legacy::INVERTER, legacy::OTHER_PHASES, legacy::SCALES],
        113 => &[legacy::INVERTER, legacy::OTHER_PHASES],
        120 if kind.stores() => &[ratings::NAMEPLATE, ratings::NAMEPLATE_STORAGE],
        120 => &[ratings::NAMEPLATE],
        121 if kind.stores() => &[ratings::BASIC_SETTINGS],
        121 => &[ratings::BASIC_SETTINGS, ratings::BASIC_RAMP],
        122 => &[legacy::STATUS],
        123 => &[control::IMMEDIATE],
        124 => &[storage::BASIC],
        802 => &[storage::BATTERY],
        701 => &[seven::MEASURE],
        702 if kind.stores() => &[seven::CAPACITY, seven::CAPACITY_STORAGE],
        702 => &[seven::CAPACITY],
        703 => &[seven::ENTER_SERVICE],
        704 => &[control::DER_CONTROL],
        713 => &[storage::CAPACITY_713],
        714 => &[storage::DC_714],
        _ => &[],
    };
    tables.iter().flat_map(|t| t.iter())
}

fn bound_name(point: &str) -> &'static str {
    storage::PORT_POINTS.iter().find(|(name, _)| *name == point).map_or("", |(_, bound)| *bound)
}

/// The point of a port that a bound name stands for.
#[cfg(test)]
pub fn port_point(bound: &str) -> Option<&'static str> {
    storage::PORT_POINTS.iter().find(|(_, name)| *name == bound).map(|(point, _)| *point)
}
