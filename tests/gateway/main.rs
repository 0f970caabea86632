//! The one integration-test binary: the house's shape, and the gateway as its users meet it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails is a panic, and its output is for people"
)]

mod architecture;
mod dnp3;
mod every_model;
mod faults;
mod serial;
mod spine;
#[path = "../../src/testing/mod.rs"]
mod testing;
mod tls;
