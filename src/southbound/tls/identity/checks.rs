//! What must hold of the files that an identity is made of; everything that does not is found at once.

use super::Paths;
use crate::southbound::tls::certificate::Summary;
use crate::southbound::tls::role::{KNOWN, Role};
use crate::southbound::tls::verify::Authorities;
use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, RootCertStore};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Largest file read.
const MAX_BYTES: u64 = 1024 * 1024;
/// Longest chain of the gateway's certificate.
const MAX_CHAIN: usize = 10;
/// Most authorities.
const MAX_AUTHORITIES: usize = 1000;
/// Days before its end from which a certificate is warned of.
const SOON_DAYS: i64 = 30;
const DAY_S: i64 = 86_400;

/// Something that was found in the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file it is about.
    pub which: Which,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub words: String,
    /// It is about the role in the certificate, which only Modbus devices look at.
    pub role: bool,
}

/// A file of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The certificate and its chain.
    Certificate,
    /// The private key.
    PrivateKey,
    /// Those who are trusted.
    Authorities,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It cannot work.
    Fault,
    /// It is outside its time: no device will accept it, but everything else may go on meanwhile.
    Lapsed,
    /// It works, but probably not as wanted, or not for long.
    Warning,
    /// Good to know.
    Note,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    fn add(&mut self, which: Which, severity: Severity, words: impl Into<String>) {
        self.0.push(Finding { which, severity, words: words.into(), role: false });
    }

    pub(super) fn fault(&mut self, which: Which, words: impl Into<String>) {
        self.add(which, Severity::Fault, words);
    }

    fn warn(&mut self, which: Which, words: impl Into<String>) {
        self.add(which, Severity::Warning, words);
    }

    pub(super) fn faulty(&self) -> bool {
        self.0.iter().any(|f| f.severity == Severity::Fault)
    }
}

/// The gateway's certificate with its key.
pub(super) fn own(
    paths: &Paths,
    provider: &Arc<CryptoProvider>,
    now: Timestamp,
    findings: &mut Findings,
) -> Option<(CertifiedKey, Summary)> {
    let chain = certificates(&paths.certificate, MAX_CHAIN, Which::Certificate, findings);
    let key = private_key(&paths.private_key, findings);
    let (chain, summaries) = chain?;
    let leaf = summaries.first()?.clone();
    let file = paths.certificate.display();
    dates(&file.to_string(), &summaries, now, Which::Certificate, findings);
    usage(&file.to_string(), &leaf, findings);
    let others = findings.0.len();
    role(&file.to_string(), &leaf, findings);
    findings.0.iter_mut().skip(others).for_each(|finding| finding.role = true);
    ordered(&file.to_string(), &summaries, findings);
    if findings.0.iter().all(|f| matches!(f.severity, Severity::Warning | Severity::Note)) {
        whole(&file.to_string(), &chain, &summaries, (provider, now), findings);
    }
    let key = match provider.key_provider.load_private_key(key?) {
        Ok(key) => key,
        Err(why) => {
            let words =
                format!("{}: this key cannot be used ({why}); P-256 is right", paths.private_key.display());
            findings.fault(Which::PrivateKey, words);
            return None;
        }
    };
    let certified = CertifiedKey::new(chain, key);
    if let Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) = certified.keys_match() {
        let key = paths.private_key.display();
        findings.fault(
            Which::PrivateKey,
            format!("{key}: this is not the key of the first certificate in {file} ({})", leaf.subject),
        );
    }
    Some((certified, leaf))
}

/// Those whose signature under a device's certificate counts.
pub(super) fn authorities(
    paths: &Paths,
    now: Timestamp,
    findings: &mut Findings,
) -> Option<(RootCertStore, Authorities)> {
    let which = Which::Authorities;
    let (chain, list) = certificates(&paths.authorities, MAX_AUTHORITIES, which, findings)?;
    let file = paths.authorities.display().to_string();
    dates(&file, &list, now, which, findings);
    let mut roots = RootCertStore::empty();
    for (certificate, summary) in chain.into_iter().zip(&list) {
        if !summary.is_ca {
            let words = format!(
                "{file}: \"{}\" is not the certificate of an authority (CA:TRUE is missing); name those who sign the devices' certificates, and a single device by pinned_sha256",
                summary.subject
            );
            findings.warn(which, words);
        }
        if let Err(why) = roots.add(certificate) {
            findings.fault(which, format!("{file}: \"{}\" cannot be used: {why}", summary.subject));
        }
    }
    Some((roots, Authorities { file, list }))
}

fn certificates(
    path: &Path,
    most: usize,
    which: Which,
    findings: &mut Findings,
) -> Option<(Vec<CertificateDer<'static>>, Vec<Summary>)> {
    let bytes = read(path, which, findings)?;
    let file = path.display();
    let mut chain = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        match certificate {
            Ok(certificate) => chain.push(certificate),
            Err(why) => {
                findings.fault(which, format!("{file}: not readable as PEM ({why})"));
                return None;
            }
        }
        if chain.len() > most {
            findings.fault(which, format!("{file}: more than {most} certificates"));
            return None;
        }
    }
    if chain.is_empty() {
        let words = "no certificate in it; a PEM file has -----BEGIN CERTIFICATE----- (convert DER with openssl x509 -inform der -in FILE)";
        findings.fault(which, format!("{file}: {words}"));
        return None;
    }
    let summaries: Vec<Summary> = chain.iter().filter_map(Summary::of).collect();
    if summaries.len() != chain.len() {
        let place = chain.iter().position(|c| Summary::of(c).is_none()).unwrap_or(0) + 1;
        findings.fault(which, format!("{file}: certificate {place} is damaged; it is no X.509 certificate"));
        return None;
    }
    Some((chain, summaries))
}

fn private_key(path: &Path, findings: &mut Findings) -> Option<PrivateKeyDer<'static>> {
    let which = Which::PrivateKey;
    let bytes = read(path, which, findings)?;
    let file = path.display();
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let mode = std::fs::metadata(path).map_or(0, |m| m.mode());
        // Readable by a group is how a service reads a key that belongs to root.
        if mode & 0o027 != 0 {
            let mode = mode & 0o777;
            findings.warn(
                which,
                format!(
                    "{file}: others have access to the private key (mode {mode:o}); chmod 640 it, or 600"
                ),
            );
        }
    }
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Some(key),
        Err(PemError::NoItemsFound) => {
            let encrypted = bytes.windows(9).any(|w| w == b"ENCRYPTED");
            let right = if encrypted {
                "the key is encrypted, and nobody is there to type a password; store it without one (openssl pkey -in FILE -out NEW), readable by the gateway only"
            } else {
                "no private key in it; a PEM file has -----BEGIN PRIVATE KEY----- or -----BEGIN EC PRIVATE KEY-----"
            };
            findings.fault(which, format!("{file}: {right}"));
            None
        }
        Err(why) => {
            findings.fault(which, format!("{file}: not readable as PEM ({why})"));
            None
        }
    }
}

fn read(path: &Path, which: Which, findings: &mut Findings) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let result = std::fs::File::open(path).and_then(|file| {
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("not a file"));
        }
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes)
    });
    let words = match result {
        Ok(_) if bytes.len() as u64 <= MAX_BYTES => return Some(bytes),
        Ok(_) => format!("larger than {} KiB; it is some other file", MAX_BYTES / 1024),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            "there is no such file; check the path".to_owned()
        }
        Err(why) if why.kind() == std::io::ErrorKind::PermissionDenied => {
            "this user may not read the file; check its owner and mode".to_owned()
        }
        Err(why) => format!("cannot be read: {why}"),
    };
    findings.fault(which, format!("{}: {words}", path.display()));
    None
}

/// Every certificate of a file by the calendar.
fn dates(file: &str, list: &[Summary], now: Timestamp, which: Which, findings: &mut Findings) {
    for certificate in list {
        let (subject, end) = (&certificate.subject, certificate.not_after);
        let days = (end.as_second() - now.as_second()).div_euclid(DAY_S);
        // The dates of an authority are its own business: webpki does not look at them.
        let severity = if which == Which::Authorities { Severity::Warning } else { Severity::Lapsed };
        if end < now {
            findings.add(which, severity, format!("{file}: \"{subject}\" expired at {end}; renew it"));
        } else if certificate.not_before > now {
            let from = certificate.not_before;
            let words = format!(
                "{file}: \"{subject}\" is valid only from {from}; the clock says {now}, is it right?"
            );
            findings.add(which, severity, words);
        } else if days < SOON_DAYS {
            findings.warn(which, format!("{file}: \"{subject}\" expires in {days} days, at {end}; renew it"));
        }
    }
}

fn usage(file: &str, leaf: &Summary, findings: &mut Findings) {
    match leaf.client_auth {
        Some(true) => {}
        Some(false) => findings.fault(
            Which::Certificate,
            format!(
                "{file}: \"{}\" is not for clients; its extended key usage needs clientAuth",
                leaf.subject
            ),
        ),
        None => findings.warn(
            Which::Certificate,
            format!(
                "{file}: \"{}\" has no extended key usage; devices may demand clientAuth in it",
                leaf.subject
            ),
        ),
    }
}

fn role(file: &str, leaf: &Summary, findings: &mut Findings) {
    let which = Which::Certificate;
    match &leaf.role {
        role @ Role::Named(_) if role.is_known() => {
            let end = leaf.not_after;
            let words = format!("{file}: shown to devices as {role} ({}), valid until {end}", leaf.subject);
            findings.add(which, Severity::Note, words);
        }
        role @ Role::Named(_) => findings.warn(
            which,
            format!("{file}: the role \"{role}\" is none that SunSpec knows; it knows {}", KNOWN.join(", ")),
        ),
        Role::Missing(why) => findings.warn(
            which,
            format!(
                "{file}: \"{}\" has no role, SunSpec devices will refuse every request: {why}",
                leaf.subject
            ),
        ),
    }
}

/// Each certificate is signed by the next.
fn ordered(file: &str, chain: &[Summary], findings: &mut Findings) {
    for (place, pair) in chain.windows(2).enumerate() {
        let [below, above] = pair else { continue };
        if !below.names_as_issuer(above) {
            let words = format!(
                "{file}: certificate {} (\"{}\") is not the issuer of certificate {} (\"{}\", issued by \"{}\"); order them from the gateway's own up to the root",
                place + 2,
                above.subject,
                place + 1,
                below.subject,
                below.issuer
            );
            findings.fault(Which::Certificate, words);
        }
    }
    if let [only] = chain
        && only.is_self_issued()
    {
        let words = format!(
            "{file}: \"{}\" is self-signed; devices accept only certificates of an authority that they know",
            only.subject
        );
        findings.warn(Which::Certificate, words);
    }
}

/// The chain goes up to the root, and every signature in it is right.
fn whole(
    file: &str,
    chain: &[CertificateDer<'static>],
    summaries: &[Summary],
    (provider, now): (&Arc<CryptoProvider>, Timestamp),
    findings: &mut Findings,
) {
    let ([leaf, above @ ..], Some(last)) = (chain, summaries.last()) else { return };
    if !last.is_self_issued() {
        let words = format!(
            "{file}: the chain ends with \"{}\"; add \"{}\" and what is above it: devices may demand the chain up to the root",
            last.subject, last.issuer
        );
        return findings.warn(Which::Certificate, words);
    }
    let Some((root, between)) = above.split_last() else { return };
    let mut roots = RootCertStore::empty();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0)));
    let judged = roots.add(root.clone()).map_err(|why| why.to_string()).and_then(|()| {
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|why| why.to_string())?
            .verify_client_cert(leaf, between, now)
            .map_err(|why| why.to_string())
    });
    if let Err(why) = judged {
        findings.fault(Which::Certificate, format!("{file}: the chain does not hold: {why}"));
    }
}
