//! Carries out a plan on a line: sends its writes, reads back, and says how it ended.
//!
//! It decides nothing about registers. A write without an answer is never repeated before reading back.
//! (SunSpec reference 8, general algorithm, and 9.)

mod adopt;

pub use adopt::{Meanwhile, run};

use super::control::{Check, Plan, Weight, Write};
use crate::der::{Outcome, ReadBack};
use crate::device_map::{CurveRequest, WriteFunction};
use crate::southbound::modbus::{BusError, Exception, Line};
use crate::southbound::tls::Role;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A device shows what was written within one second (SunSpec 1.2).
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(300), Duration::from_millis(350)];
const BUSY_PAUSE: Duration = Duration::from_millis(500);
const BUSY_TRIES: usize = 5;
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// A device that left FC 6 unanswered so often, and never took it, is not asked with it again: each costs a time-out.
const MUTE: u8 = 2;

/// What a device has taught us about writing to it; kept while the driver runs.
#[derive(Clone, Debug, Default)]
pub struct Habits {
    /// Registers that are written with FC 6, since the device refused FC 16 there.
    pub single: HashSet<u16>,
    /// The device does not know FC 16.
    pub no_multiple: bool,
    /// How often the device did not answer FC 6, before it ever took it.
    pub mute_single: u8,
    /// The last write that the device refused, and how.
    pub refusal: Option<(String, Exception)>,
    /// A storage refused the negative rates that a set point takes (124): it can be limited only.
    pub no_negative_rates: bool,
    /// How it counts curve sets, if not as its map says.
    pub counting: Option<CurveRequest>,
}

impl Habits {
    /// True if FC 6 is not tried: the device has left it unanswered.
    const fn no_single(&self) -> bool {
        self.mute_single >= MUTE
    }

    /// Notes a refusal. A write that cannot go one register at a time and that the device refuses for its function (which
    /// over TLS would be about the role) has to be planned anew for FC 6.
    fn note(&mut self, write: &Write, exception: Exception, role: Option<&Role>, wire: &Wire) {
        self.refusal = Some((write.name.clone(), exception));
        self.no_multiple |= exception == Exception::ILLEGAL_FUNCTION
            && write.whole
            && wire.function == WriteFunction::Auto
            && role.is_none()
            && !self.no_single();
    }
}

/// How a device is written to and read back.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// Which functions it takes.
    pub function: WriteFunction,
    /// Most registers in one read.
    pub max_read: u16,
    /// Nothing is sent after this.
    pub expires_at: Instant,
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
pub async fn carry_out(line: &Line<'_>, plan: &Plan, habits: &mut Habits, wire: &Wire) -> (Outcome, bool) {
    let mut silent = false;
    for _ in 0..2 {
        if silent && Instant::now() >= wire.expires_at {
            break;
        }
        match send_all(line, &plan.writes, habits, wire).await {
            Sent::All => silent = false,
            Sent::Unknown if plan.once => break,
            Sent::Unknown => silent = true,
            Sent::Refused(place, words) => {
                // What was written before the refused write stands, and has to be undone later.
                let touched = silent || place > 0;
                let Some(other) = detour(plan, place) else { return (Outcome::Refused(words), touched) };
                let (outcome, held) = Box::pin(carry_out(line, other, habits, wire)).await;
                return (outcome, held || touched);
            }
            Sent::Unreachable if silent => break,
            Sent::Unreachable => return (Outcome::Unreachable, false),
        }
        match look(line, &plan.checks, wire).await {
            // Without anything to compare, a write that got no answer stays unknown.
            Kept::Yes { verified: false, .. } if silent => break,
            Kept::Yes { bounded, verified } => {
                let read_back = ReadBack { active_power: plan.active_power, bounded, verified, doubt: None };
                return (Outcome::Applied(read_back), true);
            }
            Kept::Silent => break,
            Kept::No(words) if !silent => {
                let Some(other) = &plan.otherwise else { return (Outcome::NotKept(words), true) };
                // Whatever becomes of the other way, a part of this one stands.
                return (Box::pin(carry_out(line, other, habits, wire)).await.0, true);
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

async fn send_all(line: &Line<'_>, writes: &[Write], habits: &mut Habits, wire: &Wire) -> Sent {
    for (place, write) in writes.iter().enumerate() {
        match send(line, write, habits, wire).await {
            Ok(()) => {}
            Err(BusError::Refused(Exception::GATEWAY_PATH)) if place == 0 => return Sent::Unreachable,
            Err(BusError::Refused(e)) if e.unit_missing() => return Sent::Unknown,
            Err(BusError::Refused(exception)) => {
                habits.note(write, exception, line.role(), wire);
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

async fn send(line: &Line<'_>, write: &Write, habits: &mut Habits, wire: &Wire) -> Result<(), BusError> {
    let (mut busy, mut failures) = (0, 0);
    loop {
        match send_once(line, write, habits, wire).await {
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

/// Sends one write, once.
///
/// # Errors
/// As the line has it.
pub async fn send_once(
    line: &Line<'_>,
    write: &Write,
    habits: &mut Habits,
    wire: &Wire,
) -> Result<(), BusError> {
    match (wire.function, write.registers.as_slice()) {
        (WriteFunction::Multiple, words) => line.write(write.address, words).await,
        (WriteFunction::Single, [word]) => line.write_single(write.address, *word).await,
        (WriteFunction::Auto, [word]) => send_register(line, write, *word, habits).await,
        (WriteFunction::Single, _) => {
            Err(BusError::NotSent("the device map allows single registers only (FC 6)"))
        }
        (WriteFunction::Auto, words) if write.whole => line.write(write.address, words).await,
        (WriteFunction::Auto, words) => {
            if !habits.no_multiple {
                let first = line.write(write.address, words).await;
                let unknown = matches!(first, Err(BusError::Refused(Exception::ILLEGAL_FUNCTION)));
                if !unknown || line.role().is_some() || habits.no_single() {
                    return first;
                }
            }
            // A device without FC 16: in the same order, one register at a time.
            for (address, word) in (write.address..).zip(words) {
                line.write_single(address, *word).await?;
            }
            if !std::mem::replace(&mut habits.no_multiple, true) {
                tracing::info!(point = write.name, "registers are written one by one with FC 6 from now on");
            }
            Ok(())
        }
    }
}

async fn send_register(
    line: &Line<'_>,
    write: &Write,
    word: u16,
    habits: &mut Habits,
) -> Result<(), BusError> {
    if habits.no_multiple || habits.single.contains(&write.address) {
        return line.write_single(write.address, word).await;
    }
    let first = line.write(write.address, &[word]).await;
    let other = match first {
        // Over TLS, exception 1 is about the role, which is the same for both functions.
        Err(BusError::Refused(Exception::ILLEGAL_FUNCTION)) => line.role().is_none(),
        Err(BusError::Refused(Exception::ILLEGAL_ADDRESS)) => true,
        _ => false,
    };
    if !other || habits.no_single() {
        return first;
    }
    // Some devices take a single register with FC 6 only. If that is refused too, the first answer stands.
    match line.write_single(write.address, word).await {
        Ok(()) => {
            habits.single.insert(write.address);
            tracing::info!(point = write.name, "this point is written with FC 6 from now on");
            Ok(())
        }
        Err(BusError::Refused(_)) => first,
        Err(error) => {
            // Where FC 6 has worked, a missing answer is the line's matter.
            if matches!(error, BusError::TimedOut(_)) && habits.single.is_empty() {
                habits.mute_single = habits.mute_single.saturating_add(1);
            }
            Err(error)
        }
    }
}

/// What an exception to a write means to an operator.
fn refusal(write: &Write, exception: Exception, role: Option<&Role>) -> String {
    if let (Exception::ILLEGAL_FUNCTION, Some(role)) = (exception, role) {
        return format!("{} (exception {})", role.may_not(&format!("write {}", write.name)), exception.0);
    }
    format!("writing {}: {} ({exception})", write.name, exception.of_a_write())
}

/// Reads back until everything essential stands as written, for at most a second.
async fn look(line: &Line<'_>, checks: &[Check], wire: &Wire) -> Kept {
    if checks.is_empty() {
        return Kept::Yes { bounded: false, verified: false };
    }
    let (mut result, mut busy) = (Kept::Silent, false);
    for pause in LOOKS {
        sleep(pause).await;
        result = match look_once(line, checks, wire.max_read).await {
            Ok(differing) => judge(checks, &differing),
            // Busy with what was just written: it is asked again.
            Err(BusError::Refused(Exception::BUSY | Exception::ACKNOWLEDGE)) => {
                busy = true;
                continue;
            }
            Err(BusError::Refused(exception)) if !exception.unit_missing() => {
                Kept::Yes { bounded: false, verified: false }
            }
            Err(_) => Kept::Silent,
        };
        if matches!(result, Kept::Yes { .. }) {
            return result;
        }
    }
    match result {
        Kept::Silent if busy => Kept::Yes { bounded: false, verified: false },
        result => result,
    }
}

/// The places of the checks that differ, and what stands there.
async fn look_once(
    line: &Line<'_>,
    checks: &[Check],
    max_read: u16,
) -> Result<Vec<(usize, Vec<u16>)>, BusError> {
    let mut order: Vec<(usize, &Check)> = checks.iter().enumerate().collect();
    order.sort_by_key(|(_, check)| (check.model, check.address));
    let mut differing = Vec::new();
    let mut rest = order.as_slice();
    while let Some((_, first)) = rest.first() {
        let from = usize::from(first.address);
        let end = |check: &Check| usize::from(check.address) + check.registers.len() - from;
        let fits = |(_, check): &&(usize, &Check)| {
            check.model == first.model && end(check) <= usize::from(max_read.max(2))
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (window, others) = rest.split_at(count);
        rest = others;
        let quantity = window.iter().map(|(_, check)| end(check)).max().unwrap_or(1);
        let words = line.read_first(first.address, u16::try_from(quantity).unwrap_or(u16::MAX)).await?;
        for (place, check) in window {
            let at = usize::from(check.address) - from;
            let stands = words.get(at..at + check.registers.len()).unwrap_or_default();
            if stands != check.registers {
                differing.push((*place, stands.to_vec()));
            }
        }
    }
    differing.sort_by_key(|(place, _)| *place);
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

#[cfg(test)]
mod tests;
