//! The role that a client certificate names: what its owner may do at a device (Modbus/TCP Security).
//!
//! It reads the value of one extension; which certificate it stands in, and what a role may do, is not its matter.

use std::fmt;

/// The OID 1.3.6.1.4.1.50316.802.1, as it is encoded.
pub const ROLE_OID: [u8; 11] = [0x2B, 6, 1, 4, 1, 0x83, 0x89, 0x0C, 0x86, 0x22, 1];

/// The same for people.
pub const ROLE_OID_TEXT: &str = "1.3.6.1.4.1.50316.802.1";

/// The roles that SunSpec knows; case matters.
pub const KNOWN: [&str; 4] =
    ["ReadOnlySunSpec", "GridServiceSunSpec", "NetworkAdministratorSunSpec", "SuperAdministratorSunSpec"];

/// Longest role taken.
const MAX_ROLE: usize = 128;

/// The role of a client certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// This one, as it is written.
    Named(String),
    /// None that a device may accept; why.
    Missing(NoRole),
}

/// Why a certificate has no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoRole {
    /// There is no role extension.
    Absent,
    /// There is more than one.
    Doubled,
    /// The value is of another ASN.1 type; its tag.
    OtherType(u8),
    /// The value is text without ASN.1 around it.
    Bare,
    /// The value is cut off, too long, not UTF-8, empty or more than one.
    Malformed,
}

impl Role {
    /// The role, by the values of all role extensions of a certificate.
    pub fn of<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        let Some(value) = values.next() else { return Self::Missing(NoRole::Absent) };
        if values.next().is_some() {
            return Self::Missing(NoRole::Doubled);
        }
        match utf8_string(value) {
            Ok(text) => Self::Named(text.to_owned()),
            Err(why) => Self::Missing(why),
        }
    }

    /// The name, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Missing(_) => None,
        }
    }

    /// True if it is one that SunSpec knows.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.name().is_some_and(|name| KNOWN.contains(&name))
    }

    /// That this role may not do something, such as `write 715.OpCtl`.
    #[must_use]
    pub fn may_not(&self, what: &str) -> String {
        match self {
            Self::Named(_) => format!("client certificate role {self} may not {what}"),
            Self::Missing(why) => {
                format!("the client certificate has no role, so it may not {what} ({why})")
            }
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "{}", name.escape_debug()),
            Self::Missing(_) => f.write_str("none"),
        }
    }
}

impl fmt::Display for NoRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => write!(f, "the extension {ROLE_OID_TEXT} is not in it"),
            Self::Doubled => write!(f, "the extension {ROLE_OID_TEXT} is in it more than once"),
            Self::OtherType(0x13) => {
                write!(f, "the extension {ROLE_OID_TEXT} is a PrintableString, it must be a UTF8String")
            }
            Self::OtherType(tag) => {
                write!(f, "the extension {ROLE_OID_TEXT} has ASN.1 tag {tag}, it must be a UTF8String (12)")
            }
            Self::Bare => write!(f, "the extension {ROLE_OID_TEXT} is bare text, it must be a UTF8String"),
            Self::Malformed => {
                write!(
                    f,
                    "the extension {ROLE_OID_TEXT} is not exactly one UTF8String of 1 to {MAX_ROLE} bytes"
                )
            }
        }
    }
}

/// The text of exactly one DER UTF8String.
fn utf8_string(der: &[u8]) -> Result<&str, NoRole> {
    let (&tag, rest) = der.split_first().ok_or(NoRole::Malformed)?;
    if tag != 0x0C {
        let text = der.iter().all(|b| b.is_ascii_graphic() || *b == b' ');
        return Err(if text { NoRole::Bare } else { NoRole::OtherType(tag) });
    }
    let (text, length) = match rest {
        // The short form, and the long form where DER has it: from 128 bytes on.
        [length, text @ ..] if *length < 0x80 => (text, usize::from(*length)),
        [0x81, length, text @ ..] if *length >= 0x80 => (text, usize::from(*length)),
        _ => return Err(NoRole::Malformed),
    };
    if text.len() != length || !(1..=MAX_ROLE).contains(&length) {
        return Err(NoRole::Malformed);
    }
    std::str::from_utf8(text).map_err(|_| NoRole::Malformed)
}

#[cfg(test)]
mod tests;
