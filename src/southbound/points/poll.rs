//! Reading the points over a line, part by part.

use super::codec::{decode, exponent};
use super::readings::{Sample, readings};
use super::{Entry, Points, Value};
use crate::der::Reading;
use crate::device_map::registers::RegisterTable;
use crate::southbound::aggregate::reading_of;
use crate::southbound::modbus::{BusError, Exception, Line, Turn};
use jiff::Timestamp;
use tokio::time::Instant;

/// Reads registers of either table: in a turn, or without one before the reads of other units. A connection that the
/// device closed while it was idle is made again once.
///
/// # Errors
/// See [`BusError`].
pub async fn read_registers<'a>(
    line: &Line<'a>,
    turn: Option<Turn<'a>>,
    table: RegisterTable,
    address: u16,
    quantity: u16,
) -> Result<Vec<u16>, BusError> {
    let first = match (table, turn) {
        (RegisterTable::Holding, Some(turn)) => line.read_in(turn, address, quantity).await,
        (RegisterTable::Input, Some(turn)) => line.read_input_in(turn, address, quantity).await,
        (table, None) => at_once(line, table, address, quantity).await,
    };
    match first {
        Err(BusError::Closed) => at_once(line, table, address, quantity).await,
        result => result,
    }
}

async fn at_once(
    line: &Line<'_>,
    table: RegisterTable,
    address: u16,
    quantity: u16,
) -> Result<Vec<u16>, BusError> {
    match table {
        RegisterTable::Holding => line.read_first(address, quantity).await,
        RegisterTable::Input => line.read_input(address, quantity).await,
    }
}

impl Points {
    /// Begins a poll: marks what it reads.
    pub fn begin(&mut self) {
        self.polls += 1;
        self.plan.begin();
        for part in self.plan.parts.iter().filter(|part| part.due) {
            for entry in part.points.iter().copied() {
                if let Some(entry) = self.entries.get_mut(entry) {
                    entry.asked_in = self.polls;
                }
            }
        }
    }

    /// True if the poll under way has something left to read.
    #[must_use]
    pub fn unread(&self) -> bool {
        self.plan.next_due().is_some()
    }

    /// Reads the next part of the poll under way. What the device refuses is noted; a part of the poll that got no
    /// answer is an error only if nothing else in it was answered.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn read_next<'a>(&mut self, line: &Line<'a>, turn: Turn<'a>) -> Result<(), BusError> {
        let Some(place) = self.plan.next_due() else { return Ok(()) };
        let Some(part) = self.plan.parts.get(place) else { return Ok(()) };
        let (address, points) = (part.address, part.points.clone());
        let asked_at = Timestamp::now();
        let error = match read_registers(line, Some(turn), part.table, address, part.quantity).await {
            Ok(words) => {
                self.plan.answered(place);
                self.take(&points, address, &words, asked_at);
                return Ok(());
            }
            Err(error) => error,
        };
        match error.exception() {
            Some(Exception::ILLEGAL_ADDRESS | Exception::ILLEGAL_VALUE) => {
                self.plan.refused(place, &self.map.registers);
            }
            Some(exception) if !exception.unit_missing() => self.plan.failed(place, error.to_string()),
            // One part that gets no answer while its neighbours do is not the whole device. The first part of a device
            // that is being found may be such a one.
            None if matches!(error, BusError::TimedOut(_)) && self.others_answer(place) => {
                self.plan.silent(place, error.to_string());
            }
            _ => return Err(error),
        }
        Ok(())
    }

    /// True if other parts were answered in this poll, or may be: none was asked for yet since the device was found.
    fn others_answer(&mut self, place: usize) -> bool {
        let known = self.plan.parts.get(place).is_some_and(|part| part.known);
        let first = std::mem::replace(&mut self.silent_in, self.polls) != self.polls;
        self.beside
            || self.answered_now()
            || (first && !known && self.plan.parts.iter().filter(|p| p.due).count() > 1)
    }

    fn answered_now(&self) -> bool {
        self.entries.iter().any(|entry| entry.answered_in == self.polls)
    }

    /// Ends a poll: what it says. `begun_at` dates what is missing from it.
    pub fn finish(&mut self, begun_at: Timestamp) -> Vec<Reading> {
        self.decode_all();
        let fresh = |place: usize| {
            let entry = self.entries.get(place).filter(|entry| entry.answered_in == self.polls)?;
            Some(Sample { value: entry.value.clone()?, at: entry.asked_at })
        };
        let registers = &self.map.registers;
        let mut readings = readings(registers, &fresh);
        let asked = |quantity| {
            registers.points.iter().zip(&self.entries).any(|(point, entry)| {
                entry.asked_in == self.polls
                    && point.quantity.is_some_and(|(q, _)| reading_of(q) == Some(quantity))
            })
        };
        self.reported.complete(&mut readings, &asked, begun_at);
        readings
    }

    /// A whole poll at once, for a driver that has other things to read too. Other units get in between its reads.
    ///
    /// # Errors
    /// The device does not answer.
    pub async fn poll(&mut self, line: &Line<'_>) -> Result<Vec<Reading>, BusError> {
        let begun_at = Timestamp::now();
        self.begin();
        while self.unread() {
            let turn = line.turn().await;
            self.read_next(line, turn).await?;
        }
        Ok(self.finish(begun_at))
    }

    /// Takes the registers of a part.
    fn take(&mut self, points: &[usize], address: u16, words: &[u16], asked_at: Timestamp) {
        self.reads += 1;
        for place in points {
            let Some((point, entry)) =
                self.map.registers.points.get(*place).zip(self.entries.get_mut(*place))
            else {
                continue;
            };
            let from = usize::from(point.address.saturating_sub(address));
            let to = from + usize::from(point.kind.registers());
            entry.words = words.get(from..to).unwrap_or_default().to_vec();
            entry.asked_at = asked_at;
            entry.read_at = Some(Instant::now());
            entry.read = self.reads;
            entry.answered_in = self.polls;
        }
    }

    /// Makes values of the registers that this poll read.
    fn decode_all(&mut self) {
        let now = self.polls;
        for place in 0..self.entries.len() {
            if self.entries.get(place).is_some_and(|entry| entry.answered_in == now) {
                self.decode_one(place);
            }
        }
    }

    /// Makes a value of the registers of one point.
    pub(super) fn decode_one(&mut self, place: usize) {
        let Some(point) = self.point(place) else { return };
        let Some(entry) = self.entries.get(place) else { return };
        let (value, by) = match &point.scale_from {
            None => (decode(point, &entry.words, Some(0)), None),
            Some(scale) => match self.scale_for(entry, scale) {
                Ok(by) => (decode(point, &entry.words, Some(by)), Some(by)),
                Err((why, by)) => match decode(point, &entry.words, None) {
                    Value::Bad(_) => (Value::Bad(why), by),
                    other => (other, by),
                },
            },
        };
        if let Some(entry) = self.entries.get_mut(place) {
            entry.value = Some(value);
            entry.exponent = by;
        }
    }

    /// The power of ten of a value that was just read, or why there is none, with what the scale says now.
    fn scale_for(&self, value: &Entry, scale: &str) -> Result<i32, (&'static str, Option<i32>)> {
        let unknown = ("its scale was not read with it", None);
        let place = self.place(scale).ok_or(unknown)?;
        let (point, entry) = self.point(place).zip(self.entries.get(place)).ok_or(unknown)?;
        if entry.answered_in != value.answered_in {
            return Err(unknown);
        }
        let by = exponent(&decode(point, &entry.words, Some(0)))
            .ok_or(("its scale is not a whole number from -10 to 10", None))?;
        // Read apart, it may have changed between the two reads; the next poll knows.
        if entry.read != value.read && value.exponent.is_some_and(|before| before != by) {
            return Err(("its scale changed while it was read", Some(by)));
        }
        Ok(by)
    }
}

#[cfg(test)]
mod tests;
