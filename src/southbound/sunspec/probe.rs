//! Finds out everything a device shows, once, for a person: chain, every implemented point, values in gateway terms.
//!
//! It uses the same scan, decoding and choices as the driver, on a connection of its own, and writes nothing.

use super::abilities::{capability, nameplate, routes};
use super::block::{Layouts, Lookup, ModelAt, Sample, cut};
use super::device::{blocks_of, peer_of};
use super::readings::{choose, readings};
use super::scan::{Chain, ScanError, scan};
use super::value::{Value, decode};
use crate::der::{Capability, Nameplate, Reading};
use crate::device_map::{Layout, Model, PlacedPoint, PointType};
use crate::southbound::modbus::{BusError, Endpoint, Exception, Line, SharedBus};
use crate::southbound::{Link, ProbeOptions};
use jiff::Timestamp;
use std::collections::{HashMap, VecDeque};
use tokio::time::Instant;

/// Reads are not cut shorter than this for a device that refuses long ones.
const SHORTEST: u16 = 8;

/// What a device shows.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeReport {
    /// Who it is and what it is rated for.
    pub nameplate: Nameplate,
    /// Address of the SunSpec marker.
    pub base: u16,
    /// Its models, in chain order.
    pub models: Vec<ProbedModel>,
    /// What is odd about it.
    pub warnings: Vec<String>,
    /// Its values as the gateway would report them.
    pub readings: Vec<Reading>,
    /// What the gateway could ask of it.
    pub capability: Capability,
}

/// One model of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbedModel {
    /// Model id.
    pub id: u16,
    /// Its name in the SunSpec tables; `None` if this build does not know the model.
    pub name: Option<String>,
    /// Address of its ID register.
    pub address: u16,
    /// L.
    pub length: u16,
    /// What is odd about it.
    pub warnings: Vec<String>,
    /// Its implemented points.
    pub points: Vec<ProbedPoint>,
}

/// One implemented point.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbedPoint {
    /// Path within the model.
    pub path: String,
    /// Address of its first register.
    pub address: u16,
    /// Its registers.
    pub raw: Vec<u16>,
    /// What they mean.
    pub value: ProbedValue,
    /// Unit as the model states it.
    pub unit: Option<String>,
    /// Names of an enumeration's value or of the bits that are set.
    pub symbols: Vec<String>,
    /// May be written.
    pub writable: bool,
}

/// What a point says.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbedValue {
    /// A number, scaled.
    Number(f64),
    /// Anything else.
    Text(String),
    /// Implemented but not usable; why.
    Unusable(String),
}

/// Why there is nothing to report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// Nobody there.
    #[error("{link}: {reason}")]
    Silent {
        /// Where.
        link: String,
        /// What happened instead.
        reason: String,
    },
    /// Somebody there, but no usable SunSpec device.
    #[error("{link}: {reason}")]
    NotSunspec {
        /// Where.
        link: String,
        /// What stands there instead, and what to do.
        reason: String,
    },
}

/// Probes a device.
///
/// # Errors
/// See [`ProbeError`].
pub async fn probe(link: &Link, options: &ProbeOptions, lookup: &Lookup) -> Result<ProbeReport, ProbeError> {
    let unit = link.unit();
    let bus = SharedBus::new(Endpoint::of(link).secured(options.tls.as_ref()));
    let line = bus.line(peer_of(unit, &options.link));
    let failed = |error: ScanError| {
        let (link, reason) =
            (link.to_string(), error.to_string().replace("this unit", &format!("unit {unit}")));
        match error {
            ScanError::Bus(BusError::Refused(_) | BusError::BadAnswer(_)) | ScanError::NoMarker(_) => {
                ProbeError::NotSunspec { link, reason }
            }
            ScanError::Bus(_) => ProbeError::Silent { link, reason },
            ScanError::RunsAway { .. } | ScanError::NoModels(..) => ProbeError::NotSunspec { link, reason },
        }
    };
    let chain = scan(&line, &options.sunspec.base).await.map_err(failed)?;
    let mut models = Vec::with_capacity(chain.models.len());
    let mut answers: HashMap<u16, Vec<u16>> = HashMap::new();
    let mut silent = false;
    for at in &chain.models {
        let (model, registers) = match read_model(&line, *at, lookup, options).await {
            Ok(read) => {
                silent = false;
                read
            }
            // Some devices are silent about one model instead of refusing it.
            Err(error @ (BusError::TimedOut(_) | BusError::Closed)) if !silent => {
                silent = true;
                let mut model = blank(*at);
                model.name = lookup(at.id).map(|known| known.group.name.clone());
                model.warnings.push(format!("not read: {error}"));
                (model, Vec::new())
            }
            Err(error) => return Err(failed(ScanError::Bus(error))),
        };
        models.push(model);
        answers.entry(at.id).or_insert(registers);
    }
    Ok(in_gateway_terms(chain, models, answers, lookup, options))
}

fn in_gateway_terms(
    chain: Chain,
    models: Vec<ProbedModel>,
    mut answers: HashMap<u16, Vec<u16>>,
    lookup: &Lookup,
    options: &ProbeOptions,
) -> ProbeReport {
    let layouts = Layouts::default();
    let (ignore, longest) = (&options.sunspec.ignore_models, options.link.max_read);
    let mut blocks = blocks_of(&chain.models, ignore, lookup, &layouts, longest);
    let mut warnings = chain.warnings;
    for block in &mut blocks.list {
        let registers = answers.remove(&block.at.id).unwrap_or_default();
        if !registers.is_empty() && !block.take(registers, Instant::now()) {
            warnings
                .push(format!("model {} does not stand still: ID or L changed while reading", block.at.id));
        }
    }
    let sources = choose(&mut blocks);
    let now = Timestamp::now();
    let routes = routes(&blocks);
    let (readings, faults) = readings(&blocks, sources, &|_| Some(now));
    warnings
        .extend(faults.iter().map(|(model, point, fault)| format!("{model}.{point} is not used: {fault}")));
    ProbeReport {
        nameplate: nameplate(&blocks),
        base: chain.base,
        models,
        warnings,
        readings,
        capability: capability(&blocks, routes),
    }
}

/// A model of which only the header is known.
const fn blank(at: ModelAt) -> ProbedModel {
    ProbedModel {
        id: at.id,
        name: None,
        address: at.address,
        length: at.length,
        warnings: Vec::new(),
        points: Vec::new(),
    }
}

/// Reads a model whole; what the device refuses is left out and said.
async fn read_model(
    line: &Line<'_>,
    at: ModelAt,
    lookup: &Lookup,
    options: &ProbeOptions,
) -> Result<(ProbedModel, Vec<u16>), BusError> {
    let mut probed = blank(at);
    let Some(model) = lookup(at.id) else { return Ok((probed, Vec::new())) };
    probed.name = Some(model.group.name.clone());
    if options.sunspec.ignore_models.contains(&at.id) {
        probed.warnings.push("not read: the device map ignores it".to_owned());
        return Ok((probed, Vec::new()));
    }
    let longest = options.link.max_read;
    let top = Layout::new(&model, at.length, &|_| Some(0));
    let mut registers = Vec::new();
    let whole = read_on(line, at, &top, longest, &mut registers, &mut probed).await?;
    let layout = Layout::new(&model, at.length, &|name| count(&top, &registers, name));
    if whole {
        registers.truncate(model.group.own_registers());
        read_on(line, at, &layout, longest, &mut registers, &mut probed).await?;
    }
    remark_length(&mut probed, &model, &layout);
    let sample = Sample { layout: &layout, registers: &registers };
    probed.points = layout.points.iter().skip(2).filter_map(|placed| point(at, &sample, placed)).collect();
    Ok((probed, registers))
}

/// Reads the points of a layout that are not in `registers` yet. False if the device refused a part.
async fn read_on(
    line: &Line<'_>,
    at: ModelAt,
    layout: &Layout,
    longest: u16,
    registers: &mut Vec<u16>,
    probed: &mut ProbedModel,
) -> Result<bool, BusError> {
    let missing = |have: usize| {
        let points = layout.points.iter().map(|p| (p.offset, p.point.size));
        points.filter(move |(at, _)| usize::from(*at) >= have)
    };
    let mut longest = longest;
    let mut parts = VecDeque::from(cut(missing(registers.len()), longest));
    while let Some(part) = parts.pop_front() {
        match line.read(at.address.saturating_add(part.offset), part.quantity).await {
            Ok(words) => {
                // A text longer than a read was left out: what follows keeps its place.
                registers.resize(usize::from(part.offset).max(registers.len()), 0);
                registers.extend(words);
            }
            // Perhaps the read is too long for this device, as in the driver.
            Err(BusError::Refused(Exception::ILLEGAL_ADDRESS | Exception::ILLEGAL_VALUE))
                if part.quantity > SHORTEST =>
            {
                longest = part.quantity / 2;
                parts = cut(missing(registers.len()), longest).into();
            }
            Err(BusError::Refused(exception)) => {
                probed.warnings.push(format!(
                    "registers {} to {} of the model: {exception}",
                    part.offset,
                    part.offset.saturating_add(part.quantity).saturating_sub(1)
                ));
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn count(top: &Layout, registers: &[u16], name: &str) -> Option<u16> {
    let sample = Sample { layout: top, registers };
    sample.integer(name).and_then(|n| u16::try_from(n).ok())
}

fn remark_length(probed: &mut ProbedModel, model: &Model, layout: &Layout) {
    let fixed = model.fixed_length();
    if layout.short {
        probed.warnings.push(format!(
            "short: L is {}, the model has {fixed}; points beyond are not there",
            probed.length
        ));
        return;
    }
    let used = layout.points.last().map_or(0, |p| usize::from(p.offset) + usize::from(p.point.size));
    let beyond = (usize::from(probed.length) + 2).saturating_sub(used);
    if beyond > 0 {
        probed.warnings.push(format!("{beyond} registers behind the known points are not read"));
    }
}

fn point(at: ModelAt, sample: &Sample<'_>, placed: &PlacedPoint) -> Option<ProbedPoint> {
    use super::block::Number;
    let kind = placed.point.kind;
    let raw = sample.registers_of(placed)?.to_vec();
    let meaning = decode(kind, &raw)?;
    let value = match (&meaning, sample.number_of(placed)) {
        (Value::Integer(_) | Value::Float(_), Number::Good(number)) => ProbedValue::Number(number),
        (Value::Integer(_) | Value::Float(_), Number::Bad(fault)) => ProbedValue::Unusable(fault.to_string()),
        (other, _) => ProbedValue::Text(other.to_string()),
    };
    Some(ProbedPoint {
        path: placed.path.clone(),
        address: at.address.saturating_add(placed.offset),
        raw,
        symbols: symbols(at.id, placed, &meaning),
        value,
        unit: placed.point.unit.as_ref().map(|u| u.trim().to_owned()),
        writable: placed.point.writable,
    })
}

fn symbols(model: u16, placed: &PlacedPoint, meaning: &Value) -> Vec<String> {
    let Value::Integer(value) = meaning else { return Vec::new() };
    let bits =
        matches!(placed.point.kind, PointType::Bitfield16 | PointType::Bitfield32 | PointType::Bitfield64);
    // 122.ECPConn is typed as a bit field, but lists values.
    let bits = bits && (model, placed.path.as_str()) != (122, "ECPConn");
    let holds = |symbol: u32| {
        if bits { symbol < 64 && value >> symbol & 1 == 1 } else { *value == i128::from(symbol) }
    };
    placed.point.symbols.iter().filter(|s| holds(s.value)).map(|s| s.name.clone()).collect()
}
