//! One connection to one Modbus server, or one serial line, made when needed.
//!
//! Over TCP it is dropped at the first doubt: after a time-out a late answer may still come; after a broken frame
//! nothing in the stream can be trusted. So every error but an exception drops the connection, and so does a request
//! that is given up half-way. The peer then gets a reset, so that a device with one session frees it at once. A serial
//! port is kept, and its doubts are `serial`'s matter.

use super::dial::open;
#[cfg(any(test, fuzzing))]
mod inside;

#[cfg(any(test, fuzzing))]
pub use inside::Dial;

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
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
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
    /// True once anything but exception 1 was answered.
    served: bool,
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
    proven_read: Option<Proven>,
    /// Told once there is such a thing.
    proof: Arc<Notify>,
    /// Makes connections within the process.
    #[cfg(any(test, fuzzing))]
    dial: Option<Dial>,
}

/// Two registers that were read.
#[derive(Clone, Copy)]
struct Proven {
    peer: Peer,
    table: Table,
    address: u16,
}

/// One of the two tables of registers.
#[derive(Clone, Copy)]
enum Table {
    Holding,
    Input,
}

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
            proof: Arc::new(Notify::new()),
            #[cfg(any(test, fuzzing))]
            dial: None,
        }
    }

    /// When a connection will be tried again for a unit; `None` if nothing stands against it now.
    #[must_use]
    pub fn retry_at(&self, unit: u8) -> Option<Instant> {
        self.wait.as_ref().map(|(until, _)| *until).max(self.patience.until(unit))
    }

    /// Is told once the connection is to be kept up.
    #[must_use]
    pub fn proof(&self) -> Arc<Notify> {
        self.proof.clone()
    }

    /// How long its device bears an idle connection, and since when there is one.
    #[must_use]
    pub fn idle(&self) -> Option<(Duration, Option<Instant>)> {
        let limit = self.proven_read.and_then(|read| read.peer.idle_limit)?;
        Some((limit, self.session.as_ref().and_then(|session| session.last)))
    }

    /// Reads something again, so that the device does not close the connection.
    pub async fn keep_alive(&mut self) {
        if let Some(Proven { peer, table, address }) = self.proven_read {
            // Whoever asks next learns of a failure.
            let _ = self.read_from(&peer, table, address, 2).await;
        }
    }

    /// Reads holding registers (FC 3).
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn read(&mut self, peer: &Peer, address: u16, quantity: u16) -> Result<Vec<u16>, BusError> {
        self.read_from(peer, Table::Holding, address, quantity).await
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
        self.read_from(peer, Table::Input, address, quantity).await
    }

    async fn read_from(
        &mut self,
        peer: &Peer,
        table: Table,
        address: u16,
        quantity: u16,
    ) -> Result<Vec<u16>, BusError> {
        if quantity == 0 || quantity > MAX_READ {
            return Err(BusError::NotSent("a read takes 1 to 125 registers"));
        }
        if u32::from(address) + u32::from(quantity) > 0x1_0000 {
            return Err(BusError::NotSent("a read ends at register 65535"));
        }
        let request = match table {
            Table::Holding => Request::ReadHoldingRegisters(address, quantity),
            Table::Input => Request::ReadInputRegisters(address, quantity),
        };
        let words = self
            .call(peer, request, |answer| match (table, answer) {
                (Table::Holding, Response::ReadHoldingRegisters(words))
                | (Table::Input, Response::ReadInputRegisters(words)) => {
                    if words.len() == usize::from(quantity) {
                        return Ok(words);
                    }
                    Err(format!("asked for {quantity} registers at {address}, got {}", words.len()))
                }
                (_, other) => Err(format!("asked for registers, got {other:?}")),
            })
            .await?;
        if let Some(limit) = peer.idle_limit
            && quantity >= 2
        {
            self.prove(Proven { peer: *peer, table, address }, limit);
        }
        Ok(words)
    }

    /// Remembers what can be read again. Of several units that would be hung up on, the one that bears least decides.
    fn prove(&mut self, read: Proven, limit: Duration) {
        match self.proven_read.and_then(|known| known.peer.idle_limit) {
            Some(known) if known < limit => {}
            Some(_) => self.proven_read = Some(read),
            None => {
                self.proven_read = Some(read);
                self.proof.notify_one();
            }
        }
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
        if let Some(fault) = self.patience.stands_against(peer.unit, Instant::now()) {
            return Err(BusError::Connect(fault));
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
        let result = match line.call(peer, &asked).await {
            Ok(pdu) => judge(&pdu, accept),
            Err(fault) => Err(fault),
        };
        match &result {
            Ok(_) | Err(BusError::Refused(_)) => {
                self.patience.answered(peer.unit);
                self.backoff.reset();
            }
            Err(BusError::TimedOut(_)) => self.missed(peer, ConnectFault::UnitSilent, BORNE),
            Err(BusError::BadAnswer(_)) => self.missed(peer, ConnectFault::Garbled, BORNE),
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
        if let Some(last) = session.last
            && !peer.inter_request.is_zero()
        {
            sleep_until(last + peer.inter_request).await;
        }
        let writes =
            matches!(request, Request::WriteMultipleRegisters(..) | Request::WriteSingleRegister(..));
        let reads = matches!(request, Request::ReadHoldingRegisters(..));
        let function = trace::asked(peer.unit, &request);
        session.limit.as_mut().reset(Instant::now() + peer.response_timeout);
        let result = tokio::select! {
            biased;
            answer = session.wire.call(peer, request) => Some(answer),
            () = session.limit.as_mut() => None,
        };
        trace::answered(peer.unit, function, result.as_ref());
        session.last = Some(Instant::now());
        let fault = match result {
            Some(Ok(Ok(answer))) => match accept(answer) {
                Ok(value) => {
                    session.served = true;
                    self.keep(session, peer);
                    return Ok(value);
                }
                Err(what) => BusError::BadAnswer(what),
            },
            Some(Ok(Err(code))) => {
                let exception = Exception(code.into());
                session.served |= exception != Exception::ILLEGAL_FUNCTION;
                match self.no_right(&session, peer, exception).filter(|_| reads) {
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
        self.doubt(peer, &fault, session.proven);
        drop(session);
        Err(if writes { perhaps_done(fault) } else { fault })
    }

    /// After a fault that ended a connection: who has to wait for what.
    fn doubt(&mut self, peer: &Peer, fault: &BusError, proven: bool) {
        match fault {
            // Some gateways hang up on a unit that they do not know; that is no reason for the others to wait.
            BusError::Connect(reason) if !reason.lasts() && self.others_answer(peer) => {
                self.missed(peer, reason.clone(), 0);
            }
            BusError::Connect(reason) => self.put_off(reason.clone()),
            // On a fresh connection there is nothing else that it could be.
            BusError::TimedOut(_) => self.missed(peer, ConnectFault::Mute, if proven { BORNE } else { 0 }),
            _ if !proven => self.missed(peer, ConnectFault::Garbled, 0),
            _ => {}
        }
    }

    fn missed(&mut self, peer: &Peer, why: ConnectFault, borne: u32) {
        self.patience.missed(peer.unit, why, Instant::now(), borne);
    }

    /// True if it was another unit that answered last.
    fn others_answer(&self, peer: &Peer) -> bool {
        self.answered.is_some_and(|unit| unit != peer.unit)
    }

    /// What an exception says about our certificate: nothing, once anything else was answered.
    fn no_right(&self, session: &Session, peer: &Peer, exception: Exception) -> Option<ConnectFault> {
        let secured = session.secured.as_ref()?;
        let served = session.served || self.others_answer(peer);
        if served { None } else { secured.may_not_read(exception) }
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
            return Ok(Session { wire, limit, proven: false, served: false, last: None, secured: None });
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
                Ok(Session { wire, limit, proven: false, served: false, last: None, secured })
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

/// What is known of a write that was sent: a connection that ended before the first answer may have brought it all the
/// same. Only a device that refused our certificate did not read it.
fn perhaps_done(fault: BusError) -> BusError {
    match fault {
        BusError::Connect(reason) if !reason.lasts() => BusError::Closed,
        other => other,
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

#[cfg(test)]
mod tests;
