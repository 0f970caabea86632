//! What the fuzz targets (`fuzz/`) and the property tests run: the drivers against bytes that nobody meant.
//!
//! Everything is in memory and in virtual time, so that a device that does not answer costs nothing. Nothing of this is
//! in the shipped program.

mod device;
mod frames;
mod input;
mod maps;
mod wish;

pub use device::{BASE, Image, PEER, Running, options};
pub use frames::frames;
pub use input::Input;
pub use maps::{maps, sound};
pub use wish::setpoint;

use super::{points as register_points, sunspec};

/// Most bytes of an input that are used.
const MOST: usize = 128 * 1024;

/// Runs something in virtual time, and with the same random numbers each time.
///
/// # Panics
/// There is no runtime to be had.
pub fn run(work: impl Future<Output = ()>) {
    fastrand::seed(7);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.unwrap_or_else(|error| unreachable!("no runtime: {error}"));
    runtime.block_on(work);
}

fn cut(data: &[u8]) -> Input<'_> {
    Input::new(data.get(..MOST).unwrap_or(data))
}

/// A device with any registers where a chain may be: the whole driver, and all that a technician can do, end without a
/// panic and within a bound of requests.
pub fn chain(data: &[u8]) {
    sunspec::fuzzing::chain(cut(data));
}

/// Any registers under any models and lengths (an even first byte), or under any shipped map of plain registers.
pub fn points(data: &[u8]) {
    let mut input = cut(data);
    if input.byte() & 1 == 0 {
        sunspec::fuzzing::points(input);
    } else {
        register_points::fuzzing::registers(input);
    }
}

/// Any map of an outstation, or one that ships, with any values: what is pure of the driver. Without DNP3 only the map is
/// read.
pub fn outstations(data: &[u8]) {
    #[cfg(feature = "dnp3")]
    super::dnp3::fuzzing::outstations(cut(data));
    #[cfg(not(feature = "dnp3"))]
    maps(data);
}

#[cfg(test)]
mod tests;
