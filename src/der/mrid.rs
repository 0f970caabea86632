//! The mRID: the master resource identifier by which devices, groups and dispatches are named.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Longest mRID accepted, in bytes. A UUID has 36.
const MAX_LEN: usize = 128;

/// A master resource identifier (61968-5: `mRID`, xs:string; a UUID by recommendation, not by rule).
///
/// Keeps the text as written, and compares without regard to case and to one leading `_`, because CIM tools
/// differ in both.
#[derive(Clone)]
pub struct Mrid {
    written: Arc<str>,
    key: Arc<str>,
}

/// Why a text is not an mRID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MridError {
    /// Nothing in it.
    #[error("an mRID must not be empty")]
    Empty,
    /// A bound of ours.
    #[error("an mRID of {0} bytes is too long; at most {MAX_LEN} are accepted")]
    TooLong(usize),
    /// Not printable.
    #[error("an mRID must not contain control characters")]
    Control,
}

impl Mrid {
    /// Reads an mRID; surrounding white space is not part of it.
    ///
    /// # Errors
    /// Empty, longer than 128 bytes, or with control characters.
    pub fn parse(text: &str) -> Result<Self, MridError> {
        let written = text.trim();
        let bare = written.strip_prefix('_').unwrap_or(written);
        if bare.is_empty() {
            return Err(MridError::Empty);
        }
        if written.len() > MAX_LEN {
            return Err(MridError::TooLong(written.len()));
        }
        if written.chars().any(char::is_control) {
            return Err(MridError::Control);
        }
        let lower = bare.to_lowercase();
        let written: Arc<str> = written.into();
        let key = if lower == *written { written.clone() } else { lower.into() };
        Ok(Self { written, key })
    }

    /// The mRID as its owner wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The form that is compared: lower case, without the leading `_`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl From<uuid::Uuid> for Mrid {
    fn from(id: uuid::Uuid) -> Self {
        let text: Arc<str> = id.hyphenated().to_string().into();
        Self { written: text.clone(), key: text }
    }
}

impl PartialEq for Mrid {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl Eq for Mrid {}
impl Hash for Mrid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}
impl PartialOrd for Mrid {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Mrid {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}
impl fmt::Debug for Mrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mrid({})", self.written)
    }
}
impl fmt::Display for Mrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
