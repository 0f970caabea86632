//! Carries out a plan on a line: sends its writes, reads back, and says how it ended.
//!
//! It decides nothing about registers. A write without an answer is never repeated before reading back.
//! (SunSpec reference 8, general algorithm, and 9.)

use super::control::{Check, Plan, Weight, Write};
use crate::der::{Outcome, ReadBack};
use crate::southbound::modbus::{BusError, Exception, Line};
use crate::southbound::tls::Role;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A device shows what was written within one second (SunSpec 1.2).
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(300), Duration::from_millis(350)];
const BUSY_PAUSE: Duration = Duration::from_millis(500);
const BUSY_TRIES: usize = 5;
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// What a device has taught us about writing to it; kept while the driver runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Habits {
    /// Single registers are written with FC 6, since it refused FC 16.
    pub single_by_fc6: bool,
}

/// What became of the writes of a plan.
enum Sent {
    /// All were acknowledged.
    All,
    /// One got no answer: what the device holds is not known.
    Unknown,
    /// The device or the protocol said no to the write at this place.
    Refused(usize, String),
    /// There is no way to the device.
    Unreachable,
}

/// What reading back showed.
enum Kept {
    /// Everything as written, or all that was essential; whether it will fall back by itself; whether anything was compared.
    Yes { bounded: bool, verified: bool },
    /// It holds something else, in words.
    No(String),
    /// It does not answer.
    Silent,
}

/// Sends a plan and reads back. Gives the outcome, and true if the device may hold what was written.
pub async fn carry_out(
    line: &Line<'_>,
    plan: &Plan,
    habits: &mut Habits,
    expires_at: Instant,
) -> (Outcome, bool) {
    let mut silent = false;
    for _ in 0..2 {
        if silent && Instant::now() >= expires_at {
            break;
        }
        match send_all(line, &plan.writes, habits).await {
            Sent::All => silent = false,
            Sent::Unknown => silent = true,
            Sent::Refused(place, words) => {
                // What was written before the refused write stands, and has to be undone later.
                let touched = silent || place > 0;
                let Some(other) = detour(plan, place) else { return (Outcome::Refused(words), touched) };
                let (outcome, held) = Box::pin(carry_out(line, other, habits, expires_at)).await;
                return (outcome, held || touched);
            }
            Sent::Unreachable if silent => break,
            Sent::Unreachable => return (Outcome::Unreachable, false),
        }
        match look(line, &plan.checks).await {
            // Without anything to compare, a write that got no answer stays unknown.
            Kept::Yes { verified: false, .. } if silent => break,
            Kept::Yes { bounded, verified } => {
                let read_back = ReadBack { active_power: plan.active_power, bounded, verified };
                return (Outcome::Applied(read_back), true);
            }
            Kept::Silent => break,
            Kept::No(words) if !silent => {
                return match &plan.otherwise {
                    Some(other) => Box::pin(carry_out(line, other, habits, expires_at)).await,
                    None => (Outcome::Refused(words), true),
                };
            }
            Kept::No(_) => {}
        }
    }
    (Outcome::TimedOut, true)
}

/// The other way to the same end, if it goes without the write that was refused.
fn detour(plan: &Plan, refused: usize) -> Option<&Plan> {
    let refused = plan.writes.get(refused)?;
    plan.otherwise.as_deref().filter(|other| !other.writes.contains(refused))
}

async fn send_all(line: &Line<'_>, writes: &[Write], habits: &mut Habits) -> Sent {
    for (place, write) in writes.iter().enumerate() {
        match send(line, write, habits).await {
            Ok(()) => {}
            Err(BusError::Refused(Exception::GATEWAY_PATH)) if place == 0 => return Sent::Unreachable,
            Err(BusError::Refused(e)) if e.unit_missing() => return Sent::Unknown,
            Err(BusError::Refused(exception)) => {
                return Sent::Refused(place, refusal(write, exception, line.role()));
            }
            Err(BusError::NotSent(why)) => return Sent::Refused(place, why.to_owned()),
            Err(BusError::Connect(_)) if place == 0 => return Sent::Unreachable,
            Err(BusError::TimedOut(_) | BusError::Closed | BusError::BadAnswer(_) | BusError::Connect(_)) => {
                return Sent::Unknown;
            }
        }
    }
    Sent::All
}

async fn send(line: &Line<'_>, write: &Write, habits: &mut Habits) -> Result<(), BusError> {
    let (mut busy, mut failures) = (0, 0);
    loop {
        match send_once(line, write, habits).await {
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

async fn send_once(line: &Line<'_>, write: &Write, habits: &mut Habits) -> Result<(), BusError> {
    let &[word] = write.registers.as_slice() else {
        return line.write(write.address, &write.registers).await;
    };
    if habits.single_by_fc6 {
        return line.write_single(write.address, word).await;
    }
    let first = line.write(write.address, &[word]).await;
    let Err(BusError::Refused(Exception::ILLEGAL_FUNCTION | Exception::ILLEGAL_ADDRESS)) = first else {
        return first;
    };
    // Over TLS exception 1 is about our role, and another function changes nothing.
    if line.role().is_some() && first == Err(BusError::Refused(Exception::ILLEGAL_FUNCTION)) {
        return first;
    }
    // Some devices take a single register with FC 6 only. If that is refused too, the first answer stands.
    match line.write_single(write.address, word).await {
        Ok(()) => {
            habits.single_by_fc6 = true;
            tracing::info!(point = write.name, "single registers are written with FC 6 from now on");
            Ok(())
        }
        Err(BusError::Refused(_)) => first,
        Err(error) => Err(error),
    }
}

/// What an exception to a write means to an operator.
fn refusal(write: &Write, exception: Exception, role: Option<&Role>) -> String {
    if let (Exception::ILLEGAL_FUNCTION, Some(role)) = (exception, role) {
        return format!("{} (exception {})", role.may_not(&format!("write {}", write.name)), exception.0);
    }
    let why = match exception {
        Exception::ILLEGAL_FUNCTION => "the device does not accept this way of writing",
        Exception::ILLEGAL_ADDRESS => {
            "the point is read-only or not there, or control over Modbus is switched off in the device's menu"
        }
        Exception::ILLEGAL_VALUE => "the device does not accept the value",
        Exception::DEVICE_FAILURE => {
            "not possible in the device's present state (local mode, a limit, a fault)"
        }
        Exception::BUSY => "the device stayed busy",
        _ => "the device refused it",
    };
    format!("writing {}: {why} ({exception})", write.name)
}

/// Reads back until everything essential stands as written, for at most a second.
async fn look(line: &Line<'_>, checks: &[Check]) -> Kept {
    if checks.is_empty() {
        return Kept::Yes { bounded: false, verified: false };
    }
    let mut result = Kept::Silent;
    for pause in LOOKS {
        sleep(pause).await;
        result = match look_once(line, checks).await {
            Ok(differing) => judge(checks, &differing),
            Err(BusError::Refused(exception)) if !exception.unit_missing() => {
                Kept::Yes { bounded: false, verified: false }
            }
            Err(_) => Kept::Silent,
        };
        if matches!(result, Kept::Yes { .. }) {
            return result;
        }
    }
    result
}

/// The places of the checks that differ, and what stands there.
async fn look_once(line: &Line<'_>, checks: &[Check]) -> Result<Vec<(usize, Vec<u16>)>, BusError> {
    let mut differing = Vec::new();
    let mut from = 0;
    for group in checks.chunk_by(|a, b| a.model == b.model) {
        let first = group.iter().map(|c| c.address).min().unwrap_or(0);
        let last = group.iter().map(|c| usize::from(c.address) + c.registers.len()).max().unwrap_or(0);
        let quantity = u16::try_from(last.saturating_sub(usize::from(first))).unwrap_or(u16::MAX);
        let words = line.read_first(first, quantity).await?;
        for (place, check) in group.iter().enumerate() {
            let at = usize::from(check.address - first);
            let stands = words.get(at..at + check.registers.len()).unwrap_or_default();
            if stands != check.registers {
                differing.push((from + place, stands.to_vec()));
            }
        }
        from += group.len();
    }
    Ok(differing)
}

fn judge(checks: &[Check], differing: &[(usize, Vec<u16>)]) -> Kept {
    let of = |weight: Weight| {
        differing.iter().filter_map(move |(place, stands)| {
            checks.get(*place).filter(|c| c.weight == weight).map(|c| (c, stands))
        })
    };
    if let Some((check, stands)) = of(Weight::Essential).next() {
        return Kept::No(format!(
            "written, but the device kept {} instead of {} in {}",
            check.say(stands),
            check.say(&check.registers),
            check.name
        ));
    }
    let timed = checks.iter().any(|c| c.weight == Weight::Reversion && c.name.ends_with("Tms"));
    Kept::Yes { bounded: timed && of(Weight::Reversion).next().is_none(), verified: true }
}
