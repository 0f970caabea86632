//! `[[command]]` of an outstation: what it can be asked to do.
//!
//! A command that cannot be undone is a fault, and so is one that enables before it sets: the gateway moves real power
//! with it.

use super::super::commands::read_effect;
use super::super::sunspec::command_name;
use super::MAX_COMMANDS;
use super::chain::Level;
use super::layers::Layers;
use super::points::{binary, named};
use super::steps::{self, Context, ReadStep};
use crate::device_map::dnp3::{Argument, At, OutstationCommand, OutstationStep};
use crate::device_map::registers::CommandName;
use crate::toml_file::Place;

/// The parts of what is asked by a command: those of which at least one must be written, and others.
const fn arguments(name: CommandName) -> (&'static [Argument], &'static [Argument]) {
    match name {
        CommandName::LimitActivePower | CommandName::SetActivePower | CommandName::SetReactivePower => {
            (&[Argument::Input], &[Argument::Input, Argument::Reversion])
        }
        CommandName::Connect | CommandName::ResetAlarms | CommandName::SetCurve => (&[], &[]),
        CommandName::Disconnect => (&[], &[Argument::Reversion]),
        CommandName::SetPowerFactor => {
            (&[Argument::PowerFactor], &[Argument::PowerFactor, Argument::Absorbing, Argument::Reversion])
        }
        CommandName::SetRampRates => {
            (&[Argument::RampUp, Argument::RampDown], &[Argument::RampUp, Argument::RampDown])
        }
        CommandName::SetEnterService => (ENTER_SERVICE, ENTER_SERVICE),
    }
}

const ENTER_SERVICE: &[Argument] = &[
    Argument::VoltageHigh,
    Argument::VoltageLow,
    Argument::FrequencyHigh,
    Argument::FrequencyLow,
    Argument::Delay,
    Argument::RandomDelay,
    Argument::RampTime,
];

pub(super) fn read(levels: &mut [Level], context: &Context<'_>) -> Vec<OutstationCommand> {
    let mut found: Vec<(OutstationCommand, Place)> = Vec::new();
    for (word, layers) in named(levels, ("command", "name", "remove_commands"), MAX_COMMANDS, |name| {
        command_name(&name).map(|_| name)
    }) {
        let Some(name) = CommandName::from_name(&word) else { continue };
        let place = layers.place().clone();
        if name == CommandName::SetCurve {
            place.fault("command \"set_curve\" is made of [[curve]], one for each function");
            continue;
        }
        found.extend(read_command(layers, name, context).map(|command| (command, place)));
    }
    let connects = found.iter().any(|(command, _)| command.name == CommandName::Connect);
    for (command, place) in &found {
        check_release(command, place, connects);
    }
    found.into_iter().map(|(command, _)| command).collect()
}

fn read_command(mut layers: Layers, name: CommandName, context: &Context<'_>) -> Option<OutstationCommand> {
    let place = layers.place().clone();
    let label = format!("command \"{}\"", name.name());
    let (needed, allowed) = arguments(name);
    let supports = supports(&mut layers, &label, context);
    let steps = layers
        .require("steps", &label, "[ { write = \"AO88\", reads = \"AI149\", from = \"input\" } ]")
        .map(|given| steps::read((given.item, given.level), &label, "step", allowed, context));
    let release = layers
        .take("release")
        .map(|given| steps::read((given.item, given.level), &label, "release step", &[], context));
    let effect = layers
        .take("effect")
        .and_then(|given| given.item.table("effect = { … }"))
        .and_then(|table| read_effect(table, &label, name));
    layers.finish();
    let steps = steps?;
    let is_whole = !steps.is_empty();
    order(&steps, &label);
    if is_whole && !needed.is_empty() && !writes_any(&steps, needed) {
        place.fault(format!(
            "{label} never writes what is asked; one step needs from = \"{}\"",
            needed.first().map_or("input", |argument| argument.name())
        ));
    }
    Some(OutstationCommand {
        name,
        supports,
        steps: plain(steps),
        release: release.map(plain).unwrap_or_default(),
        effect,
    })
}

/// The point that says whether the outstation can do it.
pub(super) fn supports(layers: &mut Layers, label: &str, context: &Context<'_>) -> Option<At> {
    let given = layers.take("supports")?;
    let label = format!("{label}: supports");
    binary(context.shifts.spot_of(given.item, given.level, &label, "\"BI36\"")?, &label)
}

pub(super) fn plain(steps: Vec<ReadStep>) -> Vec<OutstationStep> {
    steps.into_iter().map(|read| read.step).collect()
}

/// True if a part of what is asked is written.
pub(super) fn writes_any(steps: &[ReadStep], needed: &[Argument]) -> bool {
    steps.iter().any(|read| read.argument().is_some_and(|argument| needed.contains(&argument)))
}

/// An enable that comes before a setting puts the old setting into force.
pub(super) fn order(steps: &[ReadStep], label: &str) {
    let Some(last) = steps.iter().rposition(|read| read.argument().is_some()) else { return };
    for (k, read) in steps.iter().enumerate().take(last) {
        let write = read.step.write;
        let later = || steps.iter().skip(last).any(|later| later.step.write == write);
        if write.kind.is_binary() && read.argument().is_none() && !later() {
            read.place.fault(format!(
                "{label}: step {} switches {write} before step {} writes a setting; write settings first and what enables them last",
                k + 1,
                last + 1
            ));
        }
    }
}

/// What is held must be undone when it ends. A disconnection ends with a connection; a setting stays until it is set again.
fn check_release(command: &OutstationCommand, place: &Place, connects: bool) {
    if !command.release.is_empty() {
        return;
    }
    let right = match command.name {
        CommandName::Connect
        | CommandName::ResetAlarms
        | CommandName::SetCurve
        | CommandName::SetRampRates
        | CommandName::SetEnterService => return,
        CommandName::Disconnect if connects => return,
        CommandName::Disconnect => "add release, or a command \"connect\"",
        _ => "add release = [ { write = \"BO17\", reads = \"BI69\", value = \"off\" } ]",
    };
    let name = command.name.name();
    place.fault(format!("command \"{name}\" has no release steps: the gateway could never undo it; {right}"));
}
