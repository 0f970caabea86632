//! Makes the TCP connection of an endpoint, and says why there is none. Limits of time are the bus's.

use super::{ConnectFault, Endpoint};
use std::io;
use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// Connects to the first address that answers.
///
/// # Errors
/// Why none does.
pub async fn open(endpoint: &Endpoint) -> Result<TcpStream, ConnectFault> {
    let host = match endpoint {
        Endpoint::Tcp { host, port } | Endpoint::Tls { host, port, .. } => (host.as_str(), *port),
        Endpoint::Serial { .. } => {
            return Err(ConnectFault::Other(io::ErrorKind::Unsupported));
        }
    };
    let addresses = lookup_host(host).await.map_err(|_| ConnectFault::NotResolved)?;
    let mut fault = ConnectFault::NotResolved;
    for address in addresses {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let opened = async {
            let socket = socket?;
            socket.set_keepalive(true)?;
            let stream = socket.connect(address).await?;
            stream.set_nodelay(true)?;
            stream.set_zero_linger()?;
            io::Result::Ok(stream)
        };
        match opened.await {
            Ok(stream) => return Ok(stream),
            Err(error) => fault = fault_of(error.kind()),
        }
    }
    Err(fault)
}

const fn fault_of(kind: io::ErrorKind) -> ConnectFault {
    match kind {
        io::ErrorKind::ConnectionRefused => ConnectFault::Refused,
        io::ErrorKind::TimedOut => ConnectFault::TimedOut,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => ConnectFault::Unreachable,
        io::ErrorKind::ConnectionReset => ConnectFault::AcceptedThenReset,
        other => ConnectFault::Other(other),
    }
}
