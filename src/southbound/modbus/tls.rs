//! The stream of a connection, in the clear or inside TLS, so that the bus need not care which.

use super::{ConnectFault, Endpoint, Exception};
use crate::southbound::tls::{Client, Fault, Kind, Role};
use std::fmt::Debug;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ProtocolVersion;

/// What frames go over.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Debug> Wire for T {}

/// What must be known of a TLS session after it was made.
#[derive(Clone, Debug)]
pub struct Secured {
    client: Client,
    version: Option<ProtocolVersion>,
}

/// Makes the TLS session of an endpoint that has one; leaves others as they are.
pub async fn secure(
    stream: TcpStream,
    endpoint: &Endpoint,
    limit: Duration,
) -> Result<(Box<dyn Wire>, Option<Secured>), ConnectFault> {
    if !matches!(endpoint, Endpoint::Tls { .. }) {
        return Ok((Box::new(stream), None));
    }
    let Some(client) = endpoint.client().cloned() else {
        let words =
            "this link needs a certificate to show to the device; set [southbound.tls] in gateway.toml";
        return Err(ConnectFault::Tls(Fault::new(Kind::NoIdentity, words)));
    };
    let stream = client.secure(stream, limit).await.map_err(ConnectFault::Tls)?;
    let version = stream.get_ref().1.protocol_version();
    Ok((Box::new(stream), Some(Secured { client, version })))
}

impl Secured {
    /// What the failure of the first request means, if it has to do with TLS.
    pub fn first_request_failed(&self, error: &io::Error) -> Option<ConnectFault> {
        self.client.first_request_failed(error, self.version).map(ConnectFault::Tls)
    }

    /// What an exception to a read means, if it says that our certificate has no right at all. Every role that SunSpec
    /// knows may read everything.
    pub fn may_not_read(&self, exception: Exception) -> Option<ConnectFault> {
        let words = match self.client.role() {
            _ if exception != Exception::ILLEGAL_FUNCTION => return None,
            role if role.is_known() => return None,
            role @ Role::Named(_) => format!(
                "the device answers exception 1 to a read: it does not know the client certificate role {role}"
            ),
            Role::Missing(why) => format!(
                "the device answers exception 1 to a read: the client certificate has no role ({why})"
            ),
        };
        Some(ConnectFault::Tls(Fault::new(Kind::NotAuthorised, words)))
    }
}

#[cfg(test)]
mod tests;
