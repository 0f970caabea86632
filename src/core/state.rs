//! The state of the core, and how events change it. Pure but for the log: no channel, no clock.

use super::dispatch::{Actions, Dispatches, Field, Now};
use super::groups::Groups;
use super::port::{Change, CommandEnd, Report, Stored};
use super::registry::{DeviceEntry, Registry};
use super::requests::{Judge, Plan};
use super::service::{Counters, DispatchView, GroupChange, NewDispatch, NewGroup, Reference, Snapshot};
use super::settings::Settings;
use super::view;
use crate::der::{DeviceIndex, DeviceState, DispatchState, EndDeviceGroup, GroupDispatch, Outcome};
use jiff::Timestamp;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Everything the core knows.
#[derive(Debug)]
pub(super) struct State {
    pub(super) settings: Settings,
    registry: Registry,
    groups: Groups,
    pub(super) dispatches: Dispatches,
    counters: Counters,
    dispatch_views: Vec<Arc<DispatchView>>,
}

impl State {
    /// The state after a start: what was stored, and the groups of the configuration that were never created. The
    /// changes are those that this makes durable.
    pub(super) fn new(
        settings: Settings,
        devices: Vec<DeviceEntry>,
        stored: Stored,
        seeds: Vec<EndDeviceGroup>,
        now: Timestamp,
    ) -> (Self, Vec<Change>) {
        let registry = Registry::new(devices);
        let mut state = Self {
            dispatches: Dispatches::new(registry.len()),
            registry,
            settings,
            groups: Groups::default(),
            counters: Counters::default(),
            dispatch_views: Vec::new(),
        };
        let Stored { groups, dispatches, seeded, devices: records } = stored;
        for (mrid, record) in records {
            state.registry.restore(&mrid, record);
        }
        for group in groups {
            state.groups.put(group, &mut state.registry);
        }
        for record in dispatches {
            state.dispatches.put(record);
        }
        state.dispatches.resume(&state.registry, now);
        let mut changes = Vec::new();
        for group in seeds {
            if let Some(stored) = state.groups.get(&group.mrid)
                && differs(stored, &group)
            {
                tracing::warn!(
                    group = %group.mrid,
                    "group of the configuration is not the stored one, which counts; change it with ChangeDERGroups"
                );
            }
            if seeded.contains(&group.mrid) {
                continue;
            }
            changes.push(Change::MarkSeeded(group.mrid.clone()));
            if state.groups.get(&group.mrid).is_some() {
                continue;
            }
            if let Some(name) = state.groups.taken_name(&group.names, None) {
                tracing::warn!(group = %group.mrid, name, "group of the configuration not created: its name is taken");
                changes.pop();
                continue;
            }
            state.groups.put(group.clone(), &mut state.registry);
            changes.push(Change::PutGroup(group));
        }
        for group in state.groups.views().iter().filter(|g| !g.missing.is_empty()) {
            let missing = group.missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            tracing::warn!(group = %group.group.mrid, missing, "group has members that are no device of this gateway");
        }
        (state, changes)
    }

    fn judge(&self, now: Timestamp) -> Judge<'_> {
        Judge {
            settings: &self.settings,
            registry: &self.registry,
            groups: &self.groups,
            dispatches: &self.dispatches.records,
            next_order: self.dispatches.next_order(),
            now,
        }
    }

    pub(super) fn create_groups(&self, wanted: Vec<NewGroup>, now: Timestamp) -> Plan<EndDeviceGroup> {
        self.judge(now).create_groups(wanted)
    }

    pub(super) fn change_groups(&self, wanted: Vec<GroupChange>, now: Timestamp) -> Plan<EndDeviceGroup> {
        self.judge(now).change_groups(wanted)
    }

    pub(super) fn delete_groups(&self, wanted: &[Reference], now: Timestamp) -> Plan<EndDeviceGroup> {
        self.judge(now).delete_groups(wanted)
    }

    pub(super) fn create_dispatches(&self, wanted: Vec<NewDispatch>, now: Timestamp) -> Plan<GroupDispatch> {
        self.judge(now).create_dispatches(wanted)
    }

    /// Carries out changes that are durable now.
    pub(super) fn apply(&mut self, changes: Vec<Change>) {
        let mut deleted = Vec::new();
        for change in changes {
            match change {
                Change::PutGroup(group) => self.groups.put(group, &mut self.registry),
                Change::DeleteGroup(mrid) => deleted.push(mrid),
                Change::PutDispatch(record) => {
                    let known = self.dispatches.records.contains_key(record.dispatch.mrid.key());
                    self.counters.dispatches += u64::from(!known);
                    self.dispatches.put(record);
                }
                Change::DeleteDispatch(mrid) => self.dispatches.forget(mrid.key()),
                Change::MarkSeeded(_) | Change::PutDevice(..) => {}
            }
        }
        self.groups.remove(&deleted, &mut self.registry);
    }

    /// Takes what a driver reports.
    pub(super) fn report(&mut self, index: DeviceIndex, report: Report, now: Now) {
        let measured = matches!(report, Report::Poll(_) | Report::Readings(_));
        match &report {
            Report::Poll(poll) => {
                self.counters.polls += 1;
                self.counters.readings += poll.readings.len() as u64;
                self.counters.lateness.count(poll.lateness);
            }
            Report::Readings(readings) => self.counters.readings += readings.len() as u64,
            Report::Sequence(events) => self.counters.events += events.len() as u64,
            Report::Effect { setpoint, effect } => {
                count(&mut self.counters.effects, effect.name());
                self.dispatches.saw_effect(index, setpoint, effect);
            }
            _ => {}
        }
        let before = self.registry.get(index).map(|d| d.state).unwrap_or_default();
        self.registry.take(index, report, now);
        self.groups.refresh(index, &mut self.registry);
        let after = self.registry.get(index).map(|d| d.state).unwrap_or_default();
        if !before.takes_commands() && after.takes_commands() {
            self.dispatches.returned(index);
        }
        if before == DeviceState::Degraded && after == DeviceState::Online {
            self.dispatches.recovered(index, now.mono);
        }
        if measured {
            let field = Field { registry: &self.registry, groups: &self.groups, settings: &self.settings };
            self.dispatches.reported(index, &field, now);
        }
    }

    /// Takes the end of a command.
    pub(super) fn ended(&mut self, end: &CommandEnd, now: Now) {
        count(&mut self.counters.outcomes, end.outcome.name());
        if let (Outcome::Refused(reason) | Outcome::NotKept(reason), Some(device)) =
            (&end.outcome, self.registry.get(end.device))
            && self.dispatches.held.get(end.device.get()).is_some_and(|held| held.reason != *reason)
        {
            // Once, and not each time that it is tried again.
            let outcome = end.outcome.name();
            tracing::warn!(device = device.name, setpoint = %end.setpoint, outcome, reason, "command failed");
        }
        if let (Outcome::Applied(read_back), Some(device)) = (&end.outcome, self.registry.get(end.device))
            && !read_back.verified
            && self.dispatches.held.get(end.device.get()).is_some_and(|held| held.unverified.is_none())
        {
            // Once, and not at each refresh.
            let outcome = end.outcome.name();
            tracing::warn!(device = device.name, setpoint = %end.setpoint, outcome, "command not proven");
        }
        let field = Field { registry: &self.registry, groups: &self.groups, settings: &self.settings };
        self.dispatches.ended(end, &field, now);
    }

    /// What is to be stored that no request asked for.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        self.registry.take_changes()
    }

    /// Marks silent devices stale.
    pub(super) fn watch(&mut self, now: Now) {
        self.registry.close_logs(now.mono);
        for index in self.registry.mark_stale(self.settings.stale_after, now.mono) {
            self.groups.refresh(index, &mut self.registry);
        }
    }

    /// Decides what is due.
    pub(super) fn step(&mut self, now: Now) -> Actions {
        let field = Field { registry: &self.registry, groups: &self.groups, settings: &self.settings };
        let actions = self.dispatches.step(&field, now);
        self.counters.commands += actions.commands.len() as u64;
        self.dispatch_views = view::dispatches(&field, &self.dispatches);
        actions
    }

    /// What can be seen now.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        let (by_mrid, by_name) = self.groups.directory();
        Snapshot {
            devices: Arc::new(self.registry.views()),
            groups: self.groups.views(),
            dispatches: self.dispatch_views.clone(),
            counters: self.counters.clone(),
            taken: None,
            store_failing: false,
            by_mrid,
            by_name,
        }
    }

    /// True if nothing is followed, released or waited for, so that steps can be rare.
    pub(super) fn idle(&self) -> bool {
        let live = |r: &super::dispatch::Running| r.state != DispatchState::Ended;
        !self.dispatches.running.iter().any(live) && !self.dispatches.held.iter().any(|h| h.engaged)
    }
}

fn count(counts: &mut Vec<(&'static str, u64)>, name: &'static str) {
    match counts.iter_mut().find(|(known, _)| *known == name) {
        Some((_, count)) => *count += 1,
        None => counts.push((name, 1)),
    }
}

/// True if a group of the configuration says something else than the stored one.
fn differs(stored: &EndDeviceGroup, wanted: &EndDeviceGroup) -> bool {
    let members = |group: &EndDeviceGroup| group.members.iter().cloned().collect::<HashSet<_>>();
    let names = |group: &EndDeviceGroup| group.names.iter().map(|n| n.name.clone()).collect::<HashSet<_>>();
    stored.functions != wanted.functions
        || members(stored) != members(wanted)
        || names(stored) != names(wanted)
}

/// How often the core decides while something is followed.
pub(super) const STEP: Duration = Duration::from_millis(250);
