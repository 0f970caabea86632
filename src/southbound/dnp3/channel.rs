//! One connection on which the gateway is master: over TCP or TLS to one outstation or to a front of several, or a serial line.
//!
//! It makes and remakes the connection and says how it stands and why not. What is asked of an outstation is the association's
//! matter.

mod dialler;
mod heard;
mod line;
mod listener;
mod open;
mod place;

pub use heard::Heard;
pub use line::{Line, Record};
pub use place::{Carrier, Place};

use super::association::Seat;
use super::diagnosis;
use super::field::LinkState;
use crate::device_map::LinkOptions;
use crate::southbound::tls::Client;
use dnp3::master::{AssociationHandle, MasterChannel};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// How patient a channel is.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Longest first wait before a connection is tried again.
    pub first: Duration,
    /// Longest wait.
    pub most: Duration,
    /// Between two looks at why there is no connection.
    pub diagnose: Duration,
    /// Between two full reads because of lost events.
    pub overflow: Duration,
    /// Between two offers of the time to an outstation that had refused it.
    pub time: Duration,
    /// How long a TLS handshake may take before it counts as stuck.
    pub hang: Duration,
    /// How long a connection must last to be no short one: after short ones the waits become longer.
    pub settled: Duration,
    /// How often an association looks after itself when nothing happens.
    pub tick: Duration,
    /// The gateway's clock.
    pub clock: fn() -> SystemTime,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            most: Duration::from_secs(30),
            diagnose: Duration::from_mins(1),
            overflow: Duration::from_mins(1),
            time: Duration::from_hours(1),
            hang: Duration::from_secs(15),
            settled: Duration::from_secs(30),
            tick: Duration::from_secs(1),
            clock: SystemTime::now,
        }
    }
}

/// A connection and the associations on it. Cheap to clone; it ends when the last clone and association are gone.
#[derive(Clone)]
pub struct Channel(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub place: Place,
    options: LinkOptions,
    tls: Option<Client>,
    trace: bool,
    pub pace: Pace,
    /// The stack's end of it; none if it could not be set up.
    master: tokio::sync::Mutex<Option<MasterChannel>>,
    enabled: AtomicBool,
    /// Which master's words count: that of an earlier one may still be ending.
    generation: AtomicU64,
    standing: Mutex<Standing>,
    seats: Mutex<Vec<Arc<Seat>>>,
    pub heard: Arc<Heard>,
    /// Its time, among several associations.
    pub line: Line,
    /// What is no frame is passed over; else the connection ends with it.
    tolerant: AtomicBool,
}

/// How the connection stands.
struct Standing {
    state: LinkState,
    /// Since when it is being made.
    connecting: Option<Instant>,
    /// Since when it stands.
    made: Option<Instant>,
    /// Connections in a row that ended a little after an answer.
    short: u32,
    /// The stack's end may have failed.
    broken: bool,
    /// When the cause of a failure was last looked for, and what was found.
    diagnosed: Option<(Instant, String)>,
}

impl Channel {
    /// Sets up a channel; it does not connect before [`Channel::enable`]. One that cannot be set up stays down, and its state
    /// says why; that is tried again, since certificate files may be replaced.
    pub async fn open(place: Place, options: &LinkOptions, tls: Option<&Client>, trace: bool) -> Self {
        Self::open_at(place, options, tls, trace, Pace::default()).await
    }

    /// As [`Channel::open`], at another pace.
    pub async fn open_at(
        place: Place,
        options: &LinkOptions,
        tls: Option<&Client>,
        trace: bool,
        pace: Pace,
    ) -> Self {
        let standing = Standing {
            state: LinkState::Connecting,
            connecting: None,
            made: None,
            short: 0,
            broken: false,
            diagnosed: None,
        };
        let inner = Arc::new(Inner {
            place,
            options: options.clone(),
            tls: tls.cloned(),
            trace,
            pace,
            master: tokio::sync::Mutex::default(),
            enabled: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            standing: Mutex::new(standing),
            seats: Mutex::default(),
            heard: Arc::default(),
            line: Line::default(),
            tolerant: AtomicBool::new(false),
        });
        inner.spawn(&mut *inner.master.lock().await);
        Self(inner)
    }

    /// Connects, and keeps connecting. To be called when the associations have joined.
    pub async fn enable(&self) {
        self.0.enabled.store(true, Ordering::Relaxed);
        if let Some(master) = &mut *self.0.master.lock().await {
            // It only fails if the task has ended, which the next look finds.
            let _ = self.0.soon(master.enable()).await;
        }
    }

    /// Where it goes.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// True for a serial line.
    pub fn is_serial(&self) -> bool {
        self.0.place.is_serial()
    }

    /// How the connection stands.
    pub fn state(&self) -> LinkState {
        self.0.state()
    }

    /// True if an outstation has been heard since the connection was made.
    pub fn has_answered(&self) -> bool {
        self.0.heard.answered()
    }
}

/// Why another master is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It has been connecting for too long, or could not be set up.
    Hangs,
    /// Its task has failed.
    Broken,
    /// It ended the connection because of a damaged frame.
    Damage,
}

const NO_HANDSHAKE: &str = "connected, but the TLS handshake is not answered: does this port speak TLS?";
const FAILED: &str = "the task of this connection has failed; it is started again";
/// What comes is no DNP3, or not only.
pub const DAMAGED: &str = "what comes is damaged or no DNP3 (frames with wrong check sums): is the serial line behind a \
                           serial-to-TCP converter set right, or does this port speak another protocol?";

impl Inner {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn seats(&self) -> MutexGuard<'_, Vec<Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn state(&self) -> LinkState {
        self.standing().state.clone()
    }

    /// True if there is more than one association on it.
    pub fn shared(&self) -> bool {
        self.seats().len() > 1
    }

    /// Sets how it stands, and tells all associations. The lock is held meanwhile, so that all hear the same order.
    fn set(&self, standing: &mut Standing, state: LinkState) {
        if standing.state == state {
            return;
        }
        standing.state = state.clone();
        for seat in self.seats().iter() {
            seat.watch.link(state.clone());
        }
    }

    /// Puts an association in its seat, in place of the one that may be there.
    pub async fn seat(&self, seat: &Arc<Seat>) {
        let mut master = self.master.lock().await;
        {
            let mut seats = self.seats();
            seats.retain(|other| other.address != seat.address);
            seats.push(seat.clone());
        }
        // From the second one on, none is asked before it was looked for.
        let anew = self.shared() && seat.watch.state().health.begin_anew(Instant::now());
        if let Some(master) = &mut *master {
            if anew && self.state() != LinkState::Up {
                self.leave_alone(master).await;
            }
            seat.join(master, self).await;
        }
    }

    /// There is no connection: on the next one, none of several is asked before it was looked for, or those who do not answer
    /// would be waited for in vain before anybody else was asked.
    async fn leave_alone(&self, master: &mut MasterChannel) {
        if !self.shared() {
            return;
        }
        let seats: Vec<_> = self.seats().clone();
        for seat in seats {
            let anew = seat.watch.state().health.begin_anew(Instant::now());
            if anew {
                seat.join(master, self).await;
            }
        }
    }

    /// The same, for when a connection has ended by itself.
    pub async fn await_connection(&self) {
        let mut master = self.master.lock().await;
        if self.state() == LinkState::Up {
            return;
        }
        if let Some(master) = &mut *master {
            self.leave_alone(master).await;
        }
    }

    /// Takes an association away, unless another one has its address by now.
    pub async fn leave(&self, seat: &Arc<Seat>) {
        let mut master = self.master.lock().await;
        let there = {
            let mut seats = self.seats();
            let before = seats.len();
            seats.retain(|other| !Arc::ptr_eq(other, seat));
            seats.len() < before
        };
        if let Some(master) = &mut *master
            && there
        {
            let _ = self.soon(master.remove_association(seat.address)).await;
        }
    }

    /// Does something with the stack, but not for ever: it hears nothing while it connects, and whoever is to put another one
    /// in its place waits for the lock that is held meanwhile. What was not heard yet is heard later.
    pub async fn soon<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(self.pace.tick, work).await.ok()
    }

    /// Makes the association of a seat anew if the stack did not hear of the last time.
    pub async fn catch_up(&self, seat: &Arc<Seat>) {
        if seat.is_behind() {
            self.rejoin(seat).await;
        }
    }

    /// Makes the association of a seat anew, as its health now demands.
    pub async fn rejoin(&self, seat: &Arc<Seat>) {
        if let Some(master) = &mut *self.master.lock().await {
            seat.join(master, self).await;
        }
    }

    /// Ends the connection and makes it anew, for this reason.
    pub async fn reconnect(&self, why: String) {
        {
            // First of all: from here on nothing more is asked of it.
            let mut standing = self.standing();
            self.set(&mut standing, LinkState::Down(why));
        }
        if let Some(master) = &mut *self.master.lock().await {
            let _ = self.soon(master.disable()).await;
            self.leave_alone(master).await;
            let _ = self.soon(master.enable()).await;
        }
    }

    /// The stack's end of the master of this generation may have failed, and answer nothing any more.
    pub fn broken(&self, generation: u64) {
        let mut standing = self.standing();
        if self.generation() == generation {
            standing.broken = true;
        }
    }

    /// Which master it is.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Puts another master in place of one that hangs or has failed, or of one that ends the connection at each damaged frame.
    /// Called now and then by each association.
    ///
    /// The stack neither bounds a TLS handshake nor hears anything while it connects, so a device that accepts a connection
    /// and then says nothing would hold it for ever. And at first nothing is passed over in what comes, because only so is it
    /// known that something else than DNP3 does.
    pub async fn mend(self: &Arc<Self>) {
        if self.fault().is_none() {
            return;
        }
        let mut master = self.master.lock().await;
        let Some(fault) = self.fault() else { return };
        if fault == Fault::Broken && !self.has_ended(&mut master).await {
            return;
        }
        if fault == Fault::Damage {
            tracing::warn!(place = %self.place, "frames come damaged: from now on they are passed over");
            self.tolerant.store(true, Ordering::Relaxed);
        }
        self.spawn(&mut master);
        if master.is_none() {
            return;
        }
        match fault {
            Fault::Hangs => self.set(&mut self.standing(), LinkState::Down(NO_HANDSHAKE.to_owned())),
            Fault::Broken => self.set(&mut self.standing(), LinkState::Down(FAILED.to_owned())),
            Fault::Damage => {}
        }
        let seats: Vec<_> = self.seats().clone();
        let shared = seats.len() > 1;
        if let Some(master) = &mut *master {
            for seat in seats {
                if shared {
                    seat.watch.state().health.begin_anew(Instant::now());
                }
                seat.join(master, self).await;
            }
            if self.enabled.load(Ordering::Relaxed) {
                let _ = self.soon(master.enable()).await;
            }
        }
        drop(master);
        if fault == Fault::Hangs {
            self.diagnose();
        }
    }

    /// True if the task of the master has ended. An association that was made anew ends its requests in the same words.
    async fn has_ended(&self, master: &mut Option<MasterChannel>) -> bool {
        let Some(master) = master else { return false };
        let asked = tokio::time::timeout(self.pace.tick, master.get_decode_level()).await;
        let ended = matches!(asked, Ok(Err(_)));
        if !ended {
            self.standing().broken = false;
        }
        ended
    }

    /// What is wrong with the master, if another one is to be made.
    fn fault(&self) -> Option<Fault> {
        let standing = self.standing();
        let limit = self.longest_connect();
        if standing.broken {
            return Some(Fault::Broken);
        }
        if standing.connecting.is_some_and(|since| since.elapsed() > limit) {
            return Some(Fault::Hangs);
        }
        let down = matches!(standing.state, LinkState::Down(_));
        (down && self.heard.damaged() && !self.tolerant.load(Ordering::Relaxed)).then_some(Fault::Damage)
    }

    /// How long the connection may take to be made before something is wrong.
    fn longest_connect(&self) -> Duration {
        match &self.place.carrier {
            // A host name may have a few addresses.
            Carrier::Tls { ends } => {
                let ends = u32::try_from(ends.len()).unwrap_or(2);
                self.options.connect_timeout * ends * 2 + self.pace.hang
            }
            Carrier::Tcp { .. } | Carrier::Serial { .. } => Duration::from_mins(10),
        }
    }

    /// Looks for the cause of a failure, unless that was done just now; the words come a little later.
    fn diagnose(self: &Arc<Self>) {
        let now = Instant::now();
        {
            let mut standing = self.standing();
            if standing
                .diagnosed
                .as_ref()
                .is_some_and(|(at, _)| now.saturating_duration_since(*at) < self.pace.diagnose)
            {
                return;
            }
            let old = standing.diagnosed.take().map_or_else(String::new, |(_, words)| words);
            standing.diagnosed = Some((now, old));
        }
        let inner = Arc::downgrade(self);
        let (place, tls) = (self.place.clone(), self.tls.clone());
        let limit = self.options.connect_timeout;
        tokio::spawn(async move {
            let found = diagnosis::of(&place, tls.as_ref(), limit).await;
            let (Some(inner), Some(words)) = (inner.upgrade(), found) else { return };
            let mut standing = inner.standing();
            if let Some((_, old)) = &mut standing.diagnosed {
                old.clone_from(&words);
            }
            if matches!(standing.state, LinkState::Down(_)) {
                inner.set(&mut standing, LinkState::Down(words));
            }
        });
    }
}

/// What an association was given by the stack.
pub(super) type Handle = AssociationHandle;

#[cfg(test)]
mod tests;
