//! The whole chain of a device: what the driver reads, and the further logical devices behind it.

use crate::device_map::SunspecOptions;
use crate::southbound::modbus::{BusError, Line};
use crate::southbound::sunspec::block::ModelAt;
use crate::southbound::sunspec::scan::{ScanError, scan};
use crate::southbound::sunspec::tools::Source;

/// Most models, all logical devices together.
const MAX_MODELS: usize = 400;

/// The models of all logical devices of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WholeChain {
    /// Address of the marker.
    pub base: u16,
    /// In chain order. Instances are counted over the whole chain.
    pub models: Vec<ModelAt>,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

impl WholeChain {
    /// Adds a model behind the others.
    pub fn push(&mut self, id: u16, address: u16, length: u16) {
        let before = self.models.iter().filter(|m| m.id == id).count();
        let instance = u16::try_from(before).unwrap_or(u16::MAX);
        self.models.push(ModelAt { id, instance, address, length });
    }

    /// Where its last model ends; `None` if that is the end of all registers.
    #[must_use]
    pub fn end(&self) -> Option<u16> {
        let last = self.models.last()?;
        last.address.checked_add(2)?.checked_add(last.length)
    }

    /// The models of the first logical device: those that the driver reads.
    #[must_use]
    pub fn first_device(&self) -> &[ModelAt] {
        let second = self.models.iter().position(|m| m.id == 1 && m.instance == 1);
        self.models.get(..second.unwrap_or(self.models.len())).unwrap_or_default()
    }

    /// Each model with the number of the logical device that it belongs to, counted from 0.
    pub fn devices(&self) -> impl Iterator<Item = (usize, ModelAt)> {
        self.models.iter().scan(0, |device, at| {
            *device += usize::from(at.id == 1 && at.instance > 0);
            Some((*device, *at))
        })
    }
}

/// Finds and walks the chain, over the beginnings of further logical devices.
///
/// # Errors
/// See [`ScanError`].
pub async fn whole_chain(line: &Line<'_>, options: &SunspecOptions) -> Result<WholeChain, ScanError> {
    let found = scan(line, options).await?;
    let mut chain = WholeChain { base: found.base, ..WholeChain::default() };
    for at in &found.models {
        chain.push(at.id, at.address, at.length);
    }
    // The driver leaves further logical devices out and says so; here they are read.
    chain.warnings = found.warnings.into_iter().filter(|w| !w.contains("another logical device")).collect();
    if found.complete {
        walk_on(&Source::Line(*line), &mut chain).await?;
    }
    Ok(chain)
}

async fn walk_on(source: &Source<'_>, chain: &mut WholeChain) -> Result<(), BusError> {
    while let Some(address) = chain.end() {
        let header = match source.read(address, 2).await {
            Ok(header) => header,
            Err(BusError::Refused(_) | BusError::NotSent(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let &[id, length] = header.as_slice() else { return Ok(()) };
        if matches!(id, 0 | 0xFFFF) {
            return Ok(());
        }
        let runs_away = u32::from(address) + 2 + u32::from(length) > 0x1_0000;
        if runs_away || chain.models.len() >= MAX_MODELS {
            chain.warnings.push(format!(
                "the chain of a further logical device runs away at {address} (id {id}, L {length}): not read on"
            ));
            return Ok(());
        }
        chain.push(id, address, length);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
