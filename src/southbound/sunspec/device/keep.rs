//! Keeps in force what was asked: what somebody else has ended or changed is put back, unless the device is in local mode.
//!
//! It is seen when the model's turn to be polled comes. Not guarded are connecting (what somebody has stopped is not started
//! again by itself), settings and curves, and what the registers were not seen to show.

use super::Device;
use crate::core::port::{Command, Report};
use crate::der::{Effect, Lane, Outcome, Setpoint};
use crate::southbound::feud::{Feud, again_and_again, in_vain, restored};
use crate::southbound::sunspec::block::Blocks;
use crate::southbound::sunspec::control::{Check, Script, Step, Weight};
use tokio::time::Instant;

/// One command that stands on our behalf.
#[derive(Clone, Debug)]
pub struct Guard {
    command: Command,
    /// What must show, and whether it was seen to.
    checks: Vec<(Check, bool)>,
    /// It ends by itself then.
    until: Instant,
    /// Nothing that was read before this says anything of it.
    since: Instant,
    feud: Feud,
}

impl Guard {
    /// What the last answers show instead of what was asked, in words. Notes what they show to stand.
    fn differs(&mut self, blocks: &Blocks) -> Option<String> {
        let mut differs = None;
        for (check, seen) in &mut self.checks {
            let fresh = |at: Option<Instant>| at.is_some_and(|at| at > self.since);
            let block = blocks.get(check.model).filter(|b| b.fault.is_none() && fresh(b.read_at));
            let Some(block) = block else { continue };
            if check.stands_in(block) {
                *seen = true;
            } else if *seen && differs.is_none() {
                differs = check.read_in(block).map(|now| {
                    let (name, wanted) = (&check.name, check.say(&check.registers));
                    format!("{name} is {} instead of {wanted}", check.say(now))
                });
            }
        }
        differs
    }
}

impl Device<'_> {
    /// Guards what was applied; `begun`: when that began.
    pub(super) fn guard(&mut self, command: &Command, script: &Script, begun: Instant) {
        let lane = command.setpoint.lane();
        let feud = self.unguard(lane).unwrap_or_default();
        let asks = command.setpoint.control().is_some() && command.setpoint != Setpoint::Connect;
        if !asks || !matches!(lane, Lane::Connection | Lane::ActivePower | Lane::ReactivePower) {
            return;
        }
        let plans = script.steps.iter().filter_map(|step| match step {
            Step::Write(plan) => Some(&plan.checks),
            Step::Adopt(_) => None,
        });
        let shows = |check: &&Check| {
            check.weight == Weight::Essential && !self.map.sunspec.shadow_models.contains(&check.model)
        };
        let checks: Vec<(Check, bool)> =
            plans.flatten().filter(shows).map(|check| (check.clone(), false)).collect();
        // The later order of a register is the one that counts.
        let ours = |check: &Check| checks.iter().any(|(new, _)| new.address == check.address);
        for guard in &mut self.guards {
            guard.checks.retain(|(check, _)| !ours(check));
        }
        let until = begun + command.hold;
        self.guards.push(Guard { command: command.clone(), checks, until, since: Instant::now(), feud });
    }

    /// It is guarded no more.
    pub(super) fn unguard(&mut self, lane: Lane) -> Option<Feud> {
        let place = self.guards.iter().position(|guard| guard.command.setpoint.lane() == lane)?;
        Some(self.guards.remove(place).feud)
    }

    /// Looks whether what was asked still stands by what was read last, and puts it back.
    pub(super) async fn keep(&mut self) {
        let now = Instant::now();
        self.guards.retain(|guard| guard.until > now);
        let off = self.guards.iter().any(|guard| guard.command.setpoint == Setpoint::Disconnect);
        let mut lost = Vec::new();
        let mut again = Vec::new();
        for guard in &mut self.guards {
            let setpoint = &guard.command.setpoint;
            // What is disconnected need not hold anything else.
            if off && *setpoint != Setpoint::Disconnect {
                continue;
            }
            let setpoint = setpoint.clone();
            if guard.differs(&self.blocks).is_none() {
                if guard.feud.stands(now) {
                    again.push(setpoint);
                }
            } else if guard.feud.may_put_back(now) || guard.feud.amiss().is_none() {
                lost.push(setpoint);
            }
        }
        for setpoint in again {
            self.effects.anew(setpoint.lane());
            self.port.reports.send(Report::Effect { setpoint, effect: Effect::Effective }).await;
        }
        for setpoint in lost {
            // An order that waits may make it needless.
            if self.port.commands.waiting() || self.moved {
                return;
            }
            self.put_back(setpoint).await;
        }
    }

    async fn put_back(&mut self, setpoint: Setpoint) {
        let lane = setpoint.lane();
        let Some(guard) = self.guards.iter().find(|guard| guard.command.setpoint == setpoint).cloned() else {
            return;
        };
        let now = Instant::now();
        let command = Command {
            hold: guard.until.saturating_duration_since(now),
            expires_at: guard.until,
            ..guard.command.clone()
        };
        // This reads again what it rests on, and says no to a device in local mode.
        if self.prepare(&command).await.is_err() {
            return;
        }
        let blocks = &self.blocks;
        let Some(guard) = self.guards.iter_mut().find(|guard| guard.command.setpoint == setpoint) else {
            return;
        };
        let Some(shows) = guard.differs(blocks) else { return };
        let (device, asked) = (&self.settings.name, &setpoint);
        if !guard.feud.may_put_back(now) {
            let words = again_and_again(&asked.to_string(), &shows);
            if guard.feud.fails(words.clone()) {
                tracing::warn!(device, %asked, shows, "ended or changed by somebody else again and again");
                self.is_amiss(setpoint, words).await;
            }
            return;
        }
        guard.feud.put_back(now);
        let mut before = guard.clone();
        match self.perform(&command).await {
            Outcome::Applied(_) => {
                let words = restored(&asked.to_string(), &shows);
                tracing::warn!(device, reason = words, "ended or changed by somebody else, and put back");
            }
            outcome => {
                let words = in_vain(&asked.to_string(), &shows, &outcome.words());
                tracing::warn!(device, reason = words, "ended or changed by somebody else, and not put back");
                let news = before.feud.fails(words.clone());
                self.unguard(lane);
                self.guards.push(before);
                if news {
                    self.is_amiss(setpoint, words).await;
                }
            }
        }
    }

    async fn is_amiss(&mut self, setpoint: Setpoint, words: String) {
        self.effects.anew(setpoint.lane());
        self.port.reports.send(Report::Effect { setpoint, effect: Effect::NoEffect(words) }).await;
    }

    /// Why what was asked cannot be relied on, in words.
    pub(super) fn amiss(&self) -> impl Iterator<Item = String> {
        let now = Instant::now();
        let held = self.guards.iter().filter(move |guard| guard.until > now);
        held.filter_map(|guard| guard.feud.amiss().map(str::to_owned))
    }

    /// True while what the measurements show of a set point says nothing: it is taken away again and again.
    pub(super) fn is_disputed(&self, setpoint: &Setpoint) -> bool {
        self.guards.iter().any(|guard| guard.feud.amiss().is_some() && guard.command.setpoint == *setpoint)
    }
}
