//! What is in a certificate, for checks and for messages. It verifies nothing: that is rustls's matter.

use super::role::{ROLE_OID, Role};
use jiff::Timestamp;
use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::pki_types::CertificateDer;
use std::fmt;
use std::net::IpAddr;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

/// Longest text of a certificate that is shown.
const MAX_SHOWN: usize = 120;
/// Most names of a certificate that are shown.
const MAX_NAMES: usize = 8;

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// That of a certificate.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        // The hash of a cipher suite that is always there: no further crate for one function.
        let sha256 = match TLS13_AES_128_GCM_SHA256 {
            SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider,
            SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider,
        };
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(sha256.hash(certificate).as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits; colons and blanks between the bytes are fine.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u32> = text
            .chars()
            .filter(|c| !matches!(c, ':' | ' '))
            .map(|c| c.to_digit(16))
            .collect::<Option<_>>()?;
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::try_from(pair.iter().fold(0, |sum, digit| sum * 16 + digit)).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A certificate as far as checks and messages need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
    /// Its subject alternative names, such as `DNS inv07.local` and `IP 192.0.2.7`.
    pub names: Vec<String>,
    /// The role it gives its owner.
    pub role: Role,
    /// May be shown by a client; `None` if it does not say what it is for.
    pub client_auth: Option<bool>,
    /// True if it belongs to an authority.
    pub is_ca: bool,
    /// Its SHA-256.
    pub fingerprint: Fingerprint,
    subject_raw: Vec<u8>,
    issuer_raw: Vec<u8>,
}

impl Summary {
    /// Reads a certificate; `None` if it is none.
    #[must_use]
    pub fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let validity = certificate.validity();
        let usage = certificate.extended_key_usage().ok().flatten();
        let roles = certificate.extensions().iter().filter(|e| e.oid.as_bytes() == ROLE_OID);
        Some(Self {
            subject: shown(&certificate.subject().to_string()),
            issuer: shown(&certificate.issuer().to_string()),
            not_before: Timestamp::from_second(validity.not_before.timestamp()).ok()?,
            not_after: Timestamp::from_second(validity.not_after.timestamp()).ok()?,
            names: names(&certificate),
            role: Role::of(roles.map(|e| e.value)),
            client_auth: usage.map(|usage| usage.value.client_auth || usage.value.any),
            is_ca: certificate.is_ca(),
            fingerprint: Fingerprint::of(der),
            subject_raw: certificate.subject().as_raw().to_vec(),
            issuer_raw: certificate.issuer().as_raw().to_vec(),
        })
    }

    /// True if its subject names itself as the issuer.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject_raw == self.issuer_raw
    }

    /// True if its issuer is called as that one's subject is.
    #[must_use]
    pub fn names_as_issuer(&self, other: &Self) -> bool {
        self.issuer_raw == other.subject_raw
    }

    /// Its alternative names in a row.
    #[must_use]
    pub fn names_shown(&self) -> String {
        let more = self.names.len().saturating_sub(MAX_NAMES);
        let mut row = self.names.iter().take(MAX_NAMES).cloned().collect::<Vec<_>>().join(", ");
        if more > 0 {
            row.push_str(&format!(" and {more} more"));
        }
        row
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(dns) => shown(&format!("DNS {dns}")),
        GeneralName::IPAddress(bytes) => match address(bytes) {
            Some(address) => format!("IP {address}"),
            None => "IP (wrong length)".to_owned(),
        },
        GeneralName::URI(uri) => shown(&format!("URI {uri}")),
        GeneralName::RFC822Name(mail) => shown(&format!("e-mail {mail}")),
        GeneralName::DirectoryName(name) => shown(&format!("directory {name}")),
        _ => "other".to_owned(),
    };
    extension.value.general_names.iter().map(name).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// A text out of a certificate, which may hold anything, for one line of a message.
fn shown(text: &str) -> String {
    let mut short: String =
        text.chars().take(MAX_SHOWN).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests;
