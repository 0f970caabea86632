//! The register part of a hybrid map: read after the chain, and asked first for the commands that the map defines.
//!
//! What registers say and how they are written is in `points`.

use super::Device;
use crate::core::port::{Command, Report};
use crate::der::{Capability, Lane, Outcome, Reading, Setpoint};
use crate::device_map::{DeviceMap, MapKind};
use crate::southbound::points::{Ask, Points};
use std::sync::Arc;

/// The registers beside the chain, if the map has any.
pub(super) fn of(map: &Arc<DeviceMap>) -> Option<Points> {
    (map.kind == MapKind::Hybrid).then(|| Points::beside_chain(map.clone()))
}

/// What ends the other commands of a setpoint's lane; `None` for one that ends something itself, or has no such lane.
fn release_of(setpoint: &Setpoint) -> Option<Setpoint> {
    setpoint.control()?;
    match setpoint.lane() {
        Lane::ActivePower => Some(Setpoint::ReleaseActivePower),
        Lane::ReactivePower => Some(Setpoint::ReleaseReactivePower),
        _ => None,
    }
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
        if self.identity_changed.is_some() {
            extra.stop_refreshing();
        }
        if let Err(reason) = extra.refresh(&self.line).await {
            tracing::warn!(device, reason, "a setpoint could not be repeated");
        }
        match extra.poll(&self.line).await {
            Ok(more) => {
                let new = |r: &Reading| readings.iter().all(|known| known.quantity != r.quantity);
                let more: Vec<Reading> = more.into_iter().filter(new).collect();
                readings.extend(more);
            }
            // The next poll of the chain shows whether the device is lost.
            Err(error) => tracing::debug!(device, %error, "registers beside the chain were not read"),
        }
        for (setpoint, effect) in extra.effects(readings) {
            self.port.reports.send(Report::Effect { setpoint, effect }).await;
        }
    }

    /// Carries out a command with the registers of the map. `None` if they have none for it, or if it is a release: the
    /// chain may hold something too.
    pub(super) async fn extra_command(&mut self, command: &Command) -> Option<Outcome> {
        let Self { extra, blocks, line, .. } = self;
        let ask = Ask {
            setpoint: &command.setpoint,
            hold: command.hold,
            expires_at: command.expires_at,
            sunspec: &|point| blocks.good(point.model, &point.path),
        };
        let extra = extra.as_mut()?;
        let Some(outcome) = extra.command(line, &ask).await else {
            // The chain does it; what the registers hold in its lane would stand against it.
            let release = release_of(&command.setpoint)?;
            let undone = extra.command(line, &Ask { setpoint: &release, ..ask }).await?;
            return (!matches!(undone, Outcome::Applied(_))).then_some(undone);
        };
        let released = command.setpoint.control().is_none() && matches!(outcome, Outcome::Applied(_));
        (!released).then_some(outcome)
    }

    /// What the chain and the registers can be asked for.
    pub(super) fn with_extra(&self, chain: Capability) -> Capability {
        let extra = self.extra.as_ref().map(Points::controls).unwrap_or_default();
        Capability { controls: extra.iter().fold(chain.controls, |all, control| all.with(control)), ..chain }
    }
}
