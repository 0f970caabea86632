//! A serial line with Modbus RTU: one request at a time, and no answer taken for that of another request.
//!
//! The port stays open after a time-out or a broken frame: what may still come is waited out or listened away, and a
//! unit that owes an answer of the same shape is first asked something that cannot be mistaken (see `rtu`). It does
//! not retry; whom to ask less often is the bus's matter.
//!
//! Some two-wire adapters hear themselves and hand back each request before its answer. The echo of a read can be no
//! answer, so it betrays them; the echo of a single write looks like its answer, and on such a line is taken off first.

use super::pdu::Asked;
use super::rtu::{Owed, Received, Settled, characters, frame, silence};
use super::{BusError, ConnectFault, Peer, Stream, trace};
use crate::device_map::{Parity, SerialOptions};
use std::collections::HashMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_serial::SerialStream;

/// A pause after which an answer that began does not go on. USB adapters hand over bytes every 16 ms.
const LULL: Duration = Duration::from_millis(100);
/// Length of the shortest answer; less is noise, behind which the answer may still come.
const SHORTEST: usize = 5;

/// Answers without an echo before them, after which the adapter counts as one that does not hear itself.
const NO_ECHO_AFTER: u8 = 8;
/// The write whose answer is the request itself.
const WRITE_SINGLE: u8 = 6;

const NOISE: &str = "are baud rate and parity right, is the line terminated, has each unit its own id?";

/// A serial port that may or may not be open.
pub struct SerialLine {
    path: String,
    options: SerialOptions,
    port: Option<Box<dyn Stream>>,
    owed: HashMap<u8, Owed>,
    received: Received,
    /// The answer to a request that was given up half-way may still be on the line.
    busy_until: Option<Instant>,
    /// When something was last on the line.
    last: Instant,
    /// Not 0 while the adapter counts as one that hears itself.
    echoes: u8,
}

impl SerialLine {
    /// A port that is opened at the first request.
    #[must_use]
    pub fn new(path: &str, options: SerialOptions) -> Self {
        Self {
            path: path.to_owned(),
            options,
            port: None,
            owed: HashMap::new(),
            received: Received::default(),
            busy_until: None,
            last: Instant::now(),
            echoes: 0,
        }
    }

    /// Opens the port, for us alone, if it is not open.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn open(&mut self, limit: Duration) -> Result<(), ConnectFault> {
        if self.port.is_some() {
            return Ok(());
        }
        let builder = builder(&self.path, &self.options);
        // The system may take its time over a port that hangs.
        let opening = tokio::task::spawn_blocking(move || SerialStream::open(&builder));
        let port = match timeout(limit, opening).await {
            Ok(Ok(opened)) => opened.map_err(|error| fault_of(&error))?,
            Ok(Err(_)) => return Err(ConnectFault::NotAPort),
            Err(_) => return Err(ConnectFault::TimedOut),
        };
        self.attach(Box::new(port));
        Ok(())
    }

    /// A line over something that is no port.
    #[cfg(any(test, fuzzing))]
    pub fn over(port: Box<dyn Stream>, options: SerialOptions) -> Self {
        let mut line = Self::new("", options);
        line.attach(port);
        line
    }

    fn attach(&mut self, port: Box<dyn Stream>) {
        self.port = Some(port);
        self.last = Instant::now();
    }

    /// Asks a unit and waits for its answer.
    ///
    /// # Errors
    /// No answer, a broken one, or the port is gone.
    pub async fn call(&mut self, peer: &Peer, asked: &Asked) -> Result<Vec<u8>, BusError> {
        if let Some(owed) = self.owed.get_mut(&peer.unit) {
            owed.forget(Instant::now());
        }
        if self.owes(peer.unit, asked) {
            let other = self.distinct(peer.unit, asked);
            match self.exchange(peer, &other).await {
                // It may have refused this only, or answered late: enough if nothing can be mistaken any more.
                Err(BusError::TimedOut(_) | BusError::BadAnswer(_)) if !self.owes(peer.unit, asked) => {}
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
        self.exchange(peer, asked).await
    }

    fn owes(&self, unit: u8, asked: &Asked) -> bool {
        self.owed.get(&unit).is_some_and(|owed| owed.holds(asked.shape))
    }

    /// A read that cannot be mistaken for anything that the unit owes.
    fn distinct(&self, unit: u8, asked: &Asked) -> Asked {
        let function = if asked.shape.function() == 4 { 4 } else { 3 };
        let read = |quantity| Asked::read(function, asked.address, quantity);
        let shape = |quantity| read(quantity).shape;
        read(self.owed.get(&unit).map_or(1, |owed| owed.distinct_quantity(asked.shape, shape)))
    }

    async fn exchange(&mut self, peer: &Peer, asked: &Asked) -> Result<Vec<u8>, BusError> {
        let result = self.send_and_listen(peer, asked).await;
        if matches!(result, Err(BusError::Closed)) {
            self.port = None;
        }
        result
    }

    async fn send_and_listen(&mut self, peer: &Peer, asked: &Asked) -> Result<Vec<u8>, BusError> {
        self.hush(peer).await?;
        let frame = frame(peer.unit, &asked.pdu);
        let on_line = characters(frame.len() + asked.shape.length() + 3, &self.options);
        let now = Instant::now();
        let deadline = now + peer.response_timeout + on_line;
        // Noted before it is sent: this future may be dropped at any time from here on.
        self.busy_until = Some(deadline);
        self.owed.entry(peer.unit).or_default().ask(asked.shape, now);
        self.received.clear();
        let Some(port) = &mut self.port else { return Err(BusError::Closed) };
        trace::asked_pdu(peer.unit, &asked.pdu);
        match timeout_at(deadline, port.write_all(&frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(BusError::Closed),
            Err(_) => return Err(BusError::TimedOut(peer.response_timeout)),
        }
        // The port takes the bytes at once; the line does not.
        self.last = Instant::now() + characters(frame.len(), &self.options);
        let answer = self.listen(peer, asked, &frame, deadline).await;
        trace::answered_pdu(peer.unit, &answer);
        self.busy_until = None;
        answer
    }

    /// Waits until the line has been silent as long as it must be between two frames. What comes meanwhile is nobody's.
    async fn hush(&mut self, peer: &Peer) -> Result<(), BusError> {
        let gap = silence(&self.options) + peer.inter_request;
        let begun = Instant::now();
        let give_up = self.busy_until.map_or(begun, |at| at.max(begun)) + peer.response_timeout + gap;
        let mut heard = false;
        loop {
            let busy = self.busy_until.map(|at| if heard { at.min(self.last + LULL) } else { at });
            let due = busy.map_or(self.last + gap, |at| at.max(self.last + gap));
            if !self.hear(due).await? {
                self.busy_until = None;
                return Ok(());
            }
            heard = true;
            if Instant::now() >= give_up {
                return Err(BusError::BadAnswer(format!("the line is never silent: {NOISE}")));
            }
            self.received.clear();
        }
    }

    /// Takes what comes until a moment. False if nothing came.
    async fn hear(&mut self, until: Instant) -> Result<bool, BusError> {
        let Some(port) = &mut self.port else { return Err(BusError::Closed) };
        let mut chunk = [0; 256];
        let count = tokio::select! {
            biased;
            read = port.read(&mut chunk) => read.unwrap_or(0),
            () = sleep_until(until) => return Ok(false),
        };
        if count == 0 {
            return Err(BusError::Closed);
        }
        self.received.extend(chunk.get(..count).unwrap_or_default());
        self.last = Instant::now();
        Ok(true)
    }

    async fn listen(
        &mut self,
        peer: &Peer,
        asked: &Asked,
        sent: &[u8],
        deadline: Instant,
    ) -> Result<Vec<u8>, BusError> {
        let single = asked.shape.function() == WRITE_SINGLE;
        let (mut echo_due, mut echoed) = (!single || self.echoes > 0, false);
        let mut wrong = Wrong::default();
        loop {
            if echo_due && self.received.take_echo(sent, self.echoes > 0) {
                (echo_due, echoed) = (false, true);
            }
            let held = echo_due && (single || self.received.may_be_echo(sent));
            if !held && let Some(pdu) = self.sort(peer, asked, &mut wrong) {
                if !single {
                    self.heard_itself(echoed);
                }
                return Ok(pdu);
            }
            let began = !single && held || wrong.any() || self.received.unexplained() >= SHORTEST;
            let until = if began { deadline.min(self.last + LULL) } else { deadline };
            if !self.hear(until).await? {
                if !held || single {
                    break;
                }
                // It did not become an echo.
                echo_due = false;
            }
        }
        if echoed && !single {
            self.heard_itself(true);
        }
        Err(wrong.error(peer, asked, self.received.unexplained()))
    }

    /// The answer among the frames that came, if it is there.
    fn sort(&mut self, peer: &Peer, asked: &Asked, wrong: &mut Wrong) -> Option<Vec<u8>> {
        while let Some(frame) = self.received.take(peer.unit, asked.shape) {
            let settled = match self.owed.get_mut(&frame.unit) {
                Some(owed) => owed.settle(&frame.pdu),
                None => Settled::Nothing,
            };
            match settled {
                Settled::Last if frame.unit == peer.unit => return Some(frame.pdu),
                // Late; whose it is is known, and nobody waits for it any more.
                Settled::Last | Settled::Earlier => {}
                Settled::Nothing if frame.unit == peer.unit => wrong.kind = Some(frame.pdu),
                Settled::Nothing => wrong.unit = Some(frame.unit),
            }
        }
        None
    }

    /// Learns whether the adapter hears itself.
    fn heard_itself(&mut self, echoed: bool) {
        if echoed && self.echoes == 0 {
            tracing::info!(port = self.path, "the adapter hands back what is sent; that is taken off");
        }
        self.echoes = if echoed { NO_ECHO_AFTER } else { self.echoes.saturating_sub(1) };
    }
}

/// What came instead of an answer.
#[derive(Default)]
struct Wrong {
    /// An answer of the unit to something else.
    kind: Option<Vec<u8>>,
    /// An answer of another unit.
    unit: Option<u8>,
}

impl Wrong {
    const fn any(&self) -> bool {
        self.kind.is_some()
    }

    fn error(&self, peer: &Peer, asked: &Asked, unexplained: usize) -> BusError {
        if let Some(pdu) = &self.kind {
            let (length, expected) = (pdu.len(), asked.shape.length());
            BusError::BadAnswer(format!(
                "an answer of another kind: {length} bytes, {expected} would be right"
            ))
        } else if let Some(unit) = self.unit {
            BusError::BadAnswer(format!("asked unit {}, unit {unit} answered", peer.unit))
        } else if unexplained > 0 {
            BusError::BadAnswer(format!(
                "{unexplained} bytes that are no whole frame with a right checksum: {NOISE}"
            ))
        } else {
            BusError::TimedOut(peer.response_timeout)
        }
    }
}

fn builder(path: &str, options: &SerialOptions) -> tokio_serial::SerialPortBuilder {
    use tokio_serial::{DataBits, FlowControl, StopBits};
    let parity = match options.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    tokio_serial::new(path, options.baud)
        .data_bits(if options.data_bits == 7 { DataBits::Seven } else { DataBits::Eight })
        .stop_bits(if options.stop_bits == 2 { StopBits::Two } else { StopBits::One })
        .parity(parity)
        .flow_control(FlowControl::None)
        .exclusive(true)
}

fn fault_of(error: &tokio_serial::Error) -> ConnectFault {
    use std::io::ErrorKind;
    match error.kind {
        tokio_serial::ErrorKind::Io(ErrorKind::NotFound) => ConnectFault::NoPort,
        tokio_serial::ErrorKind::Io(ErrorKind::PermissionDenied) => ConnectFault::PortDenied,
        tokio_serial::ErrorKind::NoDevice => ConnectFault::PortBusy,
        tokio_serial::ErrorKind::Io(kind) => ConnectFault::Other(kind),
        tokio_serial::ErrorKind::InvalidInput | tokio_serial::ErrorKind::Unknown => ConnectFault::NotAPort,
    }
}

#[cfg(test)]
mod tests;
