//! Carries out a script: its plans in order, and the adoption of a curve set.
//!
//! "Completed" may be left over from an earlier adoption, so only the active set decides; a device that counts curve
//! sets the other way is noticed by what it shows there, asked once more, and remembered. (SunSpec reference 8.6.)

use super::{Habits, Wire, carry_out, look_once, refusal, send};
use crate::der::{Outcome, ReadBack};
use crate::southbound::modbus::{BusError, Exception, Line};
use crate::southbound::sunspec::control::{Adoption, Check, Other, Script, Step, Write, other_counting};
use crate::southbound::tls::Role;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the result is looked at.
const LOOK: Duration = Duration::from_millis(300);
/// Longest adoption.
const LIMIT: Duration = Duration::from_secs(10);
/// A result that stands from the first look on may be left over from before; after so many looks it is taken for new.
const LEFT_OVER: u32 = 4;

/// How one request ended.
enum Adopted {
    /// The active set shows what was asked for.
    Yes,
    /// The device says it is done, and the active set shows something else.
    Else,
    /// The device says that it could not.
    Failed,
    /// It refused the request.
    Refused(Exception),
    /// In progress for too long.
    Late,
    /// No answer.
    Silent,
    /// Its models are not where they were.
    Moved,
    /// There is no way to the device.
    NotSent(String),
}

/// What goes on while the device adopts a curve set: it is measured, and told that we live.
pub trait Meanwhile {
    /// A moment for it. False if nothing more may be written.
    fn pass(&mut self) -> impl Future<Output = bool> + Send;
}

/// Carries out a script. Gives the outcome, and true if the device may hold a part of it.
pub async fn run(
    line: &Line<'_>,
    script: &Script,
    habits: &mut Habits,
    wire: &Wire,
    meanwhile: &mut impl Meanwhile,
) -> (Outcome, bool) {
    let mut whole = ReadBack { active_power: None, bounded: false, verified: true, doubt: None };
    let mut touched = false;
    for step in &script.steps {
        if touched && Instant::now() >= wire.expires_at {
            return (Outcome::Expired, true);
        }
        match step {
            Step::Write(plan) => {
                let (outcome, held) = carry_out(line, plan, habits, wire).await;
                touched |= held;
                match outcome {
                    Outcome::Applied(read_back) => {
                        whole.active_power = read_back.active_power;
                        whole.bounded = read_back.bounded;
                        whole.verified &= read_back.verified;
                    }
                    other => return (other, touched),
                }
            }
            Step::Adopt(adoption) => {
                touched = true;
                if let Err(outcome) = adopt(line, adoption, habits, wire, meanwhile).await {
                    return (outcome, true);
                }
            }
        }
    }
    (Outcome::Applied(whole), true)
}

async fn adopt(
    line: &Line<'_>,
    adoption: &Adoption,
    habits: &mut Habits,
    wire: &Wire,
    meanwhile: &mut impl Meanwhile,
) -> Result<(), Outcome> {
    let first = ask(line, adoption, &adoption.request, habits, wire, meanwhile).await;
    let counts_otherwise = match (&first, &adoption.other) {
        (Adopted::Yes, _) => return Ok(()),
        (Adopted::Else, Other::Nothing | Other::OutOfRange) => true,
        (Adopted::Failed | Adopted::Refused(Exception::ILLEGAL_VALUE), Other::OutOfRange) => true,
        (Adopted::Else, Other::Adopts(there)) => shows(line, there, wire).await.unwrap_or(false),
        _ => false,
    };
    let other = &adoption.other_request;
    if counts_otherwise && matches!(ask(line, adoption, other, habits, wire, meanwhile).await, Adopted::Yes) {
        habits.counting = Some(other_counting(adoption.counting));
        tracing::info!(
            point = adoption.request.name,
            "the device counts curve sets the other way; remembered (curve_request in its map)"
        );
        return Ok(());
    }
    Err(ending(first, &adoption.request, line.role()))
}

fn ending(adopted: Adopted, request: &Write, role: Option<&Role>) -> Outcome {
    match adopted {
        Adopted::Yes | Adopted::Else => Outcome::NotKept(format!(
            "{}: the device says that it adopted the curve, but its active curve is another one",
            request.name
        )),
        Adopted::Failed => Outcome::Refused(format!(
            "{}: the device did not adopt the curve (result: failed); its points may not be what the device's rules allow",
            request.name
        )),
        Adopted::Refused(exception) => Outcome::Refused(refusal(request, exception, role)),
        Adopted::Late => Outcome::Refused(format!(
            "{}: the device is still adopting the curve after {} s; it is not enabled",
            request.name,
            LIMIT.as_secs()
        )),
        Adopted::Silent => Outcome::TimedOut,
        Adopted::Moved => Outcome::Refused(format!(
            "{}: the device's model map moved while it adopted the curve; it is not enabled",
            request.name
        )),
        Adopted::NotSent(why) => Outcome::Refused(why),
    }
}

/// Requests an adoption and follows it to its end.
async fn ask(
    line: &Line<'_>,
    adoption: &Adoption,
    request: &Write,
    habits: &mut Habits,
    wire: &Wire,
    meanwhile: &mut impl Meanwhile,
) -> Adopted {
    match send(line, request, habits, wire).await {
        Ok(()) => {}
        Err(BusError::Refused(exception)) => return Adopted::Refused(exception),
        Err(BusError::NotSent(why)) => return Adopted::NotSent(why.to_owned()),
        // The request may have come through: what the device shows will tell.
        Err(_) => {}
    }
    let until = Instant::now() + LIMIT;
    let (mut same, mut seen_under_way, mut last) = (0, false, Adopted::Silent);
    while Instant::now() < until {
        sleep(LOOK).await;
        if !meanwhile.pass().await {
            return Adopted::Moved;
        }
        let result = line.read_first(adoption.result, 1).await;
        // What was written shows itself within a second.
        same += 1;
        match result.as_deref() {
            Ok([1]) => match shows(line, &adoption.active, wire).await {
                Ok(true) => return Adopted::Yes,
                Ok(false) if same >= LEFT_OVER => return Adopted::Else,
                _ => last = Adopted::Else,
            },
            Ok([2]) if seen_under_way || same >= LEFT_OVER => return Adopted::Failed,
            Ok([2]) => last = Adopted::Failed,
            Ok(_) => {
                (same, seen_under_way) = (0, true);
                last = Adopted::Late;
            }
            Err(_) => last = Adopted::Silent,
        }
    }
    last
}

async fn shows(line: &Line<'_>, checks: &[Check], wire: &Wire) -> Result<bool, BusError> {
    look_once(line, checks, wire.max_read).await.map(|differing| differing.is_empty())
}
