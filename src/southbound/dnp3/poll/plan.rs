//! What is asked for in which poll.
//!
//! Pure. Beside the events, the points of the map are read by themselves, as often as their class says: an outstation may give a
//! measurement a wide dead band, or report it never. Neighbours are read as one range; a range never has an index in it that
//! the map does not name, for an outstation may refuse the whole request for one that it does not have.

use crate::device_map::dnp3::{At, OutstationCommand, OutstationMap, OutstationStep, StepSource};
use crate::device_map::registers::PollClass;
use crate::southbound::aggregate::{NORMAL, SLOW, class_for};
use crate::southbound::dnp3::Part;
use std::collections::{BTreeMap, BTreeSet};

/// Most ranges in one request: all outstations can take one of this length, whatever their smallest fragment.
const MOST_PARTS: usize = 16;

/// All that is read.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    classes: BTreeMap<At, PollClass>,
    /// What the map names beside that: what says whether a command is possible, and what shows it.
    others: BTreeSet<At>,
    /// What must be known as it is now before a command: what forbids it, and what its percentages refer to.
    grounds: BTreeSet<At>,
    /// What the outstation refuses to tell.
    absent: BTreeSet<At>,
    /// What it answers so that nobody understands it.
    broken: BTreeSet<At>,
    /// Why it cannot be asked for events.
    no_events: Option<Why>,
    polls: u32,
}

/// Why something is not asked for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The outstation refuses it.
    Refused,
    /// The answer cannot be used.
    Broken,
}

impl Plan {
    /// What is read of an outstation.
    #[must_use]
    pub fn new(map: &OutstationMap) -> Self {
        let class =
            |quantity: Option<(_, f64)>, poll| class_for(quantity.map(|(quantity, _)| quantity), poll);
        let classes = map.points.iter().map(|point| (point.at, class(point.quantity, point.poll))).collect();
        let of_steps = |steps: &[OutstationStep]| -> Vec<At> {
            steps.iter().flat_map(|step| step.reads.iter().copied()).collect()
        };
        let of_command = |command: &OutstationCommand| {
            let steps = of_steps(&command.steps).into_iter().chain(of_steps(&command.release));
            steps.chain(command.supports).collect::<Vec<_>>()
        };
        let curves = map.curves.iter().flat_map(|c| of_steps(&c.steps).into_iter().chain(c.supports));
        let switches = map.points.iter().filter_map(|point| point.only_while);
        let marks = map.identify.iter().map(|mark| mark.at);
        let others =
            map.commands.iter().flat_map(of_command).chain(curves).chain(switches).chain(marks).collect();
        let bases = map.commands.iter().flat_map(|command| command.steps.iter().flat_map(bases));
        let blocks = map.points.iter().filter(|point| point.blocks.is_some()).map(|point| point.at);
        let grounds = bases.filter_map(|name| map.point(name)).map(|point| point.at).chain(blocks).collect();
        Self { classes, others, grounds, ..Self::default() }
    }

    /// The requests to make before a command.
    #[must_use]
    pub fn before_command(&self) -> Vec<Vec<Part>> {
        self.requests(self.grounds.clone(), false)
    }

    /// Everything was read just now: what is read seldom has its next turn later.
    pub const fn everything_was_read(&mut self) {
        self.polls = 1;
    }

    /// The outstation may be another one now: what was left out is asked for again.
    pub fn restart(&mut self) {
        self.absent.clear();
        self.broken.clear();
        self.no_events = None;
    }

    /// All points that are ever looked at.
    #[must_use]
    pub fn named(&self) -> BTreeSet<At> {
        self.classes.keys().chain(&self.others).chain(&self.grounds).copied().collect()
    }

    /// The requests of the next poll, with what is in doubt.
    pub fn next(&mut self, doubts: &[At]) -> Vec<Vec<Part>> {
        let polls = self.polls;
        self.polls = polls.wrapping_add(1);
        let due = |class: &PollClass| match class {
            PollClass::Fast => true,
            PollClass::Normal => polls.is_multiple_of(NORMAL),
            PollClass::Slow => polls.is_multiple_of(SLOW),
            PollClass::Once => false,
        };
        let named = self.classes.iter().filter(|(_, class)| due(class)).map(|(at, _)| *at);
        self.requests(named.chain(doubts.iter().copied()).collect(), true)
    }

    /// The requests that read just these points.
    #[must_use]
    pub fn of(&self, points: &BTreeSet<At>) -> Vec<Vec<Part>> {
        self.requests(points.clone(), false)
    }

    /// The requests that read everything the map names, events first.
    #[must_use]
    pub fn everything(&self) -> Vec<Vec<Part>> {
        self.requests(self.classes.keys().chain(&self.others).copied().collect(), true)
    }

    fn requests(&self, mut wanted: BTreeSet<At>, events: bool) -> Vec<Vec<Part>> {
        wanted.retain(|at| !self.absent.contains(at) && !self.broken.contains(at));
        let mut parts: Vec<Part> = Vec::new();
        if events && !self.lacks_events() {
            parts.push(Part::Events);
        }
        for at in wanted {
            match parts.last_mut() {
                Some(Part::Range(kind, _, to)) if *kind == at.kind && to.checked_add(1) == Some(at.index) => {
                    *to = at.index;
                }
                _ => parts.push(Part::Range(at.kind, at.index, at.index)),
            }
        }
        parts.chunks(MOST_PARTS).map(<[Part]>::to_vec).collect()
    }

    /// A part that cannot be cut any more is not asked for any more.
    pub fn leave_out(&mut self, part: Part, why: Why) {
        match (part, why) {
            (Part::Events, _) => self.no_events = Some(why),
            (Part::Range(kind, index, _), Why::Refused) => {
                self.absent.insert(At { kind, index });
            }
            (Part::Range(kind, index, _), Why::Broken) => {
                self.broken.insert(At { kind, index });
            }
            (Part::Static, _) => {}
        }
    }

    /// True if events cannot be asked for.
    #[must_use]
    pub const fn lacks_events(&self) -> bool {
        self.no_events.is_some()
    }

    /// What cannot be read, in words; at most so many points are named in each.
    #[must_use]
    pub fn left_out(&self, most: usize) -> Vec<String> {
        let events = self.no_events.map(|why| match why {
            Why::Refused => "it refuses to be asked for events".to_owned(),
            Why::Broken => "its answer to a request for events cannot be used".to_owned(),
        });
        let absent =
            list(&self.absent, most).map(|names| format!("it refuses to tell {names}, which its map names"));
        let broken =
            list(&self.broken, most).map(|names| format!("its answer cannot be used when asked for {names}"));
        [events, absent, broken].into_iter().flatten().collect()
    }

    /// True if a point is not asked for.
    #[must_use]
    pub fn leaves_out(&self, at: At) -> bool {
        self.absent.contains(&at) || self.broken.contains(&at)
    }

    /// For so many turns a point may go without being heard of before it is not current any more. `whole` is how many polls
    /// lie between two reads of everything.
    #[must_use]
    pub fn patience(&self, at: At, whole: u64) -> u64 {
        let every = match self.classes.get(&at) {
            Some(PollClass::Fast) => 1,
            Some(PollClass::Normal) => u64::from(NORMAL),
            Some(PollClass::Slow) => u64::from(SLOW),
            Some(PollClass::Once) | None => whole,
        };
        every.min(whole.max(1)).saturating_mul(2)
    }
}

/// Some addresses by name, and how many more there are.
fn list(points: &BTreeSet<At>, most: usize) -> Option<String> {
    let named: Vec<String> = points.iter().take(most).map(At::to_string).collect();
    let more = points.len().saturating_sub(most);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!named.is_empty()).then(|| format!("{}{more}", named.join(", ")))
}

/// The names of what a step's percentage refers to.
fn bases(step: &OutstationStep) -> Vec<&str> {
    match &step.value {
        StepSource::PercentOf { positive, negative, .. } => {
            [Some(positive), negative.as_ref()].into_iter().flatten().map(String::as_str).collect()
        }
        StepSource::Constant(_) | StepSource::Argument(_) => Vec::new(),
    }
}

/// A request that was refused, in two parts; `None` if it cannot be cut.
#[must_use]
pub fn halves(parts: &[Part]) -> Option<(Vec<Part>, Vec<Part>)> {
    match parts {
        [] => None,
        [Part::Range(kind, from, to)] if from < to => {
            let middle = from + (to - from) / 2;
            Some((vec![Part::Range(*kind, *from, middle)], vec![Part::Range(*kind, middle + 1, *to)]))
        }
        [_] => None,
        _ => {
            let (a, b) = parts.split_at(parts.len() / 2);
            Some((a.to_vec(), b.to_vec()))
        }
    }
}

#[cfg(test)]
mod tests;
