//! DNP3: the one home of the `dnp3` crate. Channels, associations, points, controls.
//!
//! The crate's licence allows neither production use nor passing it on, so this room is only there with the cargo feature
//! `dnp3` (README, "DNP3 and its licence").

mod association;
mod channel;
mod commands;
mod curve;
mod device;
mod diagnosis;
mod doubtful;
mod execute;
mod field;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod handler;
mod hearing;
mod image;
mod keep;
#[cfg(test)]
mod peer;
mod plan;
mod poll;
mod readings;
mod recognise;
mod sequence;
mod slow;
mod states;
mod status;
#[cfg(test)]
pub mod testing;
mod tls;
pub mod tools;
mod trace;
mod watch;

pub use association::Outstation;
pub use channel::{Channel, Place};
pub use commands::Commands;
pub use device::{Device, Rejoin};
pub use field::{
    Field, Identity, Indications, LinkState, News, OperateError, Operation, Output, Part, ReadError, Refusal,
    Seen, Source, Stamp,
};

use super::DeviceSettings;
use crate::core::port::DriverPort;
use crate::device_map::Maps;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Drives the devices of one place on one channel, until `stop` or the end of all of them. No two have the same link address.
pub async fn run(
    place: Place,
    devices: &[(DeviceSettings, DriverPort)],
    maps: &Arc<Maps>,
    stop: &CancellationToken,
) {
    let Some((first, _)) = devices.first() else { return };
    let channel = Channel::open(place, &first.map.link, first.tls.as_ref(), false).await;
    let mut joined = Vec::new();
    for (settings, port) in devices {
        if let Some(seat) = join(&channel, settings).await {
            joined.push((settings, port, seat));
        }
    }
    say_who_shares(&channel, &joined);
    channel.enable().await;
    let (channel, maps) = (&channel, &**maps);
    let tasks: FuturesUnordered<_> = joined
        .into_iter()
        .map(|(settings, port, seat)| drive(channel, (settings, port), seat, maps, stop))
        .collect();
    tasks.for_each(|()| std::future::ready(())).await;
}

/// Outstations on one connection share its time, which need not be so.
fn say_who_shares(channel: &Channel, joined: &[(&DeviceSettings, &DriverPort, Joined)]) {
    if channel.is_serial() || joined.len() < 2 {
        return;
    }
    let names: Vec<&str> = joined.iter().map(|(settings, ..)| settings.name.as_str()).collect();
    tracing::info!(
        endpoint = %channel.place(),
        devices = names.join(", "),
        "these outstations share one connection, and its time; channel=own in the link of each gives it one of its own, if the \
         end point takes several"
    );
}

type Joined = (Outstation, tokio::sync::mpsc::Receiver<News>);

async fn join(channel: &Channel, settings: &DeviceSettings) -> Option<Joined> {
    let Some((addresses, map)) = settings.link.dnp3().zip(settings.map.outstation.as_ref()) else {
        tracing::error!(
            device = settings.name,
            "the map of this device is not one of DNP3: it is not driven"
        );
        return None;
    };
    let patience = settings.map.link.response_timeout;
    let joined = channel.join(addresses, &map.session, patience).await;
    joined
        .inspect_err(|error| tracing::error!(device = settings.name, %error, "this device is not driven"))
        .ok()
}

/// Drives one device. If its map turns out to be another one, which wants another association, it begins again with that.
async fn drive(
    channel: &Channel,
    (settings, port): (&DeviceSettings, &DriverPort),
    mut seat: Joined,
    maps: &Maps,
    stop: &CancellationToken,
) {
    let mut settings = settings.clone();
    loop {
        let (outstation, news) = seat;
        let ended = Device::new(&settings, port, (&outstation, news), maps, stop).run().await;
        let Some(Rejoin { map, record }) = ended else { return };
        tracing::info!(device = settings.name, map = map.id, "its map wants another association");
        (settings.map, settings.record) = (map, Some(record));
        let Some(again) = join(channel, &settings).await else { return };
        seat = again;
    }
}
