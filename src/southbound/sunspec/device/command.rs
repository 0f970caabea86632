//! One command: what must be known first, the plan, its execution, its outcome.

use super::{Device, Trouble};
use crate::core::port::{Command, PendingCommand};
use crate::der::{DeviceState, Outcome, ReadBack, Setpoint};
use crate::southbound::sunspec::control::{Ask, INTERLOCKS, Ours, local, models_of, plan};
use crate::southbound::sunspec::execute::carry_out;
use std::time::Duration;
use tokio::time::Instant;

/// Ratings and limits older than this are read again before percentages are made of them.
const BASE_AGE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 60 });
/// Models that percentages and bounds come from, beside the one that is written, which is read each time.
const BASES: [u16; 3] = [702, 121, 120];

impl Device<'_> {
    /// Carries out a command and tells the core how it ended.
    pub(super) async fn command(&mut self, pending: PendingCommand) {
        let command = pending.command().clone();
        let outcome = match self.prepare(&command).await {
            Ok(()) => self.perform(&command).await,
            Err(outcome) => outcome,
        };
        let (device, asked) = (&self.settings.name, &command.setpoint);
        match &outcome {
            Outcome::Applied(_) => tracing::debug!(device, %asked, "command applied"),
            Outcome::Refused(reason) => tracing::warn!(device, %asked, reason, "command refused"),
            other => tracing::warn!(device, %asked, outcome = other.name(), "command failed"),
        }
        pending.finish(outcome);
    }

    /// Reads what the plan rests on.
    async fn prepare(&mut self, command: &Command) -> Result<(), Outcome> {
        match self.state {
            DeviceState::CommLost => return Err(Outcome::Unreachable),
            DeviceState::IdentityChanged => return Err(Outcome::Refused(self.reason.clone())),
            _ => {}
        }
        for (id, _) in INTERLOCKS {
            // A device that hides its mode says no by itself when it is in local mode.
            if self.refresh(id, Duration::ZERO).await?
                && self.blocks.sample(id).is_some_and(|sample| local(id, &sample))
            {
                return Err(Outcome::Refused(format!(
                    "the device is in local mode ({id}.LocRemCtl); release it at the device"
                )));
            }
        }
        if matches!(command.setpoint, Setpoint::LimitActivePower(_) | Setpoint::SetActivePower(_)) {
            for id in BASES {
                let known = self.blocks.sample(id).is_some();
                if !self.refresh(id, BASE_AGE).await? && known {
                    // Neither a value that may have changed nor another base: both would be other watts.
                    return Err(Outcome::Refused(self.unreadable(id)));
                }
            }
        }
        for id in models_of(&command.setpoint, self.routes, self.ours) {
            if !self.refresh(id, Duration::ZERO).await? {
                return Err(Outcome::Refused(self.unreadable(id)));
            }
        }
        Ok(())
    }

    fn unreadable(&self, id: u16) -> String {
        let fault = self.blocks.get(id).and_then(|b| b.fault.clone()).unwrap_or_default();
        format!("model {id} could not be read before writing: {fault}")
    }

    /// Reads a model again if its last answer is older than `age`. This also proves that it still stands where it did.
    /// False if the device refuses the read.
    async fn refresh(&mut self, id: u16, age: Duration) -> Result<bool, Outcome> {
        let place =
            self.blocks.list.iter().position(|b| {
                b.at.id == id && b.read_at.is_none_or(|at| age.is_zero() || at.elapsed() >= age)
            });
        let Some(place) = place else { return Ok(true) };
        match self.read_patiently(place, None).await {
            Ok(read) => Ok(read),
            Err(Trouble::Moved(words)) => {
                self.moved = true;
                Err(Outcome::Refused(format!(
                    "{words}; the device is being scanned again, nothing was written"
                )))
            }
            Err(_) => Err(Outcome::Unreachable),
        }
    }

    async fn perform(&mut self, command: &Command) -> Outcome {
        if let Some(outcome) = self.extra_command(command).await {
            return outcome;
        }
        let options = &self.map;
        let ask = Ask {
            setpoint: &command.setpoint,
            hold: command.hold,
            routes: self.routes,
            ours: self.ours,
            blocks: &self.blocks,
            max_write: options.link.max_write,
            shadows: &options.sunspec.shadow_models,
        };
        let plan = match plan(&ask) {
            Ok(plan) => plan,
            Err(words) => return Outcome::Refused(words),
        };
        if plan.writes.is_empty() {
            self.ours = plan.ours;
            return Outcome::Applied(ReadBack { active_power: None, bounded: false, verified: true });
        }
        if Instant::now() >= command.expires_at {
            return Outcome::Expired;
        }
        tracing::debug!(device = self.settings.name, plan = plan.summary, "writing");
        let (outcome, held) = carry_out(&self.line, &plan, &mut self.habits, command.expires_at).await;
        match outcome {
            Outcome::Applied(_) => self.ours = plan.ours,
            // It may hold it, or a part of it: a later command must undo it all the same.
            _ if held => {
                self.ours = Ours {
                    limit: self.ours.limit || plan.ours.limit,
                    set: self.ours.set || plan.ours.set,
                    grid_charge: self.ours.grid_charge || plan.ours.grid_charge,
                };
            }
            _ => {}
        }
        outcome
    }
}
