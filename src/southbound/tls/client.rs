//! One device's TLS: makes a session on a connection that stands, and says in words why there is none.

use super::certificate::Fingerprint;
use super::fault::{Fault, Kind};
use super::identity::{Identity, Paths};
use super::role::Role;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, ProtocolVersion};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How one device is reached over TLS. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    identity: Arc<Identity>,
    name: ServerName<'static>,
    pin: Option<Fingerprint>,
    config: Arc<ClientConfig>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("name", &self.name).field("pin", &self.pin).finish_non_exhaustive()
    }
}

/// Two are the same if they use the same identity and demand the same of the device.
impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.identity, &other.identity) && self.name == other.name && self.pin == other.pin
    }
}

impl Eq for Client {}

impl Hash for Client {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.pin.hash(state);
    }
}

impl Client {
    pub(super) const fn new(
        identity: Arc<Identity>,
        name: ServerName<'static>,
        pin: Option<Fingerprint>,
        config: Arc<ClientConfig>,
    ) -> Self {
        Self { identity, name, pin, config }
    }

    /// The role that the device reads in our certificate.
    #[must_use]
    pub fn role(&self) -> &Role {
        self.identity.role()
    }

    /// The files of the gateway's identity, for a driver whose library makes the session by itself.
    #[must_use]
    pub fn files(&self) -> &Paths {
        self.identity.paths()
    }

    /// The name that the certificate of the device must bear.
    #[must_use]
    pub fn server_name(&self) -> String {
        self.name.to_str().into_owned()
    }

    /// True if the device is known by its whole certificate, and not by who signed it.
    #[must_use]
    pub const fn is_pinned(&self) -> bool {
        self.pin.is_some()
    }

    /// Makes a TLS session on a connection.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn secure<S>(&self, stream: S, limit: Duration) -> Result<TlsStream<S>, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connecting = TlsConnector::from(self.config.clone()).connect(self.name.clone(), stream);
        match timeout(limit, connecting).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(self.handshake_failed(&error)),
            Err(_) => Err(Fault::new(
                Kind::Silent,
                "connected, but the TLS handshake is not answered: does this port speak TLS? A link without TLS is for ports that do not",
            )),
        }
    }

    /// What the first failure on a new session means. `None` if it has nothing to do with TLS.
    ///
    /// A device that speaks TLS 1.3 judges our certificate after the handshake is over for us, so its refusal comes as
    /// the answer to the first request, or as the end of the connection.
    #[must_use]
    pub fn first_request_failed(&self, error: &io::Error, version: Option<ProtocolVersion>) -> Option<Fault> {
        match tls_error(error) {
            Some(Error::AlertReceived(alert)) => Some(self.alert(*alert, true)),
            Some(other) => {
                Some(Fault::new(Kind::Protocol, format!("TLS failed after the handshake: {other}")))
            }
            // Something came that is no answer: the session stands.
            None if error.kind() == io::ErrorKind::InvalidData => None,
            None if version == Some(ProtocolVersion::TLSv1_3) => Some(Fault::new(
                Kind::ClosedAfterHandshake,
                format!(
                    "device closed the session after TLS handshake: client certificate not accepted ({}), or another client holds the only session",
                    self.own()
                ),
            )),
            None => None,
        }
    }

    fn handshake_failed(&self, error: &io::Error) -> Fault {
        let Some(tls) = tls_error(error) else {
            return Fault::new(
                Kind::Silent,
                "the device closed the connection during the TLS handshake: does this port speak TLS, or does another client hold the only session?",
            );
        };
        match tls {
            Error::InvalidCertificate(CertificateError::Other(other)) => {
                match other.0.downcast_ref::<Fault>() {
                    Some(fault) => fault.clone(),
                    None => {
                        Fault::new(Kind::BadCertificate, format!("the certificate of the device: {other}"))
                    }
                }
            }
            Error::InvalidCertificate(why) => Fault::new(
                Kind::BadCertificate,
                format!("the device did not prove that it has the key of its certificate: {why}"),
            ),
            Error::AlertReceived(alert) => self.alert(*alert, false),
            Error::InvalidMessage(_) => Fault::new(
                Kind::NoTls,
                "this port does not speak TLS: what came back is no TLS message; use the port that does, or a link without TLS",
            ),
            Error::PeerIncompatible(why) => Fault::new(
                Kind::NothingInCommon,
                format!(
                    "nothing in common with the device in TLS ({why:?}); the gateway speaks TLS 1.2 and 1.3 with ECDHE and AES-GCM or ChaCha20"
                ),
            ),
            other => Fault::new(Kind::Protocol, format!("the TLS handshake failed: {other}")),
        }
    }

    fn alert(&self, alert: AlertDescription, after: bool) -> Fault {
        use AlertDescription as A;
        let when = if after { "after TLS handshake" } else { "during the TLS handshake" };
        let why = match alert {
            A::CertificateExpired => "it says that it has expired; are both clocks right?",
            A::CertificateRevoked => "it says that it is revoked",
            A::UnknownCA => "it does not know our authority; install it in the device",
            A::AccessDenied => "it denies access",
            A::CertificateRequired | A::NoCertificate => "it got none",
            A::BadCertificate | A::CertificateUnknown | A::UnsupportedCertificate => "it does not say why",
            A::DecryptError => "it could not verify our signature",
            A::HandshakeFailure if after => "it does not say why",
            A::ProtocolVersion | A::InsufficientSecurity | A::HandshakeFailure => {
                return Fault::new(
                    Kind::NothingInCommon,
                    format!(
                        "the device found nothing in common in TLS (alert {alert:?}); the gateway speaks TLS 1.2 and 1.3 with ECDHE and AES-GCM or ChaCha20"
                    ),
                );
            }
            A::UnrecognisedName => {
                return Fault::new(
                    Kind::WrongName,
                    format!("the device does not know the name \"{}\"; set server_name", self.name.to_str()),
                );
            }
            other => {
                return Fault::new(
                    Kind::Protocol,
                    format!("the device ended the session {when} with alert {other:?}"),
                );
            }
        };
        Fault::new(
            Kind::NotAccepted,
            format!(
                "device closed the session {when}: client certificate not accepted ({}); alert {alert:?}: {why}",
                self.own()
            ),
        )
    }

    /// What there is to know of our certificate for whoever looks at the device's side.
    fn own(&self) -> String {
        let own = self.identity.certificate();
        format!("issuer {}, expires {}, role {}", own.issuer, own.not_after, own.role)
    }
}

/// The TLS fault inside an I/O error.
fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests;
