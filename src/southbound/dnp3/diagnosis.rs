//! Why a channel does not stand, in words for an operator: the stack only logs it. One connection of our own while the channel
//! is down, bounded in time; it sends nothing but a TLS handshake.

use super::channel::{Carrier, Place};
use crate::southbound::tls::Client;
use std::io;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a device may take to end a session whose certificate it does not like.
const VERDICT: Duration = Duration::from_secs(1);

/// Tries each end point once. `None`: nothing is wrong any more.
pub async fn of(place: &Place, tls: Option<&Client>, limit: Duration) -> Option<String> {
    match &place.carrier {
        Carrier::Tcp { ends } => {
            let mut words = Vec::new();
            for (host, port) in ends {
                words.push((host, port, dial(host, *port, limit).await.err()?));
            }
            Some(join(&words))
        }
        Carrier::Tls { ends } => {
            let mut words = Vec::new();
            for (host, port) in ends {
                words.push((host, port, secure(host, *port, tls, limit).await?));
            }
            Some(join(&words))
        }
        Carrier::Serial { path, serial } => serial_port(path, serial.baud),
    }
}

fn join(words: &[(&String, &u16, String)]) -> String {
    match words {
        [(_, _, only)] => only.clone(),
        many => {
            let each: Vec<String> =
                many.iter().map(|(host, port, why)| format!("{host}:{port}: {why}")).collect();
            each.join("; ")
        }
    }
}

async fn dial(host: &str, port: u16, limit: Duration) -> Result<TcpStream, String> {
    match timeout(limit, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(connecting(&error)),
        Err(_) => {
            Err("no answer to the connection request in time: is the device on, and the way to it open?"
                .to_owned())
        }
    }
}

/// Why a connection was not made.
fn connecting(error: &io::Error) -> String {
    use io::ErrorKind as K;
    match error.kind() {
        K::ConnectionRefused => {
            "connection refused: nothing listens on this port, or the device allows no more sessions"
                .to_owned()
        }
        K::TimedOut => {
            "no answer to the connection request in time: is the device on, and the way to it open?"
                .to_owned()
        }
        K::HostUnreachable | K::NetworkUnreachable => "no route to the device".to_owned(),
        K::ConnectionReset => {
            "the device cut the connection off at once: another client may hold the only session".to_owned()
        }
        // What the name service says has no kind of its own.
        _ if error.raw_os_error().is_none() => format!("the host name cannot be resolved: {error}"),
        _ => format!("cannot connect: {error}"),
    }
}

async fn secure(host: &str, port: u16, tls: Option<&Client>, limit: Duration) -> Option<String> {
    let stream = match dial(host, port, limit).await {
        Ok(stream) => stream,
        Err(words) => return Some(words),
    };
    let Some(client) = tls else { return Some(super::tls::NoTls::NoIdentity.to_string()) };
    let mut session = match client.secure(stream, limit).await {
        Ok(session) => session,
        Err(fault) => return Some(fault.to_string()),
    };
    // A device with TLS 1.3 judges our certificate after the handshake; an outstation has nothing to say before it is asked.
    let version = session.get_ref().1.protocol_version();
    let error = match timeout(VERDICT, session.read_u8()).await {
        Ok(Err(error)) => error,
        Ok(Ok(_)) | Err(_) => return None,
    };
    client.first_request_failed(&error, version).map(|fault| fault.to_string())
}

fn serial_port(path: &str, baud: u32) -> Option<String> {
    let error = tokio_serial::new(path, baud).timeout(Duration::ZERO).open_native().err()?;
    Some(match error.kind() {
        tokio_serial::ErrorKind::NoDevice => {
            format!("the serial port {path} is not there, or another program has it")
        }
        tokio_serial::ErrorKind::Io(io::ErrorKind::NotFound) => {
            format!("the serial port {path} is not there")
        }
        tokio_serial::ErrorKind::Io(io::ErrorKind::PermissionDenied) => {
            format!(
                "the gateway may not open the serial port {path}: is its user in the group of the port (mostly dialout)?"
            )
        }
        _ => format!("the serial port {path} cannot be opened: {error}"),
    })
}
