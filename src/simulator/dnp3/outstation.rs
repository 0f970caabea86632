//! A station on the crate's outstation side: its points as the database has them, its commands as the crate hands them over.
//!
//! Inputs are brought up to date when a request comes, when something is told, and every quarter of a second while a master
//! is connected; an outstation that nobody talks to sleeps until something ends by itself.

mod database;
mod handlers;

use super::front::Port;
use super::profile;
use super::station::Station;
use crate::simulator::faults::{Behaviour, Fault};
use crate::simulator::settings::{DeviceSettings, LinkAddresses};
use database::Shown;
use dnp3::app::measurement::Time;
use dnp3::app::{Timeout, Timestamp};
use dnp3::link::{EndpointAddress, LinkErrorMode};
use dnp3::outstation::database::{ClassZeroConfig, DatabaseHandle, EventBufferConfig};
use dnp3::outstation::{Feature, OutstationConfig};
use dnp3::tcp::{AddressFilter, Server, ServerHandle};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often inputs are brought up to date while a master is connected.
const TICK: Duration = Duration::from_millis(250);
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
    connected: watch::Sender<bool>,
    database: Mutex<Option<DatabaseHandle>>,
    shown: Mutex<Shown>,
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
            connected: watch::Sender::new(false),
            database: Mutex::new(None),
            shown: Mutex::default(),
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
        self.now().set_behaviour(behaviour.clone());
        self.behaviour.send_replace(behaviour);
    }

    /// The station, moved along to this moment.
    pub fn now(&self) -> MutexGuard<'_, Station> {
        let mut station = locked(&self.station);
        station.advance(Instant::now());
        station
    }

    /// What a front has to know of it.
    #[must_use]
    pub fn port(&self) -> Port {
        Port {
            address: self.addresses.outstation,
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

    /// Starts it on a loopback port of its own; it runs until the handle is dropped.
    ///
    /// # Errors
    /// No port to be had, or link addresses that no outstation can have.
    pub async fn start(self: &Arc<Self>) -> std::io::Result<ServerHandle> {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server::new_tcp_server(LinkErrorMode::Close, loopback);
        let handle = server
            .add_outstation(
                self.config()?,
                handlers::application(self),
                handlers::information(self),
                handlers::control(self),
                handlers::listener(self),
                AddressFilter::Any,
            )
            .map_err(std::io::Error::other)?;
        let database = handle.get_database_handle();
        {
            let station = self.now();
            *locked(&self.shown) = database::build(&station, &database, self.clock(station.behaviour()));
        }
        *locked(&self.database) = Some(database);
        let running = server.bind().await?;
        self.inner.send_replace(running.local_addr());
        Ok(running)
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

    /// Brings the inputs up to date.
    fn refresh(&self) {
        let Some(database) = locked(&self.database).clone() else { return };
        let mut shown = locked(&self.shown);
        let (changes, time) = {
            let station = self.now();
            (shown.changes(&station), self.clock(station.behaviour()))
        };
        database::apply(&database, &changes, time);
    }

    /// More events than there is room for.
    fn flood(&self) {
        if let Some(database) = locked(&self.database).clone() {
            database::flood(&database, usize::from(EVENTS) + 10, self.clock(&self.behaviour.borrow()));
        }
    }

    /// Runs it until told to stop.
    pub async fn run(self: Arc<Self>, first: ServerHandle, stop: CancellationToken) {
        let mut running = Some(first);
        let mut behaviour = self.behaviour.subscribe();
        let mut connected = self.connected.subscribe();
        let mut had = behaviour.borrow_and_update().clone();
        loop {
            let busy = *connected.borrow_and_update();
            let lasts = self.now().lasts_s().map(|s| Duration::from_secs_f64(s.min(86_400.0)).max(LEAST));
            let wait = if busy { Some(lasts.unwrap_or(TICK).min(TICK)) } else { lasts };
            let tick = async {
                match wait {
                    Some(wait) => sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                _ = connected.changed() => {}
                () = tick => {
                    self.refresh();
                    if had.has(&Fault::OverflowStuck) {
                        self.flood();
                    }
                }
                _ = behaviour.changed() => {
                    let has = behaviour.borrow_and_update().clone();
                    if is_other(&had, &has) {
                        drop(running.take());
                        running = self.restart().await;
                    } else {
                        self.refresh();
                    }
                    if has.has(&Fault::Overflow) && !had.has(&Fault::Overflow) {
                        self.flood();
                    }
                    had = has;
                }
            }
        }
    }

    /// Starts again from nothing: no order in force, all connections gone.
    async fn restart(self: &Arc<Self>) -> Option<ServerHandle> {
        self.inner.send_replace(None);
        self.connected.send_replace(false);
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

/// True if the step from one to the other takes a restart.
fn is_other(had: &Behaviour, has: &Behaviour) -> bool {
    let serial = |b: &Behaviour| b.find(|f| matches!(f, Fault::SerialChange(_)).then(|| f.clone()));
    let mute = |b: &Behaviour| b.has(&Fault::NoUnsolicited);
    let fresh = has.has(&Fault::Restart) && !had.has(&Fault::Restart);
    fresh || serial(had) != serial(has) || mute(had) != mute(has)
}
