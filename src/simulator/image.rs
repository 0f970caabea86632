//! Registers as a file says them (`tests/register-images/*.toml`): a twin of a device that speaks no SunSpec, or of what
//! a SunSpec device has beside its chain. Holding registers that are there can be written; nothing has an effect.
//!
//! ```toml
//! [input]
//! 5003 = [0xbc55, 0]                      # address of the first register, counted from 0, and the registers from there
//! [holding]
//! 5005 = [207, 170, 625]
//! ```

use super::modbus::Exception;
use crate::toml_file::{Faults, Item, Placed, TomlFile};
use std::collections::BTreeMap;
use std::path::Path;

/// Largest file read.
const MAX_BYTES: usize = 1024 * 1024;

/// Registers of both tables by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    input: BTreeMap<u16, u16>,
    holding: BTreeMap<u16, u16>,
}

impl Image {
    /// Reads an image file. What it says of points and readings is for tests, and not looked at.
    ///
    /// # Errors
    /// Every fault of the file.
    pub fn read(path: &Path) -> Result<Self, Faults> {
        let (file, root) = TomlFile::read(path, MAX_BYTES)?;
        Self::of_table(&file, root)
    }

    fn of_table(file: &TomlFile, mut root: crate::toml_file::Table) -> Result<Self, Faults> {
        for other in ["map", "source", "points", "readings", "commands"] {
            root.take_quietly(other);
        }
        let mut table = |key| {
            let blocks = root.table(key, key).map(|mut table| table.rest()).unwrap_or_default();
            let mut registers = BTreeMap::new();
            for (address, words) in blocks {
                block(&mut registers, &address, words);
            }
            registers
        };
        let image = Self { input: table("input"), holding: table("holding") };
        if image == Self::default() && !file.is_faulty() {
            root.fault("an image needs registers; add [holding] with 40000 = [1, 2]");
        }
        root.finish();
        if file.is_faulty() { Err(file.faults()) } else { Ok(image) }
    }

    /// Holding registers.
    ///
    /// # Errors
    /// Not all of them are there.
    pub fn read_holding(&self, address: u16, count: u16) -> Result<Vec<u16>, Exception> {
        registers(&self.holding, address, count)
    }

    /// Input registers.
    ///
    /// # Errors
    /// Not all of them are there; an image without any knows no such function.
    pub fn read_input(&self, address: u16, count: u16) -> Result<Vec<u16>, Exception> {
        if self.input.is_empty() { Err(Exception::FUNCTION) } else { registers(&self.input, address, count) }
    }

    /// Writes holding registers.
    ///
    /// # Errors
    /// Not all of them are there; then none is written.
    pub fn write(&mut self, address: u16, words: &[u16]) -> Result<(), Exception> {
        let count = u16::try_from(words.len()).map_err(|_| Exception::VALUE)?;
        self.read_holding(address, count)?;
        self.holding.extend((address..=u16::MAX).zip(words.iter().copied()));
        Ok(())
    }
}

fn registers(table: &BTreeMap<u16, u16>, address: u16, count: u16) -> Result<Vec<u16>, Exception> {
    let words: Vec<u16> = (address..=u16::MAX)
        .take(usize::from(count))
        .map_while(|address| table.get(&address).copied())
        .collect();
    if words.len() == usize::from(count) { Ok(words) } else { Err(Exception::ADDRESS) }
}

/// One line of an image.
fn block(registers: &mut BTreeMap<u16, u16>, address: &Placed<String>, words: Item) {
    let Ok(first) = address.value.parse::<u16>() else {
        return address.place.fault(format!("\"{}\" is no register; write 40000 = [1, 2]", address.value));
    };
    let Some(words) = words.list("[1, 2]") else { return };
    for (n, word) in words.value.into_iter().enumerate() {
        let Some(word) = word.integer(&(0..=65_535), "1") else { return };
        let at = u16::try_from(n).ok().and_then(|n| first.checked_add(n));
        let Some(at) = at else {
            return address.place.fault("these registers run past 65535");
        };
        if registers.insert(at, u16::try_from(word.value).unwrap_or(0)).is_some() {
            return word.place.fault(format!("register {at} is there twice"));
        }
    }
}

#[cfg(test)]
mod tests;
