//! Addresses such as `AI537`, and `[[shift]]`: blocks of them that an outstation has elsewhere.

use super::super::words::quoted;
use super::chain::Level;
use crate::device_map::dnp3::{At, Profile, ProfilePoint};
use crate::toml_file::{Item, Place, Placed, Table};
use std::collections::BTreeMap;

/// Most shifts in one file.
const MAX_SHIFTS: usize = 100;

/// A block of addresses, and by how much it is moved.
#[derive(Clone, Copy, Debug)]
struct Shift {
    first: At,
    last: u16,
    by: i32,
}

impl Shift {
    const fn holds(&self, at: At) -> bool {
        self.first.kind as u8 == at.kind as u8 && self.first.index <= at.index && at.index <= self.last
    }

    fn moved(&self, at: At) -> At {
        let index = i32::from(at.index).saturating_add(self.by);
        // That it stays within all indices was checked when it was read.
        At { kind: at.kind, index: u16::try_from(index).unwrap_or(at.index) }
    }
}

/// The shifts of all levels, the uppermost first. An address goes through those of its own file and of all above it.
#[derive(Debug, Default)]
pub(super) struct Shifts {
    of_level: Vec<Vec<Shift>>,
}

/// An address, and where it is written.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) at: At,
    pub(super) place: Place,
}

impl Shifts {
    pub(super) fn read(levels: &mut [Level]) -> Self {
        Self { of_level: levels.iter_mut().map(|level| read_level(&mut level.root)).collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.of_level.iter().all(Vec::is_empty)
    }

    /// Where an address that is written in a level is in the end.
    pub(super) fn moved(&self, at: At, level: usize) -> At {
        let levels = self.of_level.iter().take(level.saturating_add(1)).rev();
        levels.fold(at, |at, shifts| {
            shifts.iter().find(|shift| shift.holds(at)).map_or(at, |shift| shift.moved(at))
        })
    }

    /// An address in the file; else a fault.
    pub(super) fn spot(&self, text: Placed<String>, level: usize, label: &str) -> Option<Spot> {
        let at = parse(&text, label)?;
        Some(Spot { at: self.moved(at, level), place: text.place })
    }

    /// An address in the file; else a fault.
    pub(super) fn spot_of(&self, item: Item, level: usize, label: &str, example: &str) -> Option<Spot> {
        self.spot(item.text(example)?, level, label)
    }

    /// The names of a profile at their places. Where a block is moved onto another one, it is the moved one that is there.
    pub(super) fn moved_profile(&self, profile: &Profile, level: usize) -> Profile {
        let mut points: BTreeMap<At, (bool, ProfilePoint)> = BTreeMap::new();
        for point in &profile.points {
            let at = self.moved(point.at, level);
            let was_moved = at != point.at;
            let pair = point.pair.map(|pair| self.moved(pair, level));
            if was_moved || !points.get(&at).is_some_and(|(moved, _)| *moved) {
                points.insert(at, (was_moved, ProfilePoint { at, pair, ..point.clone() }));
            }
        }
        Profile { id: profile.id.clone(), points: points.into_values().map(|(_, point)| point).collect() }
    }
}

fn parse(text: &Placed<String>, label: &str) -> Option<At> {
    let at = At::parse(text.value.trim());
    if at.is_none() {
        text.place.fault(format!(
            "{label}: {} is no address; write letters and an index from 0 to 65535, such as \"AI537\" (BI, DBI, BO, CTR, AI, AO)",
            quoted(&text.value)
        ));
    }
    at
}

fn read_level(root: &mut Table) -> Vec<Shift> {
    let tables = root.tables("shift");
    if let Some(over) = tables.get(MAX_SHIFTS) {
        over.fault(format!("more than {MAX_SHIFTS} shifts; a map has at most so many"));
    }
    let mut found: Vec<Shift> = Vec::new();
    for mut table in tables.into_iter().take(MAX_SHIFTS) {
        let place = table.place().clone();
        let points = table.required_text("points", "\"AI533..AI568\"").and_then(|text| block(&text));
        let by = table.required_integer("by", -65_535..=65_535, "248");
        table.finish();
        let (Some((first, last)), Some(by)) = (points, by) else { continue };
        let Some(by) = i32::try_from(by.value).ok().filter(|n| *n != 0) else {
            by.place
                .fault("[[shift]]: by = 0 moves nothing; write by how much the indices grow, such as 248");
            continue;
        };
        let (low, high) = (i32::from(first.index).saturating_add(by), i32::from(last).saturating_add(by));
        if low < 0 || high > i32::from(u16::MAX) {
            place.fault(format!("[[shift]]: {first}..{last} by {by} is {low} to {high}, beyond 0 to 65535"));
            continue;
        }
        let meets = |other: &&Shift| {
            other.holds(first)
                || other.holds(At { index: last, ..first })
                || (first.kind == other.first.kind
                    && first.index <= other.first.index
                    && other.first.index <= last)
        };
        if let Some(other) = found.iter().find(meets) {
            place.fault(format!(
                "[[shift]]: {first} to {last} overlaps {} to {} of another shift; an address is moved once",
                other.first, other.last
            ));
            continue;
        }
        found.push(Shift { first, last, by });
    }
    found
}

/// `AI533..AI568`, both included.
fn block(text: &Placed<String>) -> Option<(At, u16)> {
    let ends = text.value.split_once("..").map_or_else(
        || (At::parse(text.value.trim()), At::parse(text.value.trim())),
        |(first, last)| (At::parse(first.trim()), At::parse(last.trim())),
    );
    match ends {
        (Some(first), Some(last)) if first.kind == last.kind && first.index <= last.index => {
            Some((first, last.index))
        }
        _ => {
            text.place.fault(format!(
                "[[shift]]: {} is no block of points; write the first and the last of one kind, such as \"AI533..AI568\"",
                quoted(&text.value)
            ));
            None
        }
    }
}
