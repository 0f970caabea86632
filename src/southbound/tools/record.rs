//! Recording by the registers of a map: all that its points cover, beside the chain if there is one.

use super::{Recording, Refusal, Session, Tell};
use crate::device_map::MapKind;
use crate::device_map::registers::{Access, RegisterTable};
use crate::southbound::points::Points;
use crate::southbound::sunspec::probe::ProbeError;
use jiff::Timestamp;
use std::collections::BTreeMap;

impl Session {
    /// Reads every register that the device's chain or map has, once.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn record_all(&self, tell: Tell<'_>) -> Result<Recording, ProbeError> {
        let Some(map) = self.register_map() else { return self.record(tell).await };
        let (mut recording, points) = if map.kind == MapKind::Registers {
            (self.blank(), Points::new(map.clone()))
        } else {
            (self.record(tell).await?, Points::beside_chain(map.clone()))
        };
        tell("the registers of the map");
        let (points, _) = self.poll_once(points).await?;
        recording.map = Some(map.id.clone());
        for look in points.looks() {
            let point = look.point;
            if point.access == Access::Write {
                continue;
            }
            if look.words.is_empty() {
                let reason = if look.absent {
                    "the device does not have it".to_owned()
                } else {
                    look.fault.unwrap_or("not read").to_owned()
                };
                let (address, quantity) = (point.address, point.kind.registers());
                recording.refused.push(Refusal { table: point.table, address, quantity, reason });
            }
            let of_table = match point.table {
                RegisterTable::Holding => &mut recording.registers,
                RegisterTable::Input => &mut recording.inputs,
            };
            of_table.extend((point.address..=u16::MAX).zip(look.words.iter().copied()));
        }
        recording.at = Timestamp::now();
        Ok(recording)
    }

    fn blank(&self) -> Recording {
        Recording {
            link: self.link.to_string(),
            unit: self.link.unit(),
            at: Timestamp::now(),
            map: None,
            base: 0,
            models: Vec::new(),
            registers: BTreeMap::new(),
            inputs: BTreeMap::new(),
            refused: Vec::new(),
            warnings: Vec::new(),
        }
    }
}
