//! One TCP connection to one Modbus server, made when needed and dropped at the first doubt.
//!
//! After a time-out a late answer may still come; after a broken frame nothing in the stream can be trusted. So every
//! error but an exception drops the connection, and so does a request that is given up half-way. The peer then gets a
//! reset, so that a device with one session frees it at once.

use super::{BusError, ConnectFault, Endpoint, Exception, trace};
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
}

/// A connection that may or may not be up.
pub struct Bus {
    endpoint: Endpoint,
    session: Option<Session>,
    backoff: Backoff,
    /// No new attempt before, and why the last one failed.
    wait: Option<Wait>,
}

#[derive(Clone, Copy)]
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
        Self { endpoint, session: None, backoff: Backoff::field(), wait: None }
    }

    /// When a connection will be tried again for a unit; `None` if nothing stands against it now.
    #[must_use]
    pub fn retry_at(&self, unit: u8) -> Option<Instant> {
        self.wait.filter(|wait| wait.concerns(unit)).map(|wait| wait.until)
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

    /// Reads input registers (FC 4).
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn read_input(
        &mut self,
        peer: &Peer,
        address: u16,
        quantity: u16,
    ) -> Result<Vec<u16>, BusError> {
        if quantity == 0 || quantity > MAX_READ {
            return Err(BusError::NotSent("a read takes 1 to 125 registers"));
        }
        if u32::from(address) + u32::from(quantity) > 0x1_0000 {
            return Err(BusError::NotSent("a read ends at register 65535"));
        }
        self.call(peer, Request::ReadInputRegisters(address, quantity), |answer| match answer {
            Response::ReadInputRegisters(words) if words.len() == usize::from(quantity) => Ok(words),
            Response::ReadInputRegisters(words) => {
                Err(format!("asked for {quantity} input registers at {address}, got {}", words.len()))
            }
            other => Err(format!("asked for input registers, got {other:?}")),
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
        let function = trace::asked(peer.unit, &request);
        session.limit.as_mut().reset(Instant::now() + peer.response_timeout);
        let result = tokio::select! {
            biased;
            answer = session.context.call(request) => Some(answer),
            () = session.limit.as_mut() => None,
        };
        trace::answered(peer.unit, function, result.as_ref());
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
                self.keep(session);
                return Err(BusError::Refused(Exception(code.into())));
            }
            Some(Err(error)) => broken(&error, session.proven),
            None => BusError::TimedOut(peer.response_timeout),
        };
        if !session.proven {
            let (fault, only) = match &fault {
                BusError::Connect(reason) => (*reason, None),
                _ => (ConnectFault::Mute, Some(peer.unit)),
            };
            self.wait = Some(Wait { until: Instant::now() + self.backoff.next_delay(), fault, only });
        }
        Err(fault)
    }

    fn keep(&mut self, mut session: Session) {
        if !session.proven {
            session.proven = true;
            self.backoff.reset();
        }
        self.session = Some(session);
    }

    async fn connect(&mut self, peer: &Peer) -> Result<Session, BusError> {
        if let Some(wait) = self.wait.filter(|wait| wait.concerns(peer.unit)) {
            if Instant::now() < wait.until {
                return Err(BusError::Connect(wait.fault));
            }
            self.wait = None;
        }
        let opened = match timeout(peer.connect_timeout, open(&self.endpoint)).await {
            Ok(opened) => opened,
            Err(_) => Err(ConnectFault::TimedOut),
        };
        match opened {
            Ok(stream) => {
                let context = tcp::attach_slave(stream, Slave(peer.unit));
                let limit = Box::pin(sleep_until(Instant::now()));
                Ok(Session { context, limit, unit: peer.unit, proven: false, last: None })
            }
            Err(fault) => {
                self.wait =
                    Some(Wait { until: Instant::now() + self.backoff.next_delay(), fault, only: None });
                Err(BusError::Connect(fault))
            }
        }
    }
}

/// What a failed call means. tokio-modbus reports the end of the stream with a meaningless text of the system.
fn broken(error: &tokio_modbus::Error, proven: bool) -> BusError {
    match error {
        // Without the answer itself: it may be a hundred registers long.
        tokio_modbus::Error::Protocol(ProtocolError::HeaderMismatch { message, .. }) => {
            BusError::BadAnswer(format!("mismatching headers: {}", message.trim()))
        }
        tokio_modbus::Error::Protocol(ProtocolError::FunctionCodeMismatch { request, .. }) => {
            BusError::BadAnswer(format!("not an answer to {request}"))
        }
        tokio_modbus::Error::Transport(fault) if fault.kind() == io::ErrorKind::InvalidData => {
            BusError::BadAnswer(fault.to_string())
        }
        tokio_modbus::Error::Transport(_) if proven => BusError::Closed,
        tokio_modbus::Error::Transport(_) => BusError::Connect(ConnectFault::AcceptedThenReset),
    }
}

async fn open(endpoint: &Endpoint) -> Result<TcpStream, ConnectFault> {
    let host = match endpoint {
        Endpoint::Tcp { host, port } => (host.as_str(), *port),
        Endpoint::Tls { .. } | Endpoint::Serial { .. } => {
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
