//! `[defaults]` and `[[point]]`: one value in registers each.

use super::measure;
use super::names::{MAX_POINTS, Missing, POLLS, point_name, short_word, symbols};
use super::values::{NUMBERS, parse_raw, raw_number, raw_span, sentinel_between};
use super::words::{instead, quoted};
use crate::device_map::registers::{Access, RegisterPoint, RegisterTable, RegisterType, WordOrder};
use crate::toml_file::{Item, Place, Placed, Table};
use std::collections::BTreeSet;

/// Most registers of a text.
const MAX_TEXT: u16 = 120;

/// Most raw values that mean "not there", or that a device may answer with.
pub(super) const MAX_RAW: usize = 500;

/// How a file counts registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Addressing {
    #[default]
    ZeroBased,
    OneBased,
    Modicon,
}

/// `[defaults]`: what points have that say nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Defaults {
    pub(super) table: RegisterTable,
    pub(super) addressing: Addressing,
    pub(super) word_order: WordOrder,
    pub(super) byte_swap: bool,
}

/// A point, and where it is written.
#[derive(Debug)]
pub(super) struct ReadPoint {
    pub(super) point: RegisterPoint,
    /// Where its address is written.
    pub(super) address: Place,
    /// Where the name of the point that holds its power of ten is written.
    pub(super) scale_from: Option<Place>,
}

/// All points of a map.
#[derive(Debug, Default)]
pub(super) struct Points {
    pub(super) list: Vec<ReadPoint>,
    missing: Missing,
}

impl Points {
    /// The point of a name; a fault if there is none.
    pub(super) fn find(&self, name: &Placed<String>, label: &str) -> Option<&RegisterPoint> {
        let found = self.get(&name.value);
        if found.is_none() {
            self.missing.fault(name, label, self.list.iter().map(|read| read.point.name.as_str()));
        }
        found
    }

    pub(super) fn get(&self, name: &str) -> Option<&RegisterPoint> {
        self.list.iter().map(|read| &read.point).find(|point| point.name == name)
    }
}

const TABLES: [(&str, RegisterTable); 2] =
    [("holding", RegisterTable::Holding), ("input", RegisterTable::Input)];

const ORDERS: [(&str, WordOrder); 2] =
    [("high_first", WordOrder::HighFirst), ("low_first", WordOrder::LowFirst)];

pub(super) fn read_defaults(mut table: Table) -> Defaults {
    let addressing = [
        ("zero_based", Addressing::ZeroBased),
        ("one_based", Addressing::OneBased),
        ("modicon", Addressing::Modicon),
    ];
    let defaults = Defaults {
        table: table.word("table", &TABLES).map(|word| word.value).unwrap_or_default(),
        addressing: table.word("addressing", &addressing).map(|word| word.value).unwrap_or_default(),
        word_order: table.word("word_order", &ORDERS).map(|word| word.value).unwrap_or_default(),
        byte_swap: table.boolean("byte_swap").is_some_and(|given| given.value),
    };
    table.finish();
    defaults
}

pub(super) fn read(tables: Vec<Table>, defaults: &Defaults) -> Points {
    if let Some(over) = tables.get(MAX_POINTS) {
        over.fault(format!("more than {MAX_POINTS} points; a map has at most so many"));
    }
    let mut points = Points::default();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for mut table in tables.into_iter().take(MAX_POINTS) {
        let name = table.required_text("name", "\"p\"").and_then(point_name);
        if let Some(name) = &name
            && !names.insert(name.value.clone())
        {
            name.place.fault(format!(
                "the name \"{}\" is already that of another point; give it its own",
                name.value
            ));
        }
        let label = name.as_ref().map_or_else(|| "point".to_owned(), |n| format!("point \"{}\"", n.value));
        let name = name.map(|name| name.value);
        match read_point(table, name.clone(), &label, defaults) {
            Some(read) => points.list.push(read),
            None => name.into_iter().for_each(|name| points.missing.but_wrong(name)),
        }
    }
    points
}

fn read_point(mut table: Table, name: Option<String>, label: &str, defaults: &Defaults) -> Option<ReadPoint> {
    let kind = table.required_text("type", "\"u16\"").and_then(|word| read_type(&word, label));
    let place = read_place(&mut table, kind, label, defaults);
    let word_order = table.word("word_order", &ORDERS).map_or(defaults.word_order, |word| word.value);
    let byte_swap = table.boolean("byte_swap").map_or(defaults.byte_swap, |given| given.value);
    let scale = table.number("scale", NUMBERS, "0.1").and_then(|scale| not_zero(scale, label));
    let offset = table.number("offset", NUMBERS, "0").map_or(0.0, |offset| offset.value);
    let scale_from = table.text("scale_from", "\"p_exponent\"");
    let measure = measure::read(&mut table, kind, label);
    let access =
        table.word("access", &[("r", Access::Read), ("rw", Access::ReadWrite), ("w", Access::Write)]);
    let poll = table.word("poll", &POLLS);
    let range = table.take("range");
    let symbols = table.take("enum");
    let bits = table.take("bits");
    let invalid = table.take("invalid");
    let stored = table.boolean("stored").is_some_and(|given| given.value);
    let alias = table.boolean("alias").is_some_and(|given| given.value);
    table.finish();
    let (kind, (register_table, address, address_place)) = (kind?, place?);
    if let Some(access) = access.as_ref().filter(|access| access.value != Access::Read)
        && register_table == RegisterTable::Input
    {
        access.place.fault(format!(
            "{label}: input registers cannot be written; write table = \"holding\" or access = \"r\""
        ));
    }
    let (unit, quantity) = measure;
    let from_place = scale_from.as_ref().map(|text| text.place.clone());
    let mut point = RegisterPoint {
        name: name?,
        table: register_table,
        address,
        kind,
        word_order,
        byte_swap,
        scale: scale.unwrap_or(1.0),
        offset,
        scale_from: scale_from.map(|text| text.value),
        unit,
        quantity,
        access: access.map(|word| word.value).unwrap_or_default(),
        range: None,
        symbols: symbols.map(|item| read_symbols(item, kind, label)).unwrap_or_default(),
        bits: bits.map(|item| read_bits(item, kind, label)).unwrap_or_default(),
        invalid: invalid.map(|item| raw_list(item, kind, label, "invalid")).unwrap_or_default(),
        poll: poll.map(|word| word.value).unwrap_or_default(),
        stored,
        alias,
    };
    point.range = range.and_then(|item| read_range(item, &point, label));
    Some(ReadPoint { point, address: address_place, scale_from: from_place })
}

pub(super) fn read_type(word: &Placed<String>, label: &str) -> Option<RegisterType> {
    if let Some((_, kind)) = RegisterType::WORDS.iter().find(|(known, _)| *known == word.value) {
        return Some(*kind);
    }
    if let Some(inner) = word.value.strip_prefix("string(").and_then(|rest| rest.strip_suffix(')')) {
        if let Some(registers) = inner.trim().parse().ok().filter(|n| (1..=MAX_TEXT).contains(n)) {
            return Some(RegisterType::Text(registers));
        }
        word.place
            .fault(format!("{label}: a text has 1 to {MAX_TEXT} registers; write type = \"string(8)\""));
        return None;
    }
    // The words of SunSpec and of most makers' tables.
    let short = word
        .value
        .to_lowercase()
        .replace("uint", "u")
        .replace("int", "i")
        .replace("float", "f")
        .replace("s16", "i16")
        .replace("s32", "i32");
    let known: Vec<&str> = RegisterType::WORDS.iter().map(|(known, _)| *known).chain(["string(8)"]).collect();
    let right = match known.iter().find(|known| **known == short) {
        Some(known) => format!("did you mean \"{known}\"?"),
        None => instead(&word.value, &known),
    };
    word.place.fault(format!("{label}: type {} is not known; {right}", quoted(&word.value)));
    None
}

/// Table and PDU address, and where the address is written.
pub(super) fn read_place(
    table: &mut Table,
    kind: Option<RegisterType>,
    label: &str,
    defaults: &Defaults,
) -> Option<(RegisterTable, u16, Place)> {
    let named = table.word("table", &TABLES);
    let written = table.required_integer("address", 0..=465_536, "5030")?;
    let fault = |message: &str| {
        written.place.fault(format!("{label}: {message}"));
        None
    };
    let n = written.value;
    let (of_number, address) = match defaults.addressing {
        Addressing::ZeroBased => (None, n),
        Addressing::OneBased if n == 0 => {
            return fault("addressing is one_based, so the first register is 1");
        }
        Addressing::OneBased => (None, n - 1),
        Addressing::Modicon => match n {
            40_001..=49_999 => (Some(RegisterTable::Holding), n - 40_001),
            30_001..=39_999 => (Some(RegisterTable::Input), n - 30_001),
            400_001..=465_536 => (Some(RegisterTable::Holding), n - 400_001),
            300_001..=365_536 => (Some(RegisterTable::Input), n - 300_001),
            _ => {
                return fault(
                    "addressing is modicon, so write 40001 and up for holding or 30001 and up for input registers",
                );
            }
        },
    };
    let registers = kind.map_or(1, RegisterType::registers);
    let Some(address) = u16::try_from(address).ok().filter(|a| a.checked_add(registers - 1).is_some()) else {
        let type_name = kind.map_or_else(String::new, |kind| format!(" with type {}", kind.word()));
        let s = if registers == 1 { "" } else { "s" };
        return fault(&format!(
            "address {n}{type_name} needs {registers} register{s} and runs past the last one, 65535 counted from 0"
        ));
    };
    let table = match (of_number, named) {
        (Some(of_number), Some(named)) if named.value != of_number => {
            named.place.fault(format!("{label}: address {n} says another table; leave the key out"));
            of_number
        }
        (Some(of_number), _) => of_number,
        (None, named) => named.map_or(defaults.table, |named| named.value),
    };
    Some((table, address, written.place))
}

pub(super) fn not_zero(scale: Placed<f64>, label: &str) -> Option<f64> {
    if scale.value == 0.0 {
        scale
            .place
            .fault(format!("{label}: scale 0 would make every value 0; write the factor, such as 0.1"));
        return None;
    }
    Some(scale.value)
}

/// `enum = { 0xAA = "enable", 0x55 = "disable" }`
fn read_symbols(item: Item, kind: RegisterType, label: &str) -> Vec<(i128, String)> {
    let place = item.place().clone();
    let Some(table) = item.table("enum = { 0 = \"off\" }") else { return Vec::new() };
    if !kind.is_whole() {
        place.fault(format!("{label}: enum names whole numbers, which type {} has not", kind.word()));
        return Vec::new();
    }
    let of_kind = format!(" of type {}", kind.word());
    symbols(table, |text| parse_raw(text).and_then(|n| kind.raw(n)), (&of_kind, "0xAA = \"enable\"", label))
}

/// `bits = { 0 = "over voltage" }`
fn read_bits(item: Item, kind: RegisterType, label: &str) -> Vec<(u8, String)> {
    let place = item.place().clone();
    let Some(mut table) = item.table("bits = { 0 = \"over voltage\" }") else { return Vec::new() };
    let count: u8 = match kind {
        RegisterType::U16 | RegisterType::Bits16 => 16,
        RegisterType::U32 | RegisterType::Bits32 => 32,
        _ => {
            place.fault(format!("{label}: bits need type bits16 or bits32, not {}", kind.word()));
            return Vec::new();
        }
    };
    let mut bits: Vec<(u8, String)> = Vec::new();
    for (key, name) in table.rest() {
        let bit = key.value.parse::<u8>().ok().filter(|bit| *bit < count);
        if bit.is_none() {
            key.place
                .fault(format!("{label}: the keys of bits are 0 to {}, counted from the lowest", count - 1));
        }
        let name = name.text("\"over voltage\"").and_then(short_word);
        bits.extend(bit.zip(name.map(|name| name.value)));
    }
    bits.sort();
    bits
}

/// A list of raw values.
pub(super) fn raw_list(item: Item, kind: RegisterType, label: &str, key: &str) -> Vec<i128> {
    let Some(list) = item.list("[0xFFFF]") else { return Vec::new() };
    if list.value.len() > MAX_RAW {
        list.place.fault(format!("{label}: {key} has more than {MAX_RAW} values"));
    }
    list.value.into_iter().take(MAX_RAW).filter_map(|item| raw_number(item, kind, label, key)).collect()
}

/// `range = [0, 100]`, after scaling.
fn read_range(item: Item, point: &RegisterPoint, label: &str) -> Option<(f64, f64)> {
    let list = item.list("[0, 100]")?;
    let place = list.place;
    let numbers: Vec<f64> =
        list.value.into_iter().filter_map(|n| n.number(&NUMBERS, "0")).map(|n| n.value).collect();
    let &[low, high] = numbers.as_slice() else {
        place.fault(format!("{label}: range has a smallest and a largest value; write range = [0, 100]"));
        return None;
    };
    if point.access == Access::Read {
        place.fault(format!(
            "{label}: range bounds what is written, but access is \"r\"; write access = \"rw\""
        ));
        return None;
    }
    if low > high {
        place.fault(format!(
            "{label}: range has {low} first, which is more than {high}; write the smaller first"
        ));
        return None;
    }
    let Some((least, most)) = point.kind.bounds() else {
        place.fault(format!("{label}: a text has no range"));
        return None;
    };
    if point.scale_from.is_some() {
        return Some((low, high));
    }
    let (first, last) = raw_span(point, low, high);
    if first < least || last > most {
        let kind = point.kind.word();
        place.fault(format!(
            "{label}: range {low} to {high} is {first} to {last} in raw values, beyond type {kind}"
        ));
        return None;
    }
    if let Some(sentinel) = sentinel_between(point, first, last) {
        place.fault(format!(
            "{label}: range {low} to {high} has the raw value {sentinel} in it, which means \"not there\" (invalid)"
        ));
    }
    Some((low, high))
}
