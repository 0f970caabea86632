//! What a command status means: its name in the standard, what it tells an operator, and what is done about it.
//!
//! Pure. What becomes of the whole command is decided in `execute`.

use super::field::{Refusal, Status};

/// What is done about a status that is not SUCCESS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// It may pass: asked once more.
    Again,
    /// The outstation may be where it is wanted already: what it shows decides.
    Look,
    /// Asking again changes nothing.
    Give,
}

/// The name that the standard gives it.
#[must_use]
pub const fn name(status: Status) -> &'static str {
    match status.0 {
        0 => "SUCCESS",
        1 => "TIMEOUT",
        2 => "NO_SELECT",
        3 => "FORMAT_ERROR",
        4 => "NOT_SUPPORTED",
        5 => "ALREADY_ACTIVE",
        6 => "HARDWARE_ERROR",
        7 => "LOCAL",
        8 => "TOO_MANY_OPS",
        9 => "NOT_AUTHORIZED",
        10 => "AUTOMATION_INHIBIT",
        11 => "PROCESSING_LIMITED",
        12 => "OUT_OF_RANGE",
        13 => "DOWNSTREAM_LOCAL",
        14 => "ALREADY_COMPLETE",
        15 => "BLOCKED",
        16 => "CANCELLED",
        17 => "BLOCKED_OTHER_MASTER",
        18 => "DOWNSTREAM_FAIL",
        126 => "NON_PARTICIPATING",
        127 => "UNDEFINED",
        _ => "unknown status",
    }
}

/// What it means to an operator, and what can be done.
#[must_use]
pub const fn meaning(status: Status) -> &'static str {
    match status.0 {
        0 => "accepted",
        1 => "the operation came too long after its selection; a slow line may do this",
        2 => "it was not selected before; another master or a lost message may do this",
        3 => "the outstation does not understand the request; check `number` in [control] of the device map",
        4 => "the outstation does not support this; check that the device map fits it",
        5 => "it is active already, or the outstation's queue is full",
        6 => "the outstation has a fault in its hardware; look at the device",
        7 => "the outstation is in local control; switch it to remote at the device",
        8 => "the outstation is busy with too many operations",
        9 => "this gateway may not do this; give its master address the right at the device",
        10 => "an automatic function of the outstation forbids it, or what is to be changed is in use",
        11 => "the outstation has no capacity for it now",
        12 => "the outstation does not take this value",
        13 => "a device behind the outstation is in local control; switch it to remote there",
        14 => "the operation is complete already",
        15 => "an interlock of the outstation blocks it; it may want a permission first",
        16 => "the outstation has cancelled it",
        17 => "another master has it under its control",
        18 => "the outstation could not reach the device behind it",
        126 => "the outstation takes no part in this operation",
        127 => "the outstation gives no reason",
        _ => "the standard does not say what this means; ask the maker of the device",
    }
}

/// What is done about it.
#[must_use]
pub const fn remedy(status: Status) -> Remedy {
    match status.0 {
        1 | 2 | 8 | 11 => Remedy::Again,
        5 | 14 => Remedy::Look,
        _ => Remedy::Give,
    }
}

/// True if it says that the output, or this value of it, is not there: no reason to give up a step that is optional.
#[must_use]
pub const fn is_lack(status: Status) -> bool {
    matches!(status.0, 3 | 4 | 12 | 126 | 127)
}

/// Name, number and meaning.
#[must_use]
pub fn explain(status: Status) -> String {
    format!("{status}: {}", meaning(status))
}

/// Why a request to operate was refused as a whole. Outstations that set IIN2.2 beside a status let nothing else be seen,
/// and what they mean by it is NOT_SUPPORTED more often than not.
#[must_use]
pub fn explain_refusal(refusal: Refusal) -> String {
    let more = if refusal.parameter_error {
        ": usually it does not support this mode or value; check that the device map fits it"
    } else {
        ""
    };
    format!("the outstation refuses the request: {refusal}{more}")
}

#[cfg(test)]
mod tests;
