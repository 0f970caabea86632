//! The sequence of events: changes of points that their map marks (`sequence`, `alarm` or `blocks`), with the time at which the
//! outstation saw them.
//!
//! Pure. What came as an event is a change that the outstation recorded. Nothing is told twice: an outstation that was not sure
//! to be heard says the same once more. A change that only a read shows, of an outstation that makes no events of it or has
//! lost them, is told with the time of its receipt when the next poll has brought no event of it either.
//!
//! Many points that are lost at once, or are back and say what they said before, are one remark: an outstation that was offline
//! for a moment must not push out of the list what has happened.

use super::image::{flag, measured, usable};
use super::readings::say;
use super::{Seen, Stamp};
use crate::der::{Clock, Quality, SequenceEvent};
use crate::device_map::dnp3::{At, OutstationMap, OutstationPoint};
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// Changes of one point among which a repetition is looked for.
const REMEMBERED: usize = 64;
/// More points than this that are lost at once, or are back, are one remark.
const FEW: usize = 3;

/// What was told already.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    told: BTreeMap<At, VecDeque<Told>>,
    /// What each point said last; of what it said before the first time, nothing is known.
    known: BTreeMap<At, Known>,
    /// What each point said last while it could be used.
    sound: BTreeMap<At, f64>,
    /// Changes that were read, and whether events could have come since.
    waiting: BTreeMap<At, (Seen, bool)>,
}

/// What a point said: its raw value and whether it can be used.
type Said = (f64, bool);

/// The last word of a point.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    said: Said,
    /// By the clock of the outstation if it vouches for it, else when it was received.
    at: Timestamp,
}

/// A change, and of what kind it is.
struct Change {
    event: SequenceEvent,
    way: Way,
}

/// Of what kind a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It says something else.
    Other,
    /// It could be used before, and cannot any more; why.
    Lost(&'static str),
    /// It can be used again, and says what it said before.
    Back,
}

/// One change that was told.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Told {
    at: Option<Timestamp>,
    raw: f64,
    good: bool,
}

impl Recorder {
    /// The changes among what came, in the order in which they came.
    pub fn take(&mut self, map: &OutstationMap, seen: &[Seen]) -> Vec<SequenceEvent> {
        let points = seen.iter().filter_map(|seen| Some((map.at(seen.at).filter(|p| recorded(p))?, seen)));
        gathered(points.filter_map(|(point, seen)| self.take_one(map, point, seen)).collect())
    }

    fn take_one(&mut self, map: &OutstationMap, point: &OutstationPoint, seen: &Seen) -> Option<Change> {
        let now = (seen.raw, usable(map, point, seen).is_ok());
        let fresh = Known { said: now, at: measured(seen) };
        let waiting = self.waiting.get(&seen.at).map(|(waiting, _)| *waiting);
        let waits = waiting.map(|waiting| (waiting.raw, usable(map, point, &waiting).is_ok()));
        if seen.event {
            // A late one says nothing of how the point stands now.
            let late = self.known.get(&seen.at).is_some_and(|known| fresh.at < known.at);
            let way = if late { Way::Other } else { self.way(map, point, seen) };
            if !late || waits == Some(now) {
                self.waiting.remove(&seen.at);
                self.known.insert(seen.at, fresh);
            }
            return self.change(map, point, seen, way);
        }
        if !self.known.contains_key(&seen.at) && now.1 {
            self.sound.insert(seen.at, seen.raw);
        }
        let way = waiting.map_or(Way::Other, |waiting| self.way(map, point, &waiting));
        let known = self.known.entry(seen.at).or_insert(fresh);
        if waits.unwrap_or(known.said) == now {
            if waits.is_none() {
                known.at = fresh.at;
            }
            return None;
        }
        if let (Some(said), Some(waiting)) = (waits, waiting) {
            *known = Known { said, at: waiting.heard };
        }
        self.waiting.insert(seen.at, (*seen, false));
        // It changed once more: what waited did happen.
        waiting.and_then(|waiting| self.change(map, point, &waiting, way))
    }

    /// A poll is over, events among it: changes that were read before it and of which no event came.
    pub fn confirm(&mut self, map: &OutstationMap) -> Vec<SequenceEvent> {
        let ripe: Vec<Seen> =
            self.waiting.values().filter(|(_, ripe)| *ripe).map(|(seen, _)| *seen).collect();
        self.waiting.retain(|_, (_, ripe)| !std::mem::replace(ripe, true));
        let mut told = Vec::new();
        for seen in ripe {
            let Some(point) = map.at(seen.at) else { continue };
            let said = (seen.raw, usable(map, point, &seen).is_ok());
            let way = self.way(map, point, &seen);
            self.known.insert(seen.at, Known { said, at: seen.heard });
            told.extend(self.change(map, point, &seen, way));
        }
        gathered(told)
    }

    /// Of what kind a change is, against what was known before it.
    fn way(&mut self, map: &OutstationMap, point: &OutstationPoint, seen: &Seen) -> Way {
        let was_good = self.known.get(&seen.at).map(|known| known.said.1);
        match usable(map, point, seen) {
            Err(why) if was_good == Some(true) => Way::Lost(why),
            Err(_) => Way::Other,
            Ok(()) => {
                let before = self.sound.insert(seen.at, seen.raw);
                if was_good == Some(false) && before == Some(seen.raw) { Way::Back } else { Way::Other }
            }
        }
    }

    fn change(
        &mut self,
        map: &OutstationMap,
        point: &OutstationPoint,
        seen: &Seen,
        way: Way,
    ) -> Option<Change> {
        let good = usable(map, point, seen).is_ok();
        let now = Told { at: seen.stamp.map(|stamp| stamp.at), raw: seen.raw, good };
        let told = self.told.entry(seen.at).or_default();
        let known = match now.at {
            Some(_) => told.contains(&now),
            // Without a time, the same once more is no change.
            None => told.back().is_some_and(|last| (last.raw, last.good) == (now.raw, now.good)),
        };
        if known {
            return None;
        }
        if told.len() >= REMEMBERED {
            told.pop_front();
        }
        told.push_back(now);
        let (at, clock) = when(seen.stamp, seen.heard);
        let quality = if good { Quality::Good } else { Quality::Invalid };
        let by_hand = if seen.flags & flag::FORCED != 0 { " (forced)" } else { "" };
        let value = say(point, seen.raw) + by_hand;
        let event = SequenceEvent { at, clock, point: point.name.clone(), value, quality };
        Some(Change { event, way })
    }
}

/// The same with one remark in place of many points that were lost at once, or are back.
fn gathered(changes: Vec<Change>) -> Vec<SequenceEvent> {
    let lost = many(&changes, |way| matches!(way, Way::Lost(_)));
    let back = many(&changes, |way| way == Way::Back);
    let why =
        changes.iter().find_map(|change| if let Way::Lost(why) = change.way { Some(why) } else { None });
    let words = |names: &str, way| match way {
        Way::Lost(_) => format!("{names} cannot be used any more: {}", why.unwrap_or_default()),
        Way::Back | Way::Other => format!("{names} can be used again and say what they said before"),
    };
    let (mut lost, mut back) = (lost, back);
    let one = |Change { event, way }: Change| match way {
        Way::Lost(_) | Way::Back => {
            let (names, quality) = match way {
                Way::Lost(_) => (&mut lost, Quality::Invalid),
                _ => (&mut back, Quality::Good),
            };
            match names {
                // Said with the first of them.
                Some(names) => names.take().map(|names| SequenceEvent {
                    point: "outstation".to_owned(),
                    value: words(&names, way),
                    quality,
                    ..event
                }),
                None => Some(event),
            }
        }
        Way::Other => Some(event),
    };
    changes.into_iter().filter_map(one).collect()
}

/// The points of one kind of change in words, to be said once, if they are more than a few.
fn many(changes: &[Change], of: impl Fn(Way) -> bool) -> Option<Option<String>> {
    let mut names: Vec<&str> = Vec::new();
    for change in changes.iter().filter(|change| of(change.way)) {
        if !names.contains(&change.event.point.as_str()) {
            names.push(&change.event.point);
        }
    }
    (names.len() > FEW).then(|| {
        let more = names.len() - FEW;
        let first: Vec<&str> = names.iter().copied().take(FEW).collect();
        Some(format!("{} points ({} and {more} more)", names.len(), first.join(", ")))
    })
}

/// What the gateway has to add: of the outstation as a whole.
#[must_use]
pub fn remark(words: &str, at: Timestamp) -> SequenceEvent {
    let (point, value) = ("outstation".to_owned(), words.to_owned());
    SequenceEvent { at, clock: Clock::Gateway, point, value, quality: Quality::Good }
}

const fn recorded(point: &OutstationPoint) -> bool {
    point.sequence || point.alarm.is_some() || point.blocks.is_some()
}

fn when(stamp: Option<Stamp>, heard: Timestamp) -> (Timestamp, Clock) {
    match stamp {
        Some(Stamp { at, synchronised: true }) => (at, Clock::Device),
        Some(Stamp { at, synchronised: false }) => (at, Clock::DeviceUnsynchronised),
        None => (heard, Clock::Gateway),
    }
}

#[cfg(test)]
mod tests;
