//! The SunSpec Modbus driver: discovery, poll plan, readings, controls.

mod abilities;
mod block;
mod control;
mod device;
mod execute;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod probe;
mod readings;
mod scan;
pub mod tools;
mod value;

pub use block::{Layouts, Lookup};
pub use device::{Common, Device, MapChoice, peer_of};

#[cfg(test)]
pub use block::Blocks;

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

#[cfg(test)]
mod tests;
