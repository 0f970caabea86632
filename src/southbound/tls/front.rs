//! The device's side of TLS for tests: a front that takes the TLS off and passes on what is inside.

use super::testing::{Authority, Issued, Sheet, save};
use super::{Client, Identity, Paths};
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};

/// An identity that trusts one authority of devices, and both authorities.
pub struct Site {
    pub devices: Authority,
    pub own: Authority,
    pub identity: Arc<Identity>,
    _folder: tempfile::TempDir,
}

pub fn site() -> Site {
    site_as(&Sheet::gateway("GridServiceSunSpec"))
}

pub fn site_as(gateway: &Sheet) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let (devices, own) = (Authority::new("device CA"), Authority::new("utility CA"));
    let (certificate, private_key) = own.issue(gateway).save(folder.path(), "gateway");
    let authorities = save(folder.path(), "device-ca.pem", &devices.pem);
    let paths = Paths { certificate, private_key, authorities };
    let identity = Identity::load(&paths, Timestamp::now()).0.unwrap();
    Site { devices, own, identity, _folder: folder }
}

impl Site {
    pub fn client(&self, name: &str) -> Client {
        self.identity.client(name, None).unwrap()
    }
}

/// A server that shows a certificate and asks for one by `trusted`.
pub fn server(
    shows: &Issued,
    trusted: &Authority,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.pem.as_bytes()).unwrap()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let chain = CertificateDer::pem_slice_iter(shows.chain.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(shows.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    Arc::new(config.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap())
}

/// Listens with TLS before a server without. `None`: closes each session as soon as it is made.
pub async fn front(config: Arc<ServerConfig>, to: Option<SocketAddr>) -> SocketAddr {
    crate::testing::unhurried();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(config);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut outer = acceptor.accept(stream).await.ok()?;
                let mut inner = TcpStream::connect(to?).await.ok()?;
                tokio::io::copy_bidirectional(&mut outer, &mut inner).await.ok()
            });
        }
    });
    address
}
