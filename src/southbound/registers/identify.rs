//! Whether the device is one that its map is for.

use crate::device_map::DeviceMap;
use crate::device_map::registers::{Identify, RegisterPoint, RegisterTable};
use crate::southbound::modbus::{BusError, Exception, Line};
use crate::southbound::points::{one_of, read_registers};
use std::fmt::Write as _;

/// Why a device could not be recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// It does not answer.
    Bus(BusError),
    /// It answers, and is something else; in words.
    Other(String),
}

/// Reads what tells the device, if the map says where. In its turn behind the reads of other units.
///
/// # Errors
/// The device is not one of the map, or does not answer.
pub async fn identify(line: &Line<'_>, map: &DeviceMap) -> Result<(), Stranger> {
    let Some(identify) = &map.registers.identify else { return Ok(()) };
    let Identify { table, address, kind, any_of } = identify;
    let turn = line.turn().await;
    let words = match read_registers(line, Some(turn), *table, *address, kind.registers()).await {
        Ok(words) => words,
        Err(error @ BusError::Refused(_)) if error.exception().is_some_and(refuses) => {
            return Err(Stranger::Other(format!(
                "register {} cannot be read: {error}: this is not a {}; choose another map",
                place(*table, *address),
                map.title
            )));
        }
        Err(error) => return Err(Stranger::Bus(error)),
    };
    let shape = shape(map, identify);
    if one_of(&shape, &words, any_of) {
        return Ok(());
    }
    let wanted: Vec<String> = any_of.iter().take(8).map(|raw| number(*raw)).collect();
    let more = if any_of.len() > wanted.len() { ", …" } else { "" };
    Err(Stranger::Other(format!(
        "register {} is {}, which is none of {}{more}: this is not a {}; choose another map",
        place(*table, *address),
        hex(&words),
        wanted.join(", "),
        map.title
    )))
}

/// As its words stand in the point of the map at the same place, if there is one.
fn shape(map: &DeviceMap, identify: &Identify) -> RegisterPoint {
    let same = |p: &&RegisterPoint| {
        (p.table, p.address, p.kind) == (identify.table, identify.address, identify.kind)
    };
    let like = map.registers.points.iter().find(same);
    RegisterPoint {
        name: String::new(),
        table: identify.table,
        address: identify.address,
        kind: identify.kind,
        word_order: like.map(|p| p.word_order).unwrap_or_default(),
        byte_swap: like.is_some_and(|p| p.byte_swap),
        scale: 1.0,
        offset: 0.0,
        scale_from: None,
        unit: None,
        quantity: None,
        access: crate::device_map::registers::Access::Read,
        range: None,
        symbols: Vec::new(),
        bits: Vec::new(),
        invalid: Vec::new(),
        poll: crate::device_map::registers::PollClass::Once,
        stored: false,
        alias: true,
    }
}

fn place(table: RegisterTable, address: u16) -> String {
    match table {
        RegisterTable::Holding => format!("holding {address}"),
        RegisterTable::Input => format!("input {address}"),
    }
}

fn number(raw: i128) -> String {
    if raw < 0 { raw.to_string() } else { format!("0x{raw:X}") }
}

fn hex(words: &[u16]) -> String {
    words.iter().fold("0x".to_owned(), |mut text, word| {
        let _ = write!(text, "{word:04X}");
        text
    })
}

/// True for an exception that says what the device is, and not how it is at the moment.
const fn refuses(exception: Exception) -> bool {
    matches!(exception, Exception::ILLEGAL_FUNCTION | Exception::ILLEGAL_ADDRESS | Exception::ILLEGAL_VALUE)
}
