//! `dergate control LINK COMMAND [VALUE]`: one control of the driver, once, by hand, and what the device does then.
//!
//! It holds nothing: what the device was told runs out by itself if the device can bound it, and stays otherwise.

mod procedure;
mod value;

use super::device::{How, Person, ended, hex, progress};
use super::write::{many, too_far, warnings};
use super::{End, say};
use crate::der::{Outcome, ReadBack, Setpoint, Watts};
use crate::southbound::tools::{Amount, Hand, HandPlan, Manual, Vigil};
use std::io::Write;
use std::time::Duration;
use tokio::time::Instant;
use value::{asked, command_of};

/// Time to get a command through, beyond its hold time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What takes longer is said to be still under way.
const STILL: Duration = Duration::from_secs(5);

/// Near the end of its hold time a device may have fallen back already.
const MARGIN: Duration = Duration::from_secs(1);

/// Part of the greatest power that measurements may be off.
const TOLERANCE: f64 = 0.02;

const EXAMPLES: &str = "\
Examples:  dergate control 'modbus+tcp://192.0.2.21' limit_active_power 60% --dry-run
           dergate control 'modbus+tcp://192.0.2.21' limit_active_power 4800W --hold 60 --yes
           dergate control 'modbus+tcp://192.0.2.21' set_active_power -2kW --release
           dergate control 'modbus+tcp://192.0.2.21' set_power_factor 0.95over
           dergate control 'modbus+tcp://192.0.2.21' release_active_power
           dergate control 'dnp3+tcp://192.0.2.41?outstation=10' limit_active_power 50% --hold 120

Commands: limit_active_power, set_active_power, connect, disconnect, set_reactive_power, \
set_power_factor, set_ramp_rates, reset_alarms, release_active_power, release_reactive_power. Values: W, \
kW, var, kvar, % of what the device can do; power factors end in over or under (excited). Positive is \
injected into the grid.
The device falls back by itself after the hold time if it has a reversion time; with --release it is \
released at the end.
More than the device is rated for, and a curve with odd points, is shown with a warning before you are asked; with --yes \
nobody is asked, so it is refused unless --beyond-range is given too. A curve whose x runs backwards is always refused.
While the power is watched, so are the points that were written: if a gateway or the device itself changes them, that is \
told, and nothing is released any more.
\"applied\" is read back from the device; \"accepted, not verified\" is what it said, with the reason why nothing shows it.
Many DNP3 outstations serve one connection at a time: a gateway that drives this one may be cut off meanwhile.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// How the device is reached
    #[arg(value_name = "LINK")]
    link: String,
    /// What it is asked to do
    #[arg(value_name = "COMMAND")]
    command: String,
    /// How much: 4800W, 4.8kW, 60%, 1200var, 0.95over
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: Option<String>,
    /// The points of a curve, for set_curve: x:y pairs, in the units of the function (% of nominal voltage, % …)
    #[arg(long, value_name = "X:Y,…", allow_hyphen_values = true)]
    points: Option<String>,
    /// Open-loop response time of a curve, seconds
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    response: Option<u32>,
    /// Seconds after which the device shall fall back by itself
    #[arg(long, default_value_t = 60, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    hold: u32,
    /// Seconds for which the power is watched afterwards; Ctrl-C ends watching only, and --release is done all the same
    #[arg(long, default_value_t = 10, value_name = "S", value_parser = clap::value_parser!(u32).range(0..=3600))]
    watch: u32,
    /// Releases the device at the end
    #[arg(long)]
    release: bool,
    /// Shows what would be written and writes nothing
    #[arg(long)]
    dry_run: bool,
    /// Writes without asking
    #[arg(long)]
    yes: bool,
    /// With --yes: also what is beyond what the device is rated for, and odd curves
    #[arg(long, requires = "yes")]
    beyond_range: bool,
    #[command(flatten)]
    pub(super) how: How,
}

/// Carries out the command.
pub(super) async fn run(args: &Args, out: &mut dyn Write, person: &mut Person<'_>) -> std::io::Result<End> {
    if let Some(name) = args.command.strip_prefix("procedure:") {
        return procedure::run(args, name, out, person).await;
    }
    let (command, amount) = match asked(args) {
        Ok(parsed) => parsed,
        Err(words) => return Ok(End::Usage(words)),
    };
    if !args.dry_run
        && let Err(end) = person.can_agree(args.yes)
    {
        return Ok(end);
    }
    let target = match args.how.target(&args.link) {
        Ok(target) => target,
        Err(end) => return Ok(end),
    };
    let (session, outstation) = (target.session(), target.outstation());
    let made = match &outstation {
        Some(outstation) => Hand::of_outstation(outstation, &progress()).await,
        None => Hand::of_device(&session, &progress()).await,
    };
    let mut device = match made {
        Ok(device) => device,
        Err(error) => return Ok(target.ended(&error).await),
    };
    let hold = Duration::from_secs(args.hold.into());
    let (setpoint, plan) = match planned(&mut device, command, amount, hold).await {
        Ok(planned) => planned,
        Err(words) => return Ok(End::Failed(format!("nothing was written: {words}"))),
    };
    show(out, &target.link.to_string(), &device, &plan)?;
    if args.dry_run {
        return Ok(End::Done);
    }
    if let Some(end) = too_far((args.yes, args.beyond_range), &plan.beyond) {
        return Ok(end);
    }
    if !person.agrees(args.yes, &format!("{}: {}?", target.link, plan.summary))? {
        return Ok(End::Failed("nothing was written".to_owned()));
    }
    let outcome = patiently(device.carry_out(&plan, hold.min(PATIENCE))).await;
    let end = tell(out, &outcome)?;
    let Outcome::Applied(read_back) = outcome else { return Ok(end) };
    let seen = match watch(out, &mut device, &plan, read_back, args).await? {
        Ok(seen) => seen,
        Err(end) => return Ok(end),
    };
    let release = release_of(&setpoint).filter(|_| args.release);
    if let Some(changed) = seen.changed {
        return overruled(out, &changed, release);
    }
    writeln!(out, "{}", verdict(&setpoint, read_back, seen.power, device.capability().injection_max))?;
    if let Some(release) = release {
        return undo(out, &mut device, &release, hold).await;
    }
    writeln!(out, "{}", afterwards(&setpoint, read_back, args.hold, plan.forgotten))?;
    out.flush()?;
    Ok(end)
}

/// What the words come to on this device, and what would be written for it.
async fn planned(
    device: &mut Hand<'_>,
    command: Manual,
    amount: Option<Amount>,
    hold: Duration,
) -> Result<(Setpoint, HandPlan), String> {
    let setpoint = device.setpoint(command, amount)?;
    let plan = device.plan(command, &setpoint, hold).await?;
    Ok((setpoint, plan))
}

fn show(out: &mut dyn Write, link: &str, device: &Hand<'_>, plan: &HandPlan) -> std::io::Result<()> {
    let plate = device.nameplate();
    let who: Vec<String> = [plate.manufacturer, plate.model, plate.serial].into_iter().flatten().collect();
    writeln!(out, "{link}  {}", super::table::printable(&who.join(" ")))?;
    writeln!(out, "plan: {} ({})", plan.summary, count(plan))?;
    for (address, registers, name) in &plan.writes {
        writeln!(out, "  {address:>5}  {}  {name}", hex(registers))?;
    }
    for (place, operation) in plan.operations.iter().enumerate() {
        writeln!(out, "  {:>5}  {operation}", place + 1)?;
    }
    for note in &plan.notes {
        writeln!(out, "note: {note}")?;
    }
    warnings(out, &plan.beyond)?;
    out.flush()
}

fn count(plan: &HandPlan) -> String {
    if plan.writes.is_empty() {
        many(plan.operations.len(), "operation")
    } else {
        many(plan.writes.len(), "write")
    }
}

/// Says now and then that a command is still under way: a switch may take half a minute to show what it does.
async fn patiently(command: impl Future<Output = Outcome>) -> Outcome {
    let mut command = std::pin::pin!(command);
    let mut waited = Duration::ZERO;
    loop {
        match tokio::time::timeout(STILL, &mut command).await {
            Ok(outcome) => return outcome,
            Err(_) => {
                waited += STILL;
                say(&format!("waiting for the device to show it ({} s)", waited.as_secs()));
            }
        }
    }
}

/// Says how a command ended.
fn tell(out: &mut dyn Write, outcome: &Outcome) -> std::io::Result<End> {
    let (words, end) = match outcome {
        Outcome::Applied(read_back) => {
            let words = match read_back.unverified() {
                None => "applied: read back as written".to_owned(),
                Some(why) => format!("accepted, not verified: {why}"),
            };
            (words, End::Done)
        }
        Outcome::Refused(why) => (format!("refused: {why}"), End::Failed(String::new())),
        Outcome::NotKept(why) => (format!("not kept: {why}"), End::Failed(String::new())),
        Outcome::TimedOut => {
            let words = "no answer in time: what the device holds is not known";
            (words.to_owned(), End::NoAnswer(String::new()))
        }
        Outcome::Unreachable => ("the device is not there any more".to_owned(), End::NoAnswer(String::new())),
        Outcome::Expired | Outcome::Superseded => {
            ("its time ran out before it was written".to_owned(), End::Failed(String::new()))
        }
    };
    writeln!(out, "{words}")?;
    out.flush()?;
    Ok(end)
}

/// What was seen while a command was in force.
#[derive(Debug, Default)]
struct Watched {
    /// The last active power.
    power: Option<Watts>,
    /// What does not stand any more of what was written, in words.
    changed: Option<String>,
}

/// Prints the power each second, and what somebody else changed of what was written, until somebody presses Ctrl-C: what
/// comes after, such as a release, is done all the same.
async fn watch(
    out: &mut dyn Write,
    device: &mut Hand<'_>,
    plan: &HandPlan,
    read_back: ReadBack,
    args: &Args,
) -> std::io::Result<Result<Watched, End>> {
    let mut seen = Watched::default();
    let mut vigil = Vigil::new(read_back.verified);
    let falls_back = read_back.bounded || plan.forgotten.is_some();
    let written = Instant::now();
    let hold = plan.forgotten.unwrap_or(Duration::MAX).min(Duration::from_secs(args.hold.into()));
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let mut interrupted = std::pin::pin!(interrupted());
    for second in 0..=args.watch {
        tokio::select! {
            _ = tick.tick() => {}
            () = &mut interrupted => {
                say("watched no longer");
                break;
            }
        }
        match device.active_power().await {
            Ok(power) => {
                let words =
                    power.map_or_else(|| "not known".to_owned(), |watts| format!("{:.0} W", watts.get()));
                writeln!(out, "  {second:>3} s  active power {words}")?;
                seen.power = power;
            }
            Err(error) => return Ok(Err(ended(&error))),
        }
        // What fell back by itself was changed by nobody.
        if !falls_back || written.elapsed() + MARGIN < hold {
            let changed = match device.stands(plan).await {
                Ok(stands) => vigil.look(&stands),
                Err(error) => return Ok(Err(ended(&error))),
            };
            if let Some(words) = changed.as_ref().filter(|_| changed != seen.changed) {
                writeln!(out, "  {second:>3} s  changed by another: now {words}")?;
            }
            seen.changed = changed;
        }
        out.flush()?;
    }
    Ok(Ok(seen))
}

/// Ctrl-C was pressed. Where no handler can be had, it ends the program as ever.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What was asked does not stand any more. What stands there now is not ours to release.
fn overruled(out: &mut dyn Write, changed: &str, release: Option<Setpoint>) -> std::io::Result<End> {
    writeln!(out, "effect: not judged: another master, or the device itself, has changed it: now {changed}")?;
    out.flush()?;
    let words = match release {
        None => "what was written does not stand any more".to_owned(),
        Some(release) => format!(
            "what was written does not stand any more, so it was not released: what stands there is somebody else's \
             (dergate control LINK {} releases it all the same)",
            word_of(&release)
        ),
    };
    Ok(End::Failed(words))
}

fn verdict(setpoint: &Setpoint, read_back: ReadBack, seen: Option<Watts>, most: Watts) -> String {
    let slack = (most.get() * TOLERANCE).max(10.0);
    let (follows, asked) = match (setpoint, read_back.active_power, seen) {
        (Setpoint::LimitActivePower(_), Some(asked), Some(seen)) => {
            (seen.get() <= asked.get() + slack, asked)
        }
        (Setpoint::SetActivePower(_), Some(asked), Some(seen)) => {
            ((seen.get() - asked.get()).abs() <= slack, asked)
        }
        (Setpoint::Disconnect, _, Some(seen)) => (seen.get().abs() <= slack, Watts::ZERO),
        (Setpoint::LimitActivePower(_) | Setpoint::SetActivePower(_) | Setpoint::Disconnect, _, None) => {
            return "effect: not judged: the device does not tell its active power".to_owned();
        }
        _ => return "effect: not judged for this command; see the values above".to_owned(),
    };
    let asked = asked.get();
    if follows {
        return format!("effect: the power follows ({asked:.0} W asked)");
    }
    format!(
        "effect: none seen yet ({asked:.0} W asked). The device may ramp slowly, or ignore remote control: check its Modbus, DNP3 or energy-management menu"
    )
}

fn afterwards(setpoint: &Setpoint, read_back: ReadBack, hold: u32, forgotten: Option<Duration>) -> String {
    if let Some(every) = forgotten {
        return format!(
            "the device forgets this by itself: the gateway would repeat it every {} s, nobody does now",
            every.as_secs()
        );
    }
    match release_of(setpoint) {
        None if matches!(setpoint, Setpoint::SetCurve(_)) => {
            "the curve stays until another is set or it is released (dergate control LINK release_curve FUNCTION)"
                .to_owned()
        }
        None => "nothing is left to be released".to_owned(),
        Some(_) if read_back.bounded => {
            format!("the device falls back by itself {hold} s after it was written (its reversion time)")
        }
        Some(release) => format!(
            "the device has no reversion time for this: it stays until it is undone (dergate control LINK {})",
            word_of(&release)
        ),
    }
}

/// What undoes a set point.
fn release_of(setpoint: &Setpoint) -> Option<Setpoint> {
    match setpoint {
        Setpoint::LimitActivePower(_) | Setpoint::SetActivePower(_) => Some(Setpoint::ReleaseActivePower),
        Setpoint::SetReactivePower(_) | Setpoint::SetPowerFactor(_) => Some(Setpoint::ReleaseReactivePower),
        Setpoint::Disconnect => Some(Setpoint::Connect),
        _ => None,
    }
}

const fn word_of(release: &Setpoint) -> &'static str {
    match release {
        Setpoint::ReleaseReactivePower => "release_reactive_power",
        Setpoint::Connect => "connect",
        _ => "release_active_power",
    }
}

async fn undo(
    out: &mut dyn Write,
    device: &mut Hand<'_>,
    release: &Setpoint,
    hold: Duration,
) -> std::io::Result<End> {
    if let Err(error) = device.refresh().await {
        return Ok(ended(&error));
    }
    let command = match command_of(word_of(release)) {
        Ok(command) => command,
        Err(words) => return Ok(End::Failed(words)),
    };
    let plan = match device.plan(command, release, hold).await {
        Ok(plan) => plan,
        Err(words) => return Ok(End::Failed(format!("it was not released: {words}"))),
    };
    say(&format!("releasing: {}", plan.summary));
    let outcome = patiently(device.carry_out(&plan, hold.min(PATIENCE))).await;
    write!(out, "release ")?;
    tell(out, &outcome)
}

#[cfg(test)]
mod tests;
