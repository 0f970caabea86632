//! One connection to one Modbus server, or one serial line, made when needed.
//!
//! Over TCP it is dropped at the first doubt: after a time-out a late answer may still come; after a broken frame
//! nothing in the stream can be trusted. So every error but an exception drops the connection, and so does a request
//! that is given up half-way. The peer then gets a reset, so that a device with one session frees it at once. A serial
//! port is kept, and its doubts are `serial`'s matter.

use super::patience::Patience;
use super::pdu::{self, Asked};
use super::serial::SerialLine;
use super::tls::{Secured, secure};
use super::wire::{Broken, NOT_KNOWN, Wire};
use super::{BusError, ConnectFault, Endpoint, Exception, trace};
use crate::backoff::Backoff;
use std::borrow::Cow;
use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_modbus::{Request, Response};

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
    /// Pause after the answer before; on a serial line beside the silence between frames.
    pub inter_request: Duration,
    /// The device closes a TCP connection that was idle for so long.
    pub idle_limit: Option<Duration>,
    /// Its TCP answers may bear wrong unit and transaction ids.
    pub lenient: bool,
}

struct Session {
    wire: Wire,
    /// The limit of the answer that is waited for. Kept and moved on, because a timer that only moves on costs nothing,
    /// and a new one for each request costs as much as the request.
    limit: Pin<Box<Sleep>>,
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
    line: Option<SerialLine>,
    backoff: Backoff,
    /// The same after faults that last.
    lasting: Backoff,
    /// No new attempt before, and why the last one failed.
    wait: Option<(Instant, ConnectFault)>,
    /// Units that did not answer on a connection that stands: the others behind it need not wait for them.
    patience: Patience,
    /// A peer with leniency was served: connections are framed by us from now on.
    lenient: bool,
    /// The unit that answered last.
    answered: Option<u8>,
    /// What can be read again to keep a connection up.
    proven_read: Option<(Peer, u16)>,
    /// Makes connections within the process.
    #[cfg(any(test, fuzzing))]
    dial: Option<Dial>,
}

/// Makes a connection within the process, so that virtual time works.
#[cfg(any(test, fuzzing))]
pub type Dial = Box<dyn Fn() -> Box<dyn super::Stream> + Send + Sync>;

/// Time-outs in a row that a unit is granted before it is asked less often.
const BORNE: u32 = 2;

impl Bus {
    /// A connection that is made at the first request.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        let line = match &endpoint {
            Endpoint::Serial { path, serial } => Some(SerialLine::new(path, *serial)),
            Endpoint::Tcp { .. } | Endpoint::Tls { .. } => None,
        };
        // A line is shared by many, and each time-out costs all of them.
        let first = Duration::from_secs(if line.is_some() { 8 } else { 1 });
        Self {
            endpoint,
            session: None,
            line,
            backoff: Backoff::field(),
            lasting: Backoff::new(LASTING.0, LASTING.1),
            wait: None,
            patience: Patience::new(first),
            lenient: false,
            answered: None,
            proven_read: None,
            #[cfg(any(test, fuzzing))]
            dial: None,
        }
    }

    /// Connections that are made within the process.
    #[cfg(any(test, fuzzing))]
    #[must_use]
    pub fn dialling(dial: Dial) -> Self {
        Self { dial: Some(dial), ..Self::new(Endpoint::Tcp { host: String::new(), port: 0 }) }
    }

    /// A serial line over something that is no port.
    #[cfg(any(test, fuzzing))]
    pub fn over(port: Box<dyn super::Stream>, serial: crate::device_map::SerialOptions) -> Self {
        let mut bus = Self::new(Endpoint::Serial { path: String::new(), serial });
        bus.line = Some(SerialLine::over(port, serial));
        bus
    }

    /// When a connection will be tried again for a unit; `None` if nothing stands against it now.
    #[must_use]
    pub fn retry_at(&self, unit: u8) -> Option<Instant> {
        self.wait.as_ref().map(|(until, _)| *until).max(self.patience.until(unit))
    }

    /// Since when a connection that its device would close is idle; `None` if there is none.
    #[must_use]
    pub fn idle_since(&self) -> Option<Instant> {
        self.proven_read.and(self.session.as_ref()?.last)
    }

    /// Reads something again, so that the device does not close the connection.
    pub async fn keep_alive(&mut self) {
        if let Some((peer, address)) = self.proven_read {
            // Whoever asks next learns of a failure.
            let _ = self.read(&peer, address, 2).await;
        }
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
        let words = self
            .call(peer, Request::ReadHoldingRegisters(address, quantity), |answer| match answer {
                Response::ReadHoldingRegisters(words) if words.len() == usize::from(quantity) => Ok(words),
                Response::ReadHoldingRegisters(words) => {
                    Err(format!("asked for {quantity} registers at {address}, got {}", words.len()))
                }
                other => Err(format!("asked for registers, got {other:?}")),
            })
            .await?;
        if peer.idle_limit.is_some() && quantity >= 2 {
            self.proven_read = Some((*peer, address));
        }
        Ok(words)
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
        if self.patience.until(peer.unit).is_some_and(|until| Instant::now() < until) {
            let serial = self.line.is_some();
            return Err(BusError::Connect(if serial {
                ConnectFault::UnitSilent
            } else {
                ConnectFault::Mute
            }));
        }
        if self.line.is_some() {
            self.call_line(peer, &request, accept).await
        } else {
            self.call_session(peer, request, accept).await
        }
    }

    /// Over a serial line.
    async fn call_line<T>(
        &mut self,
        peer: &Peer,
        request: &Request<'_>,
        accept: impl FnOnce(Response) -> Result<T, String>,
    ) -> Result<T, BusError> {
        self.may_connect()?;
        let Some(line) = &mut self.line else { return Err(BusError::Closed) };
        let Some(asked) = Asked::of(request) else { return Err(NOT_KNOWN) };
        if let Err(fault) = line.open(peer.connect_timeout).await {
            self.put_off(fault.clone());
            return Err(BusError::Connect(fault));
        }
        trace::asked(peer.unit, request);
        let answer = line.call(peer, &asked).await;
        trace::answered_pdu(peer.unit, &answer);
        let result = match answer {
            Ok(pdu) => judge(&pdu, accept),
            Err(fault) => Err(fault),
        };
        match &result {
            Ok(_) | Err(BusError::Refused(_)) => {
                self.patience.answered(peer.unit);
                self.backoff.reset();
            }
            Err(BusError::TimedOut(_) | BusError::BadAnswer(_)) => {
                self.patience.missed(peer.unit, Instant::now(), BORNE);
            }
            Err(_) => {}
        }
        result
    }

    /// Over TCP.
    async fn call_session<T>(
        &mut self,
        peer: &Peer,
        request: Request<'_>,
        accept: impl FnOnce(Response) -> Result<T, String>,
    ) -> Result<T, BusError> {
        self.lenient |= peer.lenient;
        // Taken out, so that a request given up half-way leaves no session behind.
        let mut session = match self.session.take().filter(|session| session.wire.suits(peer)) {
            Some(session) => session,
            None => self.connect(peer).await?,
        };
        let timed = !peer.inter_request.is_zero() || peer.idle_limit.is_some();
        if let Some(last) = session.last
            && !peer.inter_request.is_zero()
        {
            sleep_until(last + peer.inter_request).await;
        }
        let reads = matches!(request, Request::ReadHoldingRegisters(..));
        let function = trace::asked(peer.unit, &request);
        session.limit.as_mut().reset(Instant::now() + peer.response_timeout);
        let result = tokio::select! {
            biased;
            answer = session.wire.call(peer, request) => Some(answer),
            () = session.limit.as_mut() => None,
        };
        trace::answered(peer.unit, function, result.as_ref());
        if timed {
            session.last = Some(Instant::now());
        }
        let fault = match result {
            Some(Ok(Ok(answer))) => match accept(answer) {
                Ok(value) => {
                    self.keep(session, peer);
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
                        self.keep(session, peer);
                        return Err(BusError::Refused(exception));
                    }
                }
            }
            Some(Err(Broken::Wrong(what))) => BusError::BadAnswer(what),
            Some(Err(Broken::Failed(error))) => failed(&error, &session),
            None => BusError::TimedOut(peer.response_timeout),
        };
        match &fault {
            // Some gateways hang up on a unit that they do not know; that is no reason for the others to wait.
            BusError::Connect(_) if self.answered.is_some_and(|unit| unit != peer.unit) => {
                self.patience.missed(peer.unit, Instant::now(), 0);
            }
            BusError::Connect(reason) => self.put_off(reason.clone()),
            // On a fresh connection there is nothing else that it could be.
            _ if !session.proven => self.patience.missed(peer.unit, Instant::now(), 0),
            BusError::TimedOut(_) => self.patience.missed(peer.unit, Instant::now(), BORNE),
            _ => {}
        }
        Err(fault)
    }

    fn keep(&mut self, mut session: Session, peer: &Peer) {
        if !session.proven {
            session.proven = true;
            self.backoff.reset();
            self.lasting.reset();
        }
        self.patience.answered(peer.unit);
        self.answered = Some(peer.unit);
        self.session = Some(session);
    }

    /// No new attempt for a while.
    fn put_off(&mut self, fault: ConnectFault) {
        let delay = if fault.lasts() { self.lasting.next_delay() } else { self.backoff.next_delay() };
        self.wait = Some((Instant::now() + delay, fault));
    }

    /// Nothing stands against a new attempt to connect.
    fn may_connect(&mut self) -> Result<(), BusError> {
        match &self.wait {
            Some((until, fault)) if Instant::now() < *until => Err(BusError::Connect(fault.clone())),
            _ => {
                self.wait = None;
                Ok(())
            }
        }
    }

    async fn connect(&mut self, peer: &Peer) -> Result<Session, BusError> {
        self.may_connect()?;
        #[cfg(any(test, fuzzing))]
        if let Some(dial) = &self.dial {
            let wire = Wire::new(dial(), peer.unit, self.lenient);
            let limit = Box::pin(sleep_until(Instant::now()));
            return Ok(Session { wire, limit, proven: false, last: None, secured: None });
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
                let wire = Wire::new(stream, peer.unit, self.lenient);
                let limit = Box::pin(sleep_until(Instant::now()));
                Ok(Session { wire, limit, proven: false, last: None, secured })
            }
            Err(fault) => {
                self.put_off(fault.clone());
                Err(BusError::Connect(fault))
            }
        }
    }
}

/// What the end of a connection means.
fn failed(error: &io::Error, session: &Session) -> BusError {
    let secured = session.secured.as_ref().filter(|_| !session.proven);
    match secured.and_then(|secured| secured.first_request_failed(error)) {
        Some(fault) => BusError::Connect(fault),
        None if error.kind() == io::ErrorKind::InvalidData => BusError::BadAnswer(error.to_string()),
        None if session.proven => BusError::Closed,
        None => BusError::Connect(ConnectFault::AcceptedThenReset),
    }
}

/// What an answer framed by us means.
fn judge<T>(pdu: &[u8], accept: impl FnOnce(Response) -> Result<T, String>) -> Result<T, BusError> {
    match pdu::decode(pdu) {
        Some(Ok(answer)) => accept(answer).map_err(BusError::BadAnswer),
        Some(Err(code)) => Err(BusError::Refused(Exception(code.into()))),
        None => Err(BusError::BadAnswer("an answer that cannot be read".to_owned())),
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
