//! The dispatches: which are followed now, which device belongs to which, and who is to be released.
//!
//! Pure: state, event and `now` in; commands and durable changes out. Of several dispatches that cover a device the one
//! accepted last has it; when that is over, the one before has it again. A device that no dispatch has any more is
//! released. How a target is split and asked for is in `follow`.

use super::groups::Groups;
use super::held::{Held, setpoint};
use super::port::{Aim, Change, Command, CommandEnd, CommandId, DispatchPhase, DispatchRecord};
use super::registry::Registry;
use super::service::Ask;
use super::settings::Settings;
use crate::der::{Capability, DeviceIndex, DispatchState, Effect, Parameter, Setpoint};
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// The time of a decision: of the wall for schedules, of the machine for waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) wall: Timestamp,
    pub(super) mono: Instant,
}

/// All dispatches, and what each device holds for them.
#[derive(Debug, Default)]
pub(super) struct Dispatches {
    /// By mRID key; what is durable.
    pub(super) records: HashMap<String, DispatchRecord>,
    /// In order of acceptance; what is going on.
    pub(super) running: Vec<Running>,
    pub(super) held: Vec<Held>,
    /// The order of the dispatch that has a device in this step.
    pub(super) owner: Vec<Option<u64>>,
    /// When the first decision was taken.
    pub(super) started: Option<Instant>,
    next_order: u64,
    next_command: CommandId,
}

/// One dispatch that has not been forgotten.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) key: String,
    pub(super) order: u64,
    pub(super) state: DispatchState,
    /// It has been active: its members may have been commanded.
    begun: bool,
    pub(super) target: Option<f64>,
    pub(super) shortfall: f64,
    /// What each device was asked, as far as this dispatch has it.
    pub(super) asks: Vec<(DeviceIndex, Ask)>,
}

/// What a step comes to.
#[derive(Debug, Default)]
pub(super) struct Actions {
    pub(super) commands: Vec<(DeviceIndex, Command)>,
    pub(super) changes: Vec<Change>,
}

/// What the dispatches look at.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) registry: &'a Registry,
    pub(super) groups: &'a Groups,
    pub(super) settings: &'a Settings,
}

impl Dispatches {
    pub(super) fn new(devices: usize) -> Self {
        Self {
            held: vec![Held::default(); devices],
            owner: vec![None; devices],
            next_order: 1,
            ..Self::default()
        }
    }

    pub(super) fn next_order(&self) -> u64 {
        self.next_order
    }

    /// Writes a record, new or changed.
    pub(super) fn put(&mut self, mut record: DispatchRecord) {
        if record.phase == DispatchPhase::Ended {
            // Nobody asks for them any more, and they may be ten thousand in each of hundreds of dispatches.
            record.members = Vec::new();
        }
        self.next_order = self.next_order.max(record.order + 1);
        let key = record.dispatch.mrid.key().to_owned();
        let state = match record.phase {
            DispatchPhase::Accepted => None,
            DispatchPhase::Releasing => Some(DispatchState::Releasing),
            DispatchPhase::Ended => Some(DispatchState::Ended),
        };
        if let Some(running) = self.running.iter_mut().find(|r| r.key == key) {
            if let Some(state) = state {
                running.state = state;
                running.target = None;
            }
        } else {
            self.running.push(Running {
                key: key.clone(),
                order: record.order,
                state: state.unwrap_or(DispatchState::Scheduled),
                begun: false,
                target: None,
                shortfall: 0.0,
                asks: Vec::new(),
            });
        }
        self.records.insert(key, record);
    }

    pub(super) fn forget(&mut self, key: &str) {
        self.records.remove(key);
        self.running.retain(|r| r.key != key);
    }

    /// After a restart: every device that a stored dispatch may have commanded counts as engaged, so that it is
    /// commanded again or released.
    pub(super) fn resume(&mut self, registry: &Registry, now: Timestamp) {
        for running in &mut self.running {
            let Some(record) = self.records.get(&running.key) else { continue };
            running.begun = record.dispatch.start().is_none_or(|start| start <= now);
            if record.phase == DispatchPhase::Ended || !running.begun {
                continue;
            }
            for index in record.members.iter().filter_map(|m| registry.by_mrid(m)) {
                if let Some(held) = self.held.get_mut(index.get()) {
                    held.engaged = true;
                }
            }
        }
    }

    /// Takes the end of a command.
    pub(super) fn ended(&mut self, end: &CommandEnd, field: &Field, now: Now) {
        let capability = field.registry.get(end.device).and_then(|d| d.capability);
        if let Some(held) = self.held.get_mut(end.device.get()) {
            held.ended(end, capability.as_ref(), now, field.settings);
        }
    }

    /// Learns from a device's new readings.
    pub(super) fn reported(&mut self, index: DeviceIndex, field: &Field, now: Now) {
        let Some(device) = field.registry.get(index) else { return };
        let (Some(capability), Some(power)) = (device.capability, device.active_power()) else { return };
        if let Some(held) = self.held.get_mut(index.get()) {
            let settle = device.pace.settling(field.settings.settle);
            held.measured(power, &capability, now, settle);
        }
    }

    /// Takes what the measurements showed after a command.
    pub(super) fn saw_effect(&mut self, index: DeviceIndex, setpoint: &Setpoint, effect: &Effect) {
        if let Some(held) = self.held.get_mut(index.get()) {
            held.saw_effect(setpoint, effect);
        }
    }

    /// A device that was away answers again.
    pub(super) fn returned(&mut self, index: DeviceIndex) {
        if let Some(held) = self.held.get_mut(index.get()) {
            held.returned();
        }
    }

    /// What was wrong with a device is so no more, such as its local control.
    pub(super) fn recovered(&mut self, index: DeviceIndex, now: Instant) {
        if let Some(held) = self.held.get_mut(index.get()) {
            held.recovered(now);
        }
    }

    /// Decides everything that is due: states, shares, commands, releases.
    pub(super) fn step(&mut self, field: &Field, now: Now) -> Actions {
        let mut actions = Actions::default();
        self.started.get_or_insert(now.mono);
        self.owner.fill(None);
        self.running.sort_by_key(|r| r.order);
        for place in (0..self.running.len()).rev() {
            self.advance(place, now.wall, &mut actions);
            self.follow(place, field, now, &mut actions);
        }
        self.release(field, now.mono, &mut actions);
        self.finish(field, &mut actions);
        self.prune(field.settings.keep_ended, &mut actions);
        actions
    }

    /// Moves a dispatch from state to state as its time goes.
    fn advance(&mut self, place: usize, now: Timestamp, actions: &mut Actions) {
        let Some(running) = self.running.get_mut(place) else { return };
        let Some(record) = self.records.get_mut(&running.key) else { return };
        if record.phase != DispatchPhase::Accepted {
            return;
        }
        running.target = record.dispatch.target_at(now);
        let before = running.state;
        if record.dispatch.end().is_none_or(|end| end <= now) {
            record.phase = DispatchPhase::Releasing;
            running.state = DispatchState::Releasing;
            actions.changes.push(Change::PutDispatch(record.clone()));
        } else if running.target.is_some() {
            running.state = DispatchState::Active;
            running.begun = true;
        } else {
            running.state = DispatchState::Scheduled;
        }
        if running.state != before {
            tracing::info!(dispatch = %record.dispatch.mrid, state = running.state.name(), "dispatch state changed");
        }
        if running.state != DispatchState::Active {
            running.asks.clear();
            running.shortfall = 0.0;
        }
    }

    /// Sends a command, and remembers it.
    pub(super) fn send(
        &mut self,
        index: DeviceIndex,
        (setpoint, hold): (Setpoint, Duration),
        now: Instant,
        field: &Field,
        actions: &mut Actions,
    ) {
        let Some(held) = self.held.get_mut(index.get()) else { return };
        self.next_command += 1;
        held.sending(self.next_command, setpoint.clone(), hold, now);
        let usual = field.settings.command_expiry;
        let pace = field.registry.get(index).map(|device| device.pace).unwrap_or_default();
        let expires_at = now + pace.order_within(usual, held.took(), hold);
        actions.commands.push((index, Command { id: self.next_command, setpoint, hold, expires_at }));
    }

    pub(super) fn owned(&self, index: DeviceIndex) -> bool {
        self.owner.get(index.get()).is_some_and(Option::is_some)
    }

    /// Releases engaged devices that no dispatch has. One that is away is released when it answers again; one whose
    /// capability is not known yet may still belong to an active dispatch.
    fn release(&mut self, field: &Field, now: Instant, actions: &mut Actions) {
        let mut due = Vec::new();
        for (place, held) in self.held.iter_mut().enumerate().filter(|(_, held)| held.engaged) {
            let index = DeviceIndex::new(place);
            if self.owner.get(place).is_some_and(Option::is_some) {
                continue;
            }
            let Some(device) = field.registry.get(index) else { continue };
            match device.capability {
                None => {}
                // After a restart: it could not have been asked. One that hides its controls at night was.
                Some(capability) if !can_be_asked(&capability) && held.never_asked() => held.engaged = false,
                Some(_) if device.state.takes_commands() && held.wants_release(now) => due.push(index),
                Some(_) => {}
            }
        }
        for index in due {
            let release = (Setpoint::ReleaseActivePower, Duration::ZERO);
            self.send(index, release, now, field, actions);
        }
    }

    /// Ends the dispatches whose members are all released. A member that a later dispatch was given has to be released
    /// by that one: a dead device must not keep every dispatch open that it ever was in.
    fn finish(&mut self, field: &Field, actions: &mut Actions) {
        if !self.running.iter().any(|r| r.state == DispatchState::Releasing) {
            return;
        }
        let mut last: Vec<u64> = vec![0; self.held.len()];
        for running in self.running.iter().filter(|r| r.begun && r.state != DispatchState::Ended) {
            for index in self.records.get(&running.key).into_iter().flat_map(|r| members(r, field)) {
                if let Some(last) = last.get_mut(index.get()) {
                    *last = running.order.max(*last);
                }
            }
        }
        for place in 0..self.running.len() {
            let Some(running) = self.running.get(place).filter(|r| r.state == DispatchState::Releasing)
            else {
                continue;
            };
            let Some(record) = self.records.get(&running.key) else { continue };
            let waiting = members(record, field).any(|index| {
                let engaged = self.held.get(index.get()).is_some_and(|h| h.engaged);
                engaged && !self.owned(index) && last.get(index.get()).is_none_or(|o| *o <= running.order)
            });
            if !waiting {
                self.end(place, actions);
            }
        }
    }

    fn end(&mut self, place: usize, actions: &mut Actions) {
        let Some(running) = self.running.get_mut(place) else { return };
        let Some(record) = self.records.get_mut(&running.key) else { return };
        record.phase = DispatchPhase::Ended;
        running.state = DispatchState::Ended;
        running.asks.clear();
        tracing::info!(dispatch = %record.dispatch.mrid, state = "ended", "dispatch state changed");
        actions.changes.push(Change::PutDispatch(record.clone()));
        record.members = Vec::new();
    }

    /// Forgets the ended dispatches beyond those kept for the record, those first whose time was over first.
    fn prune(&mut self, keep: usize, actions: &mut Actions) {
        let ended = self.running.iter().filter(|r| r.state == DispatchState::Ended);
        let surplus = ended.clone().count().saturating_sub(keep);
        if surplus == 0 {
            return;
        }
        let mut oldest: Vec<&Running> = ended.collect();
        oldest.sort_by_key(|r| self.records.get(&r.key).and_then(|record| record.dispatch.end()));
        let keys: Vec<String> = oldest.into_iter().take(surplus).map(|r| r.key.clone()).collect();
        for key in keys {
            if let Some(record) = self.records.get(&key) {
                actions.changes.push(Change::DeleteDispatch(record.dispatch.mrid.clone()));
            }
            self.forget(&key);
        }
    }

    /// What the members of a dispatch deliver, as far as the group's aggregate knows.
    pub(super) fn delivered(record: &DispatchRecord, groups: &Groups) -> (Option<f64>, usize) {
        let view = groups.aggregate(&record.dispatch.group, Parameter::ActivePower);
        view.map_or((None, 0), |v| (v.value, v.rests_on))
    }
}

/// True if some dispatch could ask it for active power.
fn can_be_asked(capability: &Capability) -> bool {
    [Aim::Value, Aim::Cap].into_iter().any(|aim| setpoint(0.0, aim, capability).is_some())
}

/// The devices that a dispatch was given to.
fn members<'a>(record: &'a DispatchRecord, field: &Field<'a>) -> impl Iterator<Item = DeviceIndex> + 'a {
    let registry = field.registry;
    record.members.iter().filter_map(|m| registry.by_mrid(m))
}

#[cfg(test)]
mod tests;
