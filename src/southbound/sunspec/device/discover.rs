//! Finding out what a device is: its chain, the blocks to read, its ratings and abilities.

use super::{Device, Trouble};
use crate::core::port::Report;
use crate::der::DeviceState;
use crate::southbound::modbus::BusError;
use crate::southbound::sunspec::abilities::{capability, nameplate, routes};
use crate::southbound::sunspec::block::{Block, Blocks, Layouts, Lookup, ModelAt};
use crate::southbound::sunspec::readings::{MEASURING, choose};
use crate::southbound::sunspec::scan::scan;

/// Models this driver reads, beside those that measure.
const OTHERS: [u16; 12] = [1, 120, 121, 122, 123, 124, 702, 703, 704, 713, 715, 802];

/// The blocks of a chain that this driver reads: the first instance of each model it knows.
pub fn blocks_of(
    models: &[ModelAt],
    ignore: &[u16],
    lookup: Lookup,
    layouts: &Layouts,
    max_read: u16,
) -> Blocks {
    let wanted = |at: &&ModelAt| {
        at.instance == 0
            && !ignore.contains(&at.id)
            && (OTHERS.contains(&at.id) || MEASURING.contains(&at.id))
    };
    let list = models
        .iter()
        .filter(wanted)
        .filter_map(|at| {
            let model = lookup(at.id)?;
            Some(Block::new(*at, &model, layouts.get(&model, at.length), max_read))
        })
        .collect();
    Blocks { list }
}

impl Device<'_> {
    /// Scans the chain if it is not known, or sees that it is still the same device; then reads everything once.
    pub(super) async fn find_out(&mut self) -> Result<(), Trouble> {
        if self.chain.is_none() {
            let options = &self.settings.map.sunspec;
            let chain = scan(&self.line, &options.base).await.map_err(Trouble::Scan)?;
            let layouts = self.common.layouts;
            self.blocks =
                blocks_of(&chain.models, &options.ignore_models, self.common.lookup, layouts, self.max_read);
            for warning in &chain.warnings {
                tracing::warn!(device = self.settings.name, warning, "odd SunSpec map");
            }
            if self.blocks.list.is_empty() {
                let found: Vec<String> = chain.models.iter().map(|m| m.id.to_string()).collect();
                return Err(Trouble::Unknown(format!(
                    "no model of its chain ({}) is one that this driver reads",
                    found.join(", ")
                )));
            }
            self.chain = Some(chain);
        }
        self.uncut();
        self.read_everything().await?;
        self.answered();
        self.introduce().await;
        Ok(())
    }

    /// Reads every block once. One that gets no answer while its neighbours do is left out: some devices are silent
    /// instead of refusing.
    async fn read_everything(&mut self) -> Result<(), Trouble> {
        let mut silent = true;
        for place in 0..self.blocks.list.len() {
            // In turn: finding out what one unit is does not hold up the polls and commands of the others.
            let turn = self.line.turn().await;
            match self.read_patiently(place, Some(turn)).await {
                Ok(_) => silent = false,
                Err(Trouble::Bus(error @ BusError::TimedOut(_))) if !silent => {
                    silent = true;
                    self.note_silence(place, &error);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// Tells the core who the device is and what it can do.
    async fn introduce(&mut self) {
        let known = self.sources.measuring;
        self.sources = choose(&mut self.blocks);
        let plate = nameplate(&self.blocks);
        self.check_identity(plate.serial.as_deref());
        if known.is_none() || self.state != DeviceState::Online {
            let (maker, model) = (plate.manufacturer.as_deref(), plate.model.as_deref());
            let base = self.chain.as_ref().map(|c| c.base);
            tracing::info!(
                device = self.settings.name,
                maker,
                model,
                serial = plate.serial,
                base,
                "device found"
            );
        }
        self.port.reports.send(Report::Nameplate(Box::new(plate))).await;
        self.capability = None;
        self.refresh_capability().await;
        self.say_state().await;
    }

    /// Another serial number is another device: it is read, but what was asked of the old one is not asked of it.
    fn check_identity(&mut self, serial: Option<&str>) {
        let Some(serial) = serial else { return };
        match &self.serial {
            None => self.serial = Some(serial.to_owned()),
            Some(known) if known == serial => self.identity_changed = None,
            Some(known) => {
                self.identity_changed = Some(format!(
                    "serial number changed from {known} to {serial}: it is read but not written; restart the gateway to accept the new device"
                ));
            }
        }
    }

    /// Works out what the device can be asked for, and tells the core if that changed.
    pub(super) async fn refresh_capability(&mut self) {
        self.routes = routes(&self.blocks);
        let now = capability(&self.blocks, self.routes);
        if self.capability != Some(now) {
            self.capability = Some(now);
            self.port.reports.send(Report::Capability(now)).await;
        }
    }

    /// Online, or what is missing.
    pub(super) async fn say_state(&mut self) {
        if let Some(words) = self.identity_changed.clone() {
            return self.set_state(DeviceState::IdentityChanged, words).await;
        }
        let mut missing: Vec<String> = Vec::new();
        if self.sources.measuring.is_none() {
            missing
                .push("it has no inverter model (701, 101-103, 111-113), so it measures nothing".to_owned());
        }
        for block in &self.blocks.list {
            if let Some(fault) = &block.fault {
                missing.push(format!("model {} cannot be read: {fault}", block.at.id));
            }
            if block.draft && matches!(block.at.id, 703 | 704) {
                missing.push(format!(
                    "model {} has L = {}, a draft of the 70x models: not written",
                    block.at.id, block.at.length
                ));
            }
        }
        let state = if missing.is_empty() { DeviceState::Online } else { DeviceState::Degraded };
        self.set_state(state, missing.join("; ")).await;
    }
}
