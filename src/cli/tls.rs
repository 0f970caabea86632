//! The TLS flags of commands that reach one device over a LINK.

use crate::southbound::Link;
use crate::southbound::tls::{Client, Fingerprint, Identity, Paths, Severity};
use jiff::Timestamp;
use std::path::PathBuf;

/// What is shown to a device over TLS, and how the device is known; only for links over TLS.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "For links over TLS (modbus+tls, dnp3+tls)")]
pub struct TlsArgs {
    /// Our certificate and the chain above it, leaf first (PEM)
    #[arg(long, value_name = "FILE", env = "DERGATE_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", env = "DERGATE_TLS_PRIVATE_KEY")]
    pub tls_private_key: Option<PathBuf>,
    /// Who signs the devices' certificates (PEM)
    #[arg(long, value_name = "FILE", env = "DERGATE_TLS_AUTHORITIES")]
    pub tls_authorities: Option<PathBuf>,
    /// The name in the device's certificate; by default the host of the link
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
    /// Accept exactly the certificate with this SHA-256; for modbus+tls only
    #[arg(long, value_name = "HEX")]
    pub pinned_sha256: Option<String>,
}

impl TlsArgs {
    /// How a TLS session to the link is made; `None` for a link without TLS. The second part is worth saying and
    /// stops nothing.
    ///
    /// # Errors
    /// Flags that are missing or do not fit, and every fault of the files; one a line.
    pub fn client(&self, link: &Link) -> Result<(Option<Client>, Vec<String>), String> {
        let Some((host, _)) = link.secured() else {
            // The files may come from the environment; what is said of one device may not be for nothing.
            return if self.server_name.is_none() && self.pinned_sha256.is_none() {
                Ok((None, Vec::new()))
            } else {
                Err("--server-name and --pinned-sha256 are for links with modbus+tls:// or dnp3+tls://"
                    .to_owned())
            };
        };
        if link.dnp3().is_some() && self.pinned_sha256.is_some() {
            return Err("--pinned-sha256 is for modbus+tls links: of a dnp3+tls device the whole chain is checked, and its name; \
                        put the authority that signed its certificate into --tls-authorities"
                .to_owned());
        }
        let (Some(certificate), Some(private_key), Some(authorities)) =
            (self.tls_certificate.clone(), self.tls_private_key.clone(), self.tls_authorities.clone())
        else {
            return Err(format!(
                "{link} is over TLS, and the device asks who is calling; give --tls-certificate FILE --tls-private-key FILE --tls-authorities FILE"
            ));
        };
        let pin = match self.pinned_sha256.as_deref().map(Fingerprint::parse) {
            Some(None) => return Err("--pinned-sha256 takes 64 hexadecimal digits".to_owned()),
            Some(pin) => pin,
            None => None,
        };
        let paths = Paths { certificate, private_key, authorities };
        let (identity, mut findings) = Identity::load(&paths, Timestamp::now());
        findings.retain(|finding| link.dnp3().is_none() || !finding.role);
        let of = |severity: Severity| {
            findings.iter().filter(move |f| f.severity == severity).map(|f| f.words.clone())
        };
        let Some(identity) = identity else {
            return Err(of(Severity::Fault).collect::<Vec<_>>().join("\n"));
        };
        let name = self.server_name.as_deref().unwrap_or(host);
        let client = identity.client(name, pin).map_err(|why| format!("{why}; set --server-name"))?;
        let warnings = of(Severity::Lapsed).chain(of(Severity::Warning));
        Ok((Some(client), warnings.map(|words| format!("warning: {words}")).collect()))
    }
}

#[cfg(test)]
mod tests;
