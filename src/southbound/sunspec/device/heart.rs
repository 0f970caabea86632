//! The heartbeat: the controller's counter goes up every second where the device map says so, and the device's own is
//! watched. A device that refuses the write (a role without the right, a read-only point) is told no more.

use super::Device;
use crate::der::DeviceState;
use crate::southbound::modbus::BusError;
use crate::southbound::sunspec::control::Write;
use crate::southbound::sunspec::execute::send_once;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Time between two beats.
const BEAT: Duration = Duration::from_secs(1);
/// A device whose own counter stands for so long has stalled.
const STALL: Duration = Duration::from_secs(5);
/// The controller's counter and the device's, by model.
const COUNTERS: [(u16, &str, &str); 2] = [(715, "ControllerHb", "DERHb"), (802, "CtrlHb", "Hb")];

/// The heartbeat of one device.
pub struct Heart {
    wanted: bool,
    due: Instant,
    /// The last counts written, one a counter.
    counts: [Option<u32>; COUNTERS.len()],
    /// The device's own counter, and when it last moved.
    shown: Option<(u16, Vec<u16>, Instant)>,
}

impl Heart {
    /// Beats only if wanted.
    pub fn new(wanted: bool) -> Self {
        Self { wanted, due: Instant::now(), counts: [None; COUNTERS.len()], shown: None }
    }

    /// Waits for the next beat; for ever if none is wanted.
    pub async fn wait(&self) {
        if !self.wanted {
            return std::future::pending().await;
        }
        sleep_until(self.due).await;
    }

    /// Notes what the device's counter shows.
    fn see(&mut self, model: u16, words: Vec<u16>, now: Instant) {
        let same = self.shown.as_ref().is_some_and(|(m, last, _)| (*m, last) == (model, &words));
        if !same {
            self.shown = Some((model, words, now));
        }
    }

    /// What is wrong, if the device's counter stands.
    pub fn stalled(&self) -> Option<String> {
        let (model, _, moved) = self.shown.as_ref()?;
        let name = COUNTERS.iter().find(|(id, ..)| id == model).map(|(.., name)| name)?;
        (moved.elapsed() >= STALL)
            .then(|| format!("device_stalled: {model}.{name} has not moved for {} s", STALL.as_secs()))
    }
}

impl Device<'_> {
    /// Beats if it is time.
    pub(super) async fn beat(&mut self) {
        let now = Instant::now();
        if !self.heart.wanted || now < self.heart.due {
            return;
        }
        // A late beat is not made up for.
        self.heart.due = now + BEAT;
        if !matches!(self.state, DeviceState::Online | DeviceState::Degraded) {
            self.heart.shown = None;
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
            if let Some((address, size)) = shown
                && let Ok(words) = self.line.read_first(address, size).await
            {
                self.heart.see(model, words, Instant::now());
            }
        }
    }

    /// The next count, in as many registers as its point has; never the one that means "not implemented".
    fn next_count(&mut self, place: usize, stands: u32, size: u16) -> Vec<u16> {
        let Some(last) = self.heart.counts.get_mut(place) else { return Vec::new() };
        let count = last.unwrap_or(stands).wrapping_add(1);
        let count = if count == u32::MAX { 0 } else { count };
        *last = Some(count);
        let low = u16::try_from(count & 0xFFFF).unwrap_or_default();
        let high = u16::try_from(count >> 16).unwrap_or_default();
        match size {
            1 => vec![if low == u16::MAX { 0 } else { low }],
            _ => vec![high, low],
        }
    }

    async fn send_beat(&mut self, write: &Write) {
        let wire = self.wire(Instant::now() + BEAT);
        let refused = match send_once(&self.line, write, &mut self.habits, &wire).await {
            Err(BusError::Refused(exception)) if !exception.unit_missing() => exception.to_string(),
            Err(BusError::NotSent(why)) => why.to_owned(),
            // Silence is the polls' matter.
            _ => return,
        };
        self.heart.wanted = false;
        self.heart.shown = None;
        tracing::warn!(
            device = self.settings.name,
            point = write.name,
            reason = refused,
            "the device does not take the heartbeat (is the point read-only, or the role without the right?); it is not sent any more"
        );
    }
}
