//! Which registers are read together, and how often.
//!
//! Pure. Points of one table and one class are read in one request if the gap between them is small; a point is never
//! split and no read is longer than the device takes. A read that the device refuses is cut in two, and that is
//! remembered. (SunSpec reference 5.)

use crate::device_map::registers::{Access, PollClass, RegisterMap, RegisterPoint, RegisterTable};
use crate::southbound::aggregate::{NORMAL, SLOW, class_for};

/// Registers between two points that are read rather than asked for apart.
const MAX_GAP: u32 = 16;
/// Polls for which a part that got no answer is left alone, times the silences so far.
const PAUSE: u32 = 3;
const MAX_PAUSE: u32 = 60;

/// Registers that are read in one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Where.
    pub table: RegisterTable,
    /// First register.
    pub address: u16,
    /// How many.
    pub quantity: u16,
    /// How often.
    pub class: PollClass,
    /// The points in it, by their place in the map.
    pub points: Vec<usize>,
    /// To be read in the poll under way.
    pub due: bool,
    /// Read since the device was found.
    pub known: bool,
    /// The device says that it does not have it.
    pub absent: bool,
    /// Why it could not be read last time.
    pub fault: Option<String>,
    /// Times in a row that it got no answer while others did.
    silences: u32,
    /// Not to be asked for before this poll.
    not_before: u32,
}

/// All reads of a device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In this order.
    pub parts: Vec<Part>,
    polls: u32,
}

/// How often a point is read.
fn class_of(point: &RegisterPoint) -> PollClass {
    class_for(point.quantity.map(|(quantity, _)| quantity), point.poll)
}

/// The class of each point. A scale is read as often as the most frequent value that needs it.
fn classes(map: &RegisterMap) -> Vec<PollClass> {
    let mut classes: Vec<PollClass> = map.points.iter().map(class_of).collect();
    for point in &map.points {
        let Some(scale) = &point.scale_from else { continue };
        if let Some(place) = map.points.iter().position(|p| p.name == *scale)
            && let Some(class) = classes.get_mut(place)
        {
            *class = (*class).min(class_of(point));
        }
    }
    classes
}

fn end(point: &RegisterPoint) -> u32 {
    u32::from(point.address) + u32::from(point.kind.registers())
}

impl Plan {
    /// The reads of a map.
    #[must_use]
    pub fn new(map: &RegisterMap, max_read: u16) -> Self {
        let classes = classes(map);
        let mut places: Vec<(PollClass, RegisterTable, u16, usize)> = classes
            .into_iter()
            .zip(&map.points)
            .enumerate()
            // A point that no request may end at or hold is never asked for.
            .filter(|(_, (_, point))| {
                point.access != Access::Write && end(point) <= 0x1_0000 && point.kind.registers() <= max_read
            })
            .map(|(place, (class, point))| (class, point.table, point.address, place))
            .collect();
        places.sort_unstable();
        let mut parts: Vec<Part> = Vec::new();
        for (class, table, _, place) in places {
            let Some(point) = map.points.get(place) else { continue };
            match parts.last_mut() {
                Some(part) if (part.class, part.table) == (class, table) && part.takes(point, max_read) => {
                    part.add(point, place);
                }
                _ => parts.push(Part::of(map, class, &[place])),
            }
        }
        let mut plan = Self { parts, polls: 0 };
        // A scale that is read apart is read after its values: if it is then what it was, it was so between too.
        plan.parts.sort_by_key(|part| part.scales_others(map));
        plan
    }

    /// Begins anew after the device was away: everything is read once more, and what it did not have is tried again.
    pub fn restart(&mut self) {
        self.polls = 0;
        for part in &mut self.parts {
            part.absent = false;
            part.known = false;
            part.fault = None;
            (part.silences, part.not_before) = (0, 0);
        }
    }

    /// The next poll reads everything.
    pub fn read_all_next(&mut self) {
        self.polls = 0;
        for part in &mut self.parts {
            part.not_before = 0;
        }
    }

    /// Marks what the next poll reads.
    pub fn begin(&mut self) {
        let poll = self.polls;
        for part in &mut self.parts {
            let every = match part.class {
                // What the device refused may have been a passing state.
                _ if part.absent => SLOW,
                PollClass::Fast => 1,
                PollClass::Normal => NORMAL,
                PollClass::Slow if part.known => SLOW,
                PollClass::Once if part.known => u32::MAX,
                PollClass::Slow | PollClass::Once => NORMAL,
            };
            part.due = (poll == 0 || poll.is_multiple_of(every)) && poll >= part.not_before;
        }
        self.polls = self.polls.saturating_add(1);
    }

    /// The next read of the poll under way.
    #[must_use]
    pub fn next_due(&self) -> Option<usize> {
        self.parts.iter().position(|part| part.due)
    }

    /// A part was read.
    pub fn answered(&mut self, place: usize) {
        if let Some(part) = self.parts.get_mut(place) {
            part.due = false;
            part.known = true;
            part.absent = false;
            part.fault = None;
            (part.silences, part.not_before) = (0, 0);
        }
    }

    /// A part could not be read; why. The others can.
    pub fn failed(&mut self, place: usize, fault: String) {
        if let Some(part) = self.parts.get_mut(place) {
            part.due = false;
            part.fault = Some(fault);
        }
    }

    /// A part got no answer although others did: it is asked for less and less often, since each time costs a time-out.
    pub fn silent(&mut self, place: usize, fault: String) {
        let polls = self.polls;
        if let Some(part) = self.parts.get_mut(place) {
            part.silences = part.silences.saturating_add(1);
            part.not_before = polls + part.silences.saturating_mul(PAUSE).min(MAX_PAUSE);
        }
        self.failed(place, fault);
    }

    /// The device says that it does not have these registers, or not so many at once: cut in two at the largest gap, or
    /// in the middle. A single point is absent until the device is found anew.
    pub fn refused(&mut self, place: usize, map: &RegisterMap) {
        let Some(part) = self.parts.get_mut(place) else { return };
        if part.points.len() < 2 {
            part.due = false;
            part.absent = true;
            part.fault = None;
            return;
        }
        let (first, second) = part.points.split_at(part.cut_at(map));
        let (first, second) = (Part::of(map, part.class, first), Part::of(map, part.class, second));
        self.parts.splice(place..=place, [first, second].map(|part| Part { due: true, ..part }));
    }
}

impl Part {
    fn of(map: &RegisterMap, class: PollClass, places: &[usize]) -> Self {
        let points = || places.iter().filter_map(|place| map.points.get(*place));
        let address = points().map(|p| p.address).min().unwrap_or(0);
        let last = points().map(end).max().unwrap_or(0);
        Self {
            table: points().next().map(|p| p.table).unwrap_or_default(),
            address,
            quantity: u16::try_from(last.saturating_sub(address.into())).unwrap_or(u16::MAX),
            class,
            points: places.to_vec(),
            due: false,
            known: false,
            absent: false,
            fault: None,
            silences: 0,
            not_before: 0,
        }
    }

    /// True if a point that begins in or behind it can be read with it.
    fn takes(&self, point: &RegisterPoint, max_read: u16) -> bool {
        let here = u32::from(self.address) + u32::from(self.quantity);
        let after = here.max(end(point)) - u32::from(self.address);
        u32::from(point.address) <= here + MAX_GAP && after <= u32::from(max_read)
    }

    fn add(&mut self, point: &RegisterPoint, place: usize) {
        let here = u32::from(self.address) + u32::from(self.quantity);
        let quantity = here.max(end(point)) - u32::from(self.address);
        self.quantity = u16::try_from(quantity).unwrap_or(u16::MAX);
        self.points.push(place);
    }

    /// Before which of its points it is cut: behind the largest gap, else in the middle.
    fn cut_at(&self, map: &RegisterMap) -> usize {
        let mut reached = u32::from(self.address);
        let mut largest = (0, self.points.len() / 2);
        for (at, point) in self.points.iter().filter_map(|place| map.points.get(*place)).enumerate() {
            let gap = u32::from(point.address).saturating_sub(reached);
            if at > 0 && gap > largest.0 {
                largest = (gap, at);
            }
            reached = reached.max(end(point));
        }
        largest.1
    }

    /// True if it holds the scale of a point that is not in it.
    fn scales_others(&self, map: &RegisterMap) -> bool {
        let named = |place: &usize| map.points.get(*place).map(|p| p.name.as_str());
        map.points.iter().enumerate().any(|(place, point)| {
            let scale = point.scale_from.as_deref();
            scale.is_some() && !self.points.contains(&place) && self.points.iter().any(|p| named(p) == scale)
        })
    }
}

#[cfg(test)]
mod tests;
