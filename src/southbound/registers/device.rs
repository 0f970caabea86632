//! One device: finds out whether it is what its map says, polls it by deadline, carries out its commands, says how it
//! stands.
//!
//! It shares its connection with other devices through its [`Line`] and knows nothing of them.

use super::identify::{Stranger, identify};
use crate::backoff::Backoff;
use crate::core::port::{DeviceRecord, DriverPort, PendingCommand, Poll, Report};
use crate::der::{Capability, DeviceState, Outcome, ReadBack, Setpoint};
use crate::southbound::DeviceSettings;
use crate::southbound::manners::{another_device, log_state};
use crate::southbound::modbus::{BusError, Line};
use crate::southbound::pace::phase;
use crate::southbound::points::{Ask, Points};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Failed polls after which a device counts as lost.
const LOST_AFTER_POLLS: u32 = 3;
/// First discoveries are spread over the poll period, but over no more than this.
const MAX_SPREAD: Duration = Duration::from_secs(5);

/// One device as its driver knows it.
pub struct Device<'a> {
    pub(super) settings: &'a DeviceSettings,
    pub(super) port: &'a DriverPort,
    pub(super) line: Line<'a>,
    pub(super) stop: &'a CancellationToken,
    pub(super) points: Points,
    state: DeviceState,
    reason: String,
    capability: Option<Capability>,
    /// Serial number of the device that belongs here.
    serial: Option<String>,
    identity_changed: Option<String>,
    /// What the core was last asked to remember.
    record: DeviceRecord,
    failures: u32,
    answered_at: Instant,
    /// Why a setpoint could not be repeated, as the log has it.
    pub(super) unrepeated: Option<String>,
}

/// Why something could not be read.
pub(super) enum Trouble {
    /// It does not answer.
    Bus(BusError),
    /// It answers, and waiting will not change what.
    Other(String),
}

/// How polling ended.
pub(super) enum End {
    Stop,
    Lost,
}

impl<'a> Device<'a> {
    /// A device of which nothing is known yet.
    #[must_use]
    pub fn new(
        settings: &'a DeviceSettings,
        port: &'a DriverPort,
        line: Line<'a>,
        stop: &'a CancellationToken,
    ) -> Self {
        let record = settings.record.clone().unwrap_or_default();
        let mut points = Points::new(settings.map.clone());
        points.recall(&record.notes);
        Self {
            settings,
            port,
            line,
            stop,
            points,
            state: DeviceState::Unknown,
            reason: String::new(),
            capability: None,
            serial: settings.serial.clone().or_else(|| record.serial.clone()),
            identity_changed: None,
            record,
            failures: 0,
            answered_at: Instant::now(),
            unrepeated: None,
        }
    }

    /// Runs until the gateway stops.
    pub async fn run(mut self) {
        let begun = Instant::now();
        let place = self.settings.index.get();
        self.set_state(DeviceState::Discovering, String::new()).await;
        if self.wait_until(begun + phase(place, self.settings.poll.min(MAX_SPREAD))).await {
            return;
        }
        let anchor = begun + phase(place, self.settings.poll);
        let mut backoff = Backoff::field();
        self.answered_at = Instant::now();
        loop {
            match self.find_out_refusing().await {
                Ok(()) => {
                    backoff.reset();
                    if matches!(self.poll_on(anchor).await, End::Stop) {
                        return;
                    }
                }
                Err(trouble) => self.failed(&trouble).await,
            }
            if self.wait_out(&mut backoff).await {
                return;
            }
        }
    }

    /// Waits after a failure. True if the gateway is stopping.
    async fn wait_out(&mut self, backoff: &mut Backoff) -> bool {
        let own = Instant::now() + backoff.next_delay();
        let at = self.line.retry_at().await.map_or(own, |bus| bus.max(own));
        self.wait_until(at).await
    }

    /// Waits; commands to a lost device end at once, others wait with it. True if the gateway is stopping.
    async fn wait_until(&mut self, at: Instant) -> bool {
        let lost = self.state == DeviceState::CommLost;
        tokio::select! {
            () = self.stop.cancelled() => true,
            () = sleep_until(at) => false,
            () = refuse_all(self.port), if lost => false,
        }
    }

    /// Finds out what the device is; while it counts as lost, its commands end meanwhile.
    async fn find_out_refusing(&mut self) -> Result<(), Trouble> {
        let (port, lost) = (self.port, self.state == DeviceState::CommLost);
        tokio::select! {
            result = self.find_out() => result,
            () = refuse_all(port), if lost => Ok(()),
        }
    }

    /// Recognises the device, reads everything once and introduces it.
    async fn find_out(&mut self) -> Result<(), Trouble> {
        identify(&self.line, &self.settings.map).await.map_err(|stranger| match stranger {
            Stranger::Bus(error) => Trouble::Bus(error),
            Stranger::Other(words) => Trouble::Other(words),
        })?;
        self.points.restart();
        let began = Instant::now();
        let readings = self.read_everything().await.map_err(Trouble::Bus)?;
        self.answered();
        self.introduce().await;
        // What is read seldom is told now, not when its turn comes again.
        let poll = Poll { readings, lateness: Duration::ZERO, took: began.elapsed() };
        self.port.reports.send(Report::Poll(poll)).await;
        Ok(())
    }

    /// Tells the core who the device is and what it can do.
    async fn introduce(&mut self) {
        let plate = self.points.nameplate();
        self.check_identity(plate.serial.as_deref());
        tracing::info!(
            device = self.settings.name,
            maker = plate.manufacturer,
            model = plate.model,
            serial = plate.serial,
            map = self.settings.map.id,
            "device found"
        );
        self.port.reports.send(Report::Map(self.settings.map.id.as_str().into())).await;
        self.port.reports.send(Report::Nameplate(Box::new(plate))).await;
        self.capability = None;
        self.refresh_capability().await;
        self.remember().await;
        self.say_state().await;
    }

    /// Another serial number is another device: it is read, but what was asked of the old one is not asked of it.
    fn check_identity(&mut self, serial: Option<&str>) {
        let Some(serial) = serial else { return };
        match &self.serial {
            None => self.serial = Some(serial.to_owned()),
            Some(known) if known == serial => self.identity_changed = None,
            Some(known) => {
                self.points.stop_refreshing();
                self.identity_changed = Some(another_device(serial, known, self.settings.serial.is_some()));
            }
        }
    }

    /// Works out what the device can be asked for, and tells the core if that changed.
    pub(super) async fn refresh_capability(&mut self) {
        let now = self.points.capability();
        if self.capability != Some(now) {
            self.capability = Some(now);
            self.port.reports.send(Report::Capability(now)).await;
        }
    }

    /// Lets the core keep what a later run must know: whose device this is, and what it may hold of ours.
    async fn remember(&mut self) {
        // A device in another's place is not remembered.
        if self.identity_changed.is_some() {
            return;
        }
        let record = DeviceRecord { serial: self.serial.clone(), notes: self.points.notes() };
        if record != self.record {
            self.record = record.clone();
            self.port.reports.send(Report::Remember(record)).await;
        }
    }

    /// Online, or what is missing.
    pub(super) async fn say_state(&mut self) {
        if let Some(words) = self.identity_changed.clone() {
            return self.set_state(DeviceState::IdentityChanged, words).await;
        }
        let faults = self.points.faults();
        let state = if faults.is_empty() { DeviceState::Online } else { DeviceState::Degraded };
        self.set_state(state, faults.join("; ")).await;
    }

    /// Carries out a command and tells the core how it ended.
    pub(super) async fn command(&mut self, pending: PendingCommand) {
        let command = pending.command().clone();
        let ask = Ask {
            setpoint: &command.setpoint,
            hold: command.hold,
            expires_at: command.expires_at,
            sunspec: &|_| None,
        };
        let outcome = match self.state {
            DeviceState::CommLost => Outcome::Unreachable,
            DeviceState::IdentityChanged => Outcome::Refused(self.reason.clone()),
            _ => match self.points.command(&self.line, &ask).await {
                Some(outcome) => outcome,
                None => self.nothing_to_do(&command.setpoint),
            },
        };
        let (device, asked) = (&self.settings.name, &command.setpoint);
        match &outcome {
            Outcome::Applied(_) => tracing::debug!(device, %asked, "command applied"),
            // The core says it aloud, once.
            Outcome::Refused(reason) | Outcome::NotKept(reason) => {
                tracing::debug!(device, %asked, reason, outcome = outcome.name(), "command failed");
            }
            other => tracing::warn!(device, %asked, outcome = other.name(), "command failed"),
        }
        // Before anybody relies on it.
        self.remember().await;
        pending.finish(outcome);
    }

    fn nothing_to_do(&self, setpoint: &Setpoint) -> Outcome {
        if setpoint.control().is_none() {
            return Outcome::Applied(ReadBack {
                active_power: None,
                bounded: false,
                verified: true,
                doubt: None,
            });
        }
        let map = &self.settings.map.id;
        Outcome::Refused(format!("cannot {setpoint}: the map {map} has no command for it"))
    }

    /// Counts a failure and says so when the device counts as lost.
    pub(super) async fn failed(&mut self, trouble: &Trouble) {
        self.failures += 1;
        let (words, definite) = match trouble {
            Trouble::Bus(error) => (error.to_string(), false),
            Trouble::Other(words) => (words.clone(), true),
        };
        if self.is_lost() || definite {
            self.set_state(DeviceState::CommLost, words).await;
            self.port.commands.finish_all(&Outcome::Unreachable);
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.failures >= LOST_AFTER_POLLS || self.answered_at.elapsed() >= self.settings.map.link.lost_after
    }

    pub(super) fn answered(&mut self) {
        self.failures = 0;
        self.answered_at = Instant::now();
    }

    async fn set_state(&mut self, state: DeviceState, reason: String) {
        if (self.state, &self.reason) == (state, &reason) {
            return;
        }
        log_state(&self.settings.name, self.state, state, &reason);
        self.state = state;
        self.reason.clone_from(&reason);
        self.port.reports.send(Report::State { state, reason }).await;
    }
}

/// Ends every command as it comes; never returns.
async fn refuse_all(port: &DriverPort) {
    loop {
        port.commands.next().await.finish(Outcome::Unreachable);
    }
}
