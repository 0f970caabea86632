//! TLS of a DNP3 link: the gateway's identity as the stack takes it. TLS 1.2 and 1.3, both sides show a certificate.
//!
//! The stack knows a pinned certificate only as a file of the whole of it, which nobody gives us: a pin is refused here.

use crate::southbound::tls::Client;
use dnp3::tcp::tls::{MinTlsVersion, TlsClientConfig, TlsError};

/// Why a link cannot have TLS.
#[derive(Debug, thiserror::Error)]
pub enum NoTls {
    /// There is nothing to show.
    #[error("this link needs a certificate to show to the device; set [southbound.tls] in gateway.toml")]
    NoIdentity,
    /// See the head of this file.
    #[error(
        "a pinned certificate works with Modbus only: for a dnp3+tls link, let an authority sign the certificate of the device, and remove the pin"
    )]
    Pinned,
    /// The stack does not take the files.
    #[error("the certificate files cannot be used for DNP3: {0}")]
    Files(TlsError),
}

/// Reads the files; a new certificate needs a new channel.
pub fn config(client: Option<&Client>) -> Result<TlsClientConfig, NoTls> {
    let client = client.ok_or(NoTls::NoIdentity)?;
    if client.is_pinned() {
        return Err(NoTls::Pinned);
    }
    let files = client.files();
    TlsClientConfig::full_pki(
        Some(client.server_name()),
        &files.authorities,
        &files.certificate,
        &files.private_key,
        None,
        MinTlsVersion::V12,
    )
    .map_err(NoTls::Files)
}
