//! What a request of the northbound comes to: the changes it would make, or why it is refused. Nothing is changed here.
//!
//! Each object of a request succeeds or fails for itself; later objects see the earlier ones of the same request.

use super::groups::Groups;
use super::held::setpoint;
use super::port::{Aim, Change, DispatchPhase, DispatchRecord};
use super::registry::Registry;
use super::service::{GroupChange, NewDispatch, NewGroup, Reference, Refusal};
use super::settings::Settings;
use crate::der::{DerFunction, DeviceState, EndDeviceGroup, GroupDispatch, Mrid, Name, Parameter};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

/// A request worked out: what to make durable, and the answer to give then.
pub(super) struct Plan<T> {
    pub(super) changes: Vec<Change>,
    pub(super) results: Vec<Result<T, Refusal>>,
}

/// What decides: the state as it is.
pub(super) struct Judge<'a> {
    pub(super) settings: &'a Settings,
    pub(super) registry: &'a Registry,
    pub(super) groups: &'a Groups,
    /// Dispatches by mRID key.
    pub(super) dispatches: &'a HashMap<String, DispatchRecord>,
    /// Number for the next dispatch.
    pub(super) next_order: u64,
    pub(super) now: Timestamp,
}

impl Judge<'_> {
    pub(super) fn create_groups(&self, wanted: Vec<NewGroup>) -> Plan<EndDeviceGroup> {
        let mut mrids = HashSet::new();
        let mut names = HashSet::new();
        let mut room = self.settings.max_groups.saturating_sub(self.groups.len());
        let judged = wanted.into_iter().map(|new| {
            let group = self.new_group(new, &mrids, &names)?;
            room = room
                .checked_sub(1)
                .ok_or(Refusal::TooMany { what: "groups", limit: self.settings.max_groups })?;
            mrids.insert(group.mrid.clone());
            names.extend(group.names.iter().map(|n| n.name.clone()));
            Ok(group)
        });
        collect(judged, |group| vec![Change::PutGroup(group.clone())])
    }

    fn new_group(
        &self,
        new: NewGroup,
        mrids: &HashSet<Mrid>,
        names: &HashSet<String>,
    ) -> Result<EndDeviceGroup, Refusal> {
        let mrid = match new.mrid {
            Some(mrid) if self.groups.get(&mrid).is_some() || mrids.contains(&mrid) => {
                return Err(Refusal::DuplicateMrid { what: "group", mrid });
            }
            Some(mrid) => mrid,
            None if new.names.is_empty() => return Err(Refusal::NoIdentity),
            None => Mrid::from(uuid::Uuid::new_v4()),
        };
        let repeated = || new.names.iter().find(|n| names.contains(&n.name)).map(|n| n.name.clone());
        if let Some(name) = self.groups.taken_name(&new.names, None).or_else(repeated) {
            return Err(Refusal::DuplicateName { name });
        }
        let mut members = Vec::new();
        self.add_members(&mut members, &new.members)?;
        Ok(EndDeviceGroup {
            mrid,
            description: new.description,
            functions: new.functions,
            members,
            names: new.names,
            version: new.version,
        })
    }

    fn add_members(&self, members: &mut Vec<Mrid>, wanted: &[Reference]) -> Result<(), Refusal> {
        let mut have: HashSet<Mrid> = members.iter().cloned().collect();
        for asked in wanted {
            let device = self.registry.find(asked).and_then(|index| self.registry.get(index));
            let Some(device) = device else {
                return Err(Refusal::UnknownMember { device: asked.clone() });
            };
            if have.insert(device.mrid.clone()) {
                members.push(device.mrid.clone());
            }
        }
        Ok(())
    }

    pub(super) fn change_groups(&self, wanted: Vec<GroupChange>) -> Plan<EndDeviceGroup> {
        let mut changed: HashMap<Mrid, EndDeviceGroup> = HashMap::new();
        let judged = wanted.into_iter().map(|change| {
            let known = self.groups.find(&change.group)?;
            let mut group = changed.get(&known.mrid).unwrap_or(known).clone();
            self.rename(&mut group, &change.group, &changed)?;
            self.add_members(&mut group.members, &change.add_members)?;
            group.functions = change.functions.unwrap_or(group.functions);
            group.description = change.description.or(group.description);
            group.version = change.version.or(group.version);
            changed.insert(group.mrid.clone(), group.clone());
            Ok(group)
        });
        collect(judged, |group| {
            let mut changes = vec![Change::PutGroup(group.clone())];
            changes.extend(self.dispatches_of(&group.mrid).filter_map(|record| with_members(record, group)));
            changes
        })
    }

    /// An mRID with names that are not all the group's own gives it new names.
    fn rename(
        &self,
        group: &mut EndDeviceGroup,
        asked: &Reference,
        changed: &HashMap<Mrid, EndDeviceGroup>,
    ) -> Result<(), Refusal> {
        let own = |name: &Name| group.names.iter().any(|n| n.answers_to(name));
        if asked.mrid.is_none() || asked.names.iter().all(own) {
            return Ok(());
        }
        let others = changed.values().filter(|g| g.mrid != group.mrid);
        let taken: HashSet<&str> = others.flat_map(|g| &g.names).map(|n| n.name.as_str()).collect();
        let repeated = asked.names.iter().find(|n| taken.contains(n.name.as_str())).map(|n| n.name.clone());
        if let Some(name) = self.groups.taken_name(&asked.names, Some(&group.mrid)).or(repeated) {
            return Err(Refusal::DuplicateName { name });
        }
        group.names.clone_from(&asked.names);
        Ok(())
    }

    /// Dispatches of a group that have not ended.
    fn dispatches_of(&self, group: &Mrid) -> impl Iterator<Item = &DispatchRecord> {
        let live = |r: &&DispatchRecord| r.phase == DispatchPhase::Accepted;
        self.dispatches.values().filter(live).filter(move |r| r.dispatch.group == *group)
    }

    pub(super) fn delete_groups(&self, wanted: &[Reference]) -> Plan<EndDeviceGroup> {
        let mut deleted = HashSet::new();
        let judged = wanted.iter().map(|asked| {
            let group = self.groups.find(asked)?;
            if deleted.insert(group.mrid.clone()) { Ok((**group).clone()) } else { Err(Refusal::GivenTwice) }
        });
        collect(judged, |group| {
            let mut changes = vec![Change::DeleteGroup(group.mrid.clone())];
            changes.extend(
                self.dispatches_of(&group.mrid)
                    .map(|r| DispatchRecord { phase: DispatchPhase::Releasing, ..r.clone() })
                    .map(Change::PutDispatch),
            );
            changes
        })
    }

    pub(super) fn create_dispatches(&self, wanted: Vec<NewDispatch>) -> Plan<GroupDispatch> {
        let live = self.dispatches.values().filter(|r| r.phase != DispatchPhase::Ended).count();
        let mut room = self.settings.max_dispatches.saturating_sub(live);
        let mut order = self.next_order;
        let mut mrids = HashSet::new();
        let mut changes = Vec::new();
        let results = wanted
            .into_iter()
            .map(|new| {
                let (dispatch, aim) = self.new_dispatch(new, &mrids)?;
                let limit = self.settings.max_dispatches;
                room = room.checked_sub(1).ok_or(Refusal::TooMany { what: "dispatches", limit })?;
                mrids.insert(dispatch.mrid.clone());
                changes.push(Change::PutDispatch(DispatchRecord {
                    dispatch: dispatch.clone(),
                    order,
                    aim,
                    members: self.groups.get(&dispatch.group).map_or_else(Vec::new, |g| g.members.clone()),
                    phase: DispatchPhase::Accepted,
                }));
                order += 1;
                Ok(dispatch)
            })
            .collect();
        Plan { changes, results }
    }

    fn new_dispatch(&self, new: NewDispatch, mrids: &HashSet<Mrid>) -> Result<(GroupDispatch, Aim), Refusal> {
        let group = self.groups.find(&new.group)?;
        let mrid = match new.mrid {
            Some(mrid) if self.dispatches.contains_key(mrid.key()) || mrids.contains(&mrid) => {
                return Err(Refusal::DuplicateMrid { what: "dispatch", mrid });
            }
            Some(mrid) => mrid,
            None => Mrid::from(uuid::Uuid::new_v4()),
        };
        allowed(group, new.parameter)?;
        if new.parameter != Parameter::ActivePower {
            return Err(Refusal::UnsupportedParameter { parameter: new.parameter });
        }
        let dispatch = GroupDispatch {
            mrid,
            names: new.names,
            group: group.mrid.clone(),
            parameter: new.parameter,
            schedules: new.schedules,
        };
        match dispatch.end() {
            None => return Err(Refusal::EmptySchedule),
            Some(ended) if ended <= self.now => return Err(Refusal::InThePast { ended }),
            Some(_) => {}
        }
        let value = group.functions.has(DerFunction::RealPowerDispatch);
        let aim = if value { Aim::Value } else { Aim::Cap };
        self.someone_can(group, &dispatch, aim)?;
        Ok((dispatch, aim))
    }

    /// Refuses what nobody could do: no member with a control for it, or, for a dispatch that has begun, none that
    /// answers. A device whose capability is not known yet counts as able.
    fn someone_can(&self, group: &EndDeviceGroup, dispatch: &GroupDispatch, aim: Aim) -> Result<(), Refusal> {
        let devices =
            || self.groups.members(&group.mrid).iter().filter_map(|index| self.registry.get(*index));
        let able =
            |d: &super::registry::Device| d.capability.is_none_or(|c| setpoint(0.0, aim, &c).is_some());
        if !devices().any(able) {
            return Err(Refusal::NoCapableMember { parameter: dispatch.parameter });
        }
        let begun = dispatch.start().is_some_and(|start| start <= self.now);
        let lost = |d: &super::registry::Device| {
            matches!(d.state, DeviceState::CommLost | DeviceState::IdentityChanged)
        };
        if begun && devices().filter(|d| able(d)).all(lost) {
            return Err(Refusal::NoMemberReachable);
        }
        Ok(())
    }
}

/// The record of a dispatch with the members that its group has got since, if there are any.
fn with_members(record: &DispatchRecord, group: &EndDeviceGroup) -> Option<Change> {
    let have: HashSet<&Mrid> = record.members.iter().collect();
    let new: Vec<Mrid> = group.members.iter().filter(|m| !have.contains(m)).cloned().collect();
    if new.is_empty() {
        return None;
    }
    let members = record.members.iter().cloned().chain(new).collect();
    Some(Change::PutDispatch(DispatchRecord { members, ..record.clone() }))
}

/// The function gate of 61968-5 reference 7.8.
fn allowed(group: &EndDeviceGroup, parameter: Parameter) -> Result<(), Refusal> {
    let needs: &[DerFunction] = match parameter {
        Parameter::ActivePower => &[DerFunction::RealPowerDispatch, DerFunction::MaxRealPowerLimiting],
        Parameter::ReactivePower => &[DerFunction::ReactivePowerDispatch],
        Parameter::Voltage => &[DerFunction::VoltageRegulation],
        Parameter::IncreasingRampRate | Parameter::DecreasingRampRate => &[DerFunction::RampRateControl],
        _ => return Err(Refusal::UnsupportedParameter { parameter }),
    };
    if needs.iter().any(|f| group.functions.has(*f)) {
        Ok(())
    } else {
        Err(Refusal::FunctionNotEnabled { parameter, needs: needs.to_vec() })
    }
}

fn collect<T>(
    judged: impl Iterator<Item = Result<T, Refusal>>,
    changes_of: impl Fn(&T) -> Vec<Change>,
) -> Plan<T> {
    let mut changes = Vec::new();
    let results: Vec<Result<T, Refusal>> =
        judged.inspect(|r| changes.extend(r.iter().flat_map(&changes_of))).collect();
    Plan { changes, results }
}
