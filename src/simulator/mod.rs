//! The plant we test against and show: simulated SunSpec devices and DNP3 outstations on real sockets, with physics.
//!
//! Devices are evaluated when somebody asks: a request brings its device up to date from the time that has passed, in
//! closed form as far as possible. So a thousand idle devices cost a thousand sleeping tasks and nothing else, a test with paused time is exact, and no
//! two devices share a tick that could hold them up.
//!
//! It deliberately shares no code with the drivers: what both got wrong, no test would find.

mod body;
mod control;
mod demo;
#[cfg(feature = "dnp3")]
mod dnp3;
mod faults;
mod image;
pub mod modbus;
pub mod orders;
pub mod physics;
mod plant;
mod plant_file;
mod registers;
mod rtu;
mod serial;
mod server;
mod settings;
mod tls;
mod unit;
mod wire;

pub use demo::demo_plant;
#[cfg(feature = "dnp3")]
pub use dnp3::{Action, Received};
pub use faults::{Fault, FaultError};
pub use image::Image;
pub use plant::{Device, Devices, Plant, PlantError};
pub use plant_file::{load_plant, plant_of_table};
pub use serial::SerialPlace;
pub use settings::{DeviceSettings, Kind, LinkAddresses, PlantSettings, mrid_of};
pub use tls::{TlsError, TlsSettings, TlsVersion};
pub use unit::Write;
