//! The register part of a hybrid map: read after the chain, and asked first for the commands that the map defines.
//!
//! What registers say and how they are written is in `points`.

use super::Device;
use super::identity::notes_of_it;
use crate::core::port::Command;
use crate::der::{Capability, Outcome, Reading};
use crate::device_map::{DeviceMap, MapKind};
use crate::southbound::DeviceSettings;
use crate::southbound::points::{Ask, Points};
use crate::southbound::sunspec::readings::{is_meter, stores_nothing};
use std::sync::Arc;

/// The registers beside the chain, if the map has any, and what an earlier run left there.
pub(super) fn of(map: &Arc<DeviceMap>, settings: &DeviceSettings) -> Option<Points> {
    let mut points = (map.kind == MapKind::Hybrid).then(|| Points::beside_chain(map.clone()))?;
    if let Some(notes) = notes_of_it(settings) {
        points.recall(&notes.beside);
    }
    Some(points)
}

impl Device<'_> {
    /// The device was found: everything beside its chain is read once more.
    pub(super) async fn extra_found(&mut self) {
        if let Some(extra) = &mut self.extra {
            extra.restart();
        }
        self.extra_poll(&mut Vec::new()).await;
        // Nobody has heard these readings yet.
        if let Some(extra) = &mut self.extra {
            extra.read_all_next();
        }
    }

    /// Repeats what the device would forget, and adds the readings that the chain does not have.
    pub(super) async fn extra_poll(&mut self, readings: &mut Vec<Reading>) {
        let Some(extra) = &mut self.extra else { return };
        let device = &self.settings.name;
        if self.life.stranger().is_some() {
            extra.stop_refreshing();
        }
        if let Err(reason) = extra.refresh(&self.line).await {
            tracing::warn!(device, reason, "a setpoint could not be repeated");
        }
        match extra.poll(&self.line).await {
            Ok(more) => {
                let new = |r: &Reading| readings.iter().all(|known| known.quantity != r.quantity);
                let mut more: Vec<Reading> = more.into_iter().filter(new).collect();
                if !self.sources.measuring.is_some_and(is_meter) {
                    self.life.judge(&mut more, stores_nothing(&self.blocks, self.sources));
                }
                readings.extend(more);
            }
            // The next poll of the chain shows whether the device is lost.
            Err(error) => tracing::debug!(device, %error, "registers beside the chain were not read"),
        }
        self.life.say_effects(extra.effects(readings)).await;
    }

    /// Carries out a command with the registers of the map. `None` if they have none for it.
    pub(super) async fn extra_command(&mut self, command: &Command) -> Option<Outcome> {
        let Self { extra, blocks, line, .. } = self;
        let ask = Ask {
            setpoint: &command.setpoint,
            hold: command.hold,
            expires_at: command.expires_at,
            sunspec: &|point| blocks.good(point.model, &point.path),
        };
        let outcome = extra.as_mut()?.command(line, &ask).await;
        self.remember().await;
        outcome
    }

    /// What the chain and the registers can be asked for.
    pub(super) fn with_extra(&self, chain: Capability) -> Capability {
        let extra = self.extra.as_ref().map(Points::controls).unwrap_or_default();
        Capability { controls: extra.iter().fold(chain.controls, |all, control| all.with(control)), ..chain }
    }
}
