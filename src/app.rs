//! Builds every room, runs them, and drains them in order. It decides nothing.
//!
//! The core, the store and the listeners are the gateway: if one of them ends before it was told to, the gateway ends, and
//! whoever started it (systemd) starts it again. A device's task is not: the southbound restarts it.

use crate::config::Config;
use crate::core::service::Service;
use crate::core::{Core, DeviceEntry, Parts, port};
use crate::{admin, core, northbound, southbound, store, systemd};
use anyhow::Context;
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

/// A gateway that runs.
#[derive(Debug)]
pub struct Gateway {
    service: Service,
    northbound: SocketAddr,
    admin: SocketAddr,
    /// Rooms whose end is the end of the gateway, with their names.
    vital: JoinSet<&'static str>,
    field: JoinSet<()>,
    store: store::Running,
    stops: Stops,
}

/// What is told to stop, in this order.
#[derive(Debug, Default)]
struct Stops {
    listeners: CancellationToken,
    core: CancellationToken,
    field: CancellationToken,
}

impl Gateway {
    /// Starts everything. When it returns, the listeners listen and what was stored is in force again.
    ///
    /// # Errors
    /// The store cannot be opened, or an address cannot be listened on; said in words for the person who started it.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let Config { gateway, northbound: north, admin: admin_settings, devices, groups } = config;
        let north_listener = listen("northbound", north.listen).await?;
        let admin_listener = listen("admin", admin_settings.listen).await?;
        let settings = store::Settings::in_dir(&gateway.data_dir);
        let (store, stored) = store::open(&settings).context("the store cannot be opened")?;
        tracing::info!(
            name = gateway.name,
            version = env!("CARGO_PKG_VERSION"),
            devices = devices.len(),
            groups = stored.groups.len(),
            dispatches = stored.dispatches.len(),
            "gateway starting"
        );
        let writable = store.writable();
        let (persistence, commits) = port::persistence(COMMIT_QUEUE);
        let store = store::spawn(store, commits).context("the store cannot be started")?;

        let (inbox, handles, ports) = port::open(devices.len());
        let entries = devices
            .iter()
            .map(|d| DeviceEntry { mrid: d.mrid.clone(), name: d.name.clone(), poll: d.poll })
            .collect();
        let (core, service) = Core::new(Parts {
            settings: core::Settings::default(),
            devices: entries,
            handles,
            inbox,
            persistence,
            stored,
            seeds: groups,
        });
        let stops = Stops::default();
        let mut field = JoinSet::new();
        southbound::spawn(devices, ports, &mut field, stops.field.clone());

        let mut vital = JoinSet::new();
        let health = admin::Health::new(writable);
        vital.spawn(named("core", core.run(stops.core.clone())));
        let (northbound, admin) = (north_listener.local_addr()?, admin_listener.local_addr()?);
        vital.spawn({
            let (service, stop) = (service.clone(), stops.listeners.clone());
            named("northbound", northbound::serve(north, north_listener, service, stop))
        });
        vital.spawn({
            let (service, health, stop) = (service.clone(), health.clone(), stops.listeners.clone());
            named("admin", admin::serve(admin_listener, service, health, stop))
        });
        vital.spawn(named("heartbeat", heartbeat(service.clone(), health, stops.core.clone())));
        tracing::info!(%northbound, %admin, "gateway ready");
        Ok(Self { service, northbound, admin, vital, field, store, stops })
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
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        systemd::ready();
        let mut store = std::pin::pin!(self.store.ended());
        let mut store_ended = None;
        let ended = tokio::select! {
            // When the core ends, the store follows: the cause is looked at first.
            biased;
            () = stop.cancelled() => None,
            ended = self.vital.join_next() => ended,
            // While the core lives, the store ends only by a fault: nothing can be accepted any more.
            ended = &mut store => {
                store_ended = Some(ended);
                None
            }
        };
        systemd::stopping();
        tracing::info!("gateway stopping");
        self.drain().await;
        drop(self.service);
        let by_itself = store_ended.is_some();
        let store_ended = match store_ended {
            Some(ended) => ended,
            None => store.await,
        };
        store_ended.context("the store did not end well")?;
        match ended {
            None if by_itself => anyhow::bail!("the store ended by itself"),
            None => Ok(()),
            Some(Ok(room)) => anyhow::bail!("the {room} ended by itself"),
            Some(Err(panic)) => Err(panic).context("a room of the gateway panicked"),
        }
    }
}

impl Gateway {
    /// Ends the rooms one after another, each with its own time, so that one that hangs takes nothing from the next.
    async fn drain(&mut self) {
        self.stops.listeners.cancel();
        // The core goes on until the listeners, which wait for its answers, have ended; the heartbeat ends with it.
        in_time("listeners", async {
            while self.vital.len() > 2 && self.vital.join_next().await.is_some() {}
        })
        .await;
        self.stops.core.cancel();
        in_time("core", async { while self.vital.join_next().await.is_some() {} }).await;
        self.stops.field.cancel();
        in_time("drivers", async { while self.field.join_next().await.is_some() {} }).await;
        self.vital.shutdown().await;
        self.field.shutdown().await;
    }
}

async fn in_time(rooms: &'static str, ended: impl Future<Output = ()>) {
    if tokio::time::timeout(GRACE, ended).await.is_err() {
        tracing::warn!(rooms, "not ended in time; what was acknowledged is stored");
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
            health.set_ready(true);
            systemd::watchdog();
        }
    }
}

#[cfg(test)]
mod tests;
