//! What a technician does with one device by hand, whatever its kind: a SunSpec chain, plain registers of a map, or both; a
//! DNP3 outstation behind [`Outstation`].
//!
//! It stands above the drivers: the chain's part is `sunspec::tools`, the registers' part is made of `points` here, and
//! neither names the other.

mod control;
mod doubt;
mod hand;
mod outstation;
mod probe;
mod procedure;
mod record;
mod spoken;
mod stand;
mod trace;

pub use super::sunspec::tools::*;
pub use control::{ByHand, HandPlan};
pub use hand::Hand;
pub use outstation::*;
pub use probe::{Fit, replay};
pub use procedure::{ProcedureEnd, told};
pub use spoken::{spoken_instead, usually_spoken};
pub use stand::{Stand, Vigil};
pub use trace::{LEGEND, TraceReader};
