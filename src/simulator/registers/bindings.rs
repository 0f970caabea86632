//! Which points a simulated device implements, and what each shows: a vocabulary and, in the modules below, tables.
//!
//! Data only. A point without a binding reads "not implemented".

mod control;
mod generic;
mod legacy;
mod meter;
mod ratings;
mod seven;
mod storage;

use super::super::orders::Control;
use super::super::settings::Kind;
use crate::device_map::Point;
pub use generic::instances;

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
    /// This many steps of the point's resolution.
    Steps(f64),
    /// These registers.
    Raw(&'static [u16]),
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
    /// Of the meter behind an inverter.
    MeterModel,
    MeterSerial,
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
    /// As a meter shows it: positive when taken from the grid, unless the meter counts the other way.
    MeterPower,
    MeterPhasePower,
    MeterReactive,
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
    /// Takes over a set of curves of this model.
    Adopt(u16),
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

/// What stands behind a point of a kind of device; `None` is not implemented. `instance` counts models of one id.
#[must_use]
pub fn bind(
    kind: Kind,
    ports: u16,
    (model, instance): (u16, usize),
    path: &str,
    point: &Point,
) -> Option<Bind> {
    let bound = match (model, instance, path) {
        // The second logical device of a chain.
        (1, 1.., "Md") => Some(Bind::Once(What::Identity(Identity::MeterModel))),
        (1, 1.., "SN") => Some(Bind::Once(What::Identity(Identity::MeterSerial))),
        _ => tabled(kind, model, path),
    };
    let every = kind == Kind::Models;
    bound.or_else(|| {
        generic::fills(every, model).then(|| generic::bind(every, ports, model, path, point)).flatten()
    })
}

/// What a table says of a point.
#[must_use]
pub fn tabled(kind: Kind, model: u16, path: &str) -> Option<Bind> {
    // Ports are alike: Prt[1].DCW is bound as Prt[0].DCW is.
    let path = match path.split_once("].") {
        Some((group, point)) if group.starts_with("Prt[") => bound_name(point),
        Some((group, point)) if group.starts_with("module[") => string_name(point),
        _ => path,
    };
    names(kind, model).find(|(name, _)| *name == path).map(|(_, bind)| *bind)
}

/// Everything that a kind of device implements of a model, by name.
pub fn names(kind: Kind, model: u16) -> impl Iterator<Item = &'static (&'static str, Bind)> {
    let tables: &[Table] = match model {
        // Without physics behind them: a device of many models has no battery.
        124 | 713 | 714 | 802 if kind == Kind::Models => &[],
        1 => &[ratings::COMMON],
        101 => &[legacy::INVERTER, legacy::SCALES],
        102 | 103 => &[legacy::INVERTER, legacy::OTHER_PHASES, legacy::SCALES],
        111 => &[legacy::INVERTER],
        112 | 113 => &[legacy::INVERTER, legacy::OTHER_PHASES],
        120 if kind.stores() => &[ratings::NAMEPLATE, ratings::NAMEPLATE_STORAGE],
        120 => &[ratings::NAMEPLATE],
        121 if kind.stores() => &[ratings::BASIC_SETTINGS],
        121 => &[ratings::BASIC_SETTINGS, ratings::BASIC_RAMP],
        122 => &[legacy::STATUS],
        123 => &[control::IMMEDIATE],
        124 => &[storage::BASIC],
        160 => &[storage::STRINGS_160],
        201 | 202 => &[meter::METER, meter::LINES, meter::SCALES],
        203 | 204 => &[meter::METER, meter::LINES_203, meter::SCALES],
        211..=214 => &[meter::METER, meter::LINES],
        715 => &[seven::DER_CONTROL],
        802 => &[storage::BATTERY],
        701 => &[seven::MEASURE],
        702 if kind.stores() => &[seven::CAPACITY, seven::CAPACITY_STORAGE],
        702 => &[seven::CAPACITY],
        703 => &[seven::ENTER_SERVICE],
        704 => &[control::DER_CONTROL],
        713 => &[storage::CAPACITY_713],
        714 if kind.stores() => &[storage::DC_714, storage::PORT_STORAGE],
        714 => &[storage::DC_714, storage::PORT_PV],
        _ => &[],
    };
    tables.iter().flat_map(|t| t.iter())
}

fn bound_name(point: &str) -> &'static str {
    storage::PORT_POINTS.iter().find(|(name, _)| *name == point).map_or("", |(_, bound)| *bound)
}

fn string_name(point: &str) -> &'static str {
    storage::STRING_POINTS.iter().find(|(name, _)| *name == point).map_or("", |(_, bound)| *bound)
}

/// The point of a port or a string that a bound name stands for, as a path.
#[cfg(test)]
pub fn repeated_point(bound: &str) -> Option<String> {
    let all = |list: &'static [(&str, &str)], group: &'static str| {
        list.iter().find(|(_, name)| *name == bound).map(|(point, _)| format!("{group}[0].{point}"))
    };
    all(storage::PORT_POINTS, "Prt").or_else(|| all(storage::STRING_POINTS, "module"))
}
