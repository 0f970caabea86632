//! What one device holds on our behalf: what it was asked, what became of it, and how much it has shown it can deliver.
//!
//! Pure: events and `now` in, decisions out. It sends nothing.

use super::port::CommandId;
use super::settings::Settings;
use crate::der::{Capability, Control, Outcome, Setpoint, Watts};
use std::time::Duration;
use tokio::time::Instant;

/// A change of the asked power under this part of the capability is not worth a write.
const DEADBAND: f64 = 0.001;
/// A delivery this part of the capability short of what was asked is a shortfall.
const TOLERANCE: f64 = 0.01;
/// A change between two readings over this part of the capability is a device still on its way.
const MOVING: f64 = 0.005;
/// How much more than it delivers a limited device is asked for, as a part of its capability, so that it can show when
/// it recovers.
const PROBE: f64 = 0.05;
/// Releases that a device may refuse before it is let go.
const RELEASE_TRIES: u8 = 3;

/// One device's side of all dispatches.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// We have, or after a restart may have, asked it for something that was not released yet.
    pub(super) engaged: bool,
    sent: Option<Sent>,
    applied: Option<(f64, Instant)>,
    retry_at: Option<Instant>,
    refused: bool,
    release_refusals: u8,
    /// How the last command ended, for people.
    pub(super) outcome: &'static str,
    /// Why, for people.
    pub(super) reason: String,
    measured: Option<f64>,
    /// What it has shown it can deliver at most, while that is less than its capability.
    most: Option<f64>,
    /// What it has shown it can deliver at least (a negative number), while that is less in size than its capability.
    least: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    id: CommandId,
    setpoint: Setpoint,
    at: Instant,
    pending: bool,
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

    /// How much more than expected it is asked for when it is at its bound.
    pub(super) fn probe(capability: &Capability) -> f64 {
        PROBE * size(capability)
    }

    /// True if it said no lately: its part is given to the others until it is asked again.
    pub(super) fn refuses(&self, now: Instant) -> bool {
        self.refused && self.retry_at.is_some_and(|at| now < at)
    }

    /// What was last asked, while it stands.
    pub(super) fn asked(&self) -> Option<f64> {
        match self.sent?.setpoint {
            Setpoint::LimitActivePower(w) | Setpoint::SetActivePower(w) => Some(w.get()),
            _ => None,
        }
    }

    /// True if asking it for `setpoint` now is worth a command.
    pub(super) fn wants(
        &self,
        setpoint: Setpoint,
        capability: &Capability,
        now: Instant,
        settings: &Settings,
    ) -> bool {
        if self.retry_at.is_some_and(|at| now < at) {
            return false;
        }
        let Some(sent) = self.sent else { return true };
        if self.retry_at.is_some() && !sent.pending {
            return true;
        }
        let refresh = now.duration_since(sent.at) >= settings.hold / 3;
        refresh || differs(sent.setpoint, setpoint, DEADBAND * size(capability))
    }

    /// Remembers a command that is on its way.
    pub(super) fn sending(&mut self, id: CommandId, setpoint: Setpoint, now: Instant) {
        let same_kind = self.sent.is_some_and(|s| !differs(s.setpoint, setpoint, f64::INFINITY));
        if !same_kind {
            self.applied = None;
        }
        if setpoint != Setpoint::ReleaseActivePower {
            self.engaged = true;
            self.release_refusals = 0;
        }
        self.sent = Some(Sent { id, setpoint, at: now, pending: true });
        self.retry_at = None;
        self.refused = false;
        if self.outcome.is_empty() || !same_kind {
            self.outcome = "waiting";
            self.reason.clear();
        }
    }

    /// True if a release should be sent now.
    pub(super) fn wants_release(&self, now: Instant) -> bool {
        let waiting = self.retry_at.is_some_and(|at| now < at);
        let pending = self.sent.is_some_and(|s| s.pending && s.setpoint == Setpoint::ReleaseActivePower);
        self.engaged && !waiting && !pending
    }

    /// Takes the end of a command. One that was superseded by a later command of ours says nothing.
    pub(super) fn ended(
        &mut self,
        id: CommandId,
        outcome: &Outcome,
        capability: Option<&Capability>,
        now: Instant,
        settings: &Settings,
    ) {
        let Some(sent) = self.sent.as_mut().filter(|s| s.id == id) else { return };
        sent.pending = false;
        let (setpoint, release) = (sent.setpoint, sent.setpoint == Setpoint::ReleaseActivePower);
        self.outcome = outcome.name();
        self.reason.clear();
        match outcome {
            Outcome::Applied(_) if release => self.let_go(),
            Outcome::Applied(read_back) => {
                let watts = read_back.active_power.map_or(self.asked().unwrap_or_default(), Watts::get);
                // A small step does not restart the wait: on a ramp there is one every second.
                let small = PROBE * capability.map_or(0.0, size);
                let since =
                    self.applied.filter(|(old, _)| (watts - old).abs() <= small).map_or(now, |(_, t)| t);
                self.applied = Some((watts, since));
                if !read_back.verified {
                    self.reason = "accepted, not verified: the device gives nothing to read back".to_owned();
                }
            }
            Outcome::Refused(why) if release => self.release_refused(why, now, settings),
            Outcome::Refused(why) => {
                self.reason.clone_from(why);
                self.refused = true;
                self.retry_at = Some(now + settings.retry_refused);
            }
            Outcome::TimedOut | Outcome::Unreachable | Outcome::Expired | Outcome::Superseded => {
                self.retry_at = Some(now + settings.retry_unanswered);
            }
        }
        tracing::debug!(%setpoint, outcome = self.outcome, reason = %self.reason, "command ended");
    }

    fn release_refused(&mut self, why: &str, now: Instant, settings: &Settings) {
        self.release_refusals += 1;
        self.retry_at = Some(now + settings.retry_unanswered);
        if self.release_refusals >= RELEASE_TRIES {
            self.let_go();
            self.reason = format!("release refused {RELEASE_TRIES} times: {why}");
        } else {
            why.clone_into(&mut self.reason);
        }
    }

    /// Nothing of ours is on it any more.
    fn let_go(&mut self) {
        let (outcome, measured) = (self.outcome, self.measured);
        *self = Self { outcome, measured, ..Self::default() };
    }

    /// Forgets what was sent, so that the device is asked again: it was away, and may have restarted.
    pub(super) fn returned(&mut self) {
        self.sent = None;
        self.applied = None;
        self.retry_at = None;
        self.refused = false;
    }

    /// Learns from a measurement of active power.
    pub(super) fn measured(&mut self, power: f64, capability: &Capability, now: Instant, settle: Duration) {
        let before = self.measured.replace(power);
        let size = size(capability);
        if !self.engaged {
            // Running free and steady, a generator shows what it has; a storage shows nothing of what it could do.
            let generator = capability.absorption_max == Watts::ZERO;
            let steady = before.is_none_or(|b| power - b < MOVING * size);
            self.most = (generator && steady).then(|| power.max(0.0));
            self.least = None;
            return;
        }
        let Some((asked, since)) = self.applied else { return };
        let pending = self.sent.is_some_and(|s| s.pending);
        let (short, gained) = if asked >= 0.0 {
            (asked - power, before.map_or(0.0, |b| power - b))
        } else {
            (power - asked, before.map_or(0.0, |b| b - power))
        };
        if short <= TOLERANCE * size {
            self.met(asked, power);
        } else if !pending && now.duration_since(since) >= settle && gained < MOVING * size {
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

/// The control that brings active power where a dispatch wants it: a set point if the device has one, else a limit.
pub(super) fn setpoint(watts: f64, limit_only: bool, capability: &Capability) -> Option<Setpoint> {
    let has = |control| capability.controls.has(control);
    if has(Control::SetActivePower) && !(limit_only && has(Control::LimitActivePower)) {
        Some(Setpoint::SetActivePower(Watts::new(watts)))
    } else if has(Control::LimitActivePower) {
        Some(Setpoint::LimitActivePower(Watts::new(watts.max(0.0))))
    } else {
        None
    }
}

fn size(capability: &Capability) -> f64 {
    capability.injection_max.max(capability.absorption_max).get().max(1.0)
}

/// True if two setpoints are of different kinds, or of the same kind and further apart than `by`.
fn differs(a: Setpoint, b: Setpoint, by: f64) -> bool {
    match (a, b) {
        (Setpoint::LimitActivePower(a), Setpoint::LimitActivePower(b))
        | (Setpoint::SetActivePower(a), Setpoint::SetActivePower(b)) => (a - b).abs().get() > by,
        (a, b) => a != b,
    }
}
