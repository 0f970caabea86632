//! A probe's report for people: who, models, points by group, values in gateway terms.

use super::{Style, outstation, time};
use crate::cli::device::{hex, table_name};
use crate::cli::table::{Align, Table, printable};
use crate::der::{Capability, Control, Nameplate, Quality, Reading};
use crate::southbound::{ProbeReport, ProbedModel, ProbedPoint, ProbedValue, RegisterReport};
use std::io::{self, Write};

pub(super) fn report(
    out: &mut dyn Write,
    name: &str,
    report: &ProbeReport,
    map: Option<&str>,
    style: Style<'_>,
) -> io::Result<()> {
    identity(out, name, report, map)?;
    if report.base.is_some() {
        writeln!(out, "\nModels")?;
        writeln!(out, "  {:>8}  {:>7}  {:>5}  name", "id", "address", "L")?;
    }
    for model in &report.models {
        if model.id == 1 && model.device > 0 {
            writeln!(out, "  logical device {}: {}", model.device + 1, who(model))?;
        }
        let name = model.name.as_deref().unwrap_or("(unknown to this version)");
        writeln!(out, "  {:>8}  {:>7}  {:>5}  {name}", model.label(), model.address, model.length)?;
    }
    for model in &report.models {
        points(out, model, style)?;
    }
    if let Some(registers) = &report.registers {
        register_points(out, registers, style)?;
    }
    if let Some(shown) = &report.outstation {
        // It may have thousands of points: what matters comes before them.
        outstation::state(out, shown)?;
        as_reported(out, report)?;
        abilities(out, &report.capability)?;
        return outstation::points(out, shown, style);
    }
    as_reported(out, report)?;
    abilities(out, &report.capability)
}

fn as_reported(out: &mut dyn Write, report: &ProbeReport) -> io::Result<()> {
    writeln!(out, "\nAs the gateway reports it (positive is injected)")?;
    if report.readings.is_empty() {
        writeln!(out, "  no values")?;
    }
    for reading in &report.readings {
        let (name, unit) = (reading.quantity.name(), reading.quantity.unit());
        let value =
            known(reading).map_or_else(|| reading.quality.name().to_owned(), |v| format!("{v} {unit}"));
        // A DNP3 outstation may say when it measured.
        let at = if report.outstation.is_some() { format!("  {}", time(reading.at)) } else { String::new() };
        writeln!(out, "  {name:<22} {value}{at}")?;
    }
    Ok(())
}

/// Without the digits that binary arithmetic adds.
fn tidy(value: f64) -> f64 {
    let rounded = (value * 1e6).round() / 1e6;
    if rounded == 0.0 {
        0.0
    } else if rounded.is_finite() {
        rounded
    } else {
        value
    }
}

fn identity(out: &mut dyn Write, name: &str, report: &ProbeReport, map: Option<&str>) -> io::Result<()> {
    writeln!(out, "{}", printable(name))?;
    let plate = &report.nameplate;
    let texts = [
        ("manufacturer", &plate.manufacturer),
        ("model", &plate.model),
        ("serial", &plate.serial),
        ("version", &plate.version),
    ];
    for (label, text) in texts {
        writeln!(out, "  {label:<22} {}", printable(text.as_deref().unwrap_or("-")))?;
    }
    for (label, value, unit) in ratings(plate) {
        if let Some(value) = value {
            writeln!(out, "  {label:<22} {value} {unit}")?;
        }
    }
    writeln!(
        out,
        "  {:<22} {}",
        "device map",
        map.unwrap_or("none matches; \"sunspec\" serves every device")
    )?;
    if let Some(registers) = &report.registers {
        let how = match (&registers.stranger, registers.recognised) {
            (Some(_), _) => "NOT recognised, see the warning",
            (None, true) => "recognised",
            (None, false) => "not checked",
        };
        writeln!(out, "  {:<22} {} ({how})", "registers of", printable(&registers.title))?;
    }
    if let Some(shown) = &report.outstation {
        outstation::mark(out, shown)?;
    }
    match report.base {
        Some(base) => writeln!(out, "  {:<22} {base}", "SunSpec base"),
        None => Ok(()),
    }
}

/// Who a further logical device is, by its model 1.
fn who(model: &ProbedModel) -> String {
    let text = |path: &str| {
        let point = model.points.iter().find(|p| p.path == path);
        match point.map(|p| &p.value) {
            Some(ProbedValue::Text(text)) => Some(printable(text)),
            _ => None,
        }
    };
    let texts: Vec<String> = ["Mn", "Md", "SN"].into_iter().filter_map(text).collect();
    if texts.is_empty() { "it does not say who it is".to_owned() } else { texts.join(" ") }
}

fn points(out: &mut dyn Write, model: &ProbedModel, style: Style<'_>) -> io::Result<()> {
    let shown = |point: &&ProbedPoint| style.all || point.value != ProbedValue::NotImplemented;
    let mut shown = model.points.iter().filter(shown).peekable();
    if shown.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "\nModel {} {}", model.label(), model.name.as_deref().unwrap_or_default())?;
    let mut open: Vec<&str> = Vec::new();
    for point in shown {
        let mut groups: Vec<&str> = point.path.split('.').collect();
        let name = groups.pop().unwrap_or_default();
        let same = groups.iter().zip(&open).take_while(|(a, b)| a == b).count();
        for (depth, group) in groups.iter().enumerate().skip(same) {
            writeln!(out, "{:9}{:indent$}{group}", "", "", indent = depth * 2)?;
        }
        writeln!(out, "{}", line(point, name, groups.len() * 2, style))?;
        open = groups;
    }
    Ok(())
}

/// The points of a register map, with table and address as they are counted on the wire.
fn register_points(out: &mut dyn Write, registers: &RegisterReport, style: Style<'_>) -> io::Result<()> {
    writeln!(out, "\nRegisters of map {} (addresses from 0, as on the wire)", registers.map)?;
    let left = |head| (head, Align::Left);
    let mut table = Table::new([
        left("table"),
        ("address", Align::Right),
        left("point"),
        ("value", Align::Right),
        left("unit"),
        left("meaning"),
        left("raw"),
        left("quality"),
    ]);
    let shown = |point: &&ProbedPoint| style.all || point.value != ProbedValue::NotImplemented;
    for point in registers.points.iter().filter(shown) {
        let (value, quality) = match &point.value {
            ProbedValue::Number(number) => (number.to_string(), String::new()),
            ProbedValue::Text(text) => (text.clone(), String::new()),
            ProbedValue::Unusable(why) => ("-".to_owned(), why.clone()),
            other => ("-".to_owned(), other.quality().to_owned()),
        };
        table.push([
            table_name(point.table).to_owned(),
            point.address.to_string(),
            point.path.clone(),
            value,
            point.unit.clone().unwrap_or_default(),
            point.symbols.join(", "),
            // A text is its registers; in words it is enough.
            if matches!(point.value, ProbedValue::Text(_)) { String::new() } else { hex(&point.raw) },
            quality,
        ]);
    }
    table.write(out, "  ")?;
    let absent = registers.points.iter().filter(|p| p.value == ProbedValue::NotImplemented).count();
    if absent > 0 && !style.all {
        writeln!(out, "  {absent} more that the device does not have, or not now (--all shows them)")?;
    }
    Ok(())
}

fn line(point: &ProbedPoint, name: &str, indent: usize, style: Style<'_>) -> String {
    let width = 22_usize.saturating_sub(indent);
    let mut line = format!("  {:>5}  {:indent$}{name:<width$} ", point.address, "");
    match &point.value {
        ProbedValue::Number(number) => line.push_str(&number.to_string()),
        ProbedValue::Text(text) => line.push_str(&printable(text)),
        ProbedValue::Unusable(why) => line.push_str(&format!("not usable: {why}")),
        ProbedValue::NotRead => line.push_str("not read"),
        ProbedValue::NotImplemented => {
            line.push('-');
            return if style.colours { format!("\u{1b}[2m{line}\u{1b}[0m") } else { line };
        }
    }
    if let Some(unit) = &point.unit {
        line.push(' ');
        line.push_str(unit);
    }
    if !point.symbols.is_empty() {
        line.push_str(&format!(" ({})", point.symbols.join(", ")));
    }
    if let ([raw], true) = (point.raw.as_slice(), matches!(point.value, ProbedValue::Number(_))) {
        line.push_str(&format!("  [0x{raw:04X}]"));
    }
    line
}

fn abilities(out: &mut dyn Write, capability: &Capability) -> io::Result<()> {
    writeln!(out, "\nCan be asked for")?;
    writeln!(out, "  {:<22} {}", "injection up to", capability.injection_max)?;
    writeln!(out, "  {:<22} {}", "absorption up to", capability.absorption_max)?;
    let names: Vec<&str> = capability.controls.iter().map(Control::name).collect();
    let names = if names.is_empty() { "nothing: it only reports".to_owned() } else { names.join(", ") };
    writeln!(out, "  {:<22} {names}", "controls")
}

/// Ratings with label and unit; what the device does not tell is `None`.
pub(super) fn ratings(plate: &Nameplate) -> [(&'static str, Option<f64>, &'static str); 6] {
    [
        ("activePowerMax", plate.active_power_max.map(|v| v.get()), "W"),
        ("chargeMax", plate.charge_max.map(|v| v.get()), "W"),
        ("apparentPowerMax", plate.apparent_power_max.map(|v| v.get()), "VA"),
        ("reactiveInjectedMax", plate.reactive_injected_max.map(|v| v.get()), "VAr"),
        ("reactiveAbsorbedMax", plate.reactive_absorbed_max.map(|v| v.get()), "VAr"),
        ("energyRating", plate.energy_rating.map(|v| v.get()), "Wh"),
    ]
    .map(|(label, value, unit)| (label, value.map(tidy), unit))
}

/// The value of a reading that can be used, as it is printed.
pub(super) fn known(reading: &Reading) -> Option<f64> {
    (reading.quality == Quality::Good).then(|| tidy(reading.value))
}
