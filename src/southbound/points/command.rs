//! One command from what is asked to its outcome: what must be known first, the draft, its execution, what is held.

mod preview;

pub use preview::Preview;

use super::Points;
use super::ask::{Ask, wish};
use super::codec::{decode, exponent, step};
use super::draft::{Draft, Ground, Write};
use super::execute::{Bench, End};
use super::poll::read_registers;
use crate::der::{Effect, Outcome, Quantity, ReadBack, Reading, Setpoint, Watts};
use crate::device_map::registers::{Base, CommandName, InputUnit, RegisterCommand, RegisterQuantity, Step};
use crate::southbound::aggregate::ratings_of;
use crate::southbound::effect::{Watch, Watches};
use crate::southbound::held::Applied;
use crate::southbound::lanes::{Wish, active_power, rivals};
use crate::southbound::modbus::{BusError, Line};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// What percentages refer to is read again if it is older than this.
const BASE_AGE: Duration = Duration::from_secs(60);

impl Points {
    /// Carries out a command with the commands of the map. `None` if the map has none for it, or if it is a release and
    /// nothing is held: then it is for somebody else, or done.
    pub async fn command(&mut self, line: &Line<'_>, ask: &Ask<'_>) -> Option<Outcome> {
        match wish(ask.setpoint, &self.map.registers)? {
            Wish::Do(name, value) => {
                let command = self.map.registers.command(name)?.clone();
                Some(self.perform(line, ask, &command, value).await.unwrap_or_else(|outcome| outcome))
            }
            Wish::Undo(name) => Some(self.undo(line, ask, name).await),
            Wish::Release(names) => {
                let mut last = None;
                for name in names.iter().copied() {
                    if !self.holding.has(name) {
                        continue;
                    }
                    let outcome = self.undo(line, ask, name).await;
                    if !matches!(outcome, Outcome::Applied(_)) {
                        return Some(outcome);
                    }
                    last = Some(outcome);
                }
                last
            }
        }
    }

    /// Carries out a command of the map. The error is an outcome too: the one of a command that ends early.
    async fn perform(
        &mut self,
        line: &Line<'_>,
        ask: &Ask<'_>,
        command: &RegisterCommand,
        value: Option<f64>,
    ) -> Result<Outcome, Outcome> {
        let name = command.name;
        self.prepare(line, command, &command.steps).await?;
        let base = self.base(command, ask);
        let draft = self.ground(base).command(command, value).map_err(Outcome::Refused)?;
        if let Some(outcome) = self.spare(line, command, &draft).await? {
            self.holding.go_on(name, ask.hold, Instant::now());
            self.watches.go_on(name, ask.hold, Instant::now());
            return Ok(outcome);
        }
        let writes = self.with_rivals(line, name, &draft.writes).await?;
        if Instant::now() >= ask.expires_at {
            return Err(Outcome::Expired);
        }
        let (end, held) = self.carry_out(line, &writes, &draft, ask.expires_at).await;
        let now = Instant::now();
        if held {
            self.holding.wrote(name, now);
        }
        let verified = match end {
            End::Done { verified } => verified,
            other => {
                if held {
                    self.holding.touched(name, now);
                    self.watches.end(name);
                }
                return Err(outcome_of(other));
            }
        };
        for rival in rivals(name) {
            self.holding.drop(rival);
            self.watches.end(rival);
        }
        let read_back = ReadBack {
            active_power: active_power(ask.setpoint, draft.value),
            bounded: command.reverts_after.is_some(),
            verified,
            doubt: None,
        };
        self.watch(ask, command, &draft, base, verified);
        if !command.release.is_empty() || command.refresh.is_some() || command.min_interval.is_some() {
            let (writes, refresh) = (draft.writes, command.refresh);
            self.holding.applied(Applied { name, writes, read_back, refresh, hold: ask.hold }, now);
        }
        Ok(Outcome::Applied(read_back))
    }

    /// A command kept in flash is not written again if it stands, and not too often in any case.
    async fn spare(
        &self,
        line: &Line<'_>,
        command: &RegisterCommand,
        draft: &Draft,
    ) -> Result<Option<Outcome>, Outcome> {
        let Some(least) = command.min_interval else { return Ok(None) };
        let held = self.holding.get(command.name).filter(|held| held.writes == draft.writes);
        if let Some(held) = held
            && self.bench(line).stands(&draft.checks).await != Some(false)
        {
            return Ok(Some(Outcome::Applied(held.read_back)));
        }
        match self.holding.wait(command.name, least, Instant::now()) {
            None => Ok(None),
            Some(wait) => {
                let (least, wait) = (least.as_secs(), wait.as_secs_f64().ceil());
                Err(Outcome::Refused(format!(
                    "the device keeps this in flash, so it is not written more often than every {least} s; {wait} s left"
                )))
            }
        }
    }

    /// The writes of a command after those that undo the others of its lane.
    async fn with_rivals(
        &mut self,
        line: &Line<'_>,
        name: CommandName,
        writes: &[Write],
    ) -> Result<Vec<Write>, Outcome> {
        let mut all = Vec::new();
        for rival in rivals(name) {
            let Some(other) = self.map.registers.command(rival).filter(|_| self.holding.has(rival)).cloned()
            else {
                continue;
            };
            self.read_scales(line, &other.release).await?;
            let undo = self.ground(None).release(&other, writes).map_err(Outcome::Refused)?;
            all.extend(undo.writes);
        }
        all.extend_from_slice(writes);
        Ok(all)
    }

    /// Undoes a command of the map.
    async fn undo(&mut self, line: &Line<'_>, ask: &Ask<'_>, name: CommandName) -> Outcome {
        match self.try_undo(line, ask, name).await {
            Ok(outcome) => outcome,
            Err(outcome) => {
                // Not wanted any more: it may stand still, but is not written again by us.
                self.holding.touched(name, Instant::now());
                self.watches.end(name);
                outcome
            }
        }
    }

    async fn try_undo(
        &mut self,
        line: &Line<'_>,
        ask: &Ask<'_>,
        name: CommandName,
    ) -> Result<Outcome, Outcome> {
        let command = self.map.registers.command(name).cloned();
        let Some(command) = command.filter(|command| !command.release.is_empty()) else {
            // Nothing undoes it: it is only repeated no more.
            self.holding.drop(name);
            self.watches.end(name);
            return Ok(Outcome::Applied(ReadBack::default()));
        };
        self.read_scales(line, &command.release).await?;
        let draft = self.ground(None).release(&command, &[]).map_err(Outcome::Refused)?;
        if Instant::now() >= ask.expires_at {
            return Err(Outcome::Expired);
        }
        let (end, held) = self.carry_out(line, &draft.writes, &draft, ask.expires_at).await;
        if held {
            self.holding.wrote(name, Instant::now());
        }
        let End::Done { verified } = end else { return Err(outcome_of(end)) };
        self.holding.drop(name);
        self.watches.end(name);
        Ok(Outcome::Applied(ReadBack { active_power: None, bounded: false, verified, doubt: None }))
    }

    /// Reads what a command rests on: what it requires, what its percentage refers to, the scales of what it writes.
    async fn prepare(
        &mut self,
        line: &Line<'_>,
        command: &RegisterCommand,
        steps: &[Step],
    ) -> Result<(), Outcome> {
        for require in &command.require {
            let unknown = || Outcome::Refused(format!("the map has no point {}", require.point));
            let place = self.place(&require.point).ok_or_else(unknown)?;
            self.read_point(line, place, Duration::ZERO).await?;
            let point = self.point(place).ok_or_else(unknown)?;
            let value = self.known(place).and_then(|value| value.number());
            let by = self.exponent_of(place);
            let near = super::codec::tolerance(point, require.equals, by);
            if !value.is_some_and(|value| (value - require.equals).abs() <= near) {
                return Err(Outcome::Refused(require.hint.clone()));
            }
        }
        if let Some(InputUnit::PercentOf(Base::Point(name))) = command.input.as_ref().map(|input| &input.unit)
            && let Some(place) = self.place(name)
        {
            self.read_point(line, place, BASE_AGE).await?;
        }
        self.read_scales(line, steps).await?;
        let verified: Vec<Step> =
            command.verify.iter().map(|v| Step::Write { point: v.point.clone(), value: v.equals }).collect();
        self.read_scales(line, &verified).await
    }

    /// Reads the powers of ten of the points that steps write.
    async fn read_scales(&mut self, line: &Line<'_>, steps: &[Step]) -> Result<(), Outcome> {
        let scales: Vec<usize> = super::ask::points_of(steps)
            .filter_map(|name| self.map.registers.point(name)?.scale_from.clone())
            .filter_map(|scale| self.place(&scale))
            .collect();
        for place in scales {
            self.read_point(line, place, Duration::ZERO).await?;
        }
        Ok(())
    }

    /// Reads one point, and its scale, if its last answer is older than `age`.
    async fn read_point(&mut self, line: &Line<'_>, place: usize, age: Duration) -> Result<(), Outcome> {
        let fresh = self.entries.get(place).and_then(|entry| entry.read_at);
        if fresh.is_some_and(|at| !age.is_zero() && at.elapsed() < age) {
            return Ok(());
        }
        let scale = self.point(place).and_then(|p| p.scale_from.clone()).and_then(|name| self.place(&name));
        for place in scale.into_iter().chain([place]) {
            let Some(point) = self.point(place) else { return Ok(()) };
            let (table, address, quantity) = (point.table, point.address, point.kind.registers());
            let asked_at = Timestamp::now();
            let words = match read_registers(line, None, table, address, quantity).await {
                Ok(words) => words,
                Err(BusError::Refused(exception)) if !exception.unit_missing() => {
                    let name = &point.name;
                    return Err(Outcome::Refused(format!(
                        "{name} could not be read before writing: {exception}"
                    )));
                }
                Err(_) => return Err(Outcome::Unreachable),
            };
            self.take_one(place, words, asked_at);
        }
        Ok(())
    }

    /// Takes the registers of one point that was read beside a poll.
    fn take_one(&mut self, place: usize, words: Vec<u16>, asked_at: Timestamp) {
        let by = match self.point(place).and_then(|p| p.scale_from.as_deref()) {
            None => Some(0),
            Some(scale) => self.place(scale).and_then(|scale| exponent(&self.known(scale)?)),
        };
        let Some(value) = self.point(place).map(|point| decode(point, &words, by)) else { return };
        self.reads += 1;
        if let Some(entry) = self.entries.get_mut(place) {
            entry.read = self.reads;
            entry.words = words;
            entry.value = Some(value);
            entry.asked_at = asked_at;
            entry.read_at = Some(Instant::now());
        }
    }

    /// The power of ten that a point is scaled by now: 0 without a `scale_from`, `None` if it cannot be used.
    fn exponent_of(&self, place: usize) -> Option<i32> {
        match self.point(place)?.scale_from.as_deref() {
            None => Some(0),
            Some(scale) => exponent(&self.known(self.place(scale)?)?),
        }
    }

    /// What the percentage of a command refers to, in SI.
    fn base(&self, command: &RegisterCommand, ask: &Ask<'_>) -> Option<f64> {
        match &command.input.as_ref()?.unit {
            InputUnit::Scaled(_) => None,
            InputUnit::PercentOf(Base::Sunspec(point)) => (ask.sunspec)(point),
            InputUnit::PercentOf(Base::Point(name)) => self.base_point(name),
        }
    }

    /// The value of a point that percentages refer to, in SI.
    pub(super) fn base_point(&self, name: &str) -> Option<f64> {
        let point = self.map.registers.point(name)?;
        // A rating tells how its unit becomes SI.
        let factor = point.quantity.map_or(1.0, |(_, factor)| factor);
        self.value(name)?.number().map(|value| value * factor)
    }

    fn ground(&self, base: Option<f64>) -> Ground<'_> {
        let exponents = (0..self.entries.len()).map(|place| self.exponent_of(place)).collect();
        Ground { map: &self.map.registers, exponents, base }
    }

    fn bench<'a>(&'a self, line: &'a Line<'a>) -> Bench<'a> {
        Bench {
            line,
            map: &self.map.registers,
            function: self.map.sunspec.write_function,
            max_write: self.map.link.max_write,
        }
    }

    async fn carry_out(
        &mut self,
        line: &Line<'_>,
        writes: &[Write],
        draft: &Draft,
        expires_at: Instant,
    ) -> (End, bool) {
        tracing::debug!(plan = draft.words, "writing");
        let mut habits = self.habits;
        let ended = self.bench(line).carry_out(writes, &draft.checks, &mut habits, expires_at).await;
        self.habits = habits;
        ended
    }

    /// Watches whether the measurements follow.
    fn watch(
        &mut self,
        ask: &Ask<'_>,
        command: &RegisterCommand,
        draft: &Draft,
        base: Option<f64>,
        verified: bool,
    ) {
        // A power factor is no quantity that is measured.
        let Some(rule) = command.effect.clone().filter(|_| command.name != CommandName::SetPowerFactor)
        else {
            return;
        };
        let expected = draft.value.unwrap_or(0.0);
        // Without a rating there is no measure for "near".
        let Some(rated) = self.size_of(rule.quantity).or(base.map(f64::abs)).filter(|size| *size > 0.0)
        else {
            return;
        };
        let tolerance = (rated * rule.tolerance_percent / 100.0).max(self.step_of(rule.quantity));
        let written = if verified { "written and read back" } else { "written" };
        let watch = Watch {
            setpoint: ask.setpoint.clone(),
            expected,
            tolerance,
            generator: self.capability().absorption_max == Watts::ZERO,
            since: Timestamp::now(),
            begun: Instant::now(),
            hold: ask.hold,
            words: format!("{}: {written}", draft.words),
            hint: "Device may ignore remote control (check its Modbus/EMS menu)",
            rule,
        };
        self.watches.begin(command.name, watch);
    }

    /// What a measurement is compared with.
    fn size_of(&self, quantity: Quantity) -> Option<f64> {
        ratings_of(quantity).iter().find_map(|rating| self.rating(*rating))
    }

    /// The resolution of a measurement, in SI.
    fn step_of(&self, quantity: Quantity) -> f64 {
        let points = self.map.registers.points.iter().enumerate();
        let step = points.filter_map(|(place, point)| {
            let (_, factor) = point.quantity.filter(|(of, _)| *of == RegisterQuantity::Reading(quantity))?;
            Some((step(point, self.exponent_of(place)?) * factor).abs())
        });
        step.fold(0.0, f64::max)
    }

    /// Whether commands have shown an effect, from the readings of a poll; told when it changes.
    pub fn effects(&mut self, readings: &[Reading]) -> Vec<(Setpoint, Effect)> {
        self.watches.look(readings, Instant::now())
    }

    /// When something must be written again so that the device does not forget it.
    #[must_use]
    pub fn next_refresh(&self) -> Option<Instant> {
        self.holding.next_refresh()
    }

    /// Writes again what is due.
    ///
    /// # Errors
    /// The device refuses it or does not answer; in words.
    pub async fn refresh(&mut self, line: &Line<'_>) -> Result<(), String> {
        let writes = self.holding.take_refreshes(Instant::now());
        if writes.is_empty() {
            return Ok(());
        }
        let mut habits = self.habits;
        let result = self.bench(line).repeat(&writes, &mut habits).await;
        self.habits = habits;
        result
    }

    /// Nothing is written again by itself any more: another device stands there.
    pub fn stop_refreshing(&mut self) {
        self.holding.stop_refreshing();
        self.watches = Watches::default();
    }

    /// The names of the commands that the device holds, for the notes that outlive a run.
    #[must_use]
    pub fn notes(&self) -> String {
        self.holding.notes()
    }

    /// What an earlier run noted may be held still, and is undone by a release.
    pub fn recall(&mut self, notes: &str) {
        self.holding.recall(notes, Instant::now());
    }
}

fn outcome_of(end: End) -> Outcome {
    match end {
        End::Done { verified } => {
            Outcome::Applied(ReadBack { active_power: None, bounded: false, verified, doubt: None })
        }
        End::Refused(words) => Outcome::Refused(words),
        End::NotKept(words) => Outcome::NotKept(words),
        End::TimedOut => Outcome::TimedOut,
        End::Unreachable => Outcome::Unreachable,
    }
}
