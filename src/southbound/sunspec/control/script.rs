//! What takes reads between its writes, as plain values: plans in order, and the adoption of a curve set between them.
//!
//! It decides nothing while it runs; `execute::run` carries it out.

use super::{Check, Ours, Plan, Write};
use crate::device_map::CurveRequest;

/// All that a command takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// In this order; the first that does not succeed ends it.
    pub steps: Vec<Step>,
    /// What is asked, for the log.
    pub summary: String,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Writes and reads back.
    Write(Box<Plan>),
    /// Has the device take a curve set over as its active one.
    Adopt(Box<Adoption>),
}

/// The adoption of a curve set (SunSpec 705-712: AdptCrvReq and AdptCrvRslt).
#[derive(Clone, Debug, PartialEq)]
pub struct Adoption {
    /// How sets are counted in `request`.
    pub counting: CurveRequest,
    /// The request with that counting.
    pub request: Write,
    /// The same with the other counting.
    pub other_request: Write,
    /// The register of the result: 0 in progress, 1 completed, 2 failed.
    pub result: u16,
    /// What the active set must show afterwards. "Completed" alone may be left over from before.
    pub active: Vec<Check>,
    /// What the active set shows if the device counts the other way.
    pub other: Other,
}

/// What an adoption leads to on a device that counts curve sets the other way.
#[derive(Clone, Debug, PartialEq)]
pub enum Other {
    /// It is asked for a set that it does not have.
    OutOfRange,
    /// It is asked for the active set itself: nothing changes.
    Nothing,
    /// It adopts another set, which holds this.
    Adopts(Vec<Check>),
}

impl Script {
    /// A script of one plan.
    #[must_use]
    pub fn of(plan: Plan) -> Self {
        Self { summary: plan.summary.clone(), steps: vec![Step::Write(Box::new(plan))] }
    }

    /// What is our doing when it is done.
    #[must_use]
    pub fn ours(&self) -> Option<Ours> {
        self.steps.iter().rev().find_map(|step| match step {
            Step::Write(plan) => Some(plan.ours),
            Step::Adopt(_) => None,
        })
    }

    /// True if nothing is written: the device stands as asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Write(plan) if plan.writes.is_empty()))
    }
}

/// The other way to count.
#[must_use]
pub const fn other_counting(counting: CurveRequest) -> CurveRequest {
    match counting {
        CurveRequest::OneBased => CurveRequest::ZeroBased,
        CurveRequest::ZeroBased => CurveRequest::OneBased,
    }
}
