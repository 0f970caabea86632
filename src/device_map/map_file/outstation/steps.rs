//! Steps of the commands and curves of an outstation: outputs, and where they can be seen.

use super::super::values::NUMBERS;
use super::super::words::{instead, quoted};
use super::addresses::{Shifts, Spot};
use super::options::{OPERATE, SWITCH};
use super::points::Points;
use crate::device_map::dnp3::{AnalogNumber, Argument, At, OutstationStep, PointKind, StepSource};
use crate::toml_file::{Item, Place, Placed, Table};
use std::time::Duration;

/// Most steps.
const MAX_STEPS: usize = 40;

/// Most points that show one output.
const MAX_READS: usize = 8;

const EXAMPLE: &str = "[ { write = \"AO88\", reads = \"AI149\", from = \"input\" } ]";

/// What steps may refer to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) points: &'a Points,
    pub(super) shifts: &'a Shifts,
    pub(super) number: AnalogNumber,
}

/// A step, and where it is written.
#[derive(Debug)]
pub(super) struct ReadStep {
    pub(super) step: OutstationStep,
    pub(super) place: Place,
}

impl ReadStep {
    /// The part of what is asked that it writes.
    pub(super) const fn argument(&self) -> Option<Argument> {
        match &self.step.value {
            StepSource::Constant(_) => None,
            StepSource::Argument(argument) | StepSource::PercentOf { argument, .. } => Some(*argument),
        }
    }
}

/// A list of steps; `allowed` are the parts of what is asked that they may write.
pub(super) fn read(
    (item, level): (Item, usize),
    label: &str,
    word: &str,
    allowed: &[Argument],
    context: &Context<'_>,
) -> Vec<ReadStep> {
    let Some(list) = item.list(EXAMPLE) else { return Vec::new() };
    if list.value.is_empty() {
        list.place.fault(format!("{label}: this list is empty; write {EXAMPLE}, or leave the key out"));
    }
    if list.value.len() > MAX_STEPS {
        list.place.fault(format!("{label}: more than {MAX_STEPS} {word}s; there are at most so many"));
    }
    let step = |(k, item): (usize, Item)| {
        let label = format!("{label}: {word} {}", k + 1);
        if !item.is_table() {
            item.place().fault(format!("{label} must be a table; write {EXAMPLE}"));
            return None;
        }
        read_step(item.table(&label)?, level, &label, allowed, context)
    };
    list.value.into_iter().take(MAX_STEPS).enumerate().filter_map(step).collect()
}

fn read_step(
    mut table: Table,
    level: usize,
    label: &str,
    allowed: &[Argument],
    context: &Context<'_>,
) -> Option<ReadStep> {
    let place = table.place().clone();
    let write = table
        .required_text("write", "\"AO88\"")
        .and_then(|text| context.shifts.spot(text, level, label))
        .and_then(|spot| output(spot, label));
    let reads = table.require("reads", "\"AI149\", or reads = [] if no point shows what was written");
    let reads = reads.map(|item| read_reads(item, level, write, label, context)).unwrap_or_default();
    let from = table.text("from", "\"input\"");
    let value = table.take("value");
    let percent_of = table.take("percent_of");
    let scale = table
        .number("scale", NUMBERS, "0.1")
        .and_then(|scale| super::super::points::not_zero(scale, label))
        .unwrap_or(1.0);
    let min = table.number("min", NUMBERS, "0");
    let max = table.number("max", NUMBERS, "100");
    let operate = table.word("operate", &OPERATE).map(|word| word.value);
    let switch = table.word("switch", &SWITCH);
    let shows = table.word("shows", &[("on", true), ("off", false)]);
    let within = table.number("within_s", 0.1..=3600.0, "5");
    let within = within.and_then(|n| Duration::try_from_secs_f64(n.value).ok());
    let optional = table.boolean("optional").is_some_and(|given| given.value);
    table.finish();
    let source = source(from, value, percent_of, (&place, label), allowed, context);
    let range = range(min, max, label);
    let step = OutstationStep {
        write: write?,
        reads,
        value: source?,
        scale,
        range,
        operate,
        switch: switch.as_ref().map(|word| word.value),
        shows: shows.as_ref().map(|word| word.value),
        within,
        optional,
    };
    fits(&step, context.number, &place, label);
    of_switches(&step, [switch.map(|word| word.place), shows.map(|word| word.place)], label);
    Some(ReadStep { step, place })
}

/// Only outputs are commanded.
fn output(spot: Spot, label: &str) -> Option<At> {
    if spot.at.kind.is_output() {
        return Some(spot.at);
    }
    spot.place
        .fault(format!("{label} writes {}, which only reports; what can be commanded is AO or BO", spot.at));
    None
}

/// `"AI149"`, or a list of such, any of which is enough.
fn read_reads(item: Item, level: usize, write: Option<At>, label: &str, context: &Context<'_>) -> Vec<At> {
    let items = if item.is_list() {
        let Some(list) = item.list("[\"BI12\", \"BI14\"]") else { return Vec::new() };
        if list.value.len() > MAX_READS {
            list.place.fault(format!("{label}: reads names more than {MAX_READS} points"));
        }
        list.value
    } else {
        vec![item]
    };
    let mut found = Vec::new();
    for item in items.into_iter().take(MAX_READS) {
        let Some(spot) = context.shifts.spot_of(item, level, label, "\"AI149\"") else { continue };
        let shows_switch = spot.at.kind.is_binary() || spot.at.kind == PointKind::DoubleBitInput;
        if write.is_some_and(|write| write.kind.is_binary() != shows_switch) {
            spot.place.fault(format!(
                "{label}: {} cannot show what is written to {}; an AO shows in a number, a BO in a BI, DBI or BO",
                spot.at,
                write.map(|write| write.to_string()).unwrap_or_default()
            ));
        } else if found.contains(&spot.at) {
            spot.place.fault(format!("{label}: reads names {} twice; once is enough", spot.at));
        } else {
            found.push(spot.at);
        }
    }
    found
}

fn source(
    from: Option<Placed<String>>,
    value: Option<Item>,
    percent_of: Option<Item>,
    (place, label): (&Place, &str),
    allowed: &[Argument],
    context: &Context<'_>,
) -> Option<StepSource> {
    match (from, value) {
        (None, Some(item)) => {
            if let Some(percent_of) = percent_of {
                percent_of.place().fault(format!("{label}: percent_of goes with from = \"input\" only"));
            }
            constant(item).map(StepSource::Constant)
        }
        (Some(from), None) => {
            let argument = argument(&from, label, allowed)?;
            match percent_of {
                None => Some(StepSource::Argument(argument)),
                Some(item) if argument == Argument::Input => base(item, label, context),
                Some(item) => {
                    item.place().fault(format!("{label}: percent_of goes with from = \"input\" only"));
                    None
                }
            }
        }
        _ => {
            place.fault(format!("{label} needs either from = \"input\" or value = …"));
            None
        }
    }
}

/// A number, `"on"` or `"off"`.
fn constant(item: Item) -> Option<f64> {
    if !item.is_text() {
        return item.number(&NUMBERS, "100").map(|n| n.value);
    }
    let word = item.text("\"on\"")?;
    super::super::words::one_of(&word, "value", &[("on", 1.0), ("off", 0.0)])
}

fn argument(from: &Placed<String>, label: &str, allowed: &[Argument]) -> Option<Argument> {
    let found = allowed.iter().copied().find(|argument| argument.name() == from.value);
    if found.is_some() {
        return found;
    }
    if allowed.is_empty() {
        from.place.fault(format!("{label}: nothing is asked here that could be written; write value = …"));
        return None;
    }
    let known: Vec<&str> = allowed.iter().map(|argument| argument.name()).collect();
    let is_other = Argument::ALL.iter().any(|argument| argument.name() == from.value);
    let what = if is_other { "is not part of what is asked here" } else { "is not known" };
    from.place.fault(format!(
        "{label}: from {} {what}; {}",
        quoted(&from.value),
        instead(&from.value, &known)
    ));
    None
}

/// `percent_of = "active_power_max"`, or one name for values from 0 up and one for those below.
fn base(item: Item, label: &str, context: &Context<'_>) -> Option<StepSource> {
    const EXAMPLE: &str = "[\"active_power_max\", \"charge_max\"]";
    let place = item.place().clone();
    let names: Vec<Placed<String>> = if item.is_list() {
        item.list(EXAMPLE)?.value.into_iter().filter_map(|item| item.text("\"active_power_max\"")).collect()
    } else {
        item.text("\"active_power_max\"").into_iter().collect()
    };
    let known = |name: Option<&Placed<String>>| {
        let name = name?;
        let label = format!("{label}: percent_of");
        let point = context.points.find(name, &label)?;
        if point.at.kind.is_binary() {
            name.place.fault(format!("{label}: \"{}\" is on or off; percent are of a number", point.name));
        }
        Some(point.name.clone())
    };
    if names.is_empty() || names.len() > 2 {
        place.fault(format!("{label}: percent_of names one or two points; write percent_of = {EXAMPLE}"));
        return None;
    }
    let (positive, negative) = (known(names.first()), known(names.get(1)));
    Some(StepSource::PercentOf { argument: Argument::Input, positive: positive?, negative })
}

fn range(min: Option<Placed<f64>>, max: Option<Placed<f64>>, label: &str) -> Option<(f64, f64)> {
    match (min, max) {
        (None, None) => None,
        (Some(min), Some(max)) if min.value <= max.value => Some((min.value, max.value)),
        (Some(min), Some(max)) => {
            max.place.fault(format!("{label} has min {} over max {}; exchange them", min.value, max.value));
            None
        }
        (Some(one), None) | (None, Some(one)) => {
            one.place.fault(format!("{label}: min and max go together; write both"));
            None
        }
    }
}

/// `switch` and `shows` say something of a binary output alone; `shows` of a constant, else on and off show alike.
fn of_switches(step: &OutstationStep, [switch, shows]: [Option<Place>; 2], label: &str) {
    let is_switch = step.write.kind.is_binary();
    if let Some(place) = switch.filter(|_| !is_switch) {
        place.fault(format!("{label}: {} is a number, not a switch; leave switch out", step.write));
    }
    let Some(place) = shows else { return };
    if !is_switch || !matches!(step.value, StepSource::Constant(_)) {
        place.fault(format!("{label}: shows goes with a BO and value = \"on\" or \"off\"; leave it out"));
    } else if step.reads.is_empty() {
        place.fault(format!("{label}: shows says what reads is then, but reads is empty"));
    }
}

/// What is written must be something that the output takes.
fn fits(step: &OutstationStep, number: AnalogNumber, place: &Place, label: &str) {
    if step.write.kind.is_binary() {
        let right = match &step.value {
            StepSource::Constant(value) => *value == 0.0 || *value == 1.0,
            StepSource::Argument(argument) => *argument == Argument::Absorbing,
            StepSource::PercentOf { .. } => false,
        };
        if !right {
            place.fault(format!("{label}: {} is on or off; write value = \"on\" or \"off\"", step.write));
        } else if step.scale.to_bits() != 1.0_f64.to_bits() || step.range.is_some() {
            place.fault(format!("{label}: {} is on or off; leave out scale, min and max", step.write));
        }
        return;
    }
    let (low, high) = match number {
        AnalogNumber::Int32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        AnalogNumber::Int16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        AnalogNumber::Float32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
    };
    let (first, last) = match (&step.value, step.range) {
        (StepSource::Constant(value), _) => (*value, *value),
        (_, Some(range)) => range,
        _ => return,
    };
    for value in [first, last] {
        let raw = value / step.scale;
        if !(low..=high).contains(&raw) {
            place.fault(format!(
                "{label}: {value} is the raw value {raw:.0}, beyond what {} takes ({low:.0} to {high:.0})",
                step.write
            ));
            return;
        }
    }
}
