//! Operating outputs of a DNP3 outstation by hand: shown first, sent after a yes, and what shows them afterwards.

use super::{Args, MAX_ORDERS, many, too_far, warnings};
use crate::cli::device::{Person, ended, number, progress};
use crate::cli::probe::outstation_point;
use crate::cli::read::all_of;
use crate::cli::table::{Align, Table};
use crate::cli::{End, say};
use crate::device_map::dnp3::Operate;
use crate::southbound::tools::{OperatedOutput, OutputOrder, PlannedOutput, PointReport, flag_words};
use serde_json::{Value, json};
use std::io::Write;

pub(super) async fn run(args: &Args, out: &mut dyn Write, person: &mut Person<'_>) -> std::io::Result<End> {
    let orders = match orders_of(args, person) {
        Ok(orders) => orders,
        Err(end) => return Ok(end),
    };
    let target = match args.how.target(&args.link) {
        Ok(target) => target,
        Err(end) => return Ok(end),
    };
    let Some(outstation) = target.outstation() else {
        return Ok(End::Usage(format!("{} is no DNP3 link", target.link)));
    };
    let plans = match outstation.plan_outputs(&orders, how(args)).await {
        Ok(Ok(plans)) => plans,
        Ok(Err(words)) => return Ok(End::Failed(format!("nothing was written: {words}"))),
        Err(error) => return Ok(target.ended(&error).await),
    };
    let link = target.link.to_string();
    if !args.json {
        planned(out, &plans)?;
        out.flush()?;
    }
    if args.dry_run {
        if args.json {
            writeln!(out, "{:#}", document(&link, &plans, None))?;
        }
        return Ok(End::Done);
    }
    if let Some(end) = too_far((args.yes, args.beyond_range), &beyond(&plans)) {
        return Ok(end);
    }
    if args.json && !args.yes {
        // The data goes to stdout after the fact; who is asked sees it before.
        let mut shown = Vec::new();
        planned(&mut shown, &plans)?;
        say(String::from_utf8_lossy(&shown).trim_end());
    }
    if !person.agrees(args.yes, &format!("{link}: operate {} as shown?", many(plans.len(), "output")))? {
        return Ok(End::Failed("nothing was written".to_owned()));
    }
    let done = match outstation.operate(&plans, &progress()).await {
        Ok(done) => done,
        // It was found before: nothing else is asked of a device that a command may be under way to.
        Err(error) => return Ok(ended(&error)),
    };
    if args.json {
        writeln!(out, "{:#}", document(&link, &plans, Some(&done)))?;
    } else {
        writeln!(out)?;
        results(&done).write(out, "")?;
    }
    out.flush()?;
    let bad: Vec<String> = done.iter().filter(|o| !o.fate.is_good()).map(|o| o.plan.at.to_string()).collect();
    Ok(if bad.is_empty() { End::Done } else { End::Failed(format!("not as asked: {}", bad.join(", "))) })
}

const fn how(args: &Args) -> Option<Operate> {
    match (args.select, args.direct) {
        (true, _) => Some(Operate::Select),
        (_, true) => Some(Operate::Direct),
        _ => None,
    }
}

/// What is to be operated, if it can be agreed to.
fn orders_of(args: &Args, person: &Person<'_>) -> Result<Vec<OutputOrder>, End> {
    let orders = all_of(&args.orders, OutputOrder::parse).map_err(End::Usage)?;
    if orders.len() > MAX_ORDERS {
        return Err(End::Usage(format!("at most {MAX_ORDERS} outputs are operated at once")));
    }
    if !args.dry_run {
        person.can_agree(args.yes)?;
    }
    Ok(orders)
}

const fn operate_words(how: Operate) -> &'static str {
    match how {
        Operate::Select => "select, then operate",
        Operate::Direct => "direct operate",
    }
}

fn planned(out: &mut dyn Write, plans: &[PlannedOutput]) -> std::io::Result<()> {
    let left = |head| (head, Align::Left);
    let mut table = Table::new([
        left("POINT"),
        left("NAME"),
        left("VALUE"),
        ("RAW", Align::Right),
        left("OBJECT"),
        left("HOW"),
        left("SHOWN BY"),
    ]);
    for plan in plans {
        table.push([
            plan.at.to_string(),
            plan.name.clone().unwrap_or_default(),
            plan.value.clone(),
            plan.raw.to_string(),
            plan.object.to_owned(),
            operate_words(plan.how).to_owned(),
            plan.pair.map_or_else(|| "nothing known".to_owned(), |pair| pair.to_string()),
        ]);
    }
    table.write(out, "")?;
    warnings(out, &beyond(plans))
}

fn beyond(plans: &[PlannedOutput]) -> Vec<String> {
    plans.iter().filter_map(|plan| plan.beyond.clone()).collect()
}

fn results(done: &[OperatedOutput]) -> Table<5> {
    let left = |head| (head, Align::Left);
    let heads = [left("POINT"), left("VALUE"), left("RESULT"), left("READ BACK"), left("OUTPUT STATUS")];
    let mut table = Table::new(heads);
    for output in done {
        let words = output.fate.words();
        let colon = if words.is_empty() { "" } else { ": " };
        table.push([
            output.plan.at.to_string(),
            output.plan.value.clone(),
            format!("{}{colon}{words}", output.fate.name()),
            shown(output.read_back.as_ref()),
            shown(output.status.as_ref()),
        ]);
    }
    table
}

/// `AI149 50 % (ONLINE)`.
fn shown(point: Option<&PointReport>) -> String {
    let Some((point, seen)) = point.and_then(|point| Some((point, point.seen.as_ref()?))) else {
        return "-".to_owned();
    };
    let value = seen.symbols.first().cloned().unwrap_or_else(|| {
        let unit = point.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
        format!("{}{unit}", seen.value)
    });
    let flags = flag_words(point.at.kind, seen.flags);
    let flags = if flags.is_empty() { "no flags".to_owned() } else { flags.join("+") };
    format!("{} {value} ({flags})", point.at)
}

fn document(link: &str, plans: &[PlannedOutput], done: Option<&[OperatedOutput]>) -> Value {
    let plan = |plan: &PlannedOutput| {
        json!({
            "point": plan.at.to_string(),
            "name": plan.name,
            "value": plan.value,
            "raw": number(plan.raw),
            "object": plan.object,
            "operate": match plan.how { Operate::Select => "select", Operate::Direct => "direct" },
            "shown_by": plan.pair.map(|pair| pair.to_string()),
            "beyond": plan.beyond,
        })
    };
    let output = |output: &OperatedOutput| {
        let mut document = plan(&output.plan);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("result".to_owned(), json!(output.fate.name()));
            fields.insert("words".to_owned(), json!(output.fate.words()));
            fields.insert("status".to_owned(), json!(output.status.as_ref().map(outstation_point)));
            fields.insert("read_back".to_owned(), json!(output.read_back.as_ref().map(outstation_point)));
        }
        document
    };
    json!({
        "link": link,
        "dry_run": done.is_none(),
        "outputs": plans.iter().map(plan).collect::<Vec<_>>(),
        "points": done.map(|done| done.iter().map(output).collect::<Vec<_>>()),
    })
}
