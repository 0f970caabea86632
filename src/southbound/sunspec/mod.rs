//! The SunSpec Modbus driver: discovery, poll plan, readings, controls, one task a connection.

mod abilities;
mod block;
mod control;
mod device;
mod execute;
mod probe;
mod readings;
mod scan;
mod task;
mod value;

pub use block::Lookup;
pub use device::MapChoice;
pub use probe::{ProbeError, ProbeReport, ProbedModel, ProbedPoint, ProbedValue, probe};
pub use task::spawn;

#[cfg(test)]
pub use block::Blocks;
#[cfg(test)]
pub use device::peer_of;

/// The blocks of a map as a driver that has read all of it holds them.
#[cfg(test)]
pub fn blocks_for_test(book: &super::testing::Book) -> Blocks {
    let mut chain: Vec<block::ModelAt> = Vec::new();
    for (id, address, layout) in &book.places {
        let before = chain.iter().filter(|m| m.id == *id).count();
        let instance = u16::try_from(before).unwrap_or(u16::MAX);
        chain.push(block::ModelAt { id: *id, instance, address: *address, length: layout.length });
    }
    let layouts = block::Layouts::default();
    let mut blocks = block::blocks_of(&chain, &book.options, &super::known(), &layouts, 125);
    for block in &mut blocks.list {
        assert!(block.take(book.body_at(block.at.address), tokio::time::Instant::now()));
        let _ = block.open(&layouts);
    }
    blocks
}
