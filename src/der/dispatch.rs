//! DERGroupDispatch: what a group is asked to do over time.

use super::{DispatchSchedule, Mrid, Name, Parameter};
use jiff::Timestamp;

/// A dispatch of one parameter of one group (61968-5 `DERGroupDispatch`).
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDispatch {
    /// Its identity.
    pub mrid: Mrid,
    /// Alternative names.
    pub names: Vec<Name>,
    /// The group it is for.
    pub group: Mrid,
    /// What is asked for; the unit of the schedules' values follows from it.
    pub parameter: Parameter,
    /// One or more; where they overlap, the later in the list applies.
    pub schedules: Vec<DispatchSchedule>,
}

impl GroupDispatch {
    /// The target at a time, `None` if no schedule covers it.
    #[must_use]
    pub fn target_at(&self, now: Timestamp) -> Option<f64> {
        self.schedules.iter().rev().find_map(|s| s.target_at(now))
    }

    /// When its first schedule begins.
    #[must_use]
    pub fn start(&self) -> Option<Timestamp> {
        self.schedules.iter().map(DispatchSchedule::start).min()
    }

    /// When its last schedule ends.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.schedules.iter().map(DispatchSchedule::end).max()
    }
}

/// Where a dispatch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DispatchState {
    /// Accepted; its time has not come, or it is between two of its schedules.
    Scheduled,
    /// Its target is being followed.
    Active,
    /// Its time is over (or its group is gone); its members are being released.
    Releasing,
    /// Over, and every member that could be reached was released.
    Ended,
}

impl DispatchState {
    /// The word in documents and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Releasing => "releasing",
            Self::Ended => "ended",
        }
    }
}
