//! Drivers: each a task behind [`crate::core::port`], one task a connection.

mod aggregate;
mod connection;
#[cfg(feature = "dnp3")]
mod dnp3;
mod effect;
mod feud;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod held;
mod lanes;
mod life;
mod link;
mod modbus;
mod pace;
mod plausible;
mod points;
mod registers;
mod sunspec;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;
pub mod tools;

pub use link::{Dnp3Addresses, Dnp3Serial, Dnp3Tcp, Link, LinkError, ModbusRtu, ModbusTcp};

/// True if this program speaks DNP3.
pub const SPEAKS_DNP3: bool = cfg!(feature = "dnp3");
pub use sunspec::probe::{
    ProbeError, ProbeReport, ProbedModel, ProbedPoint, ProbedScale, ProbedValue, RegisterReport,
};

use crate::core::port::{DeviceRecord, DriverPort};
use crate::der::{DeviceIndex, Mrid};
use crate::device_map::{DeviceMap, Library, LinkOptions, MapKind, Maps, SunspecOptions};
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
#[cfg(any(test, fuzzing))]
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
    let all = maps.clone();
    let choice: sunspec::MapChoice = Arc::new(move |maker, model, version| {
        let sunspec = |map: &&Arc<DeviceMap>| matches!(map.kind, MapKind::Sunspec | MapKind::Hybrid);
        maps.best(maker, model, version).filter(sunspec).cloned()
    });
    let (dnp3, modbus) = devices.into_iter().partition(|device| device.link.dnp3().is_some());
    connection::spawn(modbus, &ports, tasks, &stop, &lookup, &choice);
    connection::spawn_dnp3(dnp3, &ports, tasks, &stop, &all);
}

/// How the tools of a technician treat a device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeOptions {
    /// Limits and pacing.
    pub link: LinkOptions,
    /// Where to look for the chain.
    pub sunspec: SunspecOptions,
    /// How a TLS session is made; needed for a link with TLS.
    pub tls: Option<tls::Client>,
    /// The device map that was named; its register points have names.
    pub map: Option<Arc<DeviceMap>>,
}

/// A connection to one device for what a technician does by hand.
#[must_use]
pub fn session(link: &Link, options: &ProbeOptions, models: Arc<Library>) -> tools::Session {
    tools::Session::new(link, options, Arc::new(move |id| models.get(id)))
}

/// Reads what was recorded of a device as if it were the device.
///
/// # Errors
/// See [`ProbeError`].
pub async fn probe_recording(
    recording: &tools::Recording,
    options: &ProbeOptions,
    models: Arc<Library>,
) -> Result<ProbeReport, ProbeError> {
    let lookup: sunspec::Lookup = Arc::new(move |id| models.get(id));
    tools::replay(recording, options, &lookup).await
}
