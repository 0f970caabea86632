//! The dispatches: which are followed now, which device belongs to which, and what each device is asked.
//!
//! Pure: state, event and `now` in; commands and durable changes out. Of several dispatches that cover a device the one
//! accepted last has it; when that is over, the one before has it again. A device that no dispatch has any more is
//! released.

use super::allocate::{Bounds, split};
use super::groups::Groups;
use super::held::{Held, setpoint};
use super::port::{Change, Command, CommandEnd, CommandId, DispatchPhase, DispatchRecord};
use super::registry::Registry;
use super::service::Ask;
use super::settings::Settings;
use crate::der::{Controls, DerFunction, DeviceIndex, DispatchState, Parameter, Quantity, Setpoint};
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
    owner: Vec<Option<u64>>,
    next_order: u64,
    next_command: CommandId,
}

/// One dispatch that has not been forgotten.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) key: String,
    pub(super) order: u64,
    pub(super) state: DispatchState,
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
    pub(super) fn put(&mut self, record: DispatchRecord) {
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
        for record in self.records.values() {
            let begun = record.dispatch.start().is_none_or(|start| start <= now);
            if record.phase == DispatchPhase::Ended || !begun {
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
    pub(super) fn ended(&mut self, end: &CommandEnd, field: &Field, now: Instant) {
        let capability = field.registry.get(end.device).and_then(|d| d.capability);
        if let Some(held) = self.held.get_mut(end.device.get()) {
            held.ended(end.id, &end.outcome, capability.as_ref(), now, field.settings);
        }
    }

    /// Learns from a device's new readings.
    pub(super) fn reported(&mut self, index: DeviceIndex, field: &Field, now: Instant) {
        let Some(device) = field.registry.get(index) else { return };
        let (Some(capability), Some(power)) = (device.capability, device.trusted(Quantity::ActivePower))
        else {
            return;
        };
        if let Some(held) = self.held.get_mut(index.get()) {
            held.measured(power, &capability, now, field.settings.settle);
        }
    }

    /// A device that was away answers again.
    pub(super) fn returned(&mut self, index: DeviceIndex) {
        if let Some(held) = self.held.get_mut(index.get()) {
            held.returned();
        }
    }

    /// Decides everything that is due: states, shares, commands, releases.
    pub(super) fn step(&mut self, field: &Field, now: Now) -> Actions {
        let mut actions = Actions::default();
        self.owner.fill(None);
        self.running.sort_by_key(|r| r.order);
        for place in (0..self.running.len()).rev() {
            self.advance(place, now.wall, &mut actions);
            self.follow(place, field, now, &mut actions);
        }
        self.release(field, now, &mut actions);
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

    /// Splits the target of an active dispatch and asks its members.
    fn follow(&mut self, place: usize, field: &Field, now: Now, actions: &mut Actions) {
        let Some(running) = self.running.get(place) else { return };
        let (Some(target), DispatchState::Active) = (running.target, running.state) else { return };
        let Some(record) = self.records.get(&running.key) else { return };
        let Some(group) = field.groups.get(&record.dispatch.group) else { return };
        let (order, ends) = (running.order, record.dispatch.end());
        let limit_only = !group.functions.has(DerFunction::RealPowerDispatch);
        let members = field.groups.members(&group.mrid).to_vec();

        let mut fixed = 0.0;
        let mut able: Vec<(DeviceIndex, Bounds)> = Vec::with_capacity(members.len());
        for index in &members {
            match self.bounds(*index, limit_only, field, now.mono) {
                Ok(bounds) => able.push((*index, bounds)),
                Err(delivers) => fixed += delivers,
            }
        }
        let bounds: Vec<Bounds> = able.iter().map(|(_, b)| *b).collect();
        let shared = split(if limit_only { (target - fixed).max(0.0) } else { target - fixed }, &bounds);
        let hold = hold(ends, now.wall, field.settings.hold);
        let mut asks: HashMap<DeviceIndex, f64> = HashMap::with_capacity(able.len());
        for ((index, bounds), share) in able.iter().zip(&shared.shares) {
            if let Some(owner) = self.owner.get_mut(index.get()) {
                *owner = Some(order);
            }
            let Some(capability) = field.registry.get(*index).and_then(|d| d.capability) else { continue };
            let ask = with_probe(*share, bounds, shared.level, Held::probe(&capability));
            asks.insert(*index, ask);
            if let Some(setpoint) = setpoint(ask, limit_only, &capability) {
                self.ask(*index, (setpoint, hold), field, now.mono, actions);
            }
        }
        if let Some(running) = self.running.get_mut(place) {
            running.shortfall = shared.shortfall;
            let ask = |index: &DeviceIndex| asks.get(index).map_or(Ask::Nothing, |w| Ask::Share(*w));
            running.asks = members.iter().map(|index| (*index, ask(index))).collect();
        }
    }

    /// What a member can take, or what it delivers by itself if it cannot be asked: because a later dispatch has it, it
    /// is away, it has no control for it, or it said no.
    fn bounds(
        &self,
        index: DeviceIndex,
        limit_only: bool,
        field: &Field,
        now: Instant,
    ) -> Result<Bounds, f64> {
        let (Some(device), Some(held)) = (field.registry.get(index), self.held.get(index.get())) else {
            return Err(0.0);
        };
        let delivers = device.trusted(Quantity::ActivePower).unwrap_or_default();
        if self.owner.get(index.get()).is_some_and(Option::is_some) {
            return Err(held.asked().unwrap_or(delivers));
        }
        if !device.state.takes_commands() {
            return Err(0.0);
        }
        let Some(capability) = device.capability else { return Err(delivers) };
        if held.refuses(now) || setpoint(0.0, limit_only, &capability).is_none() {
            return Err(delivers);
        }
        let (high, low) = held.expected(&capability);
        Ok(Bounds {
            inject: capability.injection_max.get(),
            absorb: if limit_only { 0.0 } else { capability.absorption_max.get() },
            high,
            low: if limit_only { 0.0 } else { low },
        })
    }

    /// Sends a command if it is worth one.
    fn ask(
        &mut self,
        index: DeviceIndex,
        (setpoint, hold): (Setpoint, Duration),
        field: &Field,
        now: Instant,
        actions: &mut Actions,
    ) {
        let Some(capability) = field.registry.get(index).and_then(|d| d.capability) else { return };
        let Some(held) = self.held.get_mut(index.get()) else { return };
        if !held.wants(setpoint, &capability, now, field.settings) {
            return;
        }
        self.next_command += 1;
        held.sending(self.next_command, setpoint, now);
        let expires_at = now + field.settings.command_expiry;
        actions.commands.push((index, Command { id: self.next_command, setpoint, hold, expires_at }));
    }

    /// Releases engaged devices that no dispatch has.
    fn release(&mut self, field: &Field, now: Now, actions: &mut Actions) {
        for (place, held) in self.held.iter_mut().enumerate() {
            if !held.engaged || self.owner.get(place).is_some_and(Option::is_some) {
                continue;
            }
            let index = DeviceIndex::new(place);
            let Some(device) = field.registry.get(index) else { continue };
            if device.capability.is_some_and(|c| c.controls == Controls::NONE) {
                held.engaged = false;
                continue;
            }
            // A device that is away keeps its place: an active dispatch may have it back, and if not it is released
            // when it answers again.
            if !device.state.takes_commands() || !held.wants_release(now.mono) {
                continue;
            }
            self.next_command += 1;
            let setpoint = Setpoint::ReleaseActivePower;
            held.sending(self.next_command, setpoint, now.mono);
            let expires_at = now.mono + field.settings.command_expiry;
            let command = Command { id: self.next_command, setpoint, hold: Duration::ZERO, expires_at };
            actions.commands.push((index, command));
        }
    }

    /// Ends the dispatches whose members are all released or held by another dispatch.
    fn finish(&mut self, field: &Field, actions: &mut Actions) {
        for running in self.running.iter_mut().filter(|r| r.state == DispatchState::Releasing) {
            let Some(record) = self.records.get_mut(&running.key) else { continue };
            let mut devices = record.members.iter().filter_map(|m| field.registry.by_mrid(m));
            let waiting = devices.any(|index| {
                let engaged = self.held.get(index.get()).is_some_and(|h| h.engaged);
                let owned = self.owner.get(index.get()).is_some_and(Option::is_some);
                engaged && !owned
            });
            if !waiting {
                record.phase = DispatchPhase::Ended;
                running.state = DispatchState::Ended;
                running.asks.clear();
                tracing::info!(dispatch = %record.dispatch.mrid, state = "ended", "dispatch state changed");
                actions.changes.push(Change::PutDispatch(record.clone()));
            }
        }
    }

    /// Forgets the oldest ended dispatches beyond those kept for the record.
    fn prune(&mut self, keep: usize, actions: &mut Actions) {
        let ended = self.running.iter().filter(|r| r.state == DispatchState::Ended);
        let surplus = ended.clone().count().saturating_sub(keep);
        let keys: Vec<String> = ended.take(surplus).map(|r| r.key.clone()).collect();
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

/// A member at its bound is asked for a little more, up to what it would get without the bound, so that it can show when
/// it recovers.
fn with_probe(share: f64, bounds: &Bounds, level: f64, probe: f64) -> f64 {
    if share > 0.0 && share >= bounds.high
        || share == 0.0 && bounds.high == 0.0 && bounds.inject > 0.0 && level > 0.0
    {
        (share + probe).min(bounds.inject).min(level * bounds.inject)
    } else if share < 0.0 && share <= bounds.low {
        (share - probe).max(-bounds.absorb).max(-level * bounds.absorb)
    } else {
        share
    }
}

/// How long a device may hold a setpoint without hearing from us: not beyond the end of the dispatch.
fn hold(ends: Option<Timestamp>, now: Timestamp, longest: Duration) -> Duration {
    let left = ends.map(|e| e.duration_since(now)).and_then(|d| Duration::try_from(d).ok());
    left.map_or(longest, |left| left.min(longest)).max(Duration::from_secs(1))
}
