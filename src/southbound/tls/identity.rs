//! What the gateway shows to devices and whom it trusts: the files of `[southbound.tls]`, read and checked once.

mod checks;

use super::certificate::{Fingerprint, Summary};
use super::client::Client;
use super::role::Role;
use super::verify::{Authorities, Verifier};
use checks::Findings;
pub use checks::{Finding, Severity, Which};
use jiff::Timestamp;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Sessions remembered for resumption; rustls keeps up to 8 for a device.
const SESSIONS: usize = 8 * 1024;
/// The same for a pinned certificate, which mostly is that of one device.
const SESSIONS_PINNED: usize = 8;

/// Where the files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The gateway's certificate and the chain above it, leaf first; PEM.
    pub certificate: PathBuf,
    /// Its private key; PEM, PKCS#8 or SEC1.
    pub private_key: PathBuf,
    /// The certificates of those who sign the devices' certificates; PEM.
    pub authorities: PathBuf,
}

/// What the gateway shows, and whom it trusts.
pub struct Identity {
    paths: Paths,
    shown: Summary,
    authorities: Arc<Authorities>,
    verifier: Arc<WebPkiServerVerifier>,
    key: Arc<SingleCertAndKey>,
    provider: Arc<CryptoProvider>,
    usual: Arc<ClientConfig>,
    /// One configuration for each pinned certificate, so that sessions of one are never resumed under another.
    pinned: Mutex<HashMap<Fingerprint, Arc<ClientConfig>>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("shown", &self.shown).finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads and checks the files. `None` if one of the findings is a fault.
    #[must_use]
    pub fn load(paths: &Paths, now: Timestamp) -> (Option<Arc<Self>>, Vec<Finding>) {
        let mut findings = Findings::default();
        let provider = Arc::new(provider());
        let own = checks::own(paths, &provider, now, &mut findings);
        let trusted = checks::authorities(paths, now, &mut findings);
        let identity = own.zip(trusted).filter(|_| !findings.faulty()).and_then(|((key, shown), trusted)| {
            let built = Self::build(paths, key, shown, trusted, provider);
            built.map_err(|why| findings.fault(Which::Authorities, why.to_string())).ok()
        });
        (identity.map(Arc::new), findings.0)
    }

    fn build(
        paths: &Paths,
        key: CertifiedKey,
        shown: Summary,
        (roots, authorities): (RootCertStore, Authorities),
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, BuildError> {
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
        let key = Arc::new(SingleCertAndKey::from(key));
        let authorities = Arc::new(authorities);
        let judge = Verifier { inner: verifier.clone(), pin: None, authorities: authorities.clone() };
        let usual = Arc::new(config(judge, &key, &provider, SESSIONS)?);
        let paths = paths.clone();
        Ok(Self { paths, shown, authorities, verifier, key, provider, usual, pinned: Mutex::default() })
    }

    /// What is needed to reach one device: by the name in its certificate, or by its whole certificate.
    ///
    /// # Errors
    /// The name is neither a host name nor an address, or TLS does not take these settings.
    pub fn client(self: &Arc<Self>, name: &str, pin: Option<Fingerprint>) -> Result<Client, BuildError> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| BuildError::Name(name.to_owned()))?;
        let config = match pin {
            None => self.usual.clone(),
            Some(pin) => {
                let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(config) = pinned.get(&pin) {
                    config.clone()
                } else {
                    let judge = Verifier {
                        inner: self.verifier.clone(),
                        pin: Some(pin),
                        authorities: self.authorities.clone(),
                    };
                    let config = Arc::new(config(judge, &self.key, &self.provider, SESSIONS_PINNED)?);
                    pinned.insert(pin, config.clone());
                    config
                }
            }
        };
        Ok(Client::new(self.clone(), name, pin, config))
    }

    /// The role that devices read in the certificate.
    #[must_use]
    pub const fn role(&self) -> &Role {
        &self.shown.role
    }

    /// The files it was read from.
    #[must_use]
    pub const fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The gateway's own certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Summary {
        &self.shown
    }
}

/// TLS cannot be set up with this.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// It can stand in no certificate.
    #[error("\"{}\" cannot be the name of a device in a certificate; a host name or an address can", .0.escape_debug())]
    Name(String),
    /// rustls says no.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The verifier says no.
    #[error("TLS cannot be set up: {0}")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

/// All cipher suites of rustls are ECDHE with AES-GCM or ChaCha20-Poly1305; those for RSA certificates stay among them,
/// because devices with such certificates exist.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    // P-256 is what every device has, and the first group goes into the first message: a hybrid one would make it large
    // for a small device and cost most of them one more round.
    provider.kx_groups = vec![SECP256R1, X25519, SECP384R1, X25519MLKEM768];
    provider
}

fn config(
    verifier: Verifier,
    key: &Arc<SingleCertAndKey>,
    provider: &Arc<CryptoProvider>,
    sessions: usize,
) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous() // rustls' word for a verifier of one's own; ours asks webpki.
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(key.clone());
    config.resumption = Resumption::in_memory_sessions(sessions);
    Ok(config)
}

#[cfg(test)]
mod tests;
