//! Steps, conditions and read-backs of commands and procedures.

use super::commands::Context;
use super::input::ReadInput;
use super::values::{all_can_be_written, can_be_written, can_stand, value_for};
use super::words::quoted;
use crate::device_map::registers::{Access, RegisterPoint, Require, Step, StepValue, Verify};
use crate::toml_file::{Item, Place, Placed, Table};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Most steps of a command or procedure, and most conditions and read-backs.
const MAX_STEPS: usize = 20;

/// How long a step or read-back may take, in seconds.
const WAIT_S: RangeInclusive<f64> = 0.0..=600.0;

/// Longest hint.
const MAX_HINT: usize = 500;

/// A step, and where it is written.
#[derive(Debug)]
pub(super) struct ReadStep {
    pub(super) step: Step,
    pub(super) place: Place,
}

/// What steps may do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Allowed<'a> {
    /// Steps of a command with a value, and its input unless that has a fault: writes only.
    Command(Option<&'a ReadInput>),
    /// Release of a command, or steps of one without a value: writes of fixed values.
    Fixed,
    /// Steps of a procedure: fixed values, waits and expectations.
    Procedure,
}

/// The tables of a list, each with a label of its own: `command "limit_active_power": step 1`.
fn tables(item: Item, label: &str, word: &str, example: &str) -> Vec<(Table, String)> {
    let Some(list) = item.list(example) else { return Vec::new() };
    if list.value.is_empty() {
        list.place.fault(format!("{label}: this list is empty; write {example}, or leave the key out"));
    }
    if list.value.len() > MAX_STEPS {
        list.place.fault(format!("{label}: more than {MAX_STEPS} {word}s; there are at most so many"));
    }
    let table = |(k, item): (usize, Item)| {
        let label = format!("{label}: {word} {}", k + 1);
        Some((item.table(&label)?, label))
    };
    list.value.into_iter().take(MAX_STEPS).enumerate().filter_map(table).collect()
}

pub(super) fn read(
    item: Item,
    label: &str,
    word: &str,
    allowed: Allowed<'_>,
    context: &Context<'_>,
) -> Vec<ReadStep> {
    let tables = tables(item, label, word, "[ { write = \"limit_pct\", from = \"input\" } ]");
    tables.into_iter().filter_map(|(table, label)| read_step(table, &label, allowed, context)).collect()
}

fn read_step(mut table: Table, label: &str, allowed: Allowed<'_>, context: &Context<'_>) -> Option<ReadStep> {
    let place = table.place().clone();
    let write = table.text("write", "\"limit_pct\"");
    let from = table.text("from", "\"input\"");
    let value = table.take("value");
    let wait = table.number("wait_s", WAIT_S, "10");
    let expect = table.text("expect", "\"commit\"");
    let equals = table.take("equals");
    table.finish();
    let step = match (write, wait, expect) {
        (Some(write), None, None) => {
            refuse(equals.as_ref().map(Item::place), label, "equals belongs to expect; write value");
            write_step(&write, from, value, label, allowed, context)
        }
        (None, wait, expect) if wait.is_some() != expect.is_some() => {
            refuse(from.as_ref().map(|f| &f.place), label, "from belongs to write");
            refuse(value.as_ref().map(Item::place), label, "value belongs to write");
            if !matches!(allowed, Allowed::Procedure) {
                place.fault(format!(
                    "{label} does not write; only a [[procedure]] may wait and expect, a command has verify"
                ));
            }
            match (wait, expect) {
                (Some(wait), _) => Duration::try_from_secs_f64(wait.value).ok().map(Step::Wait),
                (None, expect) => expect_step(&expect?, equals, &place, label, context),
            }
        }
        _ => {
            place.fault(format!("{label} must have one of write, wait_s and expect"));
            None
        }
    }?;
    Some(ReadStep { step, place })
}

fn refuse(place: Option<&Place>, label: &str, why: &str) {
    if let Some(place) = place {
        place.fault(format!("{label}: {why}"));
    }
}

fn write_step(
    write: &Placed<String>,
    from: Option<Placed<String>>,
    value: Option<Item>,
    label: &str,
    allowed: Allowed<'_>,
    context: &Context<'_>,
) -> Option<Step> {
    let point = context.points.find(write, label)?;
    if point.access == Access::Read {
        write.place.fault(format!(
            "{label} writes \"{}\", which is access = \"r\"; write access = \"rw\" there if the device takes it",
            point.name
        ));
        return None;
    }
    let name = point.name.clone();
    match (from, value) {
        (None, Some(item)) => {
            let value = value_for(point, item, label, can_be_written)?;
            Some(Step::Write { point: name, value: StepValue::Constant(value) })
        }
        (Some(from), None) if from.value == "input" => {
            let Allowed::Command(input) = allowed else {
                from.place.fault(format!("{label}: there is no input here; write value = …"));
                return None;
            };
            if let Some(input) = input {
                fits_input(point, input, &from.place, label);
            }
            Some(Step::Write { point: name, value: StepValue::Input })
        }
        (Some(from), None) => {
            from.place
                .fault(format!("{label}: from {} is not known; write from = \"input\"", quoted(&from.value)));
            None
        }
        _ => {
            write.place.fault(format!("{label} needs either from = \"input\" or value = …"));
            None
        }
    }
}

/// Every value that the input may have must be one that the point takes.
fn fits_input(point: &RegisterPoint, input: &ReadInput, place: &Place, label: &str) {
    if let Some(unit) = point.unit.as_ref().filter(|unit| **unit != input.unit) {
        place.fault(format!(
            "{label}: input is in {}, but point \"{}\" in {}; write both in the unit of the device",
            quoted(&input.unit),
            point.name,
            quoted(unit)
        ));
    }
    if let Err(why) = all_can_be_written(point, input.input.min, input.input.max) {
        place.fault(format!("{label}: the input does not fit in \"{}\": {why}", point.name));
    }
}

fn expect_step(
    expect: &Placed<String>,
    equals: Option<Item>,
    place: &Place,
    label: &str,
    context: &Context<'_>,
) -> Option<Step> {
    let point = readable(expect, label, context)?;
    let Some(equals) = equals else {
        place.fault(format!("{label} expects nothing; add equals = 0"));
        return None;
    };
    let equals = value_for(point, equals, label, can_stand)?;
    Some(Step::Expect { point: point.name.clone(), equals })
}

/// A point that can be compared.
fn readable<'a>(name: &Placed<String>, label: &str, context: &Context<'a>) -> Option<&'a RegisterPoint> {
    let point = context.points.find(name, label)?;
    if point.access == Access::Write {
        name.place.fault(format!("{label} reads \"{}\", which is access = \"w\"", point.name));
        return None;
    }
    Some(point)
}

/// `require = [ { point = "…", equals = 1, hint = "…" } ]`
pub(super) fn read_require(item: Item, label: &str, context: &Context<'_>) -> Vec<Require> {
    let example = "[ { point = \"remote\", equals = 1, hint = \"enable remote control\" } ]";
    let read = |(mut table, label): (Table, String)| {
        let point = table.required_text("point", "\"remote\"");
        let equals = table.require("equals", "1");
        let hint = table.required_text("hint", "\"enable remote control in the menu\"");
        table.finish();
        let point = readable(&point?, &label, context)?;
        let equals = value_for(point, equals?, &label, can_stand)?;
        let hint = hint?;
        if hint.value.trim().is_empty() || hint.value.chars().count() > MAX_HINT {
            hint.place.fault(format!("{label}: a hint has 1 to {MAX_HINT} characters"));
        }
        Some(Require { point: point.name.clone(), equals, hint: hint.value })
    };
    tables(item, label, "condition", example).into_iter().filter_map(read).collect()
}

/// `verify = [ { point = "…", equals = "input", within_s = 2 } ]`
pub(super) fn read_verify(item: Item, label: &str, has_value: bool, context: &Context<'_>) -> Vec<Verify> {
    let example = "[ { point = \"limit_pct\", equals = \"input\", within_s = 2 } ]";
    let read = |(mut table, label): (Table, String)| {
        let point = table.required_text("point", "\"limit_pct\"");
        let equals = table.require("equals", "\"input\"");
        let within = table.required_number("within_s", WAIT_S, "2");
        table.finish();
        let point = readable(&point?, &label, context)?;
        let equals = equals_of(point, equals?, &label, has_value)?;
        let within = Duration::try_from_secs_f64(within?.value).ok()?;
        Some(Verify { point: point.name.clone(), equals, within })
    };
    tables(item, label, "read-back", example).into_iter().filter_map(read).collect()
}

fn equals_of(point: &RegisterPoint, item: Item, label: &str, has_value: bool) -> Option<StepValue> {
    let place = item.place().clone();
    if item.is_text() {
        let word = item.text("\"input\"")?;
        if word.value == "input" {
            if !has_value {
                place.fault(format!("{label}: there is no input to compare with; write a number"));
            }
            return Some(StepValue::Input);
        }
        let symbol = point.symbols.iter().find(|(_, name)| *name == word.value);
        if let Some((raw, _)) = symbol {
            return Some(StepValue::Constant(*raw as f64 * point.scale + point.offset));
        }
        let mut names: Vec<&str> = point.symbols.iter().map(|(_, name)| name.as_str()).collect();
        names.push("input");
        let right = super::words::instead(&word.value, &names);
        place.fault(format!("{label}: {} is no value of \"{}\"; {right}", quoted(&word.value), point.name));
        return None;
    }
    value_for(point, item, label, can_stand).map(StepValue::Constant)
}

/// Seconds of `within_s` of an effect.
pub(super) fn within(table: &mut Table) -> Option<Duration> {
    Duration::try_from_secs_f64(table.required_number("within_s", WAIT_S, "30")?.value).ok()
}
