//! DNP3 as its users meet it: the fault matrix over wires that go wrong, and what stands beside it.

mod frame;
pub mod proxy;
