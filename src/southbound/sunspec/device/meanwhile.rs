//! What a device goes on with while it adopts a curve set, which takes up to ten seconds: it is measured, so that the core
//! does not take it for silent, and the heartbeat goes on.
//!
//! It sends no commands and judges no effects: those wait for the end of the adoption.

use super::{Device, Trouble};
use crate::core::port::{Poll, Report};
use crate::southbound::sunspec::execute::Meanwhile;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

impl Meanwhile for Device<'_> {
    async fn pass(&mut self) -> bool {
        self.beat().await;
        self.glance().await;
        !self.moved
    }
}

impl Device<'_> {
    /// Reads what is read in each poll, if a poll is due. A failure is not counted: the next poll will see.
    async fn glance(&mut self) {
        let began = Instant::now();
        let due = self.due_now(&[], began);
        let last = |place: &usize| self.blocks.list.get(*place).and_then(|b| b.tried_at);
        if due.iter().filter_map(last).max().is_none_or(|at| began - at < self.settings.poll) {
            return;
        }
        let begun_at = Timestamp::now();
        let mut fresh = Vec::with_capacity(due.len());
        for place in due {
            let turn = self.line.turn().await;
            match self.read_block(place, Some(turn)).await {
                Ok(true) => fresh.push(place),
                Err(Trouble::Moved(_)) => {
                    self.moved = true;
                    return;
                }
                // What is missing would pass for invalid.
                Ok(false) | Err(_) => return,
            }
        }
        let readings = self.gather(&fresh, begun_at);
        let poll = Poll { readings, lateness: Duration::ZERO, took: began.elapsed() };
        self.port.reports.send(Report::Poll(poll)).await;
        self.life.answered();
    }
}
