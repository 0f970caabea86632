//! One model instance of a device: where it is, what is read of it, and what its last answer says.
//!
//! Pure: it holds registers that somebody else has read.

mod cut;
mod layouts;
mod sample;

pub use cut::Part;
pub use layouts::Layouts;
pub use sample::{Fault, Number, Sample, Span};

use crate::device_map::{Layout, MeterSign, Model, PointType, SunspecOptions};
use crate::southbound::modbus::{BusError, Exception};
use cut::{plan, usual_end};
use jiff::Timestamp;
use layouts::{Corrections, Counts, count_points};
use std::sync::Arc;
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

/// When a block is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// In each poll.
    Fast,
    /// About every ten polls: states and settings that others may change.
    Normal,
    /// Every few minutes: ratings and what rests on them.
    Slow,
    /// When the device is found.
    Once,
    /// When a command or a doubt asks for it.
    OnDemand,
}

/// One model instance as the driver reads it.
#[derive(Clone, Debug)]
pub struct Block {
    /// Where it is.
    pub at: ModelAt,
    /// Its points; of a closed block only those of its header.
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
    model: Arc<Model>,
    corrections: Corrections,
    /// Lengths of it that are right by the device map.
    lengths: Vec<u16>,
    /// The counts its layout was made with; `None` while only its header is known.
    opened: Option<Counts>,
    max_read: u16,
}

/// Curves: read when they are asked for, of which the header tells how many there are.
const fn is_curve(id: u16) -> bool {
    matches!(id, 126..=145 | 705..=712)
}

impl Block {
    /// A block that has not been read. One whose groups are counted by points begins closed: its header must be read
    /// before anybody can say what follows.
    #[must_use]
    pub fn new(
        at: ModelAt,
        model: &Arc<Model>,
        layouts: &Layouts,
        options: &SunspecOptions,
        max_read: u16,
    ) -> Self {
        let corrections = Corrections::of(options, at.id);
        let counted = !count_points(model).is_empty();
        let closed = counted || is_curve(at.id);
        let header = u16::try_from(model.group.own_registers()).unwrap_or(u16::MAX).saturating_sub(2);
        let length = if closed { at.length.min(header) } else { at.length };
        let lengths = options.model_lengths.get(&at.id).cloned().unwrap_or_default();
        let right = usize::from(at.length) == model.fixed_length() || lengths.contains(&at.length);
        let mut block = Self {
            at,
            layout: layouts.get(model, length, &Counts::new(), &corrections),
            class: Class::OnDemand,
            parts: Vec::new(),
            registers: Vec::new(),
            read_at: None,
            tried_at: None,
            asked_at: None,
            silences: 0,
            busy: 0,
            fault: None,
            draft: (700..800).contains(&at.id) && !counted && !right,
            model: model.clone(),
            corrections,
            lengths,
            opened: (!closed).then(Counts::new),
            max_read,
        };
        block.cut(max_read);
        block
    }

    /// Plans its reads so that none is longer than `max_read`, none begins or ends within a point, and groups stay whole
    /// where they fit.
    pub fn cut(&mut self, max_read: u16) {
        self.max_read = max_read;
        let end = if self.alarmed() { u16::MAX } else { usual_end(self.at.id) };
        self.parts = plan(&self.layout, end, max_read);
    }

    /// The texts behind the measurements of 701 are there while the device says so (Alrm bit 16).
    fn alarmed(&self) -> bool {
        let bits = if self.at.id == 701 { self.sample().and_then(|s| s.integer("Alrm")) } else { None };
        bits.is_some_and(|bits| bits >> 16 & 1 == 1)
    }

    fn reads_texts(&self) -> bool {
        self.parts.last().is_some_and(|part| part.offset >= usual_end(self.at.id))
    }

    /// True while only the header is known: what follows depends on counts that stand there.
    #[must_use]
    pub const fn closed(&self) -> bool {
        self.opened.is_none()
    }

    /// Makes the layout that the counts of the last answer tell. True if it is another one than before: then the
    /// registers do not reach as far as the layout does, and it has to be read again.
    pub fn open(&mut self, layouts: &Layouts) -> bool {
        let Some(sample) = self.sample() else { return false };
        let count = |name: &&str| sample.integer(name).and_then(|n| u16::try_from(n).ok());
        let counts: Counts = count_points(&self.model).iter().map(count).collect();
        if self.opened.as_ref() == Some(&counts) {
            return false;
        }
        let had = self.registers.len();
        self.layout = layouts.get(&self.model, self.at.length, &counts, &self.corrections);
        if (700..800).contains(&self.at.id) && !counts.is_empty() {
            self.draft = self.laid() != usize::from(self.at.length) + 2;
        }
        self.opened = Some(counts);
        self.cut(self.max_read);
        self.parts.last().is_some_and(|part| usize::from(part.offset.saturating_add(part.quantity)) > had)
    }

    /// Registers that the points of its layout take.
    fn laid(&self) -> usize {
        self.layout.points.last().map_or(0, |p| usize::from(p.offset) + usize::from(p.point.size))
    }

    /// What is odd about its length, in words.
    #[must_use]
    pub fn odd_length(&self) -> Option<String> {
        let ModelAt { id, address, length, .. } = self.at;
        let fixed = self.model.fixed_length();
        // Model 1 without its pad is usual.
        if self.lengths.contains(&length) || (id, length) == (1, 65) {
            return None;
        }
        if usize::from(length) < fixed {
            return Some(format!(
                "model {id} at {address} is short: L is {length}, the model has {fixed}; points beyond are not there"
            ));
        }
        let beyond =
            (usize::from(length) + 2).checked_sub(self.laid()).filter(|n| *n > 0 && !self.closed())?;
        Some(format!("model {id} at {address}: {beyond} registers behind its known points are not read"))
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
            if self.at.id == 701 && self.alarmed() != self.reads_texts() {
                self.cut(self.max_read);
            }
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

/// The blocks of one device.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    /// In chain order; every model that is known, with all its instances.
    pub list: Vec<Block>,
    /// What positive power of its meters means.
    pub meter_sign: MeterSign,
}

impl Blocks {
    /// The first block of a model.
    #[must_use]
    pub fn get(&self, id: u16) -> Option<&Block> {
        self.list.iter().find(|b| b.at.id == id)
    }

    /// All blocks of a model, in chain order.
    pub fn all(&self, id: u16) -> impl Iterator<Item = &Block> {
        self.list.iter().filter(move |b| b.at.id == id)
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

/// The blocks of a chain: one for each model that is known and not to be ignored.
#[must_use]
pub fn blocks_of(
    models: &[ModelAt],
    options: &SunspecOptions,
    lookup: &Lookup,
    layouts: &Layouts,
    max_read: u16,
) -> Blocks {
    let list = models
        .iter()
        .filter(|at| !options.ignore_models.contains(&at.id))
        .filter_map(|at| Some(Block::new(*at, &lookup(at.id)?, layouts, options, max_read)))
        .collect();
    Blocks { list, meter_sign: options.meter_sign }
}

#[cfg(test)]
mod tests;
