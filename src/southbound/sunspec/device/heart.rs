//! The heartbeat: the controller's counter goes up every second where the device map says so, and the device's own is
//! watched. A device that refuses the write (a role without the right, a read-only point) is told no more.

use super::Device;
use crate::der::DeviceState;
use crate::southbound::modbus::{BusError, Exception};
use crate::southbound::sunspec::control::Write;
use crate::southbound::sunspec::execute::send_once;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Time between two beats.
const BEAT: Duration = Duration::from_secs(1);
/// A device whose own counter stands for so long has stalled.
const STALL: Duration = Duration::from_secs(5);
/// Answers that are the same for the next beat. Busy, or not possible now, are not.
const FINAL: [Exception; 3] =
    [Exception::ILLEGAL_FUNCTION, Exception::ILLEGAL_ADDRESS, Exception::ILLEGAL_VALUE];
/// The controller's counter and the device's, by model.
const COUNTERS: [(u16, &str, &str); 2] = [(715, "ControllerHb", "DERHb"), (802, "CtrlHb", "Hb")];

/// The heartbeat of one device.
pub struct Heart {
    refused: bool,
    due: Instant,
    /// The last counts written, one a counter.
    counts: [Option<u32>; COUNTERS.len()],
    /// The device's own counters, and when each last moved.
    shown: [Option<(Vec<u16>, Instant)>; COUNTERS.len()],
}

impl Heart {
    /// One that beats at once.
    pub fn new() -> Self {
        Self { refused: false, due: Instant::now(), counts: [None; COUNTERS.len()], shown: [None, None] }
    }

    /// Waits for the next beat; for ever if the device map wants none.
    pub async fn wait(&self, wanted: bool) {
        if self.refused || !wanted {
            return std::future::pending().await;
        }
        sleep_until(self.due).await;
    }

    /// Notes what a counter of the device shows; `None` if it could not be read, which says nothing of its heart.
    fn see(&mut self, place: usize, words: Option<Vec<u16>>, now: Instant) {
        let Some(shown) = self.shown.get_mut(place) else { return };
        match (words, &shown) {
            (Some(words), Some((last, _))) if words == *last => {}
            (Some(words), _) => *shown = Some((words, now)),
            (None, _) => *shown = None,
        }
    }

    /// What is wrong, if a counter of the device stands.
    pub fn stalled(&self) -> Option<String> {
        COUNTERS.iter().zip(&self.shown).find_map(|((model, _, own), shown)| {
            let (_, moved) = shown.as_ref()?;
            (moved.elapsed() >= STALL)
                .then(|| format!("device_stalled: {model}.{own} has not moved for {} s", STALL.as_secs()))
        })
    }
}

impl Device<'_> {
    /// Beats if it is time.
    pub(super) async fn beat(&mut self) {
        let now = Instant::now();
        if self.heart.refused || !self.map.sunspec.heartbeat || now < self.heart.due {
            return;
        }
        // A late beat is not made up for.
        self.heart.due = now + BEAT;
        if !matches!(self.life.state(), DeviceState::Online | DeviceState::Degraded) {
            self.heart.shown = [None, None];
            return;
        }
        for (place, (model, counter, own)) in COUNTERS.into_iter().enumerate() {
            let Some(block) = self.blocks.get(model).filter(|b| !b.draft) else { continue };
            let Some(sample) = block.sample() else { continue };
            let at = |path: &str| {
                sample.implemented(path).map(|p| (block.at.address.saturating_add(p.offset), p.point.size))
            };
            let (written, shown) = (at(counter), at(own));
            if let Some((address, size)) = written {
                let stands = sample.integer(counter).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
                let registers = self.next_count(place, stands, size);
                let name = format!("{model}.{counter}");
                let write = Write { address, whole: registers.len() > 1, registers, name };
                self.send_beat(&write).await;
            }
            if let Some((address, size)) = shown.filter(|_| !self.heart.refused) {
                let words = self.line.read_first(address, size).await.ok();
                self.heart.see(place, words, Instant::now());
            }
        }
    }

    /// The next count, in as many registers as its point has; never the one that means "not implemented".
    fn next_count(&mut self, place: usize, stands: u32, size: u16) -> Vec<u16> {
        let Some(last) = self.heart.counts.get_mut(place) else { return Vec::new() };
        let most = if size == 1 { 0xFFFE } else { 0xFFFF_FFFE };
        let count = Some(last.unwrap_or(stands)).filter(|count| *count < most).map_or(0, |count| count + 1);
        *last = Some(count);
        let low = u16::try_from(count & 0xFFFF).unwrap_or_default();
        let high = u16::try_from(count >> 16).unwrap_or_default();
        if size == 1 { vec![low] } else { vec![high, low] }
    }

    async fn send_beat(&mut self, write: &Write) {
        let wire = self.wire(Instant::now() + BEAT);
        let refused = match send_once(&self.line, write, &mut self.habits, &wire).await {
            Err(BusError::Refused(exception)) if FINAL.contains(&exception) => exception.to_string(),
            Err(BusError::NotSent(why)) => why.to_owned(),
            // Silence is the polls' matter, and a device that is busy takes the next one.
            _ => return,
        };
        self.heart.refused = true;
        self.heart.shown = [None, None];
        tracing::warn!(
            device = self.settings.name,
            point = write.name,
            reason = refused,
            "the device does not take the heartbeat (is the point read-only, or the role without the right?); it is not sent any more"
        );
    }
}
