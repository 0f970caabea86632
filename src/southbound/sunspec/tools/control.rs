//! One control, once, by hand: the driver's own sequence, so that a technician sees whether the gateway will be able to.
//!
//! It decides nothing about registers (`control` does) and sends nothing itself (`execute` does). It does not hold a
//! setpoint: nothing is refreshed.

use super::amount::{Amount, Manual, Sizes, setpoint_of};
use super::{Session, Source, Tell};
use crate::der::{Capability, Nameplate, Outcome, Quantity, Setpoint, Watts};
use crate::device_map::PointRef;
use crate::southbound::modbus::BusError;
use crate::southbound::sunspec::abilities::{base_power, capability, nameplate, routes};
use crate::southbound::sunspec::block::{Block, Blocks};
use crate::southbound::sunspec::control::{Ask, Check, Ours, Script, Step, Weight, Write, local, script};
use crate::southbound::sunspec::execute::{Habits, Meanwhile, Wire, run};
use crate::southbound::sunspec::probe::{Body, ProbeError, driver_blocks};
use crate::southbound::sunspec::readings::{Sources, choose, readings};
use crate::southbound::tools::Stand;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// A plan older than this is not carried out: what it rests on may have changed.
const FRESH: Duration = Duration::from_secs(60);

/// What would be written for a command.
#[derive(Clone, Debug)]
pub struct ControlPlan {
    /// What is asked, as the device's resolution makes it.
    pub summary: String,
    /// The writes, in order: first register, registers, points.
    pub writes: Vec<(u16, Vec<u16>, String)>,
    /// The active power asked for, if the command is about it.
    pub active_power: Option<Watts>,
    script: Script,
    made: Instant,
}

/// A device that was read, ready to be controlled.
pub struct Controlled<'a> {
    session: &'a Session,
    blocks: Blocks,
    sources: Sources,
    ours: Ours,
    habits: Habits,
}

impl Session {
    /// Reads what controls rest on.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn control(&self, tell: Tell<'_>) -> Result<Controlled<'_>, ProbeError> {
        let chain = self.chain().await?;
        let mut blocks = driver_blocks(&chain, &self.options, &self.lookup, &self.layouts);
        let of = blocks.list.len();
        for (place, block) in blocks.list.iter_mut().enumerate() {
            tell(&format!("model {} at {} ({} of {of})", block.at.id, block.at.address, place + 1));
            self.read_block(block).await.map_err(|error| self.broken(error))?;
        }
        let sources = choose(&mut blocks);
        Ok(Controlled { session: self, blocks, sources, ours: Ours::default(), habits: Habits::default() })
    }

    /// Reads a block of the driver. One that the device refuses stays unread.
    async fn read_block(&self, block: &mut Block) -> Result<(), BusError> {
        let source = Source::Line(self.line());
        // Twice at most: the header of a model may tell how much follows it.
        for _ in 0..2 {
            let mut body = Body::of(block.at);
            let points: Vec<(u16, u16)> =
                block.layout.points.iter().map(|p| (p.offset, p.point.size)).collect();
            body.read_gently(&source, &block.layout, &points, self.options.link.max_read).await?;
            let registers = body.leading();
            // Another model in its place is a model that is not there.
            let taken = !registers.is_empty() && block.take(registers, Instant::now());
            if !taken || !block.open(&self.layouts) {
                break;
            }
        }
        Ok(())
    }
}

/// By hand nothing else goes on while a curve is adopted.
struct Nothing;

impl Meanwhile for Nothing {
    async fn pass(&mut self) -> bool {
        true
    }
}

impl Controlled<'_> {
    /// Who the device is.
    #[must_use]
    pub fn nameplate(&self) -> Nameplate {
        nameplate(&self.blocks)
    }

    /// What it can be asked for.
    #[must_use]
    pub fn capability(&self) -> Capability {
        capability(&self.blocks, routes(&self.blocks))
    }

    /// What a command and its value ask of this device.
    ///
    /// # Errors
    /// See [`setpoint_of`].
    pub fn setpoint(&self, command: Manual, amount: Option<Amount>) -> Result<Setpoint, String> {
        setpoint_of(command, amount, &self.sizes())
    }

    /// What percentages of it refer to.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let route = routes(&self.blocks).limit;
        let limit_base =
            route.and_then(|model| base_power(&self.blocks, model)).map_or(0.0, |(watts, _)| watts);
        Sizes { capability: self.capability(), nameplate: self.nameplate(), limit_base }
    }

    /// A usable number of the chain.
    #[must_use]
    pub fn good(&self, point: &PointRef) -> Option<f64> {
        self.blocks.good(point.model, &point.path)
    }

    /// Decides what is written for a set point.
    ///
    /// # Errors
    /// Why the device cannot be asked for it, in words.
    pub fn plan(&self, command: Manual, setpoint: &Setpoint, hold: Duration) -> Result<ControlPlan, String> {
        let options = &self.session.options;
        if let Manual::Command(name) = command
            && let Some((_, why)) = options.sunspec.disabled.iter().find(|(disabled, _)| *disabled == name)
        {
            return Err(format!("the device map does not offer {}: {why}", name.name()));
        }
        let locals = |block: &&Block| block.sample().is_some_and(|sample| local(block.at.id, &sample));
        if let Some(block) = self.blocks.list.iter().find(locals) {
            let id = block.at.id;
            return Err(format!("the device is in local mode ({id}.LocRemCtl); release it at the device"));
        }
        let script = script(&Ask {
            setpoint,
            hold,
            routes: routes(&self.blocks),
            ours: self.ours,
            blocks: &self.blocks,
            max_write: options.link.max_write,
            options: &options.sunspec,
            counting: self.habits.counting.unwrap_or(options.sunspec.curve_request),
            single_only: self.habits.no_multiple,
        })?;
        let active_power = script.steps.iter().find_map(|step| match step {
            Step::Write(plan) => plan.active_power,
            Step::Adopt(_) => None,
        });
        Ok(ControlPlan {
            summary: script.summary.clone(),
            writes: script.steps.iter().flat_map(shown).collect(),
            active_power,
            script,
            made: Instant::now(),
        })
    }

    /// Carries a plan out and reads back.
    pub async fn carry_out(&mut self, plan: &ControlPlan, patience: Duration) -> Outcome {
        if plan.made.elapsed() > FRESH {
            return Outcome::Refused(
                "it took more than a minute to agree: what the plan rests on is too old, nothing was written; ask again".to_owned(),
            );
        }
        let options = &self.session.options;
        let wire = Wire {
            function: options.sunspec.write_function,
            max_read: options.link.max_read,
            expires_at: Instant::now() + patience,
        };
        let line = self.session.line();
        let (outcome, held) = run(&line, &plan.script, &mut self.habits, &wire, &mut Nothing).await;
        let ours = plan.script.ours().unwrap_or(self.ours);
        match &outcome {
            Outcome::Applied(_) => self.ours = ours,
            // It may hold a part of it.
            _ if held => self.ours = self.ours.or(ours),
            _ => {}
        }
        outcome
    }

    /// How the points of a plan stand now that it was carried out. What cannot be read is left out.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn stands(&self, plan: &ControlPlan) -> Result<Vec<Stand>, ProbeError> {
        let mut all = Vec::new();
        for step in &plan.script.steps {
            let Step::Write(first) = step else { continue };
            // A device that did not take the first way was asked another way: the one that fits best is meant.
            let mut best: Option<Vec<Stand>> = None;
            let mut way = Some(first);
            while let Some(plan) = way {
                let stands = self.looked_at(&plan.checks).await?;
                let changed = |stands: &[Stand]| stands.iter().filter(|stand| !stand.kept).count();
                if best.as_ref().is_none_or(|best| changed(&stands) < changed(best)) {
                    best = Some(stands);
                }
                way = plan.otherwise.as_ref();
            }
            all.extend(best.unwrap_or_default());
        }
        Ok(all)
    }

    async fn looked_at(&self, checks: &[Check]) -> Result<Vec<Stand>, ProbeError> {
        let source = Source::Line(self.session.line());
        let mut stands = Vec::new();
        for check in checks.iter().filter(|check| check.weight == Weight::Essential) {
            let quantity = u16::try_from(check.registers.len()).unwrap_or(u16::MAX);
            match source.read(check.address, quantity).await {
                Ok(words) => stands.push(Stand {
                    name: check.name.clone(),
                    kept: words == check.registers,
                    now: check.say(&words),
                }),
                Err(BusError::Refused(exception)) if !exception.unit_missing() => {}
                Err(error) => return Err(self.session.broken(error)),
            }
        }
        Ok(stands)
    }

    /// Reads the models again that a later plan looks at, such as a release.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn refresh(&mut self) -> Result<(), ProbeError> {
        let session = self.session;
        for block in &mut self.blocks.list {
            session.read_block(block).await.map_err(|error| session.broken(error))?;
        }
        Ok(())
    }

    /// The active power now; `None` if the device does not tell it.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn active_power(&mut self) -> Result<Option<Watts>, ProbeError> {
        let session = self.session;
        let Some(id) = self.sources.measuring else { return Ok(None) };
        let Some(block) = self.blocks.list.iter_mut().find(|b| b.at.id == id) else { return Ok(None) };
        session.read_block(block).await.map_err(|error| session.broken(error))?;
        let now = Timestamp::now();
        let (readings, _) = readings(&self.blocks, self.sources, &|asked| (asked == id).then_some(now));
        let power = readings.iter().find(|r| r.quantity == Quantity::ActivePower && r.value.is_finite());
        Ok(power.map(|reading| Watts::new(reading.value)))
    }
}

/// The writes of a step, for words.
fn shown(step: &Step) -> Vec<(u16, Vec<u16>, String)> {
    let write = |w: &Write| (w.address, w.registers.clone(), w.name.clone());
    match step {
        Step::Write(plan) => plan.writes.iter().map(write).collect(),
        Step::Adopt(adoption) => vec![write(&adoption.request)],
    }
}

#[cfg(test)]
mod tests;
