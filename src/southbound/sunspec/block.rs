//! One model instance of a device: where it is, what is read of it, and what its last answer says.
//!
//! Pure: it holds registers that somebody else has read.

use super::value::{Value, decode, scaled};
use crate::device_map::{Layout, Model, PlacedPoint, PlacedScale, PointType};
use crate::southbound::modbus::{BusError, Exception};
use jiff::Timestamp;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// Where the model tables come from: the model of an id, if this build knows it.
pub type Lookup = Arc<dyn Fn(u16) -> Option<Arc<Model>> + Send + Sync>;

/// One model of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelAt {
    /// Model id.
    pub id: u16,
    /// How many of the same id stand before it in the chain.
    pub instance: u16,
    /// Address of its ID register.
    pub address: u16,
    /// L: registers after ID and L.
    pub length: u16,
}

/// Layouts by model and length, shared by all devices: a thousand equal inverters need each table once.
#[derive(Debug, Default)]
pub struct Layouts(Mutex<HashMap<(u16, u16), Arc<Layout>>>);

/// Most layouts kept: devices that invent lengths do not fill the memory.
const MAX_LAYOUTS: usize = 512;

impl Layouts {
    /// The layout of a model without count points, at a length.
    pub fn get(&self, model: &Model, length: u16) -> Arc<Layout> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layout) = kept.get(&(model.id, length)) {
            return layout.clone();
        }
        let layout = Arc::new(Layout::new(model, length, &|_| None));
        if kept.len() < MAX_LAYOUTS {
            kept.insert((model.id, length), layout.clone());
        }
        layout
    }
}

/// A read of a part of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Registers from the model's ID register.
    pub offset: u16,
    /// How many.
    pub quantity: u16,
}

/// When a block is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// In each poll.
    Fast,
    /// Now and then: it changes only when somebody changes it.
    Slow,
    /// When a command or a doubt asks for it.
    OnDemand,
}

/// One model instance as the driver reads it.
#[derive(Clone, Debug)]
pub struct Block {
    /// Where it is.
    pub at: ModelAt,
    /// Its points.
    pub layout: Arc<Layout>,
    /// When it is read.
    pub class: Class,
    /// The reads it takes.
    pub parts: Vec<Part>,
    /// Its registers from ID on, as last read.
    pub registers: Vec<u16>,
    /// When they were read.
    pub read_at: Option<Instant>,
    /// When that was last tried.
    pub tried_at: Option<Instant>,
    /// When it was last asked for, by the clock of the readings: what it says is not older.
    pub asked_at: Option<Timestamp>,
    /// How often in a row it got no answer while its neighbours did.
    pub silences: u32,
    /// How often in a row the device was too busy to answer for it.
    pub busy: u32,
    /// Why it could not be read the last time.
    pub fault: Option<String>,
    /// Its length is not the one of the published model: shown, but not written.
    pub draft: bool,
}

/// 701 is longer than a read; its measurements and scale factors end here, texts follow (SunSpec 701).
const END_OF_701: u16 = 123;

impl Block {
    /// A block that has not been read.
    #[must_use]
    pub fn new(at: ModelAt, model: &Model, layout: Arc<Layout>, max_read: u16) -> Self {
        let draft = (700..800).contains(&at.id) && usize::from(at.length) != model.fixed_length();
        let mut block = Self {
            at,
            layout,
            class: Class::OnDemand,
            parts: Vec::new(),
            registers: Vec::new(),
            read_at: None,
            tried_at: None,
            asked_at: None,
            silences: 0,
            busy: 0,
            fault: None,
            draft,
        };
        block.cut(max_read);
        block
    }

    /// Plans its reads so that none is longer than `max_read` and none begins or ends within a point.
    pub fn cut(&mut self, max_read: u16) {
        let wanted = if self.at.id == 701 { END_OF_701 } else { u16::MAX };
        let points =
            self.layout.points.iter().map(|p| (p.offset, p.point.size)).filter(|(at, _)| *at < wanted);
        self.parts = cut(points, max_read);
    }

    /// Takes the answers of all its parts. False if ID or L are not what they were: the model has moved.
    #[must_use]
    pub fn take(&mut self, registers: Vec<u16>, now: Instant) -> bool {
        let stands = registers.first() == Some(&self.at.id) && registers.get(1) == Some(&self.at.length);
        if stands {
            self.registers = registers;
            self.read_at = Some(now);
            self.fault = None;
            self.silences = 0;
            self.busy = 0;
        }
        stands
    }

    /// The device said no to a read. That it is busy becomes a fault only when it says so twice in a row.
    pub fn refused(&mut self, exception: Exception, error: &BusError) {
        self.silences = 0;
        let busy = matches!(exception, Exception::ACKNOWLEDGE | Exception::BUSY);
        self.busy = if busy { self.busy.saturating_add(1) } else { 0 };
        if self.busy != 1 {
            self.fault = Some(error.to_string());
        }
    }

    /// True if a scale factor is not the one of the last whole read, or there was none. In an answer of several parts a
    /// value may then be older than its scale factor.
    #[must_use]
    pub fn rescaled(&self, registers: &[u16]) -> bool {
        self.layout.points.iter().filter(|p| p.point.kind == PointType::Sunssf).any(|p| {
            let at = usize::from(p.offset);
            self.registers.get(at) != registers.get(at)
        })
    }

    /// What its last answer says; `None` if there is none.
    #[must_use]
    pub fn sample(&self) -> Option<Sample<'_>> {
        self.read_at.map(|_| Sample { layout: &self.layout, registers: &self.registers })
    }
}

/// Cuts points (offset and size, in order) into reads of at most `max_read` registers; a longer point stands alone.
#[must_use]
pub fn cut(points: impl Iterator<Item = (u16, u16)>, max_read: u16) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (offset, size) in points {
        let end = offset.saturating_add(size);
        match parts.last_mut() {
            Some(part) if end - part.offset <= max_read => part.quantity = end - part.offset,
            _ => parts.push(Part { offset, quantity: size }),
        }
    }
    // A point longer than a read cannot be read at all without splitting it.
    parts.retain(|part| part.quantity <= max_read.max(2));
    parts
}

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

/// What one answer says about one model.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The model's points.
    pub layout: &'a Layout,
    /// Its registers from ID on; may end before the model does.
    pub registers: &'a [u16],
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
                        i8::try_from(sf).ok().filter(|sf| (-10..=10).contains(sf)).ok_or(Fault::BadScale(sf))
                    }
                    _ => Err(Fault::NoScale),
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
        match self.scale_of(placed) {
            Ok(sf) => scaled(raw, sf).map_or(Number::Bad(Fault::NoScale), Number::Good),
            Err(fault) => Number::Bad(fault),
        }
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

/// The blocks of one device.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    /// In chain order.
    pub list: Vec<Block>,
}

impl Blocks {
    /// The first block of a model.
    #[must_use]
    pub fn get(&self, id: u16) -> Option<&Block> {
        self.list.iter().find(|b| b.at.id == id)
    }

    /// The last answer about a model.
    #[must_use]
    pub fn sample(&self, id: u16) -> Option<Sample<'_>> {
        self.get(id)?.sample()
    }

    /// A usable number of a model.
    #[must_use]
    pub fn good(&self, id: u16, path: &str) -> Option<f64> {
        self.sample(id)?.good(path)
    }
}

#[cfg(test)]
mod tests;
