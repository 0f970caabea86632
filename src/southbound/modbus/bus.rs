//! One TCP connection to one Modbus server, made when needed and dropped at the first doubt.
//!
//! After a time-out a late answer may still come; after a broken frame nothing in the stream can be trusted. So every
//! error but an exception drops the connection, and so does a request that is given up half-way. The peer then gets a
//! reset, so that a device with one session frees it at once.

use super::tls::{Secured, secure};
use super::{BusError, ConnectFault, Endpoint, Exception};
use crate::backoff::Backoff;
use std::borrow::Cow;
use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_modbus::client::{Client, Context, tcp};
use tokio_modbus::slave::{Slave, SlaveContext};
use tokio_modbus::{ProtocolError, Request, Response};

/// Most registers in one read (Modbus application protocol 6.3).
const MAX_READ: u16 = 125;
/// Most registers in one write (Modbus application protocol 6.12).
const MAX_WRITE: u16 = 123;

/// First and longest wait after a fault that stays until somebody changes a certificate or a setting. The first wait
/// is between half of and the whole of the first bound.
const LASTING: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));

/// One unit behind a connection, and how it wants to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Unit id.
    pub unit: u8,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for an answer.
    pub response_timeout: Duration,
    /// Pause after the answer before.
    pub inter_request: Duration,
}

struct Session {
    context: Context,
    /// The limit of the answer that is waited for. Kept and moved on, because a timer that only moves on costs nothing,
    /// and a new one for each request costs as much as the request.
    limit: Pin<Box<Sleep>>,
    unit: u8,
    /// True once anything was answered.
    proven: bool,
    last: Option<Instant>,
    /// Its TLS session, if it has one.
    secured: Option<Secured>,
}

/// A connection that may or may not be up.
pub struct Bus {
    endpoint: Endpoint,
    session: Option<Session>,
    backoff: Backoff,
    /// The same after faults that last.
    patience: Backoff,
    /// No new attempt before, and why the last one failed.
    wait: Option<Wait>,
}

struct Wait {
    until: Instant,
    fault: ConnectFault,
    /// The unit that did not answer on a connection that stands: the others behind it need not wait for it.
    only: Option<u8>,
}

impl Wait {
    fn concerns(&self, unit: u8) -> bool {
        self.only.is_none_or(|only| only == unit)
    }
}

impl Bus {
    /// A connection that is made at the first request.
    #[must_use]
    pub const fn new(endpoint: Endpoint) -> Self {
        let patience = Backoff::new(LASTING.0, LASTING.1);
        Self { endpoint, session: None, backoff: Backoff::field(), patience, wait: None }
    }

    /// When a connection will be tried again for a unit; `None` if nothing stands against it now.
    #[must_use]
    pub fn retry_at(&self, unit: u8) -> Option<Instant> {
        self.wait.as_ref().filter(|wait| wait.concerns(unit)).map(|wait| wait.until)
    }

    /// Reads holding registers (FC 3).
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn read(&mut self, peer: &Peer, address: u16, quantity: u16) -> Result<Vec<u16>, BusError> {
        if quantity == 0 || quantity > MAX_READ {
            return Err(BusError::NotSent("a read takes 1 to 125 registers"));
        }
        if u32::from(address) + u32::from(quantity) > 0x1_0000 {
            return Err(BusError::NotSent("a read ends at register 65535"));
        }
        self.call(peer, Request::ReadHoldingRegisters(address, quantity), |answer| match answer {
            Response::ReadHoldingRegisters(words) if words.len() == usize::from(quantity) => Ok(words),
            Response::ReadHoldingRegisters(words) => {
                Err(format!("asked for {quantity} registers at {address}, got {}", words.len()))
            }
            other => Err(format!("asked for registers, got {other:?}")),
        })
        .await
    }

    /// Writes holding registers (FC 16).
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn write(&mut self, peer: &Peer, address: u16, words: &[u16]) -> Result<(), BusError> {
        let quantity = u16::try_from(words.len()).unwrap_or(u16::MAX);
        if quantity == 0 || quantity > MAX_WRITE {
            return Err(BusError::NotSent("a write takes 1 to 123 registers"));
        }
        if u32::from(address) + u32::from(quantity) > 0x1_0000 {
            return Err(BusError::NotSent("a write ends at register 65535"));
        }
        let request = Request::WriteMultipleRegisters(address, Cow::Borrowed(words));
        self.call(peer, request, |answer| match answer {
            Response::WriteMultipleRegisters(at, n) if (at, n) == (address, quantity) => Ok(()),
            other => Err(format!("wrote {quantity} registers at {address}, the echo is {other:?}")),
        })
        .await
    }

    /// Writes one holding register (FC 6). The echoed value is not compared: some servers echo what they stored, and
    /// the read-back says that better.
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn write_single(&mut self, peer: &Peer, address: u16, word: u16) -> Result<(), BusError> {
        self.call(peer, Request::WriteSingleRegister(address, word), |answer| match answer {
            Response::WriteSingleRegister(at, _) if at == address => Ok(()),
            other => Err(format!("wrote register {address}, the echo is {other:?}")),
        })
        .await
    }

    async fn call<T>(
        &mut self,
        peer: &Peer,
        request: Request<'_>,
        accept: impl FnOnce(Response) -> Result<T, String>,
    ) -> Result<T, BusError> {
        // Taken out, so that a request given up half-way leaves no session behind.
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.connect(peer).await?,
        };
        if session.unit != peer.unit {
            session.context.set_slave(Slave(peer.unit));
            session.unit = peer.unit;
        }
        if let Some(last) = session.last
            && !peer.inter_request.is_zero()
        {
            sleep_until(last + peer.inter_request).await;
        }
        let reads = matches!(request, Request::ReadHoldingRegisters(..));
        session.limit.as_mut().reset(Instant::now() + peer.response_timeout);
        let result = tokio::select! {
            biased;
            answer = session.context.call(request) => Some(answer),
            () = session.limit.as_mut() => None,
        };
        if !peer.inter_request.is_zero() {
            session.last = Some(Instant::now());
        }
        let fault = match result {
            Some(Ok(Ok(answer))) => match accept(answer) {
                Ok(value) => {
                    self.keep(session);
                    return Ok(value);
                }
                Err(what) => BusError::BadAnswer(what),
            },
            Some(Ok(Err(code))) => {
                let exception = Exception(code.into());
                let secured = session.secured.as_ref().filter(|_| reads);
                match secured.and_then(|secured| secured.may_not_read(exception)) {
                    Some(fault) => BusError::Connect(fault),
                    None => {
                        self.keep(session);
                        return Err(BusError::Refused(exception));
                    }
                }
            }
            Some(Err(error)) => broken(&error, &session),
            None => BusError::TimedOut(peer.response_timeout),
        };
        if !session.proven {
            match &fault {
                BusError::Connect(reason) => self.put_off(reason.clone(), None),
                _ => self.put_off(ConnectFault::Mute, Some(peer.unit)),
            }
        }
        Err(fault)
    }

    fn keep(&mut self, mut session: Session) {
        if !session.proven {
            session.proven = true;
            self.backoff.reset();
            self.patience.reset();
        }
        self.session = Some(session);
    }

    /// No new attempt for a while.
    fn put_off(&mut self, fault: ConnectFault, only: Option<u8>) {
        let delay = if fault.lasts() { self.patience.next_delay() } else { self.backoff.next_delay() };
        self.wait = Some(Wait { until: Instant::now() + delay, fault, only });
    }

    async fn connect(&mut self, peer: &Peer) -> Result<Session, BusError> {
        if let Some(wait) = self.wait.as_ref().filter(|wait| wait.concerns(peer.unit)) {
            if Instant::now() < wait.until {
                return Err(BusError::Connect(wait.fault.clone()));
            }
            self.wait = None;
        }
        let opened = match timeout(peer.connect_timeout, open(&self.endpoint)).await {
            Ok(opened) => opened,
            Err(_) => Err(ConnectFault::TimedOut),
        };
        // A small device may take a while over the signatures of a handshake.
        let limit = peer.connect_timeout + peer.response_timeout;
        let opened = match opened {
            Ok(stream) => secure(stream, &self.endpoint, limit).await,
            Err(fault) => Err(fault),
        };
        match opened {
            Ok((stream, secured)) => {
                let context = tcp::attach_slave(stream, Slave(peer.unit));
                let limit = Box::pin(sleep_until(Instant::now()));
                Ok(Session { context, limit, unit: peer.unit, proven: false, last: None, secured })
            }
            Err(fault) => {
                self.put_off(fault.clone(), None);
                Err(BusError::Connect(fault))
            }
        }
    }
}

/// What a failed call means. tokio-modbus reports the end of the stream with a meaningless text of the system.
fn broken(error: &tokio_modbus::Error, session: &Session) -> BusError {
    let secured = session.secured.as_ref().filter(|_| !session.proven);
    match error {
        // Without the answer itself: it may be a hundred registers long.
        tokio_modbus::Error::Protocol(ProtocolError::HeaderMismatch { message, .. }) => {
            BusError::BadAnswer(format!("mismatching headers: {}", message.trim()))
        }
        tokio_modbus::Error::Protocol(ProtocolError::FunctionCodeMismatch { request, .. }) => {
            BusError::BadAnswer(format!("not an answer to {request}"))
        }
        tokio_modbus::Error::Transport(fault) => {
            match secured.and_then(|secured| secured.first_request_failed(fault)) {
                Some(fault) => BusError::Connect(fault),
                None if fault.kind() == io::ErrorKind::InvalidData => BusError::BadAnswer(fault.to_string()),
                None if session.proven => BusError::Closed,
                None => BusError::Connect(ConnectFault::AcceptedThenReset),
            }
        }
    }
}

async fn open(endpoint: &Endpoint) -> Result<TcpStream, ConnectFault> {
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

#[cfg(test)]
mod tests;
