//! `[[command]]` and `[[procedure]]`: what a device with registers can be asked to do.
//!
//! A command that cannot be undone, or of which nothing can be seen, is a fault: the gateway moves real power with it.

use super::input::{self, ReadInput};
use super::link::seconds;
use super::points::Points;
use super::steps::{self, Allowed, ReadStep};
use super::sunspec::command_name;
use super::units::QUANTITIES;
use super::words::one_of;
use crate::der::Quantity;
use crate::device_map::library::Library;
use crate::device_map::map::MapKind;
use crate::device_map::registers::{
    Access, CommandName, EffectBound, EffectRule, Procedure, RegisterCommand, RegisterQuantity, Step,
    StepValue,
};
use crate::toml_file::{Place, Placed, Table};
use std::time::Duration;

/// Most commands, and most procedures.
const MAX_COMMANDS: usize = 50;

/// Longest name of a procedure.
const MAX_NAME: usize = 64;

/// What commands may refer to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) points: &'a Points,
    pub(super) kind: MapKind,
    pub(super) library: &'a Library,
}

/// A command, and what of it is written where.
#[derive(Debug)]
struct Read {
    command: RegisterCommand,
    place: Place,
    has_release: bool,
}

pub(super) fn read(tables: Vec<Table>, context: &Context<'_>) -> Vec<RegisterCommand> {
    if let Some(over) = tables.get(MAX_COMMANDS) {
        over.fault(format!("more than {MAX_COMMANDS} commands; a map has at most so many"));
    }
    let mut commands: Vec<Read> = Vec::new();
    for table in tables.into_iter().take(MAX_COMMANDS) {
        let Some(read) = read_command(table, context) else { continue };
        if commands.iter().any(|known| known.command.name == read.command.name) {
            let name = read.command.name.name();
            read.place.fault(format!("command \"{name}\" is defined twice; keep one of them"));
        } else {
            commands.push(read);
        }
    }
    let connects = commands.iter().any(|read| read.command.name == CommandName::Connect);
    for read in commands.iter().filter(|read| !read.has_release) {
        check_release(read.command.name, &read.place, connects);
    }
    commands.into_iter().map(|read| read.command).collect()
}

fn read_command(mut table: Table, context: &Context<'_>) -> Option<Read> {
    let place = table.place().clone();
    let word = table.required_text("name", "\"limit_active_power\"");
    let name = word.as_ref().and_then(command_name);
    let label = word.as_ref().map_or_else(|| "command".to_owned(), |w| format!("command \"{}\"", w.value));
    let input = table.table("input", "input = { unit = \"%\", min = 0, max = 100, base = \"rated\" }");
    let given_input = input.is_some();
    // The rest of a command that has no meaning cannot be judged.
    let Some(name) = name else {
        drop(table);
        return None;
    };
    definable(name, word.as_ref())?;
    let input = input.and_then(|table| input::read(table, name, &label, context));
    if input::has_value(name) && !given_input {
        place.fault(format!("{label} has a value, so it needs input = {{ unit = \"%\", min = 0, max = 100, base = \"rated\" }}"));
    }
    let require =
        table.take("require").map(|item| steps::read_require(item, &label, context)).unwrap_or_default();
    let allowed = if input::has_value(name) { Allowed::Command(input.as_ref()) } else { Allowed::Fixed };
    let written = table
        .require("steps", "[ { write = \"limit_pct\", from = \"input\" } ]")
        .map(|item| steps::read(item, &label, "step", allowed, context));
    let whole = written.is_some();
    let written = written.unwrap_or_default();
    let (has_verify, has_release) = (table.has("verify"), table.has("release"));
    let verify = table
        .take("verify")
        .map(|item| steps::read_verify(item, &label, input::has_value(name), context))
        .unwrap_or_default();
    let effect = table.table("effect", "effect = { … }").and_then(|t| read_effect(t, &label, name));
    let release = table
        .take("release")
        .map(|item| steps::read(item, &label, "release step", Allowed::Fixed, context))
        .unwrap_or_default();
    let (refresh, reverts_after) = read_refresh(&mut table, &label);
    let min_interval = seconds(&mut table, "min_interval_s", 1..=86_400, "60");
    table.finish();
    let all_read = Checked { written: &written, release: &release, label: &label, context };
    all_read.stored(min_interval.is_some());
    all_read.order();
    all_read.seen(has_verify || effect.is_some());
    if whole && input.is_some() && !written.iter().any(|read| is_input(&read.step)) {
        place.fault(format!("{label} never writes its input; one step needs from = \"input\""));
    }
    let command = RegisterCommand {
        name,
        input: input.map(|read: ReadInput| read.input),
        require,
        steps: written.into_iter().map(|read| read.step).collect(),
        verify,
        effect,
        release: release.into_iter().map(|read| read.step).collect(),
        refresh,
        reverts_after,
        min_interval,
    };
    Some(Read { command, place, has_release })
}

/// `refresh_s` and `reverts_after_s`. A refresh that comes late once must not let the device give up what is held.
fn read_refresh(table: &mut Table, label: &str) -> (Option<Duration>, Option<Duration>) {
    let refresh = table.integer("refresh_s", 1..=3600, "30");
    let reverts = table.integer("reverts_after_s", 2..=86_400, "60");
    if let Some(reverts) = &reverts {
        match &refresh {
            None => reverts.place.fault(format!(
                "{label}: the device gives it up after {} s, so it must be written again before; add refresh_s = {}",
                reverts.value,
                (reverts.value / 2).min(3600)
            )),
            Some(refresh) if refresh.value * 2 > reverts.value => refresh.place.fault(format!(
                "{label}: refresh_s is {}, but must be at most half of reverts_after_s; write {}",
                refresh.value,
                (reverts.value / 2).min(3600)
            )),
            Some(_) => {}
        }
    }
    let seconds = |n: Placed<i64>| u64::try_from(n.value).ok().map(Duration::from_secs);
    (refresh.and_then(seconds), reverts.and_then(seconds))
}

/// Commands with more than one value cannot be made of writes of one input.
fn definable(name: CommandName, word: Option<&Placed<String>>) -> Option<()> {
    match name {
        CommandName::SetRampRates | CommandName::SetCurve | CommandName::SetEnterService => {
            if let Some(word) = word {
                word.place.fault(format!(
                    "command \"{}\" has several values and cannot be made of register writes; it can only be disabled in [sunspec]",
                    name.name()
                ));
            }
            None
        }
        _ => Some(()),
    }
}

pub(super) fn read_effect(mut table: Table, label: &str, name: CommandName) -> Option<EffectRule> {
    let place = table.place().clone();
    let quantity =
        table.required_text("quantity", "\"active_power\"").and_then(|word| measured(&word, label));
    let at_most = table.text("at_most", "\"input\"");
    let equals = table.text("equals", "\"input\"");
    let tolerance = table.number("tolerance_pct", 0.0..=100.0, "5").map_or(5.0, |n| n.value);
    let within = steps::within(&mut table);
    table.finish();
    if !input::has_value(name) {
        place.fault(format!("{label} has no value that an effect could be compared with; use verify"));
        return None;
    }
    let bound = match (at_most, equals) {
        (Some(of), None) => is_the_input(&of, label).then_some(EffectBound::AtMost),
        (None, Some(of)) => is_the_input(&of, label).then_some(EffectBound::Equals),
        _ => {
            place.fault(format!("{label}: effect needs either at_most = \"input\" or equals = \"input\""));
            None
        }
    };
    Some(EffectRule { quantity: quantity?, bound: bound?, tolerance_percent: tolerance, within: within? })
}

fn is_the_input(word: &Placed<String>, label: &str) -> bool {
    let good = word.value == "input";
    if !good {
        word.place.fault(format!("{label}: an effect is compared with \"input\" only"));
    }
    good
}

/// A quantity that is measured, not a rating or a name.
fn measured(word: &Placed<String>, label: &str) -> Option<Quantity> {
    match one_of(word, &format!("{label}: quantity"), QUANTITIES)? {
        RegisterQuantity::Reading(quantity) => Some(quantity),
        _ => {
            word.place.fault(format!(
                "{label}: {} is not measured as a whole; write quantity = \"active_power\"",
                word.value
            ));
            None
        }
    }
}

const fn is_input(step: &Step) -> bool {
    matches!(step, Step::Write { value: StepValue::Input, .. })
}

/// The rules of a command that see all its parts.
struct Checked<'a> {
    written: &'a [ReadStep],
    release: &'a [ReadStep],
    label: &'a str,
    context: &'a Context<'a>,
}

impl Checked<'_> {
    /// Flash wears out.
    fn stored(&self, has_interval: bool) {
        if has_interval {
            return;
        }
        for read in self.written.iter().chain(self.release) {
            let Step::Write { point, .. } = &read.step else { continue };
            if self.context.points.get(point).is_some_and(|point| point.stored) {
                read.place.fault(format!(
                    "{} writes \"{point}\", which is kept in flash and wears out (stored = true); add min_interval_s = 60 or longer",
                    self.label
                ));
            }
        }
    }

    /// An enable that comes first puts the old setting into force.
    fn order(&self) {
        let Some(last) = self.written.iter().rposition(|read| is_input(&read.step)) else { return };
        for (k, read) in self.written.iter().enumerate().take(last) {
            let Step::Write { point, value: StepValue::Constant(_) } = &read.step else { continue };
            let again = self
                .written
                .iter()
                .skip(last)
                .any(|later| matches!(&later.step, Step::Write { point: p, .. } if p == point));
            if !again {
                read.place.fault(format!(
                    "{}: step {} writes \"{point}\" before step {} writes the input; write settings first and what puts them into force last",
                    self.label,
                    k + 1,
                    last + 1
                ));
            }
        }
    }

    /// What cannot be read back must show in another way.
    fn seen(&self, shows: bool) {
        if shows {
            return;
        }
        for read in self.written {
            let Step::Write { point, .. } = &read.step else { continue };
            if self.context.points.get(point).is_some_and(|point| point.access == Access::Write) {
                read.place.fault(format!(
                    "{} writes \"{point}\", which cannot be read back (access = \"w\"); add verify or effect, so that its outcome is known",
                    self.label
                ));
            }
        }
    }
}

/// What is held must be undone when it ends. A disconnection ends with a connection.
fn check_release(name: CommandName, place: &Place, connects: bool) {
    let right = match name {
        CommandName::Connect | CommandName::ResetAlarms => return,
        CommandName::Disconnect if connects => return,
        CommandName::Disconnect => "add release, or a command \"connect\"",
        _ => "add release = [ { write = \"limit_switch\", value = \"disable\" } ]",
    };
    let name = name.name();
    place.fault(format!("command \"{name}\" has no release steps: the gateway could never undo it; {right}"));
}

pub(super) fn read_procedures(tables: Vec<Table>, context: &Context<'_>) -> Vec<Procedure> {
    if let Some(over) = tables.get(MAX_COMMANDS) {
        over.fault(format!("more than {MAX_COMMANDS} procedures; a map has at most so many"));
    }
    let mut procedures: Vec<Procedure> = Vec::new();
    for mut table in tables.into_iter().take(MAX_COMMANDS) {
        let name = table.required_text("name", "\"enable-remote-control\"").and_then(procedure_name);
        let label =
            name.as_ref().map_or_else(|| "procedure".to_owned(), |n| format!("procedure \"{}\"", n.value));
        let steps = table
            .require("steps", "[ { write = \"enable\", value = 1 } ]")
            .map(|item| steps::read(item, &label, "step", Allowed::Procedure, context));
        table.finish();
        let (Some(name), Some(steps)) = (name, steps) else { continue };
        if procedures.iter().any(|known| known.name == name.value) {
            name.place.fault(format!("{label} is defined twice; keep one of them"));
            continue;
        }
        let steps = steps.into_iter().map(|read| read.step).collect();
        procedures.push(Procedure { name: name.value, steps });
    }
    procedures
}

fn procedure_name(name: Placed<String>) -> Option<Placed<String>> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.value.is_empty() && name.value.len() <= MAX_NAME && name.value.chars().all(good) {
        return Some(name);
    }
    name.place.fault(format!(
        "the name of a procedure is 1 to {MAX_NAME} of the characters a-z, 0-9 and -; write name = \"enable-remote-control\""
    ));
    None
}
