//! A plan in the making: points by name become writes of neighbouring registers and their read-backs.

use super::{Ask, Check, Weight, Write};
use crate::device_map::{PlacedPoint, WriteFunction};
use crate::southbound::sunspec::block::{Block, Sample};
use crate::southbound::sunspec::value::{Encoded, encode, encode_down};
use std::time::Duration;

/// One model's part of a plan.
pub struct Draft<'a> {
    block: &'a Block,
    sample: Sample<'a>,
    max_write: usize,
    shadow: bool,
    /// One register at a time (FC 6 only).
    singly: bool,
    /// Why, for words.
    why_singly: &'static str,
    /// Enable points of this model that are written 0 before 1.
    toggles: Vec<&'a str>,
    /// Pieces of the write under way, not yet merged.
    open: Vec<Piece>,
    writes: Vec<Write>,
    checks: Vec<Check>,
}

/// Registers that are written together: a point, or a group that must be written whole.
struct Piece {
    offset: u16,
    registers: Vec<u16>,
    name: String,
}

impl Piece {
    fn end(&self) -> usize {
        usize::from(self.offset) + self.registers.len()
    }
}

/// How a value becomes a point's resolution.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Halves away from zero.
    Nearest,
    /// Never to more than was asked.
    Down,
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
        let toggles = ask.options.enable_toggle.iter().filter(|point| point.model == id);
        Ok(Self {
            block,
            sample: block.sample().ok_or_else(missing)?,
            max_write: usize::from(ask.max_write.clamp(2, 123)),
            shadow: ask.is_shadow(id),
            singly: ask.single_only
                || ask.options.write_function == WriteFunction::Single
                || ask.max_write < 2,
            why_singly: if ask.single_only {
                "the device does not know FC 16 (write multiple registers)"
            } else {
                "the device map allows single registers only (FC 6)"
            },
            toggles: toggles.map(|point| point.path.as_str()).collect(),
            open: Vec::new(),
            writes: Vec::new(),
            checks: Vec::new(),
        })
    }

    /// What the model said.
    pub const fn sample(&self) -> Sample<'a> {
        self.sample
    }

    /// The model instance.
    pub const fn block(&self) -> &'a Block {
        self.block
    }

    /// True if the device implements a point.
    pub fn has(&self, path: &str) -> bool {
        self.sample.implemented(path).is_some()
    }

    /// True if the device implements a point and its registers can be written.
    pub fn takes(&self, path: &str) -> bool {
        self.sample.implemented(path).is_some_and(|placed| !self.singly || placed.point.size == 1)
    }

    fn name(&self, path: &str) -> String {
        format!("{}.{path}", self.block.at.id)
    }

    fn absent(&self, path: &str) -> String {
        format!("the device does not implement {}", self.name(path))
    }

    /// Puts a value into a point that must be there. Gives the value as the point holds it.
    ///
    /// # Errors
    /// The point is not implemented, its scale factor cannot be used, or the value does not fit.
    pub fn must(&mut self, path: &str, value: f64, unit: &'static str) -> Result<f64, String> {
        self.must_round(path, value, unit, Round::Nearest)
    }

    /// As [`Draft::must`], rounded as asked.
    ///
    /// # Errors
    /// As [`Draft::must`].
    pub fn must_round(
        &mut self,
        path: &str,
        value: f64,
        unit: &'static str,
        round: Round,
    ) -> Result<f64, String> {
        let placed = self.sample.implemented(path).ok_or_else(|| self.absent(path))?;
        self.put(placed, value, unit, Some(Weight::Essential), round)
    }

    /// As [`Draft::must`], also for a point that shows "not implemented": an unused point of a curve does.
    ///
    /// # Errors
    /// As [`Draft::must`].
    pub fn fill(&mut self, path: &str, value: f64, unit: &'static str) -> Result<(), String> {
        let placed = self.sample.layout.find(path).ok_or_else(|| self.absent(path))?;
        self.put(placed, value, unit, Some(Weight::Essential), Round::Nearest).map(drop)
    }

    /// Puts a value into a point if the device implements it, and its registers can be written.
    ///
    /// # Errors
    /// Its scale factor cannot be used, or the value does not fit.
    pub fn may(&mut self, path: &str, value: f64, weight: Option<Weight>) -> Result<bool, String> {
        let Some(placed) = self.sample.implemented(path) else { return Ok(false) };
        if self.singly && placed.point.size > 1 {
            return Ok(false);
        }
        self.put(placed, value, "", weight, Round::Nearest).map(|_| true)
    }

    /// Puts the points of a group that must be written in one request.
    ///
    /// # Errors
    /// As [`Draft::must`], and if the device's requests are too short for the group.
    pub fn sync(&mut self, points: &[(&str, f64)], weight: Weight) -> Result<(), String> {
        let from = self.open.len();
        for (path, value) in points {
            let placed = self.sample.implemented(path).ok_or_else(|| self.absent(path))?;
            self.put(placed, *value, "", Some(weight), Round::Nearest)?;
        }
        let mut group = self.open.split_off(from).into_iter();
        let Some(mut whole) = group.next() else { return Ok(()) };
        for piece in group {
            whole.registers.extend(piece.registers);
            whole.name = format!("{} to {}", whole.name, piece.name);
        }
        if self.singly || whole.registers.len() > self.max_write {
            return Err(format!("{} must be written in one request, and {}", whole.name, self.why_singly));
        }
        self.open.push(whole);
        Ok(())
    }

    /// Puts what stands in one point into another of its kind, if it is not there already and nothing else goes there.
    ///
    /// # Errors
    /// It takes several registers, and the device takes one at a time.
    pub fn copy(&mut self, from: &PlacedPoint, to: &PlacedPoint) -> Result<(), String> {
        let Some(registers) = self.sample.registers_of(from) else { return Ok(()) };
        let taken = self
            .open
            .iter()
            .any(|piece| usize::from(to.offset) < piece.end() && to.offset + to.point.size > piece.offset);
        if taken || self.sample.registers_of(to) == Some(registers) || from.point.size != to.point.size {
            return Ok(());
        }
        let name = self.name(&to.path);
        if self.singly && registers.len() > 1 {
            return Err(format!("{name} has to be as in the active set, and {}", self.why_singly));
        }
        if !self.shadow {
            self.checks.push(Check {
                model: self.block.at.id,
                address: self.address(to.offset),
                registers: registers.to_vec(),
                weight: Weight::Essential,
                name: name.clone(),
                kind: to.point.kind,
                sf: self.sample.scale_of(to).unwrap_or(0),
                unit: "",
            });
        }
        self.open.push(Piece { offset: to.offset, registers: registers.to_vec(), name });
        Ok(())
    }

    fn put(
        &mut self,
        placed: &PlacedPoint,
        value: f64,
        unit: &'static str,
        weight: Option<Weight>,
        round: Round,
    ) -> Result<f64, String> {
        let name = self.name(&placed.path);
        if !placed.point.writable {
            return Err(format!("{name} is read-only"));
        }
        if self.singly && placed.point.size > 1 {
            let size = placed.point.size;
            let why = self.why_singly;
            return Err(format!("{name} has {size} registers, and {why}: it cannot be written"));
        }
        let sf =
            self.sample.scale_of(placed).map_err(|fault| format!("{name} cannot be written: {fault}"))?;
        let rounded = match round {
            Round::Nearest => encode(placed.point.kind, value, sf),
            Round::Down => encode_down(placed.point.kind, value, sf),
        };
        let Encoded { registers, quantised } = rounded.map_err(|fault| format!("{name}: {fault}"))?;
        if let Some(weight) = weight
            && !self.shadow
        {
            self.checks.push(Check {
                model: self.block.at.id,
                address: self.address(placed.offset),
                registers: registers.clone(),
                weight,
                name: name.clone(),
                kind: placed.point.kind,
                sf,
                unit,
            });
        }
        self.open.push(Piece { offset: placed.offset, registers, name });
        Ok(quantised)
    }

    /// Puts 1 into an enable point; where the device map says so and it may stand at 1, 0 goes before.
    ///
    /// # Errors
    /// As [`Draft::must`].
    pub fn enable(&mut self, path: &str) -> Result<(), String> {
        if self.toggles.contains(&path) && (self.shadow || self.sample.integer(path) != Some(0)) {
            self.then();
            let placed = self.sample.implemented(path).ok_or_else(|| self.absent(path))?;
            self.put(placed, 0.0, "", None, Round::Nearest)?;
            self.then();
        }
        self.must(path, 1.0, "").map(drop)
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

    fn address(&self, offset: u16) -> u16 {
        self.block.at.address.saturating_add(offset)
    }

    /// Drops what stands there already: a setting is kept in flash by many devices, and each write wears it.
    pub fn drop_unchanged(&mut self) {
        if !self.shadow {
            let known = &self.block.registers;
            self.open.retain(|piece| {
                known.get(usize::from(piece.offset)..piece.end()) != Some(piece.registers.as_slice())
            });
        }
    }

    /// Closes the writes so far: neighbouring points go in one request, in register order; what is put next goes after.
    pub fn then(&mut self) {
        let mut pieces = std::mem::take(&mut self.open);
        pieces.sort_by_key(|piece| piece.offset);
        let mut end = None;
        for piece in pieces {
            let (next, whole) = (piece.end(), piece.registers.len() > 1);
            match self.writes.last_mut() {
                Some(write)
                    if end == Some(usize::from(piece.offset))
                        && !self.singly
                        && write.registers.len() + piece.registers.len() <= self.max_write =>
                {
                    write.registers.extend(piece.registers);
                    let first = write.name.split(" to ").next().unwrap_or_default();
                    let last = piece.name.split(" to ").last().unwrap_or_default();
                    write.name = format!("{first} to {last}");
                    write.whole |= whole;
                }
                _ => self.close(piece),
            }
            end = Some(next);
        }
    }

    /// As [`Draft::then`], but each point in a request of its own, in the order they were put.
    pub fn then_singly(&mut self) {
        for piece in std::mem::take(&mut self.open) {
            self.close(piece);
        }
    }

    fn close(&mut self, piece: Piece) {
        let (address, whole) = (self.address(piece.offset), piece.registers.len() > 1);
        self.writes.push(Write { address, registers: piece.registers, name: piece.name, whole });
    }

    /// The writes and read-backs of this part.
    pub fn done(mut self) -> (Vec<Write>, Vec<Check>) {
        self.then();
        (self.writes, self.checks)
    }
}
