//! One file per command. (being built)

pub mod dispatch;
pub mod groups;
