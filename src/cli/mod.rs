//! The commands, one file each. Only this room writes to stdout.

pub mod http;
pub mod status;
pub mod table;
