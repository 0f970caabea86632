//! What is nested in an object, as JSON text in one column. The mirror structs are private to the store: the file
//! keeps its form when the vocabulary changes its own.

use super::Fault;
use crate::der::{DerFunction, DerFunctions, Mrid, Name, NameType, NameTypeAuthority, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// A value that one text column holds.
pub(super) trait Text: Sized {
    fn write(&self) -> Result<String, Fault>;
    fn read(text: &str) -> Result<Self, Fault>;
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameRow {
    name: String,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    kind: Option<NameTypeRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameTypeRow {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authority: Option<AuthorityRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorityRow {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    major: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minor: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<i64>,
}

fn to_json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Text(error.to_string()))
}

fn from_json<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::Content(error.to_string()))
}

impl Text for Mrid {
    fn write(&self) -> Result<String, Fault> {
        Ok(self.as_str().to_owned())
    }
    fn read(text: &str) -> Result<Self, Fault> {
        Self::parse(text).map_err(|error| Fault::Content(error.to_string()))
    }
}

impl Text for Vec<Mrid> {
    fn write(&self) -> Result<String, Fault> {
        to_json(&self.iter().map(Mrid::as_str).collect::<Vec<_>>())
    }
    fn read(text: &str) -> Result<Self, Fault> {
        from_json::<Vec<String>>(text)?.iter().map(|mrid| Mrid::read(mrid)).collect()
    }
}

impl Text for DerFunctions {
    fn write(&self) -> Result<String, Fault> {
        to_json(&self.iter().map(DerFunction::name).collect::<Vec<_>>())
    }
    fn read(text: &str) -> Result<Self, Fault> {
        from_json::<Vec<String>>(text)?
            .iter()
            .map(|name| DerFunction::from_name(name).ok_or_else(|| Fault::content("functions", name)))
            .collect()
    }
}

impl Text for Vec<Name> {
    fn write(&self) -> Result<String, Fault> {
        to_json(&self.iter().cloned().map(NameRow::from).collect::<Vec<_>>())
    }
    fn read(text: &str) -> Result<Self, Fault> {
        Ok(from_json::<Vec<NameRow>>(text)?.into_iter().map(Name::from).collect())
    }
}

impl From<Name> for NameRow {
    fn from(name: Name) -> Self {
        let authority = |a: NameTypeAuthority| AuthorityRow { name: a.name, description: a.description };
        let kind = |k: NameType| NameTypeRow {
            name: k.name,
            description: k.description,
            authority: k.authority.map(authority),
        };
        Self { name: name.name, kind: name.name_type.map(kind) }
    }
}

impl From<NameRow> for Name {
    fn from(row: NameRow) -> Self {
        let authority = |a: AuthorityRow| NameTypeAuthority { name: a.name, description: a.description };
        let kind = |k: NameTypeRow| NameType {
            name: k.name,
            description: k.description,
            authority: k.authority.map(authority),
        };
        Self { name: row.name, name_type: row.kind.map(kind) }
    }
}

impl Text for Version {
    fn write(&self) -> Result<String, Fault> {
        to_json(&VersionRow {
            date: self.date.map(|date| date.to_string()),
            major: self.major,
            minor: self.minor,
            revision: self.revision,
        })
    }
    fn read(text: &str) -> Result<Self, Fault> {
        let row: VersionRow = from_json(text)?;
        let date = row.date.as_deref().map(time).transpose()?;
        Ok(Self { date, major: row.major, minor: row.minor, revision: row.revision })
    }
}

/// A time as RFC 3339 text.
pub(super) fn time(text: &str) -> Result<Timestamp, Fault> {
    text.parse().map_err(|_| Fault::content("a time", text))
}

/// Values as a JSON array, each in the shortest form that reads back to the same double.
pub(super) fn write_points(values: &[f64]) -> String {
    let mut text = String::with_capacity(values.len() * 8 + 2);
    for (place, value) in values.iter().enumerate() {
        text.push(if place == 0 { '[' } else { ',' });
        // Writing to a String cannot fail.
        let _ = write!(text, "{value:?}");
    }
    text.push_str(if values.is_empty() { "[]" } else { "]" });
    text
}

/// Reads [`write_points`]. Not by serde_json: unless a feature is on, it may miss the last bit of a double.
pub(super) fn read_points(text: &str) -> Result<Vec<f64>, Fault> {
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    inner
        .ok_or_else(|| Fault::content("points", text))?
        .split(',')
        .map(|value| value.trim().parse().map_err(|_| Fault::content("points", value)))
        .collect()
}
