//! What a person names of an outstation on the command line: `AI537`, `BI10..BI24`, `AI536..556`, or the name of a point.
//!
//! Names are looked up in map and profile by who reads; this file only tells them from addresses.

use crate::device_map::dnp3::{At, PointKind};
use std::fmt;

/// Longest text that is looked at.
const MAX_TEXT: usize = 200;

/// Most points of one range.
pub const MAX_PICKED: u16 = 2000;

const EXAMPLES: &str = "write it like AI537, BI10..BI24, or the name of a point in the map or profile";

/// Points to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Points of one kind, from an index to an index, both included.
    Range(PointKind, u16, u16),
    /// A point by name.
    Named(String),
}

/// Why a text names nothing, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PickError(pub String);

fn fault<T>(words: impl Into<String>) -> Result<T, PickError> {
    Err(PickError(words.into()))
}

/// A text as it may stand in words: short, and without what moves a cursor.
fn shown(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect::<String>().escape_debug().collect()
}

impl Pick {
    /// Reads what is to be read.
    ///
    /// # Errors
    /// In words, with what would be right.
    pub fn parse(text: &str) -> Result<Self, PickError> {
        if text.len() > MAX_TEXT {
            return fault(format!("\"{}…\" is longer than {MAX_TEXT} characters; {EXAMPLES}", shown(text)));
        }
        if text.contains(':') {
            let words = "registers are Modbus; a DNP3 outstation has points";
            return fault(format!("\"{}\": {words}; {EXAMPLES}", shown(text)));
        }
        if is_of_a_model(text) {
            let words = "points of models are SunSpec, over Modbus; a DNP3 outstation has points of its own";
            return fault(format!("\"{}\": {words}; {EXAMPLES}", shown(text)));
        }
        if let Some((from, to)) = text.split_once("..") {
            return Self::range(text, from, to);
        }
        if let Some(At { kind, index }) = At::parse(text) {
            return Ok(Self::Range(kind, index, index));
        }
        if looks_like_an_address(text) {
            return fault(format!("\"{}\" is no point; an index is 0 to 65535", shown(text)));
        }
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '#' | '$');
        if starts && text.chars().all(plain) {
            return Ok(Self::Named(text.to_owned()));
        }
        fault(format!("\"{}\" is no point; {EXAMPLES}", shown(text)))
    }

    fn range(text: &str, from: &str, to: &str) -> Result<Self, PickError> {
        let Some(first) = At::parse(from) else {
            return fault(format!("\"{}\" begins with no point; {EXAMPLES}", shown(text)));
        };
        // The kind need not be said twice.
        let last = At::parse(to)
            .or_else(|| to.parse().ok().map(|index| At { kind: first.kind, index }))
            .filter(|last| last.kind == first.kind);
        let Some(last) = last else {
            let words = "a range ends with a point of the same kind";
            return fault(format!("\"{}\": {words}, as {first}..{first}", shown(text)));
        };
        if last.index < first.index {
            return fault(format!("\"{}\" runs backwards; {last}..{first} would be right", shown(text)));
        }
        if last.index - first.index >= MAX_PICKED {
            return fault(format!("\"{}\" is more than {MAX_PICKED} points", shown(text)));
        }
        Ok(Self::Range(first.kind, first.index, last.index))
    }
}

/// A number before the dot, as in `103.W` or `160[1].DCW`.
fn is_of_a_model(text: &str) -> bool {
    let model = text.split_once('.').map_or("", |(model, _)| model);
    !text.contains("..")
        && !model.is_empty()
        && model.chars().all(|c| c.is_ascii_digit() || matches!(c, '[' | ']'))
}

/// Letters of a kind and digits behind: meant as an address.
fn looks_like_an_address(text: &str) -> bool {
    let letters = text.trim_end_matches(|c: char| c.is_ascii_digit());
    letters.len() < text.len()
        && PointKind::ALL.iter().any(|kind| kind.letters().eq_ignore_ascii_case(letters))
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(kind, from, to) if from == to => write!(f, "{}", At { kind: *kind, index: *from }),
            Self::Range(kind, from, to) => {
                let at = |index| At { kind: *kind, index };
                write!(f, "{}..{}", at(*from), at(*to))
            }
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// An output to be operated: which, and the value as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputOrder {
    /// One output, by address or by name.
    pub pick: Pick,
    /// What, as given.
    pub value: String,
}

impl OutputOrder {
    /// Reads `AO88=500`, `BO17=on`, `NAME=12.5`.
    ///
    /// # Errors
    /// In words, with what would be right.
    pub fn parse(text: &str) -> Result<Self, PickError> {
        let Some((pick, value)) = text.split_once('=') else {
            return fault(format!("\"{}\" says no value; write it like AO88=500 or BO17=on", shown(text)));
        };
        let (pick, value) = (Pick::parse(pick.trim())?, value.trim());
        if value.is_empty() || value.len() > MAX_TEXT {
            return fault(format!("the value for {pick} has 1 to {MAX_TEXT} characters"));
        }
        match &pick {
            Pick::Range(_, from, to) if from != to => {
                fault(format!("{pick} is several points; each is written by itself"))
            }
            Pick::Range(kind, ..) if !kind.is_output() => {
                fault(format!("{pick} is an input and cannot be written; only AO and BO can"))
            }
            _ => Ok(Self { pick, value: value.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests;
