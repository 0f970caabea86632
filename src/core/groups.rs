//! The groups: who is in them, what they add up to, and how a request finds them.

use super::aggregate::{Aggregate, REPORTED};
use super::registry::Registry;
use super::service::{GroupView, ParameterView, Reference, Refusal, Snapshot, find};
use crate::der::{DerFunction, DeviceIndex, EndDeviceGroup, Mrid, Name, Parameter};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Places of groups by mRID key, and by name.
type Directory = (Arc<HashMap<String, usize>>, Arc<HashMap<String, Vec<usize>>>);

/// All groups, in order of creation.
#[derive(Debug, Default)]
pub(super) struct Groups {
    entries: Vec<Entry>,
    by_mrid: Arc<HashMap<String, usize>>,
    by_name: Arc<HashMap<String, Vec<usize>>>,
    views: Vec<Arc<GroupView>>,
}

#[derive(Debug)]
struct Entry {
    group: Arc<EndDeviceGroup>,
    /// Members that are devices of this gateway; one that left the configuration stays in `group` only.
    members: Vec<DeviceIndex>,
    missing: Vec<Mrid>,
    aggregate: Aggregate,
    dirty: bool,
}

impl Groups {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The group of an mRID.
    pub(super) fn get(&self, mrid: &Mrid) -> Option<&Arc<EndDeviceGroup>> {
        self.place(mrid).and_then(|place| self.entries.get(place)).map(|e| &e.group)
    }

    /// The devices of a group.
    pub(super) fn members(&self, mrid: &Mrid) -> &[DeviceIndex] {
        self.place(mrid).and_then(|place| self.entries.get(place)).map_or(&[], |e| &e.members)
    }

    fn place(&self, mrid: &Mrid) -> Option<usize> {
        self.by_mrid.get(mrid.key()).copied()
    }

    /// The group that a request means.
    pub(super) fn find(&self, asked: &Reference) -> Result<&Arc<EndDeviceGroup>, Refusal> {
        let group = |place: usize| self.entries.get(place).map(|e| &*e.group);
        let place = find(asked, &self.by_mrid, &self.by_name, group)?;
        self.entries.get(place).map(|e| &e.group).ok_or(Refusal::UnknownGroup)
    }

    /// The first of these names that a group other than `but` already has.
    pub(super) fn taken_name(&self, names: &[Name], but: Option<&Mrid>) -> Option<String> {
        let own = but.and_then(|mrid| self.place(mrid));
        names
            .iter()
            .find(|n| self.by_name.get(&n.name).is_some_and(|places| places.iter().any(|p| Some(*p) != own)))
            .map(|n| n.name.clone())
    }

    /// Writes a group, new or changed, and moves the aggregates along.
    pub(super) fn put(&mut self, group: EndDeviceGroup, registry: &mut Registry) {
        let members: Vec<DeviceIndex> = group.members.iter().filter_map(|m| registry.by_mrid(m)).collect();
        if let Some(place) = self.place(&group.mrid) {
            self.change(place, group, members, registry);
            return;
        }
        let place = self.entries.len();
        Arc::make_mut(&mut self.by_mrid).insert(group.mrid.key().to_owned(), place);
        add_names(Arc::make_mut(&mut self.by_name), &group.names, place);
        let mut aggregate = Aggregate::default();
        for index in &members {
            join(*index, place, &mut aggregate, registry);
        }
        let missing = missing(&group, registry);
        let entry = Entry { group: Arc::new(group), members, missing, aggregate, dirty: false };
        self.views.push(Arc::new(entry.view()));
        self.entries.push(entry);
    }

    fn change(
        &mut self,
        place: usize,
        group: EndDeviceGroup,
        members: Vec<DeviceIndex>,
        registry: &mut Registry,
    ) {
        let Some(entry) = self.entries.get_mut(place) else { return };
        let (before, after): (HashSet<_>, HashSet<_>) =
            (entry.members.iter().copied().collect(), members.iter().copied().collect());
        for index in before.difference(&after) {
            leave(*index, place, &mut entry.aggregate, registry);
        }
        for index in after.difference(&before) {
            join(*index, place, &mut entry.aggregate, registry);
        }
        let renamed = entry.group.names != group.names;
        entry.missing = missing(&group, registry);
        entry.group = Arc::new(group);
        entry.members = members;
        entry.dirty = true;
        if renamed {
            self.rebuild_directory();
        }
    }

    /// Removes groups. The places of those behind them change, which is done once for all of them.
    pub(super) fn remove(&mut self, mrids: &[Mrid], registry: &mut Registry) {
        let gone: HashSet<usize> = mrids.iter().filter_map(|mrid| self.place(mrid)).collect();
        if gone.is_empty() {
            return;
        }
        let mut moved: Vec<Option<usize>> = Vec::with_capacity(self.entries.len());
        let mut next = 0;
        for place in 0..self.entries.len() {
            let stays = !gone.contains(&place);
            moved.push(stays.then_some(next));
            next += usize::from(stays);
        }
        let stays = |place: &usize| !gone.contains(place);
        let keep: Vec<bool> = (0..self.entries.len()).map(|p| stays(&p)).collect();
        let mut kept = keep.iter();
        self.entries.retain(|_| kept.next().copied().unwrap_or(true));
        let mut kept = keep.iter();
        self.views.retain(|_| kept.next().copied().unwrap_or(true));
        for index in (0..registry.len()).map(DeviceIndex::new) {
            if let Some(device) = registry.get_mut(index) {
                device.groups =
                    device.groups.iter().filter_map(|p| moved.get(*p).copied().flatten()).collect();
            }
        }
        self.rebuild_directory();
    }

    fn rebuild_directory(&mut self) {
        let (by_mrid, by_name) = Snapshot::directory(self.entries.iter().map(|e| &*e.group));
        self.by_mrid = Arc::new(by_mrid);
        self.by_name = Arc::new(by_name);
    }

    /// Brings the aggregates of a device's groups up to what it adds now.
    pub(super) fn refresh(&mut self, index: DeviceIndex, registry: &mut Registry) {
        let Some((old, new)) = registry.refresh_part(index) else { return };
        let Some(device) = registry.get(index) else { return };
        let times = device.times();
        for place in &device.groups {
            if let Some(entry) = self.entries.get_mut(*place) {
                if old != new {
                    entry.aggregate.replace(&old, &new);
                }
                entry.aggregate.heard(&times);
                entry.dirty = true;
            }
        }
    }

    /// What a group adds up to.
    pub(super) fn aggregate(&self, mrid: &Mrid, parameter: Parameter) -> Option<ParameterView> {
        self.entries.get(self.place(mrid)?)?.aggregate.view(parameter)
    }

    /// What can be shown; only groups that changed are made anew.
    pub(super) fn views(&mut self) -> Vec<Arc<GroupView>> {
        for (entry, view) in self.entries.iter_mut().zip(&mut self.views) {
            if std::mem::take(&mut entry.dirty) {
                *view = Arc::new(entry.view());
            }
        }
        self.views.clone()
    }

    /// The look-up tables that go with the views.
    pub(super) fn directory(&self) -> Directory {
        (self.by_mrid.clone(), self.by_name.clone())
    }
}

impl Entry {
    fn view(&self) -> GroupView {
        let parameters = REPORTED
            .iter()
            .filter_map(|(_, p)| self.aggregate.view(*p))
            .filter(|view| reports(&self.group, view))
            .collect();
        GroupView {
            group: self.group.clone(),
            parameters,
            online: self.aggregate.online(),
            missing: self.missing.clone(),
        }
    }
}

/// Which parameters a group reports: active power always, the others as far as its functions are about them (61968-5
/// reference 7.6) and a member measures them.
fn reports(group: &EndDeviceGroup, view: &ParameterView) -> bool {
    let any = |wanted: &[DerFunction]| wanted.iter().any(|f| group.functions.has(*f));
    match view.parameter {
        Parameter::ActivePower => true,
        Parameter::ReactivePower => {
            view.rests_on > 0 && any(&[DerFunction::ReactivePowerDispatch, DerFunction::VoltVarCurveFunction])
        }
        Parameter::Voltage => {
            view.rests_on > 0
                && any(&[
                    DerFunction::VoltageRegulation,
                    DerFunction::VoltVarCurveFunction,
                    DerFunction::VoltWattCurveFunction,
                ])
        }
        _ => false,
    }
}

/// The members of a group that are no device of this gateway.
fn missing(group: &EndDeviceGroup, registry: &Registry) -> Vec<Mrid> {
    group.members.iter().filter(|m| registry.by_mrid(m).is_none()).cloned().collect()
}

fn add_names(by_name: &mut HashMap<String, Vec<usize>>, names: &[Name], place: usize) {
    for name in names {
        let places = by_name.entry(name.name.clone()).or_default();
        if !places.contains(&place) {
            places.push(place);
        }
    }
}

fn join(index: DeviceIndex, place: usize, aggregate: &mut Aggregate, registry: &mut Registry) {
    if let Some(device) = registry.get_mut(index) {
        device.groups.push(place);
        aggregate.replace(&Default::default(), &device.part);
        aggregate.heard(&device.times());
    }
}

fn leave(index: DeviceIndex, place: usize, aggregate: &mut Aggregate, registry: &mut Registry) {
    if let Some(device) = registry.get_mut(index) {
        device.groups.retain(|p| *p != place);
        aggregate.replace(&device.part, &Default::default());
    }
}
