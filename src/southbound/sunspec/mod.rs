//! The SunSpec Modbus driver: discovery, poll plan, readings, controls, one task a connection.

mod abilities;
mod block;
mod control;
mod device;
mod execute;
pub mod probe;
mod readings;
mod scan;
mod task;
pub mod tools;
mod value;

pub use block::Lookup;
pub use task::spawn;

#[cfg(test)]
pub use block::Blocks;
#[cfg(test)]
pub use device::peer_of;

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
