//! What a person names on the command line: `103.W`, `160[1].module[0].DCW`, `103`, `holding:40000+10`, `input:5000:u32`.

mod raw;

use super::super::probe::label;
use crate::device_map::registers::RegisterTable;
pub use raw::{RawKind, RawTarget};
use std::fmt;

/// Longest text that is looked at.
const MAX_TEXT: usize = 200;

const EXAMPLES: &str = "write it like 103.W, 160[1].module[0].DCW, 103, holding:40000+10 or input:5000:u32";

/// Something to be read or written.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A model, or what stands at a path in it: a point, or a group with all its points.
    Model {
        /// Model id.
        id: u16,
        /// How many of the same id stand before it in the chain.
        instance: u16,
        /// The path; `None` for the whole model.
        path: Option<String>,
    },
    /// Registers by address.
    Raw(RawTarget),
    /// A point of a register map, by its name.
    Named(String),
}

/// Why a text names nothing, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

fn fault<T>(words: impl Into<String>) -> Result<T, TargetError> {
    Err(TargetError(words.into()))
}

impl Target {
    /// Reads a target.
    ///
    /// # Errors
    /// In words, with what would be right.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let shown: String = text.chars().take(MAX_TEXT).collect::<String>().escape_debug().collect();
        if text.len() > MAX_TEXT {
            return fault(format!("\"{shown}…\" is longer than {MAX_TEXT} characters; {EXAMPLES}"));
        }
        for (word, table) in [("holding:", RegisterTable::Holding), ("input:", RegisterTable::Input)] {
            if let Some(rest) = text.strip_prefix(word) {
                return raw::parse(&shown, table, rest).map(Self::Raw);
            }
        }
        let (model, path) = match text.split_once('.') {
            Some((model, path)) => (model, Some(path)),
            None => (text, None),
        };
        let (id, instance) = match model.split_once('[') {
            None => (model, Some(0)),
            Some((id, rest)) => (id, rest.strip_suffix(']').and_then(|n| n.parse::<u16>().ok())),
        };
        let id = id.parse::<u16>().ok().filter(|id| (1..0xFFFF).contains(id));
        match (id, instance, path) {
            (Some(_), Some(_), Some("")) => fault(format!("\"{shown}\" names no point; {EXAMPLES}")),
            (Some(id), Some(instance), path) => {
                Ok(Self::Model { id, instance, path: path.map(str::to_owned) })
            }
            _ if is_name(text) => Ok(Self::Named(text.to_owned())),
            _ => fault(format!("\"{shown}\" is neither a point nor a register; {EXAMPLES}")),
        }
    }
}

/// True if it can be the name of a point of a register map.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model { id, instance, path } => {
                f.write_str(&label(*id, *instance))?;
                path.as_ref().map_or(Ok(()), |path| write!(f, ".{path}"))
            }
            Self::Raw(raw) => raw.fmt(f),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Where.
    pub target: Target,
    /// What, as given.
    pub value: String,
}

impl Order {
    /// Reads `POINT=VALUE`.
    ///
    /// # Errors
    /// In words, with what would be right.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let Some((target, value)) = text.split_once('=') else {
            let shown: String = text.chars().take(MAX_TEXT).collect();
            return fault(format!(
                "\"{}\" says no value; write it like 123.WMaxLimPct=60 or holding:40000=5",
                shown.escape_debug()
            ));
        };
        let target = Target::parse(target.trim())?;
        let value = value.trim();
        if value.is_empty() || value.len() > MAX_TEXT {
            return fault(format!("the value for {target} has 1 to {MAX_TEXT} characters"));
        }
        match &target {
            Target::Model { path: None, .. } => {
                fault(format!("{target} is a whole model; name one point of it, such as {target}.NAME=VALUE"))
            }
            Target::Raw(RawTarget { table: RegisterTable::Input, .. }) => {
                fault(format!("{target}: input registers cannot be written; only holding registers can"))
            }
            _ => Ok(Self { target, value: value.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests;
