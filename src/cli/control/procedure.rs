//! `dergate control LINK procedure:NAME`: a procedure of the device map, once, step by step, after a yes.

use super::Args;
use crate::cli::device::{Person, ended};
use crate::cli::{End, say};
use crate::device_map::registers::Procedure;
use crate::southbound::tools::{Fit, ProcedureEnd, told};
use std::io::Write;

/// Carries out the command.
pub(super) async fn run(
    args: &Args,
    name: &str,
    out: &mut dyn Write,
    person: &mut Person<'_>,
) -> std::io::Result<End> {
    if args.value.is_some() || args.points.is_some() || args.release {
        return Ok(End::Usage("a procedure takes no value, no points and no --release".to_owned()));
    }
    let target = match args.how.target(&args.link) {
        Ok(target) => target,
        Err(end) => return Ok(end),
    };
    let session = target.session();
    let procedures = session.register_map().map_or(&[][..], |map| &map.registers.procedures);
    let Some(procedure) = procedures.iter().find(|procedure| procedure.name == name) else {
        return Ok(End::Usage(nothing_of(name, procedures)));
    };
    if !args.dry_run
        && let Err(end) = person.can_agree(args.yes)
    {
        return Ok(end);
    }
    writeln!(out, "{}: procedure {name}", target.link)?;
    for (place, step) in procedure.steps.iter().enumerate() {
        writeln!(out, "  {}. {}", place + 1, told(step))?;
    }
    out.flush()?;
    if args.dry_run {
        return Ok(End::Done);
    }
    match session.fit().await {
        Ok(Fit::No(words)) => return Ok(End::Failed(format!("nothing was written: {words}"))),
        Ok(Fit::Yes | Fit::NotSaid) => {}
        Err(error) => return Ok(target.ended(&error).await),
    }
    if !person.agrees(args.yes, &format!("{}: carry out these steps?", target.link))? {
        return Ok(End::Failed("nothing was written".to_owned()));
    }
    match session.procedure(procedure, &|step| say(step)).await {
        Ok(ProcedureEnd::Done) => {
            writeln!(out, "done")?;
            Ok(End::Done)
        }
        Ok(ProcedureEnd::Stopped(place, words)) => {
            let before = if place == 1 { "" } else { "; the steps before it are done" };
            Ok(End::Failed(format!("stopped at step {place}: {words}{before}")))
        }
        Err(error) => Ok(ended(&error)),
    }
}

fn nothing_of(name: &str, procedures: &[Procedure]) -> String {
    let shown: String = name.chars().take(80).collect();
    let names: Vec<&str> = procedures.iter().map(|procedure| procedure.name.as_str()).collect();
    let right = match crate::nearest::nearest(&shown, names.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None if names.is_empty() => "the device map has none; name one with --map ID".to_owned(),
        None => format!("the map has {}", names.join(", ")),
    };
    format!("there is no procedure \"{}\"; {right}", shown.escape_debug())
}
