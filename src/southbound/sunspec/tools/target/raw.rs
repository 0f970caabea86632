//! Registers by address, of no model: how they are named, what they mean, and how a value becomes registers.

use super::{TargetError, fault};
use crate::device_map::registers::{RegisterTable, RegisterType};
use std::fmt;

/// Most registers of one raw read.
const MAX_WORDS: u16 = 125;

const TYPES: [(&str, RegisterType); 11] = [
    ("u16", RegisterType::U16),
    ("i16", RegisterType::I16),
    ("u32", RegisterType::U32),
    ("i32", RegisterType::I32),
    ("u64", RegisterType::U64),
    ("i64", RegisterType::I64),
    ("f32", RegisterType::F32),
    ("f64", RegisterType::F64),
    ("bits16", RegisterType::Bits16),
    ("bits32", RegisterType::Bits32),
    ("bool", RegisterType::Bool),
];

/// Registers by address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RawTarget {
    /// Which table.
    pub table: RegisterTable,
    /// PDU address, counted from 0.
    pub address: u16,
    /// How they are read.
    pub kind: RawKind,
}

/// How raw registers are read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RawKind {
    /// So many registers, each for itself.
    Words(u16),
    /// One value.
    Value {
        /// Its type.
        kind: RegisterType,
        /// Its least significant register comes first.
        low_first: bool,
    },
}

/// Reads what stands behind `holding:` or `input:`.
pub(super) fn parse(shown: &str, table: RegisterTable, rest: &str) -> Result<RawTarget, TargetError> {
    let (place, kind) = rest.split_once(':').map_or((rest, None), |(place, kind)| (place, Some(kind)));
    let (address, quantity) = place.split_once('+').map_or((place, None), |(a, n)| (a, Some(n)));
    let Some(address) = number(address) else {
        return fault(format!(
            "\"{shown}\": the address is a number from 0 to 65535, counted from 0 as on the wire (not 40001-style)"
        ));
    };
    let kind = match (quantity, kind) {
        (Some(_), Some(_)) => {
            return fault(format!("\"{shown}\" has a number of registers and a type; give one of them"));
        }
        (None, None) => RawKind::Words(1),
        (Some(n), None) => match number(n).filter(|n| (1..=MAX_WORDS).contains(n)) {
            Some(n) => RawKind::Words(n),
            None => {
                return fault(format!(
                    "\"{shown}\": behind + stands a number of registers, 1 to {MAX_WORDS}"
                ));
            }
        },
        (None, Some(word)) => value_kind(shown, word)?,
    };
    let target = RawTarget { table, address, kind };
    if u32::from(address) + u32::from(target.registers()) > 0x1_0000 {
        return fault(format!("\"{shown}\" runs past register 65535"));
    }
    Ok(target)
}

fn number(text: &str) -> Option<u16> {
    match text.strip_prefix("0x") {
        Some(hex) => u16::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn value_kind(shown: &str, word: &str) -> Result<RawKind, TargetError> {
    let (word, low_first) = word.strip_suffix(":low_first").map_or((word, false), |word| (word, true));
    if let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == word) {
        return Ok(RawKind::Value { kind: *kind, low_first });
    }
    let text = word.strip_prefix("text").and_then(number).filter(|n| (1..=MAX_WORDS).contains(n));
    match text {
        Some(registers) if !low_first => {
            Ok(RawKind::Value { kind: RegisterType::Text(registers), low_first: false })
        }
        _ => {
            let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
            fault(format!(
                "\"{shown}\": the types are {} and text16 (16 registers of text); :low_first behind a number puts its last register first",
                names.join(", ")
            ))
        }
    }
}

impl RawTarget {
    /// How many registers it takes.
    #[must_use]
    pub const fn registers(&self) -> u16 {
        match self.kind {
            RawKind::Words(n) => n,
            RawKind::Value { kind, .. } => kind.registers(),
        }
    }

    /// What registers mean, in words. `None` for single registers without a type: they are shown as they are.
    #[must_use]
    pub fn say(&self, words: &[u16]) -> Option<String> {
        let RawKind::Value { kind, low_first } = self.kind else { return None };
        if let RegisterType::Text(_) = kind {
            let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).take_while(|b| *b != 0).collect();
            return Some(String::from_utf8_lossy(&bytes).trim().to_owned());
        }
        let fold = |all: u64, word: &u16| (all << 16) | u64::from(*word);
        let bits = if low_first { words.iter().rev().fold(0, fold) } else { words.iter().fold(0, fold) };
        Some(match kind {
            RegisterType::I16 | RegisterType::I32 | RegisterType::I64 => {
                signed(bits, kind.registers()).to_string()
            }
            RegisterType::F32 => f32::from_bits(u32::try_from(bits).ok()?).to_string(),
            RegisterType::F64 => f64::from_bits(bits).to_string(),
            RegisterType::Bits16 => format!("{bits:#018b}"),
            RegisterType::Bits32 => format!("{bits:#034b}"),
            RegisterType::Bool => (bits != 0).to_string(),
            _ => bits.to_string(),
        })
    }

    /// The registers of a value.
    ///
    /// # Errors
    /// It does not fit, in words that say what would.
    pub fn encode(&self, value: &str) -> Result<Vec<u16>, String> {
        match self.kind {
            RawKind::Words(1) => encode_words(value),
            RawKind::Words(n) => {
                let words = encode_words(value)?;
                if words.len() == usize::from(n) {
                    return Ok(words);
                }
                Err(format!(
                    "{self} takes {n} registers, separated by commas, but {value} has {}",
                    words.len()
                ))
            }
            RawKind::Value { kind, low_first } => {
                let mut words = encode_value(kind, value)?;
                if low_first {
                    words.reverse();
                }
                Ok(words)
            }
        }
    }
}

/// The number in the lowest registers, read as two's complement.
fn signed(bits: u64, registers: u16) -> i64 {
    let unused = 64_u32.saturating_sub(u32::from(registers) * 16);
    (bits << unused).cast_signed() >> unused
}

fn encode_words(value: &str) -> Result<Vec<u16>, String> {
    let word = |text: &str| {
        number(text.trim()).ok_or_else(|| {
            format!(
                "\"{}\" is not a number from 0 to 65535; name a type for others, such as :i16",
                text.trim()
            )
        })
    };
    let words: Vec<u16> = value.split(',').map(word).collect::<Result<_, _>>()?;
    if words.len() > 123 {
        return Err(format!("{} registers do not go in one write; at most 123 do", words.len()));
    }
    Ok(words)
}

fn encode_value(kind: RegisterType, value: &str) -> Result<Vec<u16>, String> {
    let size = usize::from(kind.registers());
    let no = |what: &str| format!("\"{}\" is not {what}", value.escape_debug());
    let words = |bytes: &[u8]| -> Vec<u16> {
        bytes.chunks(2).map(|pair| pair.iter().fold(0, |all, b| (all << 8) | u16::from(*b))).collect()
    };
    match kind {
        RegisterType::F32 => {
            let number = value.parse::<f32>().ok().filter(|v| v.is_finite());
            number.map(|v| words(&v.to_be_bytes())).ok_or_else(|| no("a number that fits in f32"))
        }
        RegisterType::F64 => {
            let number = value.parse::<f64>().ok().filter(|v| v.is_finite());
            number.map(|v| words(&v.to_be_bytes())).ok_or_else(|| no("a number"))
        }
        RegisterType::Text(_) => {
            let mut bytes = value.as_bytes().to_vec();
            if bytes.len() > size * 2 {
                return Err(no(&format!("a text of at most {} bytes", size * 2)));
            }
            bytes.resize(size * 2, 0);
            Ok(words(&bytes))
        }
        RegisterType::Bool => match value {
            "0" | "false" => Ok(vec![0]),
            "1" | "true" => Ok(vec![1]),
            _ => Err(no("true or false")),
        },
        _ => integer(kind, size, value).ok_or_else(|| {
            let (low, high) = limits(kind, size);
            no(&format!("a whole number from {low} to {high}"))
        }),
    }
}

fn limits(kind: RegisterType, size: usize) -> (i128, i128) {
    let bits = 16 * size;
    match kind {
        RegisterType::I16 | RegisterType::I32 | RegisterType::I64 => {
            (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
        }
        _ => (0, (1_i128 << bits) - 1),
    }
}

fn integer(kind: RegisterType, size: usize, value: &str) -> Option<Vec<u16>> {
    let number = match value.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16).ok()?,
        None => value.parse::<i128>().ok()?,
    };
    let (low, high) = limits(kind, size);
    if !(low..=high).contains(&number) {
        return None;
    }
    let bytes = number.to_be_bytes();
    let words: Vec<u16> =
        bytes.chunks(2).map(|pair| pair.iter().fold(0, |all, b| (all << 8) | u16::from(*b))).collect();
    Some(words.into_iter().skip(8_usize.saturating_sub(size)).collect())
}

impl fmt::Display for RawTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = match self.table {
            RegisterTable::Holding => "holding",
            RegisterTable::Input => "input",
        };
        write!(f, "{table}:{}", self.address)?;
        match self.kind {
            RawKind::Words(1) => Ok(()),
            RawKind::Words(n) => write!(f, "+{n}"),
            RawKind::Value { kind: RegisterType::Text(n), .. } => write!(f, ":text{n}"),
            RawKind::Value { kind, low_first } => {
                let name = TYPES.iter().find(|(_, k)| *k == kind).map_or("", |(name, _)| *name);
                write!(f, ":{name}{}", if low_first { ":low_first" } else { "" })
            }
        }
    }
}
