//! One control, once, by hand: the driver's own sequence, so that a technician sees whether the gateway will be able to.
//!
//! It holds nothing, and nothing is sent that was not agreed to.

use super::read::one;
use super::write::in_words;
use super::{Catalogue, Sweep, Tell, sweep};
use crate::core::port::Command;
use crate::der::{Capability, Nameplate, Outcome, Quantity, Setpoint, Watts};
use crate::device_map::DeviceMap;
use crate::device_map::dnp3::{At, OutstationMap, OutstationPoint, PointKind};
use crate::southbound::dnp3::commands::{Commands, Preview};
use crate::southbound::dnp3::execute::{Bench, Verdict};
use crate::southbound::dnp3::image::Image;
use crate::southbound::dnp3::plan::Act;
use crate::southbound::dnp3::readings::{nameplate, readings};
use crate::southbound::dnp3::{Field, Identity, Part, ReadError};
use crate::southbound::tools::Stand;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// An outstation that was read, ready to be controlled.
pub struct ByHand<F> {
    field: F,
    image: Image,
    identity: Identity,
    commands: Commands,
    /// What was sent last.
    sent: Vec<Act>,
}

impl<F: Field> ByHand<F> {
    /// Reads what controls rest on.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn new(
        field: F,
        map: &DeviceMap,
        outstation: &Arc<OutstationMap>,
        tell: Tell<'_>,
    ) -> Result<Self, ReadError> {
        let identity = field.identity().await.unwrap_or_default();
        let commands = Commands::new(&map.id, outstation.clone(), "");
        let mut made =
            Self { field, image: Image::new(outstation.clone()), identity, commands, sent: Vec::new() };
        let Sweep { seen, .. } = sweep(&made.field, outstation, tell).await?;
        made.image.take(&seen.values().copied().collect::<Vec<_>>());
        Ok(made)
    }

    /// Who it is.
    #[must_use]
    pub fn nameplate(&self) -> Nameplate {
        nameplate(&self.image, &self.identity)
    }

    /// What it can be asked for.
    #[must_use]
    pub fn capability(&self) -> Capability {
        self.commands.capability(&self.image)
    }

    /// What would be sent for a set point.
    ///
    /// # Errors
    /// The outcome that it would have without anything being sent.
    pub fn preview(&mut self, setpoint: &Setpoint, hold: Duration) -> Result<Preview, Outcome> {
        if setpoint.control().is_none() && self.commands.notes().is_empty() {
            // Who releases by hand does not know what an earlier hand, or a gateway, has left.
            self.commands.hold_all_that_can_be_undone();
        }
        let preview = self.commands.preview(setpoint, hold, &self.image)?;
        let catalogue = Catalogue::new(self.image.map());
        let lines = preview.lines.iter().map(|line| with_name(catalogue, line)).collect();
        Ok(Preview { lines, ..preview })
    }

    /// Sends it, and reads back.
    pub async fn carry_out(&mut self, setpoint: &Setpoint, hold: Duration, patience: Duration) -> Outcome {
        let expires_at = Instant::now() + patience;
        let preview = self.commands.preview(setpoint, hold, &self.image);
        self.sent = preview.map(|preview| preview.acts).unwrap_or_default();
        let command = Command { id: 0, setpoint: setpoint.clone(), hold, expires_at };
        self.commands.carry_out(&self.field, &command, &self.image).await
    }

    /// How the points stand now that show what was sent last. What is not shown, or need not stand, is left out.
    pub async fn stands(&self) -> Vec<Stand> {
        let (field, map) = (&self.field, self.image.map());
        let acts: Vec<&Act> = self.sent.iter().filter(|act| !act.need_not_stand()).collect();
        let bench = Bench { field, map, known: &self.image, expires_at: Instant::now() };
        let mut stands = Vec::new();
        for (act, verdict) in acts.iter().zip(bench.look_once(&acts).await) {
            let kept = match verdict {
                Verdict::Shown => true,
                Verdict::Differs(_) => false,
                Verdict::Unseen | Verdict::Nowhere | Verdict::Silent => continue,
            };
            // Only what changed is put into words, for which it is read once more.
            let shown = act.reads.first().copied();
            let now = match shown {
                Some(at) if !kept => one(field, map, at).await,
                _ => None,
            };
            let output = Catalogue::new(map).blank(act.at());
            let known_as = output.known_as().map(|name| format!(" {name}")).unwrap_or_default();
            stands.push(Stand {
                name: format!("{}{known_as}", act.at()),
                kept,
                now: now.as_ref().map(in_words).unwrap_or_default(),
            });
        }
        stands
    }

    /// Reads once more what a plan looks at.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn refresh(&mut self) -> Result<(), ReadError> {
        let Sweep { seen, .. } = sweep(&self.field, self.image.map(), &|_| {}).await?;
        self.image.take(&seen.values().copied().collect::<Vec<_>>());
        Ok(())
    }

    /// The active power now; `None` if it does not tell.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn active_power(&mut self) -> Result<Option<Watts>, ReadError> {
        let measures = |point: &&OutstationPoint| {
            point.at.kind == PointKind::AnalogInput
                && point.quantity.is_some_and(|(of, _)| {
                    crate::southbound::aggregate::reading_of(of) == Some(Quantity::ActivePower)
                })
        };
        let points: Vec<Part> = self
            .image
            .map()
            .points
            .iter()
            .filter(measures)
            .map(|point| Part::Range(point.at.kind, point.at.index, point.at.index))
            .collect();
        if points.is_empty() {
            return Ok(None);
        }
        let seen = self.field.read(&points).await?;
        self.image.take(&seen);
        let all = |_: &OutstationPoint| true;
        let readings = readings(&self.image, &all, &all);
        let power = readings.iter().find(|r| r.quantity == Quantity::ActivePower && r.value.is_finite());
        Ok(power.map(|reading| Watts::new(reading.value)))
    }
}

/// An operation with the name and unit of its output: `AO88 wlim_discharge_setpoint [%] = 600 (60), …`.
fn with_name(catalogue: Catalogue<'_>, line: &str) -> String {
    let found = line.split_once(' ').and_then(|(at, rest)| Some((At::parse(at)?, rest)));
    let Some((at, rest)) = found else { return line.to_owned() };
    let known = catalogue.blank(at);
    let Some(name) = known.known_as() else { return line.to_owned() };
    let unit = known.unit.as_ref().map(|unit| format!(" [{unit}]")).unwrap_or_default();
    format!("{at} {name}{unit} {rest}")
}

#[cfg(test)]
mod tests;
