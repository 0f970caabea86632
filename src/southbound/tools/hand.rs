//! A device that was read and is ready to be controlled by hand, of whatever protocol.

use super::control::{CHANGED, FRESH, Work};
use super::doubt::{curve_fault, doubts};
use super::outstation::OutstationByHand;
use super::{Amount, ByHand, HandPlan, Manual, Outstation, Session, Sizes, Stand, Tell, setpoint_of};
use crate::der::{Capability, Nameplate, Outcome, Setpoint, Watts};
use crate::southbound::sunspec::probe::ProbeError;
use std::time::Duration;
use tokio::time::Instant;

/// A device, ready to be controlled.
pub enum Hand<'a> {
    /// Of Modbus.
    Device(Box<ByHand<'a>>),
    /// Of DNP3.
    Outstation(Box<OutstationByHand>),
}

impl<'a> Hand<'a> {
    /// Reads what controls of a Modbus device rest on.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn of_device(session: &'a Session, tell: Tell<'_>) -> Result<Self, ProbeError> {
        Ok(Self::Device(Box::new(session.by_hand(tell).await?)))
    }

    /// Reads what controls of an outstation rest on.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn of_outstation(outstation: &Outstation, tell: Tell<'_>) -> Result<Self, ProbeError> {
        Ok(Self::Outstation(Box::new(outstation.by_hand(tell).await?)))
    }

    /// Who the device is.
    #[must_use]
    pub fn nameplate(&self) -> Nameplate {
        match self {
            Self::Device(device) => device.nameplate(),
            Self::Outstation(outstation) => outstation.nameplate(),
        }
    }

    /// What it can be asked for.
    #[must_use]
    pub fn capability(&self) -> Capability {
        match self {
            Self::Device(device) => device.capability(),
            Self::Outstation(outstation) => outstation.capability(),
        }
    }

    /// What a command and its value ask of this device.
    ///
    /// # Errors
    /// The value is missing, of the wrong kind, or a percentage of something that the device does not tell.
    pub fn setpoint(&self, command: Manual, amount: Option<Amount>) -> Result<Setpoint, String> {
        setpoint_of(command, amount, &self.sizes())
    }

    fn sizes(&self) -> Sizes {
        match self {
            Self::Device(device) => device.sizes(),
            Self::Outstation(_) => Sizes::of(self.capability(), self.nameplate()),
        }
    }

    /// Decides what is written for a set point. Writes nothing.
    ///
    /// # Errors
    /// Why the device cannot be asked for it, in words.
    pub async fn plan(
        &mut self,
        command: Manual,
        setpoint: &Setpoint,
        hold: Duration,
    ) -> Result<HandPlan, String> {
        curve_fault(setpoint)?;
        let beyond = doubts(setpoint, &self.sizes());
        let plan = self.plan_unjudged(command, setpoint, hold).await?;
        Ok(HandPlan { beyond, ..plan })
    }

    async fn plan_unjudged(
        &mut self,
        command: Manual,
        setpoint: &Setpoint,
        hold: Duration,
    ) -> Result<HandPlan, String> {
        let outstation = match self {
            Self::Device(device) => return device.plan(command, setpoint, hold).await,
            Self::Outstation(outstation) => outstation,
        };
        let (summary, operations) = outstation.preview(setpoint, hold).map_err(|outcome| match outcome {
            Outcome::Refused(words) | Outcome::NotKept(words) => words,
            other => other.name().to_owned(),
        })?;
        let work = Work::Outstation { setpoint: setpoint.clone(), hold, made: Instant::now() };
        Ok(HandPlan {
            summary,
            writes: Vec::new(),
            operations,
            notes: Vec::new(),
            beyond: Vec::new(),
            forgotten: None,
            work,
        })
    }

    /// Carries a plan out and reads back.
    pub async fn carry_out(&mut self, plan: &HandPlan, patience: Duration) -> Outcome {
        let outstation = match self {
            Self::Device(device) => return device.carry_out(plan, patience).await,
            Self::Outstation(outstation) => outstation,
        };
        let Work::Outstation { setpoint, hold, made } = &plan.work else {
            return Outcome::Refused("this was planned for another device".to_owned());
        };
        // Only what was agreed to is sent, on what the outstation says now.
        if outstation.refresh().await.is_err() {
            return Outcome::Unreachable;
        }
        match outstation.preview(setpoint, *hold) {
            Ok((_, operations)) if operations == plan.operations && made.elapsed() <= FRESH => {
                outstation.carry_out(setpoint, *hold, patience).await
            }
            Ok(_) => Outcome::Refused(CHANGED.to_owned()),
            Err(outcome) => outcome,
        }
    }

    /// How the points stand now that show a plan that was carried out. What cannot be seen is left out.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn stands(&self, plan: &HandPlan) -> Result<Vec<Stand>, ProbeError> {
        match self {
            Self::Device(device) => device.stands(plan).await,
            Self::Outstation(outstation) => Ok(outstation.stands().await),
        }
    }

    /// Reads again what a later plan looks at, such as a release.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn refresh(&mut self) -> Result<(), ProbeError> {
        match self {
            Self::Device(device) => device.refresh().await,
            Self::Outstation(outstation) => outstation.refresh().await,
        }
    }

    /// The active power now; `None` if the device does not tell it.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn active_power(&mut self) -> Result<Option<Watts>, ProbeError> {
        match self {
            Self::Device(device) => device.active_power().await,
            Self::Outstation(outstation) => outstation.active_power().await,
        }
    }
}
