//! Polling by deadline. Missed deadlines are skipped, never made up for; commands go first.

use super::{Device, End, Trouble};
use crate::core::port::{Poll, Report};
use crate::der::{DeviceState, Quantity, Reading};
use crate::device_map::{PlacedScale, Scale};
use crate::southbound::modbus::{BusError, Turn};
use crate::southbound::pace::{is_due, next_due};
use crate::southbound::sunspec::block::{Class, Fault};
use crate::southbound::sunspec::readings::{
    Bounds, PointFault, energy_point, is_meter, readings, stores_nothing,
};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Blocks that are not read in each poll are read again after so many polls, but not sooner than [`LEAST`], and not later
/// than this.
const NORMAL: (u32, Duration) = (10, Duration::from_secs(10));
const SLOW: (u32, Duration) = (if cfg!(test) { 30 } else { 300 }, Duration::from_secs(300));
const LEAST: Duration = Duration::from_secs(1);
/// Most such blocks in one poll, however long the device is left alone between polls.
const MOST_OTHERS: u64 = 16;
/// A block that gets no answer is not left alone longer than this.
const PATIENCE: Duration = Duration::from_secs(55);

impl<'a> Device<'a> {
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
                    () = self.heart.wait(self.map.sunspec.heartbeat) => self.beat().await,
                    () = sleep_until(due) => break,
                }
                if self.moved {
                    return self.rescan().await;
                }
            }
            self.beat().await;
            match self.poll(due).await {
                Ok(()) if self.scans.due() => return End::Doubt,
                Ok(()) => {}
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
        self.life.say(DeviceState::Discovering, "its model map has moved".to_owned()).await;
        End::Moved
    }

    async fn poll(&mut self, due: Instant) -> Result<(), Trouble> {
        let began = Instant::now();
        // A poll may find nothing to ask; then it says nothing of whether the device answers.
        let mut heard = self.recognise().await?;
        let others = self.others_due(began);
        let due_now = self.due_now(&others, began);
        let begun_at = Timestamp::now();
        // Places of the blocks that were read.
        let mut fresh: Vec<usize> = Vec::with_capacity(4);
        let mut silent = true;
        for place in due_now.iter().copied() {
            if fresh.contains(&place) {
                continue;
            }
            let turn = self.turn_after_commands().await;
            if self.moved {
                return Err(Trouble::Moved("seen while carrying out a command".to_owned()));
            }
            match self.read_due(place, &due_now, turn).await {
                Ok(read) => {
                    (silent, heard) = (false, true);
                    fresh.extend(read);
                }
                // One block that gets no answer while its neighbours do is not the whole device.
                Err(Trouble::Bus(error @ BusError::TimedOut(_))) if !silent => {
                    silent = true;
                    self.note_silence(place, &error);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        let mut readings = self.gather(&fresh, begun_at);
        self.extra_poll(&mut readings).await;
        self.watch_effects(&readings).await;
        self.keep().await;
        let lateness = began.saturating_duration_since(due);
        self.port.reports.send(Report::Poll(Poll { readings, lateness, took: began.elapsed() })).await;
        self.note_rest();
        if !others.is_empty() || self.sources.mute(&self.blocks) {
            let counting = self.sources.energy;
            self.sources.add_found(&mut self.blocks);
            self.refresh_capability().await;
            if self.sources.energy != counting {
                self.remember().await;
            }
        }
        if heard {
            self.life.answered();
        }
        self.say_state().await;
        Ok(())
    }

    /// The next turn to read. Commands that come while other units are read go first.
    async fn turn_after_commands(&mut self) -> Turn<'a> {
        if !self.port.commands.waiting()
            && let Some(turn) = self.line.try_turn()
        {
            return turn;
        }
        loop {
            tokio::select! {
                biased;
                pending = self.port.commands.next() => self.command(pending).await,
                turn = self.line.turn() => return turn,
            }
        }
    }

    /// What the blocks at these places, which were just read, come to.
    pub(super) fn gather(&mut self, fresh: &[usize], begun_at: Timestamp) -> Vec<Reading> {
        let first = |id: u16| self.blocks.list.iter().position(|b| b.at.id == id);
        let asked = |id: u16| {
            let place = first(id).filter(|place| fresh.contains(place))?;
            self.blocks.list.get(place)?.asked_at
        };
        let (mut readings, faults) = readings(&self.blocks, self.sources, &asked);
        let mut counters = self.counters;
        for (quantity, words) in counters.judge(&mut readings, &|quantity| self.bounds(quantity)) {
            let (device, quantity) = (&self.settings.name, quantity.name());
            tracing::warn!(device, quantity, words, "an energy counter is not believed yet");
        }
        self.counters = counters;
        self.complete(&mut readings, fresh, begun_at);
        self.note_unusable(fresh, faults);
        self.judge(&mut readings);
        readings
    }

    /// Does not believe powers that cannot be true. A meter measures what others are rated for.
    pub(super) fn judge(&mut self, readings: &mut [Reading]) {
        if !self.sources.measuring.is_some_and(is_meter) {
            self.life.judge(readings, stores_nothing(&self.blocks, self.sources));
        }
    }

    /// Keeps what cannot be used of the models that were just read, in the words of when it began; says it once.
    fn note_unusable(&mut self, fresh: &[usize], faults: Vec<PointFault>) {
        let mut before = std::mem::take(&mut self.unusable);
        let again =
            |id: u16| fresh.iter().any(|place| self.blocks.list.get(*place).is_some_and(|b| b.at.id == id));
        let mut now: Vec<_> = before.extract_if(.., |(fault, _)| !again(fault.0)).collect();
        for fault in faults {
            let known = before.iter().find(|(old, _)| *old == fault).map(|(_, words)| words.clone());
            let words = known.unwrap_or_else(|| self.unusable(fault));
            if self.said.insert((fault.0, fault.1)) {
                tracing::warn!(device = self.settings.name, reason = words, "a value cannot be used");
            }
            now.push((fault, words));
        }
        self.unusable = now;
    }

    /// Adds what is missing from a poll's readings as invalid, but for quantities whose block was not due.
    fn complete(&mut self, readings: &mut Vec<Reading>, fresh: &[usize], begun_at: Timestamp) {
        let sources = self.sources;
        let waiting = |quantity: Quantity| {
            let source = match quantity {
                Quantity::EnergyInjected => sources.energy,
                Quantity::StateOfCharge => sources.charge.map(|(id, _)| id),
                Quantity::AvailableActivePower => Some(122),
                Quantity::DcPower => sources.direct,
                _ => sources.measuring,
            };
            let place = self.blocks.list.iter().position(|b| Some(b.at.id) == source);
            let block = place.and_then(|place| self.blocks.list.get(place).map(|block| (place, block)));
            block.is_some_and(|(place, block)| {
                matches!(block.class, Class::Normal | Class::Slow)
                    && block.fault.is_none()
                    && !fresh.contains(&place)
            })
        };
        self.reported.complete(readings, begun_at, &waiting);
    }

    /// What bounds a counter of the device.
    fn bounds(&self, quantity: Quantity) -> Bounds {
        let measuring = self.sources.measuring;
        let (id, path) = match (quantity, measuring) {
            (Quantity::EnergyInjected, _) => match self.sources.energy.or(measuring) {
                Some(id) => (id, energy_point(id)),
                None => return Bounds::default(),
            },
            (_, Some(701)) => (701, "TotWhAbs"),
            (_, Some(id)) => (id, "TotWhImp"),
            (_, None) => return Bounds::default(),
        };
        let rating =
            [(702, "WMaxRtg"), (120, "WRtg"), (702, "WChaRteMaxRtg"), (120, "MaxChaRte"), (124, "WChaMax")]
                .into_iter()
                .filter_map(|(id, path)| self.blocks.good(id, path))
                .fold(0.0, f64::max);
        let span = self.blocks.sample(id).and_then(|sample| sample.span(path));
        Bounds { span, rating: (rating > 0.0).then_some(rating) }
    }

    /// Why a point's value is not used, and what to do.
    fn unusable(&self, (model, path, fault): PointFault) -> String {
        let sample = self.blocks.sample(model);
        let placed = sample.and_then(|s| s.layout.find(path));
        let raw = sample.and_then(|s| s.integer(path)).map(|raw| format!(" = {raw}")).unwrap_or_default();
        let beyond = placed.is_some_and(|p| matches!(p.scale, Some(PlacedScale::Missing)));
        match (placed.and_then(|p| p.point.scale.as_ref()), fault) {
            (Some(Scale::Point(name)), Fault::NoScale) if beyond => {
                format!("model {model} {path}{raw}, but the model ends before {name}: value not used")
            }
            (Some(Scale::Point(name)), Fault::NoScale) => format!(
                "model {model} {path}{raw}, but {name} is not implemented (0x8000): value not used; set sf_override \"{model}.{name}\" in its device map if the device's scale is known"
            ),
            (Some(Scale::Point(name)), Fault::BadScale(sf)) => format!(
                "model {model} {path}{raw}, but {name} is {sf}, outside -10 to 10: value not used; set sf_override \"{model}.{name}\" in its device map if the device's scale is known"
            ),
            _ => format!("model {model} {path}{raw}: {fault}: value not used"),
        }
    }

    /// True if a block was silent of late: each time it costs a time-out, so it is asked less and less often.
    fn left_alone(&self, place: usize, now: Instant) -> bool {
        self.blocks.list.get(place).is_some_and(|block| {
            let pause = self.map.link.response_timeout.saturating_mul(block.silences);
            block.tried_at.is_some_and(|at| now.saturating_duration_since(at) < pause.min(PATIENCE))
        })
    }

    /// The places of the blocks to be read in this poll.
    pub(super) fn due_now(&self, others: &[usize], now: Instant) -> Vec<usize> {
        let blocks = self.blocks.list.iter().enumerate();
        let due = blocks.filter(|(place, b)| b.class == Class::Fast || others.contains(place));
        due.map(|(place, _)| place).filter(|place| !self.left_alone(*place, now)).collect()
    }

    /// The blocks beside the fast ones whose turn it is: few in a poll, so that they never come in a bunch. Those come
    /// first that are overdue by most of their period.
    fn others_due(&self, now: Instant) -> Vec<usize> {
        let mut due: Vec<(f64, usize)> = Vec::new();
        for (place, block) in self.blocks.list.iter().enumerate() {
            let (polls, most) = match block.class {
                Class::Normal => NORMAL,
                Class::Slow => SLOW,
                Class::Fast | Class::Once | Class::OnDemand => continue,
            };
            if self.left_alone(place, now) {
                continue;
            }
            let every = self.settings.poll.saturating_mul(polls).clamp(LEAST, most);
            let since = block.tried_at.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
            let periods = since.as_secs_f64() / every.as_secs_f64();
            if periods >= 1.0 {
                due.push((periods, place));
            }
        }
        due.sort_by(|a, b| b.0.total_cmp(&a.0));
        let most = self.settings.poll.as_secs().clamp(1, MOST_OTHERS);
        due.truncate(usize::try_from(most).unwrap_or(1));
        due.into_iter().map(|(_, place)| place).collect()
    }
}
