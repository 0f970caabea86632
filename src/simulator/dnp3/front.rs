//! How masters reach outstations: a socket, TLS or a serial line, with one outstation behind it or several, told apart by their
//! link addresses. And the ways in which all that can misbehave.
//!
//! The crate's server takes one outstation a port and lets nobody touch the bytes. So each outstation listens on a loopback
//! port of its own, and the front carries frames between it and the world.

use super::frame::{self, Frame, MAX_FRAME};
use super::outstation::{Outstation, Session};
use crate::simulator::faults::{Behaviour, Fault};
use crate::simulator::rtu;
use crate::simulator::serial::{self, SerialPlace};
use crate::simulator::server::Door;
use crate::simulator::tls::PlainTls;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Pause between the two halves of a split answer.
const SPLIT_PAUSE: Duration = Duration::from_millis(30);
/// A line or an outstation that failed is tried again after this time.
const RETRY: Duration = Duration::from_millis(200);

/// Masters that are served at a time.
pub const MASTERS: usize = 4;
/// Longest time in which a new session is made ready for a guest.
const SETTLING: Duration = Duration::from_secs(1);
/// A master that comes back may be here before its old connection is seen to end.
const GRACE: Duration = Duration::from_millis(50);

/// One outstation behind a front.
#[derive(Clone, Debug)]
pub struct Port {
    /// Itself, for the sessions of further masters.
    pub outstation: Arc<Outstation>,
    /// Its link address.
    pub address: u16,
    /// That of its master.
    pub master: u16,
    /// Where it listens itself; none while it restarts.
    pub inner: watch::Receiver<Option<SocketAddr>>,
    /// How it misbehaves.
    pub behaviour: watch::Receiver<Behaviour>,
}

/// Outstations behind a socket.
#[derive(Debug)]
pub struct Front {
    /// The socket.
    pub door: Door,
    /// Where it is.
    pub address: SocketAddr,
    /// Its TLS, if it speaks nothing else.
    pub tls: Option<Arc<PlainTls>>,
    /// Who is behind it.
    pub ports: Vec<Port>,
}

/// Outstations on a serial line.
#[derive(Debug)]
pub struct Line {
    /// The open port.
    pub stream: tokio_serial::SerialStream,
    /// Where it is and how it is set.
    pub place: SerialPlace,
    /// Who is on it.
    pub ports: Vec<Port>,
}

/// Waits for a change of what any of them does wrong.
async fn changed(ports: &mut [Port]) {
    let any = ports.iter_mut().map(|port| Box::pin(port.behaviour.changed()));
    if futures_util::future::select_all(any).await.0.is_err() {
        // Gone with its plant: nothing will change any more.
        std::future::pending::<()>().await;
    }
}

/// Which session of an outstation a connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    /// The one whose events outlast a connection.
    First,
    /// One of its own.
    Guest,
}

/// The connections to a front, the oldest first.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    seats: Vec<(AbortHandle, Seat)>,
}

impl Connections {
    /// One has ended; never if there is none.
    async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(over) => {
                let id = over.map_or_else(|why| why.id(), |(id, ())| id);
                self.seats.retain(|(task, _)| task.id() != id);
            }
            None => std::future::pending().await,
        }
    }

    fn has_first(&self) -> bool {
        self.seats.iter().any(|(_, seat)| *seat == Seat::First)
    }

    /// The seat of a newcomer: the first if it is free, else one of a guest. If there are too many, the oldest goes.
    async fn seat(&mut self) -> Seat {
        let leaving = async {
            while self.has_first() {
                self.ended().await;
            }
        };
        // Still taken after that: somebody else has it.
        let _ = timeout(GRACE, leaving).await;
        if self.seats.len() >= MASTERS {
            self.seats.remove(0).0.abort();
        }
        if self.has_first() { Seat::Guest } else { Seat::First }
    }

    fn add(&mut self, seat: Seat, serving: impl Future<Output = ()> + Send + 'static) {
        self.seats.push((self.tasks.spawn(serving), seat));
    }

    async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
        self.seats.clear();
    }
}

impl Front {
    /// Serves until told to stop. The first master has the session whose events outlast a connection; others, such as a
    /// technician's look beside a gateway, have one each as long as they stay.
    pub async fn serve(mut self, stop: CancellationToken) {
        let mut connections = Connections::default();
        let mut used = false;
        loop {
            let now: Vec<Behaviour> =
                self.ports.iter_mut().map(|port| port.behaviour.borrow_and_update().clone()).collect();
            let refused = now.iter().all(Behaviour::refused);
            let reset = now.iter().any(|b| b.has(&Fault::ResetAfterAccept));
            let once = now.iter().any(|b| b.has(&Fault::OneConnection));
            let cut = now.iter().any(|b| b.has(&Fault::ResetMidResponse));
            if refused || reset || cut {
                connections.shutdown().await;
            }
            self.door = self.door.turn(!refused, self.address).unwrap_or_else(|why| {
                tracing::warn!(address = %self.address, %why, "simulated outstation lost its port");
                Door::Gone
            });
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = changed(&mut self.ports) => break,
                    () = connections.ended() => {}
                    accepted = self.door.accept() => match accepted {
                        Ok(stream) if reset || (once && used) => drop(stream.set_zero_linger()),
                        Ok(stream) => {
                            used = true;
                            let seat = connections.seat().await;
                            connections.add(seat, welcome(stream, seat, self.tls.clone(), self.ports.clone()));
                        }
                        // Out of descriptors or a client that has left: neither is the device's end.
                        Err(_) => sleep(RETRY).await,
                    }
                }
            }
        }
    }
}

impl Line {
    /// Serves until told to stop.
    pub async fn serve(self, stop: CancellationToken) {
        // A pseudo terminal takes no time of its own.
        let pace = self.place.path.starts_with("/dev/pts/").then_some(self.place.line);
        let (mut stream, ports) = (self.stream, self.ports);
        let serving = async {
            loop {
                carry(stream, &ports, Seat::First, pace, true).await;
                // The other end of a pseudo terminal may come back.
                stream = loop {
                    sleep(RETRY).await;
                    match serial::open(&self.place) {
                        Ok(stream) => break stream,
                        Err(why) => tracing::debug!(path = self.place.path, %why, "serial line is away"),
                    }
                };
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = serving => {}
        }
    }
}

/// One connection from its beginning.
async fn welcome(stream: TcpStream, seat: Seat, tls: Option<Arc<PlainTls>>, ports: Vec<Port>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    // A connection that ends in the middle of an answer is reset, not closed.
    if ports.iter().any(|port| port.behaviour.borrow().has(&Fault::ResetMidResponse))
        && stream.set_zero_linger().is_err()
    {
        return;
    }
    let several = ports.len() > 1;
    match tls {
        None => carry(stream, &ports, seat, None, several).await,
        Some(tls) => {
            if let Some(stream) = tls.admit(stream).await {
                carry(stream, &ports, seat, None, several).await;
            }
        }
    }
}

/// Carries frames both ways until one end is gone. `lasts` says that the connection outlives an outstation's restart.
async fn carry<S>(
    stream: S,
    ports: &[Port],
    seat: Seat,
    pace: Option<crate::device_map::SerialOptions>,
    lasts: bool,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut input, output) = split(stream);
    let output = Arc::new(Mutex::new(output));
    let mut answering = JoinSet::new();
    let mut inboxes = Vec::new();
    for port in ports {
        let (inbox, frames) = tokio::sync::mpsc::channel::<Frame>(64);
        inboxes.push((port.clone(), inbox));
        answering.spawn(attend(port.clone(), seat, frames, output.clone(), pace, lasts));
    }
    let hearing = async {
        let mut bytes = Vec::with_capacity(MAX_FRAME);
        let mut chunk = [0_u8; MAX_FRAME];
        loop {
            while let Some(frame) = frame::take(&mut bytes) {
                for (port, inbox) in &inboxes {
                    let meant = frame.is_broadcast() || frame.destination() == port.address;
                    // What a busy outstation does not take is lost, as on a line; the others go on.
                    if meant && matches!(inbox.try_send(frame.clone()), Err(TrySendError::Closed(_))) {
                        return;
                    }
                }
            }
            let idle = |f: &Fault| if let Fault::IdleClose(time) = f { Some(*time) } else { None };
            let limit = ports.iter().find_map(|port| port.behaviour.borrow().find(idle));
            let heard = match limit {
                Some(limit) => timeout(limit, input.read(&mut chunk)).await,
                None => Ok(input.read(&mut chunk).await),
            };
            match heard {
                Ok(Ok(count)) if count > 0 => bytes.extend(chunk.iter().take(count)),
                _ => return,
            }
        }
    };
    tokio::select! {
        () = hearing => {}
        _ = answering.join_next() => {}
    }
    answering.shutdown().await;
}

/// The outstation's end of a connection.
async fn attend<S>(
    mut port: Port,
    seat: Seat,
    mut frames: Receiver<Frame>,
    output: Arc<Mutex<WriteHalf<S>>>,
    pace: Option<crate::device_map::SerialOptions>,
    lasts: bool,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    loop {
        let Ok(Some(first)) = port.inner.wait_for(Option::is_some).await.map(|inner| *inner) else { return };
        // A session of its own lasts as long as this round.
        let own = match seat {
            Seat::First => None,
            Seat::Guest => port.outstation.guest().await.ok(),
        };
        let inner = match seat {
            Seat::First => Some(first),
            Seat::Guest => own.as_ref().map(Session::address),
        };
        if let Some(inner) = inner
            && let Ok(mut stream) = TcpStream::connect(inner).await
        {
            let _ = stream.set_nodelay(true);
            if seat == Seat::Guest {
                let _ = timeout(SETTLING, settle(&mut stream, &port)).await;
            }
            let (read, write) = stream.into_split();
            let mut inner = port.inner.clone();
            let over = tokio::select! {
                () = ask(&mut frames, &port.behaviour, write) => false,
                over = answer(read, &port.behaviour, &output, pace) => over,
                // A restart ends every session.
                _ = inner.changed() => false,
            };
            if over || !lasts {
                return;
            }
        }
        sleep(RETRY).await;
    }
}

/// Takes note of the start of a new session, of which a guest shall not be told: of a restart the first master is.
async fn settle(stream: &mut TcpStream, port: &Port) -> std::io::Result<()> {
    stream.write_all(&Frame::restart_noted(port.address, port.master).0).await?;
    let mut bytes = Vec::with_capacity(MAX_FRAME);
    let mut chunk = [0_u8; MAX_FRAME];
    loop {
        while let Some(frame) = frame::take(&mut bytes) {
            if frame.is_answer() {
                return Ok(());
            }
            stream.write_all(&frame.confirmation().0).await?;
        }
        match stream.read(&mut chunk).await? {
            0 => return Ok(()),
            count => bytes.extend(chunk.iter().take(count)),
        }
    }
}

/// Hands the master's frames on until the outstation takes no more.
async fn ask(
    frames: &mut Receiver<Frame>,
    behaviour: &watch::Receiver<Behaviour>,
    mut write: OwnedWriteHalf,
) {
    while let Some(frame) = frames.recv().await {
        let dropped = deaf(&behaviour.borrow());
        if !dropped && write.write_all(&frame.0).await.is_err() {
            return;
        }
    }
}

/// Sends the outstation's frames out until there are no more; true if that ends the connection.
async fn answer<S>(
    mut read: OwnedReadHalf,
    behaviour: &watch::Receiver<Behaviour>,
    output: &Mutex<WriteHalf<S>>,
    pace: Option<crate::device_map::SerialOptions>,
) -> bool
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut bytes = Vec::with_capacity(MAX_FRAME);
    let mut chunk = [0_u8; MAX_FRAME];
    loop {
        while let Some(frame) = frame::take(&mut bytes) {
            let behaviour = behaviour.borrow().clone();
            if deliver(frame, &behaviour, output, pace).await.is_none() {
                return true;
            }
        }
        match read.read(&mut chunk).await {
            Ok(count) if count > 0 => bytes.extend(chunk.iter().take(count)),
            _ => return false,
        }
    }
}

/// True if it hears nothing.
fn deaf(behaviour: &Behaviour) -> bool {
    behaviour.silent() || behaviour.refused()
}

/// Sends an outstation's frame out as its faults leave it; `None` ends the connection.
async fn deliver<S>(
    frame: Frame,
    behaviour: &Behaviour,
    output: &Mutex<WriteHalf<S>>,
    pace: Option<crate::device_map::SerialOptions>,
) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    if deaf(behaviour) {
        return Some(());
    }
    sleep(behaviour.slow()).await;
    let frame = if behaviour.has(&Fault::WrongUnit) { frame.sent_by_another() } else { frame };
    let frame = if behaviour.garbage() { frame.garbled() } else { frame };
    let mut output = output.lock().await;
    if let Some(line) = pace {
        sleep(rtu::time_of(frame.0.len(), &line)).await;
    }
    let half = frame.0.len() / 2;
    let (first, rest) = frame.0.split_at(half);
    output.write_all(first).await.ok()?;
    if behaviour.has(&Fault::ResetMidResponse) {
        output.flush().await.ok()?;
        return None;
    }
    if behaviour.has(&Fault::Split) {
        output.flush().await.ok()?;
        sleep(SPLIT_PAUSE).await;
    }
    output.write_all(rest).await.ok()?;
    output.flush().await.ok()
}
