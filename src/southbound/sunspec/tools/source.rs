//! Where the tools get registers from: a device on a line, or a recording of one.

use super::Recording;
use crate::device_map::registers::RegisterTable;
use crate::southbound::modbus::{BusError, Exception, Line};
use std::time::Duration;
use tokio::time::{sleep, sleep_until};

/// Waits before a busy device is asked again.
const BUSY: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// Registers of a device.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// The device itself.
    Line(Line<'a>),
    /// What was recorded of it.
    Recording(&'a Recording),
}

impl Source<'_> {
    /// Reads holding registers. A device that is busy or silent once is asked again.
    ///
    /// # Errors
    /// As the line's; a register that was not recorded reads as one that the device does not have.
    pub async fn read(&self, address: u16, quantity: u16) -> Result<Vec<u16>, BusError> {
        self.read_table(RegisterTable::Holding, address, quantity).await
    }

    /// Reads registers of a table.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub async fn read_table(
        &self,
        table: RegisterTable,
        address: u16,
        quantity: u16,
    ) -> Result<Vec<u16>, BusError> {
        match self {
            Self::Line(line) => patient(line, table, address, quantity).await,
            Self::Recording(recording) => match table {
                RegisterTable::Holding => recording.read(address, quantity),
                RegisterTable::Input => recording.read_input(address, quantity),
            }
            .ok_or(BusError::Refused(Exception::ILLEGAL_ADDRESS)),
        }
    }
}

async fn once(
    line: &Line<'_>,
    table: RegisterTable,
    address: u16,
    quantity: u16,
) -> Result<Vec<u16>, BusError> {
    if let Some(at) = line.retry_at().await {
        sleep_until(at).await;
    }
    match table {
        RegisterTable::Holding => line.read(address, quantity).await,
        RegisterTable::Input => line.read_input(address, quantity).await,
    }
}

async fn patient(
    line: &Line<'_>,
    table: RegisterTable,
    address: u16,
    quantity: u16,
) -> Result<Vec<u16>, BusError> {
    let mut pauses = BUSY.into_iter();
    let mut again = true;
    loop {
        let error = match once(line, table, address, quantity).await {
            Ok(words) => return Ok(words),
            Err(error) => error,
        };
        match error {
            BusError::Refused(Exception::ACKNOWLEDGE | Exception::BUSY) => match pauses.next() {
                Some(pause) => sleep(pause).await,
                None => return Err(error),
            },
            BusError::TimedOut(_) | BusError::Closed | BusError::BadAnswer(_) if again => again = false,
            _ => return Err(error),
        }
    }
}
