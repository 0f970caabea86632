//! One task a connection: devices behind the same host and port, or on the same serial line, share it, whatever driver
//! each of them has. A task that panics is started again with back-off, and the others never notice.
//!
//! It picks the driver by the kind of the device's map and knows nothing of what the drivers do.

use super::modbus::{Endpoint, SharedBus};
use super::sunspec::{Layouts, Lookup, MapChoice, peer_of};
use super::{DeviceSettings, registers, sunspec};
use crate::backoff::Backoff;
use crate::core::port::DriverPort;
use crate::device_map::MapKind;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// What a command under way may still take when the gateway stops.
const GRACE: Duration = Duration::from_millis(800);

/// The devices behind one connection.
struct Connection {
    endpoint: Endpoint,
    devices: Vec<(DeviceSettings, DriverPort)>,
    lookup: Lookup,
    choice: MapChoice,
    layouts: Arc<Layouts>,
}

/// Starts one task for each connection.
pub fn spawn(
    devices: Vec<DeviceSettings>,
    ports: &[DriverPort],
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
    lookup: &Lookup,
    choice: &MapChoice,
) {
    let layouts = Arc::new(Layouts::default());
    let mut places: HashMap<Endpoint, usize> = HashMap::new();
    let mut connections: Vec<Connection> = Vec::new();
    for device in devices {
        let Some(port) = ports.get(device.index.get()).cloned() else {
            tracing::error!(device = device.name, "device without a port is not driven");
            continue;
        };
        let Some(endpoint) = Endpoint::of(&device.link) else {
            tracing::error!(device = device.name, "this link is not one of Modbus: the device is not driven");
            continue;
        };
        let endpoint = endpoint.secured(device.tls.as_ref());
        let place = *places.entry(endpoint.clone()).or_insert_with(|| {
            let layouts = layouts.clone();
            let (lookup, choice) = (lookup.clone(), choice.clone());
            connections.push(Connection { endpoint, devices: Vec::new(), lookup, choice, layouts });
            connections.len() - 1
        });
        if let Some(connection) = connections.get_mut(place) {
            connection.devices.push((device, port));
        }
    }
    for connection in connections {
        tasks.spawn(supervise(Arc::new(connection), stop.clone()));
    }
}

async fn supervise(connection: Arc<Connection>, stop: CancellationToken) {
    let mut backoff = Backoff::field();
    loop {
        let inner = AbortOnDropHandle::new(tokio::spawn(run(connection.clone(), stop.clone())));
        match inner.await {
            Ok(()) => return,
            Err(error) => {
                tracing::error!(endpoint = %connection.endpoint, %error, "device task failed; it is started again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(backoff.next_delay()) => {}
        }
    }
}

async fn run(connection: Arc<Connection>, stop: CancellationToken) {
    let bus = SharedBus::new(connection.endpoint.clone());
    let stop = &stop;
    let Connection { lookup, choice, layouts, .. } = &*connection;
    let common = sunspec::Common { lookup, layouts, choice, stop };
    let mut devices = connection.devices.iter().map(|(settings, port)| {
        let mut peer = peer_of(settings.link.unit(), &settings.map.link);
        peer.lenient = settings.map.sunspec.lenient_header;
        let line = bus.line(peer);
        async move {
            match settings.map.kind {
                MapKind::Registers => registers::Device::new(settings, port, line, stop).run().await,
                MapKind::Sunspec | MapKind::Hybrid => {
                    sunspec::Device::new(settings, port, line, common).run().await;
                }
                MapKind::Dnp3 => {
                    let device = &settings.name;
                    tracing::error!(device, "a map of kind dnp3 at a Modbus link: the device is not driven");
                }
            }
        }
    });
    let all = async {
        // Mostly one: then there is nothing to be told apart at each wake.
        if connection.devices.len() == 1
            && let Some(only) = devices.next()
        {
            only.await;
        } else {
            devices.collect::<FuturesUnordered<_>>().for_each(|()| std::future::ready(())).await;
        }
    };
    tokio::select! {
        () = all => {}
        () = bus.keep_alive() => {}
        () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => {}
    }
}
