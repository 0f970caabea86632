//! A simulated device behind TLS (Modbus/TCP Security): it demands a client certificate, reads the role in it, and lets
//! its owner do what the role may.
//!
//! It reads certificates and roles by itself and shares nothing with the drivers' TLS: what both got wrong, no test
//! would find.

use super::modbus::{Exception, Frame};
use super::registers::Form;
use crate::device_map::{Layout, models};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_parser::prelude::FromDer as _;

/// Longest wait for a handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client that was turned away may take to leave.
const FAREWELL: Duration = Duration::from_secs(1);
/// 1.3.6.1.4.1.50316.802.1
const ROLE_OID: [u64; 9] = [1, 3, 6, 1, 4, 1, 50316, 802, 1];

/// What a simulated device shows, and whom it trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Its certificate and the chain above it; PEM.
    pub certificate: PathBuf,
    /// Its private key; PEM.
    pub private_key: PathBuf,
    /// Who signs the certificates of its clients; PEM.
    pub authorities: PathBuf,
    /// The only version it speaks; both if absent.
    pub only: Option<TlsVersion>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2
    Tls12,
    /// 1.3
    Tls13,
}

/// The file at fault, by its key in PLANT.toml, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {words}")]
pub struct TlsError {
    /// `tls_certificate`, `tls_private_key` or `tls_authorities`.
    pub key: &'static str,
    /// What is wrong.
    pub words: String,
}

/// The TLS side of one device.
pub struct TlsDoor {
    acceptor: TlsAcceptor,
    rights: Rights,
}

impl std::fmt::Debug for TlsDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsDoor").field("rights", &self.rights).finish_non_exhaustive()
    }
}

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything: nobody asks who calls.
    Open,
    /// What its role may.
    As(Role),
}

/// The role of a client (Modbus/TCP Security; SunSpec names).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// None, or one that is not known: nothing.
    Nobody,
    /// Reads.
    ReadOnly,
    /// Reads, and controls the device for the grid.
    GridService,
    /// Reads, and sets addresses.
    NetworkAdministrator,
    /// Everything.
    SuperAdministrator,
}

/// Which registers each role may write: stretches from the base address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    grid: Vec<std::ops::Range<usize>>,
    network: Vec<std::ops::Range<usize>>,
}

impl TlsSettings {
    /// Reads the files.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn load(&self) -> Result<ServerConfig, TlsError> {
        let fault = |key: &'static str| move |words: String| TlsError { key, words };
        let chain = certificates(&self.certificate).map_err(fault("tls_certificate"))?;
        let key = PrivateKeyDer::from_pem_file(&self.private_key)
            .map_err(|why| fault("tls_private_key")(format!("{}: {why}", self.private_key.display())))?;
        let provider = Arc::new(default_provider());
        let trust = fault("tls_authorities");
        let mut roots = RootCertStore::empty();
        for authority in certificates(&self.authorities).map_err(trust)? {
            roots.add(authority).map_err(|why| trust(why.to_string()))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|why| trust(why.to_string()))?;
        let versions: &[&'static SupportedProtocolVersion] = match self.only {
            Some(TlsVersion::Tls12) => &[&version::TLS12],
            Some(TlsVersion::Tls13) => &[&version::TLS13],
            None => &[&version::TLS13, &version::TLS12],
        };
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .and_then(|b| b.with_client_cert_verifier(verifier).with_single_cert(chain, key))
            .map_err(|why| fault("tls_private_key")(format!("certificate and key cannot be used: {why}")))
    }
}

fn certificates(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(list) if list.is_empty() => Err(format!("{}: no certificate in it", path.display())),
        Ok(list) => Ok(list),
        Err(why) => Err(format!("{}: {why}", path.display())),
    }
}

impl TlsDoor {
    /// The door of a device.
    #[must_use]
    pub fn new(config: ServerConfig, form: &Form) -> Self {
        Self { acceptor: Arc::new(config).into(), rights: Rights::of(form) }
    }

    /// Asks a client who it is. `None` if it was turned away.
    pub async fn admit(&self, stream: TcpStream) -> Option<(TlsStream<TcpStream>, Access)> {
        let stream = shake_hands(&self.acceptor, stream).await?;
        let role = stream.get_ref().1.peer_certificates().and_then(|c| c.first()).map(role_of);
        Some((stream, Access::As(role.unwrap_or(Role::Nobody))))
    }

    /// The answer to a client that may not do what it asks for.
    #[must_use]
    pub fn refusal(&self, access: Access, request: &Frame, base: u16) -> Option<Exception> {
        let Access::As(role) = access else { return None };
        (!self.rights.permit(role, &request.pdu, base)).then_some(Exception::FUNCTION)
    }
}

/// Demands a certificate of a client. `None` if it was turned away.
async fn shake_hands(acceptor: &TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    let accepting = acceptor.accept(stream).into_fallible();
    match tokio::time::timeout(HANDSHAKE, accepting).await.ok()? {
        Ok(stream) => Some(stream),
        Err((why, mut stream)) => {
            tracing::debug!(%why, "simulated device turned a client away");
            // A socket closed on unread data resets the connection, and the client would not hear why.
            let mut rest = tokio::io::sink();
            let leaving = async { tokio::io::copy(&mut (&mut stream).take(1 << 16), &mut rest).await };
            let _ = tokio::time::timeout(FAREWELL, leaving).await;
            None
        }
    }
}

/// TLS without roles: whoever has a certificate of the authorities may do everything, as DNP3 has it.
#[cfg(feature = "dnp3")]
pub struct PlainTls(TlsAcceptor);

#[cfg(feature = "dnp3")]
impl PlainTls {
    /// The TLS side of an outstation.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        Self(Arc::new(config).into())
    }

    /// Asks a client who it is. `None` if it was turned away.
    pub async fn admit(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        shake_hands(&self.0, stream).await
    }
}

#[cfg(feature = "dnp3")]
impl std::fmt::Debug for PlainTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlainTls").finish_non_exhaustive()
    }
}

/// The role in a certificate: exactly one extension that is exactly one UTF8String.
fn role_of(certificate: &CertificateDer<'_>) -> Role {
    let Ok((_, parsed)) = x509_parser::certificate::X509Certificate::from_der(certificate) else {
        return Role::Nobody;
    };
    let mut values = parsed
        .extensions()
        .iter()
        .filter(|e| e.oid.iter().is_some_and(|arcs| arcs.eq(ROLE_OID)))
        .map(|e| e.value);
    let (Some([0x0C, length, text @ ..]), None) = (values.next(), values.next()) else { return Role::Nobody };
    if usize::from(*length) != text.len() {
        return Role::Nobody;
    }
    match text {
        b"ReadOnlySunSpec" => Role::ReadOnly,
        b"GridServiceSunSpec" => Role::GridService,
        b"NetworkAdministratorSunSpec" => Role::NetworkAdministrator,
        b"SuperAdministratorSunSpec" => Role::SuperAdministrator,
        _ => Role::Nobody,
    }
}

impl Rights {
    /// The rights at a device with these models.
    #[must_use]
    pub fn of(form: &Form) -> Self {
        let mut rights = Self::default();
        // Behind the marker.
        let mut at = 2;
        while let Some(&[id, length]) = form.blank.get(at..at + 2) {
            if id == 0xFFFF {
                break;
            }
            let end = at + 2 + usize::from(length);
            match id {
                1 => rights.network.extend(points(id, length, at, |name| name == "DA")),
                10..=19 => rights.network.push(at + 2..end),
                702 => {
                    let voltage = ["VNom", "VMax", "VMin"];
                    rights.grid.extend(points(id, length, at, |name| !voltage.contains(&name)));
                }
                121 | 123..=145 | 703..=706 | 711 | 712 | 802..=807 => rights.grid.push(at + 2..end),
                _ => {}
            }
            at = end;
        }
        rights
    }

    /// True if a role may do what a request asks for.
    #[must_use]
    pub fn permit(&self, role: Role, pdu: &[u8], base: u16) -> bool {
        let stretches = match role {
            Role::Nobody => return false,
            Role::SuperAdministrator => return true,
            Role::ReadOnly => &[][..],
            Role::GridService => &self.grid,
            Role::NetworkAdministrator => &self.network,
        };
        let (a1, a0, count) = match *pdu {
            [6, a1, a0, ..] => (a1, a0, 1),
            [16, a1, a0, c1, c0, ..] => (a1, a0, u16::from_be_bytes([c1, c0])),
            // Reads, and what no device of ours knows.
            _ => return true,
        };
        let Some(first) = u16::from_be_bytes([a1, a0]).checked_sub(base).map(usize::from) else {
            return false;
        };
        (first..first + usize::from(count)).all(|register| stretches.iter().any(|s| s.contains(&register)))
    }
}

/// The registers of the points of a model that are wanted, from the base of the device.
fn points(id: u16, length: u16, at: usize, wanted: impl Fn(&str) -> bool) -> Vec<std::ops::Range<usize>> {
    let Some(model) = models().get(id) else { return Vec::new() };
    let layout = Layout::new(&model, length, &|_| None);
    let stretch =
        |first: u16, size: u16| at + usize::from(first)..at + usize::from(first) + usize::from(size);
    layout
        .points
        .iter()
        .skip(2)
        .filter(|p| wanted(&p.path))
        .map(|p| stretch(p.offset, p.point.size))
        .collect()
}

#[cfg(test)]
mod tests;
