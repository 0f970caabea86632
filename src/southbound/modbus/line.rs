//! Several units behind one connection: one request at a time, commands before reads.
//!
//! A read waits for its turn behind the reads of the other units. A command does not: it waits for the request under
//! way and for nothing else, so between any two reads a command gets in.

use super::bus::Bus;
use super::{BusError, Endpoint, Peer};
use crate::southbound::tls::Role;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::time::{Instant, sleep_until};

/// A connection is not looked after more often.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);

/// A connection that several devices use.
pub struct SharedBus {
    /// Held by the one read that stands before the bus: at most one read is ahead of a command.
    gate: Mutex<()>,
    bus: Mutex<Bus>,
    /// The role in our certificate, if the connection is over TLS.
    role: Option<Role>,
    /// Told once the connection is to be kept up.
    proof: Arc<Notify>,
}

/// One unit's access to a shared connection.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    shared: &'a SharedBus,
    /// The unit.
    pub peer: Peer,
}

/// The right to send the next read.
pub struct Turn<'a>(#[expect(dead_code, reason = "held for its drop")] MutexGuard<'a, ()>);

impl SharedBus {
    /// A connection that is made at the first request.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        let role = endpoint.client().map(|client| client.role().clone());
        Self::of(Bus::new(endpoint), role)
    }

    /// A shared bus over a bus that is made already.
    #[cfg(any(test, fuzzing))]
    pub fn over(bus: Bus) -> Self {
        Self::of(bus, None)
    }

    fn of(bus: Bus, role: Option<Role>) -> Self {
        let proof = bus.proof();
        Self { gate: Mutex::new(()), bus: Mutex::new(bus), role, proof }
    }

    /// Keeps a connection up that its device closes when it is idle for long; never returns.
    pub async fn keep_alive(&self) {
        self.proof.notified().await;
        loop {
            let mut bus = self.bus.lock().await;
            let Some((limit, since)) = bus.idle() else { return std::future::pending().await };
            let half = limit / 2;
            let due = since.unwrap_or_else(Instant::now) + half;
            if Instant::now() >= due {
                bus.keep_alive().await;
            }
            drop(bus);
            sleep_until(due.max(Instant::now() + half.min(SHORTEST_SLEEP))).await;
        }
    }

    /// One unit's access to it.
    #[must_use]
    pub const fn line(&self, peer: Peer) -> Line<'_> {
        Line { shared: self, peer }
    }
}

impl<'a> Line<'a> {
    /// Waits until this unit may send a read. May be given up at any time.
    pub async fn turn(&self) -> Turn<'a> {
        Turn(self.shared.gate.lock().await)
    }

    /// The right to send a read, if no other unit waits for it.
    pub fn try_turn(&self) -> Option<Turn<'a>> {
        self.shared.gate.try_lock().ok().map(Turn)
    }

    /// Reads registers in a turn.
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn read_in(&self, turn: Turn<'a>, address: u16, quantity: u16) -> Result<Vec<u16>, BusError> {
        let result = self.shared.bus.lock().await.read(&self.peer, address, quantity).await;
        drop(turn);
        result
    }

    /// Reads registers behind the reads of other units.
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn read(&self, address: u16, quantity: u16) -> Result<Vec<u16>, BusError> {
        let turn = self.turn().await;
        self.read_in(turn, address, quantity).await
    }

    /// Reads registers before the reads of other units, as a part of a command.
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn read_first(&self, address: u16, quantity: u16) -> Result<Vec<u16>, BusError> {
        self.shared.bus.lock().await.read(&self.peer, address, quantity).await
    }

    /// Reads input registers in a turn.
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn read_input_in(
        &self,
        turn: Turn<'a>,
        address: u16,
        quantity: u16,
    ) -> Result<Vec<u16>, BusError> {
        let result = self.read_input(address, quantity).await;
        drop(turn);
        result
    }

    /// Reads input registers before the reads of other units, as a part of a command.
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn read_input(&self, address: u16, quantity: u16) -> Result<Vec<u16>, BusError> {
        self.shared.bus.lock().await.read_input(&self.peer, address, quantity).await
    }

    /// Writes registers with FC 16.
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn write(&self, address: u16, words: &[u16]) -> Result<(), BusError> {
        self.shared.bus.lock().await.write(&self.peer, address, words).await
    }

    /// Writes one register with FC 6.
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn write_single(&self, address: u16, word: u16) -> Result<(), BusError> {
        self.shared.bus.lock().await.write_single(&self.peer, address, word).await
    }

    /// The role in our certificate, if this goes over TLS. Exception 1 then means that this role may not do it
    /// (Modbus/TCP Security), not that the device lacks the function.
    #[must_use]
    pub const fn role(&self) -> Option<&'a Role> {
        self.shared.role.as_ref()
    }

    /// When a connection will be tried again for this unit; `None` if nothing stands against it now.
    pub async fn retry_at(&self) -> Option<Instant> {
        self.shared.bus.lock().await.retry_at(self.peer.unit)
    }
}

#[cfg(test)]
mod tests;
