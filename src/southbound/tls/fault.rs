//! Why there is no TLS session, in words for an operator. One kind for each thing that has to be done about it.

use std::fmt;
use std::sync::Arc;

/// Why there is no TLS session with a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault.
    pub kind: Kind,
    words: Arc<str>,
}

/// What is wrong with a TLS session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The device's certificate is not signed by whom we trust.
    UntrustedIssuer,
    /// The device's certificate has expired.
    Expired,
    /// The device's certificate is not valid yet.
    NotYetValid,
    /// The device's certificate is for another name, or for none.
    WrongName,
    /// The device shows another certificate than the pinned one.
    WrongPin,
    /// The device's certificate cannot be used for another reason.
    BadCertificate,
    /// The device said that it does not accept our certificate.
    NotAccepted,
    /// The device closed a new session without a word: most likely for the same reason.
    ClosedAfterHandshake,
    /// The device gives our certificate no right at all.
    NotAuthorised,
    /// No protocol version or cipher suite that both know.
    NothingInCommon,
    /// What answers is not TLS.
    NoTls,
    /// The handshake was not answered, or cut off.
    Silent,
    /// The handshake failed in another way.
    Protocol,
    /// The gateway has no certificate to show.
    NoIdentity,
}

impl Kind {
    /// True if it stays until somebody changes a certificate or a setting: it is not tried again soon.
    #[must_use]
    pub const fn lasts(self) -> bool {
        !matches!(self, Self::ClosedAfterHandshake | Self::NoTls | Self::Silent | Self::Protocol)
    }
}

impl Fault {
    /// A fault and its words.
    #[must_use]
    pub fn new(kind: Kind, words: impl Into<Arc<str>>) -> Self {
        Self { kind, words: words.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Fault {}
