//! One task a connection: devices behind the same host and port, or on the same serial line, share it, whatever driver
//! each of them has. A task that panics is started again with back-off, and the others never notice.
//!
//! It picks the driver by the kind of the device's map and knows nothing of what the drivers do.

use super::modbus::{Endpoint, SharedBus};
use super::sunspec::{Layouts, Lookup, MapChoice, peer_of};
use super::{DeviceSettings, registers, sunspec};
use crate::backoff::Backoff;
use crate::core::port::DriverPort;
use crate::device_map::{MapKind, Maps};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::HashMap;
use std::hash::Hash;
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

/// Starts one task for each connection of Modbus.
pub fn spawn(
    devices: Vec<DeviceSettings>,
    ports: &[DriverPort],
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
    lookup: &Lookup,
    choice: &MapChoice,
) {
    let layouts = Arc::new(Layouts::default());
    let place_of = |(device, _): &(DeviceSettings, DriverPort)| {
        Endpoint::of(&device.link).map(|endpoint| endpoint.secured(device.tls.as_ref()))
    };
    for (endpoint, devices) in grouped(with_ports(devices, ports), place_of) {
        let (lookup, choice, layouts) = (lookup.clone(), choice.clone(), layouts.clone());
        let place = endpoint.to_string();
        let connection = Arc::new(Connection { endpoint, devices, lookup, choice, layouts });
        tasks.spawn(supervise(place, stop.clone(), move |stop| run(connection.clone(), stop)));
    }
}

/// Starts one task for each connection of DNP3.
#[cfg(feature = "dnp3")]
pub fn spawn_dnp3(
    devices: Vec<DeviceSettings>,
    ports: &[DriverPort],
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
    maps: &Arc<Maps>,
) {
    use super::dnp3::{Place, run as drive};
    let devices = one_each(devices);
    let place_of = |(device, _): &(DeviceSettings, DriverPort)| {
        Place::of(&device.link).map(|place| (place, device.tls.clone()))
    };
    for ((place, _), devices) in grouped(with_ports(devices, ports), place_of) {
        let (devices, maps) = (Arc::new(devices), maps.clone());
        let words = place.to_string();
        let run = move |stop: CancellationToken| {
            let (place, devices, maps) = (place.clone(), devices.clone(), maps.clone());
            async move {
                let last = async {
                    stop.cancelled().await;
                    tokio::time::sleep(GRACE).await
                };
                tokio::select! {
                    () = drive(place, &devices, &maps, &stop) => {}
                    () = last => {}
                }
            }
        };
        tasks.spawn(supervise(words, stop.clone(), run));
    }
}

/// Of devices with the same link address at the same end point the first, whatever channels they have; a channel of its own
/// reaches the same outstation.
#[cfg(feature = "dnp3")]
fn one_each(mut devices: Vec<DeviceSettings>) -> Vec<DeviceSettings> {
    let mut known = std::collections::HashSet::new();
    devices.retain(|device| {
        let place = super::dnp3::Place::of(&device.link).zip(device.link.dnp3());
        let new = place.is_none_or(|(place, at)| known.insert((place.carrier, at.outstation)));
        if !new {
            tracing::error!(
                device = device.name,
                link = %device.link,
                "another device has this link address at the same end point: this one is not driven"
            );
        }
        new
    });
    devices
}

/// Says of each device that it cannot be reached by this program; the configuration has refused it before.
#[cfg(not(feature = "dnp3"))]
pub fn spawn_dnp3(
    devices: Vec<DeviceSettings>,
    _: &[DriverPort],
    _: &mut JoinSet<()>,
    _: &CancellationToken,
    _: &Arc<Maps>,
) {
    for device in devices {
        tracing::error!(
            device = device.name,
            "this program was built without DNP3: the device is not driven"
        );
    }
}

/// Each device with the port that belongs to it.
fn with_ports(devices: Vec<DeviceSettings>, ports: &[DriverPort]) -> Vec<(DeviceSettings, DriverPort)> {
    let with_port = devices.into_iter().filter_map(|device| {
        let Some(port) = ports.get(device.index.get()).cloned() else {
            tracing::error!(device = device.name, "device without a port is not driven");
            return None;
        };
        Some((device, port))
    });
    with_port.collect()
}

/// Devices of the same place together, in the order of their first.
fn grouped<P: Clone + Eq + Hash>(
    devices: Vec<(DeviceSettings, DriverPort)>,
    place_of: impl Fn(&(DeviceSettings, DriverPort)) -> Option<P>,
) -> Vec<(P, Vec<(DeviceSettings, DriverPort)>)> {
    let mut places: HashMap<P, usize> = HashMap::new();
    let mut groups: Vec<(P, Vec<(DeviceSettings, DriverPort)>)> = Vec::new();
    for device in devices {
        let Some(place) = place_of(&device) else {
            tracing::error!(device = device.0.name, "this link leads nowhere: the device is not driven");
            continue;
        };
        let group = *places.entry(place.clone()).or_insert_with(|| {
            groups.push((place, Vec::new()));
            groups.len() - 1
        });
        if let Some((_, devices)) = groups.get_mut(group) {
            devices.push(device);
        }
    }
    groups
}

/// Runs what drives a connection until it ends, and once more if it panics.
async fn supervise<F, R>(place: String, stop: CancellationToken, run: F)
where
    F: Fn(CancellationToken) -> R + Send,
    R: Future<Output = ()> + Send + 'static,
{
    let mut backoff = Backoff::field();
    loop {
        let inner = AbortOnDropHandle::new(tokio::spawn(run(stop.clone())));
        match inner.await {
            Ok(()) => return,
            Err(error) => {
                tracing::error!(endpoint = place, %error, "device task failed; it is started again");
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

#[cfg(test)]
mod tests;
