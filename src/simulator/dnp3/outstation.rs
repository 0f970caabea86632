//! A station on the crate's outstation side: its points as the database has them, its commands as the crate hands them over.
//!
//! Inputs are brought up to date when a request comes, when something is told, and now and then while a master is connected:
//! every quarter of a second while its power moves, seldom while it stands still. An outstation that nobody talks to sleeps
//! until something ends by itself.

mod database;
mod handlers;
mod session;

pub use session::Session;

use super::front::Port;
use super::profile;
use super::station::Station;
use crate::simulator::faults::{Behaviour, Fault};
use crate::simulator::settings::{DeviceSettings, LinkAddresses};
use dnp3::app::measurement::Time;
use dnp3::app::{Timeout, Timestamp};
use dnp3::link::EndpointAddress;
use dnp3::outstation::database::{ClassZeroConfig, EventBufferConfig};
use dnp3::outstation::{Feature, OutstationConfig};
use session::View;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often inputs are brought up to date while a master is connected and the power moves.
const TICK: Duration = Duration::from_millis(250);
/// The same while nothing moves: the frequency takes longer than that to become an event.
const LONGEST: Duration = Duration::from_secs(4);
/// Part of the rated power by which it moves from look to look and still stands still.
const STILL: f64 = 0.002;
/// Shortest wait for something that ends by itself.
const LEAST: Duration = Duration::from_millis(10);
/// Events kept of each type.
const EVENTS: u16 = 200;
/// How long an event waits for its confirmation.
const CONFIRM: Duration = Duration::from_secs(3);

/// One outstation.
pub struct Outstation {
    station: Mutex<Station>,
    addresses: LinkAddresses,
    behaviour: watch::Sender<Behaviour>,
    inner: watch::Sender<Option<SocketAddr>>,
    /// What each master sees of it.
    views: Mutex<Vec<Arc<View>>>,
    stirred: Notify,
    /// It is to restart.
    restarts: AtomicBool,
    /// It is to have more events than it has room for.
    overflows: AtomicBool,
    /// Wants to be told the time (IIN1.4).
    needs_time: AtomicBool,
    /// How far its clock is ahead of ours, ms.
    ahead_ms: AtomicI64,
}

impl std::fmt::Debug for Outstation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outstation").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves numbers behind, not broken memory: the device goes on.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outstation {
    /// An outstation that is not started yet.
    #[must_use]
    pub fn new(settings: DeviceSettings, now: Instant) -> Arc<Self> {
        let behaviour = Behaviour::of(&settings.faults);
        let addresses = settings.outstation.unwrap_or_default();
        let outstation = Self {
            station: Mutex::new(Station::new(settings, now)),
            addresses,
            behaviour: watch::Sender::new(Behaviour::default()),
            inner: watch::Sender::new(None),
            views: Mutex::default(),
            stirred: Notify::new(),
            restarts: AtomicBool::new(false),
            overflows: AtomicBool::new(false),
            needs_time: AtomicBool::new(false),
            ahead_ms: AtomicI64::new(0),
        };
        outstation.behave(behaviour);
        Arc::new(outstation)
    }

    /// Misbehaves like this from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        let wants = behaviour.has(&Fault::NeedTime) || behaviour.has(&Fault::NeedTimeRefused);
        self.needs_time.store(wants, Ordering::Relaxed);
        // Told twice, it happens twice; and it happens even if it is healed at once.
        self.restarts.fetch_or(behaviour.has(&Fault::Restart), Ordering::Relaxed);
        self.overflows.fetch_or(behaviour.has(&Fault::Overflow), Ordering::Relaxed);
        self.now().set_behaviour(behaviour.clone());
        self.behaviour.send_replace(behaviour);
    }

    /// The station, moved along to this moment.
    pub fn now(&self) -> MutexGuard<'_, Station> {
        let mut station = locked(&self.station);
        station.advance(Instant::now());
        station
    }

    /// Changes what is around it.
    pub fn steer(&self, change: impl FnOnce(&mut Station)) {
        change(&mut self.now());
        self.stir();
    }

    /// What a front has to know of it.
    #[must_use]
    pub fn port(self: &Arc<Self>) -> Port {
        Port {
            outstation: self.clone(),
            address: self.addresses.outstation,
            master: self.addresses.master,
            inner: self.inner.subscribe(),
            behaviour: self.behaviour.subscribe(),
        }
    }

    /// The time on its own clock.
    fn clock(&self, behaviour: &Behaviour) -> Time {
        if behaviour.has(&Fault::EventsWithoutTime) {
            return Time::Synchronized(Timestamp::zero());
        }
        let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ours = u64::try_from(ours.as_millis()).unwrap_or_default();
        let now = Timestamp::new(ours.saturating_add_signed(self.ahead_ms.load(Ordering::Relaxed)));
        if self.needs_time.load(Ordering::Relaxed) {
            Time::Unsynchronized(now)
        } else {
            Time::Synchronized(now)
        }
    }

    /// Starts it for its first master, whose events outlast a connection; it runs until the session is dropped.
    ///
    /// # Errors
    /// No port to be had, or link addresses that no outstation can have.
    pub async fn start(self: &Arc<Self>) -> std::io::Result<Session> {
        let session = Session::open(self).await?;
        self.inner.send_replace(Some(session.address()));
        Ok(session)
    }

    /// A session for one more master; it knows no events of before.
    ///
    /// # Errors
    /// No port to be had.
    pub async fn guest(self: &Arc<Self>) -> std::io::Result<Session> {
        Session::open(self).await
    }

    fn config(&self) -> std::io::Result<OutstationConfig> {
        let address = |raw| EndpointAddress::try_new(raw).map_err(std::io::Error::other);
        let LinkAddresses { outstation, master } = self.addresses;
        let mut config = OutstationConfig::new(
            address(outstation)?,
            address(master)?,
            EventBufferConfig::all_types(EVENTS),
        );
        if self.behaviour.borrow().has(&Fault::NoUnsolicited) {
            config.features.unsolicited = Feature::Disabled;
        }
        config.confirm_timeout = Timeout::from_duration(CONFIRM).map_err(std::io::Error::other)?;
        config.max_controls_per_request = Some(profile::OUTPUTS);
        // Outputs are no part of class 0: what is read back are the inputs that show them.
        config.class_zero = ClassZeroConfig {
            binary_output_status: false,
            analog_output_status: false,
            ..ClassZeroConfig::default()
        };
        Ok(config)
    }

    fn views(&self) -> Vec<Arc<View>> {
        locked(&self.views).clone()
    }

    /// Brings the inputs up to date.
    fn refresh(&self) {
        for view in self.views() {
            view.refresh(self);
        }
    }

    /// More events than there is room for.
    fn flood(&self) {
        let time = self.clock(&self.behaviour.borrow());
        for view in self.views() {
            view.flood(usize::from(EVENTS) + 10, time);
        }
    }

    /// Something was asked of it, or somebody came or went: its inputs may move now.
    fn stir(&self) {
        self.stirred.notify_one();
    }

    /// Runs it until told to stop.
    pub async fn run(self: Arc<Self>, first: Session, stop: CancellationToken) {
        let mut running = Some(first);
        let mut behaviour = self.behaviour.subscribe();
        let mut had = behaviour.borrow_and_update().clone();
        self.restarts.store(false, Ordering::Relaxed);
        if self.overflows.swap(false, Ordering::Relaxed) {
            self.flood();
        }
        let mut patience = Patience::new(&self.now());
        loop {
            let lasts = self.now().lasts_s().map(|s| Duration::from_secs_f64(s.min(86_400.0)).max(LEAST));
            let watched = self.views().iter().any(|view| view.is_watched());
            let pause = watched.then_some(if had.has(&Fault::OverflowStuck) { TICK } else { patience.pause });
            let tick = async {
                match [lasts, pause].into_iter().flatten().min() {
                    Some(wait) => sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.stirred.notified() => {
                    self.refresh();
                    patience.lose(&self.now());
                }
                () = tick => {
                    self.refresh();
                    let ended = lasts.is_some_and(|lasts| pause.is_none_or(|pause| lasts <= pause));
                    patience.go_on(&self.now(), ended);
                    if had.has(&Fault::OverflowStuck) {
                        self.flood();
                    }
                }
                _ = behaviour.changed() => {
                    let has = behaviour.borrow_and_update().clone();
                    if self.restarts.swap(false, Ordering::Relaxed) || is_other(&had, &has) {
                        drop(running.take());
                        running = self.restart().await;
                    } else {
                        self.refresh();
                    }
                    if self.overflows.swap(false, Ordering::Relaxed) {
                        self.flood();
                    }
                    patience.lose(&self.now());
                    had = has;
                }
            }
        }
    }

    /// Starts again from nothing: no order in force, all connections gone.
    async fn restart(self: &Arc<Self>) -> Option<Session> {
        self.inner.send_replace(None);
        self.now().forget();
        match self.start().await {
            Ok(running) => Some(running),
            Err(why) => {
                tracing::warn!(%why, "simulated outstation does not start again");
                None
            }
        }
    }
}

/// How long the next look at the inputs can wait: longer and longer while the power stands still.
struct Patience {
    pause: Duration,
    power: (f64, f64),
}

impl Patience {
    fn new(station: &Station) -> Self {
        let state = &station.body.state;
        Self { pause: TICK, power: (state.power_w, state.reactive_var) }
    }

    /// The next look comes soon.
    fn lose(&mut self, station: &Station) {
        *self = Self::new(station);
    }

    /// After a look at which nobody had asked for anything.
    fn go_on(&mut self, station: &Station, something_ended: bool) {
        let (active, reactive) = self.power;
        let pause = self.pause;
        self.lose(station);
        let still = station.body.ratings.power_w * STILL;
        if !something_ended
            && (active - self.power.0).abs() < still
            && (reactive - self.power.1).abs() < still
        {
            self.pause = (pause * 2).min(LONGEST);
        }
    }
}

/// True if the step from one to the other takes a restart.
fn is_other(had: &Behaviour, has: &Behaviour) -> bool {
    let serial = |b: &Behaviour| b.find(|f| matches!(f, Fault::SerialChange(_)).then(|| f.clone()));
    let mute = |b: &Behaviour| b.has(&Fault::NoUnsolicited);
    serial(had) != serial(has) || mute(had) != mute(has)
}
