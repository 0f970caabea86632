//! Models that only controls look at: curves, whose layout depends on what their own header counts, and 145.

use super::{Device, Trouble};
use crate::device_map::{Layout, Model};
use crate::southbound::modbus::BusError;
use crate::southbound::sunspec::block::{Block, ModelAt};
use crate::southbound::sunspec::control::CURVE_MODELS;
use crate::southbound::sunspec::value::{Value, decode};
use std::sync::Arc;

impl Device<'_> {
    /// Adds the models of the chain that controls look at and nobody has planned to read.
    pub(super) async fn add_control_models(&mut self) -> Result<(), Trouble> {
        let Some(chain) = &self.chain else { return Ok(()) };
        let ignore = &self.settings.map.sunspec.ignore_models;
        let wanted: Vec<ModelAt> = chain
            .models
            .iter()
            .filter(|at| at.instance == 0 && (at.id == 145 || CURVE_MODELS.contains(&at.id)))
            .filter(|at| !ignore.contains(&at.id) && self.blocks.get(at.id).is_none())
            .copied()
            .collect();
        for at in wanted {
            let Some(model) = (self.common.lookup)(at.id) else { continue };
            let layout = if at.id < 700 {
                self.common.layouts.get(&model, at.length)
            } else {
                match self.counted(at, &model).await {
                    Ok(layout) => Arc::new(layout),
                    Err(BusError::Refused(_) | BusError::TimedOut(_)) => continue,
                    Err(error) => return Err(Trouble::Bus(error)),
                }
            };
            let end = layout.points.last().map_or(0, |p| p.offset.saturating_add(p.point.size));
            let mut block = Block::new(at, &model, layout, self.max_read);
            // Its length is right if it is what its own counts make of it.
            block.draft = at.id >= 700 && end != at.length.saturating_add(2);
            self.blocks.list.push(block);
        }
        Ok(())
    }

    /// The layout of a model with count points, as its header counts.
    async fn counted(&self, at: ModelAt, model: &Model) -> Result<Layout, BusError> {
        let fixed = u16::try_from(model.fixed_length()).unwrap_or(u16::MAX).min(at.length);
        let turn = self.line.turn().await;
        let quantity = fixed.saturating_add(2).min(125);
        let registers = self.line.read_in(turn, at.address, quantity).await?;
        let header = Layout::new(model, fixed, &|_| Some(0));
        Ok(Layout::new(model, at.length, &|name| {
            let placed = header.find(name)?;
            let from = usize::from(placed.offset);
            let words = registers.get(from..from + usize::from(placed.point.size))?;
            match decode(placed.point.kind, words) {
                Some(Value::Integer(count)) => u16::try_from(count).ok(),
                _ => None,
            }
        }))
    }
}
