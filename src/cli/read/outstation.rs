//! Reading single points of a DNP3 outstation.

use super::{Args, MAX_TARGETS, all_of};
use crate::cli::End;
use crate::cli::probe::{outstation_point, point_row, point_table};
use crate::southbound::tools::{Pick, PointAnswer};
use serde_json::{Value, json};
use std::io::Write;

/// True for a link that is meant to be one of DNP3, whether or not it is right.
pub fn is_meant(link: &str) -> bool {
    link.starts_with("dnp3+")
}

pub(super) async fn run(args: &Args, out: &mut dyn Write) -> std::io::Result<End> {
    let picks = match all_of(&args.points, Pick::parse) {
        Ok(picks) if picks.len() <= MAX_TARGETS => picks,
        Ok(_) => return Ok(End::Usage(format!("at most {MAX_TARGETS} points or ranges are read at once"))),
        Err(faults) => return Ok(End::Usage(faults)),
    };
    let target = match args.how.target(&args.link) {
        Ok(target) => target,
        Err(end) => return Ok(end),
    };
    let Some(outstation) = target.outstation() else {
        return Ok(End::Usage(format!("{} is no DNP3 link", target.link)));
    };
    let answers = match outstation.read(&picks).await {
        Ok(answers) => answers,
        Err(error) => return Ok(target.ended(&error).await),
    };
    if args.json {
        writeln!(out, "{:#}", Value::from(answers.iter().flat_map(documents).collect::<Vec<_>>()))?;
    } else {
        let mut table = point_table();
        for point in answers.iter().filter_map(|answer| answer.result.as_ref().ok()).flatten() {
            table.push(point_row(point));
        }
        if !table.is_empty() {
            table.write(out, "")?;
        }
    }
    out.flush()?;
    let wrong: Vec<String> = answers
        .iter()
        .filter_map(|answer| answer.result.as_ref().err().map(|why| format!("{}: {why}", answer.target)))
        .collect();
    Ok(if wrong.is_empty() { End::Done } else { End::Failed(wrong.join("\n")) })
}

fn documents(answer: &PointAnswer) -> Vec<Value> {
    let points = match &answer.result {
        Ok(points) => points,
        Err(why) => return vec![json!({ "target": answer.target, "error": why })],
    };
    let document = |point| {
        let mut document = outstation_point(point);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("target".to_owned(), json!(answer.target));
        }
        document
    };
    points.iter().map(document).collect()
}
