//! What a technician does with one outstation by hand: reads everything or single points, operates outputs, records.
//!
//! Each at somebody's command, once. Only class 0 and ranges are read, never events: those belong to the master that runs
//! all day, and whoever reads them takes them away.

mod beyond;
mod by_hand;
mod catalogue;
mod live;
mod probe;
mod read;
mod record;
mod sweep;
mod write;

#[cfg(test)]
mod testing;

pub use by_hand::ByHand;
pub use catalogue::Catalogue;
pub use live::{Controlled, Live, replay};
pub use probe::discover;
pub use read::read;
pub use record::{Tape, record};
pub use sweep::{Sweep, sweep};
pub use write::{carry_out, plan};

/// Told what is going on while something takes long.
pub type Tell<'a> = &'a (dyn Fn(&str) + Send + Sync);
