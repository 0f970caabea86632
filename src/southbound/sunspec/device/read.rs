//! Reading one block: in the parts it takes, shorter ones if the device refuses long ones, and again where that helps.

use super::{Device, Trouble};
use crate::southbound::modbus::{BusError, Exception, Turn};
use crate::southbound::sunspec::block::Part;
use jiff::Timestamp;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Reads are not cut shorter than this for a device that refuses long ones.
const SHORTEST: u16 = 8;
/// Wait before a busy device is asked again for what cannot be left to the next poll.
const BUSY_PAUSE: Duration = Duration::from_millis(500);

impl Device<'_> {
    /// A block got no answer although its neighbours did.
    pub(super) fn note_silence(&mut self, place: usize, error: &BusError) {
        *self.reconnected.get_mut() = true;
        if let Some(block) = self.blocks.list.get_mut(place) {
            block.fault = Some(error.to_string());
            block.silences = block.silences.saturating_add(1);
        }
    }

    /// Reads a block that is due, and those due behind it that go in the same request. Gives the places that were read.
    pub(super) async fn read_due(
        &mut self,
        place: usize,
        due: &[usize],
        turn: Turn<'_>,
    ) -> Result<Vec<usize>, Trouble> {
        let run = if self.crossing { self.run_from(place, due) } else { Vec::new() };
        if run.len() < 2 {
            return Ok(self.read_block(place, Some(turn)).await?.then_some(place).into_iter().collect());
        }
        match self.read_run(&run, turn).await {
            Err(Trouble::Bus(error)) if error.exception().is_some_and(|e| !e.unit_missing()) => {
                let (device, reason) = (&self.settings.name, error.to_string());
                tracing::info!(
                    device,
                    reason,
                    "it refuses reads over the border of two models; they are read singly"
                );
                self.crossing = false;
                Ok(self.read_block(place, None).await?.then_some(place).into_iter().collect())
            }
            result => result,
        }
    }

    /// The blocks that one request from this one on takes in: due, neighbours, one read each, together not too long.
    fn run_from(&self, place: usize, due: &[usize]) -> Vec<usize> {
        let mut run: Vec<usize> = Vec::new();
        let (mut total, mut next) = (0_u16, None);
        for place in due.iter().copied().filter(|p| *p >= place) {
            let Some(block) = self.blocks.list.get(place) else { break };
            let end = block.at.address.saturating_add(2).saturating_add(block.at.length);
            let stretch = block.at.length.saturating_add(2);
            let single = matches!(block.parts.as_slice(), [part] if part.offset == 0);
            let joins = next.is_none_or(|next| next == block.at.address);
            if !single || !joins || block.closed() || total.saturating_add(stretch) > self.max_read {
                break;
            }
            total = total.saturating_add(stretch);
            next = Some(end);
            run.push(place);
        }
        run
    }

    async fn read_run(&mut self, run: &[usize], turn: Turn<'_>) -> Result<Vec<usize>, Trouble> {
        let of = |place: &usize| {
            self.blocks.list.get(*place).map(|b| (b.at.address, b.at.length.saturating_add(2)))
        };
        let stretches: Vec<(u16, u16)> = run.iter().filter_map(of).collect();
        let base = stretches.first().map_or(0, |(address, _)| *address);
        let quantity = stretches.iter().map(|(_, stretch)| *stretch).fold(0, u16::saturating_add);
        let (asked_at, now) = (Timestamp::now(), Instant::now());
        let words =
            self.read_part(base, Part { offset: 0, quantity }, Some(turn)).await.map_err(Trouble::Bus)?;
        let (mut rest, mut taken) = (words.as_slice(), Vec::with_capacity(run.len()));
        for (place, (_, stretch)) in run.iter().zip(stretches) {
            let (own, behind) = rest.split_at_checked(usize::from(stretch)).unwrap_or((rest, &[]));
            rest = behind;
            if let Some(block) = self.blocks.list.get_mut(*place) {
                block.tried_at = Some(now);
            }
            if self.take(*place, own.to_vec(), asked_at)? {
                let _ = self.open(*place);
                taken.push(*place);
            }
        }
        Ok(taken)
    }

    /// Reads a block whole. True if it was read, false if the device refused it (then the block says why).
    pub(super) async fn read_block(&mut self, place: usize, turn: Option<Turn<'_>>) -> Result<bool, Trouble> {
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
                    if taken && self.open(place) && !std::mem::replace(&mut opened, true) {
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
            Err(BusError::Closed) => {
                self.reconnected.store(true, Relaxed);
                self.line.read_first(address, part.quantity).await
            }
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
