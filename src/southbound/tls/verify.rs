//! Judges the certificate that a device shows: webpki decides, this file says why in words, or compares a pinned one.
//!
//! There is no way to switch the judgement off. The proof that the device holds the key of its certificate is always
//! asked for, of a pinned certificate too.

use super::certificate::{Fingerprint, Summary};
use super::fault::{Fault, Kind};
use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use std::sync::Arc;

/// Most authorities named in a message.
const MAX_NAMED: usize = 4;

/// Judges certificates of devices.
#[derive(Debug)]
pub struct Verifier {
    /// Decides, unless a certificate is pinned; checks signatures in either case.
    pub inner: Arc<WebPkiServerVerifier>,
    /// Exactly this certificate, whatever its names, dates and issuer.
    pub pin: Option<Fingerprint>,
    /// Who is trusted, for messages.
    pub authorities: Arc<Authorities>,
}

/// Who signs the certificates of devices.
#[derive(Debug)]
pub struct Authorities {
    /// The file, as messages call it.
    pub file: String,
    /// Their certificates.
    pub list: Vec<Summary>,
}

impl Authorities {
    /// Their names.
    #[must_use]
    pub fn named(&self) -> String {
        let more = self.list.len().saturating_sub(MAX_NAMED);
        let names: Vec<String> =
            self.list.iter().take(MAX_NAMED).map(|a| format!("\"{}\"", a.subject)).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", names.join(", "))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fault = if let Some(pin) = self.pin {
            let shown = Fingerprint::of(end_entity);
            if shown == pin {
                return Ok(ServerCertVerified::assertion());
            }
            let words = format!(
                "the device shows another certificate than the pinned one: its SHA-256 is {shown}, pinned_sha256 is {pin}; if the certificate was renewed, set the new one after comparing it at the device"
            );
            Fault::new(Kind::WrongPin, words)
        } else {
            let result =
                self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
            match result {
                Ok(verified) => return Ok(verified),
                Err(Error::InvalidCertificate(why)) => {
                    self.explain(&why, end_entity, intermediates, server_name, now)
                }
                Err(other) => return Err(other),
            }
        };
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(fault)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

impl Verifier {
    /// What is wrong with a certificate that webpki does not accept.
    fn explain(
        &self,
        why: &CertificateError,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Fault {
        let Some(leaf) = Summary::of(end_entity) else {
            let words = "what the device shows is not a certificate (X.509 version 3)";
            return Fault::new(Kind::BadCertificate, words);
        };
        let chain: Vec<Summary> =
            std::iter::once(leaf.clone()).chain(intermediates.iter().filter_map(Summary::of)).collect();
        match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Fault::new(Kind::Expired, expired(&chain, now))
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Fault::new(Kind::NotYetValid, not_yet(&chain, now))
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Fault::new(Kind::WrongName, wrong_name(&leaf, name))
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Fault::new(Kind::UntrustedIssuer, self.untrusted(&chain))
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                let words = format!(
                    "the certificate of the device ({}) is not for servers (no serverAuth in its extended key usage)",
                    leaf.subject
                );
                Fault::new(Kind::BadCertificate, words)
            }
            CertificateError::UnhandledCriticalExtension => {
                let words = format!(
                    "the certificate of the device ({}) has a critical extension that the gateway does not know{}",
                    leaf.subject,
                    pin_hint(&leaf)
                );
                Fault::new(Kind::BadCertificate, words)
            }
            _ if leaf.is_ca => {
                let words = format!(
                    "the device shows the certificate of an authority ({}) as its own{}",
                    leaf.subject,
                    pin_hint(&leaf)
                );
                Fault::new(Kind::BadCertificate, words)
            }
            other => {
                let words =
                    format!("the certificate of the device ({}) cannot be used: {other}", leaf.subject);
                Fault::new(Kind::BadCertificate, words)
            }
        }
    }

    fn untrusted(&self, chain: &[Summary]) -> String {
        let Some(leaf) = chain.first() else { return String::new() };
        let (file, trusted) = (&self.authorities.file, self.authorities.named());
        // Up the chain that was shown, to the issuer that nobody vouches for.
        let mut last = leaf;
        for _ in chain {
            match chain.iter().find(|c| last.names_as_issuer(c) && !c.is_self_issued()) {
                Some(next) if next != last => last = next,
                _ => break,
            }
        }
        if self.authorities.list.iter().any(|a| last.names_as_issuer(a)) {
            return format!(
                "the certificate of the device ({}) names \"{}\" as its issuer, but is not signed with the key of the one in authorities {file}: another authority of the same name",
                leaf.subject, last.issuer
            );
        }
        if leaf.is_self_issued() {
            return format!(
                "the certificate of the device ({}) is self-signed and not in authorities {file}{}",
                leaf.subject,
                pin_hint(leaf)
            );
        }
        format!(
            "the certificate of the device ({}) is signed by \"{}\", which is not in authorities {file} (it has {trusted})",
            leaf.subject, last.issuer
        )
    }
}

fn time(unix: UnixTime) -> Timestamp {
    i64::try_from(unix.as_secs()).ok().and_then(|s| Timestamp::from_second(s).ok()).unwrap_or(Timestamp::MAX)
}

/// Which one of a chain: the certificate of the device itself, or one above it.
fn whose(place: usize, certificate: &Summary) -> String {
    if place == 0 {
        format!("the certificate of the device ({})", certificate.subject)
    } else {
        format!("the authority \"{}\" above the certificate of the device", certificate.subject)
    }
}

fn expired(chain: &[Summary], now: UnixTime) -> String {
    let now = time(now);
    match chain.iter().enumerate().find(|(_, c)| c.not_after < now) {
        Some((place, c)) => format!(
            "{} expired at {}; the clock here says {now}: renew it, or set the clock",
            whose(place, c),
            c.not_after
        ),
        None => "an authority of the device's certificate has expired; renew authorities".to_owned(),
    }
}

fn not_yet(chain: &[Summary], now: UnixTime) -> String {
    let now = time(now);
    match chain.iter().enumerate().find(|(_, c)| c.not_before > now) {
        Some((place, c)) => format!(
            "{} is valid only from {}; the clock here says {now}: is it right?",
            whose(place, c),
            c.not_before
        ),
        None => "an authority of the device's certificate is not valid yet; is the clock right?".to_owned(),
    }
}

fn wrong_name(leaf: &Summary, name: &ServerName<'_>) -> String {
    let name = name.to_str();
    if leaf.names.is_empty() {
        return format!(
            "the certificate of the device ({}) is signed by a trusted authority, but has no subjectAltName, so no name can be compared with \"{name}\"{}",
            leaf.subject,
            pin_hint(leaf)
        );
    }
    format!(
        "the certificate of the device ({}) is valid, but name \"{name}\" is not in it (SAN: {}); set server_name",
        leaf.subject,
        leaf.names_shown()
    )
}

/// The one way out for a certificate that can never be verified; it asks for a look at the device.
fn pin_hint(leaf: &Summary) -> String {
    format!(
        "; let the maker replace it, or set pinned_sha256 = \"{}\" after comparing it at the device",
        leaf.fingerprint
    )
}
