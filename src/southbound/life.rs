//! The life of a device as all drivers lead it: how it stands, told the core and the log in the same words and each thing once;
//! whether it is the device that belongs there; since when it is silent.
//!
//! It asks the device nothing, and decides neither what a device lacks nor when it counts as lost: that is its driver's matter.

use super::DeviceSettings;
use super::plausible::Plausible;
use crate::core::port::{DeviceRecord, DriverPort, Report};
use crate::der::{Capability, DeviceState, Effect, Nameplate, Outcome, Reading, Setpoint};
use jiff::Timestamp;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// A device whose connection is refused again and again counts as lost after so long, and after so many tries: that is a definite
/// word.
#[cfg(feature = "dnp3")]
pub const REFUSED_FOR: Duration = Duration::from_secs(2);
const REFUSED_TRIES: u32 = 2;
/// Failed polls after which a device that is asked poll by poll counts as lost.
const LOST_AFTER_POLLS: u32 = 3;

/// Why a device of which nothing was heard yet is as it is.
const FIRST: &str = "its first answer is waited for";

/// The life of one device.
pub struct Life<'a> {
    settings: &'a DeviceSettings,
    port: &'a DriverPort,
    state: DeviceState,
    /// What its driver says of it.
    words: String,
    /// What the core was told as the reason.
    told: String,
    /// Why it gives no usable answer, since it gives none.
    silence: Option<String>,
    /// What is to be known of it beside that, and is no fault.
    remark: String,
    failures: u32,
    /// Tries in a row of which the connection was refused.
    refusals: u32,
    /// When it answered last; before its first answer, since when one is waited for.
    answered_at: Instant,
    /// When it answered last, by the clock.
    heard: Option<Timestamp>,
    capability: Option<Capability>,
    /// Serial number of the device that belongs here: named by the configuration, or found here first.
    serial: Option<String>,
    /// Why the device that stands here is not the one that belongs here.
    stranger: Option<String>,
    /// What the core was last asked to remember.
    record: DeviceRecord,
    /// What was found, as the log has it; until it is lost.
    found: Option<(Nameplate, String, Option<u16>)>,
    /// What of its powers is not believed.
    plausible: Plausible,
}

impl<'a> Life<'a> {
    /// Of a device of which nothing is known yet.
    pub fn new(settings: &'a DeviceSettings, port: &'a DriverPort) -> Self {
        let record = settings.record.clone().unwrap_or_default();
        Self {
            settings,
            port,
            state: DeviceState::Unknown,
            words: String::new(),
            told: String::new(),
            silence: None,
            remark: String::new(),
            failures: 0,
            refusals: 0,
            answered_at: Instant::now(),
            heard: None,
            capability: None,
            serial: settings.serial.clone().or_else(|| record.serial.clone()),
            stranger: None,
            record,
            found: None,
            plausible: Plausible::default(),
        }
    }

    // ---- how it stands ----

    /// How it stands.
    pub const fn state(&self) -> DeviceState {
        self.state
    }

    /// True if it counts as lost.
    pub fn is_lost(&self) -> bool {
        self.state == DeviceState::CommLost
    }

    /// It stands like this, for this reason.
    pub async fn say(&mut self, state: DeviceState, words: String) {
        let before = std::mem::replace(&mut self.state, state);
        self.words = words;
        if before != state && matches!(state, DeviceState::CommLost | DeviceState::Asleep) {
            self.found = None;
        }
        self.tell(before).await;
    }

    /// Online, or degraded by what is wrong; but a device in another's place is that before anything else.
    pub async fn say_wrong(&mut self, wrong: &[String]) {
        if let Some(words) = self.stranger.clone() {
            return self.say(DeviceState::IdentityChanged, words).await;
        }
        let wrong: Vec<&str> = self.plausible.words().chain(wrong.iter().map(String::as_str)).collect();
        let state = if wrong.is_empty() { DeviceState::Online } else { DeviceState::Degraded };
        let words = wrong.join("; ");
        self.say(state, words).await;
    }

    /// Makes powers invalid that cannot be true of what it is rated for: that is said with what is wrong. `only_generates`: it
    /// says itself that it stores nothing. To be called with all that it measures, once, before anybody looks at that.
    pub fn judge(&mut self, readings: &mut [Reading], only_generates: bool) {
        let known = self.plausible.words().count();
        self.plausible.judge(readings, only_generates);
        for reason in self.plausible.words().skip(known) {
            tracing::warn!(device = self.settings.name, reason, "a power is not believed");
        }
    }

    /// No answer is to be expected: what it was asked ends, and it counts as lost, or asleep.
    pub async fn gone(&mut self, state: DeviceState, words: String) {
        self.say(state, words).await;
        self.port.commands.finish_all(&Outcome::Unreachable);
    }

    async fn tell(&mut self, before: DeviceState) {
        let reason = self.reason();
        if before == self.state && reason == self.told {
            return;
        }
        log_state(&self.settings.name, before, self.state, &reason);
        self.told.clone_from(&reason);
        self.port.reports.send(Report::State { state: self.state, reason }).await;
    }

    /// A device that is away has its silence as its reason already.
    fn reason(&self) -> String {
        let here = !matches!(self.state, DeviceState::CommLost | DeviceState::Asleep);
        let silence = self.silence.as_deref().filter(|_| here).unwrap_or_default();
        let remark = if here { self.remark.as_str() } else { "" };
        let first = silence.is_empty() && self.words.is_empty() && self.state == DeviceState::Discovering;
        let mut said = vec![silence, self.words.as_str(), remark, if first { FIRST } else { "" }];
        said.retain(|words| !words.is_empty());
        said.join("; ")
    }

    /// What is to be known of it beside how it stands, and is no fault; empty if there is nothing. It is told with what is said
    /// next, and once.
    #[cfg(feature = "dnp3")]
    pub fn remark(&mut self, words: &str) {
        if words != self.remark {
            let device = &self.settings.name;
            match words {
                "" => tracing::info!(device, "it is quick enough again"),
                _ => tracing::warn!(device, reason = words, "slow device"),
            }
            words.clone_into(&mut self.remark);
        }
    }

    // ---- answers and silence ----

    /// It has answered. That is told with what is said next.
    pub fn answered(&mut self) {
        self.failures = 0;
        self.refusals = 0;
        self.answered_at = Instant::now();
        self.heard = Some(Timestamp::now());
        self.silence = None;
    }

    /// It is asked from now on.
    pub fn begin(&mut self) {
        self.answered_at = Instant::now();
    }

    /// A try to read it has failed.
    pub fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// A try to read it has failed; `refused`: because its connection was refused.
    pub fn failed_by(&mut self, refused: bool) {
        self.failed();
        self.refusals = if refused { self.refusals.saturating_add(1) } else { 0 };
    }

    /// Tries in a row that have failed.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// When it answered last; before its first answer, since when one is waited for.
    pub const fn answered_at(&self) -> Instant {
        self.answered_at
    }

    /// True if a device that is asked poll by poll has been silent for so long that it counts as lost.
    pub fn silent_too_long(&self, lost_after: Duration) -> bool {
        let refused = self.refusals >= REFUSED_TRIES;
        refused || self.failures >= LOST_AFTER_POLLS || self.answered_at.elapsed() >= lost_after
    }

    /// True if its silence is among what is said of it.
    #[cfg(feature = "dnp3")]
    pub const fn is_silent(&self) -> bool {
        self.silence.is_some()
    }

    /// It gives no usable answer at the moment, and why: said beside how it stands, which that alone does not change. It names
    /// the moment and counts nothing, so that a silence is told once and not with every try.
    pub async fn say_silence(&mut self, why: &str) {
        self.silence = Some(match self.heard {
            Some(at) => format!("no usable answer since {at:.0}: {why}"),
            None => format!("no usable answer yet: {why}"),
        });
        self.tell(self.state).await;
    }

    // ---- who it is ----

    /// The serial number of the device that belongs here, if it is known.
    pub fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    /// Why the device that stands here is not the one that belongs here, in words.
    pub fn stranger(&self) -> Option<&str> {
        self.stranger.as_deref()
    }

    /// Another serial number is another device: it is read, but what was asked of the old one is not asked of it. True if
    /// this is one.
    pub fn check_serial(&mut self, serial: Option<&str>) -> bool {
        let Some(serial) = serial else { return false };
        match &self.serial {
            None => self.serial = Some(serial.to_owned()),
            Some(known) if known == serial => self.stranger = None,
            Some(known) => {
                self.stranger = Some(another_device(serial, known, self.settings.serial.is_some()));
                return true;
            }
        }
        false
    }

    /// Tells the core who it is; and the log, if that is not what was found before. What it can do is to be told anew.
    pub async fn say_found(&mut self, plate: Nameplate, map: &str, base: Option<u16>) {
        if self.is_new_find(&plate, map, base) {
            let Nameplate { manufacturer: maker, model, serial, .. } = &plate;
            tracing::info!(device = self.settings.name, maker, model, serial, map, base, "device found");
        }
        self.plausible.found(&plate, map);
        self.port.reports.send(Report::Map(map.into())).await;
        self.port.reports.send(Report::Nameplate(Box::new(plate))).await;
        self.capability = None;
    }

    /// True if this was not found before, or was lost since. A device is asked who it is after each restart and each new
    /// connection; that alone is no find.
    fn is_new_find(&mut self, plate: &Nameplate, map: &str, base: Option<u16>) -> bool {
        let now = Some((plate.clone(), map.to_owned(), base));
        let new = self.found != now;
        self.found = now;
        new
    }

    /// What it can be asked for, as the core knows it.
    pub const fn capability(&self) -> Option<Capability> {
        self.capability
    }

    /// Tells the core what it can be asked for, if that is something else than before.
    pub async fn say_capability(&mut self, now: Capability) {
        self.plausible.able(now);
        if self.capability != Some(now) {
            self.capability = Some(now);
            self.port.reports.send(Report::Capability(now)).await;
        }
    }

    /// Lets the core keep what a later run must know: whose device this is, and its driver's notes. A device in another's place
    /// is not remembered.
    pub async fn remember(&mut self, notes: String) {
        let record = DeviceRecord { serial: self.serial.clone(), notes };
        if self.stranger.is_none() && record != self.record {
            self.record = record.clone();
            self.port.reports.send(Report::Remember(record)).await;
        }
    }

    /// What the core was last asked to remember.
    #[cfg(feature = "dnp3")]
    pub fn into_record(self) -> DeviceRecord {
        self.record
    }

    // ---- its commands ----

    /// How a command ends at once that is not to be sent.
    pub fn refusal(&self) -> Option<Outcome> {
        match self.state {
            DeviceState::CommLost => Some(Outcome::Unreachable),
            DeviceState::IdentityChanged => Some(Outcome::Refused(self.words.clone())),
            _ => None,
        }
    }

    /// Tells the log how a command ended.
    pub fn log_outcome(&self, asked: &Setpoint, outcome: &Outcome) {
        let (device, ended) = (&self.settings.name, outcome.name());
        match outcome {
            Outcome::Applied(_) => tracing::debug!(device, %asked, "command applied"),
            // The core says it aloud, once.
            Outcome::Refused(reason) | Outcome::NotKept(reason) => {
                tracing::debug!(device, %asked, reason, outcome = ended, "command failed");
            }
            _ => tracing::warn!(device, %asked, outcome = ended, "command failed"),
        }
    }

    /// Tells what the measurements show of commands that were applied. The core says aloud what changes by it, once; the log has
    /// each finding here only for whoever looks closely: on a ramp there is one for every value.
    pub async fn say_effects(&self, effects: Vec<(Setpoint, Effect)>) {
        for (setpoint, effect) in effects {
            let (device, asked, shows) = (&self.settings.name, &setpoint, effect.name());
            let reason = match &effect {
                Effect::NoEffect(reason) => reason,
                Effect::Effective => "",
            };
            tracing::debug!(device, %asked, effect = shows, reason, "the measurements were compared");
            self.port.reports.send(Report::Effect { setpoint, effect }).await;
        }
    }
}

/// Waits. Commands wait with it; those to a device that is `away` end as they come. True if the gateway is stopping.
pub async fn wait_until(at: Instant, port: &DriverPort, away: bool, stop: &CancellationToken) -> bool {
    let wait = async {
        tokio::select! {
            () = stop.cancelled() => true,
            () = sleep_until(at) => false,
        }
    };
    refusing(port, away, wait).await
}

/// Does something to its end. Commands wait; those to a device that is `away` end as they come.
pub async fn refusing<T>(port: &DriverPort, away: bool, work: impl Future<Output = T>) -> T {
    tokio::select! {
        done = work => done,
        never = refuse_all(port), if away => match never {},
    }
}

/// Ends every command as it comes.
pub async fn refuse_all(port: &DriverPort) -> Infallible {
    loop {
        port.commands.next().await.finish(Outcome::Unreachable);
    }
}

/// Logs a change of state. What takes a device from its groups is a warning; coming and going otherwise is not, nor is the
/// night.
fn log_state(device: &str, before: DeviceState, state: DeviceState, reason: &str) {
    if before == state {
        return;
    }
    let gone = |state| matches!(state, DeviceState::CommLost | DeviceState::IdentityChanged);
    let (warns, before, state) = (gone(state) && !gone(before), before.name(), state.name());
    if warns {
        tracing::warn!(device, state, before, reason, "device state");
    } else {
        tracing::info!(device, state, before, reason, "device state");
    }
}

/// Why a device with another serial number than `known` is not written. `configured`: the configuration names `known`.
fn another_device(serial: &str, known: &str, configured: bool) -> String {
    let what = if configured {
        format!("its serial number is {serial}, the configuration names {known}")
    } else {
        format!("serial number changed from {known} to {serial}")
    };
    format!(
        "{what}: it is read but not written; to accept it, write serial = \"{serial}\" into the device's table of the configuration and restart the gateway"
    )
}

#[cfg(test)]
mod tests;
