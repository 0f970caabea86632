//! The sockets of one simulated device: a listener, its connections, and the ways in which they can misbehave.
//!
//! A device that nobody talks to is one task asleep in `accept`: no timer, no tick.

use super::faults::{Behaviour, Fault};
use super::modbus::{self, Exception, Frame, MAX_FRAME};
use super::tls::{Access, TlsDoor};
use super::unit::Unit;
use super::wire;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Connections that a device without fault serves at a time; further ones are reset.
const MAX_CONNECTIONS: usize = 16;
/// Connections that wait for `accept`.
const BACKLOG: u32 = 64;
/// Pause between the two halves of a split answer.
const SPLIT_PAUSE: Duration = Duration::from_millis(30);

/// What the tasks of one device share.
#[derive(Debug)]
pub struct Shared {
    /// The device itself.
    pub unit: Mutex<Unit>,
    /// Its unit id.
    pub unit_id: u8,
    /// Where its registers begin.
    pub base: u16,
    /// How it misbehaves.
    pub behaviour: watch::Sender<Behaviour>,
    /// Its TLS, if it speaks nothing else.
    pub tls: Option<TlsDoor>,
    /// Requests that it is still too busy for.
    busy: AtomicU32,
    /// The answer that waits for the next request, if that is its fault.
    pub held: Mutex<wire::Held>,
}

impl Shared {
    /// A device as its connections see it.
    #[must_use]
    pub fn new(unit_id: u8, unit: Unit, behaviour: Behaviour) -> Self {
        let shared = Self {
            unit_id,
            unit: Mutex::new(unit),
            base: 0,
            tls: None,
            behaviour: watch::Sender::new(Behaviour::default()),
            busy: AtomicU32::new(0),
            held: Mutex::default(),
        };
        shared.behave(behaviour);
        shared
    }

    /// The same behind TLS; `base` is where its registers begin.
    #[must_use]
    pub fn with_tls(mut self, base: u16, tls: Option<TlsDoor>) -> Self {
        (self.base, self.tls) = (base, tls);
        self
    }

    /// Misbehaves like this from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        let busy = behaviour.find(|f| if let Fault::Busy(times) = f { Some(*times) } else { None });
        self.busy.store(busy.unwrap_or(0), Ordering::Relaxed);
        self.now().set_behaviour(behaviour.clone());
        self.behaviour.send_replace(behaviour);
    }

    /// The device, moved along to this moment.
    pub fn now(&self) -> MutexGuard<'_, Unit> {
        // A panic elsewhere leaves numbers behind, not broken memory: the device goes on.
        let mut unit = self.unit.lock().unwrap_or_else(PoisonError::into_inner);
        unit.advance(Instant::now());
        unit
    }
}

/// A socket on the device's port, listening or not. The port stays ours in either case.
#[derive(Debug)]
pub enum Door {
    /// Listens.
    Open(TcpListener),
    /// Bound only: a client is refused.
    Shut(TcpSocket),
    /// Between the two, or lost to another program.
    Gone,
}

impl Door {
    /// Takes a port without listening yet.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub fn take(address: SocketAddr) -> std::io::Result<(Self, SocketAddr)> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok((Self::Shut(socket), address))
    }

    /// Listens, or stops listening.
    ///
    /// # Errors
    /// The port was taken by another program in between.
    pub fn turn(self, open: bool, address: SocketAddr) -> std::io::Result<Self> {
        match (self, open) {
            (Self::Shut(socket), true) => Ok(Self::Open(socket.listen(BACKLOG)?)),
            (Self::Gone, true) => Self::take(address)?.0.turn(true, address),
            (Self::Open(listener), false) => {
                drop(listener);
                Ok(Self::take(address)?.0)
            }
            (same, _) => Ok(same),
        }
    }

    /// The next client; none ever comes to a door that is shut.
    ///
    /// # Errors
    /// Those of `accept`.
    pub async fn accept(&self) -> std::io::Result<TcpStream> {
        match self {
            Self::Open(listener) => Ok(listener.accept().await?.0),
            Self::Shut(_) | Self::Gone => std::future::pending().await,
        }
    }
}

/// Serves a device until told to stop.
pub async fn serve(shared: Arc<Shared>, mut door: Door, address: SocketAddr, stop: CancellationToken) {
    let mut behaviour = shared.behaviour.subscribe();
    let mut connections = JoinSet::new();
    loop {
        let now = behaviour.borrow_and_update().clone();
        let (refused, reset) = (now.refused(), now.has(&Fault::ResetAfterAccept));
        if refused || reset {
            connections.shutdown().await;
        }
        door = door.turn(!refused, address).unwrap_or_else(|why| {
            tracing::warn!(%address, %why, "simulated device lost its port");
            Door::Gone
        });
        let most = match () {
            () if reset => 0,
            () if now.has(&Fault::OneConnection) => 1,
            () => MAX_CONNECTIONS,
        };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = behaviour.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    break;
                }
                // A connection that has ended frees its place before the next one is judged.
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = door.accept() => match accepted {
                    Ok(stream) if connections.len() < most => {
                        connections.spawn(welcome(stream, shared.clone()));
                    }
                    Ok(stream) => drop(stream.set_zero_linger()),
                    // Out of descriptors or a client that has left: neither is the device's end.
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                }
            }
        }
    }
}

/// One connection from its beginning: who calls, and then what is asked.
async fn welcome(stream: TcpStream, shared: Arc<Shared>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    match &shared.tls {
        None => converse(stream, shared, Access::Open).await,
        Some(door) => {
            if let Some((stream, access)) = door.admit(stream).await {
                converse(stream, shared.clone(), access).await;
            }
        }
    }
}

/// One connection: requests one by one, in order, until the client leaves or sends what is no Modbus.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>, access: Access) {
    let mut noise = fastrand::Rng::with_seed(u64::from(shared.unit_id));
    let mut turn = 0_u32;
    let mut own = wire::Held::default();
    let mut bytes = Vec::with_capacity(MAX_FRAME);
    loop {
        match modbus::take_frame(&mut bytes) {
            Err(modbus::NotModbus) => return,
            Ok(Some(request)) => {
                let behaviour = shared.behaviour.borrow().clone();
                if wire::leaves_unanswered(&behaviour, &request) {
                    continue;
                }
                if !behaviour.slow().is_zero() {
                    tokio::time::sleep(behaviour.slow()).await;
                }
                let reply = if behaviour.garbage() {
                    turn = turn.wrapping_add(1);
                    Some(modbus::garbage(&request, turn, &mut noise))
                } else {
                    reply(request, &behaviour, &shared, access, &mut own)
                };
                if let Some(reply) = reply
                    && send(&mut stream, &behaviour, &reply).await.is_err()
                {
                    return;
                }
            }
            Ok(None) => {
                let mut chunk = [0_u8; MAX_FRAME];
                match hear(&mut stream, &shared, &mut chunk).await {
                    Some(0) | None => return,
                    Some(count) => bytes.extend(chunk.iter().take(count)),
                }
            }
        }
    }
}

/// Waits for bytes; `None` is the end of the connection.
async fn hear(stream: &mut (impl AsyncRead + Unpin), shared: &Shared, chunk: &mut [u8]) -> Option<usize> {
    let idle = |f: &Fault| if let Fault::IdleClose(time) = f { Some(*time) } else { None };
    let limit = shared.behaviour.borrow().find(idle);
    let heard = match limit {
        Some(limit) => tokio::time::timeout(limit, stream.read(chunk)).await.ok()?,
        None => stream.read(chunk).await,
    };
    heard.ok()
}

async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    behaviour: &Behaviour,
    bytes: &[u8],
) -> std::io::Result<()> {
    let (first, rest) = bytes.split_at(wire::cut(behaviour, bytes).unwrap_or(bytes.len()));
    stream.write_all(first).await?;
    if !rest.is_empty() {
        stream.flush().await?;
        tokio::time::sleep(SPLIT_PAUSE).await;
        stream.write_all(rest).await?;
    }
    stream.flush().await
}

/// What a device answers, before anything happens to it on its way.
pub fn answer(request: &Frame, behaviour: &Behaviour, shared: &Shared) -> Vec<u8> {
    let function = request.pdu.first().copied().unwrap_or(0);
    let one_less = |left: u32| left.checked_sub(1);
    if request.unit != shared.unit_id {
        modbus::refusal(function, Exception::NO_UNIT)
    } else if shared.busy.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
        modbus::refusal(function, Exception::BUSY)
    } else {
        wire::answer(behaviour, &request.pdu, &mut *shared.now())
    }
}

/// The answer to a request as it goes out; `None` if there is none to send now.
fn reply(
    request: Frame,
    behaviour: &Behaviour,
    shared: &Shared,
    access: Access,
    own: &mut wire::Held,
) -> Option<Vec<u8>> {
    let refusal = shared.tls.as_ref().and_then(|door| door.refusal(access, &request, shared.base));
    let pdu = match refusal {
        Some(exception) => modbus::refusal(request.pdu.first().copied().unwrap_or(0), exception),
        None => answer(&request, behaviour, shared),
    };
    let turned = if behaviour.has(&Fault::Behind) {
        // What is held in a serial converter outlives the connection.
        shared.held.lock().unwrap_or_else(PoisonError::into_inner).turn(behaviour, request, pdu)
    } else {
        own.turn(behaviour, request, pdu)
    };
    let (request, pdu) = turned?;
    Some(wire::dress(behaviour, &request, pdu))
}
