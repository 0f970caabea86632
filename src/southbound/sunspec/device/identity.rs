//! Whether the device is the one that was commissioned here, which map suits it, and what is remembered of it.

use super::notes::Notes;
use super::{Device, Trouble, extra, peer_of};
use crate::der::Outcome;
use crate::southbound::DeviceSettings;
use crate::southbound::modbus::Peer;
use crate::southbound::points::Points;
use crate::southbound::sunspec::abilities::nameplate;
use crate::southbound::sunspec::scan::still_there;
use std::sync::Arc;

/// What an earlier run noted, if it was about the device that belongs here: what was asked of another is not on the one
/// that the configuration names now.
pub(super) fn notes_of_it(settings: &DeviceSettings) -> Option<Notes> {
    let record = settings.record.as_ref()?;
    let same = settings.serial.is_none() || record.serial == settings.serial;
    Notes::parse(&record.notes).filter(|_| same)
}

impl Device<'_> {
    /// Takes up what an earlier run noted, if the device still shows the same chain, serial number and firmware. Otherwise
    /// it is scanned.
    pub(super) async fn recall(&mut self) -> Result<(), Trouble> {
        let Some(notes) = self.notes.clone() else { return Ok(()) };
        let there = still_there(&self.line, &notes.chain).await.map_err(Trouble::Bus)?;
        self.notes = None;
        // A scan that breaks off early shall not replace it, even if it is not used right away.
        self.scans.known = Some(notes.chain.clone());
        if !there {
            tracing::info!(device = self.settings.name, "its models are not where they were; scanning");
            return Ok(());
        }
        self.max_read = notes.max_read.min(self.map.link.max_read);
        self.plan_reads(&notes.chain)?;
        let known = self.life.serial().map(str::to_owned);
        if self.read_identity().await?
            && known.is_some()
            && nameplate(&self.blocks).serial == known
            && nameplate(&self.blocks).version == notes.version
        {
            self.version.clone_from(&notes.version);
            self.sources.energy = notes.energy;
            self.chain = Some(notes.chain);
            self.recalled = true;
            return Ok(());
        }
        tracing::info!(
            device = self.settings.name,
            "another serial number or firmware than before; scanning"
        );
        self.forget();
        Ok(())
    }

    /// Reads model 1. False if it is not there, or the device refuses it.
    pub(super) async fn read_identity(&mut self) -> Result<bool, Trouble> {
        let Some(place) = self.blocks.list.iter().position(|b| b.at.id == 1) else { return Ok(false) };
        let turn = self.line.turn().await;
        match self.read_patiently(place, Some(turn)).await {
            // Something else stands there: that is for the caller to see.
            Err(Trouble::Moved(_)) => Ok(false),
            result => result,
        }
    }

    /// Looks at the serial number if the connection was made anew: another device may stand behind it. True if the device
    /// answered to that.
    pub(super) async fn recognise(&mut self) -> Result<bool, Trouble> {
        if !*self.reconnected.get_mut() {
            return Ok(false);
        }
        let read = self.read_identity().await?;
        *self.reconnected.get_mut() = false;
        if read {
            let serial = nameplate(&self.blocks).serial;
            self.life.check_serial(serial.as_deref());
        }
        Ok(read)
    }

    /// That nothing stands against writing to whoever is behind the connection now.
    pub(super) async fn still_the_same(&mut self) -> Result<(), Outcome> {
        self.recognise().await.map_err(|_| Outcome::Unreachable)?;
        self.life.stranger().map_or(Ok(()), |words| Err(Outcome::Refused(words.to_owned())))
    }

    /// Takes the map that suits the device best, if the configuration names none.
    pub(super) async fn choose_map(&mut self) -> Result<(), Trouble> {
        if self.settings.map_named || self.map_chosen {
            return Ok(());
        }
        self.read_identity().await?;
        let plate = nameplate(&self.blocks);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (maker, model, version) = (text(&plate.manufacturer), text(&plate.model), text(&plate.version));
        let best = (self.common.choice)(&maker, &model, &version);
        let map = best.unwrap_or_else(|| self.settings.map.clone());
        self.map_chosen = true;
        if Arc::ptr_eq(&map, &self.map) || map.id == self.map.id {
            return Ok(());
        }
        tracing::info!(
            device = self.settings.name,
            map = map.id,
            maker,
            model,
            "device map chosen by what the device is"
        );
        let lenient = self.line.peer.lenient || map.sunspec.lenient_header;
        self.line.peer = Peer { lenient, ..peer_of(self.settings.link.unit(), &map.link) };
        self.max_read = self.max_read.min(map.link.max_read);
        self.extra = extra::of(&map, self.settings);
        self.map = map;
        let Some(chain) = self.chain.take() else { return Ok(()) };
        self.plan_reads(&chain)?;
        self.chain = Some(chain);
        Ok(())
    }

    /// True if model 1 tells another firmware than before: then the models may have changed with it.
    pub(super) fn other_firmware(&mut self) -> bool {
        let Some(shown) = nameplate(&self.blocks).version else { return false };
        let before = self.version.replace(shown.clone());
        before.is_some_and(|before| before != shown)
    }

    /// Has the core remember what was found, if it is not what it remembers already. A device in another's place is not
    /// remembered, nor a chain that may be longer than was seen.
    pub(super) async fn remember(&mut self) {
        if self.life.stranger().is_some() || self.scans.open {
            return;
        }
        let Some(chain) = &self.chain else { return };
        let notes = Notes {
            chain: chain.clone(),
            version: self.version.clone(),
            max_read: self.max_read,
            energy: self.sources.energy,
            ours: self.ours,
            beside: self.extra.as_ref().map(Points::notes).unwrap_or_default(),
            asleep: self.rest.asleep,
        };
        if let Some(notes) = notes.text() {
            self.life.remember(notes).await;
        }
    }
}
