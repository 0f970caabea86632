//! The sockets of one simulated device: a listener, its connections, and the ways in which they can misbehave.
//!
//! A device that nobody talks to is one task asleep in `accept`: no timer, no tick.

use super::modbus::{self, Exception, Frame, MAX_FRAME};
use super::settings::Fault;
use super::tls::{Access, TlsDoor};
use super::unit::Unit;
use std::net::SocketAddr;
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

/// All faults of a device taken together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// Nothing listens.
    pub refused: bool,
    /// Hears and does not answer.
    pub silent: bool,
    /// Answers wrongly.
    pub garbage: bool,
    /// Answers so late.
    pub slow: Duration,
    one_connection: bool,
    max_read: Option<u16>,
    exception: Option<u8>,
    /// Old specification: what cannot be written is ignored.
    pub old_rules: bool,
}

impl Behaviour {
    /// What a list of faults amounts to.
    #[must_use]
    pub fn of(faults: &[Fault]) -> Self {
        let mut all = Self::default();
        for fault in faults {
            match fault {
                Fault::Refused => all.refused = true,
                Fault::Silent => all.silent = true,
                Fault::Garbage => all.garbage = true,
                Fault::Slow(time) => all.slow = *time,
                Fault::OneConnection => all.one_connection = true,
                Fault::MaxRead(most) => all.max_read = Some(*most),
                Fault::Exception(code) => all.exception = Some(*code),
                Fault::SilentIgnore => all.old_rules = true,
            }
        }
        all
    }
}

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
}

impl Shared {
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

    async fn accept(&self) -> std::io::Result<TcpStream> {
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
        shared.now().set_old_rules(now.old_rules);
        if now.refused {
            connections.shutdown().await;
        }
        door = door.turn(!now.refused, address).unwrap_or_else(|why| {
            tracing::warn!(%address, %why, "simulated device lost its port");
            Door::Gone
        });
        let most = if now.one_connection { 1 } else { MAX_CONNECTIONS };
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
    let mut bytes = Vec::with_capacity(MAX_FRAME);
    loop {
        match modbus::take_frame(&mut bytes) {
            Err(modbus::NotModbus) => return,
            Ok(Some(request)) => {
                let behaviour = shared.behaviour.borrow().clone();
                if behaviour.silent {
                    continue;
                }
                if !behaviour.slow.is_zero() {
                    tokio::time::sleep(behaviour.slow).await;
                }
                let reply = if behaviour.garbage {
                    turn = turn.wrapping_add(1);
                    modbus::garbage(&request, turn, &mut noise)
                } else {
                    reply(&request, &behaviour, &shared, access)
                };
                if stream.write_all(&reply).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            Ok(None) => {
                let mut chunk = [0_u8; MAX_FRAME];
                match stream.read(&mut chunk).await {
                    Ok(0) | Err(_) => return,
                    Ok(count) => bytes.extend(chunk.iter().take(count)),
                }
            }
        }
    }
}

fn reply(request: &Frame, behaviour: &Behaviour, shared: &Shared, access: Access) -> Vec<u8> {
    let function = request.pdu.first().copied().unwrap_or(0);
    let refusal = shared.tls.as_ref().and_then(|door| door.refusal(access, request, shared.base));
    let pdu = match refusal {
        Some(exception) => modbus::refusal(function, exception),
        None => answer(request, behaviour, shared),
    };
    modbus::frame(request.transaction, request.unit, &pdu)
}

/// What a device answers, before it is framed.
pub fn answer(request: &Frame, behaviour: &Behaviour, shared: &Shared) -> Vec<u8> {
    let function = request.pdu.first().copied().unwrap_or(0);
    if request.unit != shared.unit_id {
        modbus::refusal(function, Exception::NO_UNIT)
    } else if let Some(code) = behaviour.exception {
        modbus::refusal(function, Exception(code))
    } else {
        let most = behaviour.max_read.unwrap_or(modbus::MAX_READ);
        modbus::answer(&request.pdu, &mut *shared.now(), most)
    }
}
