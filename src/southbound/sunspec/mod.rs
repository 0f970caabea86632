//! The SunSpec Modbus driver: discovery, poll plan, readings, controls.

mod abilities;
mod block;
mod control;
mod device;
mod execute;
mod probe;
mod readings;
mod scan;
mod value;

pub use block::{Layouts, Lookup};
pub use device::{Common, Device, peer_of};
pub use probe::{ProbeError, ProbeReport, ProbedModel, ProbedPoint, ProbedValue, probe};

#[cfg(test)]
pub use block::Blocks;

/// The blocks of a map as a driver that has read all of it holds them.
#[cfg(test)]
pub fn blocks_for_test(book: &super::testing::Book) -> Blocks {
    let at = |(id, address, layout): &(u16, u16, std::sync::Arc<crate::device_map::Layout>)| block::ModelAt {
        id: *id,
        instance: 0,
        address: *address,
        length: layout.length,
    };
    let chain: Vec<_> = book.places.iter().map(at).collect();
    let layouts = block::Layouts::default();
    let mut blocks = device::blocks_of(&chain, &[], &super::known(), &layouts, 125);
    for block in &mut blocks.list {
        assert!(block.take(book.body(block.at.id), tokio::time::Instant::now()));
    }
    blocks
}

#[cfg(test)]
mod tests;
