//! `dergate write LINK POINT=VALUE...`: a technician writes points by hand, sees the frames first, and what the device kept.
//!
//! Nothing is written that was not asked for, and nothing without a yes.

mod outstation;

use super::device::{How, Person, Target, ended, hex};
use super::read::{all_of, dnp3_is_meant, fit_for, nameless};
use super::table::{Align, Table};
use super::{End, say};
use crate::southbound::tools::{Fit, Frame, Order, Session, WriteFault, WritePlan, WrittenPoint};
use serde_json::{Value, json};
use std::io::Write;

/// Most orders of one command.
const MAX_ORDERS: usize = 200;

const EXAMPLES: &str = "\
Examples:  dergate write 'modbus+tcp://192.0.2.21' --dry-run 123.WMaxLimPct=60 123.WMaxLim_Ena=1
           dergate write 'modbus+tcp://192.0.2.21' 703.ES=DISABLED --yes
           dergate write 'modbus+tcp://192.0.2.21' 704.PFWInj.PF=0.95 704.PFWInj.Ext=OVER_EXCITED
           dergate write 'modbus+tcp://192.0.2.21' holding:40000=5 holding:40010:i32=-2000
           dergate write 'modbus+tcp://192.0.2.31' --map sungrow-sg --dry-run limit_pct=60 limit_switch=enable
           dergate write 'dnp3+tcp://192.0.2.41?outstation=10' AO87=1000 AO88=600 BO17=on

Points are written in the order given: settings first, enable last. Neighbouring points of one model \
that stand side by side go in one request. Values are in the unit of the point; enumerations and bits \
also by name (bits joined with +).
Outputs of a DNP3 outstation are AO88=600 (the raw number), BO17=on or off (latch), or NAME=VALUE in the unit of the \
point. They are operated one by one as the map says (--select or --direct decide otherwise), and after one that is not \
accepted no more is sent.
A value beyond the range of the point (that of the map or profile, 100 %, a sign that it does not take, the ratings of \
the device) is shown with a warning before you are asked; with --yes nobody is asked, so it is refused unless \
--beyond-range is given too. What the point cannot hold is always refused.
--json prints one object: link, dry_run, frames (function, address, registers, bytes, points), notes, beyond (warnings), \
and after writing points (point, address, registers, value, result, words, read_back). Of a DNP3 outstation: link, dry_run, outputs (point, name, \
value, raw, object, operate, shown_by, beyond) and after writing points (the same, result, words, status, read_back). \
A failure with nothing to show prints error, kind and exit_status instead.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// How the device is reached
    #[arg(value_name = "LINK")]
    link: String,
    /// What is written: 123.WMaxLimPct=60, 703.ES=DISABLED, holding:40000=5, AO88=600, BO17=on
    #[arg(value_name = "POINT=VALUE", required = true)]
    orders: Vec<String>,
    /// Shows the frames or outputs and writes nothing
    #[arg(long)]
    dry_run: bool,
    /// Writes without asking
    #[arg(long)]
    yes: bool,
    /// With --yes: also writes values beyond the range of their points
    #[arg(long, requires = "yes")]
    beyond_range: bool,
    /// Selects each output of a DNP3 outstation before it is operated
    #[arg(long, conflicts_with = "direct")]
    select: bool,
    /// Operates outputs of a DNP3 outstation directly
    #[arg(long)]
    direct: bool,
    /// Prints one object, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) how: How,
}

/// Carries out the command.
pub(super) async fn run(args: &Args, out: &mut dyn Write, person: &mut Person<'_>) -> std::io::Result<End> {
    if dnp3_is_meant(&args.link) {
        return outstation::run(args, out, person).await;
    }
    let orders = match orders_of(args, person) {
        Ok(orders) => orders,
        Err(end) => return Ok(end),
    };
    let device = match args.how.target(&args.link) {
        Ok(device) => device,
        Err(end) => return Ok(end),
    };
    let session = device.session();
    if let Some(end) = not_of_its_map(&device, &session, &orders).await {
        return Ok(end);
    }
    let plan = match session.plan_write(&orders).await {
        Ok(plan) => plan,
        Err(WriteFault::Device(error)) => return Ok(device.ended(&error).await),
        Err(fault @ WriteFault::Refused(_)) => {
            return Ok(End::Failed(format!("nothing was written: {fault}")));
        }
    };
    let (link, unit) = (device.link.to_string(), device.link.unit());
    if !args.json {
        frames(out, unit, &plan)?;
        out.flush()?;
    }
    if args.dry_run {
        if args.json {
            writeln!(out, "{:#}", document(&link, unit, &plan, None))?;
        }
        return Ok(End::Done);
    }
    if let Some(end) = too_far((args.yes, args.beyond_range), &plan.beyond) {
        return Ok(end);
    }
    if let Some(end) = in_flash(&plan).filter(|_| !args.yes) {
        return Ok(end);
    }
    let question = format!("{link}: write {} as shown?", many(plan.frames.len(), "request"));
    if args.json && !args.yes {
        // The data goes to stdout after the fact; who is asked sees it before.
        let mut shown = Vec::new();
        frames(&mut shown, unit, &plan)?;
        say(String::from_utf8_lossy(&shown).trim_end());
    }
    if !person.agrees(args.yes, &question)? {
        return Ok(End::Failed("nothing was written".to_owned()));
    }
    let points = match session.carry_out(&plan).await {
        Ok(points) => points,
        Err(error) => return Ok(ended(&error)),
    };
    tell(args, out, (&link, unit), &plan, &points)
}

/// What became of the points.
fn tell(
    args: &Args,
    out: &mut dyn Write,
    (link, unit): (&str, u8),
    plan: &WritePlan,
    points: &[WrittenPoint],
) -> std::io::Result<End> {
    if args.json {
        writeln!(out, "{:#}", document(link, unit, plan, Some(points)))?;
    } else {
        writeln!(out)?;
        table(points).write(out, "")?;
    }
    out.flush()?;
    let bad: Vec<&str> = points.iter().filter(|p| !p.fate.is_good()).map(|p| p.name.as_str()).collect();
    Ok(if bad.is_empty() { End::Done } else { End::Failed(format!("not as asked: {}", bad.join(", "))) })
}

/// Points by name are written to a device of the map that names them, and to no other.
async fn not_of_its_map(device: &Target, session: &Session, orders: &[Order]) -> Option<End> {
    let targets = || orders.iter().map(|order| &order.target);
    if let Some(end) = nameless(session, targets()) {
        return Some(end);
    }
    match fit_for(session, targets()).await {
        Ok(Fit::No(words)) => Some(End::Failed(format!("nothing was written: {words}"))),
        Ok(Fit::Yes | Fit::NotSaid) => None,
        Err(error) => Some(device.ended(&error).await),
    }
}

/// Whom nobody asks must have said beforehand that values may lie beyond their range.
pub(super) fn too_far((yes, beyond_range): (bool, bool), beyond: &[String]) -> Option<End> {
    (yes && !beyond_range && !beyond.is_empty()).then(|| {
        End::Failed(format!(
            "nothing was written: {}\nwith --yes, a value beyond its range needs --beyond-range too; without --yes you are asked",
            beyond.join("\n")
        ))
    })
}

/// Points that wear out are not written by a mere nod.
fn in_flash(plan: &WritePlan) -> Option<End> {
    (!plan.stored.is_empty()).then(|| {
        let names = plan.stored.join(", ");
        End::Failed(format!(
            "nothing was written: {names} is kept in flash, which wears out; --yes writes it all the same"
        ))
    })
}

/// What is to be written, if it can be agreed to.
fn orders_of(args: &Args, person: &Person<'_>) -> Result<Vec<Order>, End> {
    if args.select || args.direct {
        return Err(End::Usage("--select and --direct are for DNP3 outstations".to_owned()));
    }
    let orders = all_of(&args.orders, Order::parse).map_err(End::Usage)?;
    if orders.len() > MAX_ORDERS {
        return Err(End::Usage(format!("at most {MAX_ORDERS} points are written at once")));
    }
    if !args.dry_run {
        person.can_agree(args.yes)?;
    }
    Ok(orders)
}

pub(super) fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn frames(out: &mut dyn Write, unit: u8, plan: &WritePlan) -> std::io::Result<()> {
    let left = |head| (head, Align::Left);
    let mut table =
        Table::new([("FC", Align::Right), ("ADDRESS", Align::Right), left("REGISTERS"), left("POINTS")]);
    for frame in &plan.frames {
        let points: Vec<String> =
            frame.points.iter().map(|p| format!("{} = {}", p.name, p.value())).collect();
        let cells = [
            frame.function.to_string(),
            frame.address.to_string(),
            hex(&frame.registers()),
            points.join("; "),
        ];
        table.push(cells);
    }
    table.write(out, "")?;
    for frame in &plan.frames {
        writeln!(out, "  {}", bytes(frame, unit))?;
    }
    for note in &plan.notes {
        writeln!(out, "note: {note}")?;
    }
    warnings(out, &plan.beyond)
}

pub(super) fn warnings(out: &mut dyn Write, beyond: &[String]) -> std::io::Result<()> {
    for words in beyond {
        writeln!(out, "warning: {words}")?;
    }
    Ok(())
}

fn bytes(frame: &Frame, unit: u8) -> String {
    frame.bytes(unit).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}

fn table(points: &[WrittenPoint]) -> Table<4> {
    let left = |head| (head, Align::Left);
    let mut table = Table::new([left("POINT"), left("VALUE"), left("RESULT"), left("READ BACK")]);
    for point in points {
        let words = point.fate.words();
        let colon = if words.is_empty() { "" } else { ": " };
        table.push([
            point.name.clone(),
            point.value.clone(),
            format!("{}{colon}{words}", point.fate.name()),
            point.read_back.as_deref().map_or_else(|| "-".to_owned(), hex),
        ]);
    }
    table
}

fn document(link: &str, unit: u8, plan: &WritePlan, points: Option<&[WrittenPoint]>) -> Value {
    let frame = |frame: &Frame| {
        let points: Vec<Value> =
            frame.points.iter().map(|p| json!({ "point": p.name, "value": p.value() })).collect();
        json!({
            "function": frame.function,
            "address": frame.address,
            "registers": frame.registers(),
            "bytes": bytes(frame, unit),
            "points": points,
        })
    };
    let point = |p: &WrittenPoint| {
        json!({
            "point": p.name,
            "address": p.address,
            "registers": p.registers,
            "value": p.value,
            "result": p.fate.name(),
            "words": p.fate.words(),
            "read_back": p.read_back,
        })
    };
    json!({
        "link": link,
        "dry_run": points.is_none(),
        "frames": plan.frames.iter().map(frame).collect::<Vec<_>>(),
        "notes": plan.notes,
        "beyond": plan.beyond,
        "points": points.map(|points| points.iter().map(point).collect::<Vec<_>>()),
    })
}

#[cfg(test)]
mod tests;
