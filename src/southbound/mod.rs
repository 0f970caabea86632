//! Drivers: each a task behind [`crate::core::port`], one task a connection.

mod link;
mod modbus;
mod sunspec;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;

pub use link::{Link, LinkError, ModbusRtu, ModbusTcp};
pub use sunspec::{ProbeError, ProbeReport, ProbedModel, ProbedPoint, ProbedValue};

use crate::core::port::{DeviceRecord, DriverPort};
use crate::der::{DeviceIndex, Mrid};
use crate::device_map::{DeviceMap, Library, LinkOptions, Maps, SunspecOptions};
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
    /// How its TLS session is made; `None` if its link has none.
    pub tls: Option<tls::Client>,
    /// What kind of device it is.
    pub map: Arc<DeviceMap>,
    /// False if the configuration names no map: the best one that matches the device is taken then.
    pub map_named: bool,
    /// Serial number of the device that shall stand here, if the configuration says.
    pub serial: Option<String>,
    /// What the driver noted of it in an earlier run.
    pub record: Option<DeviceRecord>,
    /// How often it is read.
    pub poll: Duration,
}

/// The built-in SunSpec models.
#[cfg(test)]
fn known() -> sunspec::Lookup {
    Arc::new(|id| crate::device_map::models().get(id))
}

/// Starts the drivers: one task for each connection, into `tasks`. `ports[i]` belongs to the device whose index is i.
/// The tasks end within a second after `stop`; setpoints are left to their reversion time.
#[expect(clippy::needless_pass_by_value, reason = "the drivers own their ports and their stop signal")]
pub fn spawn(
    devices: Vec<DeviceSettings>,
    ports: Vec<DriverPort>,
    maps: Arc<Maps>,
    tasks: &mut JoinSet<()>,
    stop: CancellationToken,
) {
    let models = maps.models().clone();
    let lookup: sunspec::Lookup = Arc::new(move |id| models.get(id));
    sunspec::spawn(devices, &ports, tasks, &stop, &lookup);
}

/// How a probe treats a device that has no map yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeOptions {
    /// Limits and pacing.
    pub link: LinkOptions,
    /// Where to look for the chain.
    pub sunspec: SunspecOptions,
    /// How a TLS session is made; needed for a link with TLS.
    pub tls: Option<tls::Client>,
}

/// Finds out what answers at a link: who it is, its models and their values. Reads only.
///
/// # Errors
/// Nothing answers, or what answers is not SunSpec; in words that say what to do.
pub async fn probe(
    link: &Link,
    options: &ProbeOptions,
    models: Arc<Library>,
) -> Result<ProbeReport, ProbeError> {
    let lookup: sunspec::Lookup = Arc::new(move |id| models.get(id));
    sunspec::probe(link, options, &lookup).await
}
