//! A value and its place, and the questions that can be asked of it.

use super::{Place, Table, TomlFile, duration_text, parse_duration};
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Longest text echoed in a fault.
const MAX_ECHO: usize = 80;

/// Something, and where it is written.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// What is written.
    pub value: T,
    /// Where.
    pub place: Place,
}

/// A value that no question has been asked of yet.
#[derive(Debug)]
pub struct Item {
    pub(super) value: Value,
    pub(super) place: Place,
    /// How faults call it: the key.
    pub(super) name: String,
}

#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    /// `None`: beyond 64 bits.
    Integer(Option<i64>),
    Float(f64),
    Boolean(bool),
    Date,
    List(Vec<(usize, Value)>),
    Table(Entries),
}

/// Keys with their places and values.
pub(super) type Entries = Vec<(String, usize, usize, Value)>;

impl Value {
    pub(super) fn entries(table: DeTable<'_>) -> Entries {
        let entry = |(key, value): (Spanned<std::borrow::Cow<'_, str>>, Spanned<DeValue<'_>>)| {
            let (at, value_at) = (key.span().start, value.span().start);
            (key.into_inner().into_owned(), at, value_at, Self::of(value.into_inner()))
        };
        table.into_iter().map(entry).collect()
    }

    /// The parser bounds how deep this goes.
    fn of(value: DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.into_owned()),
            DeValue::Integer(n) => Self::Integer(i64::from_str_radix(n.as_str(), n.radix()).ok()),
            DeValue::Float(x) => Self::Float(x.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(b) => Self::Boolean(b),
            DeValue::Datetime(_) => Self::Date,
            DeValue::Array(list) => {
                Self::List(list.into_iter().map(|v| (v.span().start, Self::of(v.into_inner()))).collect())
            }
            DeValue::Table(table) => Self::Table(Self::entries(table)),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number with decimals",
            Self::Boolean(_) => "true or false",
            Self::Date => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Item {
    /// Where it is written.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// True if it is a text.
    #[must_use]
    pub const fn is_text(&self) -> bool {
        matches!(self.value, Value::Text(_))
    }

    /// True if it is a list.
    #[must_use]
    pub const fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    /// True if it is a table.
    #[must_use]
    pub const fn is_table(&self) -> bool {
        matches!(self.value, Value::Table(_))
    }

    fn wrong(&self, wanted: &str, example: &str) {
        let (name, kind) = (&self.name, self.value.kind());
        self.place.fault(format!("{name} must be {wanted}, but this is {kind}; write {name} = {example}"));
    }

    /// A text; else a fault. `example` is TOML.
    pub fn text(self, example: &str) -> Option<Placed<String>> {
        match self.value {
            Value::Text(value) => Some(Placed { value, place: self.place }),
            _ => {
                self.wrong("a text in quotes", example);
                None
            }
        }
    }

    /// A whole number within the range; else a fault.
    pub fn integer(self, range: &RangeInclusive<i64>, example: &str) -> Option<Placed<i64>> {
        match self.value {
            Value::Integer(Some(value)) if range.contains(&value) => {
                Some(Placed { value, place: self.place })
            }
            Value::Integer(value) => {
                let shown = value.map_or_else(|| "beyond 64 bits".to_owned(), |n| n.to_string());
                let (name, low, high) = (&self.name, range.start(), range.end());
                let right = if low == high { low.to_string() } else { format!("{low} to {high}") };
                self.place.fault(format!("{name} must be {right}, but this is {shown}"));
                None
            }
            _ => {
                self.wrong("a whole number", example);
                None
            }
        }
    }

    /// A finite number within the range, whole or not; else a fault.
    pub fn number(self, range: &RangeInclusive<f64>, example: &str) -> Option<Placed<f64>> {
        let value = match self.value {
            // Whole numbers in a file that mean a physical quantity are far below 2^53.
            Value::Integer(Some(n)) => n as f64,
            Value::Integer(None) => f64::INFINITY,
            Value::Float(x) => x,
            _ => {
                self.wrong("a number", example);
                return None;
            }
        };
        if value.is_finite() && range.contains(&value) {
            return Some(Placed { value, place: self.place });
        }
        let (name, low, high) = (&self.name, range.start(), range.end());
        self.place.fault(format!("{name} must be {low} to {high}, but this is {value}"));
        None
    }

    /// True or false; else a fault.
    pub fn boolean(self) -> Option<Placed<bool>> {
        match self.value {
            Value::Boolean(value) => Some(Placed { value, place: self.place }),
            _ => {
                self.wrong("true or false", "true");
                None
            }
        }
    }

    /// A length of time such as "500ms" within the range; else a fault.
    pub fn duration(self, range: &RangeInclusive<Duration>, example: &str) -> Option<Placed<Duration>> {
        let name = self.name.clone();
        let number = matches!(self.value, Value::Integer(_) | Value::Float(_));
        if number {
            self.place.fault(format!("{name} is a number without a unit; write {name} = {example}"));
            return None;
        }
        let text = self.text(example)?;
        match parse_duration(&text.value) {
            Ok(value) if range.contains(&value) => Some(Placed { value, place: text.place }),
            Ok(value) => {
                let [low, high, shown] = [*range.start(), *range.end(), value].map(duration_text);
                text.place.fault(format!("{name} must be {low} to {high}, but this is {shown}"));
                None
            }
            Err(why) => {
                let shown = quoted(&text.value);
                text.place.fault(format!(
                    "{name} = {shown} is not a length of time: {why}; write {name} = {example}"
                ));
                None
            }
        }
    }

    /// The items of a list, each named like the list; else a fault.
    pub fn list(self, example: &str) -> Option<Placed<Vec<Item>>> {
        match self.value {
            Value::List(list) => {
                let item = |(at, value)| Item {
                    value,
                    place: self.place.at(at),
                    name: format!("each of {}", self.name),
                };
                Some(Placed { value: list.into_iter().map(item).collect(), place: self.place.clone() })
            }
            _ => {
                self.wrong("a list", example);
                None
            }
        }
    }

    /// A table; else a fault. `label` is how faults call it, such as `[gateway]`.
    pub fn table(self, label: &str) -> Option<Table> {
        match self.value {
            Value::Table(entries) => Some(Table::new(label, self.place, entries)),
            _ => {
                let (name, kind) = (&self.name, self.value.kind());
                self.place.fault(format!(
                    "{name} must be a table, but this is {kind}; write a line {label} and its keys below it"
                ));
                None
            }
        }
    }
}

impl TomlFile {
    pub(super) fn entries_of(table: Spanned<DeTable<'_>>) -> Entries {
        Value::entries(table.into_inner())
    }
}

/// A text of the file in quotes, without control characters and not longer than a line.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(MAX_ECHO).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("\"{}{dots}\"", short.escape_debug())
}
