//! Finding out what a device is: its chain, the blocks to read, its ratings and abilities.

use super::{Common, DOUBT, Device, Trouble};
use crate::core::port::Report;
use crate::der::{Control, DeviceState};
use crate::southbound::modbus::BusError;
use crate::southbound::sunspec::abilities::{allowed, capability, nameplate, routes};
use crate::southbound::sunspec::block::{Class, blocks_of};
use crate::southbound::sunspec::readings::{MEASURING, first_look};
use crate::southbound::sunspec::scan::{Chain, ScanError, scan_until};
use tokio::time::Instant;

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
    /// The place in the list of bases where the next scan begins.
    first_base: usize,
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
        if self.chain.is_none() {
            self.recall().await?;
        }
        self.find_and_read().await?;
        if self.other_firmware() {
            tracing::info!(
                device = self.settings.name,
                version = self.version,
                "other firmware; scanning again"
            );
            self.forget();
            self.find_and_read().await?;
        }
        self.answered();
        *self.reconnected.get_mut() = false;
        self.extra_found().await;
        self.introduce().await;
        self.remember().await;
        Ok(())
    }

    async fn find_and_read(&mut self) -> Result<(), Trouble> {
        if self.chain.is_none() || self.scans.open {
            self.find_chain().await?;
        }
        self.choose_map().await?;
        // What an earlier run learned holds once; what this one learned may have been a passing state.
        if !std::mem::take(&mut self.recalled) {
            self.uncut();
        }
        self.crossing = self.map.sunspec.cross_model;
        self.read_everything().await
    }

    /// When a scan of a silent device ends without looking at further bases. One that counts as lost is scanned whole:
    /// nobody waits for it.
    fn scan_limit(&self) -> Option<Instant> {
        let link = &self.map.link;
        let bases = u32::try_from(self.map.sunspec.base.len()).unwrap_or(u32::MAX);
        let patience = link.lost_after.max(link.response_timeout.saturating_mul(bases));
        (!self.away()).then(|| self.answered_at + patience)
    }

    /// Scans the chain and decides which one is used: the one just found, or a longer one that is known.
    async fn find_chain(&mut self) -> Result<(), Trouble> {
        let limit = self.scan_limit();
        let first = &mut self.scans.first_base;
        let found = match scan_until(&self.line, &self.map.sunspec, first, limit).await {
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
    pub(super) fn plan_reads(&mut self, chain: &Chain) -> Result<(), Trouble> {
        if self.chain.as_ref().is_some_and(|used| used.base == chain.base && used.models == chain.models) {
            return Ok(());
        }
        let Common { lookup, layouts, .. } = self.common;
        self.blocks = blocks_of(&chain.models, &self.map.sunspec, lookup, layouts, self.max_read);
        first_look(&mut self.blocks);
        self.lengths_said = false;
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
        self.read_identity().await?;
        let shown = nameplate(&self.blocks).serial;
        Ok(shown.is_none() || self.serial.is_none() || shown == self.serial)
    }

    /// Reads every block once that is not left to be asked for. One that gets no answer while its neighbours do is left out: some devices are silent
    /// instead of refusing.
    async fn read_everything(&mut self) -> Result<(), Trouble> {
        let mut silent = true;
        for place in 0..self.blocks.list.len() {
            if self.blocks.list.get(place).is_some_and(|b| b.class == Class::OnDemand) {
                continue;
            }
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
        self.sources.choose_again(&mut self.blocks);
        self.note_rest();
        self.say_lengths();
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
        self.port.reports.send(Report::Map(self.map.id.as_str().into())).await;
        self.port.reports.send(Report::Nameplate(Box::new(plate))).await;
        self.capability = None;
        self.refresh_capability().await;
        self.say_state().await;
    }

    /// Tells once what is odd about the lengths of its models, and about models that it has several times.
    fn say_lengths(&mut self) {
        if std::mem::replace(&mut self.lengths_said, true) {
            return;
        }
        let device = &self.settings.name;
        for warning in self.blocks.list.iter().filter_map(|b| b.odd_length()) {
            tracing::warn!(device, warning, "odd SunSpec map");
        }
        let several = |id: &&u16| self.blocks.all(**id).count() > 1;
        for model in MEASURING.iter().filter(several) {
            tracing::warn!(device, model, "it has this model several times; the first one is reported");
        }
    }

    /// Works out what the device can be asked for, and tells the core if that changed.
    pub(super) async fn refresh_capability(&mut self) {
        self.routes = routes(&self.blocks);
        let mut chain = allowed(capability(&self.blocks, self.routes), &self.map.sunspec);
        if self.habits.no_negative_rates && self.routes.set == Some(124) {
            chain.controls = chain.controls.without(Control::SetActivePower);
        }
        let now = self.with_extra(chain);
        if self.capability != Some(now) {
            self.capability = Some(now);
            self.port.reports.send(Report::Capability(now)).await;
        }
    }
}
