//! Carries out a draft on a line: sends its writes, reads back, and says how it ended.
//!
//! It decides nothing about values. A write without an answer is never repeated before reading back.
//! (SunSpec reference 8, general algorithm, and 9.)

use super::codec::{Value, decode, say};
use super::draft::{Check, Write};
use super::poll::read_registers;
use crate::device_map::WriteFunction;
use crate::device_map::registers::{RegisterMap, RegisterPoint};
use crate::southbound::modbus::{BusError, Exception, Line};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two looks at what was written.
const LOOK_PAUSE: Duration = Duration::from_millis(300);
/// A map cannot keep its device from being polled for longer than this.
const LONGEST_LOOK: Duration = Duration::from_secs(30);
const BUSY_PAUSE: Duration = Duration::from_millis(500);
const BUSY_TRIES: usize = 5;
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// What a device has taught us about writing to it; kept while the driver runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Habits {
    /// Single registers are written with FC 6, since it refused FC 16.
    pub single_by_fc6: bool,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Written; and read back as written, if `verified`.
    Done { verified: bool },
    /// The device or the protocol said no.
    Refused(String),
    /// It took the write and holds something else.
    NotKept(String),
    /// No answer: what it holds is not known.
    TimedOut,
    /// There is no way to the device.
    Unreachable,
}

/// Where and how writes go.
pub struct Bench<'a> {
    /// The device.
    pub line: &'a Line<'a>,
    /// Its points.
    pub map: &'a RegisterMap,
    /// How registers are written.
    pub function: WriteFunction,
    /// Most registers in one write.
    pub max_write: u16,
}

enum Sent {
    All,
    Unknown,
    Refused(usize, String),
    Unreachable,
}

enum Kept {
    Yes { verified: bool },
    No(String),
    Silent,
}

impl Bench<'_> {
    /// Sends writes and reads back. Gives the end, and true if the device may hold something of it.
    pub async fn carry_out(
        &self,
        writes: &[Write],
        checks: &[Check],
        habits: &mut Habits,
        expires_at: Instant,
    ) -> (End, bool) {
        let mut silent = false;
        for _ in 0..2 {
            if silent && Instant::now() >= expires_at {
                break;
            }
            match self.send_all(writes, habits).await {
                Sent::All => silent = false,
                Sent::Unknown => silent = true,
                // What was written before the refused write stands, and has to be undone later.
                Sent::Refused(place, words) => return (End::Refused(words), silent || place > 0),
                Sent::Unreachable if silent => break,
                Sent::Unreachable => return (End::Unreachable, false),
            }
            match self.look(checks).await {
                // Without anything to compare, a write that got no answer stays unknown.
                Kept::Yes { verified: false } if silent => break,
                Kept::Yes { verified } => return (End::Done { verified }, true),
                Kept::Silent => break,
                Kept::No(words) if !silent => return (End::NotKept(words), true),
                Kept::No(_) => {}
            }
        }
        (End::TimedOut, true)
    }

    /// Sends writes once, as a repetition of what the device holds already.
    ///
    /// # Errors
    /// In words.
    pub async fn repeat(&self, writes: &[Write], habits: &mut Habits) -> Result<(), String> {
        match self.send_all(writes, habits).await {
            Sent::All => Ok(()),
            Sent::Refused(_, words) => Err(words),
            Sent::Unknown | Sent::Unreachable => Err("the device does not answer".to_owned()),
        }
    }

    /// Looks whether something stands already; `None` if that cannot be seen.
    pub async fn stands(&self, checks: &[Check]) -> Option<bool> {
        let now: Vec<Check> = checks.iter().map(|c| Check { within: Duration::ZERO, ..c.clone() }).collect();
        match self.look(&now).await {
            Kept::Yes { verified: true } => Some(true),
            Kept::No(_) => Some(false),
            Kept::Yes { verified: false } | Kept::Silent => None,
        }
    }

    async fn send_all(&self, writes: &[Write], habits: &mut Habits) -> Sent {
        for (place, write) in writes.iter().enumerate() {
            match self.send(write, habits).await {
                Ok(()) => {}
                Err(BusError::Refused(Exception::GATEWAY_PATH)) if place == 0 => return Sent::Unreachable,
                Err(BusError::Refused(e)) if e.unit_missing() => return Sent::Unknown,
                Err(BusError::Refused(exception)) => return Sent::Refused(place, refusal(write, exception)),
                Err(BusError::NotSent(why)) => return Sent::Refused(place, why.to_owned()),
                Err(BusError::Connect(_)) if place == 0 => return Sent::Unreachable,
                Err(_) => return Sent::Unknown,
            }
        }
        Sent::All
    }

    async fn send(&self, write: &Write, habits: &mut Habits) -> Result<(), BusError> {
        let (mut busy, mut failures) = (0, 0);
        loop {
            match self.send_once(write, habits).await {
                // Accepted and under way: the read-back will show it.
                Err(BusError::Refused(Exception::ACKNOWLEDGE)) => return Ok(()),
                Err(BusError::Refused(Exception::BUSY)) if busy < BUSY_TRIES => {
                    busy += 1;
                    sleep(BUSY_PAUSE).await;
                }
                Err(BusError::Refused(Exception::DEVICE_FAILURE)) if failures < 1 => {
                    failures += 1;
                    sleep(FAILURE_PAUSE).await;
                }
                result => return result,
            }
        }
    }

    async fn send_once(&self, write: &Write, habits: &mut Habits) -> Result<(), BusError> {
        if self.function == WriteFunction::Single {
            for (address, word) in (write.address..).zip(&write.registers) {
                self.line.write_single(address, *word).await?;
            }
            return Ok(());
        }
        if write.registers.len() > usize::from(self.max_write) {
            return Err(BusError::NotSent(
                "the device does not take so many registers in one write (max_write)",
            ));
        }
        let &[word] = write.registers.as_slice() else {
            return self.line.write(write.address, &write.registers).await;
        };
        if habits.single_by_fc6 {
            return self.line.write_single(write.address, word).await;
        }
        let first = self.line.write(write.address, &[word]).await;
        let wants_fc6 =
            matches!(first, Err(BusError::Refused(Exception::ILLEGAL_FUNCTION | Exception::ILLEGAL_ADDRESS)));
        if !wants_fc6 || self.function == WriteFunction::Multiple {
            return first;
        }
        // Some devices take a single register with FC 6 only. If that is refused too, the first answer stands.
        match self.line.write_single(write.address, word).await {
            Ok(()) => {
                habits.single_by_fc6 = true;
                tracing::info!(point = write.name, "single registers are written with FC 6 from now on");
                Ok(())
            }
            Err(BusError::Refused(_)) => first,
            Err(error) => Err(error),
        }
    }

    /// Reads back until everything stands as it must, each point for as long as the map gives it.
    async fn look(&self, checks: &[Check]) -> Kept {
        let begun = Instant::now();
        let mut left: Vec<&Check> = checks.iter().collect();
        let (mut seen, mut unseen) = (false, false);
        while let Some(check) = left.first().copied() {
            let result = self.look_once(check).await;
            match &result {
                Ok(None) => {
                    seen = true;
                    left.remove(0);
                    continue;
                }
                // What cannot be read back proves nothing.
                Err(BusError::Refused(exception)) if !exception.unit_missing() => {
                    unseen = true;
                    left.remove(0);
                    continue;
                }
                Ok(Some(_)) | Err(_) => {}
            }
            let end = begun + check.within.min(LONGEST_LOOK);
            let now = Instant::now();
            if now < end {
                sleep(LOOK_PAUSE.min(end - now)).await;
                continue;
            }
            return match result {
                Ok(Some(words)) => Kept::No(words),
                _ => Kept::Silent,
            };
        }
        Kept::Yes { verified: seen && !unseen }
    }

    /// `None` if the point stands as it must, else what stands there, in words.
    async fn look_once(&self, check: &Check) -> Result<Option<String>, BusError> {
        let Some((point, kept, shown)) = self.stand(check).await? else { return Ok(None) };
        let (wanted, name) = (say(point, check.expected), &point.name);
        Ok((!kept).then(|| format!("written, but the device kept {shown} instead of {wanted} in {name}")))
    }

    /// A point that must be read back, whether it stands as it must, and what stands there, in words. `None` if the map has
    /// no such point.
    ///
    /// # Errors
    /// As the line's.
    pub async fn stand(&self, check: &Check) -> Result<Option<(&RegisterPoint, bool, String)>, BusError> {
        let Some(point) = self.map.points.get(check.place) else { return Ok(None) };
        let words =
            read_registers(self.line, None, point.table, point.address, point.kind.registers()).await?;
        let stands = decode(point, &words, check.exponent);
        let kept = stands.number().is_some_and(|value| (value - check.expected).abs() <= check.tolerance);
        let shown = match &stands {
            Value::Number(value) => say(point, *value).into_owned(),
            Value::Text(text) => text.clone(),
            Value::Absent => "no value".to_owned(),
            Value::Bad(why) => format!("a value that cannot be used ({why})"),
        };
        Ok(Some((point, kept, shown)))
    }
}

/// What an exception to a write means to an operator.
fn refusal(write: &Write, exception: Exception) -> String {
    format!("writing {}: {} ({exception})", write.name, exception.of_a_write())
}
