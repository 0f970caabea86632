//! Register points of a device map over a line: what a driver of plain registers and the register part of a hybrid map
//! have in common. Decodes, reads by plan, carries out commands, keeps them, sees whether they work.
//!
//! It has no state of a device and no port: the driver that owns a [`Points`] reports for it.

mod ask;
mod codec;
mod command;
mod draft;
mod execute;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod look;
mod plan;
mod poll;
mod readings;
#[cfg(test)]
pub mod testing;

pub use ask::Ask;
pub use codec::{Raw, Rounding, Value, decode, encode, one_of, raw, say};
pub use command::Preview;
pub use look::Look;
pub use poll::read_registers;

use self::execute::Habits;
use self::plan::Plan;
use super::aggregate::Reported;
use super::effect::Watches;
use super::held::Holding;
use super::lanes;
use crate::der::{Capability, Control, Controls, Nameplate, Watts};
use crate::device_map::DeviceMap;
use crate::device_map::registers::{Base, CommandName, InputUnit, Rating, RegisterPoint};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::time::Instant;

/// The register points of one device.
pub struct Points {
    map: Arc<DeviceMap>,
    plan: Plan,
    entries: Vec<Entry>,
    /// Reads so far: two points with the same number came in one answer.
    reads: u64,
    /// Polls so far.
    polls: u64,
    /// The poll in which a part got no answer last.
    silent_in: u64,
    /// The device is known to answer elsewhere: what is silent here is not the whole device.
    beside: bool,
    reported: Reported,
    holding: Holding<CommandName, draft::Write>,
    watches: Watches,
    habits: Habits,
}

/// What a point said last.
#[derive(Clone, Debug, Default)]
struct Entry {
    words: Vec<u16>,
    value: Option<Value>,
    asked_at: Timestamp,
    read_at: Option<Instant>,
    /// The read it came in.
    read: u64,
    /// The poll in which it was asked for last, and the one in which it was last answered.
    asked_in: u64,
    answered_in: u64,
    /// The power of ten it was last scaled by.
    exponent: Option<i32>,
}

impl Points {
    /// The points of a map, of which nothing is known yet.
    #[must_use]
    pub fn new(map: Arc<DeviceMap>) -> Self {
        let plan = Plan::new(&map.registers, map.link.max_read);
        let entries = vec![Entry::default(); map.registers.points.len()];
        Self {
            map,
            plan,
            entries,
            reads: 0,
            polls: 0,
            silent_in: 0,
            beside: false,
            reported: Reported::default(),
            holding: Holding::default(),
            watches: Watches::default(),
            habits: Habits::default(),
        }
    }

    /// The points of a hybrid map: read beside a chain that shows whether the device is there.
    #[must_use]
    pub fn beside_chain(map: Arc<DeviceMap>) -> Self {
        let mut points = Self { beside: true, ..Self::new(map) };
        // The notes of such a device are those of its chain: an earlier run may have left any of the commands there.
        let all = &points.map.registers.commands;
        let names: Vec<&str> = all.iter().filter(|c| !c.release.is_empty()).map(|c| c.name.name()).collect();
        let names = names.join(",");
        points.recall(&names);
        points
    }

    /// The device was away, or is new: everything is read once more, and what it did not have is tried again.
    pub fn restart(&mut self) {
        self.plan.restart();
    }

    /// The next poll reads everything, not only what is read often.
    pub fn read_all_next(&mut self) {
        self.plan.read_all_next();
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.map.registers.points.iter().position(|point| point.name == name)
    }

    fn point(&self, place: usize) -> Option<&RegisterPoint> {
        self.map.registers.points.get(place)
    }

    /// What a point said last, by its place in the map.
    fn known(&self, place: usize) -> Option<Value> {
        self.entries.get(place)?.value.clone()
    }

    /// What a point said last; `None` if it was never read.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Value> {
        self.known(self.place(name)?)
    }

    /// Identity and ratings, from what was read so far.
    #[must_use]
    pub fn nameplate(&self) -> Nameplate {
        readings::nameplate(&self.map.registers, &|place| self.known(place))
    }

    fn rating(&self, rating: Rating) -> Option<f64> {
        readings::rating(&self.map.registers, rating, &|place| self.known(place))
    }

    /// True if the device tells what it could charge or store, and that is 0.
    #[must_use]
    pub fn stores_nothing(&self) -> bool {
        readings::stores_nothing(&self.map.registers, &|place| self.known(place))
    }

    /// What the commands of the map let the device be asked for.
    #[must_use]
    pub fn controls(&self) -> Controls {
        let registers = &self.map.registers;
        let has = |name| registers.command(name).is_some_and(|command| self.possible(command));
        let undone = registers.command(CommandName::Disconnect).is_some_and(|c| !c.release.is_empty());
        lanes::controls(has, undone)
    }

    /// False if the device says that it does not have a point that a command needs.
    fn possible(&self, command: &crate::device_map::registers::RegisterCommand) -> bool {
        let absent = |name: &str| {
            let place = self.place(name);
            place.is_none()
                || self.plan.parts.iter().any(|p| p.absent && place.is_some_and(|at| p.points.contains(&at)))
        };
        !ask::points_of(&command.steps).any(absent) && !command.require.iter().any(|r| absent(&r.point))
    }

    /// What the device can be asked for. Without a rating, what its set points take at most.
    #[must_use]
    pub fn capability(&self) -> Capability {
        let bounds = |name: CommandName| {
            let input = self.map.registers.command(name)?.input.as_ref()?;
            let factor = match &input.unit {
                InputUnit::Scaled(factor) => *factor,
                InputUnit::PercentOf(Base::Point(base)) => 100.0 / self.base_point(base)?,
                InputUnit::PercentOf(Base::Sunspec(_)) => return None,
            };
            let factor = if input.negate { -factor } else { factor };
            let (a, b) = (input.min / factor, input.max / factor);
            Some((a.min(b), a.max(b))).filter(|(a, b)| a.is_finite() && b.is_finite())
        };
        let set = bounds(CommandName::SetActivePower);
        let most = set.or_else(|| bounds(CommandName::LimitActivePower)).map(|(_, most)| most);
        let injection = self.rating(Rating::ActivePowerMax).or(most).unwrap_or(0.0);
        let controls = self.controls();
        let charge = || set.map(|(least, _)| -least);
        let absorption = if controls.has(Control::SetActivePower) {
            self.rating(Rating::ChargeMax).or_else(charge).unwrap_or(0.0)
        } else {
            self.rating(Rating::ChargeMax).unwrap_or(0.0)
        };
        Capability {
            injection_max: Watts::new(injection.max(0.0)),
            absorption_max: Watts::new(absorption.max(0.0)),
            controls,
        }
    }

    /// What of the device cannot be read, in words; empty if all is well.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let name = |part: &plan::Part| {
            let names: Vec<&str> =
                part.points.iter().filter_map(|place| self.point(*place)).map(|p| p.name.as_str()).collect();
            match names.as_slice() {
                [first, .., last] => format!("{first} to {last}"),
                names => names.join(""),
            }
        };
        let fault = |part: &plan::Part| {
            part.fault.as_ref().map(|why| format!("{} cannot be read: {why}", name(part)))
        };
        if !self.plan.parts.is_empty() && self.plan.parts.iter().all(|part| part.absent) {
            return vec!["it has none of the registers of its map".to_owned()];
        }
        self.plan.parts.iter().filter_map(fault).collect()
    }
}
