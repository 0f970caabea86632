//! Points and registers written by hand: first what would be sent, as frames; then, if the person agrees, sending and
//! reading back.
//!
//! It writes what it is told, in the order it is told, and nothing else: no enable, no reversion time. A write that gets no
//! answer is never repeated.

mod beyond;
mod plan;
mod send;
mod value;

use super::target::RawTarget;
use crate::device_map::registers::RegisterPoint;
use crate::device_map::{PlacedPoint, PointType};
use crate::southbound::points;
use crate::southbound::sunspec::probe::ProbeError;
use crate::southbound::sunspec::value::{Value, decode, scaled};
use tokio::time::Instant;

/// What would be sent for the orders of a person.
#[derive(Clone, Debug)]
pub struct WritePlan {
    /// In this order.
    pub frames: Vec<Frame>,
    /// What the person should know before agreeing.
    pub notes: Vec<String>,
    /// Values beyond what the map, the type of point or the ratings of the device leave room for, in words.
    pub beyond: Vec<String>,
    /// Points among them that are kept in flash, which wears out.
    pub stored: Vec<String>,
    /// Scale factors and positions were read then.
    made: Instant,
}

/// One write request.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Modbus function, 6 or 16.
    pub function: u8,
    /// First register.
    pub address: u16,
    /// The points in it, in register order.
    pub points: Vec<Planned>,
}

/// One point as it will be written.
#[derive(Clone, Debug)]
pub struct Planned {
    /// As the person would name it.
    pub name: String,
    /// First register.
    pub address: u16,
    /// Its new registers.
    pub registers: Vec<u16>,
    /// The model's registers show what was written. False for models that a device map calls shadows.
    verified: bool,
    meaning: Meaning,
}

/// How registers are put in words.
#[derive(Clone, Debug)]
pub(super) enum Meaning {
    Point { kind: PointType, power: i8, unit: String, symbols: Vec<(u32, String)> },
    Raw(RawTarget),
    Named { point: Box<RegisterPoint>, exponent: Option<i32> },
}

/// What became of one point.
#[derive(Clone, Debug)]
pub struct WrittenPoint {
    /// As the person named it.
    pub name: String,
    /// First register.
    pub address: u16,
    /// What was to be written.
    pub registers: Vec<u16>,
    /// The same in words.
    pub value: String,
    /// What stands there now; `None` if that is not known.
    pub read_back: Option<Vec<u16>>,
    /// How it ended.
    pub fate: Fate,
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stands as written.
    Kept,
    /// The device took the write and holds something else; what.
    NotKept(String),
    /// The device said no; why.
    Refused(String),
    /// Taken, but nothing can be read back that would prove it.
    Unverified(String),
    /// No answer came, and reading back tells nothing: what the device holds is not known.
    Unknown(String),
    /// It was not sent, since a write before it failed.
    NotSent,
}

impl Fate {
    /// The word in documents.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::NotKept(_) => "not kept",
            Self::Refused(_) => "refused",
            Self::Unverified(_) => "not verified",
            Self::Unknown(_) => "unknown",
            Self::NotSent => "not sent",
        }
    }

    /// What is to be said beside the word.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::NotKept(words) | Self::Refused(words) | Self::Unverified(words) | Self::Unknown(words) => {
                words
            }
            Self::Kept | Self::NotSent => "",
        }
    }

    /// True if the device does what it was told, as far as can be known.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Kept | Self::Unverified(_))
    }
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteFault {
    /// The device does not answer, or is not a SunSpec device.
    #[error(transparent)]
    Device(#[from] ProbeError),
    /// The orders cannot be carried out; every reason.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
}

impl Frame {
    /// All registers, in order.
    #[must_use]
    pub fn registers(&self) -> Vec<u16> {
        self.points.iter().flat_map(|p| p.registers.iter().copied()).collect()
    }

    /// The request as it goes over the wire, without the framing of the transport: unit, function, data.
    #[must_use]
    pub fn bytes(&self, unit: u8) -> Vec<u8> {
        let registers = self.registers();
        let mut bytes = vec![unit, self.function];
        bytes.extend(self.address.to_be_bytes());
        if self.function == 16 {
            let quantity = u8::try_from(registers.len()).unwrap_or(u8::MAX);
            bytes.extend([0, quantity, quantity.saturating_mul(2)]);
        }
        bytes.extend(registers.iter().flat_map(|word| word.to_be_bytes()));
        bytes
    }
}

impl Planned {
    /// Its new value in words.
    #[must_use]
    pub fn value(&self) -> String {
        self.meaning.say(&self.registers)
    }
}

impl Meaning {
    fn of(placed: &PlacedPoint, power: i8) -> Self {
        Self::Point {
            kind: placed.point.kind,
            power,
            unit: placed.point.unit.as_deref().unwrap_or_default().trim().to_owned(),
            symbols: placed.point.symbols.iter().map(|s| (s.value, s.name.clone())).collect(),
        }
    }

    fn say(&self, registers: &[u16]) -> String {
        match self {
            Self::Raw(target) => target
                .say(registers)
                .unwrap_or_else(|| registers.iter().map(u16::to_string).collect::<Vec<_>>().join(",")),
            Self::Named { point, exponent } => say_named(point, registers, *exponent),
            Self::Point { kind, power, unit, symbols } => match decode(*kind, registers) {
                Some(Value::Integer(raw)) => {
                    #[expect(clippy::cast_precision_loss, reason = "for words only")]
                    let raw_number = raw as f64;
                    let number = scaled(raw_number, *power).unwrap_or(raw_number);
                    let name = symbols.iter().find(|(value, _)| i128::from(*value) == raw);
                    let bits =
                        matches!(kind, PointType::Bitfield16 | PointType::Bitfield32 | PointType::Bitfield64);
                    let space = if unit.is_empty() { "" } else { " " };
                    match name.filter(|_| !bits) {
                        Some((_, name)) => format!("{number} ({name})"),
                        None => format!("{number}{space}{unit}"),
                    }
                }
                Some(other) => other.to_string(),
                None => "\"not implemented\"".to_owned(),
            },
        }
    }
}

/// A value of a point of a register map.
fn say_named(point: &RegisterPoint, registers: &[u16], exponent: Option<i32>) -> String {
    match points::decode(point, registers, exponent) {
        points::Value::Number(number) => points::say(point, number).into_owned(),
        points::Value::Text(text) => text,
        points::Value::Absent => "\"not there\"".to_owned(),
        points::Value::Bad(why) => format!("unusable: {why}"),
    }
}
