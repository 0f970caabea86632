//! Polling by deadline. Missed deadlines are skipped, never made up for; commands go first, then what the device would
//! forget.

use super::device::{Device, End, Trouble};
use crate::core::port::{Poll, Report};
use crate::der::Reading;
use crate::southbound::modbus::{BusError, Turn};
use crate::southbound::pace::{is_due, next_due};
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

impl<'a> Device<'a> {
    /// Polls until the gateway stops or the device is lost.
    pub(super) async fn poll_on(&mut self, anchor: Instant) -> End {
        let mut due = Instant::now();
        loop {
            while !is_due(due) || self.port.commands.waiting() || self.stop.is_cancelled() {
                let refresh = self.points.next_refresh();
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => return End::Stop,
                    pending = self.port.commands.next() => self.command(pending).await,
                    () = sleep_until(refresh.unwrap_or(due)), if refresh.is_some() => self.refresh().await,
                    () = sleep_until(due) => break,
                }
            }
            self.refresh().await;
            match self.poll(due).await {
                Ok(()) => {}
                Err(error) => {
                    self.failed(&Trouble::Bus(error)).await;
                    if self.is_lost() {
                        return End::Lost;
                    }
                }
            }
            due = next_due(anchor, self.settings.poll, Instant::now());
        }
    }

    /// Repeats what the device would forget. A failure shows itself in the next poll or in the measurements.
    async fn refresh(&mut self) {
        if !self.points.next_refresh().is_some_and(is_due) {
            return;
        }
        let fault = self.points.refresh(&self.line).await.err();
        if fault.is_some() && fault != self.unrepeated {
            tracing::warn!(device = self.settings.name, reason = fault, "a setpoint could not be repeated");
        }
        self.unrepeated = fault;
    }

    async fn poll(&mut self, due: Instant) -> Result<(), BusError> {
        let (began, begun_at) = (Instant::now(), Timestamp::now());
        self.points.begin();
        while self.points.unread() {
            let turn = self.turn_after_commands().await;
            self.points.read_next(&self.line, turn).await?;
        }
        let mut readings = self.points.finish(begun_at);
        self.life.judge(&mut readings, self.points.stores_nothing());
        let effects = self.points.effects(&readings);
        let lateness = began.saturating_duration_since(due);
        self.port.reports.send(Report::Poll(Poll { readings, lateness, took: began.elapsed() })).await;
        self.life.say_effects(effects).await;
        self.life.answered();
        self.refresh_capability().await;
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

    /// Reads everything once, in turn: finding out what one unit is does not hold up the polls and commands of others.
    pub(super) async fn read_everything(&mut self) -> Result<Vec<Reading>, BusError> {
        let begun_at = Timestamp::now();
        self.points.begin();
        while self.points.unread() {
            let turn = self.line.turn().await;
            self.points.read_next(&self.line, turn).await?;
        }
        Ok(self.points.finish(begun_at))
    }
}
