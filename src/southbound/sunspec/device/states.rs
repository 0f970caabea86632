//! How gateway and device stand to each other: online, degraded, asleep, lost, or another one than before.
//!
//! A device counts as *asleep* instead of lost when it goes silent, or shows no measurement at all, after it was last
//! seen at rest: an inverter without storage whose power was under 1 % of its rating (or whose state said off, sleeping,
//! shutting down or standby, if it told no power), that had no fault, was not told to stop, and holds no setpoint of ours.
//! A device that never measured anything since the start and answers without measurements is taken for asleep too. That
//! lasts a day; no night is longer, and after that it is lost.

use super::notes::Notes;
use super::{Device, Trouble};
use crate::der::DeviceState;
use crate::southbound::sunspec::block::{Block, Class};
use crate::southbound::sunspec::control::Ours;
use crate::southbound::sunspec::readings::{is_meter, quiet, speechless, stores};
use crate::southbound::sunspec::scan::kind;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Longest sleep.
const NIGHT: Duration = Duration::from_secs(if cfg!(test) { 5 } else { 24 * 3600 });

/// What is known of a device's rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rest {
    /// Whether it was at rest when it was last seen; `None` if it never measured anything.
    quiet: Option<bool>,
    /// Since when it sleeps; until it measures something.
    since: Option<Instant>,
    /// The same by the clock, for the next run.
    pub(super) asleep: Option<Timestamp>,
}

impl Rest {
    /// What an earlier run noted: a device that slept then, and not long ago, may still sleep.
    pub(super) fn of(notes: Option<&Notes>) -> Self {
        let asleep = notes.and_then(|notes| notes.asleep).filter(|since| {
            Duration::try_from(Timestamp::now().duration_since(*since)).is_ok_and(|time| time < NIGHT)
        });
        Self { quiet: asleep.map(|_| true), since: None, asleep }
    }
}

impl Device<'_> {
    /// Counts a failure, and says so: beside how the device stands, or as the reason why it counts as lost, or asleep.
    pub(super) async fn failed(&mut self, trouble: &Trouble) {
        self.life.failed_by(trouble.refused());
        *self.reconnected.get_mut() = true;
        let (definite, words) = (trouble.definite(), trouble.words());
        if !self.is_lost() && !definite {
            return self.life.say_silence(&words).await;
        }
        let sleeps = !definite && self.rest.quiet == Some(true) && self.may_sleep();
        let (state, words) = if sleeps {
            (DeviceState::Asleep, format!("at rest when it was last heard, and silent since: {words}"))
        } else {
            (DeviceState::CommLost, words)
        };
        self.life.gone(state, words).await;
        self.note_sleep().await;
    }

    pub(super) fn is_lost(&self) -> bool {
        self.life.silent_too_long(self.map.link.lost_after)
    }

    /// True if no answer is to be expected: its commands end at once.
    pub(super) fn away(&self) -> bool {
        self.life.is_lost() || (self.life.state() == DeviceState::Asleep && self.life.failures() > 0)
    }

    fn may_sleep(&self) -> bool {
        !stores(&self.blocks, self.sources) && self.rest.since.is_none_or(|since| since.elapsed() < NIGHT)
    }

    /// Notes since when the device sleeps, and has the core remember that it does, or does not any more.
    async fn note_sleep(&mut self) {
        let asleep = match self.life.state() {
            DeviceState::Asleep => {
                self.rest.since = self.rest.since.or_else(|| Some(Instant::now()));
                self.rest.asleep.or_else(|| Some(Timestamp::now()))
            }
            DeviceState::Online | DeviceState::Degraded => None,
            _ => return,
        };
        if asleep.is_some() != self.rest.asleep.is_some() {
            self.rest.asleep = asleep;
            self.remember().await;
        }
    }

    /// Notes from the answers of a poll whether the device is at rest.
    pub(super) fn note_rest(&mut self) {
        if self.speechless() {
            return;
        }
        let shadows = &self.map.sunspec.shadow_models;
        if let Some(quiet) = quiet(&self.blocks, self.sources, shadows) {
            self.rest.since = None;
            self.rest.quiet = Some(quiet && self.ours == Ours::default());
        }
    }

    /// True if its inverter model answers and tells nothing, or only the zeros of a device that has just woken up.
    fn speechless(&self) -> bool {
        let sample = |id: u16| {
            self.blocks
                .get(id)
                .filter(|b| b.fault.is_none())
                .and_then(Block::sample)
                .map(|s| speechless(id, &s))
        };
        let silent = self.sources.measuring.filter(|id| !is_meter(*id)).and_then(sample).unwrap_or(false);
        silent || self.sources.just_woken(&self.blocks)
    }

    /// Online, or what is missing.
    pub(super) async fn say_state(&mut self) {
        let speechless = self.speechless();
        let known = self.life.stranger().is_none();
        if known && speechless && self.rest.quiet != Some(false) && self.may_sleep() {
            let words = "it answers, but shows no measurements, as inverters do at night";
            self.life.say(DeviceState::Asleep, words.to_owned()).await;
        } else {
            let missing = self.missing(speechless);
            self.life.say_wrong(&missing).await;
        }
        self.note_sleep().await;
    }

    fn missing(&self, speechless: bool) -> Vec<String> {
        let mut missing: Vec<String> = self.no_measurements().into_iter().collect();
        if speechless {
            missing.push("it answers, but shows no measurements".to_owned());
        }
        missing.extend(self.unread());
        missing.extend(self.unusable.iter().map(|(_, words)| words.clone()));
        let drafts = self.blocks.list.iter().filter(|block| block.draft && matches!(block.at.id, 703 | 704));
        missing.extend(drafts.map(|block| {
            let (id, length) = (block.at.id, block.at.length);
            format!("model {id} has L = {length}, a draft of the 70x models: not written")
        }));
        missing.extend(self.heart.stalled());
        missing.extend(self.amiss());
        missing
    }

    /// The models that cannot be read, those with the same fault together.
    fn unread(&self) -> Vec<String> {
        let mut faults: Vec<(&str, Vec<u16>)> = Vec::new();
        for block in &self.blocks.list {
            // What is only of use to a command is not missed before there is one.
            let needed = block.at.id == 1 || !matches!(block.class, Class::Once | Class::OnDemand);
            let Some(fault) = block.fault.as_deref().filter(|_| needed) else { continue };
            match faults.iter_mut().find(|(known, _)| *known == fault) {
                Some((_, ids)) => ids.push(block.at.id),
                None => faults.push((fault, vec![block.at.id])),
            }
        }
        faults.iter().map(|(fault, ids)| unreadable(ids, fault)).collect()
    }

    /// Why the device measures nothing, if it has no model that does.
    fn no_measurements(&self) -> Option<String> {
        if self.sources.measuring.is_some() {
            return None;
        }
        let mut words =
            "it has no inverter model (701, 101-103, 111-113) and no meter model (201-204, 211-214), so it measures nothing"
                .to_owned();
        let others = self.chain.iter().flat_map(|chain| &chain.others);
        for models in others.filter(|models| matches!(kind(models), "an inverter" | "a meter")) {
            let at = models.first().map_or(0, |m| m.address);
            words.push_str(&format!(
                "; the logical device behind it at {at} ({}) would, but only the first one is read",
                kind(models)
            ));
        }
        Some(words)
    }
}

/// Models and why they cannot be read, in words.
fn unreadable(ids: &[u16], fault: &str) -> String {
    let mut names: Vec<String> = ids.iter().map(u16::to_string).collect();
    names.dedup();
    match names.pop() {
        Some(last) if !names.is_empty() => {
            format!("models {} and {last} cannot be read: {fault}", names.join(", "))
        }
        last => format!("model {} cannot be read: {fault}", last.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
