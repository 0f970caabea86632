//! A plan in the making: points by name become writes of neighbouring registers and their read-backs.

use super::{Ask, Check, Weight, Write};
use crate::device_map::PlacedPoint;
use crate::southbound::sunspec::block::{Block, Sample};
use crate::southbound::sunspec::value::encode;
use std::time::Duration;

/// One model's part of a plan.
pub struct Draft<'a> {
    block: &'a Block,
    sample: Sample<'a>,
    max_write: usize,
    shadow: bool,
    /// Points of the write under way, not yet merged.
    open: Vec<(&'a PlacedPoint, Vec<u16>)>,
    writes: Vec<Write>,
    checks: Vec<Check>,
}

impl<'a> Draft<'a> {
    /// Begins the part of one model.
    ///
    /// # Errors
    /// The device does not have the model, or it was not read.
    pub fn of(ask: &Ask<'a>, id: u16) -> Result<Self, String> {
        let missing = || format!("the device has no readable model {id}");
        let block = ask.blocks.get(id).ok_or_else(missing)?;
        if block.draft {
            return Err(format!(
                "model {id} has L = {}, not the published one (a draft of the 70x models?): it is not written",
                block.at.length
            ));
        }
        Ok(Self {
            block,
            sample: block.sample().ok_or_else(missing)?,
            max_write: usize::from(ask.max_write.clamp(2, 123)),
            shadow: ask.shadows.contains(&id),
            open: Vec::new(),
            writes: Vec::new(),
            checks: Vec::new(),
        })
    }

    /// What the model said.
    pub const fn sample(&self) -> Sample<'a> {
        self.sample
    }

    fn name(&self, placed: &PlacedPoint) -> String {
        format!("{}.{}", self.block.at.id, placed.path)
    }

    /// Puts a value into a point that must be there. Gives the value as the point holds it.
    ///
    /// # Errors
    /// The point is not implemented, its scale factor cannot be used, or the value does not fit.
    pub fn must(&mut self, path: &str, value: f64, unit: &'static str) -> Result<f64, String> {
        self.put(path, value, unit, Some(Weight::Essential))?
            .ok_or_else(|| format!("the device does not implement {}.{path}", self.block.at.id))
    }

    /// Puts a value into a point if the device implements it.
    ///
    /// # Errors
    /// Its scale factor cannot be used, or the value does not fit.
    pub fn may(&mut self, path: &str, value: f64, weight: Option<Weight>) -> Result<bool, String> {
        Ok(self.put(path, value, "", weight)?.is_some())
    }

    fn put(
        &mut self,
        path: &str,
        value: f64,
        unit: &'static str,
        weight: Option<Weight>,
    ) -> Result<Option<f64>, String> {
        let Some(placed) = self.sample.implemented(path) else { return Ok(None) };
        let name = self.name(placed);
        if !placed.point.writable {
            return Err(format!("{name} is read-only"));
        }
        let sf =
            self.sample.scale_of(placed).map_err(|fault| format!("{name} cannot be written: {fault}"))?;
        let encoded = encode(placed.point.kind, value, sf).map_err(|fault| format!("{name}: {fault}"))?;
        if let Some(weight) = weight
            && !self.shadow
        {
            self.checks.push(Check {
                model: self.block.at.id,
                address: self.address(placed),
                registers: encoded.registers.clone(),
                weight,
                name,
                kind: placed.point.kind,
                sf,
                unit,
            });
        }
        self.open.push((placed, encoded.registers));
        Ok(Some(encoded.quantised))
    }

    /// Puts the time of reversion: whole seconds rounded up, at least 1 (0 would mean never), at most what fits.
    ///
    /// # Errors
    /// As [`Draft::may`].
    pub fn reversion(&mut self, path: &str, hold: Duration) -> Result<bool, String> {
        let Some(placed) = self.sample.implemented(path) else { return Ok(false) };
        let most = if placed.point.size == 1 { 0xFFFE_u32 } else { 0xFFFF_FFFE };
        let seconds = hold.as_secs().saturating_add(u64::from(hold.subsec_nanos() > 0)).max(1);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX).min(most);
        self.may(path, f64::from(seconds), Some(Weight::Reversion))
    }

    fn address(&self, placed: &PlacedPoint) -> u16 {
        self.block.at.address.saturating_add(placed.offset)
    }

    /// Closes the writes so far: neighbouring points go in one request, in register order; what is put next goes after.
    pub fn then(&mut self) {
        let mut points = std::mem::take(&mut self.open);
        points.sort_by_key(|(placed, _)| placed.offset);
        let mut end = None;
        for (placed, registers) in points {
            let name = self.name(placed);
            let address = self.address(placed);
            let next = placed.offset.saturating_add(placed.point.size);
            match self.writes.last_mut() {
                Some(write)
                    if end == Some(placed.offset)
                        && write.registers.len() + registers.len() <= self.max_write =>
                {
                    write.registers.extend(registers);
                    let first = write.name.split(" to ").next().unwrap_or_default();
                    write.name = format!("{first} to {name}");
                }
                _ => self.writes.push(Write { address, registers, name }),
            }
            end = Some(next);
        }
    }

    /// As [`Draft::then`], but each point in a request of its own, in the order they were put.
    pub fn then_singly(&mut self) {
        for (placed, registers) in std::mem::take(&mut self.open) {
            let (name, address) = (self.name(placed), self.address(placed));
            self.writes.push(Write { address, registers, name });
        }
    }

    /// The writes and read-backs of this part.
    pub fn done(mut self) -> (Vec<Write>, Vec<Check>) {
        self.then();
        (self.writes, self.checks)
    }
}
