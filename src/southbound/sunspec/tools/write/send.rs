//! Sends the frames of a plan one after another, and reads back what stands then.

use super::{Fate, Frame, WritePlan, WrittenPoint};
use crate::device_map::WriteFunction;
use crate::southbound::modbus::{BusError, Exception, Line};
use crate::southbound::sunspec::probe::ProbeError;
use crate::southbound::sunspec::tools::{Session, Source};
use std::time::Duration;
use tokio::time::sleep;

/// A device shows what was written within one second (SunSpec 1.2).
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(300), Duration::from_millis(350)];
const BUSY_PAUSE: Duration = Duration::from_millis(500);
const BUSY_TRIES: usize = 5;
/// A plan older than this is not carried out: scale factors may have changed.
const FRESH: Duration = Duration::from_secs(60);

/// What became of a frame before reading back.
enum Sent {
    Taken,
    Refused(String),
    /// No answer; why.
    Silent(String),
    Not,
}

impl Session {
    /// Sends a plan and reads back.
    ///
    /// # Errors
    /// The first write could not be sent, since there is no way to the device; then nothing was written.
    pub async fn carry_out(&self, plan: &WritePlan) -> Result<Vec<WrittenPoint>, ProbeError> {
        if plan.made.elapsed() > FRESH {
            let words = "it took more than a minute to agree: what the frames rest on is too old, nothing was written; ask again";
            return Ok(plan
                .frames
                .iter()
                .flat_map(|frame| ends(frame, &Fate::Refused(words.to_owned())))
                .collect());
        }
        let line = self.line();
        let auto = self.options.sunspec.write_function == WriteFunction::Auto;
        let mut sent = Vec::with_capacity(plan.frames.len());
        let mut stopped = false;
        for (place, frame) in plan.frames.iter().enumerate() {
            if stopped {
                sent.push(Sent::Not);
                continue;
            }
            let end = match send(&line, frame, auto).await {
                Ok(()) => Sent::Taken,
                Err(error @ (BusError::Connect(_) | BusError::Refused(Exception::GATEWAY_PATH)))
                    if place == 0 =>
                {
                    return Err(self.broken(error));
                }
                Err(BusError::Refused(exception)) if !exception.unit_missing() => {
                    Sent::Refused(refusal(exception))
                }
                Err(BusError::NotSent(why)) => Sent::Refused(why.to_owned()),
                Err(error) => Sent::Silent(error.to_string()),
            };
            stopped = !matches!(end, Sent::Taken);
            sent.push(end);
        }
        Ok(self.look_back(&line, plan, &sent).await)
    }

    async fn look_back(&self, line: &Line<'_>, plan: &WritePlan, sent: &[Sent]) -> Vec<WrittenPoint> {
        let mut points = Vec::new();
        for pause in LOOKS {
            sleep(pause).await;
            points.clear();
            for (frame, sent) in plan.frames.iter().zip(sent) {
                points.extend(match sent {
                    Sent::Not => ends(frame, &Fate::NotSent),
                    Sent::Refused(words) => ends(frame, &Fate::Refused(words.clone())),
                    Sent::Taken => look(line, frame, None).await,
                    Sent::Silent(why) => look(line, frame, Some(why)).await,
                });
            }
            let waits = |p: &WrittenPoint| matches!(p.fate, Fate::NotKept(_) | Fate::Unknown(_));
            if !points.iter().any(waits) {
                break;
            }
        }
        points
    }
}

fn ends(frame: &Frame, fate: &Fate) -> Vec<WrittenPoint> {
    let end = |planned: &super::Planned| WrittenPoint {
        name: planned.name.clone(),
        address: planned.address,
        registers: planned.registers.clone(),
        value: planned.value(),
        read_back: None,
        fate: fate.clone(),
    };
    frame.points.iter().map(end).collect()
}

async fn send(line: &Line<'_>, frame: &Frame, auto: bool) -> Result<(), BusError> {
    let mut busy = 0;
    loop {
        match send_once(line, frame, auto).await {
            // Accepted and under way: reading back will show it.
            Err(BusError::Refused(Exception::ACKNOWLEDGE)) => return Ok(()),
            Err(BusError::Refused(Exception::BUSY)) if busy < BUSY_TRIES => {
                busy += 1;
                sleep(BUSY_PAUSE).await;
            }
            result => return result,
        }
    }
}

async fn send_once(line: &Line<'_>, frame: &Frame, auto: bool) -> Result<(), BusError> {
    let registers = frame.registers();
    let single = match registers.as_slice() {
        [word] => Some(*word),
        _ => None,
    };
    match single {
        Some(word) if frame.function == 6 => line.write_single(frame.address, word).await,
        _ => {
            let first = line.write(frame.address, &registers).await;
            let Err(BusError::Refused(Exception::ILLEGAL_FUNCTION | Exception::ILLEGAL_ADDRESS)) = first
            else {
                return first;
            };
            // Some devices take a single register with FC 6 only. If that is refused too, the first answer stands.
            match single.filter(|_| auto) {
                Some(word) => match line.write_single(frame.address, word).await {
                    Err(BusError::Refused(_)) => first,
                    result => result,
                },
                None => first,
            }
        }
    }
}

/// What stands in the registers of a frame. `silent`: the write got no answer, for this reason.
async fn look(line: &Line<'_>, frame: &Frame, silent: Option<&String>) -> Vec<WrittenPoint> {
    let quantity = u16::try_from(frame.registers().len()).unwrap_or(u16::MAX);
    let words = match Source::Line(*line).read(frame.address, quantity).await {
        Ok(words) => words,
        Err(error) => {
            let words = match silent {
                Some(why) => Fate::Unknown(format!("{why}; reading back: {error}")),
                None if error.exception().is_some() => {
                    Fate::Unverified(format!("the device does not let it be read back: {error}"))
                }
                None => Fate::Unknown(format!("taken, but reading back: {error}")),
            };
            return ends(frame, &words);
        }
    };
    let mut points = ends(frame, &Fate::Kept);
    for (point, planned) in points.iter_mut().zip(&frame.points) {
        let from = usize::from(planned.address.saturating_sub(frame.address));
        let stands = words.get(from..from + planned.registers.len()).unwrap_or_default();
        point.read_back = Some(stands.to_vec());
        point.fate = if !planned.verified {
            Fate::Unverified("the device map says that this model does not show what was written".to_owned())
        } else if stands == planned.registers {
            Fate::Kept
        } else {
            let stands = planned.meaning.say(stands);
            match silent {
                Some(why) => Fate::Unknown(format!("{why}; it reads {stands}")),
                None => Fate::NotKept(format!("it reads {stands}")),
            }
        };
    }
    points
}

/// What an exception to a write means to a technician.
fn refusal(exception: Exception) -> String {
    let why = match exception {
        Exception::ILLEGAL_FUNCTION => "the device does not accept this way of writing",
        Exception::ILLEGAL_ADDRESS => {
            "read-only or not there, or control over Modbus is switched off in the device's menu"
        }
        Exception::ILLEGAL_VALUE => {
            "the device does not accept the value; a part may be written all the same"
        }
        Exception::DEVICE_FAILURE => {
            "not possible in the device's present state (local mode, a limit, a fault)"
        }
        Exception::BUSY => "the device stayed busy",
        _ => "the device refused it",
    };
    format!("{why} ({exception})")
}
