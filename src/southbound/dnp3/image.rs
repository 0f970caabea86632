//! What an outstation said last of each of its points, and whether that can be used.
//!
//! Pure: the time of everything comes in with it. It keeps raw values and judges them when it is asked; what they come to
//! in SI is the matter of `readings`.
//!
//! **Which of two values is the newer one.** Two events with times of the same clock: by those. An event against a value that
//! was read: by its time against the receipt of the other, if the outstation vouches for its clock and is not ahead of ours.
//! All else by receipt, in the order in which it was sent. An event that is older by its time and says something else is put
//! aside as a *doubt*: its point is read again, for clocks can be wrong (see [`Image::doubts`]). So is what came unasked and
//! without a time to go by: nobody can tell for how long it was under way (see [`Image::hear`]).
//!
//! **What keeps a value fresh.** To be received in a *turn* (a poll and what comes until the next one); or, for a point that
//! has reported an event since the connection was made, an answered request for events in which nothing of it came (see
//! [`Image::confirm`]). A point that has sent no event yet may be one that never does, so silence proves nothing of it.
//! Turns and not times, so that a clock that is set makes nothing fresh or stale.
//!
//! **What a lost connection leaves.** Nothing that can be used: whatever answers then may be another device, or have changed
//! meanwhile. Each point counts again when something is heard of it (see [`Image::lose`]).
//!
//! **When it was measured.** By the clock of the outstation if it vouches for it, but never after it was received, and never
//! before what was known of the point until then: the later word has the later time.

use super::{Seen, Stamp};
use crate::device_map::dnp3::{At, OutstationMap, OutstationPoint, PointKind};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most points kept; an outstation with more is kept only as far as its map names them.
const MOST: usize = 20_000;
/// How far a clock of an outstation may be ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_secs(5);
/// Why what was known before the connection was lost cannot be used.
pub const OLD: &str = "it was not read since the connection was lost";
/// What was received so long before what is known is no straggler: our own clock has been set.
const STRAGGLER: SignedDuration = SignedDuration::from_secs(60);

/// Bits of the flags octet.
pub mod flag {
    /// The value is live.
    pub const ONLINE: u8 = 0x01;
    /// It has not been measured since a restart.
    pub const RESTART: u8 = 0x02;
    /// The outstation has lost what it comes from.
    pub const COMM_LOST: u8 = 0x04;
    /// Somebody has put it there by hand, elsewhere or at the outstation.
    pub const FORCED: u8 = 0x08 | 0x10;
    /// Of an analog value: it does not fit its object.
    pub const OVER_RANGE: u8 = 0x20;
    /// Of an analog value: its reference is wrong.
    pub const REFERENCE_ERR: u8 = 0x40;
}

/// What a point says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Nothing was received, or it says that there is no value.
    Absent,
    /// A number, scaled as the map says; of a binary point 0 or 1.
    Number {
        /// It.
        value: f64,
        /// Somebody has put it there by hand.
        forced: bool,
    },
    /// It cannot be used; why, in words.
    Bad(&'static str),
}

impl Value {
    /// The number, if it can be used.
    #[must_use]
    pub const fn number(self) -> Option<f64> {
        match self {
            Self::Number { value, .. } => Some(value),
            Self::Absent | Self::Bad(_) => None,
        }
    }
}

/// A point that has said what seems older and something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Which.
    pub at: At,
    heard: Timestamp,
    stamp: Option<Stamp>,
}

impl Doubt {
    const fn of(seen: Seen) -> Self {
        Self { at: seen.at, heard: seen.heard, stamp: seen.stamp }
    }
}

/// The latest of one point.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    seen: Seen,
    /// When it was measured.
    at: Timestamp,
    /// When a value that can be used was measured last.
    good_at: Option<Timestamp>,
    /// The turn in which it was last known to be so.
    turn: u64,
    /// It reported an event since the connection was made.
    events: bool,
    /// Nothing was heard of it since the connection was lost.
    old: bool,
    /// An event that seems older and says something else.
    doubt: Option<Seen>,
}

/// The latest of all points.
#[derive(Clone, Debug)]
pub struct Image {
    map: Arc<OutstationMap>,
    entries: BTreeMap<At, Entry>,
    /// Nothing else is kept, if that is known already.
    only: Option<BTreeSet<At>>,
    turn: u64,
}

impl Image {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new(map: Arc<OutstationMap>) -> Self {
        Self { map, entries: BTreeMap::new(), only: None, turn: 0 }
    }

    /// The map by which values are judged.
    #[must_use]
    pub const fn map(&self) -> &Arc<OutstationMap> {
        &self.map
    }

    /// Another map fits better. True if it names points that may have come and were not kept.
    pub fn set_map(&mut self, map: Arc<OutstationMap>) -> bool {
        self.map = map;
        self.only.take().is_some()
    }

    /// From now on only these points are kept.
    pub fn keep_only(&mut self, wanted: BTreeSet<At>) {
        self.entries.retain(|at, _| wanted.contains(at));
        self.only = Some(wanted);
    }

    /// The connection was made anew, or the outstation has restarted: which points report events is to be shown anew.
    pub fn renew(&mut self) {
        for entry in self.entries.values_mut() {
            entry.events = false;
        }
    }

    /// The connection was lost: nothing can be used before it is heard of again.
    pub fn lose(&mut self) {
        for entry in self.entries.values_mut() {
            (entry.old, entry.doubt) = (true, None);
        }
    }

    /// Another turn begins.
    pub const fn begin(&mut self) {
        self.turn += 1;
    }

    /// True if a point was known to be as it is within so many turns; 0 is this one.
    #[must_use]
    pub fn within(&self, at: At, turns: u64) -> bool {
        self.entries.get(&at).is_some_and(|entry| !entry.old && entry.turn.saturating_add(turns) >= self.turn)
    }

    /// Takes what was asked for, in the order in which it was sent. Gives the points of which it is the latest word.
    pub fn take(&mut self, seen: &[Seen]) -> BTreeSet<At> {
        seen.iter().filter(|new| self.take_one(**new, false)).map(|new| new.at).collect()
    }

    /// Takes what came unasked, likewise. Without a time to go by it may be of any time: that something cannot be used is
    /// believed, for that does no harm; anything else is a doubt.
    pub fn hear(&mut self, seen: &[Seen]) -> BTreeSet<At> {
        seen.iter().filter(|new| self.take_one(**new, true)).map(|new| new.at).collect()
    }

    fn take_one(&mut self, new: Seen, unasked: bool) -> bool {
        if self.only.as_ref().is_some_and(|only| !only.contains(&new.at)) {
            return false;
        }
        let full = self.entries.len() >= MOST;
        let point = self.map.at(new.at);
        let good = point.is_some_and(|point| usable(&self.map, point, &new).is_ok());
        let undated = unasked && trusted(&new).is_none() && (good || point.is_none());
        let Some(entry) = self.entries.get_mut(&new.at) else {
            if full && point.is_none() {
                return false;
            }
            let at = measured(&new);
            let (good_at, events) = (good.then_some(at), new.event);
            let entry = Entry { seen: new, at, good_at, turn: self.turn, events, old: false, doubt: None };
            self.entries.insert(new.at, entry);
            return true;
        };
        entry.events |= new.event;
        if undated {
            entry.doubt = Some(new);
            return false;
        }
        // After a lost connection, what is read is news however our clock was set meanwhile.
        if older(&new, &entry.seen) && (new.event || !entry.old) {
            let same = (new.raw - entry.seen.raw).abs() <= f64::EPSILON && new.flags == entry.seen.flags;
            if new.event {
                entry.doubt = (!same).then_some(new);
            }
            return false;
        }
        entry.put(new, good, self.turn);
        true
    }

    /// A request for events was answered, and none was lost: what reports its changes and told none is as it was.
    pub fn confirm(&mut self) {
        for entry in
            self.entries.values_mut().filter(|entry| entry.events && !entry.old && entry.doubt.is_none())
        {
            entry.turn = self.turn;
        }
    }

    /// Points to be read again: what they said last is not sure.
    pub fn doubts(&self) -> impl Iterator<Item = Doubt> {
        self.entries.values().filter_map(|entry| entry.doubt.map(Doubt::of))
    }

    /// A point in doubt cannot be read: what came last is believed. A doubt that came up since is another one: what was read in
    /// between may have ended the first.
    pub fn settle(&mut self, doubted: Doubt) {
        let Doubt { at, .. } = doubted;
        if let Some(entry) = self.entries.get_mut(&at)
            && let Some(doubt) = entry.doubt.take_if(|doubt| Doubt::of(*doubt) == doubted)
        {
            let good = self.map.at(at).is_some_and(|point| usable(&self.map, point, &doubt).is_ok());
            entry.put(doubt, good, self.turn);
        }
    }

    /// When what a point says was measured.
    #[must_use]
    pub fn measured(&self, at: At) -> Option<Timestamp> {
        self.entries.get(&at).map(|entry| entry.at)
    }

    /// When a point had a value that could be used, last.
    #[must_use]
    pub fn last_good(&self, at: At) -> Option<Timestamp> {
        self.entries.get(&at)?.good_at
    }

    /// What came last of a point, as it came.
    #[must_use]
    pub fn seen(&self, at: At) -> Option<&Seen> {
        self.entries.get(&at).map(|entry| &entry.seen)
    }

    /// The raw value of a point that shows a setting: usable without ONLINE, which the profile clears while a mode is off.
    #[must_use]
    pub fn setting(&self, at: At) -> Option<f64> {
        let Entry { seen, .. } = self.entries.get(&at).filter(|entry| !entry.old)?;
        let lost = seen.flags & (flag::RESTART | flag::COMM_LOST) != 0;
        (!lost && seen.raw.is_finite()).then_some(seen.raw)
    }

    /// Whether a point is on: a binary one, a double-bit one that is on, or a number that is not 0. `None` if that is not
    /// known.
    #[must_use]
    pub fn is_on(&self, at: At) -> Option<bool> {
        match self.map.at(at) {
            Some(point) => self.shows(point),
            None => on(at.kind, self.setting(at)?),
        }
    }

    /// As [`Image::is_on`], of a point of the map.
    #[must_use]
    pub fn shows(&self, point: &OutstationPoint) -> Option<bool> {
        on(point.at.kind, self.sound(point)?.ok()?.raw)
    }

    /// What a point of the map says, scaled as the map says.
    #[must_use]
    pub fn value(&self, point: &OutstationPoint) -> Value {
        match self.judge(point) {
            None => Value::Absent,
            Some(Err(why)) => Value::Bad(why),
            Some(Ok(seen)) => {
                let value = point.value(seen.raw);
                if value.is_finite() {
                    Value::Number { value, forced: seen.flags & flag::FORCED != 0 }
                } else {
                    Value::Bad("its value is not a number")
                }
            }
        }
    }

    /// The value of a named point in the unit of its quantity if it has one, else scaled as the map says; only if it can be
    /// used.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<f64> {
        let point = self.map.point(name)?;
        self.value(point).number().map(|value| point.in_quantity(value))
    }

    /// Why nothing is to be commanded now, in words.
    #[must_use]
    pub fn blocked(&self) -> Option<String> {
        let mut reasons = self.map.points.iter().filter_map(|point| Some((point, point.blocks.as_ref()?)));
        reasons.find(|(point, _)| self.shows(point) == Some(true)).map(|(_, words)| words.clone())
    }

    /// What came last, if it can be used, or why it cannot; `None` if there is no value, or it does not count now.
    fn judge(&self, point: &OutstationPoint) -> Option<Result<&Seen, &'static str>> {
        let counts = point.only_while.is_none_or(|switch| self.is_on(switch) == Some(true));
        self.sound(point).filter(|_| counts)
    }

    /// The same, whatever it depends on.
    fn sound(&self, point: &OutstationPoint) -> Option<Result<&Seen, &'static str>> {
        let Entry { seen, old, .. } = self.entries.get(&point.at)?;
        let usable = if *old { Err(OLD) } else { usable(&self.map, point, seen) };
        Some(usable.map(|()| seen))
    }
}

impl Entry {
    /// Puts a later word in place.
    fn put(&mut self, new: Seen, good: bool, turn: u64) {
        let at = measured(&new);
        // A time after the receipt of this is of a clock of ours that was set back since.
        self.at = if self.at <= new.heard { at.max(self.at) } else { at };
        self.good_at = if good { Some(self.at) } else { self.good_at };
        (self.seen, self.turn, self.old, self.doubt) = (new, turn, false, None);
    }
}

/// When something was measured: by the clock of the outstation if it vouches for it and is not ahead of ours, else when it was
/// received. Never later than that.
#[must_use]
pub fn measured(seen: &Seen) -> Timestamp {
    trusted(seen).map_or(seen.heard, |at| at.min(seen.heard))
}

/// Whether what came of a point can be used.
///
/// # Errors
/// Why not, in words.
pub fn usable(map: &OutstationMap, point: &OutstationPoint, seen: &Seen) -> Result<(), &'static str> {
    let assume_online = map.quality.assume_online || point.without_online;
    if let Some(why) = fault(point.at.kind, seen.flags, assume_online) {
        return Err(why);
    }
    if !seen.raw.is_finite() {
        return Err("its value is not a number");
    }
    let mut nulls = map.quality.null_raw.iter().chain(&point.invalid);
    if nulls.any(|null| is(seen.raw, *null)) {
        return Err("it says that it has no value");
    }
    Ok(())
}

/// When something was measured, if the outstation says so and can be believed.
fn trusted(seen: &Seen) -> Option<Timestamp> {
    seen.stamp.filter(|stamp| plausible(*stamp, seen.heard)).map(|stamp| stamp.at)
}

/// True if something is older than what is known.
fn older(new: &Seen, known: &Seen) -> bool {
    let straggles = || {
        (SignedDuration::ZERO..STRAGGLER).contains(&known.heard.duration_since(new.heard))
            && new.heard < known.heard
    };
    match (new.stamp, known.stamp) {
        (Some(a), Some(b)) if a.synchronised == b.synchronised => a.at < b.at,
        (Some(_), _) if new.event && !known.event => match trusted(new) {
            Some(at) => at < known.heard,
            None => straggles(),
        },
        _ => straggles(),
    }
}

/// True if the outstation vouches for its clock, and it is not ahead of ours.
#[must_use]
pub fn plausible(stamp: Stamp, heard: Timestamp) -> bool {
    let ahead = heard.checked_add(AHEAD).is_ok_and(|most| stamp.at > most);
    stamp.synchronised && !ahead
}

/// Why a value with these flags cannot be used. Forced ones can (DNP3 reference 1.5).
#[must_use]
pub fn fault(kind: PointKind, flags: u8, assume_online: bool) -> Option<&'static str> {
    let analog = matches!(kind, PointKind::AnalogInput | PointKind::AnalogOutput);
    let has = |bit: u8| flags & bit != 0;
    if has(flag::COMM_LOST) {
        Some("the outstation has lost what it comes from (COMM_LOST)")
    } else if has(flag::RESTART) {
        Some("it was not measured since the outstation restarted (RESTART)")
    } else if !has(flag::ONLINE) && !assume_online {
        Some("it is not live (ONLINE is not set)")
    } else if analog && has(flag::OVER_RANGE) {
        Some("it is over its range (OVER_RANGE)")
    } else if analog && has(flag::REFERENCE_ERR) {
        Some("its reference is wrong (REFERENCE_ERR)")
    } else {
        None
    }
}

/// Whether a raw value means on.
fn on(kind: PointKind, raw: f64) -> Option<bool> {
    match kind {
        PointKind::DoubleBitInput if is(raw, 1) => Some(false),
        PointKind::DoubleBitInput if is(raw, 2) => Some(true),
        PointKind::DoubleBitInput => None,
        _ => Some(!is(raw, 0)),
    }
}

/// True if a raw value is a whole number.
#[must_use]
pub fn is(raw: f64, number: i64) -> bool {
    let whole = i32::try_from(number).map(f64::from).or_else(|_| u32::try_from(number).map(f64::from));
    whole.is_ok_and(|whole| (raw - whole).abs() < 1e-9)
}

#[cfg(test)]
pub mod tests;
