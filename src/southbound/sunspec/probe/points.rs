//! One point as a person wants to see it: value, unit, names of its values, and how its number comes about.

use super::Body;
use crate::device_map::registers::RegisterTable;
use crate::device_map::{Layout, PlacedPoint, PlacedScale, PointType};
use crate::southbound::sunspec::block::{Fault, Number, Sample};
use crate::southbound::sunspec::value::{Value, decode};

/// One point.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbedPoint {
    /// Path within the model.
    pub path: String,
    /// Which table it is in.
    pub table: RegisterTable,
    /// Address of its first register.
    pub address: u16,
    /// SunSpec's word for its type.
    pub kind: &'static str,
    /// Its registers; empty if they were not read.
    pub raw: Vec<u16>,
    /// What they mean.
    pub value: ProbedValue,
    /// Unit as the model states it.
    pub unit: Option<String>,
    /// By which power of ten its raw value is multiplied; `None` if by none.
    pub scale: Option<ProbedScale>,
    /// Names of an enumeration's value or of the bits that are set.
    pub symbols: Vec<String>,
    /// May be written.
    pub writable: bool,
}

/// What a point says.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbedValue {
    /// A number, scaled.
    Number(f64),
    /// Anything else.
    Text(String),
    /// Implemented but not usable; why.
    Unusable(String),
    /// The device does not implement it, or not now.
    NotImplemented,
    /// The device did not give its registers.
    NotRead,
}

impl ProbedValue {
    /// The word for it in documents.
    #[must_use]
    pub const fn quality(&self) -> &'static str {
        match self {
            Self::Number(_) | Self::Text(_) => "good",
            Self::Unusable(_) => "invalid",
            Self::NotImplemented => "not implemented",
            Self::NotRead => "not read",
        }
    }
}

/// Where a point's power of ten comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbedScale {
    /// The scale factor point; `None` if the model states the power.
    pub point: Option<String>,
    /// The power; `None` if the device does not tell it.
    pub power: Option<i8>,
}

/// What a body says about a point of its layout.
#[must_use]
pub fn point_of(body: &Body, layout: &Layout, registers: &[u16], placed: &PlacedPoint) -> ProbedPoint {
    let kind = placed.point.kind;
    let sample = Sample { layout, registers };
    let read = body.has(placed.offset, placed.point.size);
    let raw = if read { sample.registers_of(placed).unwrap_or_default().to_vec() } else { Vec::new() };
    let meaning = if read { decode(kind, &raw) } else { None };
    let power = power_of(body, &sample, placed);
    let value = match &meaning {
        None if read => ProbedValue::NotImplemented,
        None => ProbedValue::NotRead,
        Some(Value::Integer(_) | Value::Float(_)) => match (power, sample.number_of(placed)) {
            (Err(fault), _) | (_, Number::Bad(fault)) => ProbedValue::Unusable(fault.to_string()),
            (Ok(_), Number::Good(number)) => ProbedValue::Number(number),
            (Ok(_), Number::Absent) => ProbedValue::NotImplemented,
        },
        Some(other) => ProbedValue::Text(other.to_string()),
    };
    ProbedPoint {
        table: RegisterTable::Holding,
        path: placed.path.clone(),
        address: body.at.address.saturating_add(placed.offset),
        kind: kind.name(),
        raw,
        symbols: meaning.map(|value| symbols(body.at.id, placed, &value)).unwrap_or_default(),
        value,
        unit: placed.point.unit.as_ref().map(|u| u.trim().to_owned()).filter(|u| !u.is_empty()),
        scale: placed.scale.map(|scale| ProbedScale {
            point: match scale {
                PlacedScale::Point(place) => layout.points.get(place).map(|p| p.path.clone()),
                PlacedScale::Power(_) | PlacedScale::Missing => None,
            },
            power: power.ok(),
        }),
        writable: placed.point.writable,
    }
}

/// The power of ten of a point. A scale factor that was not read is not one of 0.
pub fn power_of(body: &Body, sample: &Sample<'_>, placed: &PlacedPoint) -> Result<i8, Fault> {
    if let Some(PlacedScale::Point(place)) = placed.scale {
        let read = sample.layout.points.get(place).is_some_and(|p| body.has(p.offset, p.point.size));
        if !read {
            return Err(Fault::NoScale);
        }
    }
    sample.scale_of(placed)
}

/// True if the numbers of a point's symbols are bits, not values.
#[must_use]
pub fn has_bits(model: u16, placed: &PlacedPoint) -> bool {
    let bits =
        matches!(placed.point.kind, PointType::Bitfield16 | PointType::Bitfield32 | PointType::Bitfield64);
    // 122.ECPConn is typed as a bit field, but lists values.
    bits && (model, placed.path.as_str()) != (122, "ECPConn")
}

fn symbols(model: u16, placed: &PlacedPoint, meaning: &Value) -> Vec<String> {
    let Value::Integer(value) = meaning else { return Vec::new() };
    let bits = has_bits(model, placed);
    let holds = |symbol: u32| {
        if bits { symbol < 64 && value >> symbol & 1 == 1 } else { *value == i128::from(symbol) }
    };
    placed.point.symbols.iter().filter(|s| holds(s.value)).map(|s| s.name.clone()).collect()
}
