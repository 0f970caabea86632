//! The points one by one, for a person: what each said, how its value comes about, and why it said nothing.
//!
//! Registers may come from a recording instead of a line. Nothing is decided here.

use super::codec::Value;
use super::{Entry, Points};
use crate::der::Reading;
use crate::device_map::registers::{Access, RegisterPoint, RegisterTable};
use jiff::Timestamp;

/// One point and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The point.
    pub point: &'a RegisterPoint,
    /// Its registers; empty if they were never read.
    pub words: &'a [u16],
    /// What they mean.
    pub value: Option<&'a Value>,
    /// The power of ten of its `scale_from`.
    pub exponent: Option<i32>,
    /// The device says that it does not have it.
    pub absent: bool,
    /// Why it could not be read.
    pub fault: Option<&'a str>,
}

/// Registers of a table, if they are known.
pub type Registers<'a> = dyn Fn(RegisterTable, u16, u16) -> Option<Vec<u16>> + 'a;

impl Points {
    /// All points, in the order of the map.
    pub fn looks(&self) -> impl Iterator<Item = Look<'_>> {
        let points = self.map.registers.points.iter().zip(&self.entries).enumerate();
        points.map(|(place, (point, entry))| self.look_at(place, point, entry))
    }

    /// One point by its name.
    #[must_use]
    pub fn look(&self, name: &str) -> Option<Look<'_>> {
        self.looks().find(|look| look.point.name == name)
    }

    fn look_at<'a>(&'a self, place: usize, point: &'a RegisterPoint, entry: &'a Entry) -> Look<'a> {
        let part = self.plan.parts.iter().find(|part| part.points.contains(&place));
        Look {
            point,
            words: &entry.words,
            value: entry.value.as_ref(),
            exponent: if point.scale_from.is_some() { entry.exponent } else { Some(0) },
            absent: part.is_some_and(|part| part.absent),
            fault: part.and_then(|part| part.fault.as_deref()),
        }
    }

    /// Takes all points from registers that were read at another time, and gives the readings they make.
    pub fn replay(&mut self, registers: &Registers<'_>, at: Timestamp) -> Vec<Reading> {
        self.begin();
        self.reads += 1;
        let (reads, polls) = (self.reads, self.polls);
        for (point, entry) in self.map.registers.points.iter().zip(&mut self.entries) {
            if point.access == Access::Write {
                continue;
            }
            let Some(words) = registers(point.table, point.address, point.kind.registers()) else { continue };
            entry.words = words;
            entry.asked_at = at;
            entry.read = reads;
            entry.answered_in = polls;
        }
        for part in &mut self.plan.parts {
            part.due = false;
        }
        self.finish(at)
    }
}

#[cfg(test)]
mod tests;
