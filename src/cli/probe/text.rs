//! A probe's report for people: who, models, points by group, values in gateway terms.

use super::Style;
use crate::cli::table::printable;
use crate::der::{Capability, Control, Nameplate, Quality, Reading};
use crate::southbound::{ProbeReport, ProbedModel, ProbedPoint, ProbedValue};
use std::io::{self, Write};

pub(super) fn report(
    out: &mut dyn Write,
    name: &str,
    report: &ProbeReport,
    map: Option<&str>,
    style: Style,
) -> io::Result<()> {
    identity(out, name, report, map)?;
    writeln!(out, "\nModels")?;
    writeln!(out, "  {:>8}  {:>7}  {:>5}  name", "id", "address", "L")?;
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
    writeln!(out, "\nAs the gateway reports it (positive is injected)")?;
    if report.readings.is_empty() {
        writeln!(out, "  no values")?;
    }
    for reading in &report.readings {
        let (name, unit) = (reading.quantity.name(), reading.quantity.unit());
        let value =
            known(reading).map_or_else(|| reading.quality.name().to_owned(), |v| format!("{v} {unit}"));
        writeln!(out, "  {name:<22} {value}")?;
    }
    abilities(out, &report.capability)
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
    writeln!(out, "  {:<22} {}", "SunSpec base", report.base)
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

fn points(out: &mut dyn Write, model: &ProbedModel, style: Style) -> io::Result<()> {
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

fn line(point: &ProbedPoint, name: &str, indent: usize, style: Style) -> String {
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
}

pub(super) fn known(reading: &Reading) -> Option<f64> {
    (reading.quality == Quality::Good).then_some(reading.value)
}
