//! What is shown of a dispatch: its state, each member's part, and why it is as it is, in words for an operator.

use super::dispatch::{Dispatches, Field, Running};
use super::held::{Held, setpoint};
use super::port::{Aim, DispatchRecord};
use super::registry::Device;
use super::service::{Ask, DispatchView, ShareView};
use super::way::{Course, MET};
use crate::der::{Capability, DeviceIndex, DispatchState, Quantity};
use std::sync::Arc;

/// What is shown of all dispatches.
pub(super) fn dispatches(field: &Field, dispatches: &Dispatches) -> Vec<Arc<DispatchView>> {
    dispatches.running.iter().filter_map(|running| dispatch(field, dispatches, running)).collect()
}

fn dispatch(field: &Field, dispatches: &Dispatches, running: &Running) -> Option<Arc<DispatchView>> {
    let record = dispatches.records.get(&running.key)?;
    let asked = &record.dispatch;
    let live = running.state == DispatchState::Active;
    let scene = Scene { field, dispatches, running, record };
    let replaced = live && scene.is_replaced();
    let known = live && !replaced;
    let (delivered, rests_on) = if known { Dispatches::delivered(record, field.groups) } else { (None, 0) };
    let shares = scene.shares();
    let group = field.groups.get(&asked.group);
    let members = group.map_or(0, |g| g.members.len());
    let group = group.map(|g| g.label().to_owned());
    Some(Arc::new(DispatchView {
        mrid: asked.mrid.clone(),
        names: asked.names.clone(),
        group: asked.group.clone(),
        group_name: group.unwrap_or_else(|| format!("{} (deleted)", asked.group)),
        parameter: asked.parameter,
        state: running.state,
        reason: scene.reason(&shares),
        starts: asked.start(),
        ends: asked.end(),
        asked: running.target.filter(|_| live),
        delivered,
        rests_on,
        members,
        replaced,
        shares,
    }))
}

/// One dispatch in its surroundings.
struct Scene<'a> {
    field: &'a Field<'a>,
    dispatches: &'a Dispatches,
    running: &'a Running,
    record: &'a DispatchRecord,
}

impl Scene<'_> {
    fn shares(&self) -> Vec<ShareView> {
        match self.running.state {
            DispatchState::Active => {
                self.running.asks.iter().filter_map(|(index, ask)| self.share(*index, *ask)).collect()
            }
            DispatchState::Releasing => {
                let engaged = |i: &DeviceIndex| self.dispatches.held.get(i.get()).is_some_and(|h| h.engaged);
                let members = self.record.members.iter().filter_map(|m| self.field.registry.by_mrid(m));
                members
                    .filter(|i| engaged(i) && !self.dispatches.owned(*i))
                    .filter_map(|i| self.share(i, Ask::Release))
                    .collect()
            }
            DispatchState::Scheduled | DispatchState::Ended => Vec::new(),
        }
    }

    fn share(&self, index: DeviceIndex, ask: Ask) -> Option<ShareView> {
        let (device, held) = (self.field.registry.get(index)?, self.dispatches.held.get(index.get())?);
        let delivered = device.trusted(Quantity::ActivePower);
        let (outcome, mut words) = match ask {
            Ask::Nothing => ("", vec![self.why_not(index, device)]),
            Ask::Share(watts) => {
                let unknown = if delivered.is_none() { why_unknown(held) } else { String::new() };
                (held.outcome, vec![why_short(held, device.capability.as_ref(), watts, delivered), unknown])
            }
            Ask::Release if held.reason.is_empty() => {
                (held.outcome, vec![held.unverified.unwrap_or("").to_owned()])
            }
            Ask::Release => (held.outcome, vec![held.reason.clone()]),
        };
        words.retain(|words| !words.is_empty());
        let reason = words.join("; ");
        let (device, name) = (device.mrid.clone(), device.name.clone());
        Some(ShareView { device, name, asked: ask, delivered, outcome, bounded: held.bounded, reason })
    }

    /// Why a member of an active dispatch is not asked.
    fn why_not(&self, index: DeviceIndex, device: &Device) -> String {
        if let Some(later) = self.later(index) {
            return format!("follows the later dispatch {}", later.dispatch.mrid);
        }
        if !device.state.takes_commands() {
            return format!("not asked: {}", device.state.name());
        }
        match device.capability {
            None => "not asked: its capability is not known yet".to_owned(),
            Some(capability) if setpoint(0.0, self.record.aim, &capability).is_none() => {
                match self.record.aim {
                    Aim::Value => "not asked: it has no control of active power".to_owned(),
                    Aim::Cap => "not asked: it has no limit of active power".to_owned(),
                }
            }
            Some(_) => "not asked: silent".to_owned(),
        }
    }

    /// The later dispatch that has a device.
    fn later(&self, index: DeviceIndex) -> Option<&DispatchRecord> {
        let owner = self.owner(index)?;
        let later = self.dispatches.running.iter().find(|r| r.order == owner)?;
        self.dispatches.records.get(&later.key)
    }

    /// The order of the other dispatch that has a device.
    fn owner(&self, index: DeviceIndex) -> Option<u64> {
        (*self.dispatches.owner.get(index.get())?).filter(|owner| *owner != self.running.order)
    }

    /// True if later dispatches have all members of the group: nothing of what it delivers is this one's.
    fn is_replaced(&self) -> bool {
        let mut members = self.field.groups.members(&self.record.dispatch.group).iter().peekable();
        members.peek().is_some() && members.all(|index| self.owner(*index).is_some())
    }

    /// What an operator should know of the dispatch as a whole.
    fn reason(&self, shares: &[ShareView]) -> String {
        match self.running.state {
            DispatchState::Active => self.why_off(shares),
            DispatchState::Releasing if !shares.is_empty() => {
                to_be_released(shares.len(), shares.iter().filter(|share| self.is_away(share)).count())
            }
            _ => String::new(),
        }
    }

    fn why_off(&self, shares: &[ShareView]) -> String {
        let asks = &self.running.asks;
        if self.is_replaced() {
            return "replaced: later dispatches have all its members".to_owned();
        }
        if asks.is_empty() && self.running.shortfall == 0.0 {
            return "waiting for its members".to_owned();
        }
        let lent = match asks.iter().filter(|(index, _)| self.owner(*index).is_some()).count() {
            0 => String::new(),
            n => format!("{n} of {} members follow a later dispatch", asks.len()),
        };
        let blind = |s: &&ShareView| matches!(s.asked, Ask::Share(_)) && s.delivered.is_none();
        // One that has not taken anything yet has just begun.
        let unknown = match shares.iter().filter(blind).filter(|s| s.bounded.is_some()).count() {
            0 => String::new(),
            n => {
                let (all, rests) = (asks.len(), self.rests_on());
                format!(
                    "the power of {n} of {all} members is not known: what is delivered rests on the other {rests}"
                )
            }
        };
        let mut words = vec![lent, self.why_short(), unknown];
        words.retain(|words| !words.is_empty());
        words.join("; ")
    }

    /// How many members say what they deliver.
    fn rests_on(&self) -> usize {
        Dispatches::delivered(self.record, self.field.groups).1
    }

    /// That more is asked than there is, or less. While members that have shown their bounds are on their way, nobody knows.
    fn why_short(&self) -> String {
        if self.running.shortfall.abs() < 1.0 {
            return String::new();
        }
        let side = if self.running.shortfall > 0.0 { "more" } else { "less" };
        let kw = self.running.shortfall.abs() / 1e3;
        let moves = |index: &DeviceIndex| {
            let (held, device) = (self.dispatches.held.get(index.get()), self.field.registry.get(*index));
            held.is_some_and(|held| held.is_limited() && held.course() == Some(Course::Towards))
                && device.is_some_and(|device| device.active_power().is_some())
        };
        let asked = self.running.asks.iter().filter(|(_, ask)| matches!(ask, Ask::Share(_)));
        match asked.filter(|(index, _)| moves(index)).count() {
            0 => format!("{kw:.1} kW {side} is asked than the members can deliver now"),
            n => format!(
                "{kw:.1} kW {side} is asked than the members deliver so far, {n} of them on their way"
            ),
        }
    }

    /// True if it cannot be expected to take a command now: it is away, says nothing any more, or did not answer the last one.
    fn is_away(&self, share: &ShareView) -> bool {
        let Some(index) = self.field.registry.by_mrid(&share.device) else { return false };
        let (device, held) = (self.field.registry.get(index), self.dispatches.held.get(index.get()));
        device.is_some_and(|d| !d.state.takes_commands() || d.is_silent())
            || held.is_some_and(Held::is_unanswered)
    }
}

fn to_be_released(all: usize, gone: usize) -> String {
    match (all, gone) {
        (1, 0) => "1 member to be released".to_owned(),
        (1, _) => "1 member to be released, which is not reachable now".to_owned(),
        (_, 0) => format!("{all} members to be released"),
        (_, _) if all == gone => format!("{all} members to be released, none of them reachable now"),
        _ => format!("{all} members to be released, {gone} of them not reachable now"),
    }
}

/// Why a member delivers less than it was asked, if it does and nothing else is to be said. That it can do no more is said
/// only of what it has taken, and of what it has not moved towards for the settling time.
fn why_short(held: &Held, capability: Option<&Capability>, asked: f64, delivered: Option<f64>) -> String {
    if !held.reason.is_empty() {
        return held.reason.clone();
    }
    if let Some(words) = &held.no_effect {
        return words.clone();
    }
    if held.is_unanswered() {
        return "what it was asked last is not confirmed: it is asked again".to_owned();
    }
    if let Some(why) = held.unverified {
        return why.to_owned();
    }
    let short = |is: f64| if asked >= 0.0 { asked - is } else { is - asked };
    let taken = capability.is_some_and(|capability| held.has_taken(asked, capability));
    if !taken || !held.is_limited() || !delivered.is_some_and(|is| short(is) > asked.abs() * MET) {
        return String::new();
    }
    let words = match held.course() {
        Some(Course::Rests) => "delivers what it can: its source or its storage gives no more",
        Some(Course::Towards) => "on its way to what it was asked",
        Some(Course::Away) => "its power has just moved away from what it was asked",
        Some(Course::Met) | None => "",
    };
    words.to_owned()
}

/// What a member is taken for that does not say what it delivers.
fn why_unknown(held: &Held) -> String {
    match held.bound_until().filter(|_| held.counted_on()) {
        Some(_) => format!("its power is not known: counted as the {:.1} kW asked of it", held.share / 1e3),
        None => "its power is not known".to_owned(),
    }
}
