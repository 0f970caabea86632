//! One control, once, by hand, on a device of any kind: the driver's own way, so that a technician sees whether the gateway
//! will be able to.
//!
//! The commands of a register map go first, as in the driver; what it does not define is the chain's. It holds nothing:
//! nothing is repeated.

use super::{Amount, ControlPlan, Controlled, Fit, Manual, Session, Sizes, Stand, Tell, setpoint_of};
use crate::der::{Capability, Nameplate, Outcome, Quantity, Reading, Setpoint, Watts};
use crate::device_map::{MapKind, PointRef};
use crate::southbound::points::{Ask, Points, Preview};
use crate::southbound::sunspec::probe::ProbeError;
use std::time::Duration;
use tokio::time::Instant;

/// A plan older than this is not carried out.
pub(super) const FRESH: Duration = Duration::from_secs(60);

/// What is said of a plan that does not hold any more.
pub(super) const CHANGED: &str =
    "what the plan rests on is too old or has changed since; nothing was written, ask again";

/// A device that was read, ready to be controlled.
pub struct ByHand<'a> {
    session: &'a Session,
    chain: Option<Controlled<'a>>,
    points: Option<Points>,
}

/// What would be written for a command.
#[derive(Clone, Debug)]
pub struct HandPlan {
    /// What is asked, as the device's resolution makes it.
    pub summary: String,
    /// The writes, in order: first register, registers, points.
    pub writes: Vec<(u16, Vec<u16>, String)>,
    /// What is operated of a DNP3 outstation, in order, in words.
    pub operations: Vec<String>,
    /// What the person should know before agreeing.
    pub notes: Vec<String>,
    /// What is beyond what the device is rated for, or odd.
    pub beyond: Vec<String>,
    /// The device forgets it if it is not repeated within this time.
    pub forgotten: Option<Duration>,
    pub(super) work: Work,
}

#[derive(Clone, Debug)]
pub(super) enum Work {
    Chain(Box<ControlPlan>),
    Points { preview: Box<Preview>, setpoint: Setpoint, hold: Duration, made: Instant },
    Outstation { setpoint: Setpoint, hold: Duration, made: Instant },
}

impl Session {
    /// Reads what controls rest on.
    ///
    /// # Errors
    /// See [`ProbeError`]; a device that its register map is not for cannot be controlled with it.
    pub async fn by_hand(&self, tell: Tell<'_>) -> Result<ByHand<'_>, ProbeError> {
        let Some(map) = self.register_map() else {
            return Ok(ByHand { session: self, chain: Some(self.control(tell).await?), points: None });
        };
        if let Fit::No(reason) = self.fit().await? {
            return Err(ProbeError::NotSunspec { link: self.link.to_string(), reason });
        }
        let (chain, points) = if map.kind == MapKind::Registers {
            (None, Points::new(map.clone()))
        } else {
            (Some(self.control(tell).await?), Points::beside_chain(map.clone()))
        };
        tell("the registers of the map");
        let (points, _) = self.poll_once(points).await?;
        Ok(ByHand { session: self, chain, points: Some(points) })
    }
}

impl ByHand<'_> {
    /// Who the device is.
    #[must_use]
    pub fn nameplate(&self) -> Nameplate {
        match (&self.chain, &self.points) {
            (Some(chain), _) => chain.nameplate(),
            (None, Some(points)) => points.nameplate(),
            (None, None) => Nameplate::default(),
        }
    }

    /// What it can be asked for.
    #[must_use]
    pub fn capability(&self) -> Capability {
        let points = self.points.as_ref();
        match &self.chain {
            None => points.map(Points::capability).unwrap_or_default(),
            Some(chain) => {
                let own = chain.capability();
                let more = points.map(Points::controls).unwrap_or_default();
                Capability { controls: more.iter().fold(own.controls, |all, one| all.with(one)), ..own }
            }
        }
    }

    /// What a command and its value ask of this device.
    ///
    /// # Errors
    /// The value is missing, of the wrong kind, or a percentage of something that the device does not tell.
    pub fn setpoint(&self, command: Manual, amount: Option<Amount>) -> Result<Setpoint, String> {
        setpoint_of(command, amount, &self.sizes())
    }

    /// What percentages of it refer to.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        match &self.chain {
            Some(chain) => chain.sizes(),
            None => Sizes::of(self.capability(), self.nameplate()),
        }
    }

    /// Decides what is written for a set point. Reads, and writes nothing.
    ///
    /// # Errors
    /// Why the device cannot be asked for it, in words.
    pub async fn plan(
        &mut self,
        command: Manual,
        setpoint: &Setpoint,
        hold: Duration,
    ) -> Result<HandPlan, String> {
        let disabled = &self.session.options.sunspec.disabled;
        if let Manual::Command(name) = command
            && let Some((_, why)) = disabled.iter().find(|(disabled, _)| *disabled == name)
        {
            return Err(format!("the device map does not offer {}: {why}", name.name()));
        }
        if let Some(points) = &mut self.points
            && setpoint.control().is_none()
            && points.notes().is_empty()
        {
            // Who releases by hand does not know what an earlier hand, or a gateway, has left.
            points.hold_all_that_can_be_undone();
        }
        match self.preview(setpoint, hold).await {
            Some(Ok(preview)) => Ok(of_preview(preview, setpoint, hold)),
            Some(Err(Outcome::Refused(words))) => Err(words),
            Some(Err(_)) => Err("the device does not answer any more".to_owned()),
            None => match &self.chain {
                Some(chain) => chain.plan(command, setpoint, hold).map(of_chain),
                None => Err(self.not_offered()),
            },
        }
    }

    fn not_offered(&self) -> String {
        let map = self.session.register_map();
        let names: Vec<&str> =
            map.iter().flat_map(|map| &map.registers.commands).map(|command| command.name.name()).collect();
        let id = map.map(|map| map.id.as_str()).unwrap_or_default();
        if names.is_empty() {
            return format!("map \"{id}\" has no commands: the device only reports");
        }
        format!("map \"{id}\" has no registers for this; it has {}", names.join(", "))
    }

    async fn preview(&mut self, setpoint: &Setpoint, hold: Duration) -> Option<Result<Preview, Outcome>> {
        let Self { session, chain, points } = self;
        let sunspec = |point: &PointRef| chain.as_ref()?.good(point);
        let ask = Ask { setpoint, hold, expires_at: Instant::now() + FRESH, sunspec: &sunspec };
        points.as_mut()?.preview(&session.line(), &ask).await
    }

    /// Carries a plan out and reads back.
    pub async fn carry_out(&mut self, plan: &HandPlan, patience: Duration) -> Outcome {
        let (preview, setpoint, hold, made) = match &plan.work {
            Work::Chain(plan) => {
                return match &mut self.chain {
                    Some(chain) => chain.carry_out(plan, patience).await,
                    None => Outcome::Unreachable,
                };
            }
            Work::Outstation { .. } => {
                return Outcome::Refused("this was planned for another device".to_owned());
            }
            Work::Points { preview, setpoint, hold, made } => (preview, setpoint, *hold, *made),
        };
        // Only what was agreed to is written.
        let changed = match self.preview(setpoint, hold).await {
            Some(Ok(now)) => now.writes != preview.writes || made.elapsed() > FRESH,
            Some(Err(outcome)) => return outcome,
            None => true,
        };
        if changed {
            return Outcome::Refused(CHANGED.to_owned());
        }
        let Self { session, chain, points } = self;
        let Some(points) = points else { return Outcome::Unreachable };
        let sunspec = |point: &PointRef| chain.as_ref()?.good(point);
        let ask = Ask { setpoint, hold, expires_at: Instant::now() + patience, sunspec: &sunspec };
        let outcome = points.command(&session.line(), &ask).await;
        outcome.unwrap_or_else(|| Outcome::Refused("there is nothing to undo".to_owned()))
    }

    /// How the points stand now that show a plan that was carried out.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn stands(&self, plan: &HandPlan) -> Result<Vec<Stand>, ProbeError> {
        match (&plan.work, &self.chain, &self.points) {
            (Work::Chain(plan), Some(chain), _) => chain.stands(plan).await,
            (Work::Points { preview, .. }, _, Some(points)) => {
                let stands = points.stands(&self.session.line(), &preview.checks).await;
                let stands = stands.map_err(|error| self.session.broken(error))?;
                Ok(stands.into_iter().map(|(name, kept, now)| Stand { name, kept, now }).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Reads again what a later plan looks at, such as a release.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn refresh(&mut self) -> Result<(), ProbeError> {
        match &mut self.chain {
            Some(chain) => chain.refresh().await,
            None => Ok(()),
        }
    }

    /// The active power now; `None` if the device does not tell it.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn active_power(&mut self) -> Result<Option<Watts>, ProbeError> {
        if let Some(chain) = &mut self.chain
            && let Some(power) = chain.active_power().await?
        {
            return Ok(Some(power));
        }
        let Some(points) = &mut self.points else { return Ok(None) };
        let readings = points.poll(&self.session.line()).await;
        let readings = readings.map_err(|error| self.session.broken(error))?;
        let power = |r: &&Reading| r.quantity == Quantity::ActivePower && r.value.is_finite();
        Ok(readings.iter().find(power).map(|reading| Watts::new(reading.value)))
    }
}

fn of_chain(plan: ControlPlan) -> HandPlan {
    HandPlan {
        summary: plan.summary.clone(),
        writes: plan.writes.clone(),
        operations: Vec::new(),
        notes: Vec::new(),
        beyond: Vec::new(),
        forgotten: None,
        work: Work::Chain(Box::new(plan)),
    }
}

fn of_preview(preview: Preview, setpoint: &Setpoint, hold: Duration) -> HandPlan {
    let flash = |name: &String| format!("{name} is kept in flash, which wears out: write it seldom");
    HandPlan {
        summary: preview.summary.clone(),
        writes: preview.writes.clone(),
        operations: Vec::new(),
        notes: preview.stored.iter().map(flash).collect(),
        beyond: Vec::new(),
        forgotten: preview.forgotten,
        work: Work::Points {
            preview: Box::new(preview),
            setpoint: setpoint.clone(),
            hold,
            made: Instant::now(),
        },
    }
}

#[cfg(test)]
mod tests;
