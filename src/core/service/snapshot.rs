//! What can be seen of the core at one moment: plain values behind `Arc`, shared and never changed.

use super::{Reference, Refusal};
use crate::der::{
    Capability, DeviceState, DispatchState, Effect, EndDeviceGroup, Mrid, Name, Nameplate, Parameter,
    Quality, Quantity, SequenceEvent, Setpoint,
};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Everything at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Devices in registry order.
    pub devices: Arc<Vec<Arc<DeviceView>>>,
    /// Groups in order of creation.
    pub groups: Vec<Arc<GroupView>>,
    /// Dispatches in order of acceptance, ended ones among them for a while.
    pub dispatches: Vec<Arc<DispatchView>>,
    /// Counts since the start.
    pub counters: Counters,
    /// When the core last looked; it does so several times a second as long as it lives.
    pub taken: Option<tokio::time::Instant>,
    /// True while the store does not write.
    pub store_failing: bool,
    /// Place of each group in `groups` by mRID key.
    pub by_mrid: Arc<HashMap<String, usize>>,
    /// Places of groups in `groups` by name text.
    pub by_name: Arc<HashMap<String, Vec<usize>>>,
}

/// Counts since the gateway started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counters {
    /// Polls that came up.
    pub polls: u64,
    /// Readings that came up.
    pub readings: u64,
    /// Commands sent down.
    pub commands: u64,
    /// Ends of commands by the name of their outcome.
    pub outcomes: Vec<(&'static str, u64)>,
    /// What commands were seen to do, by the name of the effect.
    pub effects: Vec<(&'static str, u64)>,
    /// Events that devices recorded by themselves.
    pub events: u64,
    /// Dispatches accepted.
    pub dispatches: u64,
    /// How late polls began.
    pub lateness: Lateness,
}

/// How late polls began after their due time, counted by bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lateness {
    /// Polls by [`Lateness::BOUNDS`]; the last are those beyond every bound.
    pub counts: [u64; Self::BOUNDS.len() + 1],
    /// All of it.
    pub sum: Duration,
}

impl Lateness {
    /// Upper bounds, s.
    pub const BOUNDS: [f64; 8] = [0.001, 0.002, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0];

    pub(in crate::core) fn count(&mut self, lateness: Duration) {
        let seconds = lateness.as_secs_f64();
        let place = Self::BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(Self::BOUNDS.len());
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(lateness);
    }
}

/// One device.
#[derive(Clone, Debug)]
pub struct DeviceView {
    /// Its identity.
    pub mrid: Mrid,
    /// What a person calls it.
    pub name: String,
    /// How it is reached, as in the configuration; it holds no secret.
    pub link: Arc<str>,
    /// The id of the device map in use; `None` while it is still to be found which map suits the device.
    pub map: Option<Arc<str>>,
    /// How it and the gateway stand to each other.
    pub state: DeviceState,
    /// Why, if the state does not say it all.
    pub reason: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Who it is, once known.
    pub nameplate: Option<Arc<Nameplate>>,
    /// What it can be asked to do, once known.
    pub capability: Option<Capability>,
    /// What it has reported, each quantity once.
    pub readings: Vec<ReadingView>,
    /// What the last command that was watched has shown.
    pub effect: Option<EffectView>,
    /// The latest events that it recorded by itself, latest received first.
    pub sequence: Arc<Vec<EventView>>,
    /// How many older ones are neither in `sequence` nor counted there as repeated.
    pub events_left_out: u64,
}

/// One event that a device recorded by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct EventView {
    /// What the device told.
    pub event: Arc<SequenceEvent>,
    /// When the gateway received it: a device's clock may be wrong.
    pub received: Timestamp,
    /// How often the device had told the same before this one, beside the events that have an entry of their own.
    pub repeats: u64,
    /// When the first of these was, by the same clock as `event`; `None` if there was none.
    pub first: Option<Timestamp>,
}

impl std::ops::Deref for EventView {
    type Target = SequenceEvent;

    fn deref(&self) -> &SequenceEvent {
        &self.event
    }
}

/// What the measurements showed after a command.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectView {
    /// What was asked.
    pub asked: Setpoint,
    /// Whether the device followed.
    pub effect: Effect,
    /// When that was seen.
    pub at: Timestamp,
}

/// The latest reading of one quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadingView {
    /// Of what.
    pub quantity: Quantity,
    /// In the unit of the quantity; `None` if it is not known.
    pub value: Option<f64>,
    /// Whether it can be trusted now.
    pub quality: Quality,
    /// When it was measured.
    pub at: Option<Timestamp>,
}

/// One group and what its members add up to.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// The group itself.
    pub group: Arc<EndDeviceGroup>,
    /// What is known of each parameter that the group can report.
    pub parameters: Vec<ParameterView>,
    /// Members whose device answers now.
    pub online: usize,
    /// Members that are no device of this gateway (any more).
    pub missing: Vec<Mrid>,
}

impl GroupView {
    /// `Online` if every member answers, `Degraded` if some do, `Offline` if none does, `Empty` without members.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match (self.online, self.group.members.len()) {
            (_, 0) => "Empty",
            (0, _) => "Offline",
            (n, all) if n == all => "Online",
            _ => "Degraded",
        }
    }
}

/// One parameter of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterView {
    /// Which.
    pub parameter: Parameter,
    /// The aggregate in the SI unit of the parameter: a sum for powers, a mean for voltage. `None` if no member's value
    /// can be trusted.
    pub value: Option<f64>,
    /// The newest of the measurements in it.
    pub at: Option<Timestamp>,
    /// How many members it rests on.
    pub rests_on: usize,
    /// How many members' installed power is known.
    pub installed_on: usize,
    /// Most the members can inject together, where known.
    pub installed_max: Option<f64>,
    /// Least (most negative) the members can do together, where known.
    pub installed_min: Option<f64>,
}

/// One dispatch and what became of it.
#[derive(Clone, Debug)]
pub struct DispatchView {
    /// Its identity.
    pub mrid: Mrid,
    /// Alternative names.
    pub names: Vec<Name>,
    /// The group it is for.
    pub group: Mrid,
    /// What a person calls the group.
    pub group_name: String,
    /// What is asked for.
    pub parameter: Parameter,
    /// Where it stands.
    pub state: DispatchState,
    /// What matters to an operator now, such as a shortfall; empty if all is well.
    pub reason: String,
    /// When it begins.
    pub starts: Option<Timestamp>,
    /// When it ends.
    pub ends: Option<Timestamp>,
    /// The target now.
    pub asked: Option<f64>,
    /// What the group delivers now, as far as it is known.
    pub delivered: Option<f64>,
    /// How many members `delivered` rests on.
    pub rests_on: usize,
    /// How many members the group has.
    pub members: usize,
    /// Later dispatches have all members: nothing of what the group delivers is this one's.
    pub replaced: bool,
    /// Each member's part.
    pub shares: Vec<ShareView>,
}

/// One member's part in a dispatch.
#[derive(Clone, Debug, PartialEq)]
pub struct ShareView {
    /// The device.
    pub device: Mrid,
    /// What a person calls it.
    pub name: String,
    /// What it was asked.
    pub asked: Ask,
    /// What it delivers now.
    pub delivered: Option<f64>,
    /// How the last command to it ended; `waiting` while it has not, empty if there was none.
    pub outcome: &'static str,
    /// Whether what it holds of ours is bounded in time by the device itself. `Some(false)`: it stays until it is released,
    /// also if the gateway dies. `None` while it is not known to hold anything.
    pub bounded: Option<bool>,
    /// Why, in words for an operator.
    pub reason: String,
}

/// What a member was asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ask {
    /// Nothing: it cannot be asked, or another dispatch has it.
    Nothing,
    /// Its share of the target.
    Share(f64),
    /// To return to its own control.
    Release,
}

impl Snapshot {
    /// Builds the look-up tables of a list of groups.
    #[must_use]
    pub fn directory<'g>(
        groups: impl Iterator<Item = &'g EndDeviceGroup>,
    ) -> (HashMap<String, usize>, HashMap<String, Vec<usize>>) {
        let mut by_mrid = HashMap::new();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, group) in groups.enumerate() {
            by_mrid.insert(group.mrid.key().to_owned(), place);
            for name in &group.names {
                let places = by_name.entry(name.name.clone()).or_default();
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
        }
        (by_mrid, by_name)
    }

    /// The group that a request means: by mRID if it gives one, else by any of its names. An mRID and a name that mean
    /// two different groups are refused.
    ///
    /// # Errors
    /// [`Refusal::NoIdentity`], [`Refusal::UnknownGroup`], [`Refusal::AmbiguousName`], [`Refusal::IdentityMismatch`].
    pub fn find_group(&self, asked: &Reference) -> Result<&Arc<GroupView>, Refusal> {
        let groups: &[Arc<GroupView>] = &self.groups;
        let place = find(asked, &self.by_mrid, &self.by_name, |place| groups.get(place).map(|g| &*g.group))?;
        groups.get(place).ok_or(Refusal::UnknownGroup)
    }
}

/// The place of the group that a request means, in whatever list the tables index.
pub(in crate::core) fn find<'g>(
    asked: &Reference,
    by_mrid: &HashMap<String, usize>,
    by_name: &HashMap<String, Vec<usize>>,
    group: impl Fn(usize) -> Option<&'g EndDeviceGroup>,
) -> Result<usize, Refusal> {
    let mut named: Vec<usize> = Vec::new();
    for name in &asked.names {
        for &place in by_name.get(&name.name).into_iter().flatten() {
            let answers = group(place).is_some_and(|g| g.names.iter().any(|own| own.answers_to(name)));
            if answers && !named.contains(&place) {
                named.push(place);
            }
        }
    }
    if let Some(mrid) = &asked.mrid {
        let place = *by_mrid.get(mrid.key()).ok_or(Refusal::UnknownGroup)?;
        return match named.iter().find(|other| **other != place).and_then(|other| group(*other)) {
            Some(other) if !named.contains(&place) => {
                Err(Refusal::IdentityMismatch { other: other.mrid.clone() })
            }
            _ => Ok(place),
        };
    }
    match named.as_slice() {
        [place] => Ok(*place),
        [] if asked.names.is_empty() => Err(Refusal::NoIdentity),
        [] => Err(Refusal::UnknownGroup),
        several => Err(Refusal::AmbiguousName { count: several.len() }),
    }
}
