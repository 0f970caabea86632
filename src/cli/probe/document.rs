//! A probe's report as one JSON object, for scripts.

use super::text::{known, ratings};
use super::{Style, outstation, warnings};
use crate::cli::device::{number, table_name};
use crate::der::Control;
use crate::southbound::{ProbeReport, ProbedModel, ProbedPoint, ProbedValue, RegisterReport};
use serde_json::{Map, Value, json};

pub(super) fn report(name: &str, report: &ProbeReport, map: Option<&str>, style: Style<'_>) -> Value {
    let all = style.all;
    let plate = &report.nameplate;
    let ratings: Map<String, Value> = ratings(plate)
        .into_iter()
        .map(|(label, value, unit)| (label.to_owned(), json!({ "value": value.map(number), "unit": unit })))
        .collect();
    let readings: Vec<Value> = report
        .readings
        .iter()
        .map(|r| {
            json!({ "quantity": r.quantity.name(), "value": known(r).map(number), "unit": r.quantity.unit(),
                    "quality": r.quality.name(), "at": r.at.to_string() })
        })
        .collect();
    json!({
        "link": name,
        "manufacturer": plate.manufacturer,
        "model": plate.model,
        "serial": plate.serial,
        "version": plate.version,
        "ratings": ratings,
        "base": report.base,
        "map": map,
        "models": report.models.iter().map(|m| model(m, all)).collect::<Vec<_>>(),
        "registers": report.registers.as_ref().map(|registers| registers_of(registers, all)),
        "outstation": report.outstation.as_ref().map(|shown| outstation::document(shown, style)),
        "readings": readings,
        "capability": {
            "injectionMax": { "value": number(report.capability.injection_max.get()), "unit": "W" },
            "absorptionMax": { "value": number(report.capability.absorption_max.get()), "unit": "W" },
            "controls": report.capability.controls.iter().map(Control::name).collect::<Vec<_>>(),
        },
        "warnings": warnings(report),
    })
}

fn model(model: &ProbedModel, all: bool) -> Value {
    let shown = |point: &&ProbedPoint| all || point.value != ProbedValue::NotImplemented;
    json!({
        "id": model.id,
        "instance": model.instance,
        "device": model.device,
        "name": model.name,
        "known": model.name.is_some(),
        "address": model.address,
        "length": model.length,
        "points": model.points.iter().filter(shown).map(point).collect::<Vec<_>>(),
    })
}

fn registers_of(registers: &RegisterReport, all: bool) -> Value {
    let shown = |point: &&ProbedPoint| all || point.value != ProbedValue::NotImplemented;
    json!({
        "map": registers.map,
        "title": registers.title,
        "recognised": registers.recognised,
        "fault": registers.stranger,
        "points": registers.points.iter().filter(shown).map(point).collect::<Vec<_>>(),
    })
}

/// One point.
pub(in crate::cli) fn point(point: &ProbedPoint) -> Value {
    let (value, fault) = match &point.value {
        ProbedValue::Number(value) => (number(*value), None),
        ProbedValue::Text(text) => (json!(text), None),
        ProbedValue::Unusable(why) => (Value::Null, Some(why)),
        ProbedValue::NotImplemented | ProbedValue::NotRead => (Value::Null, None),
    };
    json!({
        "point": point.path,
        "table": table_name(point.table),
        "address": point.address,
        "type": point.kind,
        "raw": point.raw,
        "value": value,
        "fault": fault,
        "unit": point.unit,
        "symbols": point.symbols,
        "scale": point.scale.as_ref().map(|s| json!({ "point": s.point, "power": s.power })),
        "quality": point.value.quality(),
        "writable": point.writable,
    })
}
