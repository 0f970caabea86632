//! What one answer says about one model: points as numbers, integers and texts, with the device map's corrections.
//!
//! Pure. A scale factor is taken from the same answer as the value.

use crate::device_map::{Layout, PlacedPoint, PlacedScale, PointType};
use crate::southbound::sunspec::value::{Value, decode, scaled};
use std::fmt;

/// Why a number cannot be used although the device implements the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The scale factor is not implemented, or not there.
    NoScale,
    /// The scale factor is outside -10..=10.
    BadScale(i128),
    /// Infinite, or not a number at all.
    NotANumber,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoScale => f.write_str("its scale factor is not implemented"),
            Self::BadScale(sf) => write!(f, "its scale factor {sf} is outside -10 to 10"),
            Self::NotANumber => f.write_str("it is not a finite number"),
        }
    }
}

/// A point as a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// The device does not have the point, or does not implement it now.
    Absent,
    /// Scaled.
    Good(f64),
    /// Implemented, but not usable.
    Bad(Fault),
}

/// How a counter counts, in the unit of its quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// It begins again here.
    pub range: f64,
    /// It counts in steps of this.
    pub step: f64,
}

/// What one answer says about one model.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The model's points.
    pub layout: &'a Layout,
    /// Its registers from ID on; may end before the model does.
    pub registers: &'a [u16],
}

fn accumulates(placed: &PlacedPoint) -> bool {
    matches!(placed.point.kind, PointType::Acc16 | PointType::Acc32 | PointType::Acc64)
}

impl<'a> Sample<'a> {
    /// The registers of a point, if they were read.
    #[must_use]
    pub fn registers_of(&self, placed: &PlacedPoint) -> Option<&'a [u16]> {
        let from = usize::from(placed.offset);
        self.registers.get(from..from + usize::from(placed.point.size))
    }

    /// A point before scaling; `None` if it is not implemented.
    #[must_use]
    pub fn value_of(&self, placed: &PlacedPoint) -> Option<Value> {
        if placed.correction.ignore {
            return None;
        }
        decode(placed.point.kind, self.registers_of(placed)?)
    }

    /// The power of ten of a point, from the same answer.
    ///
    /// # Errors
    /// The scale factor is not implemented or out of range.
    pub fn scale_of(&self, placed: &PlacedPoint) -> Result<i8, Fault> {
        match placed.scale {
            None => Ok(0),
            Some(PlacedScale::Power(power)) => Ok(power),
            Some(PlacedScale::Missing) => Err(Fault::NoScale),
            Some(PlacedScale::Point(place)) => {
                let point = self.layout.points.get(place).ok_or(Fault::NoScale)?;
                match self.value_of(point) {
                    Some(Value::Integer(sf)) => {
                        let usable = i8::try_from(sf).ok().filter(|sf| (-10..=10).contains(sf));
                        usable.or(placed.correction.scale).ok_or(Fault::BadScale(sf))
                    }
                    _ => placed.correction.scale.ok_or(Fault::NoScale),
                }
            }
        }
    }

    /// A placed point as a scaled number.
    #[must_use]
    pub fn number_of(&self, placed: &PlacedPoint) -> Number {
        let raw = match self.value_of(placed) {
            None => return Number::Absent,
            #[expect(
                clippy::cast_precision_loss,
                reason = "a counter beyond 2^53 loses units it never measured"
            )]
            Some(Value::Integer(raw)) => raw as f64,
            Some(Value::Float(raw)) if raw.is_finite() => raw,
            Some(_) => return Number::Bad(Fault::NotANumber),
        };
        let corrected = |value: f64| {
            let value = if placed.correction.percent { value / 100.0 } else { value };
            Number::Good(if placed.correction.negate { -value } else { value })
        };
        match self.scale_of(placed) {
            Ok(sf) => scaled(raw, sf).map_or(Number::Bad(Fault::NoScale), corrected),
            // An accumulator at 0 may be one that is not implemented; without its scale factor it is.
            Err(Fault::NoScale) if accumulates(placed) && raw == 0.0 => Number::Absent,
            Err(fault) => Number::Bad(fault),
        }
    }

    /// What a counter counts up to before it begins again at 0, and the step it counts in; `None` if it does not wrap.
    #[must_use]
    pub fn span(&self, path: &str) -> Option<Span> {
        use crate::device_map::PointType as T;
        let placed = self.layout.find(path)?;
        let bits = match placed.point.kind {
            T::Acc16 | T::Uint16 => 16,
            T::Acc32 | T::Uint32 => 32,
            T::Acc64 => 63,
            T::Uint64 => 64,
            _ => return None,
        };
        let sf = self.scale_of(placed).ok()?;
        Some(Span { range: scaled(2.0_f64.powi(bits), sf)?, step: scaled(1.0, sf)? })
    }

    /// The point at a path as a scaled number.
    #[must_use]
    pub fn number(&self, path: &str) -> Number {
        self.layout.find(path).map_or(Number::Absent, |placed| self.number_of(placed))
    }

    /// The point at a path as a scaled number, if it can be used.
    #[must_use]
    pub fn good(&self, path: &str) -> Option<f64> {
        match self.number(path) {
            Number::Good(value) => Some(value),
            Number::Absent | Number::Bad(_) => None,
        }
    }

    /// The point at a path as an integer before scaling: enumerations, bit fields.
    #[must_use]
    pub fn integer(&self, path: &str) -> Option<i128> {
        match self.value_of(self.layout.find(path)?)? {
            Value::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// The point at a path as a text.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        match self.value_of(self.layout.find(path)?)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The point at a path, if the device implements it.
    #[must_use]
    pub fn implemented(&self, path: &str) -> Option<&'a PlacedPoint> {
        let placed = self.layout.find(path)?;
        self.value_of(placed).map(|_| placed)
    }
}
