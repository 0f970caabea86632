//! Reading one block: in the parts it takes, shorter ones if the device refuses long ones, and again where that helps.

use super::{Device, Trouble};
use crate::southbound::modbus::{BusError, Exception, Turn};
use crate::southbound::sunspec::block::Part;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Reads are not cut shorter than this for a device that refuses long ones.
const SHORTEST: u16 = 8;
/// Wait before a busy device is asked again for what cannot be left to the next poll.
const BUSY_PAUSE: Duration = Duration::from_millis(500);

impl Device<'_> {
    /// A block got no answer although its neighbours did.
    pub(super) fn note_silence(&mut self, place: usize, error: &BusError) {
        if let Some(block) = self.blocks.list.get_mut(place) {
            block.fault = Some(error.to_string());
            block.silences = block.silences.saturating_add(1);
        }
    }

    /// Reads a block whole. True if it was read, false if the device refused it (then the block says why).
    pub(super) async fn read_block(&mut self, place: usize, turn: Option<Turn<'_>>) -> Result<bool, Trouble> {
        self.read_as_far(place, turn, true).await
    }

    /// Reads only the header of a block that is closed.
    pub(super) async fn read_header(&mut self, place: usize, turn: Turn<'_>) -> Result<bool, Trouble> {
        self.read_as_far(place, Some(turn), false).await
    }

    async fn read_as_far(
        &mut self,
        place: usize,
        turn: Option<Turn<'_>>,
        whole: bool,
    ) -> Result<bool, Trouble> {
        let now = Instant::now();
        let Some(block) = self.blocks.list.get_mut(place) else { return Ok(false) };
        block.tried_at = Some(now);
        let usual = self.max_read;
        let mut turn = turn;
        // With scale factors that never change, values and theirs cannot be of different times.
        let (mut again, mut opened) = (!self.map.sunspec.static_sf, false);
        loop {
            let Some(block) = self.blocks.list.get(place) else { return Ok(false) };
            let in_parts = block.parts.len() > 1;
            let longest = block.parts.iter().map(|p| p.quantity).max().unwrap_or(0);
            let asked_at = Timestamp::now();
            let error = match self.read_parts(place, turn.take()).await {
                // The scale factors changed, perhaps between a part with values and the one with theirs.
                Ok(registers) if again && in_parts && block.rescaled(&registers) => {
                    again = false;
                    continue;
                }
                Ok(registers) => {
                    let taken = self.take(place, registers, asked_at)?;
                    // Its counts tell what follows: read now, but not for ever if they change with each look.
                    if taken && whole && self.open(place) && !std::mem::replace(&mut opened, true) {
                        continue;
                    }
                    return Ok(taken);
                }
                Err(error) => error,
            };
            let Some(exception) = error.exception().filter(|e| !e.unit_missing()) else {
                return Err(Trouble::Bus(error));
            };
            let too_long = matches!(exception, Exception::ILLEGAL_ADDRESS | Exception::ILLEGAL_VALUE);
            if too_long && longest > SHORTEST {
                // Perhaps the read is too long for this device: kept if shorter ones succeed.
                self.cut(place, longest / 2);
                continue;
            }
            self.max_read = usual;
            self.cut(place, usual);
            if let Some(block) = self.blocks.list.get_mut(place) {
                block.refused(exception, &error);
            }
            return Ok(false);
        }
    }

    /// As [`Device::read_block`], but a device that is busy once is asked again after a pause.
    pub(super) async fn read_patiently(
        &mut self,
        place: usize,
        turn: Option<Turn<'_>>,
    ) -> Result<bool, Trouble> {
        let read = self.read_block(place, turn).await?;
        if read || self.blocks.list.get(place).is_none_or(|b| b.busy != 1) {
            return Ok(read);
        }
        sleep(BUSY_PAUSE).await;
        self.read_block(place, None).await
    }

    /// Long reads are tried again: what refused them once may have been a passing state.
    pub(super) fn uncut(&mut self) {
        for place in 0..self.blocks.list.len() {
            self.cut(place, self.map.link.max_read);
        }
    }

    /// True if the block has to be read again, since its counts show another layout.
    fn open(&mut self, place: usize) -> bool {
        self.blocks.list.get_mut(place).is_some_and(|block| block.open(self.common.layouts))
    }

    fn cut(&mut self, place: usize, max_read: u16) {
        self.max_read = max_read;
        if let Some(block) = self.blocks.list.get_mut(place) {
            block.cut(max_read);
        }
    }

    async fn read_parts(&self, place: usize, turn: Option<Turn<'_>>) -> Result<Vec<u16>, BusError> {
        let Some(block) = self.blocks.list.get(place) else { return Ok(Vec::new()) };
        let mut turn = turn;
        let mut registers = Vec::new();
        for part in &block.parts {
            let words = self.read_part(block.at.address, *part, turn.take()).await?;
            // The usual block is one read: its answer is taken as it is.
            if registers.is_empty() {
                registers = words;
            } else {
                // A text too long for this device's reads was left out: what follows keeps its place.
                registers.resize(usize::from(part.offset), 0);
                registers.extend(words);
            }
        }
        Ok(registers)
    }

    /// One read. A connection that the device closed while it was idle is made again once.
    async fn read_part(&self, base: u16, part: Part, turn: Option<Turn<'_>>) -> Result<Vec<u16>, BusError> {
        let address = base.saturating_add(part.offset);
        let first = match turn {
            Some(turn) => self.line.read_in(turn, address, part.quantity).await,
            None => self.line.read_first(address, part.quantity).await,
        };
        match first {
            Err(BusError::Closed) => self.line.read_first(address, part.quantity).await,
            result => result,
        }
    }

    fn take(&mut self, place: usize, registers: Vec<u16>, asked_at: Timestamp) -> Result<bool, Trouble> {
        let Some(block) = self.blocks.list.get_mut(place) else { return Ok(false) };
        let shown = (registers.first().copied(), registers.get(1).copied());
        let at = block.at;
        if block.take(registers, Instant::now()) {
            block.asked_at = Some(asked_at);
            return Ok(true);
        }
        // Behind the place where the last scan broke off, zeros are what a booting device shows.
        if self.scans.broke_off.is_some_and(|from| at.address >= from) && shown.0 == Some(0) {
            block.fault = Some("the device shows zeros there".to_owned());
            return Ok(false);
        }
        Err(Trouble::Moved(format!(
            "model {} moved: expected id {} L {} at {}, found id {} L {}",
            at.id,
            at.id,
            at.length,
            at.address,
            shown.0.unwrap_or_default(),
            shown.1.unwrap_or_default()
        )))
    }
}
