//! A procedure of a register map: what a person does once, when a device is commissioned, step by step.

use super::{Order, Session, Target, WriteFault};
use crate::device_map::registers::{Procedure, Step, StepValue};
use crate::southbound::sunspec::probe::ProbeError;

/// How a procedure ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcedureEnd {
    /// All steps were done.
    Done,
    /// It stopped; at which step, counted from 1, and why.
    Stopped(usize, String),
}

/// A step in words.
#[must_use]
pub fn told(step: &Step) -> String {
    match step {
        Step::Write { point, value: StepValue::Constant(value) } => format!("write {point} = {value}"),
        Step::Write { point, value: StepValue::Input } => format!("write {point}"),
        Step::Wait(time) => format!("wait {time:?}"),
        Step::Expect { point, equals } => format!("expect {point} = {equals}"),
    }
}

impl Session {
    /// Carries out the steps in order, and stops at the first that does not succeed. `tell` hears of each step.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn procedure(
        &self,
        procedure: &Procedure,
        tell: super::Tell<'_>,
    ) -> Result<ProcedureEnd, ProbeError> {
        for (place, step) in procedure.steps.iter().enumerate() {
            tell(&format!("{}. {}", place + 1, told(step)));
            let stopped = |words: String| Ok(ProcedureEnd::Stopped(place + 1, words));
            match step {
                Step::Wait(time) => tokio::time::sleep(*time).await,
                Step::Write { value: StepValue::Input, .. } => return stopped("it takes a value".to_owned()),
                Step::Write { point, value: StepValue::Constant(value) } => {
                    let order = Order { target: Target::Named(point.clone()), value: value.to_string() };
                    let plan = match self.plan_write(&[order]).await {
                        Ok(plan) => plan,
                        Err(WriteFault::Device(error)) => return Err(error),
                        Err(fault @ WriteFault::Refused(_)) => return stopped(fault.to_string()),
                    };
                    let written = self.carry_out(&plan).await?;
                    if let Some(bad) = written.iter().find(|point| !point.fate.is_good()) {
                        return stopped(format!("{}: {} {}", bad.name, bad.fate.name(), bad.fate.words()));
                    }
                }
                Step::Expect { point, equals } => {
                    let target = Target::Named(point.clone());
                    let points = self.named(std::iter::once(&target)).await;
                    let points = points.map_err(|error| self.broken(error))?;
                    let look = points.as_ref().and_then(|points| points.look(point));
                    let stands = look.and_then(|look| look.value?.number());
                    if stands.is_none_or(|value| (value - equals).abs() > 1e-6 * equals.abs().max(1.0)) {
                        let stands = stands.map_or_else(|| "nothing usable".to_owned(), |v| v.to_string());
                        return stopped(format!("{point} reads {stands}, not {equals}"));
                    }
                }
            }
        }
        Ok(ProcedureEnd::Done)
    }
}
