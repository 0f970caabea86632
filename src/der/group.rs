//! EndDeviceGroup: a set of devices that is asked as one.

use super::{DerFunctions, Mrid};
use jiff::Timestamp;

/// A name of an object (61968-5 `Names`). Several names of one object are alternatives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The name itself.
    pub name: String,
    /// What kind of name it is, if the sender says.
    pub name_type: Option<NameType>,
}

/// The kind of a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameType {
    /// Free text.
    pub description: Option<String>,
    /// The kind's own name, such as `groupName`.
    pub name: String,
    /// Who hands these names out.
    pub authority: Option<NameTypeAuthority>,
}

/// Who hands out names of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameTypeAuthority {
    /// Free text.
    pub description: Option<String>,
    /// The authority's own name.
    pub name: String,
}

impl Name {
    /// A name without a kind.
    #[must_use]
    pub fn plain(name: impl Into<String>) -> Self {
        Self { name: name.into(), name_type: None }
    }

    /// True if a name given in a request means this one: the same text, and the same kind and authority as far as
    /// the request states them.
    #[must_use]
    pub fn answers_to(&self, asked: &Name) -> bool {
        if self.name != asked.name {
            return false;
        }
        let Some(kind) = &asked.name_type else { return true };
        let Some(own) = &self.name_type else { return true };
        own.name == kind.name
            && match (&own.authority, &kind.authority) {
                (Some(own), Some(asked)) => own.name == asked.name,
                _ => true,
            }
    }
}

/// Version of an object as its owner numbers it; stored as given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// When the version was made.
    pub date: Option<Timestamp>,
    /// First number.
    pub major: Option<i64>,
    /// Second number.
    pub minor: Option<i64>,
    /// Third number.
    pub revision: Option<i64>,
}

/// A group of devices (61968-5 `EndDeviceGroup`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndDeviceGroup {
    /// Its identity.
    pub mrid: Mrid,
    /// Free text; never a key.
    pub description: Option<String>,
    /// What it may be used for.
    pub functions: DerFunctions,
    /// The devices in it, each once, in the order they were added.
    pub members: Vec<Mrid>,
    /// Alternative names.
    pub names: Vec<Name>,
    /// As the owner gave it.
    pub version: Option<Version>,
}

impl EndDeviceGroup {
    /// What a person calls it: its first name, else its mRID.
    #[must_use]
    pub fn label(&self) -> &str {
        self.names.first().map_or(self.mrid.as_str(), |n| n.name.as_str())
    }
}
