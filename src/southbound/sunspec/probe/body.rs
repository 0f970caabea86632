//! The registers of one model instance as far as the device shows them: reads of points, and holes where it refuses.

use crate::device_map::{Group, Layout, Model, Repeat};
use crate::southbound::modbus::{BusError, Exception};
use crate::southbound::sunspec::block::{ModelAt, Part, Sample};
use crate::southbound::sunspec::tools::Source;
use std::collections::VecDeque;

/// A refused read this short is not tried in smaller parts.
const SHORTEST: u16 = 8;
/// After so many refusals in a row the rest of a model is not asked for.
const MAX_REFUSALS: usize = 4;

/// Points that change when they are read: whoever they are meant for would never see them (SunSpec reference 1). They are
/// read only when a person names them.
const CLEARS_ON_READ: [(u16, &str); 1] = [(122, "StSetLimMsk")];

/// What was read of one model.
#[derive(Clone, Debug)]
pub struct Body {
    /// Which.
    pub at: ModelAt,
    words: Vec<Option<u16>>,
    holes: Vec<Hole>,
}

/// Registers that the device did not give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Registers from the model's ID register.
    pub offset: u16,
    /// How many.
    pub quantity: u16,
    /// What came instead.
    pub reason: String,
}

impl Body {
    /// A model of which nothing was read yet.
    #[must_use]
    pub fn of(at: ModelAt) -> Self {
        Self { at, words: vec![None; usize::from(at.length) + 2], holes: Vec::new() }
    }

    /// Every register that was read, by its offset.
    pub fn known(&self) -> impl Iterator<Item = (u16, u16)> {
        (0_u16..).zip(&self.words).filter_map(|(offset, word)| word.map(|word| (offset, word)))
    }

    /// What the device did not give.
    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.holes.iter()
    }

    /// True if all registers of a point were read.
    #[must_use]
    pub fn has(&self, offset: u16, size: u16) -> bool {
        let from = usize::from(offset);
        let words = self.words.get(from..from + usize::from(size));
        words.is_some_and(|words| words.iter().all(Option::is_some))
    }

    /// All its registers; those that were not read are 0 and [`Body::has`] says so.
    #[must_use]
    pub fn filled(&self) -> Vec<u16> {
        self.words.iter().map(|word| word.unwrap_or_default()).collect()
    }

    /// Its registers up to the first that was not read.
    #[must_use]
    pub fn leading(&self) -> Vec<u16> {
        self.words.iter().map_while(|word| *word).collect()
    }

    /// Notes why the registers that are still missing will stay so.
    pub fn leave_out(&mut self, reason: &str) {
        let missing: Vec<(u16, u16)> = (0_u16..)
            .zip(&self.words)
            .filter(|(offset, word)| {
                word.is_none()
                    && !self
                        .holes
                        .iter()
                        .any(|h| (h.offset..h.offset.saturating_add(h.quantity)).contains(offset))
            })
            .map(|(offset, _)| (offset, 1))
            .collect();
        for part in runs(&missing) {
            self.hole(part, reason);
        }
    }

    fn hole(&mut self, part: Part, reason: &str) {
        let Part { offset, quantity } = part;
        match self.holes.last_mut() {
            Some(last) if last.offset.saturating_add(last.quantity) == offset && last.reason == reason => {
                last.quantity = last.quantity.saturating_add(quantity);
            }
            _ => self.holes.push(Hole { offset, quantity, reason: reason.to_owned() }),
        }
    }

    fn put(&mut self, offset: u16, words: &[u16]) {
        for (place, word) in self.words.iter_mut().skip(usize::from(offset)).zip(words) {
            *place = Some(*word);
        }
    }

    /// Reads points (offset and size, in order) of a layout, but not those that change when they are read.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn read_gently(
        &mut self,
        source: &Source<'_>,
        layout: &Layout,
        points: &[(u16, u16)],
        longest: u16,
    ) -> Result<(), BusError> {
        let clears = CLEARS_ON_READ.iter().filter(|(id, _)| *id == self.at.id);
        let spared: Vec<u16> = clears.filter_map(|(_, path)| layout.find(path)).map(|p| p.offset).collect();
        // A read runs over what lies between its points, so the points before and behind are read apart.
        let apart = |a: &(u16, u16), b: &(u16, u16)| spared.iter().any(|s| (a.0..=b.0).contains(s));
        for side in points.chunk_by(|a, b| !apart(a, b)) {
            if !side.first().is_some_and(|(offset, _)| spared.contains(offset)) {
                self.read(source, side, longest).await?;
            }
        }
        for (offset, size) in points.iter().filter(|(offset, _)| spared.contains(offset)) {
            let part = Part { offset: *offset, quantity: *size };
            if !self.has(part.offset, part.quantity) {
                self.hole(part, "not read: reading it would clear it");
            }
        }
        Ok(())
    }

    /// Reads points (offset and size, in order) in as few reads as they fit. What the device refuses is read in smaller
    /// parts, and at last left out as a hole.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn read(
        &mut self,
        source: &Source<'_>,
        points: &[(u16, u16)],
        longest: u16,
    ) -> Result<(), BusError> {
        let points = pieces(points, longest);
        let (mut limit, mut refusals) = (longest, 0);
        let mut parts = self.cut(points.iter().copied(), limit);
        while let Some(part) = parts.pop_front() {
            let end = part.offset.saturating_add(part.quantity);
            match source.read(self.at.address.saturating_add(part.offset), part.quantity).await {
                Ok(words) => {
                    refusals = 0;
                    self.put(part.offset, &words);
                }
                Err(BusError::Refused(exception)) if !exception.unit_missing() => {
                    let from =
                        |first: u16| points.iter().copied().filter(move |(offset, _)| *offset >= first);
                    let single = from(part.offset).filter(|(offset, _)| *offset < end).nth(1).is_none();
                    let too_long = matches!(exception, Exception::ILLEGAL_ADDRESS | Exception::ILLEGAL_VALUE);
                    if too_long && !single && part.quantity > SHORTEST {
                        // Perhaps the read is too long for this device, as in the driver.
                        limit = part.quantity / 2;
                        parts = self.cut(from(part.offset), limit);
                        continue;
                    }
                    // A short read that is refused is a hole: behind it long reads may be right again.
                    self.hole(part, &exception.to_string());
                    refusals += 1;
                    if refusals >= MAX_REFUSALS {
                        self.leave_out("not asked for: what stands before it is refused");
                        return Ok(());
                    }
                    if limit != longest && parts.len() > 1 {
                        limit = longest;
                        parts = self.cut(from(end), limit);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The reads that it takes to get points that are still missing; a point that is longer than the limit stands alone.
    fn cut(&self, points: impl Iterator<Item = (u16, u16)>, limit: u16) -> VecDeque<Part> {
        let mut parts: VecDeque<Part> = VecDeque::new();
        for (offset, size) in points.filter(|(offset, size)| !self.has(*offset, *size)) {
            let end = offset.saturating_add(size);
            match parts.back_mut() {
                Some(part) if end - part.offset <= limit => part.quantity = end - part.offset,
                _ => parts.push_back(Part { offset, quantity: size }),
            }
        }
        parts
    }
}

/// Points, but a text that is longer than a read in pieces: it could not be read at all otherwise (64411).
fn pieces(points: &[(u16, u16)], longest: u16) -> Vec<(u16, u16)> {
    let longest = longest.max(2);
    let cut = |(offset, size): (u16, u16)| {
        (0..size)
            .step_by(usize::from(longest))
            .map(move |from| (offset.saturating_add(from), longest.min(size - from)))
    };
    points.iter().copied().flat_map(cut).collect()
}

/// Neighbouring points as one.
fn runs(points: &[(u16, u16)]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (offset, size) in points {
        match parts.last_mut() {
            Some(part) if part.offset + part.quantity == *offset => part.quantity += size,
            _ => parts.push(Part { offset: *offset, quantity: *size }),
        }
    }
    parts
}

/// Lays a model over an instance; count points, if it has any, are read first.
///
/// # Errors
/// The device does not answer.
pub async fn lay_out(
    source: &Source<'_>,
    model: &Model,
    longest: u16,
    body: &mut Body,
) -> Result<Layout, BusError> {
    let length = body.at.length;
    let mut names = Vec::new();
    count_points(&model.group, &mut names);
    if names.is_empty() {
        return Ok(Layout::new(model, length, &|_| None));
    }
    let top = Layout::new(model, length, &|_| Some(0));
    let mut points: Vec<(u16, u16)> =
        names.iter().filter_map(|name| top.find(name)).map(|p| (p.offset, p.point.size)).collect();
    points.sort_unstable();
    points.dedup();
    body.read(source, &points, longest).await?;
    let registers = body.filled();
    let sample = Sample { layout: &top, registers: &registers };
    let count = |name: &str| {
        let placed = top.find(name)?;
        let known = body.has(placed.offset, placed.point.size);
        known.then(|| sample.integer(name)).flatten().and_then(|n| u16::try_from(n).ok())
    };
    Ok(Layout::new(model, length, &count))
}

fn count_points<'m>(group: &'m Group, names: &mut Vec<&'m str>) {
    if let Repeat::Point(name) = &group.repeat {
        names.push(name);
    }
    for inner in &group.groups {
        count_points(inner, names);
    }
}

#[cfg(test)]
mod tests;
