//! Why a channel does not stand, in words for an operator: the stack only logs it. One connection of our own while the channel
//! is down, bounded in time; it sends nothing but a TLS handshake.

use super::channel::{Carrier, Place};
use crate::southbound::tls::{Client, Fault, Kind};
use std::io;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a device may take to end a session whose certificate it does not like.
const VERDICT: Duration = Duration::from_secs(1);

/// Nothing listens: a definite word.
const REFUSED: &str =
    "connection refused: nothing listens on this port, or the device allows no more sessions";

/// True if these words, of [`of`], say that all end points refuse the connection.
pub fn is_refusal(words: &str) -> bool {
    words.split("; ").all(|one| one.ends_with(REFUSED))
}

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// For an operator.
    pub words: String,
    /// It is no silence: somebody answered and turned us away, or our own side is in the way.
    pub refuses: bool,
}

impl Cause {
    const fn silence(words: String) -> Self {
        Self { words, refuses: false }
    }
}

/// Tries each end point once. `None`: nothing is wrong any more.
pub async fn of(place: &Place, tls: Option<&Client>, limit: Duration) -> Option<String> {
    cause(place, tls, limit).await.map(|cause| cause.words)
}

/// The same, with what kind of cause it is.
pub async fn cause(place: &Place, tls: Option<&Client>, limit: Duration) -> Option<Cause> {
    match &place.carrier {
        Carrier::Tcp { ends } => {
            let mut causes = Vec::new();
            for (host, port) in ends {
                causes.push((host, port, Cause::silence(dial(host, *port, limit).await.err()?)));
            }
            Some(join(&causes))
        }
        Carrier::Tls { ends } => {
            let mut causes = Vec::new();
            for (host, port) in ends {
                causes.push((host, port, secure(host, *port, tls, limit).await?));
            }
            Some(join(&causes))
        }
        Carrier::Serial { path, serial } => {
            serial_port(path, serial.baud).map(|words| Cause { words, refuses: true })
        }
    }
}

fn join(causes: &[(&String, &u16, Cause)]) -> Cause {
    let words = match causes {
        [(_, _, only)] => only.words.clone(),
        many => {
            let each: Vec<String> =
                many.iter().map(|(host, port, why)| format!("{host}:{port}: {}", why.words)).collect();
            each.join("; ")
        }
    };
    Cause { words, refuses: causes.iter().any(|(_, _, cause)| cause.refuses) }
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
        K::ConnectionRefused => REFUSED.to_owned(),
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

async fn secure(host: &str, port: u16, tls: Option<&Client>, limit: Duration) -> Option<Cause> {
    let stream = match dial(host, port, limit).await {
        Ok(stream) => stream,
        Err(words) => return Some(Cause::silence(words)),
    };
    let Some(client) = tls else {
        return Some(Cause { words: super::tls::NoTls::NoIdentity.to_string(), refuses: true });
    };
    let of_fault = |fault: Fault| Cause { refuses: fault.kind != Kind::Silent, words: fault.to_string() };
    let mut session = match client.secure(stream, limit).await {
        Ok(session) => session,
        Err(fault) => return Some(of_fault(fault)),
    };
    // A device with TLS 1.3 judges our certificate after the handshake; an outstation has nothing to say before it is asked.
    let version = session.get_ref().1.protocol_version();
    let error = match timeout(VERDICT, session.read_u8()).await {
        Ok(Err(error)) => error,
        Ok(Ok(_)) | Err(_) => return None,
    };
    client.first_request_failed(&error, version).map(of_fault)
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
