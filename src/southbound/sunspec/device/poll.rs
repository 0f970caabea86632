//! Polling by deadline. Missed deadlines are skipped, never made up for; commands go first.

use super::{Device, End, Trouble, next_due};
use crate::core::port::{Poll, Report};
use crate::southbound::modbus::{BusError, Exception, Turn};
use crate::southbound::sunspec::block::{Class, Part};
use crate::southbound::sunspec::readings::readings;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Slow blocks are read again after this many polls, but not before [`SLOW_LEAST`] and not after [`SLOW_MOST`].
const SLOW_POLLS: u32 = 30;
const SLOW_LEAST: Duration = Duration::from_secs(1);
const SLOW_MOST: Duration = Duration::from_secs(55);
/// Reads are not cut shorter than this for a device that refuses long ones.
const SHORTEST: u16 = 8;
/// Wait before a busy device is asked again for what cannot be left to the next poll.
const BUSY_PAUSE: Duration = Duration::from_millis(500);

/// What a timer cannot tell apart: a poll that is due within it is due now.
const TIMER_STEP: Duration = Duration::from_micros(500);

fn is_due(due: Instant) -> bool {
    due.saturating_duration_since(Instant::now()) <= TIMER_STEP
}

impl Device<'_> {
    /// Polls until the gateway stops, the map moves or the device is lost.
    pub(super) async fn poll_on(&mut self, anchor: Instant) -> End {
        let mut due = Instant::now();
        loop {
            // Waiting registers with three bells; a poll that is due, with nothing else to do, rings none of them.
            while !is_due(due) || self.port.commands.waiting() || self.common.stop.is_cancelled() {
                tokio::select! {
                    biased;
                    () = self.common.stop.cancelled() => return End::Stop,
                    pending = self.port.commands.next() => self.command(pending).await,
                    () = self.heart.wait() => self.beat().await,
                    () = sleep_until(due) => break,
                }
                if self.moved {
                    return self.rescan().await;
                }
            }
            self.beat().await;
            match self.poll(due).await {
                Ok(()) => {
                    self.answered();
                    if self.scans.due() {
                        return End::Doubt;
                    }
                }
                Err(Trouble::Moved(words)) => {
                    tracing::warn!(
                        device = self.settings.name,
                        reason = words,
                        "model map moved; scanning again"
                    );
                    return self.rescan().await;
                }
                Err(trouble) => {
                    self.failed(&trouble).await;
                    if self.is_lost() {
                        return End::Lost;
                    }
                }
            }
            due = next_due(anchor, self.settings.poll, Instant::now());
        }
    }

    async fn rescan(&mut self) -> End {
        self.forget();
        self.set_state(crate::der::DeviceState::Discovering, "its model map has moved".to_owned()).await;
        End::Moved
    }

    async fn poll(&mut self, due: Instant) -> Result<(), Trouble> {
        let began = Instant::now();
        let slow = self.slow_due(began);
        let begun_at = Timestamp::now();
        let mut fresh: Vec<u16> = Vec::with_capacity(4);
        let mut silent = true;
        for place in 0..self.blocks.list.len() {
            let Some((id, class)) = self.blocks.list.get(place).map(|b| (b.at.id, b.class)) else { break };
            if (class != Class::Fast && slow != Some(place)) || self.left_alone(place, began) {
                continue;
            }
            // Commands that come while other units are read go first.
            let free = (!self.port.commands.waiting()).then(|| self.line.try_turn()).flatten();
            let turn = if let Some(turn) = free {
                turn
            } else {
                loop {
                    tokio::select! {
                        biased;
                        pending = self.port.commands.next() => self.command(pending).await,
                        turn = self.line.turn() => break turn,
                    }
                }
            };
            if self.moved {
                return Err(Trouble::Moved("seen while carrying out a command".to_owned()));
            }
            match self.read_block(place, Some(turn)).await {
                Ok(read) => {
                    silent = false;
                    fresh.extend(read.then_some(id));
                }
                // One block that gets no answer while its neighbours do is not the whole device.
                Err(Trouble::Bus(error @ BusError::TimedOut(_))) if !silent => {
                    silent = true;
                    self.note_silence(place, &error);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        let asked = |id| self.blocks.get(id).filter(|_| fresh.contains(&id)).and_then(|b| b.asked_at);
        let (mut readings, faults) = readings(&self.blocks, self.sources, &asked);
        self.reported.complete(&mut readings, begun_at);
        for (model, point, fault) in faults {
            if self.said.insert((model, point)) {
                let device = &self.settings.name;
                tracing::warn!(device, model, point, %fault, "a value cannot be used");
            }
        }
        self.watch_effects(&readings).await;
        let lateness = began.saturating_duration_since(due);
        self.port.reports.send(Report::Poll(Poll { readings, lateness, took: began.elapsed() })).await;
        if slow.is_some() {
            self.sources.add_found(&mut self.blocks);
            self.refresh_capability().await;
        }
        self.say_state().await;
        Ok(())
    }

    /// A block got no answer although its neighbours did.
    pub(super) fn note_silence(&mut self, place: usize, error: &BusError) {
        if let Some(block) = self.blocks.list.get_mut(place) {
            block.fault = Some(error.to_string());
            block.silences = block.silences.saturating_add(1);
        }
    }

    /// True if a block was silent of late: each time it costs a time-out, so it is asked less and less often.
    fn left_alone(&self, place: usize, now: Instant) -> bool {
        self.blocks.list.get(place).is_some_and(|block| {
            let pause = self.settings.map.link.response_timeout.saturating_mul(block.silences);
            block.tried_at.is_some_and(|at| now.saturating_duration_since(at) < pause.min(SLOW_MOST))
        })
    }

    /// The slow block whose turn it is: at most one in a poll, so that slow blocks never come in a bunch.
    fn slow_due(&self, now: Instant) -> Option<usize> {
        let every = self.settings.poll.saturating_mul(SLOW_POLLS).clamp(SLOW_LEAST, SLOW_MOST);
        self.blocks
            .list
            .iter()
            .enumerate()
            .filter(|(place, b)| b.class == Class::Slow && !self.left_alone(*place, now))
            .min_by_key(|(_, b)| b.tried_at)
            .filter(|(_, b)| b.tried_at.is_none_or(|at| now.saturating_duration_since(at) >= every))
            .map(|(place, _)| place)
    }

    /// Reads a block whole. True if it was read, false if the device refused it (then the block says why).
    pub(super) async fn read_block(&mut self, place: usize, turn: Option<Turn<'_>>) -> Result<bool, Trouble> {
        let now = Instant::now();
        let Some(block) = self.blocks.list.get_mut(place) else { return Ok(false) };
        block.tried_at = Some(now);
        let usual = self.max_read;
        let mut turn = turn;
        let mut again = true;
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
                Ok(registers) => return self.take(place, registers, asked_at),
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
            self.cut(place, self.settings.map.link.max_read);
        }
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
