//! One device: finds out whether it is what its map says, polls it by deadline, carries out its commands, says how it
//! stands.
//!
//! It shares its connection with other devices through its [`Line`] and knows nothing of them.

use super::identify::{Stranger, identify};
use crate::backoff::Backoff;
use crate::core::port::{DriverPort, PendingCommand, Poll, Report};
use crate::der::{DeviceState, Outcome, ReadBack, Reading, Setpoint};
use crate::southbound::DeviceSettings;
use crate::southbound::life::{Life, refusing, wait_until};
use crate::southbound::modbus::{BusError, Line};
use crate::southbound::pace::phase;
use crate::southbound::points::{Ask, Points};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// First discoveries are spread over the poll period, but over no more than this.
const MAX_SPREAD: Duration = Duration::from_secs(5);

/// One device as its driver knows it.
pub struct Device<'a> {
    pub(super) settings: &'a DeviceSettings,
    pub(super) port: &'a DriverPort,
    pub(super) line: Line<'a>,
    pub(super) stop: &'a CancellationToken,
    pub(super) points: Points,
    pub(super) life: Life<'a>,
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
        let mut points = Points::new(settings.map.clone());
        if let Some(record) = &settings.record {
            points.recall(&record.notes);
        }
        Self { settings, port, line, stop, points, life: Life::new(settings, port), unrepeated: None }
    }

    /// Runs until the gateway stops.
    pub async fn run(mut self) {
        let begun = Instant::now();
        let place = self.settings.index.get();
        self.life.say(DeviceState::Discovering, String::new()).await;
        if self.wait_until(begun + phase(place, self.settings.poll.min(MAX_SPREAD))).await {
            return;
        }
        let anchor = begun + phase(place, self.settings.poll);
        let mut backoff = Backoff::field();
        self.life.begin();
        loop {
            let (port, lost) = (self.port, self.life.is_lost());
            match refusing(port, lost, self.find_out()).await {
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

    async fn wait_until(&self, at: Instant) -> bool {
        wait_until(at, self.port, self.life.is_lost(), self.stop).await
    }

    /// Recognises the device, reads everything once and introduces it.
    async fn find_out(&mut self) -> Result<(), Trouble> {
        identify(&self.line, &self.settings.map).await.map_err(|stranger| match stranger {
            Stranger::Bus(error) => Trouble::Bus(error),
            Stranger::Other(words) => Trouble::Other(words),
        })?;
        self.points.restart();
        let began = Instant::now();
        let mut readings = self.read_everything().await.map_err(Trouble::Bus)?;
        self.life.answered();
        self.introduce(&mut readings).await;
        // What is read seldom is told now, not when its turn comes again.
        let poll = Poll { readings, lateness: Duration::ZERO, took: began.elapsed() };
        self.port.reports.send(Report::Poll(poll)).await;
        Ok(())
    }

    /// Tells the core who the device is and what it can do; judges what it measures by that.
    async fn introduce(&mut self, readings: &mut [Reading]) {
        let plate = self.points.nameplate();
        if self.life.check_serial(plate.serial.as_deref()) {
            self.points.stop_refreshing();
        }
        self.life.say_found(plate, &self.settings.map.id, None).await;
        self.refresh_capability().await;
        self.life.remember(self.points.notes()).await;
        self.life.judge(readings, self.points.stores_nothing());
        self.say_state().await;
    }

    /// Works out what the device can be asked for, and tells the core if that changed.
    pub(super) async fn refresh_capability(&mut self) {
        self.life.say_capability(self.points.capability()).await;
    }

    /// Online, or what is missing.
    pub(super) async fn say_state(&mut self) {
        self.life.say_wrong(&self.points.faults()).await;
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
        let outcome = match self.life.refusal() {
            Some(refusal) => refusal,
            None => match self.points.command(&self.line, &ask).await {
                Some(outcome) => outcome,
                None => self.nothing_to_do(&command.setpoint),
            },
        };
        self.life.log_outcome(&command.setpoint, &outcome);
        // Before anybody relies on it.
        self.life.remember(self.points.notes()).await;
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

    /// Counts a failure, and says so: beside how the device stands, or as the reason why it counts as lost.
    pub(super) async fn failed(&mut self, trouble: &Trouble) {
        self.life.failed_by(matches!(trouble, Trouble::Bus(BusError::Connect(fault)) if fault.is_refusal()));
        let (words, definite) = match trouble {
            Trouble::Bus(error) => (error.to_string(), false),
            Trouble::Other(words) => (words.clone(), true),
        };
        if self.is_lost() || definite {
            self.life.gone(DeviceState::CommLost, words).await;
        } else {
            self.life.say_silence(&words).await;
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.life.silent_too_long(self.settings.map.link.lost_after)
    }
}
