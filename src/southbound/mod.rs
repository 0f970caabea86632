//! Drivers: each a task behind [`crate::core::port`], one task a connection.

mod link;

pub use link::{Link, LinkError, ModbusTcp};

use crate::der::{DeviceIndex, Mrid};
use crate::device_map::DeviceMap;
use std::sync::Arc;
use std::time::Duration;

/// One device as a driver is told of it.
#[derive(Clone, Debug)]
pub struct DeviceSettings {
    /// Its place in the registry, and in the list of ports.
    pub index: DeviceIndex,
    /// Its identity.
    pub mrid: Mrid,
    /// What a person calls it; used in logs.
    pub name: String,
    /// How it is reached.
    pub link: Link,
    /// What kind of device it is.
    pub map: Arc<DeviceMap>,
    /// How often it is read.
    pub poll: Duration,
}
