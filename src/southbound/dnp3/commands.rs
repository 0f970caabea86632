//! The commands of one outstation, from what is asked to the outcome: what is held, what is sent again after a restart,
//! whether the measurements follow.
//!
//! It has no port and no association: the device's task owns it, lends it a [`Field`] and what the outstation said last,
//! and reports for it. Within a lane the new mode is enabled before the old one is ended, so that there is no moment
//! without a bound; for a moment both hold, and the stricter one counts. Only connecting is the other way round: what
//! disconnects is ended first. An order that is repeated writes what bounds it in time and latches its switches again; of its
//! settings, only those that do not show any more.

mod curves;
mod guard;
mod preview;
mod service;

pub use super::plan::Known;
pub use guard::Remedy;
pub use preview::Preview;

use self::guard::Guard;
use super::execute::{Bench, End, Goal, Proof};
use super::field::Field;
use super::image::Image;
use super::plan::{self, Act, Arguments, Draft, Ground};
use crate::core::port::Command;
use crate::der::{Capability, CurveKind, Effect, Outcome, Quantity, ReadBack, Reading, Setpoint, Watts};
use crate::device_map::dnp3::{Argument, At, OutstationCommand, OutstationMap};
use crate::device_map::registers::{CommandName, EffectBound, EffectRule};
use crate::southbound::aggregate::ratings_of;
use crate::southbound::effect::{Watch, Watches};
use crate::southbound::held::{Applied, Holding, Key};
use crate::southbound::lanes::{LANES, Wish, rivals, wish};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What to look at if a command does not work.
const HINT: &str =
    "Device may ignore remote control (check its DNP3 menu, and whether it is in local control)";

/// What is disconnected delivers nothing, whether its map says so or not; a ramp down may come first.
const OFF: EffectRule = EffectRule {
    quantity: Quantity::ActivePower,
    bound: EffectBound::Equals,
    tolerance_percent: 5.0,
    within: Duration::from_secs(60),
};
/// A ramp that takes longer is not waited for.
const LONGEST_RAMP: Duration = Duration::from_hours(1);

impl Known for Image {
    fn named(&self, name: &str) -> Option<f64> {
        Self::named(self, name)
    }

    fn is_on(&self, at: At) -> Option<bool> {
        Self::is_on(self, at)
    }

    fn blocked(&self) -> Option<String> {
        Self::blocked(self)
    }

    fn shown(&self, at: At) -> Option<f64> {
        self.setting(at)
    }
}

/// What an outstation can hold on our behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A command of the map.
    Command(CommandName),
    /// A curve that is followed.
    Curve(CurveKind),
}

impl Key for Kept {
    fn name(self) -> &'static str {
        match self {
            Self::Command(name) => name.name(),
            Self::Curve(kind) => kind.name(),
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        CommandName::from_name(name)
            .map(Self::Command)
            .or_else(|| CurveKind::from_name(name).map(Self::Curve))
    }
}

/// The commands of one outstation.
pub struct Commands {
    /// The id of the map, for words.
    id: String,
    map: Arc<OutstationMap>,
    /// Each with the set point that made it, if it was of this run and all of it arrived.
    holding: Holding<Kept, Setpoint>,
    watches: Watches,
    /// What is put back if somebody else takes it away.
    guards: Vec<Guard>,
    /// Effects that are known already, and not told yet.
    known: Vec<(Setpoint, Effect)>,
    /// The slowest ramp that was set in this run, % of the maximum for each second.
    ramp: Option<f64>,
}

/// One command on its way.
struct Ask<'a, F> {
    bench: Bench<'a, F>,
    setpoint: &'a Setpoint,
    hold: Duration,
    known: &'a dyn Known,
    /// When it was begun.
    begun: (Instant, Timestamp),
}

fn begun() -> (Instant, Timestamp) {
    (Instant::now(), Timestamp::now())
}

impl<F> Ask<'_, F> {
    fn expired(&self) -> bool {
        Instant::now() >= self.bench.expires_at
    }
}

impl Commands {
    /// The commands of a map; `notes` is what an earlier run left ([`Commands::notes`]).
    #[must_use]
    pub fn new(id: &str, map: Arc<OutstationMap>, notes: &str) -> Self {
        let mut holding = Holding::default();
        holding.recall(notes, Instant::now());
        let (watches, guards, known) = (Watches::default(), Vec::new(), Vec::new());
        Self { id: id.to_owned(), map, holding, watches, guards, known, ramp: None }
    }

    /// Another map fits better. What is held is kept by its name.
    pub fn set_map(&mut self, id: &str, map: Arc<OutstationMap>) {
        id.clone_into(&mut self.id);
        self.map = map;
        self.guards.clear();
    }

    /// What it can be asked for, and how much.
    #[must_use]
    pub fn capability(&self, known: &dyn Known) -> Capability {
        plan::capability(&self.map, known)
    }

    /// Carries out a command. Always gives an outcome; a release of what is not held is done already.
    pub async fn carry_out<F: Field>(&mut self, field: &F, command: &Command, known: &dyn Known) -> Outcome {
        let map = self.map.clone();
        let ask = Ask {
            bench: Bench { field, map: &map, known, expires_at: command.expires_at },
            setpoint: &command.setpoint,
            hold: command.hold,
            known,
            begun: begun(),
        };
        let end = match ask.setpoint {
            _ if ask.expired() => Err(Outcome::Expired),
            Setpoint::SetCurve(curve) => self.set_curve(&ask, curve).await,
            Setpoint::ReleaseCurve(kind) => self.release_curve(&ask, *kind).await,
            Setpoint::Connect => self.connect(&ask).await,
            _ => self.command(&ask).await,
        };
        end.unwrap_or_else(|outcome| outcome)
    }

    /// Carries out what is no curve. The error is an outcome too: the one of a command that ends early.
    async fn command<F: Field>(&mut self, ask: &Ask<'_, F>) -> Result<Outcome, Outcome> {
        let map = self.map.clone();
        let undone = |name| map.command(name).is_some_and(|command| !command.release.is_empty());
        match wish(ask.setpoint, |name| map.command(name).is_some(), undone) {
            None => {
                let words = format!("cannot {}: the map {} has no command for it", ask.setpoint, self.id);
                Err(Outcome::Refused(words))
            }
            Some(Wish::Do(name, _)) => {
                let command = map.command(name).ok_or(Outcome::Unreachable)?;
                self.perform(ask, command).await
            }
            Some(Wish::Undo(name)) => self.undo(ask, name, &[]).await,
            Some(Wish::Release(names)) => {
                let mut last = Outcome::Applied(ReadBack { verified: true, ..ReadBack::default() });
                for name in names.iter().copied() {
                    if self.holding.has(Kept::Command(name)) {
                        last = self.undo(ask, name, &[]).await?;
                    }
                }
                Ok(last)
            }
        }
    }

    async fn perform<F: Field>(
        &mut self,
        ask: &Ask<'_, F>,
        command: &OutstationCommand,
    ) -> Result<Outcome, Outcome> {
        let name = command.name;
        interlock(ask.known)?;
        let ground = Ground { map: ask.bench.map, known: ask.known };
        let asked = Arguments::of(ask.setpoint, ask.hold);
        let draft = ground.command(command, &asked).map_err(Outcome::Refused)?;
        if name == CommandName::Connect {
            self.undo_rivals(ask, name, &draft.acts, true).await?;
        }
        tracing::debug!(plan = draft.words, "operating");
        let key = Kept::Command(name);
        let due = if self.repeats(key, ask.setpoint) {
            ask.bench.due(draft.acts.clone()).await
        } else {
            draft.acts.clone()
        };
        let (end, touched) = ask.bench.carry_out(&due, Goal::Set).await;
        let End::Done(proof) = end else {
            if touched {
                self.touched(key);
            }
            return Err(end.outcome(None));
        };
        let active_power = draft.active_power(ask.setpoint);
        let outcome = End::Done(proof).outcome(active_power);
        if let Outcome::Applied(read_back) = &outcome {
            self.applied(ask, key, *read_back, &draft.acts);
        }
        self.watch(ask, command, &draft, proof);
        self.undo_rivals(ask, name, &draft.acts, false).await.map_err(|outcome| stuck(&draft, outcome))?;
        Ok(outcome)
    }

    /// True if this very set point was given before, and seen to stand.
    fn repeats(&self, key: Kept, setpoint: &Setpoint) -> bool {
        let same = |writes: &[Setpoint]| writes.iter().eq([setpoint]);
        self.holding.get(key).is_some_and(|held| held.read_back.verified && same(&held.writes))
    }

    /// Notes what was applied: it is undone later, and sent again after a restart. A setting stays where it is.
    fn applied<F>(&mut self, ask: &Ask<'_, F>, key: Kept, read_back: ReadBack, acts: &[Act]) {
        let setting = matches!(
            key,
            Kept::Command(
                CommandName::SetRampRates | CommandName::SetEnterService | CommandName::ResetAlarms
            )
        );
        if setting {
            self.leave(acts);
        } else {
            self.guard(ask, key, acts, read_back.verified);
            let writes = vec![ask.setpoint.clone()];
            let new = Applied { name: key, writes, read_back, refresh: None, hold: ask.hold };
            self.holding.applied(new, Instant::now());
        }
        if let Setpoint::SetRampRates(rates) = ask.setpoint {
            let rates = [rates.active_up, rates.active_down].into_iter().flatten().map(|rate| rate.get());
            self.ramp = rates.filter(|rate| *rate > 0.0).reduce(f64::min).or(self.ramp);
        }
    }

    fn touched(&mut self, key: Kept) {
        self.holding.touched(key, Instant::now());
        self.unguard(key);
        if let Kept::Command(name) = key {
            self.watches.end(name);
        }
    }

    fn let_go(&mut self, key: Kept) {
        self.holding.drop(key);
        self.unguard(key);
        if let Kept::Command(name) = key {
            self.watches.end(name);
        }
    }

    /// Ends the other commands of a lane, leaving alone the outputs that `kept` operates; `early`: only those that something
    /// undoes, for what nothing undoes is over when the new one stands.
    async fn undo_rivals<F: Field>(
        &mut self,
        ask: &Ask<'_, F>,
        name: CommandName,
        kept: &[Act],
        early: bool,
    ) -> Result<(), Outcome> {
        for rival in rivals(name) {
            let undone = |command: &OutstationCommand| !command.release.is_empty();
            let now = !early || ask.bench.map.command(rival).is_some_and(undone);
            if now && self.holding.has(Kept::Command(rival)) {
                self.undo(ask, rival, kept).await?;
            }
        }
        Ok(())
    }

    /// Undoes a command of the map.
    async fn undo<F: Field>(
        &mut self,
        ask: &Ask<'_, F>,
        name: CommandName,
        kept: &[Act],
    ) -> Result<Outcome, Outcome> {
        let key = Kept::Command(name);
        let ground = Ground { map: ask.bench.map, known: ask.known };
        let acts = match ask.bench.map.command(name) {
            Some(command) => ground.release(command, kept).map_err(Outcome::Refused)?.acts,
            None => Vec::new(),
        };
        self.undo_acts(ask, key, &acts).await
    }

    async fn undo_acts<F: Field>(
        &mut self,
        ask: &Ask<'_, F>,
        key: Kept,
        acts: &[Act],
    ) -> Result<Outcome, Outcome> {
        if acts.is_empty() {
            // Nothing undoes it: it is only asked for no more.
            self.let_go(key);
            return Ok(Outcome::Applied(ReadBack { verified: true, ..ReadBack::default() }));
        }
        interlock(ask.known)?;
        self.leave(acts);
        let (end, _) = ask.bench.carry_out(acts, Goal::Release).await;
        match end {
            End::Done(proof) => {
                self.let_go(key);
                Ok(End::Done(Proof { bounded: false, ..proof }).outcome(None))
            }
            end => {
                // Not wanted any more: it may stand still, but is not sent again by us.
                self.touched(key);
                Err(end.outcome(None))
            }
        }
    }

    /// Watches whether the measurements follow.
    fn watch<F>(&mut self, ask: &Ask<'_, F>, command: &OutstationCommand, draft: &Draft, proof: Proof) {
        let off = command.name == CommandName::Disconnect;
        if off {
            // No power can be expected from now on.
            let powers = LANES.into_iter().filter(|lane| !lane.contains(&command.name));
            powers.flatten().for_each(|name| self.watches.end(*name));
        } else if self.is_off() {
            return;
        }
        // A power factor is no quantity that is measured.
        let given = command.effect.clone().filter(|_| command.name != CommandName::SetPowerFactor);
        let Some(mut rule) = given.or_else(|| off.then_some(OFF)) else { return };
        // Without a rating there is no measure for "near".
        let Some(rated) = rated(ask.bench.map, rule.quantity, ask.known).or(draft.base) else { return };
        let seen = if proof.verified { "sent and read back" } else { "accepted, not verified" };
        let generator = self.capability(ask.known).absorption_max == Watts::ZERO;
        if rule.quantity == Quantity::ActivePower && !off {
            rule.within += self.ramping(if generator { 100.0 } else { 200.0 });
        }
        let watch = Watch {
            setpoint: ask.setpoint.clone(),
            expected: draft.value.unwrap_or(0.0),
            tolerance: rated * rule.tolerance_percent / 100.0,
            generator,
            since: Timestamp::now(),
            begun: Instant::now(),
            hold: ask.hold,
            words: format!("{}: {seen}", draft.words),
            hint: HINT,
            rule,
        };
        self.watches.begin(command.name, watch);
    }

    /// How long the slowest ramp of this run takes for so many percent of the maximum.
    fn ramping(&self, percent: f64) -> Duration {
        let seconds = self.ramp.map_or(0.0, |rate| percent / rate);
        Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_RAMP).min(LONGEST_RAMP)
    }

    /// True while it is disconnected by us.
    fn is_off(&self) -> bool {
        let held = self.holding.get(Kept::Command(CommandName::Disconnect));
        held.is_some_and(|held| held.until > Instant::now())
    }

    /// Whether commands have shown an effect, from new readings; told when it changes.
    pub fn effects(&mut self, readings: &[Reading]) -> Vec<(Setpoint, Effect)> {
        let mut told = std::mem::take(&mut self.known);
        let seen = self.watches.look(readings, Instant::now());
        told.extend(seen.into_iter().filter(|(setpoint, _)| !self.is_disputed(setpoint)));
        told
    }

    /// The outstation has restarted, and everything was read since: what it should hold still, and does not show, is sent
    /// again for the time that is left. Gives what was sent and how it ended.
    pub async fn restarted<F: Field>(&mut self, field: &F, known: &dyn Known) -> Vec<(Setpoint, Outcome)> {
        let now = Instant::now();
        let due: Vec<(Setpoint, Instant)> = self
            .holding
            .iter()
            .filter(|held| held.until > now)
            .flat_map(|held| held.writes.iter().map(|setpoint| (setpoint.clone(), held.until)))
            .collect();
        let mut sent = Vec::new();
        for (setpoint, until) in due {
            if self.stands(field, &setpoint, known).await == Some(true) {
                continue;
            }
            let hold = until.saturating_duration_since(Instant::now());
            let command = Command { id: 0, setpoint, hold, expires_at: until };
            let outcome = self.carry_out(field, &command, known).await;
            sent.push((command.setpoint, outcome));
        }
        sent
    }

    /// Whether what was asked stands; of a curve that is for its window to say.
    async fn stands<F: Field>(&self, field: &F, setpoint: &Setpoint, known: &dyn Known) -> Option<bool> {
        let command = self.map.commands.iter().find(|command| does(command.name, setpoint))?;
        let asked = Arguments::of(setpoint, Duration::ZERO);
        let draft = Ground { map: &self.map, known }.command(command, &asked).ok()?;
        // The time that was left when it was sent is no matter.
        let counts = |act: &&Act| act.part != Some(Argument::Reversion) && !act.optional;
        let acts: Vec<&Act> = draft.acts.iter().filter(counts).collect();
        Bench { field, map: &self.map, known, expires_at: Instant::now() }.stands(&acts).await
    }

    /// Another device stands there: nothing is sent again, and nothing is expected of it.
    pub fn stop(&mut self) {
        let names: Vec<Kept> = self.holding.iter().map(|held| held.name).collect();
        names.into_iter().for_each(|name| self.holding.touched(name, Instant::now()));
        self.watches = Watches::default();
        self.guards.clear();
        self.known.clear();
    }

    /// The names of what the outstation holds, for the notes that outlive a run.
    #[must_use]
    pub fn notes(&self) -> String {
        self.holding.notes()
    }

    /// What an earlier run noted may be held still, and is undone by a release.
    pub fn recall(&mut self, notes: &str) {
        self.holding.recall(notes, Instant::now());
    }

    /// Whoever releases by hand does not know what is held: everything that can be undone is.
    pub fn hold_all_that_can_be_undone(&mut self) {
        let commands = self.map.commands.iter().filter(|command| !command.release.is_empty());
        let names: Vec<&str> = commands.map(|command| command.name.name()).collect();
        self.recall(&names.join(","));
    }
}

/// True if a command of the map is what a set point asks for.
fn does(name: CommandName, setpoint: &Setpoint) -> bool {
    matches!(wish(setpoint, |_| true, |_| false), Some(Wish::Do(asked, _)) if asked == name)
}

/// Why nothing may be commanded now.
fn interlock(known: &dyn Known) -> Result<(), Outcome> {
    known.blocked().map_or(Ok(()), |why| Err(Outcome::Refused(why)))
}

/// The new command stands, and the one before it could not be ended.
fn stuck(draft: &Draft, outcome: Outcome) -> Outcome {
    let words = |why: String| {
        format!("{} stands, but what was held before it could not be ended: {why}", draft.words)
    };
    match outcome {
        Outcome::Refused(why) => Outcome::Refused(words(why)),
        Outcome::NotKept(why) => Outcome::NotKept(words(why)),
        Outcome::Expired => Outcome::NotKept(words("there was no time left for it".to_owned())),
        other => other,
    }
}

/// What a measurement is compared with.
fn rated(map: &OutstationMap, quantity: Quantity, known: &dyn Known) -> Option<f64> {
    ratings_of(quantity).iter().find_map(|rating| plan::rating(map, *rating, known))
}

#[cfg(test)]
pub mod tests;
