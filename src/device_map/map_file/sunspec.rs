//! `[sunspec]`: how a chain is found, read and written, and what its models say wrong.

use super::refs::resolve;
use super::words::{instead, quoted};
use crate::device_map::library::Library;
use crate::device_map::map::{
    CurveRequest, MeterSign, PfSign, PointOverride, PointRef, SunspecOptions, WriteFunction,
};
use crate::device_map::model::PointType;
use crate::device_map::registers::CommandName;
use crate::toml_file::{Item, Placed, Table};
use std::collections::BTreeMap;

/// Most entries of a list here. Even a device with every model of the corpus wrong has fewer.
const MAX_ENTRIES: usize = 500;

const MODEL_IDS: std::ops::RangeInclusive<i64> = 1..=65534;

const WRITES: [(&str, WriteFunction); 3] =
    [("auto", WriteFunction::Auto), ("single", WriteFunction::Single), ("multiple", WriteFunction::Multiple)];

const PF_SIGNS: [(&str, PfSign); 3] =
    [("eei", PfSign::Eei), ("overexcited_positive", PfSign::OverexcitedPositive), ("none", PfSign::None)];

const METER_SIGNS: [(&str, MeterSign); 2] =
    [("import_positive", MeterSign::ImportPositive), ("export_positive", MeterSign::ExportPositive)];

const CURVE_REQUESTS: [(&str, CurveRequest); 2] =
    [("one_based", CurveRequest::OneBased), ("zero_based", CurveRequest::ZeroBased)];

pub(super) fn read(mut table: Table, library: &Library) -> SunspecOptions {
    let default = SunspecOptions::default();
    let base = read_base(&mut table).unwrap_or(default.base);
    let ignore_models = table
        .integers("ignore_models", MODEL_IDS, "[64110]")
        .map(|list| distinct(list.value, "ignore_models"))
        .unwrap_or_default();
    let end_model = table.word("end_model", &[("required", true), ("optional", false)]);
    let [cross_model, static_sf, lenient_header, heartbeat] =
        ["cross_model", "static_sf", "lenient_header", "heartbeat"]
            .map(|key| table.boolean(key).is_some_and(|given| given.value));
    let options = SunspecOptions {
        base,
        end_model_required: end_model.is_none_or(|word| word.value),
        cross_model,
        static_sf,
        lenient_header,
        model_lengths: table
            .table("model_lengths", "model_lengths = { 1 = [65, 66] }")
            .map(read_lengths)
            .unwrap_or_default(),
        ignore_models,
        shadow_models: table.table("readback", "[sunspec.readback]").map(read_readback).unwrap_or_default(),
        write_function: word(&mut table, "write_fc", &WRITES),
        pf_sign: word(&mut table, "pf_sign", &PF_SIGNS),
        meter_sign: word(&mut table, "meter_sign", &METER_SIGNS),
        enable_toggle: read_toggles(&mut table, library),
        curve_request: word(&mut table, "curve_request", &CURVE_REQUESTS),
        heartbeat,
        points: read_overrides(&mut table, library),
        scale_override: table
            .table("sf_override", "[sunspec.sf_override]")
            .map(|inner| read_scales(inner, library))
            .unwrap_or_default(),
        disabled: read_disabled(&mut table),
    };
    table.finish();
    options
}

fn word<T: Copy + Default>(table: &mut Table, key: &'static str, words: &[(&'static str, T)]) -> T {
    table.word(key, words).map(|word| word.value).unwrap_or_default()
}

fn read_base(table: &mut Table) -> Option<Vec<u16>> {
    let list = table.integers("base", 0..=65535, "[40000]")?;
    if list.value.is_empty() {
        list.place.fault("base is empty; name at least one address, such as base = [40000]");
    }
    Some(distinct(list.value, "base"))
}

fn distinct(list: Vec<Placed<i64>>, key: &str) -> Vec<u16> {
    let mut seen = Vec::new();
    for number in list {
        let Ok(value) = u16::try_from(number.value) else { continue };
        if seen.contains(&value) {
            number.place.fault(format!("{key} names {value} twice; once is enough"));
        } else {
            seen.push(value);
        }
    }
    seen
}

/// A key that is a model id.
fn model_key(key: &Placed<String>, table: &str, example: &str) -> Option<u16> {
    let id = key.value.parse::<u16>().ok().filter(|id| MODEL_IDS.contains(&i64::from(*id)));
    if id.is_none() {
        key.place.fault(format!("the keys of {table} are model ids; write {table} = {example}"));
    }
    id
}

/// `model_lengths = { 1 = [65, 66] }`
fn read_lengths(mut table: Table) -> BTreeMap<u16, Vec<u16>> {
    let mut lengths = BTreeMap::new();
    for (key, item) in table.rest() {
        let id = model_key(&key, "model_lengths", "{ 1 = [65, 66] }");
        let list = item.list("[65, 66]").map(|list| list.value).unwrap_or_default();
        let list = list.into_iter().filter_map(|n| n.integer(&(1..=65535), "65")).collect();
        if let Some(id) = id {
            lengths.insert(id, distinct(list, "model_lengths"));
        }
    }
    lengths
}

/// `readback = { 123 = "none" }`: the models whose registers do not show what was written.
fn read_readback(mut table: Table) -> Vec<u16> {
    let mut shadow = Vec::new();
    for (model, how) in table.rest() {
        let id = model_key(&model, "readback", "{ 123 = \"none\" }");
        if let (Some(true), Some(id)) = (is_none(how), id) {
            shadow.push(id);
        }
    }
    shadow.sort_unstable();
    shadow
}

fn is_none(how: Item) -> Option<bool> {
    let how = how.text("\"none\"")?;
    match how.value.as_str() {
        "none" => Some(true),
        "strict" => Some(false),
        _ => {
            how.place.fault("read-back of a model is \"strict\" or \"none\"");
            None
        }
    }
}

fn read_toggles(table: &mut Table, library: &Library) -> Vec<PointRef> {
    let list = table.texts("ena_toggle", "[\"123.WMaxLim_Ena\"]").map(|list| list.value).unwrap_or_default();
    let mut toggles = Vec::new();
    for text in list {
        let Some((point, meaning)) = resolve(&text, "ena_toggle", library) else { continue };
        if !meaning.writable {
            text.place.fault(format!("ena_toggle {}: this point cannot be written", quoted(&text.value)));
        } else if toggles.contains(&point) {
            text.place.fault(format!("ena_toggle names {} twice; once is enough", quoted(&text.value)));
        } else {
            toggles.push(point);
        }
    }
    toggles
}

/// `[sunspec.sf_override]`, `"103.W_SF" = 0`
fn read_scales(mut table: Table, library: &Library) -> Vec<(PointRef, i8)> {
    let mut scales = Vec::new();
    for (key, item) in table.rest() {
        let power = item.integer(&(-10..=10), "0").and_then(|n| i8::try_from(n.value).ok());
        let Some((point, meaning)) = resolve(&key, "sf_override", library) else { continue };
        if meaning.kind != PointType::Sunssf {
            let named = meaning.scale.map(|scale| match scale {
                crate::device_map::Scale::Point(name) => format!("; its scale factor is {name}"),
                crate::device_map::Scale::Power(power) => format!("; its power of ten is always {power}"),
            });
            let shown = quoted(&key.value);
            key.place.fault(format!(
                "sf_override {shown}: this is no scale factor, but of type {}{}",
                meaning.kind.name(),
                named.unwrap_or_default()
            ));
        } else if let Some(power) = power {
            scales.push((point, power));
        }
    }
    scales
}

fn read_overrides(table: &mut Table, library: &Library) -> Vec<PointOverride> {
    let tables = table.tables("point");
    if let Some(over) = tables.get(MAX_ENTRIES) {
        over.fault(format!("more than {MAX_ENTRIES} [[sunspec.point]]; a map has at most so many"));
    }
    let mut found: Vec<PointOverride> = Vec::new();
    for table in tables.into_iter().take(MAX_ENTRIES) {
        let place = table.place().clone();
        let Some(next) = read_override(table, library) else { continue };
        if found.iter().any(|known| known.point == next.point) {
            place.fault(format!(
                "{}.{} has two [[sunspec.point]]; write one with all that is to be corrected",
                next.point.model, next.point.path
            ));
        } else {
            found.push(next);
        }
    }
    found
}

fn read_override(mut table: Table, library: &Library) -> Option<PointOverride> {
    let place = table.place().clone();
    let text = table.required_text("ref", "\"101.PF\"");
    let kind = table.text("type", "\"int32\"");
    let unit = table.text("unit", "\"percent\"");
    let negate = table.boolean("negate").is_some_and(|given| given.value);
    let ignore = table.boolean("ignore").is_some_and(|given| given.value);
    table.finish();
    let text = text?;
    if kind.is_none() && unit.is_none() && !negate && !ignore {
        place
            .fault("this [[sunspec.point]] corrects nothing; add type, unit, negate = true or ignore = true");
    }
    let (point, meaning) = resolve(&text, "ref", library)?;
    let types: Vec<(&str, PointType)> = PointType::ALL.iter().map(|kind| (kind.name(), *kind)).collect();
    let kind = kind.and_then(|word| {
        let kind = super::words::one_of(&word, "type", &types)?;
        if kind.registers() != Some(meaning.size) {
            word.place.fault(format!(
                "ref {}: it has {} registers in the model, and type \"{}\" has not: all points after it would shift",
                quoted(&text.value),
                meaning.size,
                kind.name()
            ));
        }
        Some(kind)
    });
    if let Some(unit) = unit.as_ref().filter(|unit| unit.value != "percent") {
        let shown = quoted(&unit.value);
        unit.place.fault(format!(
            "unit {shown}: only \"percent\" can be said of a point, for a ratio that the device gives in percent"
        ));
    }
    Some(PointOverride { point, kind, unit: unit.map(|unit| unit.value), negate, ignore })
}

/// The words of all commands.
fn command_words() -> Vec<&'static str> {
    CommandName::ALL.iter().map(|command| command.name()).collect()
}

/// A command by its word; else a fault.
pub(super) fn command_name(word: &Placed<String>) -> Option<CommandName> {
    let name = CommandName::from_name(&word.value);
    if name.is_none() {
        let right = instead(&word.value, &command_words());
        word.place.fault(format!("command {} is not known; {right}", quoted(&word.value)));
    }
    name
}

fn read_disabled(table: &mut Table) -> Vec<(CommandName, String)> {
    let mut disabled: Vec<(CommandName, String)> = Vec::new();
    for mut table in table.tables("disable") {
        let place = table.place().clone();
        let name = table.required_text("command", "\"limit_active_power\"");
        let reason = table.required_text("reason", "\"not in this firmware\"");
        table.finish();
        let name = name.and_then(|word| command_name(&word));
        let reason = reason.and_then(|text| super::short_text(text, "reason"));
        let (Some(name), Some(reason)) = (name, reason) else { continue };
        if disabled.iter().any(|(known, _)| *known == name) {
            place.fault(format!("{} is disabled twice; once is enough", name.name()));
        } else {
            disabled.push((name, reason));
        }
    }
    disabled
}
