//! Drivers: each a task behind [`crate::core::port`], one task a connection.

mod link;
mod modbus;
mod sunspec;
#[cfg(test)]
pub(crate) mod testing;

pub use link::{Link, LinkError, ModbusTcp};
pub use sunspec::{ProbeError, ProbeReport, ProbedModel, ProbedPoint, ProbedValue};

use crate::core::port::DriverPort;
use crate::der::{DeviceIndex, Mrid};
use crate::device_map::{DeviceMap, LinkOptions, Model, SunspecOptions, models};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

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

/// The SunSpec model of an id, if this build knows it.
fn known(id: u16) -> Option<Arc<Model>> {
    models().get(id)
}

/// Starts the drivers: one task for each connection, into `tasks`. `ports[i]` belongs to the device whose index is i.
/// The tasks end within a second after `stop`; setpoints are left to their reversion time.
#[expect(clippy::needless_pass_by_value, reason = "the drivers own their ports and their stop signal")]
pub fn spawn(
    devices: Vec<DeviceSettings>,
    ports: Vec<DriverPort>,
    tasks: &mut JoinSet<()>,
    stop: CancellationToken,
) {
    sunspec::spawn(devices, &ports, tasks, &stop, known);
}

/// How a probe treats a device that has no map yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeOptions {
    /// Limits and pacing.
    pub link: LinkOptions,
    /// Where to look for the chain.
    pub sunspec: SunspecOptions,
}

/// Finds out what answers at a link: who it is, its models and their values. Reads only.
///
/// # Errors
/// Nothing answers, or what answers is not SunSpec; in words that say what to do.
pub async fn probe(link: &Link, options: &ProbeOptions) -> Result<ProbeReport, ProbeError> {
    sunspec::probe(link, options, known).await
}
