//! `dergate read LINK POINT...`: single points and registers, with how their values come about.

mod outstation;

use super::End;
use super::device::{How, hex};
use super::probe::point_document;
use super::table::{Align, Table};
use crate::southbound::tools::{Answer, Fit, RawRead, Session, Shown, Target};
use crate::southbound::{ProbeError, ProbedPoint, ProbedValue};
pub(super) use outstation::is_meant as dnp3_is_meant;
use serde_json::{Value, json};
use std::io::Write;

/// Most targets of one command.
const MAX_TARGETS: usize = 500;

const EXAMPLES: &str = "\
Examples:  dergate read 'modbus+tcp://192.0.2.21' 103.W 103.St
           dergate read 'modbus+tcp://192.0.2.21' '160.module[0].DCW' '160[1]'
           dergate read 'modbus+tcp://192.0.2.21' holding:40000+10 input:5000:u32
           dergate read 'modbus+tcp://192.0.2.31' --map sungrow-sg p work_state
           dergate read 'dnp3+tcp://192.0.2.41?outstation=10' AI537 BI10..BI24 AO88

A point is MODEL.PATH, MODEL[INSTANCE].PATH for the second and further of an id, or MODEL alone for all \
of its points; with a register map in --map, the name of a point of it.
Registers are holding:ADDRESS or input:ADDRESS, counted from 0; +N for N of them; :u16, :i32, :f32, \
:text16 … for a value; :low_first behind it if its last register comes first.
Points of a DNP3 outstation are AI537, BI10..BI24 (kinds BI, DBI, BO, CTR, AI, AO), or the name of a point in \
its map or profile.
--json prints an array, one entry a point: target, model, point, address, type, raw, value, unit, \
symbols, scale, quality, fault, writable; for registers target, address, raw, value; for a target that \
cannot be read target and error. Of a DNP3 outstation: target and what `dergate probe --help` says of its points. \
A failure with nothing to show prints error, kind and exit_status instead.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// How the device is reached
    #[arg(value_name = "LINK")]
    link: String,
    /// What is read: 103.W, 160[1].module[0].DCW, 103, holding:40000+10, input:5000:u32, AI537, BI10..BI24
    #[arg(value_name = "POINT", required = true)]
    points: Vec<String>,
    /// Prints one array, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) how: How,
}

/// Carries out the command.
pub(super) async fn run(args: &Args, out: &mut dyn Write) -> std::io::Result<End> {
    if outstation::is_meant(&args.link) {
        return outstation::run(args, out).await;
    }
    let targets = match all_of(&args.points, Target::parse) {
        Ok(targets) if targets.len() <= MAX_TARGETS => targets,
        Ok(_) => return Ok(End::Usage(format!("at most {MAX_TARGETS} points are read at once"))),
        Err(faults) => return Ok(End::Usage(faults)),
    };
    let device = match args.how.target(&args.link) {
        Ok(device) => device,
        Err(end) => return Ok(end),
    };
    let session = device.session();
    if let Some(end) = nameless(&session, targets.iter()) {
        return Ok(end);
    }
    let fit = match fit_for(&session, targets.iter()).await {
        Ok(fit) => fit,
        Err(error) => return Ok(device.ended(&error).await),
    };
    let answers = match session.read(&targets).await {
        Ok(answers) => answers,
        Err(error) => return Ok(device.ended(&error).await),
    };
    if args.json {
        writeln!(out, "{:#}", Value::from(answers.iter().flat_map(documents).collect::<Vec<_>>()))?;
    } else {
        let table = table(&answers);
        if !table.is_empty() {
            table.write(out, "")?;
        }
    }
    out.flush()?;
    let wrong =
        answers.iter().filter_map(|a| a.result.as_ref().err().map(|why| format!("{}: {why}", a.target)));
    let stranger = match fit {
        Fit::No(words) => Some(format!("the named points may mean nothing: {words}")),
        Fit::Yes | Fit::NotSaid => None,
    };
    let wrong: Vec<String> = wrong.chain(stranger).collect();
    Ok(if wrong.is_empty() { End::Done } else { End::Failed(wrong.join("\n")) })
}

/// Reads each word of a command line; all that are wrong are told at once.
pub(super) fn all_of<T, E: std::fmt::Display>(
    words: &[String],
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, String> {
    let (mut good, mut faults) = (Vec::with_capacity(words.len()), Vec::new());
    for word in words {
        match parse(word) {
            Ok(parsed) => good.push(parsed),
            Err(why) => faults.push(why.to_string()),
        }
    }
    if faults.is_empty() { Ok(good) } else { Err(faults.join("\n")) }
}

/// Without a register map, no point has a name of its own.
pub(super) fn nameless<'t>(session: &Session, targets: impl Iterator<Item = &'t Target>) -> Option<End> {
    if session.register_map().is_some() {
        return None;
    }
    let faults: Vec<String> = targets
        .filter_map(|target| match target {
            Target::Named(name) => Some(session.no_name(name)),
            Target::Model { .. } | Target::Raw(_) => None,
        })
        .collect();
    (!faults.is_empty()).then(|| End::Usage(faults.join("\n")))
}

/// Whether the device is one of its map, if points of the map are named.
pub(super) async fn fit_for(
    session: &Session,
    mut targets: impl Iterator<Item = &Target>,
) -> Result<Fit, ProbeError> {
    if targets.any(|target| matches!(target, Target::Named(_))) {
        session.fit().await
    } else {
        Ok(Fit::NotSaid)
    }
}

fn table(answers: &[Answer]) -> Table<7> {
    let left = |head| (head, Align::Left);
    let mut table = Table::new([
        left("POINT"),
        ("VALUE", Align::Right),
        left("UNIT"),
        left("SYMBOLS"),
        left("RAW"),
        left("SCALE"),
        left("QUALITY"),
    ]);
    for shown in answers.iter().filter_map(|answer| answer.result.as_ref().ok()).flatten() {
        match shown {
            Shown::Point(read) => {
                table.push(row(&format!("{}.{}", read.model, read.point.path), &read.point))
            }
            Shown::Named(point) => table.push(row(&point.path, point)),
            Shown::Raw(read) => raw_rows(read).into_iter().for_each(|row| table.push(row)),
        }
    }
    table
}

fn row(name: &str, point: &ProbedPoint) -> [String; 7] {
    let value = match &point.value {
        ProbedValue::Number(number) => number.to_string(),
        ProbedValue::Text(text) => text.clone(),
        ProbedValue::Unusable(_) | ProbedValue::NotImplemented | ProbedValue::NotRead => "-".to_owned(),
    };
    let quality = match &point.value {
        ProbedValue::Unusable(why) => format!("invalid: {why}"),
        other => other.quality().to_owned(),
    };
    [
        name.to_owned(),
        value,
        point.unit.clone().unwrap_or_default(),
        point.symbols.join(", "),
        hex(&point.raw),
        scale(point),
        quality,
    ]
}

/// `10^-1 (W_SF)`.
fn scale(point: &ProbedPoint) -> String {
    point.scale.as_ref().map_or_else(String::new, |scale| {
        let power = scale.power.map_or_else(|| "?".to_owned(), |power| format!("10^{power}"));
        scale.point.as_ref().map_or_else(|| power.clone(), |point| format!("{power} ({point})"))
    })
}

fn raw_rows(read: &RawRead) -> Vec<[String; 7]> {
    let row = |name: String, value: String, words: &[u16]| {
        [name, value, String::new(), String::new(), hex(words), String::new(), "good".to_owned()]
    };
    if let Some(value) = read.target.say(&read.words) {
        return vec![row(read.target.to_string(), value, &read.words)];
    }
    let name = read.target.to_string();
    let table = name.split(':').next().unwrap_or_default();
    let places = (read.target.address..=u16::MAX).zip(&read.words);
    places.map(|(at, word)| row(format!("{table}:{at}"), word.to_string(), &[*word])).collect()
}

fn documents(answer: &Answer) -> Vec<Value> {
    let target = answer.target.to_string();
    let shown = match &answer.result {
        Ok(shown) => shown,
        Err(why) => return vec![json!({ "target": target, "error": why })],
    };
    let document = |shown: &Shown| match shown {
        Shown::Point(read) => {
            let mut document = point_document(&read.point);
            if let Some(fields) = document.as_object_mut() {
                fields.insert("target".to_owned(), json!(target));
                fields.insert("model".to_owned(), json!(read.model));
            }
            document
        }
        Shown::Named(point) => {
            let mut document = point_document(point);
            if let Some(fields) = document.as_object_mut() {
                fields.insert("target".to_owned(), json!(target));
            }
            document
        }
        Shown::Raw(read) => json!({
            "target": target,
            "address": read.target.address,
            "raw": read.words,
            "value": read.target.say(&read.words),
        }),
    };
    shown.iter().map(document).collect()
}

#[cfg(test)]
mod tests;
