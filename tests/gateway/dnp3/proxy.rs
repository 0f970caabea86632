//! A wire that goes wrong: passes octets between a master and an outstation on TCP, and cuts, delays, repeats, holds back or
//! spoils what the outstation says. A tool of the tests; it knows frames and no DNP3.

use super::frame::{Frame, Frames};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// Nobody listens.
    Refused,
    /// Connections are accepted, and that is all.
    Silent,
    /// Connections that stand go dead without an end; new ones are well.
    HalfOpen,
    /// A connection is reset after so many octets of the outstation.
    Reset(usize),
    /// Each frame takes so long.
    Slow(Duration),
    /// Each message that answers comes twice.
    TwiceAnswers,
    /// Each message that nobody asked for comes twice.
    TwiceUnsolicited,
    /// A message that nobody asked for comes after so many others.
    LateUnsolicited(usize),
    /// No frame fits its check sum.
    Corrupt,
    /// One frame in so many does not fit its check sum.
    CorruptEach(usize),
    /// Octets of nobody before each frame.
    Garbage,
    /// The outstation answers as this link address.
    From(u16),
    /// Octet by octet.
    Split,
}

impl Trouble {
    /// True if messages come that were not due.
    pub fn adds_messages(self) -> bool {
        matches!(self, Self::TwiceAnswers | Self::TwiceUnsolicited | Self::LateUnsolicited(_))
    }
}

/// What the frames of one connection become.
#[derive(Debug, Default)]
pub struct Bend {
    /// The message under way.
    message: Vec<Frame>,
    /// One that is held back, and how many others have passed since.
    held: Option<(Vec<u8>, usize)>,
    frames: usize,
}

impl Bend {
    /// What is sent in place of a frame, piece by piece.
    pub fn bend(&mut self, frame: Frame, trouble: Trouble) -> Vec<Vec<u8>> {
        self.frames += 1;
        match trouble {
            Trouble::Corrupt => vec![frame.corrupt().0],
            Trouble::CorruptEach(each) if self.frames.is_multiple_of(each) => vec![frame.corrupt().0],
            Trouble::Garbage => vec![[&[0x00, 0x05, 0xFF, 0x64, 0x13][..], &frame.0].concat()],
            Trouble::From(source) => vec![frame.from(source).0],
            Trouble::Split => frame.0.chunks(1).map(<[u8]>::to_vec).collect(),
            Trouble::TwiceAnswers | Trouble::TwiceUnsolicited | Trouble::LateUnsolicited(_) => {
                self.messages(frame, trouble)
            }
            _ => vec![frame.0],
        }
    }

    /// The same for what concerns whole messages.
    fn messages(&mut self, frame: Frame, trouble: Trouble) -> Vec<Vec<u8>> {
        if !frame.has_data() {
            return vec![frame.0];
        }
        let last = frame.last();
        self.message.push(frame);
        if !last {
            return Vec::new();
        }
        let message = std::mem::take(&mut self.message);
        let unsolicited = message[0].unsolicited();
        let octets: Vec<u8> = message.into_iter().flat_map(|frame| frame.0).collect();
        match trouble {
            Trouble::TwiceAnswers if !unsolicited => vec![octets.clone(), octets],
            Trouble::TwiceUnsolicited if unsolicited => vec![octets.clone(), octets],
            // Repeated by the outstation meanwhile: that one passes, and the old one comes after it.
            Trouble::LateUnsolicited(_) if unsolicited && self.held.is_none() => {
                self.held = Some((octets, 0));
                Vec::new()
            }
            Trouble::LateUnsolicited(after) => {
                let due = self.held.as_mut().is_some_and(|(_, passed)| {
                    *passed += 1;
                    *passed >= after
                });
                let late = self.held.take_if(|_| due).map(|(late, _)| late);
                std::iter::once(octets).chain(late).collect()
            }
            _ => vec![octets],
        }
    }
}

/// A wire between a master and one outstation.
pub struct Proxy {
    address: SocketAddr,
    trouble: watch::Sender<Trouble>,
    made: Arc<AtomicUsize>,
    more: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Lays a wire to an outstation.
    pub async fn lay(to: SocketAddr) -> Self {
        let listener = TcpListener::bind(crate::testing::own_address()).await.unwrap();
        let (trouble, told) = watch::channel(Trouble::None);
        let (address, made, mut tasks) = (listener.local_addr().unwrap(), Arc::default(), JoinSet::new());
        let more = Arc::default();
        tasks.spawn(listen(listener, to, told, Arc::clone(&made), Arc::clone(&more)));
        Self { address, trouble, made, more, _tasks: tasks }
    }

    /// Where a master connects.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on.
    pub fn set(&self, trouble: Trouble) {
        self.trouble.send_replace(trouble);
    }

    /// Messages that came twice or late so far; and pieces of split ones.
    pub fn more(&self) -> usize {
        self.more.load(Ordering::Relaxed)
    }

    /// Connections made so far.
    pub fn connections(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }
}

async fn listen(
    listener: TcpListener,
    to: SocketAddr,
    mut told: watch::Receiver<Trouble>,
    made: Arc<AtomicUsize>,
    more: Arc<AtomicUsize>,
) {
    let address = listener.local_addr().unwrap();
    let (mut listener, mut wires) = (Some(listener), JoinSet::new());
    loop {
        let refused = *told.borrow_and_update() == Trouble::Refused;
        match (&listener, refused) {
            (Some(_), true) => listener = None,
            (None, false) => listener = TcpListener::bind(address).await.ok(),
            _ => {}
        }
        tokio::select! {
            changed = told.changed() => if changed.is_err() { return },
            Some(Ok((master, _))) = async { Some(listener.as_ref()?.accept().await) } => {
                made.fetch_add(1, Ordering::Relaxed);
                wires.spawn(carry(master, to, told.clone(), more.clone()));
            }
        }
    }
}

/// One connection, until either side or the trouble ends it.
async fn carry(
    mut master: TcpStream,
    to: SocketAddr,
    mut told: watch::Receiver<Trouble>,
    more: Arc<AtomicUsize>,
) {
    // A connection that is made while others go dead is a good one.
    told.mark_unchanged();
    if *told.borrow() == Trouble::Silent {
        return swallow(master, told).await;
    }
    let Ok(mut outstation) = TcpStream::connect(to).await else { return };
    let (mut asked, mut said) = (vec![0; 4096], vec![0; 4096]);
    let (mut frames, mut bend, mut count) = (Frames::default(), Bend::default(), 0);
    loop {
        tokio::select! {
            changed = told.changed() => {
                let now = *told.borrow();
                match now {
                    _ if changed.is_err() => return,
                    Trouble::Refused => return,
                    Trouble::Silent | Trouble::HalfOpen => {
                        drop(outstation);
                        return swallow(master, told).await;
                    }
                    _ => count = 0,
                }
            }
            read = master.read(&mut asked) => match read {
                Ok(0) | Err(_) => return,
                Ok(read) => if outstation.write_all(&asked[..read]).await.is_err() { return },
            },
            read = outstation.read(&mut said) => match read {
                Ok(0) | Err(_) => return,
                Ok(read) => {
                    let trouble = *told.borrow();
                    for frame in frames.take(&said[..read]) {
                        let pieces = bend.bend(frame, trouble);
                        more.fetch_add(pieces.len().saturating_sub(1), Ordering::Relaxed);
                        for piece in pieces {
                            if !send(&mut master, &piece, trouble, &mut count).await {
                                return;
                            }
                        }
                    }
                }
            },
        }
    }
}

/// Sends a piece to the master; false if the connection is over.
async fn send(master: &mut TcpStream, piece: &[u8], trouble: Trouble, count: &mut usize) -> bool {
    *count += piece.len();
    match trouble {
        Trouble::Slow(delay) => tokio::time::sleep(delay).await,
        Trouble::Reset(after) if *count >= after => {
            let left = piece.len().saturating_sub(*count - after);
            let _ = master.write_all(&piece[..left]).await;
            let _ = master.set_zero_linger();
            return false;
        }
        _ => {}
    }
    master.write_all(piece).await.is_ok()
}

/// Says nothing more until the master gives up or is refused.
async fn swallow(mut master: TcpStream, mut told: watch::Receiver<Trouble>) {
    let mut asked = vec![0; 4096];
    loop {
        tokio::select! {
            read = master.read(&mut asked) => if matches!(read, Ok(0) | Err(_)) { return },
            changed = told.changed() => if changed.is_err() || *told.borrow() == Trouble::Refused { return },
        }
    }
}

#[cfg(test)]
mod tests;
