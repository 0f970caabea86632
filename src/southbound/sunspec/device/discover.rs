//! Finding out what a device is: its chain, the blocks to read, its ratings and abilities.

use super::{DOUBT, Device, Trouble};
use crate::core::port::Report;
use crate::der::DeviceState;
use crate::southbound::modbus::BusError;
use crate::southbound::sunspec::abilities::{allowed, capability, nameplate, routes};
use crate::southbound::sunspec::block::{Block, Blocks, Layouts, Lookup, ModelAt};
use crate::southbound::sunspec::readings::{MEASURING, choose};
use crate::southbound::sunspec::scan::{Chain, ScanError, scan};
use tokio::time::Instant;

/// Models this driver reads, beside those that measure.
const OTHERS: [u16; 12] = [1, 120, 121, 122, 123, 124, 702, 703, 704, 713, 715, 802];

/// The blocks of a chain that this driver reads: the first instance of each model it knows.
pub fn blocks_of(
    models: &[ModelAt],
    ignore: &[u16],
    lookup: &Lookup,
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

/// What the scans of a device have shown so far.
#[derive(Default)]
pub(super) struct Scans {
    /// The chain that was last used.
    pub(super) known: Option<Chain>,
    /// What the last scan found, and since when scans have found the same.
    pub(super) last: Option<(Chain, Instant)>,
    /// When the last scan was.
    pub(super) at: Option<Instant>,
    /// The chain may be longer than was seen: it is scanned again.
    pub(super) open: bool,
    /// The last scan ended here, and a longer chain is used all the same.
    pub(super) broke_off: Option<u16>,
    kept_said: bool,
}

impl Scans {
    /// True if it is time to scan again.
    pub(super) fn due(&self) -> bool {
        self.open && self.at.is_none_or(|at| at.elapsed() >= DOUBT)
    }

    /// Takes note of a scan. True if it shows another chain than the one before.
    fn note(&mut self, found: &Chain) -> bool {
        let now = Instant::now();
        self.at = Some(now);
        let same_since = self.last.as_ref().filter(|(last, _)| last == found).map(|(_, since)| *since);
        // Two that agree within moments may both have seen a device that is booting.
        self.open = !found.complete && same_since.is_none_or(|since| now - since < DOUBT);
        self.kept_said &= !found.complete;
        if same_since.is_none() {
            self.last = Some((found.clone(), now));
        }
        same_since.is_none()
    }
}

impl Device<'_> {
    /// Scans the chain if it is not known, or sees that it is still the same device; then reads everything once.
    pub(super) async fn find_out(&mut self) -> Result<(), Trouble> {
        if self.chain.is_none() || self.scans.open {
            self.find_chain().await?;
        }
        self.add_control_models().await?;
        self.uncut();
        self.read_everything().await?;
        self.answered();
        self.introduce().await;
        Ok(())
    }

    /// Scans the chain and decides which one is used: the one just found, or a longer one that is known.
    async fn find_chain(&mut self) -> Result<(), Trouble> {
        let found = match scan(&self.line, &self.settings.map.sunspec.base).await {
            Ok(found) => found,
            // A device that still shows its models is not lost because it hides where they begin.
            Err(error) if self.chain.is_some() && !matches!(error, ScanError::Bus(_)) => {
                tracing::debug!(device = self.settings.name, %error, "scanning again");
                self.scans.at = Some(Instant::now());
                return Ok(());
            }
            Err(error) => return Err(Trouble::Scan(error)),
        };
        if self.scans.note(&found) {
            for warning in &found.warnings {
                tracing::warn!(device = self.settings.name, warning, "odd SunSpec map");
            }
        }
        let longer = self.scans.known.clone().filter(|known| !found.complete && known.goes_beyond(&found));
        if let Some(known) = longer {
            self.plan_reads(&known)?;
            if self.same_serial().await? {
                self.scans.broke_off = Some(found.end());
                if !std::mem::replace(&mut self.scans.kept_said, true) {
                    let (known, found) = (known.models.len(), found.models.len());
                    tracing::warn!(
                        device = self.settings.name,
                        known,
                        found,
                        "its model chain broke off early; the longer one known before is kept"
                    );
                }
                self.chain = Some(known);
                return Ok(());
            }
            self.chain = None;
        }
        self.scans.broke_off = None;
        self.plan_reads(&found)?;
        self.scans.known = Some(found.clone());
        self.chain = Some(found);
        Ok(())
    }

    /// Plans the reads of a chain, unless it is the one in use.
    fn plan_reads(&mut self, chain: &Chain) -> Result<(), Trouble> {
        if self.chain.as_ref().is_some_and(|used| used.base == chain.base && used.models == chain.models) {
            return Ok(());
        }
        let (ignore, layouts) = (&self.settings.map.sunspec.ignore_models, self.common.layouts);
        self.blocks = blocks_of(&chain.models, ignore, self.common.lookup, layouts, self.max_read);
        if self.blocks.list.is_empty() {
            self.chain = None;
            let found: Vec<String> = chain.models.iter().map(|m| m.id.to_string()).collect();
            return Err(Trouble::Unknown(format!(
                "no model of its chain ({}) is one that this driver reads",
                found.join(", ")
            )));
        }
        Ok(())
    }

    /// False if the device shows another serial number than before.
    async fn same_serial(&mut self) -> Result<bool, Trouble> {
        if let Some(place) = self.blocks.list.iter().position(|b| b.at.id == 1) {
            let turn = self.line.turn().await;
            self.read_patiently(place, Some(turn)).await?;
        }
        let shown = nameplate(&self.blocks).serial;
        Ok(shown.is_none() || self.serial.is_none() || shown == self.serial)
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
        let now = allowed(capability(&self.blocks, self.routes), &self.settings.map.sunspec);
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
        missing.extend(self.heart.stalled());
        let state = if missing.is_empty() { DeviceState::Online } else { DeviceState::Degraded };
        self.set_state(state, missing.join("; ")).await;
    }
}
