//! One outstation that a technician works on; the only place that knows whether this program speaks DNP3.

use super::{OperatedOutput, OutputOrder, OutstationRecording, Pick, PlannedOutput, PointAnswer};
use crate::device_map::dnp3::Operate;
use crate::device_map::{DeviceMap, MapKind, Maps};
use crate::southbound::sunspec::probe::{ProbeError, ProbeReport};
use crate::southbound::sunspec::tools::Tell;
use crate::southbound::{Link, ProbeOptions};
use std::sync::Arc;

#[cfg(not(feature = "dnp3"))]
mod absent;
#[cfg(feature = "dnp3")]
use crate::southbound::dnp3::tools as driver;
#[cfg(not(feature = "dnp3"))]
use absent as driver;

pub use driver::Controlled as OutstationByHand;

/// What a program without DNP3 says to a link with it.
pub const NO_DNP3: &str = "this program is built without DNP3 and speaks Modbus only; a build from source has it \
     (README, \"DNP3 and its licence\")";

/// One outstation, connected to at the first request.
pub struct Outstation {
    live: driver::Live,
}

impl Outstation {
    /// An outstation at a link. Without a map in `options`, the one is taken whose mark it shows, else the usual one.
    #[must_use]
    pub fn new(link: &Link, options: &ProbeOptions, maps: &Maps, trace: bool) -> Self {
        Self { live: driver::Live::new(link, options, maps, trace) }
    }

    /// The map by which it is read.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn map(&self) -> Result<Arc<DeviceMap>, ProbeError> {
        self.live.map().await
    }

    /// Reads everything that it shows.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn discover(&self, tell: Tell<'_>) -> Result<ProbeReport, ProbeError> {
        self.live.discover(tell).await
    }

    /// Reads what was named.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn read(&self, picks: &[Pick]) -> Result<Vec<PointAnswer>, ProbeError> {
        self.live.read(picks).await
    }

    /// Decides what is sent to outputs. Sends nothing.
    ///
    /// # Errors
    /// It does not answer; inside, what cannot be sent and why.
    pub async fn plan_outputs(
        &self,
        orders: &[OutputOrder],
        how: Option<Operate>,
    ) -> Result<Result<Vec<PlannedOutput>, String>, ProbeError> {
        self.live.plan(orders, how).await
    }

    /// Operates outputs, in order, and looks what shows them.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn operate(
        &self,
        plans: &[PlannedOutput],
        tell: Tell<'_>,
    ) -> Result<Vec<OperatedOutput>, ProbeError> {
        self.live.operate(plans, tell).await
    }

    /// Reads what controls rest on.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn by_hand(&self, tell: Tell<'_>) -> Result<OutstationByHand, ProbeError> {
        self.live.by_hand(tell).await
    }

    /// Reads every point, once.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn record(&self, tell: Tell<'_>) -> Result<OutstationRecording, ProbeError> {
        self.live.record(tell).await
    }
}

/// Reads what was recorded of an outstation as if it were the outstation.
///
/// # Errors
/// See [`ProbeError`].
pub async fn replay_outstation(
    recording: &OutstationRecording,
    map: &Arc<DeviceMap>,
) -> Result<ProbeReport, ProbeError> {
    driver::replay(recording, map).await
}

/// Why a map is not for a link, in words.
///
/// # Errors
/// It is not.
pub fn map_suits(map: &DeviceMap, link: &Link) -> Result<(), String> {
    let id = &map.id;
    match (map.kind == MapKind::Dnp3, link.dnp3().is_some()) {
        (true, false) => Err(format!(
            "device map \"{id}\" describes a DNP3 outstation, and {link} is a Modbus link; dnp3+tcp://HOST would be one for it"
        )),
        (false, true) => Err(format!(
            "device map \"{id}\" describes a Modbus device, and {link} is a DNP3 link; name a map of kind \"dnp3\", or none"
        )),
        _ => Ok(()),
    }
}
