//! What one device holds on our behalf: what it was asked, what became of it, and how much it has shown it can deliver.
//!
//! Pure: events and `now` in, decisions out. It sends nothing.

use super::dispatch::Now;
use super::pace::slowest;
use super::port::{Aim, CommandEnd, CommandId};
use super::settings::Settings;
use super::way::{Course, Way};
use crate::der::{Capability, Control, Effect, Lane, Outcome, Setpoint, Watts};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::time::Instant;

/// A change of the asked power under this part of the capability is not worth a write.
const DEADBAND: f64 = 0.001;
/// A delivery this part of the capability short of what was asked is a shortfall.
const TOLERANCE: f64 = 0.01;
/// A change between two readings over this part of the capability is a device still on its way.
const MOVING: f64 = 0.005;
/// Readings closer together than this show no movement: a device may tell each small step by itself.
const APART: Duration = Duration::from_millis(800);
/// How much more than it delivers a limited device is asked for, as a part of its capability, so that it can show when
/// it recovers. A change up to this size waits for a command that is on its way.
const PROBE: f64 = 0.05;
/// Refused releases after which a device is asked less often.
const RELEASE_TRIES: u8 = 3;
/// Commands without an answer after which a device is not counted on, although its polls are answered.
const UNANSWERED: u8 = 2;
/// No measurement takes longer than this to arrive: a device clock that is further behind is not believed.
const LATEST: Duration = Duration::from_secs(10);

/// One device's side of all dispatches.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// We have, or after a restart may have, asked it for something that was not released yet.
    pub(super) engaged: bool,
    /// We did ask it for something in this run, and it was not released yet.
    asked: bool,
    /// Its part of the target it follows, without a probe.
    pub(super) share: f64,
    sent: Option<Sent>,
    applied: Option<Applied>,
    retry_at: Option<Instant>,
    refused: bool,
    unanswered: u8,
    release_refusals: u8,
    /// How long its orders took of late, from when they were sent until it had them.
    took: Duration,
    /// How the last command ended, for people.
    pub(super) outcome: &'static str,
    /// Why, for people.
    pub(super) reason: String,
    /// It took the last command, and nothing that was read back proves it: why not, in words.
    pub(super) unverified: Option<&'static str>,
    /// Whether the device ends by itself what it holds of ours, if it is not refreshed; `None` if it holds nothing that is
    /// known.
    pub(super) bounded: Option<bool>,
    /// What it was asked does not show in its measurements, in words.
    pub(super) no_effect: Option<String>,
    measured: Option<Measured>,
    /// How it comes to what it was asked.
    way: Option<Way>,
    /// What it has shown it can deliver at most, while that is less than its capability.
    most: Option<f64>,
    /// What it has shown it can deliver at least (a negative number), while that is less in size than its capability.
    least: Option<f64>,
}

#[derive(Clone, Debug)]
struct Sent {
    id: CommandId,
    setpoint: Setpoint,
    at: Instant,
    hold: Duration,
    pending: bool,
}

/// What was measured last.
#[derive(Clone, Copy, Debug)]
struct Measured {
    at: Timestamp,
    /// The power that the next reading is compared with to see movement, and when it was heard.
    mark: (f64, Instant),
}

/// What the device holds.
#[derive(Clone, Copy, Debug)]
struct Applied {
    watts: f64,
    /// Since when it has been about that.
    since: Instant,
    /// When it last changed at all.
    changed: Instant,
    /// What it was before the small steps of late, and when those began.
    from: (f64, Instant),
    /// When its hold time is over, if it is not refreshed.
    until: Instant,
}

impl Held {
    /// What it is expected to deliver at most and at least.
    pub(super) fn expected(&self, capability: &Capability) -> (f64, f64) {
        let (high, low) = (capability.injection_max.get(), -capability.absorption_max.get());
        (
            self.most.map_or(high, |m| m.clamp(0.0, high.max(0.0))),
            self.least.map_or(low, |m| m.clamp(low.min(0.0), 0.0)),
        )
    }

    /// True if it has shown that it cannot do all it is rated for.
    pub(super) const fn is_limited(&self) -> bool {
        self.most.is_some() || self.least.is_some()
    }

    /// How much more than expected it is asked for when it is at its bound.
    pub(super) fn probe(capability: &Capability) -> f64 {
        PROBE * size(capability)
    }

    /// True if its part can be left to it. One that said no, or leaves commands without an answer, delivers what it
    /// delivers until a command is applied again; one that takes commands and ignores them, until it is seen to follow.
    pub(super) const fn counted_on(&self) -> bool {
        !self.refused && self.unanswered < UNANSWERED && self.no_effect.is_none()
    }

    /// What it holds still, whatever else becomes of it: until its own reversion time, or until it is released if it has none.
    pub(super) fn holds(&self, now: Instant) -> Option<f64> {
        let (watts, until) = self.bound_until()?;
        (now < until || self.bounded == Some(false)).then_some(watts)
    }

    /// What it was last bound to, and until when by its own reversion time, whatever else becomes of it.
    pub(super) fn bound_until(&self) -> Option<(f64, Instant)> {
        let applied = self.applied.filter(|_| !self.releasing())?;
        Some((applied.watts, applied.until))
    }

    /// The same, as the most that it may hold: a later command without an answer may have arrived.
    pub(super) fn bound_at_most(&self) -> Option<(f64, Instant)> {
        let (watts, until) = self.bound_until()?;
        let sent = self.sent.as_ref().and_then(|sent| watts_of(&sent.setpoint));
        Some((sent.map_or(watts, |sent| sent.get().max(watts)), until))
    }

    /// How it goes with what was applied; `None` while nothing is, or nothing was measured since.
    pub(super) fn course(&self) -> Option<Course> {
        self.way?.course(self.applied?.since)
    }

    /// True if about these watts are what was applied.
    pub(super) fn has_taken(&self, watts: f64, capability: &Capability) -> bool {
        let near = |applied: &Applied| (applied.watts - watts).abs() <= PROBE * size(capability) + 1.0;
        self.applied.as_ref().is_some_and(near)
    }

    /// True if what it was asked last got no answer, or could not be sent in time.
    pub(super) const fn is_unanswered(&self) -> bool {
        self.unanswered > 0
    }

    /// How long its orders take.
    pub(super) const fn took(&self) -> Duration {
        self.took
    }

    /// True if the last thing sent was a release.
    fn releasing(&self) -> bool {
        self.sent.as_ref().is_some_and(|s| s.setpoint == Setpoint::ReleaseActivePower)
    }

    /// True if it was never asked for anything in this run, so that there may be nothing to release.
    pub(super) const fn never_asked(&self) -> bool {
        !self.asked
    }

    /// True if asking it for `setpoint`, to be held for `hold`, is worth a command now.
    pub(super) fn wants(
        &self,
        setpoint: &Setpoint,
        hold: Duration,
        capability: &Capability,
        now: Instant,
    ) -> bool {
        // A release that failed is no reason to wait.
        if let Some(at) = self.retry_at.filter(|_| !self.releasing()) {
            return now >= at;
        }
        let Some(sent) = &self.sent else { return true };
        if sent.pending {
            return differs(&sent.setpoint, setpoint, PROBE * size(capability));
        }
        // Refreshed when a third of the time is gone, or at once if what was sent ends too early now.
        let left = (sent.at + sent.hold).saturating_duration_since(now);
        left < hold * 2 / 3 || differs(&sent.setpoint, setpoint, DEADBAND * size(capability))
    }

    /// Remembers a command that is on its way.
    pub(super) fn sending(&mut self, id: CommandId, setpoint: Setpoint, hold: Duration, now: Instant) {
        let same_kind = self.sent.as_ref().is_some_and(|s| !differs(&s.setpoint, &setpoint, f64::INFINITY));
        if !same_kind {
            self.applied = None;
            // After it was away nothing is known of what was sent, and it is asked for the same again.
            self.no_effect = self.no_effect.take().filter(|_| self.sent.is_none());
            self.outcome = "waiting";
            self.unverified = None;
            self.reason.clear();
        }
        if setpoint != Setpoint::ReleaseActivePower {
            self.engaged = true;
            self.asked = true;
            self.release_refusals = 0;
        }
        self.sent = Some(Sent { id, setpoint, at: now, hold, pending: true });
        self.retry_at = None;
    }

    /// Takes what the measurements showed, if it is about the kind of command that was sent last; of one that was away, and
    /// is not asked again yet, about active power.
    pub(super) fn saw_effect(&mut self, setpoint: &Setpoint, effect: &Effect) {
        let about = match &self.sent {
            Some(sent) => !differs(&sent.setpoint, setpoint, f64::INFINITY),
            None => self.engaged && setpoint.lane() == Lane::ActivePower,
        };
        if about {
            self.no_effect = match effect {
                Effect::Effective => None,
                Effect::NoEffect(words) => Some(words.clone()),
            };
        }
    }

    /// True if a release should be sent now.
    pub(super) fn wants_release(&self, now: Instant) -> bool {
        // A setpoint that failed is no reason to wait.
        let waiting =
            self.retry_at.is_some_and(|at| now < at) || self.sent.as_ref().is_some_and(|s| s.pending);
        self.engaged && !(self.releasing() && waiting)
    }

    /// Takes the end of a command. An overtaken one counts too, for what it was: the device did answer it, or not; only
    /// that it was overtaken says nothing.
    pub(super) fn ended(
        &mut self,
        end: &CommandEnd,
        capability: Option<&Capability>,
        now: Now,
        settings: &Settings,
    ) {
        let Some(sent) = self.sent.as_mut() else { return };
        let latest = sent.id == end.id;
        let overtaken = matches!(end.outcome, Outcome::Superseded | Outcome::Expired);
        if !latest && (overtaken || differs(&sent.setpoint, &end.setpoint, f64::INFINITY)) {
            return;
        }
        sent.pending &= !latest;
        if latest && matches!(end.outcome, Outcome::Applied(_) | Outcome::Expired) {
            self.took = slowest(self.took, now.mono.duration_since(sent.at));
        }
        self.outcome = end.outcome.name();
        self.unverified = match &end.outcome {
            Outcome::Applied(read_back) => read_back.unverified(),
            _ => None,
        };
        self.reason.clear();
        let release = end.setpoint == Setpoint::ReleaseActivePower;
        match &end.outcome {
            Outcome::Applied(_) if release => self.let_go(),
            Outcome::Applied(read_back) => {
                let watts = read_back.active_power.or(watts_of(&end.setpoint)).map_or(0.0, Watts::get);
                let until = if latest { sent.at } else { now.mono } + sent.hold;
                self.bounded = Some(read_back.bounded);
                self.has_applied(watts, until, capability, now.mono, settings.settle);
            }
            Outcome::Refused(why) | Outcome::NotKept(why) if release => {
                self.release_refused(why, now.mono, settings)
            }
            Outcome::Refused(why) | Outcome::NotKept(why) => {
                self.reason.clone_from(why);
                self.refused = true;
                self.retry_at = Some(now.mono + settings.retry_refused);
            }
            // Also one that could not be sent in time, time after time, cannot be left its part.
            Outcome::TimedOut | Outcome::Unreachable | Outcome::Expired => {
                self.unanswered = self.unanswered.saturating_add(1);
                self.retry_at = Some(now.mono + settings.retry_unanswered);
            }
            Outcome::Superseded => {
                self.retry_at = Some(now.mono + settings.retry_unanswered);
            }
        }
    }

    fn has_applied(
        &mut self,
        watts: f64,
        until: Instant,
        capability: Option<&Capability>,
        now: Instant,
        settle: Duration,
    ) {
        // A small step does not restart the wait: on a ramp there is one every second.
        let small = PROBE * capability.map_or(0.0, size);
        let about = |by: f64| self.applied.filter(|old| (watts - old.watts).abs() <= by);
        let since = about(small).map_or(now, |old| old.since);
        let changed = about(0.0).map_or(now, |old| old.changed);
        let from = about(small).map_or((watts, now), |old| {
            let quiet = now.duration_since(old.from.1) >= settle;
            if quiet { (old.watts, now) } else { old.from }
        });
        self.applied = Some(Applied { watts, since, changed, from, until });
        self.refused = false;
        self.unanswered = 0;
        // An overtaken command may have failed after this one was sent.
        self.retry_at = None;
    }

    /// It is asked again, less often after a while: a device that hides its controls at night shows them in the morning.
    fn release_refused(&mut self, why: &str, now: Instant, settings: &Settings) {
        self.release_refusals = self.release_refusals.saturating_add(1);
        let often = self.release_refusals < RELEASE_TRIES;
        self.retry_at = Some(now + if often { settings.retry_unanswered } else { settings.retry_refused });
        why.clone_into(&mut self.reason);
    }

    /// Nothing of ours is on it any more.
    fn let_go(&mut self) {
        let Self { outcome, unverified, measured, took, .. } = *self;
        *self = Self { outcome, unverified, measured, took, ..Self::default() };
    }

    /// Forgets what was sent, so that the device is asked again: it was away, and may have restarted.
    pub(super) fn returned(&mut self) {
        let kept = Self {
            engaged: self.engaged,
            asked: self.asked,
            share: self.share,
            bounded: self.bounded,
            // Whoever watches it says when it follows again.
            no_effect: self.no_effect.take(),
            measured: self.measured,
            took: self.took,
            most: self.most,
            least: self.least,
            ..Self::default()
        };
        *self = kept;
    }

    /// What was wrong with it is so no more: what it did not take is asked again at once.
    pub(super) fn recovered(&mut self, now: Instant) {
        self.retry_at = self.retry_at.map(|at| at.min(now));
    }

    /// Learns from a measurement of active power. One that is older than the setpoint says nothing about it, nor does one
    /// that was seen before.
    pub(super) fn measured(
        &mut self,
        (power, at): (f64, Timestamp),
        capability: &Capability,
        now: Now,
        settle: Duration,
    ) {
        if self.measured.is_some_and(|seen| seen.at == at) {
            return;
        }
        let mark = self.measured.map(|seen| seen.mark);
        let apart = mark.is_none_or(|(_, heard)| now.mono.duration_since(heard) >= APART);
        let kept = mark.filter(|_| !apart).unwrap_or((power, now.mono));
        self.measured = Some(Measured { at, mark: kept });
        let before = mark.map(|(power, _)| power);
        let size = size(capability);
        if !self.engaged {
            // Running free and steady, a generator shows what it has; a storage shows nothing of what it could do.
            let generator = capability.absorption_max == Watts::ZERO;
            let steady = before.is_none_or(|b| power - b < MOVING * size);
            if apart || !steady {
                self.most = (generator && steady).then(|| power.max(0.0));
                self.least = None;
            }
            return;
        }
        let Some(Applied { watts: asked, since, changed, from, .. }) = self.applied else { return };
        if taken(at, now).is_none_or(|taken| taken < since) {
            return;
        }
        self.way = Some(Way::seen(self.way, (asked, since), power, size, (now.mono, settle)));
        let (short, gained) = if asked >= 0.0 {
            (asked - power, before.map_or(0.0, |b| power - b))
        } else {
            (power - asked, before.map_or(0.0, |b| b - power))
        };
        let pending = self.sent.as_ref().is_some_and(|s| s.pending);
        // The last small step may not have reached it yet.
        let limited = if asked >= 0.0 {
            self.most.is_some_and(|most| asked >= most)
        } else {
            self.least.is_some_and(|least| asked <= least)
        };
        let settled = |since: Instant| now.mono.duration_since(since) >= settle;
        let lag = if limited || settled(changed) { 0.0 } else { (asked - from.0).abs() };
        if short <= TOLERANCE * size {
            self.met(asked, power);
        } else if apart
            && !pending
            && settled(since)
            && short > TOLERANCE * size + lag
            && gained < MOVING * size
        {
            if asked >= 0.0 {
                self.most = Some(power.max(0.0));
            } else {
                self.least = Some(power.min(0.0));
            }
        }
    }

    /// It delivers what it was asked: it can do at least that much.
    fn met(&mut self, asked: f64, power: f64) {
        if asked >= 0.0 {
            self.most = self.most.map(|m| m.max(power));
        } else {
            self.least = self.least.map(|m| m.min(power));
        }
    }
}

/// The control that brings active power where a dispatch wants it. A value takes a set point if the device has one, else
/// a limit; a cap takes a limit, and a set point only on a generator, where it can do no more than the limit would: it
/// must never make a storage discharge.
pub(super) fn setpoint(watts: f64, aim: Aim, capability: &Capability) -> Option<Setpoint> {
    let has = |control| capability.controls.has(control);
    let limit = Setpoint::LimitActivePower(Watts::new(watts.max(0.0)));
    let set = Setpoint::SetActivePower(Watts::new(watts));
    let stores = capability.absorption_max > Watts::ZERO;
    match aim {
        Aim::Value if has(Control::SetActivePower) => Some(set),
        Aim::Value | Aim::Cap if has(Control::LimitActivePower) => Some(limit),
        Aim::Cap if has(Control::SetActivePower) && !stores => Some(set),
        Aim::Value | Aim::Cap => None,
    }
}

/// When a measurement was taken, in machine time: a step of the wall clock after that does not matter.
fn taken(at: Timestamp, now: Now) -> Option<Instant> {
    let age = now.wall.duration_since(at).max(SignedDuration::ZERO);
    now.mono.checked_sub(Duration::try_from(age).unwrap_or(LATEST).min(LATEST))
}

const fn watts_of(setpoint: &Setpoint) -> Option<Watts> {
    match setpoint {
        Setpoint::LimitActivePower(w) | Setpoint::SetActivePower(w) => Some(*w),
        _ => None,
    }
}

fn size(capability: &Capability) -> f64 {
    capability.injection_max.max(capability.absorption_max).get().max(1.0)
}

/// True if two setpoints are of different kinds, or of the same kind and further apart than `by`.
fn differs(a: &Setpoint, b: &Setpoint, by: f64) -> bool {
    match (a, b) {
        (Setpoint::LimitActivePower(a), Setpoint::LimitActivePower(b))
        | (Setpoint::SetActivePower(a), Setpoint::SetActivePower(b)) => (*a - *b).abs().get() > by,
        (a, b) => a != b,
    }
}
