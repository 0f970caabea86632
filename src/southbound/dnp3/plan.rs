//! A command of the map, worked out: which outputs are operated with what, in which order, and what must be seen then.
//!
//! Pure: it gets what the outstation said and makes operations of it; `execute` sends them. (DNP3 reference 1.4.)

mod ability;
mod arguments;

pub use ability::{capability, rating};
pub use arguments::Arguments;

use super::field::{Operation, Output};
use crate::der::{Setpoint, Watts};
use crate::device_map::dnp3::{
    AnalogNumber, Argument, At, Operate, OutstationCommand, OutstationMap, OutstationStep, StepSource, scaled,
};
use crate::device_map::registers::CommandName;
use crate::southbound::lanes::{self, Tidy, noun};
use std::time::Duration;

/// What an outstation said last, as far as it can be used.
pub trait Known: Sync {
    /// The value of a named point of the map, in the unit of its quantity if it has one.
    fn named(&self, name: &str) -> Option<f64>;
    /// Whether a point is on.
    fn is_on(&self, at: At) -> Option<bool>;
    /// Why nothing may be commanded now, in words.
    fn blocked(&self) -> Option<String>;
    /// The raw value that a point showed last, if it counts.
    fn shown(&self, at: At) -> Option<f64>;
}

/// The last digit of a division is no reason to round another way.
const SLACK: f64 = 1e-6;

/// One step, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// What is operated.
    pub operation: Operation,
    /// Points that show it; any of them is enough.
    pub reads: Vec<At>,
    /// What those points are then, if not what is written.
    pub shows: Option<bool>,
    /// What it means: the output, before its scale.
    pub value: f64,
    /// The output is value / this.
    pub scale: f64,
    /// Longest wait for the read-back.
    pub within: Duration,
    /// It is passed over if the outstation does not have it; see [`Act::need_not_stand`].
    pub optional: bool,
    /// What of the command it carries.
    pub part: Option<Argument>,
}

impl Act {
    /// Which output.
    #[must_use]
    pub const fn at(&self) -> At {
        self.operation.at
    }

    /// True for a switch: what was set before it must be seen before it is operated.
    #[must_use]
    pub const fn is_switch(&self) -> bool {
        self.operation.value.is_on().is_some()
    }

    /// True for a setting that is no reason to give up if the outstation keeps another one. A switch that an outstation has
    /// must stand, whether or not it must have it: which number counts may hang on it.
    #[must_use]
    pub fn need_not_stand(&self) -> bool {
        (self.optional && !self.is_switch()) || self.part == Some(Argument::Reversion)
    }

    /// The raw number that goes out; 0 or 1 for a switch.
    #[must_use]
    pub fn raw(&self) -> f64 {
        match self.operation.value {
            Output::Latch(on) | Output::Pulse { on, .. } => f64::from(u8::from(on)),
            Output::Number(raw, _) => raw,
        }
    }
}

/// A command, ready to be sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// In this order.
    pub acts: Vec<Act>,
    /// The value as the outstation's resolution makes it, in SI.
    pub value: Option<f64>,
    /// What a percentage refers to, in SI.
    pub base: Option<f64>,
    /// What is asked, in words for an operator.
    pub words: String,
}

impl Draft {
    /// The active power asked for, if the set point is about it.
    #[must_use]
    pub fn active_power(&self, setpoint: &Setpoint) -> Option<Watts> {
        lanes::active_power(setpoint, self.value)
    }
}

/// What a draft rests on.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The map.
    pub map: &'a OutstationMap,
    /// What the outstation said last.
    pub known: &'a dyn Known,
}

/// The size of a named value, if it has one.
pub fn size(known: &dyn Known, name: &str) -> Option<f64> {
    known.named(name).map(f64::abs).filter(|size| size.is_finite() && *size > 0.0)
}

impl Ground<'_> {
    /// Whether the outstation says that it can do something.
    ///
    /// # Errors
    /// It says no; in words.
    pub fn supports(&self, at: Option<At>, what: &str) -> Result<(), String> {
        match at.filter(|at| self.known.is_on(*at) == Some(false)) {
            None => Ok(()),
            Some(at) => Err(format!("the outstation says that it does not offer {what} ({at} is off)")),
        }
    }

    /// Works out a command.
    ///
    /// # Errors
    /// The outstation, the map or the value does not allow it, in words.
    pub fn command(&self, command: &OutstationCommand, asked: &Arguments) -> Result<Draft, String> {
        self.supports(command.supports, noun(command.name))?;
        asked.all_taken(&command.steps)?;
        let limit = command.name == CommandName::LimitActivePower;
        let mut draft = self.steps(&command.steps, asked, limit)?;
        draft.words = words(command.name, &draft);
        Ok(draft)
    }

    /// Works out how a command is undone, leaving alone the outputs that `kept` operates.
    ///
    /// # Errors
    /// The map does not allow it, in words.
    pub fn release(&self, command: &OutstationCommand, kept: &[Act]) -> Result<Draft, String> {
        let mut draft = self.steps(&command.release, &Arguments::default(), false)?;
        draft.acts.retain(|act| kept.iter().all(|other| other.at() != act.at()));
        draft.words = format!("release of {}", noun(command.name));
        Ok(draft)
    }

    /// Works out steps; those whose part is not asked for are left out.
    ///
    /// # Errors
    /// As [`Ground::command`].
    pub fn steps(&self, steps: &[OutstationStep], asked: &Arguments, limit: bool) -> Result<Draft, String> {
        let mut draft = Draft::default();
        for step in steps {
            let Some((value, part, base)) = self.value(step, asked)? else { continue };
            let value = within_range(step, value, part, limit)?;
            let act = self.act(step, value, part, limit)?;
            if part == Some(Argument::Input) && draft.value.is_none() {
                // What the first step that takes the value makes of it is what the outstation will do.
                draft.base = base;
                draft.value = Some(base.map_or(act.value, |base| act.value / 100.0 * base));
            }
            draft.acts.push(act);
        }
        Ok(draft)
    }

    /// The value of a step before scaling, what it carries, and what its percentage refers to.
    #[expect(clippy::type_complexity, reason = "three parts of one answer")]
    fn value(
        &self,
        step: &OutstationStep,
        asked: &Arguments,
    ) -> Result<Option<(f64, Option<Argument>, Option<f64>)>, String> {
        Ok(match &step.value {
            StepSource::Constant(value) => Some((*value, None, None)),
            StepSource::Argument(part) => asked.get(*part).map(|value| (value, Some(*part), None)),
            StepSource::PercentOf { argument, positive, negative } => {
                let Some(value) = asked.get(*argument) else { return Ok(None) };
                let of = negative.as_ref().filter(|_| value < 0.0).unwrap_or(positive);
                let base = self.base(of).ok_or_else(|| self.baseless(of))?;
                Some((value / base * 100.0, Some(*argument), Some(base)))
            }
        })
    }

    /// The size of what a percentage refers to, in SI.
    #[must_use]
    pub fn base(&self, name: &str) -> Option<f64> {
        size(self.known, name)
    }

    /// Why there is nothing to take percent of.
    #[must_use]
    pub fn baseless(&self, name: &str) -> String {
        let what = if self.known.named(name) == Some(0.0) { "0" } else { "not known" };
        format!("{name} is {what}, so there is nothing to take percent of")
    }

    fn act(
        &self,
        step: &OutstationStep,
        value: f64,
        part: Option<Argument>,
        limit: bool,
    ) -> Result<Act, String> {
        let control = &self.map.control;
        let (output, value, usual) = if step.write.kind.is_binary() {
            let on = value != 0.0;
            (Output::switch(on, step.switch, control), f64::from(u8::from(on)), control.binary)
        } else {
            let raw = raw(step, value, part, (limit, control.number))?;
            fits(step, raw, control.number)?;
            (Output::Number(raw, control.number), scaled(raw, step.scale), control.analog)
        };
        Ok(Act {
            operation: Operation { at: step.write, value: output, how: step.operate.unwrap_or(usual) },
            reads: step.reads.clone(),
            shows: step.shows,
            value,
            scale: step.scale,
            within: step.within.unwrap_or(control.verify),
            optional: step.optional,
            part,
        })
    }
}

/// A limit above the largest is the largest; a time is cut to the range; all else outside is refused.
fn within_range(
    step: &OutstationStep,
    value: f64,
    part: Option<Argument>,
    limit: bool,
) -> Result<f64, String> {
    if !value.is_finite() {
        return Err(format!("{}: not a number", step.write));
    }
    let Some((least, most)) = step.range else { return Ok(value) };
    let slack = SLACK * least.abs().max(most.abs());
    let inside = value >= least - slack && value <= most + slack;
    let cut = (limit && part == Some(Argument::Input) && value > most)
        || (part == Some(Argument::Reversion) && value > most);
    if inside || cut {
        return Ok(value.clamp(least, most));
    }
    let unit = if matches!(step.value, StepSource::PercentOf { .. }) { " %" } else { "" };
    Err(format!(
        "{}{unit} is outside what the device takes in {}, {least} to {most}{unit}",
        Tidy(value),
        step.write
    ))
}

/// The raw output: rounded half away from zero; a limit never above what was asked; a time that bounds never to 0, which
/// would mean without end.
/// A floating number goes out as it is.
fn raw(
    step: &OutstationStep,
    value: f64,
    part: Option<Argument>,
    (limit, number): (bool, AnalogNumber),
) -> Result<f64, String> {
    let raw = value / step.scale;
    if !raw.is_finite() {
        return Err(format!("{}: not a number", step.write));
    }
    let slack = SLACK * raw.abs().max(1.0);
    let near = (raw - raw.round()).abs() <= slack;
    Ok(match part {
        Some(Argument::Reversion) => (raw - slack).ceil().max(1.0),
        _ if number == AnalogNumber::Float32 => raw,
        _ if near => raw.round(),
        Some(Argument::Input) if limit && step.scale > 0.0 => raw.floor(),
        Some(Argument::Input) if limit => raw.ceil(),
        _ => raw.round(),
    })
}

fn fits(step: &OutstationStep, raw: f64, number: AnalogNumber) -> Result<(), String> {
    let (least, most, name) = match number {
        AnalogNumber::Int32 => (f64::from(i32::MIN), f64::from(i32::MAX), "32-bit"),
        AnalogNumber::Int16 => (f64::from(i16::MIN), f64::from(i16::MAX), "16-bit"),
        AnalogNumber::Float32 => (f64::from(f32::MIN), f64::from(f32::MAX), "floating"),
    };
    if raw >= least && raw <= most {
        return Ok(());
    }
    Err(format!("{} does not fit into the {name} number of {}", Tidy(raw), step.write))
}

fn words(name: CommandName, draft: &Draft) -> String {
    let noun = noun(name);
    let unit = match name {
        CommandName::LimitActivePower | CommandName::SetActivePower => "W",
        CommandName::SetReactivePower => "var",
        CommandName::SetPowerFactor => {
            let factor = draft.acts.iter().find(|act| act.part == Some(Argument::PowerFactor));
            let absorbing = draft.acts.iter().find(|act| act.part == Some(Argument::Absorbing));
            let way = absorbing.map_or("", |act| if act.raw() == 0.0 { " injecting" } else { " absorbing" });
            return factor.map_or_else(|| noun.to_owned(), |act| format!("{noun} {}{way}", Tidy(act.value)));
        }
        _ => return noun.to_owned(),
    };
    match (draft.value, draft.base) {
        (Some(si), Some(base)) => {
            let percent = Tidy(si / base * 100.0);
            format!("{noun} {percent} % of {} {unit} = {} {unit}", Tidy(base), Tidy(si))
        }
        (Some(si), None) => format!("{noun} {} {unit}", Tidy(si)),
        (None, _) => noun.to_owned(),
    }
}

/// An output in words for a person who looks before it is sent: `AO88 = 600 (60), select-before-operate, seen in AI149`.
#[must_use]
pub fn line(act: &Act) -> String {
    let what = match act.operation.value {
        Output::Latch(true) => "latch on".to_owned(),
        Output::Latch(false) => "latch off".to_owned(),
        Output::Pulse { on, trip_close, ms } => {
            let code = match (trip_close, on) {
                (false, true) => "pulse on",
                (false, false) => "pulse off",
                (true, true) => "close",
                (true, false) => "trip",
            };
            format!("{code} for {ms} ms")
        }
        Output::Number(raw, _) if (act.scale - 1.0).abs() < f64::EPSILON => format!("= {}", Tidy(raw)),
        Output::Number(raw, _) => format!("= {} ({})", Tidy(raw), Tidy(act.value)),
    };
    let how = match act.operation.how {
        Operate::Select => "select, operate",
        Operate::Direct => "direct operate",
    };
    let reads: Vec<String> = act.reads.iter().map(ToString::to_string).collect();
    let seen = if reads.is_empty() {
        "not seen anywhere".to_owned()
    } else {
        format!("seen in {}", reads.join(" or "))
    };
    let optional = if act.optional { ", optional" } else { "" };
    format!("{} {what}, {how}, {seen}{optional}", act.at())
}

#[cfg(test)]
mod tests;
