//! Operates single outputs that a person names, and looks what shows them afterwards.
//!
//! It decides nothing about the outstation: what a person asks is sent, in this order, and after a refusal nothing more.

use super::beyond::beyond;
use super::catalogue::tidy;
use super::read::one;
use super::{Catalogue, Tell};
use crate::device_map::dnp3::{AnalogNumber, At, Operate, OutstationMap, PointKind};
use crate::southbound::dnp3::{Field, OperateError, Operation, Output};
use crate::southbound::tools::{OperatedOutput, OutputFate, OutputOrder, Pick, PlannedOutput, PointReport};
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks at what shows an output.
const AGAIN: Duration = Duration::from_millis(250);

/// Decides what is sent. By address a number is raw, by name it is in the unit of the point.
///
/// # Errors
/// All that cannot be sent, in words, one a line.
pub fn plan(
    map: &OutstationMap,
    orders: &[OutputOrder],
    how: Option<Operate>,
) -> Result<Vec<PlannedOutput>, String> {
    let (mut plans, mut faults) = (Vec::with_capacity(orders.len()), Vec::new());
    for order in orders {
        match planned(map, order, how) {
            Ok(plan) => plans.push(plan),
            Err(words) => faults.push(words),
        }
    }
    if faults.is_empty() { Ok(plans) } else { Err(faults.join("\n")) }
}

fn planned(map: &OutstationMap, order: &OutputOrder, how: Option<Operate>) -> Result<PlannedOutput, String> {
    let catalogue = Catalogue::new(map);
    let (at, by_name) = match &order.pick {
        Pick::Range(kind, index, _) => (At { kind: *kind, index: *index }, false),
        Pick::Named(name) => (output_named(catalogue, name)?, true),
    };
    let blank = catalogue.blank(at);
    let unit = blank.unit.clone().map(|unit| format!(" {unit}")).unwrap_or_default();
    let (raw, value, object) = if at.kind == PointKind::BinaryOutput {
        let on = on_or_off(at, &order.value)?;
        let words = if on { ("on", "LATCH_ON") } else { ("off", "LATCH_OFF") };
        (f64::from(u8::from(on)), words.0.to_owned(), words.1)
    } else {
        let asked = number(at, &order.value)?;
        let raw = if by_name { (asked - blank.offset) / blank.scale } else { asked };
        let raw = representable(at, raw, map.control.number, by_name)?;
        let value = tidy(raw * blank.scale + blank.offset);
        (raw, format!("{value}{unit}"), object_of(map.control.number))
    };
    Ok(PlannedOutput {
        at,
        name: blank.known_as().map(str::to_owned),
        value,
        raw,
        object,
        how: how.unwrap_or_else(|| catalogue.operated(at)),
        pair: catalogue.shows(at).first().copied(),
        beyond: beyond(catalogue, at, raw),
    })
}

/// The output of a name. A point of the map is mostly an input; the output that it shows is meant then.
fn output_named(catalogue: Catalogue<'_>, name: &str) -> Result<At, String> {
    let found = catalogue.named(name);
    let mut outputs: Vec<At> = found.iter().copied().filter(|at| at.kind.is_output()).collect();
    if outputs.is_empty() {
        let known = catalogue.known();
        let shown_by = |output: &At| catalogue.shows(*output).iter().any(|shows| found.contains(shows));
        outputs = known.into_iter().filter(|at| at.kind.is_output()).filter(shown_by).collect();
    }
    match (outputs.as_slice(), found.first()) {
        ([only], _) => Ok(*only),
        ([], Some(at)) => Err(format!("{name} ({at}) is an input, and no output is known that it shows")),
        ([], None) => Err(catalogue.no_such(name)),
        (several, _) => {
            let names: Vec<String> = several.iter().map(At::to_string).collect();
            Err(format!(
                "{name} is the name of several outputs: {}; name one by its address",
                names.join(", ")
            ))
        }
    }
}

fn on_or_off(at: At, text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "1" | "true" => Ok(true),
        "off" | "0" | "false" => Ok(false),
        _ => Err(format!("{at} takes on or off, not \"{}\"", text.escape_debug())),
    }
}

fn number(at: At, text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("{at} takes a number, not \"{}\"", text.escape_debug()))
}

const fn object_of(number: AnalogNumber) -> &'static str {
    match number {
        AnalogNumber::Int32 => "g41v1",
        AnalogNumber::Int16 => "g41v2",
        AnalogNumber::Float32 => "g41v3",
    }
}

/// The raw number that the object can carry.
fn representable(at: At, raw: f64, number: AnalogNumber, rounds: bool) -> Result<f64, String> {
    let (low, high) = match number {
        AnalogNumber::Int32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        AnalogNumber::Int16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        AnalogNumber::Float32 => {
            let fits = raw.abs() <= f64::from(f32::MAX);
            return fits.then_some(raw).ok_or_else(|| format!("{at} cannot carry {raw}"));
        }
    };
    // f64::round rounds half away from zero.
    let whole = raw.round();
    if !rounds && whole.total_cmp(&raw).is_ne() && whole != 0.0 || !rounds && whole == 0.0 && raw.abs() > 0.0
    {
        return Err(format!(
            "{at} takes a whole raw number, not {raw}; by name it takes a value with its unit"
        ));
    }
    if (low..=high).contains(&whole) {
        return Ok(if whole == 0.0 { 0.0 } else { whole });
    }
    Err(format!("{at} carries {low} to {high} raw, not {whole}"))
}

/// Operates the outputs in order, and stops at the first that is not accepted. `tell` hears of each.
pub async fn carry_out<F: Field>(
    field: &F,
    map: &OutstationMap,
    plans: &[PlannedOutput],
    tell: Tell<'_>,
) -> Vec<OperatedOutput> {
    let mut done = Vec::with_capacity(plans.len());
    let mut stopped = None;
    for plan in plans {
        if let Some(at) = stopped {
            let fate = OutputFate::NotSent(format!("{at} before it was not accepted"));
            done.push(OperatedOutput { plan: plan.clone(), fate, status: None, read_back: None });
            continue;
        }
        tell(&format!("{} = {}", plan.at, plan.value));
        let operated = operate(field, map, plan).await;
        if !matches!(operated.fate, OutputFate::Shown | OutputFate::Accepted(_) | OutputFate::NotShown(_)) {
            stopped = Some(plan.at);
        }
        done.push(operated);
    }
    done
}

async fn operate<F: Field>(field: &F, map: &OutstationMap, plan: &PlannedOutput) -> OperatedOutput {
    let value = if plan.at.kind == PointKind::BinaryOutput {
        Output::switch(plan.raw != 0.0, None, &map.control)
    } else {
        Output::Number(plan.raw, map.control.number)
    };
    let operation = Operation { at: plan.at, value, how: plan.how };
    let said = field.operate(std::slice::from_ref(&operation)).await;
    // What was not sent, or was refused, is looked at once: some outstations act and refuse.
    let patience = if said.is_ok() { map.control.verify } else { Duration::ZERO };
    let sent = !matches!(said, Err(OperateError::NotSent(_)));
    let (read_back, status) = if sent {
        (look(field, map, plan, patience).await, one(field, map, plan.at).await)
    } else {
        (None, None)
    };
    let fate = match said {
        Ok(()) => accepted(map, plan, read_back.as_ref()),
        Err(OperateError::NotSent(why)) => OutputFate::NotSent(why),
        Err(error @ (OperateError::Status(_) | OperateError::Refused(_))) => {
            OutputFate::Refused(error.to_string())
        }
        Err(error @ (OperateError::NoAnswer | OperateError::Broken(_))) => {
            OutputFate::Unknown(format!("{error}; what the outstation holds is not known"))
        }
    };
    OperatedOutput { plan: plan.clone(), fate, status, read_back }
}

/// What shows the output, once it shows what was asked or patience is at its end.
async fn look<F: Field>(
    field: &F,
    map: &OutstationMap,
    plan: &PlannedOutput,
    patience: Duration,
) -> Option<PointReport> {
    let pair = plan.pair?;
    let until = Instant::now() + patience;
    loop {
        let shown = one(field, map, pair).await;
        let same = shown.as_ref().is_some_and(|shown| shows(map, plan, shown));
        if same || Instant::now() >= until {
            return shown;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// True if an input shows what was asked. It may be scaled otherwise than the output. A setting counts without ONLINE.
fn shows(map: &OutstationMap, plan: &PlannedOutput, shown: &PointReport) -> bool {
    let Some(seen) = &shown.seen else { return false };
    if plan.at.kind == PointKind::BinaryOutput {
        return (seen.raw != 0.0) == (plan.raw != 0.0);
    }
    let (scale, offset) = Catalogue::new(map).scaling(plan.at);
    let asked = plan.raw * scale + offset;
    let step = scale.abs().max(shown.scale.abs()) / 2.0;
    (seen.value - asked).abs() < step
}

fn accepted(map: &OutstationMap, plan: &PlannedOutput, shown: Option<&PointReport>) -> OutputFate {
    match (plan.pair, shown) {
        (None, _) => OutputFate::Accepted("no input is known that shows it".to_owned()),
        (Some(pair), None) => OutputFate::Accepted(format!("{pair} cannot be read")),
        (Some(_), Some(shown)) if shows(map, plan, shown) => OutputFate::Shown,
        (Some(pair), Some(shown)) => {
            let words = format!("{pair} shows {}", in_words(shown));
            // A switch may still be moving, and some outstations show no switch at all.
            if plan.at.kind == PointKind::BinaryOutput {
                OutputFate::Accepted(words)
            } else {
                OutputFate::NotShown(words)
            }
        }
    }
}

/// `50 %`, `off`.
pub fn in_words(point: &PointReport) -> String {
    let Some(seen) = &point.seen else { return "nothing".to_owned() };
    if let Some(symbol) = seen.symbols.first() {
        return symbol.clone();
    }
    let unit = point.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
    format!("{}{unit}", seen.value)
}

#[cfg(test)]
mod tests;
