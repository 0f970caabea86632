//! The part of a device map that names plain Modbus registers: points, and the commands made of them.
//!
//! Values only; `map_file` reads them, the driver in `southbound/registers` carries them out. Data without expressions
//! and conditions: what it cannot say is a named quirk in Rust. (SunSpec reference section 13.)

use crate::der::Quantity;
use std::time::Duration;

/// Registers outside SunSpec, and what can be done with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegisterMap {
    /// How the device is recognised (`[identify]`).
    pub identify: Option<Identify>,
    /// Its points (`[[point]]`).
    pub points: Vec<RegisterPoint>,
    /// What it can be asked to do (`[[command]]`).
    pub commands: Vec<RegisterCommand>,
    /// What a person may do once, when it is commissioned (`[[procedure]]`).
    pub procedures: Vec<Procedure>,
}

impl RegisterMap {
    /// The point of a name.
    #[must_use]
    pub fn point(&self, name: &str) -> Option<&RegisterPoint> {
        self.points.iter().find(|point| point.name == name)
    }

    /// The command of a name.
    #[must_use]
    pub fn command(&self, name: CommandName) -> Option<&RegisterCommand> {
        self.commands.iter().find(|command| command.name == name)
    }
}

/// A register whose raw value tells the device.
#[derive(Clone, Debug, PartialEq)]
pub struct Identify {
    /// Where.
    pub table: RegisterTable,
    /// PDU address, counted from 0.
    pub address: u16,
    /// Its type.
    pub kind: RegisterType,
    /// Raw values of devices that this map is for.
    pub any_of: Vec<i128>,
}

/// One value in registers.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisterPoint {
    /// Its name, unique in the map.
    pub name: String,
    /// Where.
    pub table: RegisterTable,
    /// PDU address of its first register, counted from 0 whatever the map file counts from.
    pub address: u16,
    /// Its type.
    pub kind: RegisterType,
    /// Which of its registers comes first.
    pub word_order: WordOrder,
    /// The two bytes of each register are exchanged.
    pub byte_swap: bool,
    /// The value is raw * scale + offset.
    pub scale: f64,
    /// See `scale`.
    pub offset: f64,
    /// Name of a point that holds a power of ten, on top of `scale`.
    pub scale_from: Option<String>,
    /// Unit after scaling, as the file has it.
    pub unit: Option<String>,
    /// What it reports, and by what its value is multiplied to be in the unit and sign of the quantity.
    pub quantity: Option<(RegisterQuantity, f64)>,
    /// Whether it may be read and written.
    pub access: Access,
    /// Smallest and largest value that may be written, after scaling.
    pub range: Option<(f64, f64)>,
    /// Names of values.
    pub symbols: Vec<(i128, String)>,
    /// Names of bits.
    pub bits: Vec<(u8, String)>,
    /// Raw values that mean "not there", as the type reads them: 0x8000 of an i16 is -32768; of a float the bit
    /// pattern. A float that is not a number means it too.
    pub invalid: Vec<i128>,
    /// How often it is read.
    pub poll: PollClass,
    /// It is kept in flash: not to be written often.
    pub stored: bool,
    /// It may share its registers with another point.
    pub alias: bool,
}

/// The four tables of Modbus; only these two hold registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RegisterTable {
    /// FC 3, 6, 16.
    #[default]
    Holding,
    /// FC 4; read only.
    Input,
}

/// How a value stands in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the file format")]
pub enum RegisterType {
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
    /// Text of so many registers.
    Text(u16),
    Bits16,
    Bits32,
    Bool,
}

impl RegisterType {
    /// How many registers it takes.
    #[must_use]
    pub const fn registers(self) -> u16 {
        match self {
            Self::U16 | Self::I16 | Self::Bits16 | Self::Bool => 1,
            Self::U32 | Self::I32 | Self::F32 | Self::Bits32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
            Self::Text(registers) => registers,
        }
    }
}

/// Which register of a value comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WordOrder {
    /// The most significant.
    #[default]
    HighFirst,
    /// The least significant.
    LowFirst,
}

/// Whether a point may be read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Access {
    #[default]
    Read,
    ReadWrite,
    Write,
}

/// How often something is read (SunSpec reference section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PollClass {
    /// In each poll.
    Fast,
    /// Every tenth poll.
    #[default]
    Normal,
    /// Every 300th poll.
    Slow,
    /// After each connection.
    Once,
}

/// What a register point reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterQuantity {
    /// A measurement.
    Reading(Quantity),
    /// A voltage to neutral of one phase, 0 to 2; the reading is the mean of those that report.
    PhaseVoltage(u8),
    /// A voltage between two phases; the reading is their mean by the square root of three, if none to neutral reports.
    LineVoltage(u8),
    /// A current of one phase, 0 to 2; the reading is the sum of those that report, if there is no total.
    PhaseCurrent(u8),
    /// A rating or limit, see [`Rating`].
    Rating(Rating),
    /// Manufacturer, model, serial number or version, see [`Identity`].
    Identity(Identity),
}

/// A rating that a register point reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of der::Nameplate")]
pub enum Rating {
    ActivePowerMax,
    ChargeMax,
    ApparentPowerMax,
    ReactiveInjectedMax,
    ReactiveAbsorbedMax,
    EnergyRating,
}

/// A text that tells who a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of der::Nameplate")]
pub enum Identity {
    Manufacturer,
    Model,
    Serial,
    Version,
}

/// The commands a map can define or disable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of der::Setpoint")]
pub enum CommandName {
    LimitActivePower,
    SetActivePower,
    Connect,
    Disconnect,
    SetReactivePower,
    SetPowerFactor,
    SetRampRates,
    SetCurve,
    SetEnterService,
    ResetAlarms,
}

impl CommandName {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::LimitActivePower,
        Self::SetActivePower,
        Self::Connect,
        Self::Disconnect,
        Self::SetReactivePower,
        Self::SetPowerFactor,
        Self::SetRampRates,
        Self::SetCurve,
        Self::SetEnterService,
        Self::ResetAlarms,
    ];

    /// The word in map files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LimitActivePower => "limit_active_power",
            Self::SetActivePower => "set_active_power",
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
            Self::SetReactivePower => "set_reactive_power",
            Self::SetPowerFactor => "set_power_factor",
            Self::SetRampRates => "set_ramp_rates",
            Self::SetCurve => "set_curve",
            Self::SetEnterService => "set_enter_service",
            Self::ResetAlarms => "reset_alarms",
        }
    }

    /// The command of a word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name() == name)
    }
}

/// One command, made of writes.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisterCommand {
    /// Which.
    pub name: CommandName,
    /// What its value means; `None` for a command without one.
    pub input: Option<Input>,
    /// What must hold before anything is written.
    pub require: Vec<Require>,
    /// What is written, in this order.
    pub steps: Vec<Step>,
    /// What must be read back.
    pub verify: Vec<Verify>,
    /// What the measurements must show.
    pub effect: Option<EffectRule>,
    /// What is written to undo it.
    pub release: Vec<Step>,
    /// It is written again after this time while it is held: the device forgets it in time, or at a restart.
    pub refresh: Option<Duration>,
    /// The device gives it up by itself after so long without a refresh: then it is bounded even if the gateway dies.
    pub reverts_after: Option<Duration>,
    /// It is not written more often, for points kept in flash.
    pub min_interval: Option<Duration>,
}

/// What the value of a command means to the device.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Smallest value, in the unit of the device.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// How the command's own value (W, VAr, or a power factor) becomes one of the device.
    pub unit: InputUnit,
    /// Positive means the other direction to the device.
    pub negate: bool,
}

/// How the value of a command becomes one of the device.
#[derive(Clone, Debug, PartialEq)]
pub enum InputUnit {
    /// Percent of a base.
    PercentOf(Base),
    /// The SI unit times this factor: 0.001 for a device that takes kW.
    Scaled(f64),
}

/// What a percentage refers to.
#[derive(Clone, Debug, PartialEq)]
pub enum Base {
    /// A register point of this map.
    Point(String),
    /// A SunSpec point, in a hybrid map.
    Sunspec(super::PointRef),
}

/// A point that must have a value before a command is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Require {
    /// Which.
    pub point: String,
    /// Its value after scaling.
    pub equals: f64,
    /// What to do if it has not.
    pub hint: String,
}

/// One step of a command or procedure.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Writes a point.
    Write {
        /// Which.
        point: String,
        /// What.
        value: StepValue,
    },
    /// Waits; procedures only.
    Wait(Duration),
    /// Reads a point and stops if it has another value; procedures only.
    Expect {
        /// Which.
        point: String,
        /// Its value after scaling.
        equals: f64,
    },
}

/// What is written or compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StepValue {
    /// The value of the command.
    Input,
    /// This value, after scaling.
    Constant(f64),
}

/// A read-back.
#[derive(Clone, Debug, PartialEq)]
pub struct Verify {
    /// Which point.
    pub point: String,
    /// What it must be.
    pub equals: StepValue,
    /// Within this time.
    pub within: Duration,
}

/// What the measurements must show after a command.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectRule {
    /// Of what.
    pub quantity: Quantity,
    /// How it relates to the value of the command.
    pub bound: EffectBound,
    /// Tolerance, % of the rated power.
    pub tolerance_percent: f64,
    /// Within this time.
    pub within: Duration,
}

/// How a measurement relates to the value of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectBound {
    /// At most the value.
    AtMost,
    /// The value.
    Equals,
}

/// What a person may do once (`[[procedure]]`).
#[derive(Clone, Debug, PartialEq)]
pub struct Procedure {
    /// Its name.
    pub name: String,
    /// What is done, in this order.
    pub steps: Vec<Step>,
}
