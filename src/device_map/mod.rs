//! Device maps: what kind of device answers and how it is to be read, as checked values; and the SunSpec model tables.
//!
//! Data only. It opens no connection and decodes no register.

mod layout;
mod library;
mod map;
mod model;
mod shipped;

pub use layout::{Layout, PlacedPoint, PlacedScale};
pub use library::{Library, models, parse_model};
pub use map::{DeviceMap, LinkOptions, SunspecOptions};
pub use model::{Group, Model, Point, PointType, Repeat, Scale, Symbol};
