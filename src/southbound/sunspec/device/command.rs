//! One command: what must be known first, the plan, its execution, its outcome.

use super::{Device, Trouble};
use crate::core::port::{Command, PendingCommand};
use crate::der::{Lane, Outcome, ReadBack, Setpoint, Watts};
use crate::southbound::modbus::Exception;
use crate::southbound::sunspec::control::{
    Ask, INTERLOCKS, Ours, Script, disabled, forbid_grid_charge, local, models_of, needs_bases, script,
};
use crate::southbound::sunspec::execute::{Wire, run};
use std::time::Duration;
use tokio::time::Instant;

/// Ratings and limits older than this are read again before percentages are made of them.
const BASE_AGE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 60 });
/// Models that percentages and bounds come from, beside the one that is written, which is read each time.
const BASES: [u16; 3] = [702, 121, 120];
/// Why a storage is limited only.
const NO_SET_POINT: &str = "the storage refused a negative charge or discharge rate (124.InWRte, 124.OutWRte: exception 3), so it takes no set point other than 0 W; it can be limited only";

/// What undoes the other commands of its lane, for one that is no release itself.
fn release_of(command: &Command) -> Option<Command> {
    command.setpoint.control()?;
    let setpoint = match command.setpoint.lane() {
        Lane::ActivePower => Setpoint::ReleaseActivePower,
        Lane::ReactivePower => Setpoint::ReleaseReactivePower,
        _ => return None,
    };
    Some(Command { setpoint, hold: Duration::ZERO, ..command.clone() })
}

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
            self.unguard(command.setpoint.lane());
        }
        self.life.log_outcome(&command.setpoint, &outcome);
        pending.finish(outcome);
    }

    /// Reads what the plan rests on.
    pub(super) async fn prepare(&mut self, command: &Command) -> Result<(), Outcome> {
        if let Some(refusal) = self.life.refusal() {
            return Err(refusal);
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

    /// Carries a command out with the registers beside the chain, if they have it, or else with the chain. A release goes to
    /// both, whatever becomes of it in the first.
    pub(super) async fn perform(&mut self, command: &Command) -> Outcome {
        let Some(outcome) = self.extra_command(command).await else {
            let outcome = self.perform_chain(command).await;
            if let (Outcome::Applied(_), Some(release)) = (&outcome, release_of(command)) {
                // Nothing is written there if nothing is held.
                let beside = self.extra_command(&release).await;
                self.say_left(beside.as_ref());
            }
            return outcome;
        };
        let applied = matches!(outcome, Outcome::Applied(_));
        if command.setpoint.control().is_none() {
            let chain = self.perform_chain(command).await;
            return if applied { chain } else { outcome };
        }
        if applied {
            self.leave_to_extra(command).await;
        }
        outcome
    }

    /// What the chain holds of a lane that the registers have taken over is undone.
    async fn leave_to_extra(&mut self, command: &Command) {
        let Ours { limit, set, var, pf, .. } = self.ours;
        let holds = match command.setpoint.lane() {
            Lane::ActivePower => limit || set,
            Lane::ReactivePower => var || pf,
            _ => false,
        };
        let Some(release) = release_of(command).filter(|_| holds) else { return };
        let outcome = match self.prepare(&release).await {
            Ok(()) => self.perform_chain(&release).await,
            Err(outcome) => outcome,
        };
        self.say_left(Some(&outcome));
    }

    /// The log has what could not be undone when registers and chain took turns.
    fn say_left(&self, outcome: Option<&Outcome>) {
        if let Some(outcome) = outcome.filter(|outcome| !matches!(outcome, Outcome::Applied(_))) {
            let (device, outcome) = (&self.settings.name, outcome.name());
            tracing::warn!(device, outcome, "what it held before in other registers could not be undone");
        }
    }

    async fn perform_chain(&mut self, command: &Command) -> Outcome {
        if let Some(why) = disabled(&command.setpoint, &self.map.sunspec) {
            return Outcome::Refused(format!("the device map takes this command away: {why}"));
        }
        if self.rates_of_both_signs(&command.setpoint) && self.habits.no_negative_rates {
            return Outcome::Refused(NO_SET_POINT.to_owned());
        }
        let known = self.habits.no_multiple;
        let first = self.write(command).await;
        if known || !self.habits.no_multiple || !matches!(first, Outcome::Refused(_)) {
            return first;
        }
        let again = self.write(command).await;
        let device = &self.settings.name;
        // Only what has worked is remembered: the device may have meant something else.
        self.habits.no_multiple = matches!(again, Outcome::Applied(_));
        if self.habits.no_multiple {
            tracing::warn!(
                device,
                "it does not know FC 16: registers are written one by one with FC 6 from now on, and what takes two registers is left out (the reversion times of 704: it does not fall back by itself)"
            );
        }
        again
    }

    /// True for what model 124 holds with one positive and one negative rate.
    fn rates_of_both_signs(&self, setpoint: &Setpoint) -> bool {
        self.routes.set == Some(124)
            && matches!(setpoint, Setpoint::SetActivePower(watts) if *watts != Watts::ZERO)
    }

    fn ask<'b>(&'b self, command: &'b Command) -> Ask<'b> {
        Ask {
            setpoint: &command.setpoint,
            hold: command.hold,
            routes: self.routes,
            ours: self.ours,
            blocks: &self.blocks,
            max_write: self.map.link.max_write,
            options: &self.map.sunspec,
            counting: self.habits.counting.unwrap_or(self.map.sunspec.curve_request),
            single_only: self.habits.no_multiple,
        }
    }

    /// Plans a command, writes and reads back.
    async fn write(&mut self, command: &Command) -> Outcome {
        let begun = Instant::now();
        let script = match script(&self.ask(command)) {
            Ok(script) => script,
            Err(words) => return Outcome::Refused(words),
        };
        let before = self.ours;
        let ours = script.ours().unwrap_or(before);
        if script.is_empty() {
            self.hold(ours).await;
            self.guard(command, &script, begun);
            return Outcome::Applied(ReadBack {
                active_power: None,
                bounded: false,
                verified: true,
                doubt: None,
            });
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
        let (outcome, held) = self.run_script(&script, command.expires_at).await;
        match &outcome {
            Outcome::Applied(read_back) => {
                self.hold(ours).await;
                self.watch(command, &script, read_back);
                self.guard(command, &script, begun);
            }
            // It may hold it, or a part of it: a later command must undo it all the same.
            _ if held => self.hold(before.or(ours)).await,
            _ => {}
        }
        if matches!(outcome, Outcome::Refused(_)) {
            self.note_rates(command, before).await;
        }
        outcome
    }

    async fn run_script(&mut self, script: &Script, expires_at: Instant) -> (Outcome, bool) {
        let (line, wire) = (self.line, self.wire(expires_at));
        let mut habits = std::mem::take(&mut self.habits);
        habits.refusal = None;
        let result = run(&line, script, &mut habits, &wire, self).await;
        self.habits = habits;
        result
    }

    /// Remembers what is our doing, beyond this run too.
    async fn hold(&mut self, ours: Ours) {
        if std::mem::replace(&mut self.ours, ours) != ours {
            self.remember().await;
        }
    }

    /// A storage that takes no negative rates can be limited but not set: it is not offered any more, so that the core
    /// asks others. (SunSpec reference 8.4.)
    async fn note_rates(&mut self, command: &Command, before: Ours) {
        let of_rates = |(name, exception): &(String, Exception)| {
            *exception == Exception::ILLEGAL_VALUE && (name.contains("InWRte") || name.contains("OutWRte"))
        };
        if !self.rates_of_both_signs(&command.setpoint) || !self.habits.refusal.as_ref().is_some_and(of_rates)
        {
            return;
        }
        if !std::mem::replace(&mut self.habits.no_negative_rates, true) {
            tracing::warn!(
                device = self.settings.name,
                reason = NO_SET_POINT,
                "set points are not offered any more"
            );
        }
        // Charging from the grid was allowed for nothing.
        if self.ours.grid_charge && !before.grid_charge {
            let undo = Script::of(forbid_grid_charge(&self.ask(command)));
            if let (Outcome::Applied(_), _) = self.run_script(&undo, command.expires_at).await {
                self.hold(before).await;
            }
        }
        self.refresh_capability().await;
    }

    /// How this device is written to and read back.
    pub(super) fn wire(&self, expires_at: Instant) -> Wire {
        Wire { function: self.map.sunspec.write_function, max_read: self.max_read, expires_at }
    }
}
