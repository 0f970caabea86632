//! Following a target: who can be asked for a part of it, how much each gets, and whether that is worth a command.

use super::allocate::{Bounds, Split, split};
use super::dispatch::{Actions, Dispatches, Field, Now};
use super::held::{Held, setpoint};
use super::port::Aim;
use super::registry::Device;
use super::service::Ask;
use crate::der::{Capability, DeviceIndex, DeviceState, DispatchState, Quantity, Setpoint};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// How far beyond the end of its dispatch a device holds a setpoint, so that it does not run free for a moment before
/// the next dispatch has it or the release arrives.
const BEYOND: Duration = Duration::from_secs(5);

/// One member in a split.
#[derive(Clone, Copy, Debug)]
struct Member {
    index: DeviceIndex,
    part: Part,
}

/// How a member takes part.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// It can be asked, and its part can be left to it.
    Counted(Bounds, Capability),
    /// It can be asked, but did not do so lately: it delivers this, and is tried again now and then.
    Tried(f64, Bounds, Capability),
    /// It is ours, but nothing can be asked of it now; it delivers this.
    Away(f64),
    /// It is not ours, or has no control for this; it delivers this.
    Apart(f64),
}

impl Dispatches {
    /// Splits the target of an active dispatch and asks its members.
    pub(super) fn follow(&mut self, place: usize, field: &Field, now: Now, actions: &mut Actions) {
        let Some(running) = self.running.get(place) else { return };
        let (Some(target), DispatchState::Active) = (running.target, running.state) else { return };
        let Some(record) = self.records.get(&running.key) else { return };
        let (order, aim) = (running.order, record.aim);
        let hold = hold(record.dispatch.end(), now.wall, field.settings.hold);
        let members: Vec<Member> = field
            .groups
            .members(&record.dispatch.group)
            .iter()
            .map(|index| Member { index: *index, part: self.part(*index, aim, field, now.mono) })
            .collect();

        if self.gathers(&members, field, now.mono) {
            for member in &members {
                if let Some(owner) = self.owner.get_mut(member.index.get()) {
                    owner.get_or_insert(order);
                }
            }
            return;
        }
        if !members.is_empty() && members.iter().all(|m| self.owned(m.index)) {
            // Later dispatches have them all: nothing is asked, and nothing is amiss.
            if let Some(running) = self.running.get_mut(place) {
                running.asks = Vec::new();
                running.shortfall = 0.0;
            }
            return;
        }
        let (left, shared) = share_out(target, aim, &members);
        let mut shares = shared.shares.iter();
        let mut asks = Vec::with_capacity(members.len());
        for Member { index, part } in &members {
            if let (Some(owner), false) = (self.owner.get_mut(index.get()), matches!(part, Part::Apart(_))) {
                *owner = Some(order);
            }
            let (share, bounds, capability) = match part {
                Part::Counted(bounds, capability) => {
                    (shares.next().copied().unwrap_or_default(), bounds, capability)
                }
                Part::Tried(_, bounds, capability) => (trial(&shared, bounds, left), bounds, capability),
                Part::Away(_) | Part::Apart(_) => {
                    asks.push((*index, Ask::Nothing));
                    continue;
                }
            };
            // The room to recover is in the shares of a cap already; whose power is not known cannot show that it recovers.
            let known = field.registry.get(*index).is_some_and(|d| d.active_power().is_some());
            let watts = match aim {
                Aim::Value if known => with_probe(share, left, bounds, shared.level, Held::probe(capability)),
                Aim::Value | Aim::Cap => share,
            };
            asks.push((*index, Ask::Share(watts)));
            let Some(held) = self.held.get_mut(index.get()) else { continue };
            held.share = share.min(held.expected(capability).0);
            let setpoint = setpoint(watts, aim, capability);
            if let Some(setpoint) = setpoint.filter(|s| held.wants(s, hold, capability, now.mono)) {
                self.send(*index, (setpoint, hold), now.mono, field, actions);
            }
        }
        if let Some(running) = self.running.get_mut(place) {
            // That less is delivered than a cap allows is no shortfall; that the others alone exceed it is one.
            running.shortfall = if aim == Aim::Cap { left.min(0.0) } else { shared.shortfall };
            running.asks = asks;
        }
    }

    /// True while the gateway has just started and members are still being found: what they do is not known yet, and the
    /// first ones found must not be asked for the part of all.
    fn gathers(&self, members: &[Member], field: &Field, now: Instant) -> bool {
        let early = self.started.is_some_and(|at| now.duration_since(at) < field.settings.gather);
        let unknown = |m: &Member| {
            let device = field.registry.get(m.index);
            device.is_some_and(|d| matches!(d.state, DeviceState::Unknown | DeviceState::Discovering))
        };
        early && members.iter().any(unknown)
    }

    /// How a member takes part in a dispatch with this aim.
    fn part(&self, index: DeviceIndex, aim: Aim, field: &Field, now: Instant) -> Part {
        let (Some(device), Some(held)) = (field.registry.get(index), self.held.get(index.get())) else {
            return Part::Apart(0.0);
        };
        let delivers = delivers(aim, held, device, now);
        if self.owned(index) {
            // A later dispatch has it, and brings it there if it can be reached.
            return Part::Apart(match device.capability {
                Some(capability) if !device.state.takes_commands() || device.is_silent() => {
                    out_of_reach(aim, held, device, &capability, now)
                }
                _ if held.counted_on() => held.share,
                _ => delivers,
            });
        }
        let Some(capability) = device.capability else { return Part::Away(delivers) };
        let Some(control) = setpoint(0.0, aim, &capability) else { return Part::Apart(delivers) };
        if !device.state.takes_commands() || device.is_silent() {
            return Part::Away(out_of_reach(aim, held, device, &capability, now));
        }
        let absorbs = matches!(control, Setpoint::SetActivePower(_)) && aim == Aim::Value;
        let (mut high, low) = held.expected(&capability);
        if aim == Aim::Cap {
            // All that may be delivered counts: a member that recovers must not exceed what the others leave.
            high = (high + Held::probe(&capability)).min(capability.injection_max.get()).max(0.0);
        }
        let bounds = Bounds {
            inject: capability.injection_max.get(),
            absorb: if absorbs { capability.absorption_max.get() } else { 0.0 },
            high,
            low: if absorbs { low } else { 0.0 },
        };
        if held.counted_on() {
            Part::Counted(bounds, capability)
        } else {
            Part::Tried(delivers, bounds, capability)
        }
    }
}

/// Splits what the others leave of a target among the members that are counted on. What they leave comes first, and may
/// be of the other sign than the target.
fn share_out(target: f64, aim: Aim, members: &[Member]) -> (f64, Split) {
    let mut left = target;
    let mut bounds = Vec::with_capacity(members.len());
    for member in members {
        match member.part {
            Part::Counted(b, _) => bounds.push(b),
            Part::Tried(delivers, ..) | Part::Away(delivers) | Part::Apart(delivers) => left -= delivers,
        }
    }
    (left, split(if aim == Aim::Cap { left.max(0.0) } else { left }, &bounds))
}

/// What a member delivers that is not left a part. If its power is not known although it answers: for a value, what it was
/// bound to while that lasts, or what it delivered last if it ignores that, else nothing; for a cap, the most it may do.
fn delivers(aim: Aim, held: &Held, device: &Device, now: Instant) -> f64 {
    if let Some(power) = device.trusted(Quantity::ActivePower) {
        return power;
    }
    let Some(capability) = device.capability else { return 0.0 };
    match aim {
        Aim::Cap => most(held, device, &capability, now),
        Aim::Value if !device.state.takes_commands() || device.is_silent() => 0.0,
        Aim::Value if held.no_effect.is_some() => device.last_active_power().unwrap_or(0.0),
        Aim::Value => {
            let (high, low) = held.expected(&capability);
            held.holds(now).map_or(0.0, |watts| watts.min(high).max(low))
        }
    }
}

/// What a member out of reach has to be taken for: nothing for a value, so that the others make it up, and the most it may do
/// for a cap.
fn out_of_reach(aim: Aim, held: &Held, device: &Device, capability: &Capability, now: Instant) -> f64 {
    match aim {
        Aim::Value => 0.0,
        Aim::Cap => most(held, device, capability, now),
    }
}

/// The most that a member may do whose power is not known: what it was bound to while its reversion time lasts, and after
/// that, or if it ignores what it is asked, what it is rated for.
fn most(held: &Held, device: &Device, capability: &Capability, now: Instant) -> f64 {
    let rated = capability.injection_max.get();
    match held.bound_at_most().filter(|(_, until)| now < *until && held.no_effect.is_none()) {
        Some((watts, _)) => {
            device.last_active_power().map_or(watts, |last| last.max(watts)).min(rated.max(watts))
        }
        None => rated,
    }
}

/// What a member that is not counted on would get if it were.
fn trial(shared: &Split, bounds: &Bounds, left: f64) -> f64 {
    let (weight, bound) =
        if left >= 0.0 { (bounds.inject, bounds.high) } else { (bounds.absorb, -bounds.low) };
    let size = if shared.level.is_finite() { (shared.level * weight).min(bound) } else { bound };
    if left >= 0.0 { size } else { -size }
}

/// A member at its bound is asked for a little more, up to what it would get without the bound, so that it can show when
/// it recovers. Only in the direction of what is split.
fn with_probe(share: f64, left: f64, bounds: &Bounds, level: f64, probe: f64) -> f64 {
    if level <= 0.0 {
        return share;
    }
    if left >= 0.0 && bounds.inject > 0.0 && share >= bounds.high {
        (share + probe).min(bounds.inject).min(level * bounds.inject)
    } else if left < 0.0 && bounds.absorb > 0.0 && share <= bounds.low {
        (share - probe).max(-bounds.absorb).max(-level * bounds.absorb)
    } else {
        share
    }
}

/// How long a device may hold a setpoint without hearing from us: not much beyond the end of the dispatch.
fn hold(ends: Option<Timestamp>, now: Timestamp, longest: Duration) -> Duration {
    let left = ends.map(|e| e.duration_since(now)).and_then(|d| Duration::try_from(d).ok());
    left.map_or(longest, |left| (left + BEYOND).min(longest))
}
