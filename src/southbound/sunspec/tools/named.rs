//! Register points of a device map, by name: read beside the points of models, and written like them.
//!
//! What registers mean is `points`' matter.

use super::Session;
use super::target::Target;
use super::write::Meaning;
use crate::device_map::dnp3::At;
use crate::device_map::registers::{Access, RegisterMap, RegisterPoint, RegisterTable, RegisterType};
use crate::device_map::{DeviceMap, MapKind};
use crate::nearest::nearest;
use crate::southbound::modbus::BusError;
use crate::southbound::points::{Look, Points, Raw, Rounding, Value, encode, raw};
use crate::southbound::sunspec::probe::{ProbedPoint, ProbedScale, ProbedValue};
use std::sync::Arc;

impl Session {
    /// The map, if it names registers.
    #[must_use]
    pub fn register_map(&self) -> Option<&Arc<DeviceMap>> {
        self.options.map.as_ref().filter(|map| map.kind != MapKind::Sunspec)
    }

    /// Reads the points that are named, with the scales that they need. `None` if none is named, or no map has names.
    pub(in crate::southbound) async fn named(
        &self,
        targets: impl Iterator<Item = &Target>,
    ) -> Result<Option<Points>, BusError> {
        let names: Vec<&str> = targets
            .filter_map(|target| match target {
                Target::Named(name) => Some(name.as_str()),
                Target::Model { .. } | Target::Raw(_) => None,
            })
            .collect();
        let Some(map) = self.register_map().filter(|_| !names.is_empty()) else { return Ok(None) };
        let mut points = Points::new(Arc::new(only(map, &names)));
        points.poll(&self.line()).await?;
        Ok(Some(points))
    }

    /// Why there is no point of a name.
    #[must_use]
    pub fn no_name(&self, name: &str) -> String {
        let Some(map) = self.register_map() else {
            if At::parse(name).is_some() {
                return format!(
                    "\"{name}\" is a point of a DNP3 outstation, and {} is a Modbus link; a device there has points like 103.W and registers like holding:40000",
                    self.link
                );
            }
            return format!(
                "\"{name}\" is neither a point of a model (103.W) nor a register (holding:40000); the points of a register map have names, with --map ID"
            );
        };
        let right = match nearest(name, map.registers.points.iter().map(|point| point.name.as_str())) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("dergate probe LINK --map {} shows its points", map.id),
        };
        format!("map \"{}\" has no point \"{name}\"; {right}", map.id)
    }
}

/// A map with these points alone, and what scales them.
fn only(map: &DeviceMap, names: &[&str]) -> DeviceMap {
    let all = &map.registers.points;
    let scales = |name: &str| {
        let mut asking = all.iter().filter(|p| names.contains(&p.name.as_str()));
        asking.any(|p| p.scale_from.as_deref() == Some(name))
    };
    let wanted = |p: &&RegisterPoint| names.contains(&p.name.as_str()) || scales(&p.name);
    let points = all.iter().filter(wanted).cloned().collect();
    DeviceMap { registers: RegisterMap { points, ..RegisterMap::default() }, ..map.clone() }
}

/// A point as the tools show it.
#[must_use]
pub fn probed(look: &Look<'_>) -> ProbedPoint {
    let point = look.point;
    let value = match (look.value, look.fault) {
        _ if point.access == Access::Write => ProbedValue::NotRead,
        (None, _) if look.absent => ProbedValue::NotImplemented,
        (None, Some(why)) => ProbedValue::Unusable(format!("not read: {why}")),
        (None, None) => ProbedValue::NotRead,
        (Some(Value::Absent), _) => ProbedValue::NotImplemented,
        (Some(Value::Number(number)), _) => ProbedValue::Number(*number),
        (Some(Value::Text(text)), _) => ProbedValue::Text(text.clone()),
        (Some(Value::Bad(why)), _) => ProbedValue::Unusable((*why).to_owned()),
    };
    let symbols =
        if matches!(value, ProbedValue::Number(_)) { symbols(point, look.words) } else { Vec::new() };
    ProbedPoint {
        path: point.name.clone(),
        table: point.table,
        address: point.address,
        kind: kind(point.kind),
        raw: look.words.to_vec(),
        value,
        unit: point.unit.clone().filter(|unit| !unit.is_empty()),
        scale: scale(point, look.exponent),
        symbols,
        writable: point.access != Access::Read && point.table == RegisterTable::Holding,
    }
}

/// The name of a value, or the names of the bits that are set.
fn symbols(point: &RegisterPoint, words: &[u16]) -> Vec<String> {
    let Some(Raw::Integer(raw)) = raw(point, words) else { return Vec::new() };
    if let Some((_, name)) = point.symbols.iter().find(|(value, _)| *value == raw) {
        return vec![name.clone()];
    }
    let set = |bit: u8| bit < 64 && (raw >> u32::from(bit)) & 1 == 1;
    point.bits.iter().filter(|(bit, _)| set(*bit)).map(|(_, name)| name.clone()).collect()
}

/// The power of ten on the way from raw to value, if it is one.
fn scale(point: &RegisterPoint, exponent: Option<i32>) -> Option<ProbedScale> {
    let own = (-10_i8..=10).find(|power| {
        let of_ten = 10_f64.powi((*power).into());
        (point.scale / of_ten - 1.0).abs() < 1e-9
    });
    let by = exponent.and_then(|by| i8::try_from(by).ok());
    let power = own.zip(by).and_then(|(own, by)| own.checked_add(by));
    (point.scale_from.is_some() || own.is_some_and(|own| own != 0))
        .then(|| ProbedScale { point: point.scale_from.clone(), power })
}

const fn kind(kind: RegisterType) -> &'static str {
    match kind {
        RegisterType::U16 => "u16",
        RegisterType::I16 => "i16",
        RegisterType::U32 => "u32",
        RegisterType::I32 => "i32",
        RegisterType::U64 => "u64",
        RegisterType::I64 => "i64",
        RegisterType::F32 => "f32",
        RegisterType::F64 => "f64",
        RegisterType::Text(_) => "string",
        RegisterType::Bits16 => "bits16",
        RegisterType::Bits32 => "bits32",
        RegisterType::Bool => "bool",
    }
}

/// A value that a person gave for a point, as registers.
pub(super) struct Given {
    pub(super) registers: Vec<u16>,
    pub(super) meaning: Meaning,
    /// What the person should know.
    pub(super) note: Option<String>,
}

/// What a text means to a point, as it stands on the device.
///
/// # Errors
/// It may not be written, or not this, in words.
pub(super) fn given(look: &Look<'_>, text: &str) -> Result<Given, String> {
    let point = look.point;
    if point.access == Access::Read || point.table == RegisterTable::Input {
        return Err("the point is read-only".to_owned());
    }
    if point.access == Access::ReadWrite {
        if look.absent {
            return Err("the device does not have the point".to_owned());
        }
        if let Some(why) = look.fault {
            return Err(format!("the device does not let the point be read, so it is not written: {why}"));
        }
    }
    if let RegisterType::Text(registers) = point.kind {
        return Err(format!(
            "a text is written by its address: holding:{}:text{registers}={text}",
            point.address
        ));
    }
    let wanted = number(point, text)?;
    // By hand the range of the map is a warning, not a fence.
    let free = RegisterPoint { range: None, ..point.clone() };
    let encoded = encode(&free, wanted, look.exponent, Rounding::Nearest).map_err(|why| {
        why.strip_prefix(&format!("{}: ", point.name)).map_or_else(|| why.clone(), str::to_owned)
    })?;
    let rounded = (encoded.value - wanted).abs() > wanted.abs() * 1e-9 + 1e-12;
    Ok(Given {
        registers: encoded.words,
        meaning: Meaning::Named { point: Box::new(point.clone()), exponent: look.exponent },
        note: rounded
            .then(|| format!("{wanted} is written as {}, the nearest the point can hold", encoded.value)),
    })
}

/// A number, the name of a value, or names of bits joined with +.
fn number(point: &RegisterPoint, text: &str) -> Result<f64, String> {
    let shown = || text.escape_debug();
    let of_raw = |raw: i128| raw as f64 * point.scale + point.offset;
    let same = |name: &str, text: &str| name.eq_ignore_ascii_case(text.trim());
    if let Some((raw, _)) = point.symbols.iter().find(|(_, name)| same(name, text)) {
        return Ok(of_raw(*raw));
    }
    if !point.bits.is_empty()
        && text.split('+').all(|part| point.bits.iter().any(|(_, name)| same(name, part)))
    {
        let set = |(bit, name): &&(u8, String)| *bit < 64 && text.split('+').any(|part| same(name, part));
        let bits = point.bits.iter().filter(set).fold(0_i128, |all, (bit, _)| all | 1 << u32::from(*bit));
        return Ok(of_raw(bits));
    }
    let hex = text.strip_prefix("0x").map(|digits| i128::from_str_radix(digits, 16).ok().map(of_raw));
    if let Some(number) = hex.unwrap_or_else(|| text.parse().ok()).filter(|number: &f64| number.is_finite()) {
        return Ok(number);
    }
    let names: Vec<&str> = point
        .symbols
        .iter()
        .map(|(_, name)| name.as_str())
        .chain(point.bits.iter().map(|(_, name)| name.as_str()))
        .take(20)
        .collect();
    if let Some(near) = nearest(text, names.iter().copied()) {
        return Err(format!("\"{}\" is none of its values; did you mean {near}?", shown()));
    }
    if !names.is_empty() {
        return Err(format!("\"{}\" is none of its values; they are {}", shown(), names.join(", ")));
    }
    let unit = point.unit.as_deref().map_or_else(String::new, |unit| format!(", in {unit} and without it"));
    Err(format!("\"{}\" is not a number; write a plain one{unit}", shown()))
}

#[cfg(test)]
mod tests;
