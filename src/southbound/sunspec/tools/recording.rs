//! A recording: every register of a device's chain as it answered once, to be read again without the device.
//!
//! Values only. How it stands in a file is the command line's matter.

use super::{Session, Source, Tell};
use crate::device_map::registers::RegisterTable;
use crate::southbound::modbus::BusError;
use crate::southbound::sunspec::block::ModelAt;
use crate::southbound::sunspec::probe::{Body, ProbeError, WholeChain, lay_out};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Most models of a recording.
const MAX_MODELS: usize = 400;

/// Every register of a device's SunSpec chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// How the device was reached.
    pub link: String,
    /// Its unit id.
    pub unit: u8,
    /// When recording ended.
    pub at: Timestamp,
    /// Id of the map whose registers were recorded; `None` if only its chain was.
    pub map: Option<String>,
    /// Address of the SunSpec marker; without meaning if there are no models.
    pub base: u16,
    /// Its models, in chain order, those of further logical devices too.
    pub models: Vec<RecordedModel>,
    /// Holding registers by address.
    pub registers: BTreeMap<u16, u16>,
    /// Input registers by address.
    pub inputs: BTreeMap<u16, u16>,
    /// What could not be read.
    pub refused: Vec<Refusal>,
    /// What is odd about its chain.
    pub warnings: Vec<String>,
}

/// One model header of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedModel {
    /// Model id.
    pub id: u16,
    /// Address of its ID register.
    pub address: u16,
    /// L.
    pub length: u16,
}

/// Registers that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of which table.
    pub table: RegisterTable,
    /// The first of them.
    pub address: u16,
    /// How many.
    pub quantity: u16,
    /// What came instead.
    pub reason: String,
}

/// Why a recording makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingFault {
    /// There is nothing in it.
    #[error("it has neither models nor registers of a map")]
    Empty,
    /// Too many models.
    #[error("it has more than {MAX_MODELS} models")]
    TooMany,
    /// A model that no device can have.
    #[error("model {id} at {address} with L {length} runs past register 65535")]
    RunsAway {
        /// Model id.
        id: u16,
        /// Where.
        address: u16,
        /// L.
        length: u16,
    },
}

impl Recording {
    /// Sees that its models can be those of a device.
    ///
    /// # Errors
    /// See [`RecordingFault`].
    pub fn check(&self) -> Result<(), RecordingFault> {
        if self.models.is_empty()
            && (self.map.is_none() || self.registers.is_empty() && self.inputs.is_empty())
        {
            return Err(RecordingFault::Empty);
        }
        if self.models.len() > MAX_MODELS {
            return Err(RecordingFault::TooMany);
        }
        let beyond = |m: &&RecordedModel| u32::from(m.address) + 2 + u32::from(m.length) > 0x1_0000;
        match self.models.iter().find(beyond) {
            Some(&RecordedModel { id, address, length }) => {
                Err(RecordingFault::RunsAway { id, address, length })
            }
            None => Ok(()),
        }
    }

    /// Registers of the recording; `None` if one of them is not in it.
    #[must_use]
    pub fn read(&self, address: u16, quantity: u16) -> Option<Vec<u16>> {
        run(&self.registers, address, quantity)
    }

    /// Input registers of the recording; `None` if one of them is not in it.
    #[must_use]
    pub fn read_input(&self, address: u16, quantity: u16) -> Option<Vec<u16>> {
        run(&self.inputs, address, quantity)
    }

    /// The chain that was recorded.
    #[must_use]
    pub(in crate::southbound::sunspec) fn chain(&self) -> WholeChain {
        let mut chain = WholeChain { base: self.base, models: Vec::new(), warnings: self.warnings.clone() };
        for model in &self.models {
            chain.push(model.id, model.address, model.length);
        }
        chain
    }

    fn take(&mut self, at: ModelAt, body: &Body) {
        for (offset, word) in body.known() {
            self.registers.insert(at.address.saturating_add(offset), word);
        }
        self.refused.extend(body.holes().map(|hole| Refusal {
            table: RegisterTable::Holding,
            address: at.address.saturating_add(hole.offset),
            quantity: hole.quantity,
            reason: hole.reason.clone(),
        }));
    }
}

fn run(registers: &BTreeMap<u16, u16>, address: u16, quantity: u16) -> Option<Vec<u16>> {
    let last = address.checked_add(quantity.checked_sub(1)?)?;
    (address..=last).map(|at| registers.get(&at).copied()).collect()
}

impl Session {
    /// Reads every register of the chain, of models that nobody knows too. What the device refuses is noted.
    ///
    /// # Errors
    /// See [`ProbeError`]. A connection that breaks half-way gives no recording: half of one would mislead.
    pub async fn record(&self, tell: Tell<'_>) -> Result<Recording, ProbeError> {
        let source = Source::Line(self.line());
        let chain = self.chain().await?;
        let mut recording = Recording {
            link: self.link.to_string(),
            unit: self.link.unit(),
            at: Timestamp::now(),
            map: None,
            base: chain.base,
            models: Vec::with_capacity(chain.models.len()),
            registers: BTreeMap::new(),
            inputs: BTreeMap::new(),
            refused: Vec::new(),
            warnings: chain.warnings.clone(),
        };
        self.record_ends(&source, &chain, &mut recording).await?;
        let mut silent = false;
        for (place, at) in chain.models.iter().enumerate() {
            let ModelAt { id, address, length, .. } = *at;
            tell(&format!("model {id} at {address} ({} of {})", place + 1, chain.models.len()));
            recording.models.push(RecordedModel { id, address, length });
            if self.options.sunspec.ignore_models.contains(&id) {
                let (quantity, reason) = (length, "not read: the device map ignores the model".to_owned());
                recording.refused.push(Refusal {
                    table: RegisterTable::Holding,
                    address: address.saturating_add(2),
                    quantity,
                    reason,
                });
                continue;
            }
            let mut body = Body::of(*at);
            match self.record_model(&source, &mut body).await {
                Ok(()) => silent = false,
                // Some devices are silent about one model instead of refusing it.
                Err(error @ (BusError::TimedOut(_) | BusError::Closed)) if !silent => {
                    silent = true;
                    body.leave_out(&error.to_string());
                }
                Err(error) => return Err(self.broken(error)),
            }
            recording.take(*at, &body);
        }
        recording.at = Timestamp::now();
        Ok(recording)
    }

    /// The marker, and what stands behind the last model.
    async fn record_ends(
        &self,
        source: &Source<'_>,
        chain: &WholeChain,
        recording: &mut Recording,
    ) -> Result<(), ProbeError> {
        for (address, quantity) in [(Some(chain.base), 2), (chain.end(), 2), (chain.end(), 1)] {
            let Some(address) = address.filter(|at| !recording.registers.contains_key(at)) else { continue };
            match source.read(address, quantity).await {
                Ok(words) => recording.registers.extend((address..=u16::MAX).zip(words)),
                // An end model of one register, or none: the scan has said so.
                Err(BusError::Refused(_) | BusError::NotSent(_)) => {}
                Err(error) => return Err(self.broken(error)),
            }
        }
        Ok(())
    }

    async fn record_model(&self, source: &Source<'_>, body: &mut Body) -> Result<(), BusError> {
        let (at, longest) = (body.at, self.options.link.max_read);
        let mut used = 0;
        if let Some(model) = (self.lookup)(at.id) {
            let layout = lay_out(source, &model, longest, body).await?;
            let points: Vec<(u16, u16)> = layout.points.iter().map(|p| (p.offset, p.point.size)).collect();
            body.read_gently(source, &layout, &points, longest).await?;
            used = points.last().map_or(0, |(offset, size)| offset.saturating_add(*size));
        }
        // Nothing is known of the rest, so it may be cut anywhere.
        let rest: Vec<(u16, u16)> = (used..at.length.saturating_add(2)).map(|offset| (offset, 1)).collect();
        body.read(source, &rest, longest).await
    }
}

#[cfg(test)]
mod tests;
