//! `dergate probe LINK`: what one device is, its models and live values, as a table or as JSON.
//!
//! It decides nothing about registers: the southbound room finds out, this file prints.

use crate::der::{Capability, Control, Nameplate, Quality, Reading};
use crate::southbound::{
    Link, ProbeError, ProbeOptions, ProbeReport, ProbedModel, ProbedPoint, ProbedValue, probe,
};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::sync::Arc;

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeExit {
    /// A SunSpec device answered: exit status 0.
    Found,
    /// Something answered that is not one, or the output could not be written: exit status 1.
    Failed,
    /// Nothing answered: exit status 3.
    Silent,
}

/// Probes the device at a link. Data goes to `out`, talk to `talk`.
pub async fn run(
    link: &Link,
    options: &ProbeOptions,
    json: bool,
    out: &mut (dyn Write + Send),
    talk: &mut (dyn Write + Send),
) -> ProbeExit {
    let written = match probe(link, options, Arc::default()).await {
        Ok(report) if json => writeln!(out, "{:#}", document(link, &report)),
        Ok(report) => table(out, link, &report),
        Err(error) => {
            let _ = writeln!(talk, "{error}");
            return match error {
                ProbeError::Silent { .. } => ProbeExit::Silent,
                ProbeError::NotSunspec { .. } => ProbeExit::Failed,
            };
        }
    };
    match written.and_then(|()| out.flush()) {
        Ok(()) => ProbeExit::Found,
        // Who reads only the first lines has what he wants.
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => ProbeExit::Found,
        Err(_) => ProbeExit::Failed,
    }
}

fn table(out: &mut dyn Write, link: &Link, report: &ProbeReport) -> io::Result<()> {
    identity(out, link, report)?;
    writeln!(out, "\nModels")?;
    writeln!(out, "  {:>5}  {:>7}  {:>5}  name", "id", "address", "L")?;
    for model in &report.models {
        let name = model.name.as_deref().unwrap_or("(unknown to this version)");
        writeln!(out, "  {:>5}  {:>7}  {:>5}  {name}", model.id, model.address, model.length)?;
    }
    for model in &report.models {
        points(out, model)?;
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
    abilities(out, &report.capability)?;
    for warning in warnings(report) {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(())
}

fn identity(out: &mut dyn Write, link: &Link, report: &ProbeReport) -> io::Result<()> {
    writeln!(out, "{link}")?;
    let plate = &report.nameplate;
    let texts = [
        ("manufacturer", &plate.manufacturer),
        ("model", &plate.model),
        ("serial", &plate.serial),
        ("version", &plate.version),
    ];
    for (label, text) in texts {
        writeln!(out, "  {label:<22} {}", text.as_deref().unwrap_or("-"))?;
    }
    for (label, value, unit) in ratings(plate) {
        if let Some(value) = value {
            writeln!(out, "  {label:<22} {value} {unit}")?;
        }
    }
    writeln!(out, "  {:<22} {}", "SunSpec base", report.base)
}

fn points(out: &mut dyn Write, model: &ProbedModel) -> io::Result<()> {
    if model.points.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nModel {} {}", model.id, model.name.as_deref().unwrap_or_default())?;
    for point in &model.points {
        let value = match &point.value {
            ProbedValue::Number(number) => number.to_string(),
            ProbedValue::Text(text) => text.clone(),
            ProbedValue::Unusable(why) => format!("not usable: {why}"),
        };
        let mut line = format!("  {:>5}  {:<22} {value}", point.address, point.path);
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
        writeln!(out, "{line}")?;
    }
    Ok(())
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
fn ratings(plate: &Nameplate) -> [(&'static str, Option<f64>, &'static str); 6] {
    [
        ("activePowerMax", plate.active_power_max.map(|v| v.get()), "W"),
        ("chargeMax", plate.charge_max.map(|v| v.get()), "W"),
        ("apparentPowerMax", plate.apparent_power_max.map(|v| v.get()), "VA"),
        ("reactiveInjectedMax", plate.reactive_injected_max.map(|v| v.get()), "VAr"),
        ("reactiveAbsorbedMax", plate.reactive_absorbed_max.map(|v| v.get()), "VAr"),
        ("energyRating", plate.energy_rating.map(|v| v.get()), "Wh"),
    ]
}

fn known(reading: &Reading) -> Option<f64> {
    (reading.quality == Quality::Good).then_some(reading.value)
}

fn warnings(report: &ProbeReport) -> Vec<String> {
    let of_models =
        report.models.iter().flat_map(|m| m.warnings.iter().map(move |w| format!("model {}: {w}", m.id)));
    report.warnings.iter().cloned().chain(of_models).collect()
}

fn document(link: &Link, report: &ProbeReport) -> Value {
    let plate = &report.nameplate;
    let ratings: serde_json::Map<String, Value> = ratings(plate)
        .into_iter()
        .map(|(label, value, unit)| (label.to_owned(), json!({ "value": value, "unit": unit })))
        .collect();
    let readings: Vec<Value> = report
        .readings
        .iter()
        .map(|r| {
            json!({ "quantity": r.quantity.name(), "value": known(r), "unit": r.quantity.unit(),
                    "quality": r.quality.name(), "at": r.at.to_string() })
        })
        .collect();
    json!({
        "link": link.to_string(),
        "manufacturer": plate.manufacturer,
        "model": plate.model,
        "serial": plate.serial,
        "version": plate.version,
        "ratings": ratings,
        "base": report.base,
        "models": report.models.iter().map(model_document).collect::<Vec<_>>(),
        "readings": readings,
        "capability": {
            "injectionMax": { "value": report.capability.injection_max.get(), "unit": "W" },
            "absorptionMax": { "value": report.capability.absorption_max.get(), "unit": "W" },
            "controls": report.capability.controls.iter().map(Control::name).collect::<Vec<_>>(),
        },
        "warnings": warnings(report),
    })
}

fn model_document(model: &ProbedModel) -> Value {
    json!({
        "id": model.id,
        "name": model.name,
        "known": model.name.is_some(),
        "address": model.address,
        "length": model.length,
        "points": model.points.iter().map(point_document).collect::<Vec<_>>(),
    })
}

fn point_document(point: &ProbedPoint) -> Value {
    let (value, fault) = match &point.value {
        ProbedValue::Number(number) => (json!(number), None),
        ProbedValue::Text(text) => (json!(text), None),
        ProbedValue::Unusable(why) => (Value::Null, Some(why)),
    };
    json!({
        "point": point.path,
        "address": point.address,
        "raw": point.raw,
        "value": value,
        "fault": fault,
        "unit": point.unit,
        "symbols": point.symbols,
        "writable": point.writable,
    })
}

#[cfg(test)]
mod tests;
