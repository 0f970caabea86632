//! One command: what must be known first, the plan, its execution, its outcome.

use super::{Device, Trouble};
use crate::core::port::{Command, PendingCommand};
use crate::der::{DeviceState, Lane, Outcome, ReadBack};
use crate::southbound::sunspec::control::{Ask, INTERLOCKS, disabled, local, models_of, needs_bases, script};
use crate::southbound::sunspec::execute::{Wire, run};
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
        self.effects.make_way(&command.setpoint);
        let outcome = match self.prepare(&command).await {
            Ok(()) => self.perform(&command).await,
            Err(outcome) => outcome,
        };
        if !matches!(outcome, Outcome::Applied(_)) {
            self.effects.end(command.setpoint.lane());
        }
        let (device, asked) = (&self.settings.name, &command.setpoint);
        match &outcome {
            Outcome::Applied(_) => tracing::debug!(device, %asked, "command applied"),
            Outcome::Refused(reason) => tracing::warn!(device, %asked, reason, "command refused"),
            Outcome::NotKept(reason) => tracing::warn!(device, %asked, reason, "command not kept"),
            other => tracing::warn!(device, %asked, outcome = other.name(), "command failed"),
        }
        pending.finish(outcome);
    }

    /// Reads what the plan rests on.
    pub(super) async fn prepare(&mut self, command: &Command) -> Result<(), Outcome> {
        match self.state {
            DeviceState::CommLost => return Err(Outcome::Unreachable),
            DeviceState::IdentityChanged => return Err(Outcome::Refused(self.reason.clone())),
            _ => {}
        }
        if let Some(why) = self.effects.distrusts(&command.setpoint) {
            return Err(Outcome::Refused(why));
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
        if needs_bases(&command.setpoint) {
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
        self.still_the_same().await
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

    pub(super) async fn perform(&mut self, command: &Command) -> Outcome {
        if let Some(outcome) = self.extra_command(command).await {
            return outcome;
        }
        let options = &self.map;
        if let Some(why) = disabled(&command.setpoint, &options.sunspec) {
            return Outcome::Refused(format!("the device map takes this command away: {why}"));
        }
        let ask = Ask {
            setpoint: &command.setpoint,
            hold: command.hold,
            routes: self.routes,
            ours: self.ours,
            blocks: &self.blocks,
            max_write: options.link.max_write,
            options: &options.sunspec,
            counting: self.habits.counting.unwrap_or(options.sunspec.curve_request),
        };
        let script = match script(&ask) {
            Ok(script) => script,
            Err(words) => return Outcome::Refused(words),
        };
        let ours = script.ours().unwrap_or(self.ours);
        if script.is_empty() {
            self.ours = ours;
            return Outcome::Applied(ReadBack { active_power: None, bounded: false, verified: true });
        }
        if Instant::now() >= command.expires_at {
            return Outcome::Expired;
        }
        let (device, plan) = (&self.settings.name, &script.summary);
        match command.setpoint.lane() {
            Lane::Connection | Lane::ActivePower | Lane::ReactivePower => {
                tracing::debug!(device, plan, "writing");
            }
            // Settings stay: what the device's resolution made of them is for the record.
            _ => tracing::info!(device, plan, "writing a setting"),
        }
        let wire = self.wire(command.expires_at);
        let (outcome, held) = run(&self.line, &script, &mut self.habits, &wire).await;
        match &outcome {
            Outcome::Applied(read_back) => {
                self.ours = ours;
                self.watch(command, &script, read_back);
            }
            // It may hold it, or a part of it: a later command must undo it all the same.
            _ if held => self.ours = self.ours.or(ours),
            _ => {}
        }
        outcome
    }

    /// How this device is written to and read back.
    pub(super) fn wire(&self, expires_at: Instant) -> Wire {
        Wire { function: self.map.sunspec.write_function, max_read: self.max_read, expires_at }
    }
}
