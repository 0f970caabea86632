//! Builds every room, runs them, and drains them in order. It decides nothing.
//!
//! The core, the store and the listeners are the gateway: if one of them ends before it was told to, the gateway ends, and
//! whoever started it (systemd) starts it again. A device's task is not: the southbound restarts it.

use crate::config::Config;
use crate::core::port::DeviceRecord;
use crate::core::service::Service;
use crate::core::{Core, DeviceEntry, Parts, port};
use crate::der::{DispatchState, Mrid};
use crate::{admin, core, northbound, southbound, store, systemd};
use anyhow::Context;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Durable changes that may wait for the store.
const COMMIT_QUEUE: usize = 64;
/// Longest that the listeners, the core and the drivers each may take to finish after they were told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How often the sign of life of the core is looked at.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// What the licence of the DNP3 library says to who runs this program; `None` if DNP3 is not in it.
pub const DNP3_LICENCE: Option<&str> = if southbound::SPEAKS_DNP3 {
    Some(
        "DNP3 is in this program: its library's licence allows neither production use nor passing it on (LICENSE-DNP3.md)",
    )
} else {
    None
};

/// A gateway that runs.
#[derive(Debug)]
pub struct Gateway {
    service: Service,
    northbound: SocketAddr,
    admin: SocketAddr,
    rooms: Rooms,
    store: store::Running,
}

/// What runs, by the order in which it is told to stop.
#[derive(Debug)]
struct Rooms {
    listeners: Room<&'static str>,
    core: Room<&'static str>,
    field: Room<()>,
    health: admin::Health,
}

/// Tasks that stop together.
#[derive(Debug)]
struct Room<T> {
    tasks: JoinSet<T>,
    stop: CancellationToken,
}

impl<T: 'static> Room<T> {
    fn new() -> Self {
        Self { tasks: JoinSet::new(), stop: CancellationToken::new() }
    }

    /// Tells its tasks to stop, and waits a while for them.
    async fn end(&mut self, name: &'static str) {
        self.stop.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::warn!(room = name, "not ended in time; what was acknowledged is stored");
            self.tasks.shutdown().await;
        }
    }
}

impl Gateway {
    /// Starts everything. When it returns, the listeners listen and what was stored is in force again.
    ///
    /// # Errors
    /// The store cannot be opened, or an address cannot be listened on; said in words for the person who started it.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        tell(&config);
        let Config {
            gateway, northbound: north, admin: admin_settings, mut devices, maps, tls, groups, ..
        } = config;
        let settings = store::Settings::in_dir(&gateway.data_dir);
        // Opening checks the whole file, which takes a while for a large one: nobody is let in before.
        let (store, stored) = tokio::task::spawn_blocking(move || store::open(&settings))
            .await
            .context("opening the store panicked")?
            .context("the store cannot be opened")?;
        let north_listener = listen("northbound", north.listen).await?;
        let admin_listener = listen("admin", admin_settings.listen).await?;
        let stored_dispatches = stored.dispatches.len();
        let records = stored.devices.clone();
        let writable = store.writable();
        let (persistence, commits) = port::persistence(COMMIT_QUEUE);
        let store = store::spawn(store, commits).context("the store cannot be started")?;

        let (inbox, handles, ports) = port::open(devices.len());
        let entries = devices.iter().map(entry).collect();
        let (core, service) = Core::new(Parts {
            settings: core::Settings::default(),
            devices: entries,
            handles,
            inbox,
            persistence,
            stored,
            seeds: groups,
        });
        let (groups, dispatches) = (service.snapshot().groups.len(), stored_dispatches);
        let (name, version) = (gateway.name, env!("CARGO_PKG_VERSION"));
        let role = tls.map(|tls| tls.role().to_string());
        tracing::info!(name, version, devices = devices.len(), groups, dispatches, role, "gateway starting");
        let mut rooms = Rooms {
            listeners: Room::new(),
            core: Room::new(),
            field: Room::new(),
            health: admin::Health::new(writable),
        };
        let stop = rooms.field.stop.clone();
        let mut records: HashMap<Mrid, DeviceRecord> = records.into_iter().collect();
        for device in &mut devices {
            device.record = records.remove(&device.mrid);
        }
        southbound::spawn(devices, ports, maps, &mut rooms.field.tasks, stop);
        let (stop, health) = (rooms.core.stop.clone(), rooms.health.clone());
        rooms.core.tasks.spawn(named("core", core.run(stop.clone())));
        rooms.core.tasks.spawn(named("heartbeat", heartbeat(service.clone(), health.clone(), stop)));
        let (northbound, admin) = (north_listener.local_addr()?, admin_listener.local_addr()?);
        let stop = rooms.listeners.stop.clone();
        let serving = northbound::serve(north, north_listener, service.clone(), stop.clone());
        rooms.listeners.tasks.spawn(named("northbound", serving));
        let serving = admin::serve(admin_listener, service.clone(), health, stop);
        rooms.listeners.tasks.spawn(named("admin", serving));
        tracing::info!(%northbound, %admin, "gateway ready");
        Ok(Self { service, northbound, admin, rooms, store })
    }

    /// The core's service, for whoever runs in the same process.
    #[must_use]
    pub const fn service(&self) -> &Service {
        &self.service
    }

    /// Where the northbound listens.
    #[must_use]
    pub const fn northbound(&self) -> SocketAddr {
        self.northbound
    }

    /// Where the admin pages are.
    #[must_use]
    pub const fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Runs until told to stop, then drains: no new requests, those under way are answered; then the core and the drivers;
    /// the store last, with everything that was handed to it. Devices are left to their reversion times.
    ///
    /// # Errors
    /// A room ended by itself, or the store did not end well.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self { service, mut rooms, store, .. } = self;
        systemd::ready();
        systemd::status(&format!("{} devices", service.snapshot().devices.len()));
        rooms.health.set_ready(true);
        let mut store = std::pin::pin!(store.ended());
        let mut store_ended = None;
        let ended = tokio::select! {
            // When the core ends, the store follows: the cause is looked at first.
            biased;
            () = stop.cancelled() => None,
            ended = rooms.listeners.tasks.join_next() => ended,
            ended = rooms.core.tasks.join_next() => ended,
            // While the core lives, the store ends only by a fault: nothing can be accepted any more.
            ended = &mut store => {
                store_ended = Some(ended);
                None
            }
        };
        systemd::stopping();
        let unfinished =
            service.snapshot().dispatches.iter().filter(|d| d.state != DispatchState::Ended).count();
        tracing::info!(
            unfinished_dispatches = unfinished,
            "gateway stopping; what devices hold runs out by itself, dispatches go on when it is started again"
        );
        rooms.end().await;
        drop(service);
        let by_itself = store_ended.is_some();
        let store_ended = match store_ended {
            Some(ended) => ended,
            None => store.await,
        };
        store_ended.context("the store did not end well")?;
        tracing::info!("gateway stopped");
        match ended {
            None if by_itself => anyhow::bail!("the store ended by itself"),
            None => Ok(()),
            Some(Ok(room)) => anyhow::bail!("the {room} ended by itself"),
            Some(Err(panic)) => Err(panic).context("a room of the gateway panicked"),
        }
    }
}

impl Rooms {
    /// Ends the rooms one after another, each with its own time, so that one that hangs takes nothing from the next. The
    /// core goes on until the listeners, which wait for its answers, have ended.
    async fn end(&mut self) {
        self.health.set_ready(false);
        self.listeners.end("listeners").await;
        self.core.end("core").await;
        self.field.end("drivers").await;
    }
}

/// A device as the core is told of it.
fn entry(device: &southbound::DeviceSettings) -> DeviceEntry {
    DeviceEntry {
        mrid: device.mrid.clone(),
        name: device.name.clone(),
        link: device.link.to_string().into(),
        map: device.map_named.then(|| device.map.id.as_str().into()),
        poll: device.poll,
    }
}

/// Says what is worth knowing of the configuration. The role of the certificate has a field of its own.
fn tell(config: &Config) {
    for fault in &config.lapsed {
        tracing::error!(%fault, "certificate outside its time");
    }
    say_dnp3(config.devices.iter().filter(|device| device.link.dnp3().is_some()).count());
    for warning in config.remarks.iter().filter(|remark| remark.message.starts_with("warning")) {
        tracing::warn!(%warning, "configuration");
    }
}

/// Whether DNP3 is in this program, and what its library's licence says to that: louder if it is used.
fn say_dnp3(devices: usize) {
    match DNP3_LICENCE {
        Some(licence) if devices > 0 => tracing::warn!(dnp3_devices = devices, "{licence}"),
        Some(licence) => tracing::info!("{licence}"),
        None => tracing::info!("DNP3 is not in this program"),
    }
}

async fn named<T>(name: &'static str, work: impl Future<Output = T>) -> &'static str {
    work.await;
    name
}

async fn listen(room: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("the {room} listener cannot use {address}; set [{room}] listen to a free address")
    })
}

/// Tells the health page, and systemd, that the core still looks.
async fn heartbeat(service: Service, health: admin::Health, stop: CancellationToken) {
    let mut tick = tokio::time::interval(HEARTBEAT);
    let mut last = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let taken = service.snapshot().taken;
        if taken != last {
            last = taken;
            health.core_answered();
            systemd::watchdog();
        }
    }
}

#[cfg(test)]
mod tests;
