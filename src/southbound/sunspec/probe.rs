//! Finds out everything a device shows, once, for a person: its whole chain, every point, values in gateway terms.
//!
//! It uses the same scan, decoding and choices as the driver, on a connection of its own, and writes nothing. What was
//! recorded of a device is read the same way.

mod body;
mod chain;
mod model;
mod points;

pub use body::{Body, lay_out};
pub use chain::{WholeChain, whole_chain};
pub use model::{ProbedModel, label};
pub use points::{ProbedPoint, ProbedScale, ProbedValue, has_bits, point_of, power_of};

use super::abilities::{capability, nameplate, routes};
use super::block::{Blocks, Layouts, Lookup, blocks_of};
use super::readings::{choose, is_meter, readings, stores_nothing};
use super::scan::ScanError;
use super::tools::{Recording, Session, Source, Tell};
use crate::der::{Capability, Nameplate, Reading};
use crate::southbound::modbus::{BusError, ConnectFault};
use crate::southbound::plausible::doubts;
use crate::southbound::tls::Kind;
use crate::southbound::tools::OutstationReport;
use crate::southbound::{Link, ProbeOptions};
use jiff::Timestamp;
use model::read_model;
use std::collections::HashMap;
use tokio::time::Instant;

/// What a device shows.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeReport {
    /// Who it is and what it is rated for.
    pub nameplate: Nameplate,
    /// Address of the SunSpec marker; `None` without a chain.
    pub base: Option<u16>,
    /// Its models, in chain order, those of further logical devices too.
    pub models: Vec<ProbedModel>,
    /// What the registers of its map show, if the map has any.
    pub registers: Option<RegisterReport>,
    /// What it shows as a DNP3 outstation, if it is one.
    pub outstation: Option<OutstationReport>,
    /// What is odd about it.
    pub warnings: Vec<String>,
    /// Its values as the gateway would report them.
    pub readings: Vec<Reading>,
    /// What the gateway could ask of it.
    pub capability: Capability,
}

/// What the registers of a map show.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisterReport {
    /// Id of the map.
    pub map: String,
    /// What a person calls the devices of the map.
    pub title: String,
    /// The device showed what the map knows its devices by.
    pub recognised: bool,
    /// It showed something else; what.
    pub stranger: Option<String>,
    /// The points, in the order of the map; also those that the device does not have.
    pub points: Vec<ProbedPoint>,
}

/// Why there is nothing to report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// Nobody there.
    #[error("{link}: {reason}")]
    Silent {
        /// Where.
        link: String,
        /// What happened instead.
        reason: String,
    },
    /// It was reached and turned away, or may not be spoken to: a certificate, a serial port; why.
    #[error("{link}: {reason}")]
    Refused {
        /// Where.
        link: String,
        /// What is in the way.
        reason: String,
    },
    /// Somebody there, but no usable SunSpec device.
    #[error("{link}: {reason}")]
    NotSunspec {
        /// Where.
        link: String,
        /// What stands there instead, and what to do.
        reason: String,
    },
}

impl ProbeError {
    /// What a failed scan or read means to the person who asked.
    #[must_use]
    pub fn of(link: &Link, error: &ScanError) -> Self {
        let reason = error.to_string().replace("this unit", &format!("unit {}", link.unit()));
        let link = link.to_string();
        match error {
            ScanError::Bus(BusError::Refused(_) | BusError::BadAnswer(_)) | ScanError::NoMarker(_) => {
                Self::NotSunspec { link, reason }
            }
            ScanError::Bus(BusError::Connect(fault)) if refuses(fault) => Self::Refused { link, reason },
            ScanError::Bus(_) => Self::Silent { link, reason },
            ScanError::RunsAway { .. } | ScanError::NoModels(..) => Self::NotSunspec { link, reason },
        }
    }
}

/// True for a fault that is no silence: somebody answered, or our own side is in the way.
fn refuses(fault: &ConnectFault) -> bool {
    match fault {
        ConnectFault::Tls(fault) => fault.kind != Kind::Silent,
        ConnectFault::NoPort | ConnectFault::PortBusy | ConnectFault::PortDenied | ConnectFault::NotAPort => {
            true
        }
        _ => fault.lasts(),
    }
}

impl Session {
    /// Reads everything that a device shows.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn probe(&self, tell: Tell<'_>) -> Result<ProbeReport, ProbeError> {
        let chain = self.chain().await?;
        let source = Source::Line(self.line());
        let read = Read { lookup: &self.lookup, options: &self.options, at: None };
        read.report(&source, chain, tell).await.map_err(|error| self.broken(error))
    }
}

/// Reads a recording as if it were the device.
pub async fn probe_recording(
    recording: &Recording,
    options: &ProbeOptions,
    lookup: &Lookup,
) -> Result<ProbeReport, ProbeError> {
    let failed =
        |error: BusError| ProbeError::NotSunspec { link: recording.link.clone(), reason: error.to_string() };
    let read = Read { lookup, options, at: Some(recording.at) };
    let source = Source::Recording(recording);
    read.report(&source, recording.chain(), &|_| {}).await.map_err(failed)
}

/// The blocks that the driver would read of a chain.
pub fn driver_blocks(
    chain: &WholeChain,
    options: &ProbeOptions,
    lookup: &Lookup,
    layouts: &Layouts,
) -> Blocks {
    blocks_of(chain.first_device(), &options.sunspec, lookup, layouts, options.link.max_read)
}

/// What reading a chain needs.
struct Read<'a> {
    lookup: &'a Lookup,
    options: &'a ProbeOptions,
    /// When it was read, if not now.
    at: Option<Timestamp>,
}

impl Read<'_> {
    async fn report(
        &self,
        source: &Source<'_>,
        chain: WholeChain,
        tell: Tell<'_>,
    ) -> Result<ProbeReport, BusError> {
        let mut models = Vec::with_capacity(chain.models.len());
        let mut answers: HashMap<u16, Vec<u16>> = HashMap::new();
        let mut silent = false;
        for (place, (device, at)) in chain.devices().enumerate() {
            let blank = ProbedModel::blank(device, at, self.lookup);
            let name = blank.name.as_deref().unwrap_or("unknown");
            tell(&format!(
                "model {} {name} at {} ({} of {})",
                blank.label(),
                at.address,
                place + 1,
                chain.models.len()
            ));
            let (model, registers) =
                match read_model(source, blank.clone(), at, self.lookup, self.options).await {
                    Ok(read) => {
                        silent = false;
                        read
                    }
                    // Some devices are silent about one model instead of refusing it.
                    Err(error @ (BusError::TimedOut(_) | BusError::Closed)) if !silent => {
                        silent = true;
                        let mut model = blank;
                        model.warnings.push(format!("not read: {error}"));
                        (model, Vec::new())
                    }
                    Err(error) => return Err(error),
                };
            models.push(model);
            answers.entry(at.id).or_insert(registers);
        }
        Ok(self.in_gateway_terms(&chain, models, answers))
    }

    /// The device as the driver would see it.
    fn in_gateway_terms(
        &self,
        chain: &WholeChain,
        models: Vec<ProbedModel>,
        mut answers: HashMap<u16, Vec<u16>>,
    ) -> ProbeReport {
        let layouts = Layouts::default();
        let mut blocks = driver_blocks(chain, self.options, self.lookup, &layouts);
        let mut warnings = chain.warnings.clone();
        for block in &mut blocks.list {
            let registers = answers.remove(&block.at.id).unwrap_or_default();
            if !registers.is_empty() && !block.take(registers, Instant::now()) {
                warnings.push(format!(
                    "model {} does not stand still: ID or L changed while reading",
                    block.at.id
                ));
            }
            let _ = block.open(&layouts);
        }
        let sources = choose(&mut blocks);
        let at = self.at.unwrap_or_else(Timestamp::now);
        let routes = routes(&blocks);
        let (readings, faults) = readings(&blocks, sources, &|_| Some(at));
        warnings.extend(
            faults.iter().map(|(model, point, fault)| format!("{model}.{point} is not used: {fault}")),
        );
        let (plate, able) = (nameplate(&blocks), capability(&blocks, routes));
        if !sources.measuring.is_some_and(is_meter) {
            let map = self.options.map.as_ref().map_or("sunspec", |map| &map.id);
            let only_generates = stores_nothing(&blocks, sources);
            warnings.extend(doubts(&plate, &able, (&readings, map), only_generates));
        }
        ProbeReport {
            nameplate: plate,
            base: Some(chain.base),
            models,
            registers: None,
            outstation: None,
            warnings,
            readings,
            capability: able,
        }
    }
}
