//! Device maps: what kind of device answers and how it is to be read, as checked values; and the SunSpec model tables.
//!
//! Data only. It opens no connection and decodes no register.

mod best;
pub mod dnp3;
mod layout;
mod library;
mod map;
mod map_file;
mod maps;
mod model;
mod model_json;
pub mod profile;
pub mod registers;
mod shipped;

pub use layout::{Correction, Layout, PlacedPoint, PlacedScale};
pub use library::{Library, model_of_table, models, parse_model};
pub use map::{
    CurveRequest, DeviceMap, LinkOptions, MapKind, Match, MeterSign, Parity, PfSign, PointOverride, PointRef,
    SerialOptions, SunspecOptions, Transport, WriteFunction,
};
pub use map_file::{map_of_table, parse_map, read_map};
pub use maps::{DEFAULT_OUTSTATION, MARK, Maps, is_hidden};
pub use model::{Group, Model, Point, PointType, Repeat, Scale, Symbol};
pub use model_json::{is_model_json, parse_model_json, read_model_json};
