//! `dergate probe LINK --unit LIST`: which units answer behind one address.

use super::Style;
use crate::cli::End;
use crate::cli::device::{How, ended, progress};
use crate::cli::table::{Align, Table};
use crate::southbound::Link;
use crate::southbound::tools::{UnitFound, UnitReport};
use serde_json::{Value, json};
use std::io::Write;

/// Units that devices are known to answer at (SunSpec reference 4).
const USUAL: [u8; 9] = [1, 126, 2, 3, 100, 240, 247, 255, 0];

pub(super) async fn run(
    link: &str,
    list: &str,
    how: &How,
    style: Style<'_>,
    out: &mut dyn Write,
) -> std::io::Result<End> {
    let target = match how.target(link) {
        Ok(target) => target,
        Err(end) => return Ok(end),
    };
    if target.link.dnp3().is_some() {
        let words = "--unit is for Modbus; the outstation is named in the link: ?outstation=N";
        return Ok(End::Usage(words.to_owned()));
    }
    let serial = matches!(target.link, Link::ModbusRtu(_));
    let units = match units(list, serial) {
        Ok(units) => units,
        Err(words) => return Ok(End::Usage(words)),
    };
    let reports = match target.session().units(&units, &progress()).await {
        Ok(reports) => reports,
        Err(error) => return Ok(ended(&error)),
    };
    if style.json {
        writeln!(out, "{:#}", Value::from(reports.iter().map(document).collect::<Vec<_>>()))?;
    } else {
        table(&reports).write(out, "")?;
    }
    out.flush()?;
    let nothing = |report: &UnitReport| matches!(report.found, UnitFound::Nothing(_));
    let sunspec = |report: &UnitReport| matches!(report.found, UnitFound::Sunspec { .. });
    Ok(match () {
        () if reports.iter().any(sunspec) => End::Done,
        () if reports.iter().all(nothing) => {
            End::NoAnswer(format!("{}: none of these units answers", target.link))
        }
        () => End::Failed("no unit is a SunSpec device".to_owned()),
    })
}

fn units(list: &str, serial: bool) -> Result<Vec<u8>, String> {
    let right = |unit: &u8| !serial || (1..=247).contains(unit);
    match list {
        "all" => return Ok((1..=247).chain([255, 0]).filter(right).collect()),
        "usual" => return Ok(USUAL.into_iter().filter(right).collect()),
        _ => {}
    }
    let mut units: Vec<u8> = Vec::new();
    for word in list.split(',') {
        let unit = word.trim().parse::<u8>().ok().filter(right).ok_or_else(|| {
            let most = if serial { "1 to 247" } else { "0 to 255" };
            format!("--unit \"{list}\": units are all, usual, or numbers from {most} such as 1,2,126")
        })?;
        if !units.contains(&unit) {
            units.push(unit);
        }
    }
    Ok(units)
}

fn table(reports: &[UnitReport]) -> Table<7> {
    let left = |head| (head, Align::Left);
    let mut table = Table::new([
        ("UNIT", Align::Right),
        ("BASE", Align::Right),
        left("MANUFACTURER"),
        left("MODEL"),
        left("SERIAL"),
        left("MODELS"),
        left("REMARK"),
    ]);
    let dash = || "-".to_owned();
    for UnitReport { unit, found } in reports {
        let unit = unit.to_string();
        table.push(match found {
            UnitFound::Sunspec { base, models, manufacturer, model, serial } => {
                let text = |text: &Option<String>| text.clone().unwrap_or_else(dash);
                let ids = models.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
                [unit, base.to_string(), text(manufacturer), text(model), text(serial), ids, String::new()]
            }
            UnitFound::Other(words) => [unit, dash(), dash(), dash(), dash(), dash(), words.clone()],
            UnitFound::Nothing(words) => {
                [unit, dash(), dash(), dash(), dash(), dash(), format!("nothing: {words}")]
            }
        });
    }
    table
}

fn document(report: &UnitReport) -> Value {
    let unit = report.unit;
    match &report.found {
        UnitFound::Sunspec { base, models, manufacturer, model, serial } => json!({
            "unit": unit, "answers": true, "sunspec": true, "base": base, "models": models,
            "manufacturer": manufacturer, "model": model, "serial": serial, "remark": null,
        }),
        UnitFound::Other(words) => {
            json!({ "unit": unit, "answers": true, "sunspec": false, "remark": words })
        }
        UnitFound::Nothing(words) => {
            json!({ "unit": unit, "answers": false, "sunspec": false, "remark": words })
        }
    }
}
